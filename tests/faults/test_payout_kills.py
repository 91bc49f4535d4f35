"""kill -9 inside freeze, file and result loading: nothing or everything, and the rerun gives the same digest and bytes.

A child of this process dies at each statement of the act in turn, until it comes to the end.
"""

import datetime as dt
import hashlib
import io
from collections.abc import Callable

import pytest
from django.db import transaction

from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds import tasks
from refunds.models.applications import Application
from refunds.models.bank_answers import AnswerLine, BankAnswer
from refunds.models.bank_files import BankFile, Chunk, FileOrder
from refunds.models.batches import Batch
from refunds.models.cases import Hold
from refunds.models.items import Item
from refunds.payouts import answers, batch_figures, batches, file_orders, files
from tests.background import due, run_due
from tests.faults.kills import run
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, maker, refused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cut_off")]

DAY = dt.date(2026, 1, 22)


def a_minute_later(model) -> None:
    """Move the times of a row back: one that took its workers down repeatedly pauses for a minute."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    model.objects.exclude(taken_at=None).update(taken_at=past, published_at=past)


def undone(act: Callable[[], object], look: Callable[[], object]) -> object:
    """The result of `look` after an `act` that is not killed; the changes are rolled back."""
    with transaction.atomic():
        act()
        state = look()
        transaction.set_rollback(True)
    return state


def test_freeze():
    for n in range(3):
        money.due(100_000 + n)
    by = maker()
    batch = batches.freeze(pay_on=DAY, user=by)
    expected = batch.digest
    batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")

    def freeze() -> Batch:
        return batches.freeze(pay_on=DAY, user=by)

    kills = 0
    while not run(freeze, kills + 1):
        kills += 1
        assert set(Item.objects.values_list("status", flat=True)) == {"VOID"}
        assert Batch.objects.get().status == "OPEN"
        assert not broken()
    assert kills > 12
    assert Batch.objects.get().digest == expected
    assert not broken()


def test_freeze_killed_after_the_commit():
    money.due(100_000)
    by = maker()
    assert not run(lambda: batches.freeze(pay_on=DAY, user=by), 0)
    digest = Batch.objects.get().digest
    refused("STATE", lambda: batches.freeze(pay_on=DAY, user=by))
    assert Batch.objects.get().digest == digest
    assert Item.objects.count() == 1
    assert not broken()


def stored() -> list[tuple[str, str, bytes]]:
    return [
        (file.message_id, file.sha256, b"".join(files.stored_bytes(file.message_id)))
        for file in BankFile.objects.order_by("part")
    ]


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_file(settings, monkeypatch, layout):
    settings.BANK_FILE_FORMAT, settings.BANK_FILE_MAX_ROWS = layout, 2
    monkeypatch.setattr(files, "CHUNK_BYTES", 512)  # several pieces to a file
    batch = money.approved(3)
    by = maker()

    def file() -> list[BankFile]:
        return files.create_files(batch_id=batch.pk, user=by)

    expected = undone(file, stored)
    kills = 0
    while not run(file, kills + 1):
        kills += 1
        assert (BankFile.objects.count(), Chunk.objects.count()) == (0, 0)
        assert set(batch.items.values_list("status", flat=True)) == {"QUEUED"}
    assert kills > 16
    assert stored() == expected
    assert [hashlib.sha256(content).hexdigest() == sha256 for _id, sha256, content in stored()] == [True, True]
    assert [item.status for item in money.items(batch)] == ["FILED"] * 3
    refused("STATE", file)
    assert not broken()


def test_file_killed_after_the_commit():
    batch = money.approved(2)
    by = maker()
    assert not run(lambda: files.create_files(batch_id=batch.pk, user=by), 0)
    before = stored()
    assert len(before) == 1
    refused("STATE", lambda: files.create_files(batch_id=batch.pk, user=by))
    assert stored() == before
    assert not broken()


def test_the_task_of_an_ordered_file(settings, monkeypatch):
    settings.BANK_FILE_MAX_ROWS = 2
    monkeypatch.setattr(files, "CHUNK_BYTES", 512)
    batch = money.approved(3)
    expected = undone(lambda: files.create_files(batch_id=batch.pk, user=maker()), stored)
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    kills = 0
    while not run(lambda: tasks.create_file(order.pk), kills + 1):
        kills += 1
        ended = FileOrder.objects.get().done_at is not None
        assert stored() == (expected if ended else [])
        assert set(batch.items.values_list("status", flat=True)) == {"FILED" if ended else "QUEUED"}
        if ended:
            break
        a_minute_later(FileOrder)
        assert [publication.pk for publication in due("money") if publication.model is FileOrder] == [order.pk]
    assert kills > 20
    run_due("money")
    tasks.create_file(order.pk)
    assert stored() == expected
    assert FileOrder.objects.get().refusal_code == ""
    assert not broken()


def test_the_task_of_a_file_that_is_made_again():
    _batch, file = money.handed_over(2)
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    expected = undone(lambda: files.replace_refused_file(file_id=file.pk, user=maker()), stored)
    order = file_orders.order_replacement(file_id=file.pk, user=maker())
    kills = 0
    while not run(lambda: tasks.create_file(order.pk), kills + 1):
        kills += 1
        ended = FileOrder.objects.get().done_at is not None
        assert stored() == (expected if ended else expected[:1])
        if ended:
            break
    assert kills > 15
    run_due("money")
    tasks.create_file(order.pk)
    assert stored() == expected
    assert not broken()


def test_a_refused_order_is_killed_anywhere_and_stays_refused():
    batch = money.approved(1)
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    User.objects.filter(pk=maker().pk).update(roles=[])
    kills = 0
    while not run(lambda: tasks.create_file(order.pk), kills + 1):
        kills += 1
    assert kills > 5
    assert FileOrder.objects.get().refusal_code == "ROLE"
    assert stored() == []


def test_a_count_that_is_killed_anywhere_is_counted_again():
    batch = money.frozen(2)
    kills = 0
    while not run(lambda: tasks.count_batch(batch.pk), kills + 1):
        kills += 1
        if batch_figures.current_figures(batch)[0] is not None:
            break
        assert batch_figures.due_figures().filter(pk=batch.pk).exists()
        # A person asks while nobody counts: that stays.
        if kills % 5 == 0:
            batch_figures.request_count(batch_id=batch.pk, user=maker())
    assert kills > 8
    run_due("money")
    assert batch_figures.current_figures(batch)[0].again["agrees"] is True


def test_staging_killed_anywhere_keeps_the_whole_file_or_nothing():
    batch, file = money.handed_over(1)
    content = money.pain002(file, [(money.items(batch)[0], "ACSC", "")])
    by, kept = maker(), len(Chunk.objects.all())
    kills = 0
    while not run(lambda: answers.stage(content=io.BytesIO(content), name="r.xml", user=by), kills + 1):
        kills += 1
        assert (BankAnswer.objects.count(), Chunk.objects.count()) == (0, kept)
    assert kills > 5
    answer = BankAnswer.objects.get()
    assert b"".join(files.stored_bytes(answer.sha256)) == content


def looked_at(batch: Batch) -> object:
    messages = Message.objects.filter(kind__startswith="payout.").order_by("kind", "person_index")
    return (
        list(batch.items.order_by("id").values_list("status", "code", "words")),
        list(messages.values_list("kind", "person_index")),
        list(Application.objects.order_by("id").values_list("status", flat=True)),
        Hold.objects.count(),
    )


def test_an_answer_killed_anywhere_between_staging_and_its_effect(monkeypatch):
    monkeypatch.setattr("refunds.payouts.answer_reading.SHARD", 2)
    batch, file = money.handed_over(5)
    first, second, third, fourth, _five = money.items(batch)
    content = money.pain002(
        file, [(first, "ACSC", ""), (second, "RJCT", "AC04"), (third, "ACSC", ""), (fourth, "RJCT", "AM04")]
    )
    money.to_pay_day()
    nothing = looked_at(batch)
    answer = answers.stage(content=io.BytesIO(content), name="r.xml", user=maker())
    kills = 0
    while not run(lambda: tasks.read_answer(answer.pk), kills + 1):
        kills += 1
        a_minute_later(BankAnswer)
        assert looked_at(batch) == nothing
        if not answers.unread().exists():
            break
    assert kills > 15
    run_due("money")
    answer.refresh_from_db()
    lines = list(AnswerLine.objects.filter(answer=answer.pk).values_list("number", "reference"))
    assert sorted(lines) == [(n, item.reference) for n, item in enumerate((first, second, third, fourth), 1)]
    assert (answer.paid, answer.returned, answer.absent) == (2, 2, 1)

    asked = {"asked_whom": "김 과장", "bank_said": "맞음"}
    kills, by = 0, checker()
    while not run(lambda: answers.confirm(answer_id=answer.pk, user=by, typed=2, **asked), kills + 1):
        kills += 1
        assert not answers.unapplied().exists()
    assert kills > 3
    assert looked_at(batch) == nothing
    expected = undone(lambda: answers.apply(BankAnswer.objects.get()), lambda: looked_at(batch))
    kills = 0
    while not run(lambda: tasks.apply_answer(answer.pk), kills + 1):
        kills += 1
        a_minute_later(BankAnswer)
        if not answers.unapplied().exists():
            break
        assert looked_at(batch) == nothing
    assert kills > 20
    run_due("money")
    tasks.apply_answer(answer.pk)
    assert looked_at(batch) == expected
    assert [item.status for item in money.items(batch)] == ["PAID", "RETURNED", "PAID", "RETURNED", "UNKNOWN"]
    refused("SAME_FILE", lambda: answers.stage(content=io.BytesIO(content), name="r.xml", user=maker()))
    assert not broken()
