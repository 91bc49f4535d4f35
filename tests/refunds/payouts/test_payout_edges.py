"""Every edge of batches, parts and items (docs/architecture.md#states), legal and illegal, against the database."""

import csv
from pathlib import Path

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from django.urls import reverse

from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import batches, files
from tests.owner import as_owner
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, maker, refused
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")

with (Path(__file__).parents[2] / "cases" / "payout_edges.csv").open() as rows:
    EDGES = [(row["table"], row["before"], row["after"]) for row in csv.DictReader(rows)]
TABLES = {"batch": Batch, "part": BankFile, "item": Item}
# The conditions of a row in each state are checked elsewhere; here only the way from one to the other counts.
CHECKS = {
    "batch": ("batch_prepared", "batch_approved"),
    "part": ("bank_file_handed_over", "bank_file_approved"),
    "item": ("item_in_file", "item_answered"),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_database_knows_the_edges_of_the_table_and_no_other(name):
    model = TABLES[name]
    money.filed(1)
    table, key = model._meta.db_table, model.objects.get().pk
    wrong = []
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for check in CHECKS[name]:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
        for before in model.Status.values:
            for after in set(model.Status.values) - {before}:
                money.tamper(table, f"UPDATE {table} SET status = %s WHERE id = %s", before, key)
                taken = True
                try:
                    with transaction.atomic():
                        cursor.execute(f"UPDATE {table} SET status = %s WHERE id = %s", [after, key])
                        transaction.set_rollback(True)
                except Error as error:
                    taken = "no way leads" not in str(error)
                if taken != ((name, before, after) in EDGES):
                    wrong.append((before, after, taken))
    assert wrong == []


def insert(file: BankFile, **values: object) -> None:
    copy = BankFile.objects.get(pk=file.pk)
    copy.pk, copy.part, copy.message_id = None, 90, "other"
    for field, value in values.items():
        setattr(copy, field, value)
    with transaction.atomic():
        copy.save(force_insert=True)


def refused_part() -> tuple[Batch, BankFile, BankFile]:
    """A batch whose only part the bank refused, that part, and the part made again."""
    batch, file = money.handed_over(2)
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    return batch, BankFile.objects.get(pk=file.pk), again


def test_the_first_parts_start_approved_and_a_part_made_again_starts_made():
    _batch, first, again = refused_part()
    assert (again.status, again.approved_by, again.made_person) == ("MADE", None, maker().person_index)
    for values in (
        {"replaces": None, "status": "MADE"},
        {"replaces": None, "status": "HANDED_OVER"},
        {"replaces": first, "status": "APPROVED", "handed_over_by": None, "handed_over_at": None},
        {"replaces": first, "status": "HANDED_OVER"},
    ):
        with pytest.raises(Error):
            insert(first, **values)


def test_another_person_approves_a_part_made_again():
    _batch, _first, again = refused_part()
    good = {"file_id": again.pk, "user": checker(), "typed_total": again.won, "sha256": again.sha256}
    refused("ROLE", files.approve_part, **{**good, "user": maker()})
    refused("SAME_PERSON", files.approve_part, **{**good, "user": money.user("second", "checker", person="maker")})
    refused("TOTAL", files.approve_part, **{**good, "typed_total": again.won - 1})
    refused("CHANGED", files.approve_part, **{**good, "sha256": "0" * 64})
    done = files.approve_part(**good)
    assert (done.status, done.approved_by, done.approved_person) == ("APPROVED", checker(), checker().person_index)
    refused("STATE", files.approve_part, **good)
    assert not broken()


def test_the_database_refuses_one_person_as_maker_and_checker_of_a_part():
    _batch, _first, again = refused_part()
    for by, person in (
        (str(maker().pk), "'x'::bytea"),
        (str(checker().pk), "made_person"),
        (str(checker().pk), "NULL"),
        ("NULL", "'x'::bytea"),
    ):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE refunds_bank_file SET status = 'APPROVED', approved_by_id = {by}, approved_person = {person},"
                " approved_at = now() WHERE status = 'MADE'"
            )
    again.refresh_from_db()
    assert again.status == "MADE"


