"""Refunds sent outside the rounds: two people, once, never beside a round, and paid for everybody who asks."""

import datetime as dt
import io
import json
import zipfile

import openpyxl
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from eligibility.models import Bill, Line
from kt_remedy.notices.models import Message
from refunds import balance, banks
from refunds.applications import change, documents, presenters, queries, reviews
from refunds.applications.transitions import Refused as Kept
from refunds.models.applications import Application
from refunds.models.cases import OfflinePayment
from refunds.models.items import Item
from refunds.payouts import audit_bundle, batches, cases, offline, overview, settlement, wipe
from tests.owner import as_owner
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, due, maker, refused
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")

DAY = dt.date(2026, 1, 22)


def abroad(**line) -> Application:
    """An approved application of somebody without an account in Korea."""
    holder = make.customer()
    return make.application(make.line(holder, **line), to=make.account(holder, outcome="OFFLINE", bank=banks.OFFLINE))


def payment_fields(**given):
    return {"way": "OVERSEAS", "paid_on": dt.date(2026, 1, 20), "reference": "FX-1", "amount_krw": 160_130, **given}


def recorded(row: Application, **given) -> OfflinePayment:
    return offline.record(application_id=row.pk, user=maker(), **payment_fields(**given))


def confirmed(row: Application) -> OfflinePayment:
    return offline.decide(payment_id=recorded(row).pk, user=checker(), confirm=True)


def test_recorded_by_one_confirmed_by_another_and_paid_for_its_customer():
    row = abroad()
    (view,) = presenters.present([row])
    assert (view.paid, view.can_withdraw, view.can_change_account) == (False, True, True)
    made = recorded(row)
    (view,) = presenters.present([row])
    assert (view.paid, view.can_withdraw, view.can_change_account) == (False, False, False)
    refused("ROLE", offline.decide, payment_id=made.pk, user=maker(), confirm=True)
    both = money.user("both", "checker", person="maker")
    refused("SAME_PERSON", offline.decide, payment_id=made.pk, user=both, confirm=True)
    offline.decide(payment_id=made.pk, user=checker(), confirm=True)
    refused("STATE", offline.decide, payment_id=made.pk, user=checker(), confirm=True)
    (view,) = presenters.present([row])
    assert (view.paid, view.won, view.label) == (True, 160_130, "받으신 금액")
    assert "에 보내 드렸습니다" in view.headline
    assert [step.state for step in view.timeline][-1] == "done"
    news = queries.summaries_of([row.line_id])[row.line_id]
    assert (news.item_status, news.item_pay_on) == ("SENT", dt.date(2026, 1, 20))
    assert Message.objects.filter(kind="payout.offline").count() == 1
    assert balance.of(row.pk).outside == 160_130
    assert broken() == {}


def test_a_number_given_up_since_is_not_told():
    row = abroad()
    ended = make.line(make.customer(), terminated="2026-01-20T09:00+09:00", termination_reason="CANCEL")
    filing = row.filing
    filing.contact = ended.msisdn
    filing.save()
    confirmed(row)
    message = Message.objects.get(kind="payout.offline")
    assert (message.state, message.reason) == ("FAILED", "NO_NUMBER")


def test_no_round_takes_it_and_nothing_about_it_changes():
    row = abroad()
    made = recorded(row)
    better = make.account(row.line.customer)
    person = bytes(row.filing.person_index)
    for act in (
        lambda: change.withdraw(application_id=row.pk, person_index=person),
        lambda: change.change_account(application_id=row.pk, account_id=better.pk, person_index=person),
        lambda: reviews.undo(application_id=row.pk, reviewer=money.user("reviewer", "reviewer"), reason="다시"),
    ):
        with pytest.raises(Kept) as error:
            act()
        assert error.value.code == "FROZEN"
    refused("STATE", offline.record, application_id=row.pk, user=maker(), **payment_fields(reference="FX-2"))
    batch = money.frozen(1)
    assert batch.excluded == {"OFFLINE": [1, 160_130]}  # not confirmed yet: it is not forgotten
    batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")
    offline.decide(payment_id=made.pk, user=checker(), confirm=True)
    batch = batches.freeze(pay_on=DAY, user=maker())
    assert (batch.count, batch.excluded) == (1, {})
    assert broken() == {}


