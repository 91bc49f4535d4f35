"""Orders for files: a person gives one, the task makes the file or says why not, and nobody gives a second one."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds import tasks
from refunds.models.accounts import Account
from refunds.models.bank_files import BankFile, FileOrder
from refunds.models.batches import Batch
from refunds.payouts import batches, file_orders, files, guards
from tests.background import due, run_due
from tests.owner import as_owner
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, maker, refused
from tests.sessions import as_staff
from tests.threads import together

pytestmark = pytest.mark.usefixtures("cut_off")

MAKING = "은행 파일을 만들고 있습니다"
BUTTON = ">은행 파일 만들기</a>"


def act(batch: Batch) -> str:
    return reverse("admin:payouts:batch_action", args=[batch.pk, "file"])


def seen(batch: Batch, user: User | None = None, language: str = "ko") -> str:
    here = reverse("admin:payouts:batch", args=[batch.pk])
    response = as_staff(Client(), user or maker()).get(here, headers={"accept-language": language})
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def refused_file() -> tuple[Batch, BankFile]:
    batch, file = money.handed_over(2)
    content = money.pain002(file, [], group="RJCT", reason="AM10")
    money.load(content)
    file.refresh_from_db()
    batch.refresh_from_db()
    return batch, file


def test_an_order_becomes_a_file():
    batch = money.approved()
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    assert AuditEntry.objects.get(action="batch.file_ordered").object == f"batch:{batch.pay_on}"
    batch.refresh_from_db()
    assert (batch.status, BankFile.objects.count()) == ("APPROVED", 0)
    run_due("money")
    batch.refresh_from_db()
    order.refresh_from_db()
    file = BankFile.objects.get()
    assert (batch.status, file.made_by, order.refusal_code) == ("FILED", maker(), "")
    assert order.done_at is not None
    assert file_orders.last_order(batch) is None
    tasks.create_file(order.pk)
    assert BankFile.objects.count() == 1


def test_an_order_makes_a_refused_file_again():
    batch, file = refused_file()
    order = file_orders.order_replacement(file_id=file.pk, user=maker())
    assert AuditEntry.objects.filter(action="file.ordered_again").count() == 1
    page = seen(batch)
    assert MAKING in page
    assert "같은 건으로 다시 만들기" not in page
    run_due("money")
    order.refresh_from_db()
    batch.refresh_from_db()
    assert (order.refusal_code, batch.status, batch.files.count()) == ("", "FILED", 2)
    page = seen(batch)
    assert MAKING not in page
    assert "같은 건으로 다시 만들기" not in page, "it is made again already"
    refused("STATE", file_orders.order_replacement, file_id=file.pk, user=maker())


def test_roles_and_states_are_checked_before_anything_is_ordered():
    batch = money.frozen()
    refused("STATE", file_orders.order_files, batch_id=batch.pk, user=maker())
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    refused("ROLE", file_orders.order_files, batch_id=batch.pk, user=checker())
    (file,) = files.create_files(batch_id=batch.pk, user=maker())
    refused("STATE", file_orders.order_files, batch_id=batch.pk, user=maker())
    refused("STATE", file_orders.order_replacement, file_id=file.pk, user=maker())
    refused("ROLE", file_orders.order_replacement, file_id=file.pk, user=checker())
    assert FileOrder.objects.count() == 0
    assert AuditEntry.objects.filter(action__contains="order").count() == 0


def test_a_second_order_is_refused_politely():
    batch = money.approved()
    browser = as_staff(Client(), maker())
    browser.post(act(batch), {"confirmed": "yes"})
    page = browser.post(act(batch), {"confirmed": "yes"}, follow=True).content.decode()
    assert "이 회차의 파일을 이미 만들고 있습니다" in page
    assert FileOrder.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        FileOrder.objects.create(batch=batch, ordered_by=maker(), ordered_at=clock.now())
    run_due("money")
    page = browser.post(act(batch), {"confirmed": "yes"}, follow=True).content.decode()
    assert "승인된 회차만" in page
    assert (FileOrder.objects.count(), BankFile.objects.count()) == (1, 1)


def test_an_order_needs_a_fresh_second_factor(monkeypatch):
    batch = money.approved()
    monkeypatch.setattr("refunds.payouts.admin.pages.has_fresh_second_factor", lambda request: False)
    late = as_staff(Client(), maker()).post(act(batch), {"confirmed": "yes"})
    assert late.url.startswith(reverse("mfa_reauthenticate"))
    assert FileOrder.objects.count() == 0


def test_the_page_says_that_the_file_is_made_and_offers_no_second_order():
    batch = money.approved()
    money.count_figures()
    assert BUTTON in seen(batch)
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    response = as_staff(Client(), maker()).get(reverse("admin:payouts:batch", args=[batch.pk]))
    assert "Refresh" in response
    page = seen(batch)
    assert MAKING in page
    assert BUTTON not in page
    assert "다시 열기" in page, "nobody has begun: it can be sent back"
    assert "The bank file is being made" in seen(batch, language="en")
    FileOrder.objects.update(taken_at=clock.now())
    assert "다시 열기" not in seen(batch)
    tasks.create_file(order.pk)
    money.count_figures()
    page = seen(batch)
    assert MAKING not in page
    assert BankFile.objects.get().name in page


def test_an_order_whose_person_lost_the_role_is_refused():
    batch = money.approved()
    file_orders.order_files(batch_id=batch.pk, user=maker())
    User.objects.filter(pk=maker().pk).update(is_active=False)
    run_due("money")
    order = FileOrder.objects.get()
    assert (order.refusal_code, order.done_at is not None, BankFile.objects.count()) == ("ROLE", True, 0)
    page = seen(batch, checker())
    assert "이제 이 일을 맡고 있지 않아" in page
    assert "no longer has this duty" in seen(batch, checker(), "en")


def test_a_payment_that_the_layout_cannot_hold_is_named():
    batch = money.approved()
    item = money.items(batch)[1]
    file_orders.order_files(batch_id=batch.pk, user=maker())
    Account.objects.filter(pk=item.account_id).update(
        number_enc=None, holder_name_enc=None, holder_birth_enc=None, wiped_at=clock.now()
    )
    run_due("money")
    order = FileOrder.objects.get()
    assert order.refusal_values == {"reference": item.reference, "why": "the account was wiped"}
    page = seen(batch)
    assert f"{item.reference}: 이 양식에 쓸 수 없어" in page
    assert BUTTON in page
    assert f"{item.reference}: the file was not made" in seen(batch, language="en")
    batches.take_out(item_ids=[item.pk], user=maker(), reason="삭제된 계좌")
    assert "이 양식에 쓸 수 없어" not in seen(batch)


def test_a_changed_batch_is_not_filed():
    batch = money.approved()
    file_orders.order_files(batch_id=batch.pk, user=maker())
    item = money.items(batch)[0]
    money.tamper("refunds_item", "UPDATE refunds_item SET amount_krw = amount_krw - 1 WHERE id = %s", item.pk)
    run_due("money")
    assert FileOrder.objects.get().refusal_code == "CHANGED"
    assert BankFile.objects.count() == 0
    assert "승인한 내용과 달라" in seen(batch)


def test_a_batch_that_is_sent_back_takes_its_order_along():
    batch = money.approved()
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    lost = [publication for publication in due("money") if publication.pk == order.pk]
    batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")
    batch = batches.freeze(pay_on=batch.pay_on, user=maker())
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    for publication in lost:
        publication.task(publication.pk)
    run_due("money")
    assert BankFile.objects.count() == 0, "nobody ordered the file of the second approval"
    file_orders.order_files(batch_id=batch.pk, user=maker())
    run_due("money")
    assert BankFile.objects.count() == 1


def test_an_order_that_was_overtaken_is_refused_and_not_shown():
    batch = money.approved()
    file_orders.order_files(batch_id=batch.pk, user=maker())
    files.create_files(batch_id=batch.pk, user=maker())
    run_due("money")
    batch.refresh_from_db()
    assert FileOrder.objects.get().refusal_code == "STATE"
    assert (BankFile.objects.count(), file_orders.last_order(batch)) == (1, None)


def test_a_fault_is_tried_again_and_the_page_says_so(monkeypatch):
    batch = money.approved()
    file_orders.order_files(batch_id=batch.pk, user=maker())

    def broken(*args, **kwargs):
        raise OSError("disk")

    monkeypatch.setattr(files, "store_bytes", broken)
    run_due("money")
    monkeypatch.undo()
    assert "몇 분 안에 다시 시도합니다" in seen(batch)
    FileOrder.objects.update(retry_at=clock.now())
    tasks.create_file(FileOrder.objects.get().pk)
    assert BankFile.objects.count() == 1


def test_the_database_keeps_an_order_as_it_was_given():
    batch = money.approved()
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    for change in ({"ordered_by": checker()}, {"refusal_code": "ROLE"}):
        with pytest.raises(Exception, match=r"Cannot update|file_order_refused"), transaction.atomic():
            FileOrder.objects.filter(pk=order.pk).update(**change)
    run_due("money")
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        FileOrder.objects.update(done_at=None)
    with pytest.raises(Exception, match="Cannot delete"), transaction.atomic(), as_owner():
        FileOrder.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_and_two_tasks_at_once_make_one_file():
    batch, by = money.approved(), maker()

    def click() -> str:
        try:
            file_orders.order_files(batch_id=batch.pk, user=by)
        except guards.Refused as refusal:
            return refusal.code
        return ""

    assert sorted(together(click, click, click)) == ["", "STATE", "STATE"]
    order = FileOrder.objects.get()
    together(*[lambda: tasks.create_file(order.pk)] * 3)
    assert BankFile.objects.count() == 1
    order.refresh_from_db()
    assert (order.refusal_code, order.attempts) == ("", 1)