@pytest.mark.parametrize("act", ["send back", "take out"])
def test_a_filed_batch_opens_again_while_no_part_is_at_the_bank(settings, act):
    settings.BANK_FILE_MAX_ROWS = 1
    batch, parts = money.filed(2)
    first, second = money.items(batch)
    if act == "send back":
        batches.send_back(batch_id=batch.pk, user=checker(), reason="한 번 더")
    else:
        batches.take_out(item_ids=[first.pk], user=maker(), reason="보류")
    batch.refresh_from_db()
    assert (batch.status, batch.approved_by, batch.digest) == ("OPEN", None, "")
    assert set(BankFile.objects.values_list("status", flat=True)) == {"DISCARDED"}
    # A payment that was taken back keeps the part it was in.
    assert list(batch.items.order_by("id").values_list("status", "file")) == [("VOID", part.pk) for part in parts]
    assert not broken()
    refused("STATE", money.hand_over, file=parts[0])
    again = batches.freeze(pay_on=batch.pay_on, user=maker())
    assert again.count == (2 if act == "send back" else 1)
    batches.approve(batch_id=again.pk, user=checker(), typed_total=again.won, digest=again.digest)
    made = files.create_files(batch_id=again.pk, user=maker())
    assert [part.part for part in made] == ([3, 4] if act == "send back" else [3])
    for part in made:
        money.hand_over(part)
    again.refresh_from_db()
    assert again.handed_over
    assert second.reference in {item.reference for item in money.items(again)}
    assert not broken()


def test_no_batch_opens_again_with_a_part_at_the_bank(settings):
    settings.BANK_FILE_MAX_ROWS = 1
    batch, (one, two) = money.filed(2)
    money.hand_over(one)
    refused("STATE", batches.send_back, batch_id=batch.pk, user=checker(), reason="늦었다")
    refused("STATE", batches.take_out, item_ids=[two.items.get().pk], user=maker(), reason="늦었다")
    for statement in (
        "UPDATE refunds_item SET status = 'VOID' WHERE status = 'FILED'",
        "UPDATE refunds_batch SET status = 'OPEN', count = NULL, won = NULL, hash_total = NULL, digest = '',"
        " prepared_by_id = NULL, prepared_person = NULL, approved_by_id = NULL, approved_person = NULL,"
        " approved_digest = ''",
    ):
        with pytest.raises(Error, match=r"discarded|in force"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_batch_with_a_refused_part_opens_again_once_the_part_is_made_again():
    batch, file = money.handed_over(2)
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    refused("STATE", batches.send_back, batch_id=batch.pk, user=checker(), reason="다시")
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    batches.take_out(item_ids=[money.items(batch)[0].pk], user=maker(), reason="보류")
    again.refresh_from_db()
    assert again.status == "DISCARDED"
    assert not broken()
    later = batches.freeze(pay_on=batch.pay_on, user=maker())
    assert (later.count, later.stage) == (1, "FROZEN")
    batches.approve(batch_id=later.pk, user=checker(), typed_total=later.won, digest=later.digest)
    (part,) = files.create_files(batch_id=later.pk, user=maker())
    assert (part.part, part.status) == (3, "APPROVED")
    assert not broken()


def test_the_checker_sees_both_parts_and_the_refusal_before_the_approval():
    batch, first, again = refused_part()
    url = reverse("admin:payouts:file_approve", args=[again.pk])
    assert as_staff(Client(), maker()).get(url).status_code == 403
    batch_url = reverse("admin:payouts:batch", args=[batch.pk])
    assert "은행에 전달함" not in as_staff(Client(), maker()).get(batch_url).content.decode()
    desk = as_staff(Client(), checker())
    assert url in desk.get(batch_url).content.decode()
    page = desk.get(url).content.decode()
    for shown in (first.name, again.name, first.sha256[-8:], again.sha256[-8:], "AM10 no"):
        assert shown in page
    good = {"total": str(again.won), "sha256": again.sha256}
    assert desk.post(url, {**good, "total": "1"}).status_code == 400
    desk.post(url, {**good, "sha256": "0" * 64})
    again.refresh_from_db()
    assert again.status == "MADE"
    assert "승인했습니다" in desk.post(url, good, follow=True).content.decode()
    again.refresh_from_db()
    assert again.status == "APPROVED"
    assert desk.get(url).url == batch_url  # nothing is left to approve


def test_one_person_does_not_see_the_form_of_their_own_part():
    _batch, _first, again = refused_part()
    both = money.user("both", "checker", person="maker")
    page = as_staff(Client(), both).get(reverse("admin:payouts:file_approve", args=[again.pk])).content.decode()
    assert "만들지 않은 사람이 승인합니다" in page
    assert 'name="total"' not in page