def test_a_record_that_is_declined_lets_it_go_on():
    row = abroad()
    made = recorded(row)
    refused("REASON", offline.decide, payment_id=made.pk, user=checker(), confirm=False)
    offline.decide(payment_id=made.pk, user=checker(), confirm=False, reason="영수증이 없음")
    assert not presenters.present([row])[0].paid
    recorded(row)  # the receipt of a declined record may be written down again
    assert broken() == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"amount_krw": 160_131}, "AMOUNT"),
        ({"amount_krw": 160_129}, "AMOUNT"),
        ({"reference": "  "}, "REASON"),
        ({"paid_on": dt.date(2026, 1, 15)}, "DATE"),
        ({"paid_on": dt.date(2026, 1, 21)}, "DATE"),
    ],
)
def test_what_does_not_fit_is_not_recorded(given, code):
    refused(code, offline.record, application_id=abroad().pk, user=maker(), **payment_fields(**given))
    assert not OfflinePayment.objects.exists()


def test_it_waits_for_whatever_a_round_would_wait_for():
    row = abroad()
    cases.hold(application_id=row.pk, user=maker(), reason="확인")
    refused("STATE", offline.record, application_id=row.pk, user=maker(), **payment_fields())
    cases.release(application_id=row.pk, user=maker(), reason="끝")
    Bill.objects.filter(line=row.line_id).update(refunded_krw=130)
    refused("AMOUNT", offline.record, application_id=row.pk, user=maker(), **payment_fields(amount_krw=160_000))
    Line.objects.filter(pk=row.line_id).update(reasons="UNPAID", refundable_krw=160_000)
    refused("STATE", offline.record, application_id=row.pk, user=maker(), **payment_fields(amount_krw=160_000))
    Line.objects.filter(pk=row.line_id).update(reasons="", decided_outcome="NOT_ELIGIBLE")
    refused("STATE", offline.record, application_id=row.pk, user=maker(), **payment_fields(amount_krw=160_000))
    refused("STATE", offline.record, application_id=due().pk, user=maker(), **payment_fields())
    own = money.user("own", "maker")
    type(own).objects.filter(pk=own.pk).update(person_index=row.filing.person_index)
    own.refresh_from_db()
    refused("OWN_CASE", offline.record, application_id=row.pk, user=own, **payment_fields())


def test_a_receipt_stands_for_one_refund():
    recorded(abroad())
    refused("RECEIPT", offline.record, application_id=abroad().pk, user=maker(), **payment_fields())


def test_the_database_refuses_it_beside_a_round_whoever_types():
    row = money.items(money.frozen(1))[0].application
    fields = payment_fields(
        application=row, account=row.account, bills_digest=b"", refundable_items=[], recorded_by=maker()
    )
    with pytest.raises(DatabaseError, match="is in a round"), transaction.atomic():
        OfflinePayment.objects.create(**fields, recorded_person=b"x", recorded_at=row.status_since)
    away = abroad()
    made = confirmed(away)
    item = Item.objects.first()
    item.pk, item.application, item.reference, item.status = None, away, "R0-1", "QUEUED"
    with pytest.raises(DatabaseError, match="sent outside the rounds"), transaction.atomic():
        item.save(force_insert=True)
    for statement in (
        "UPDATE refunds_manual_payment SET amount_krw = 1",
        "UPDATE refunds_manual_payment SET status = 'RECORDED', decided_by_id = NULL",
        "UPDATE refunds_manual_payment SET status = 'DECLINED'",
        "DELETE FROM refunds_manual_payment",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), as_owner(), connection.cursor() as cursor:
            cursor.execute(statement)
    made.refresh_from_db()
    assert (made.status, made.amount_krw) == ("CONFIRMED", 160_130)


@pytest.mark.parametrize(
    ("table", "statement", "found"),
    [
        ("refunds_application", "UPDATE refunds_application SET status = 'WITHDRAWN'", {"I3": 1, "I5": 1}),
        ("refunds_manual_payment", "UPDATE refunds_manual_payment SET amount_krw = 1", {"I12": 1}),
        ("refunds_manual_payment", "UPDATE refunds_manual_payment SET status = 'DECLINED'", {"I3": 1}),
        ("refunds_manual_payment", "UPDATE refunds_manual_payment SET decided_at = '2026-01-01'", {"I7": 1}),
        ("refunds_manualpaymentevent", "UPDATE refunds_manualpaymentevent SET status = 'CONFIRMED'", {"I6": 1}),
    ],
)
def test_each_breach_is_found_by_its_invariant(table, statement, found):
    row = abroad()
    confirmed(row)
    if "application" in table:
        found = {"I5": 1}  # put there by SQL alone: it has no decision to differ from
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert broken() == found


def test_it_is_in_the_sheet_and_in_the_bundle():
    row = abroad()
    recorded(row)
    assert any("따로 보낸 지급 확인 1건" in duty.text for duty in overview.duties())
    offline.decide(payment_id=OfflinePayment.objects.get().pk, user=checker(), confirm=True)
    out = io.BytesIO()
    settlement.write_sheet(to=out, user=maker(), reason="정산")
    page = openpyxl.load_workbook(out)["따로 보낸 지급"]
    assert [cell.value for cell in page[2]][4:7] == ["FX-1", 160_130, "지급됨"]
    assert page["F3"].value == 160_130
    packed = zipfile.ZipFile(io.BytesIO(audit_bundle.build_bundle(application_id=row.pk, clear=False)))
    (one,) = json.loads(packed.read("offline-payments.json"))
    assert (one["status"], one["amount_krw"], "recorded_person" in one) == ("CONFIRMED", 160_130, False)
    assert len(json.loads(packed.read("offline-payment-events.json"))) == 2


def test_it_is_over_for_the_wipe(at, settings):
    row = abroad()
    confirmed(row)
    at("2030-01-01T10:00+09:00")
    wipe.wipe()
    row.account.refresh_from_db()
    assert row.account.wiped_at
    assert documents.wipe() == 0


def test_the_pages_of_the_two_people(monkeypatch):
    row = abroad()
    maker_, checker_ = as_staff(Client(), maker()), as_staff(Client(), checker())
    case = reverse("admin:payouts:application", args=[row.pk])
    act = reverse("admin:payouts:application_action", args=[row.pk, "offline"])
    assert "따로 보낸 지급 적기" in maker_.get(case).content.decode()
    assert "160,130원" in maker_.get(act).content.decode().replace("\u2060", "").replace("\u00a0", " ")
    assert maker_.post(act, {"way": ""}).status_code == 400
    posted = payment_fields(paid_on="2026-01-20", amount_krw="1")
    assert "금액과 다릅니다" in maker_.post(act, posted, follow=True).content.decode()
    maker_.post(act, posted | {"amount_krw": "160130"})
    made = OfflinePayment.objects.get()
    assert "이미 따로 보낸 기록" in maker_.get(act, follow=True).content.decode()
    assert act not in maker_.get(case).content.decode()
    here = reverse("admin:payouts:offline_payment", args=[made.pk])
    yes = reverse("admin:payouts:offline_payment_action", args=[made.pk, "confirm"])
    assert yes not in maker_.get(here).content.decode()
    assert maker_.post(yes).status_code == 403
    assert yes in checker_.get(here).content.decode()
    assert checker_.post(here).status_code == 403
    with monkeypatch.context() as late:
        late.setattr("refunds.payouts.admin.pages.has_fresh_second_factor", lambda request: False)
        assert checker_.post(yes, {"confirmed": "yes"}).url.startswith(reverse("mfa_reauthenticate"))
    checker_.post(yes, {"confirmed": "yes"})
    made.refresh_from_db()
    assert made.status == "CONFIRMED"
    listed = checker_.get(reverse("admin:refunds_offlinepayment_changelist")).content.decode()
    assert row.filing.reference in listed
    assert "FX-1" in checker_.get(case).content.decode()
