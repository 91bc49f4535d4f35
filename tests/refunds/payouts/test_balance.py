"""One balance: what is sent, corrected and claimed never passes what is still due (D-63)."""

import datetime as dt
from unittest.mock import patch

import pytest
from django.db import IntegrityError, connection, transaction

from eligibility.models import Bill
from kt_remedy.core import clock, programme
from refunds import balance
from refunds.applications import change, objections
from refunds.models.cases import Adjustment
from refunds.models.items import Item
from refunds.models.statements import MoneyBack
from refunds.payouts import batches, cases, files, independent_check
from tests.owner import as_owner
from tests.refunds import make, reviewing
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, due, maker, refused, tamper

pytestmark = pytest.mark.usefixtures("cut_off")

ROUNDS = [("2026-01-20T18:00+09:00", "2026-01-22"), ("2026-02-03T18:00+09:00", "2026-02-05")]
ROUNDS += [("2026-02-12T18:00+09:00", "2026-02-19"), ("2026-02-24T18:00+09:00", "2026-02-26")]


@pytest.fixture(autouse=True)
def returns_count_at_once(settings):
    """These stories are about the balance; test_statements.py waits for the statement of each return (D-95)."""
    settings.RETURNS_NEED_STATEMENT = False


def supervisor():
    return money.user("supervisor", "supervisor")


def load(file, *rows):
    return money.load(money.pain002(file, list(rows)))


class Rounds:
    """Takes an application from round to round."""

    def __init__(self, at) -> None:
        self.at, self.left = at, iter(ROUNDS)

    def sent(self) -> list[Item]:
        """The items of the next round, handed over to the bank."""
        cut_off, pay_on = next(self.left)
        self.at(cut_off)
        batch = batches.freeze(pay_on=dt.date.fromisoformat(pay_on), user=maker())
        batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
        for file in files.create_files(batch_id=batch.pk, user=maker()):
            money.hand_over(file)
        assert broken() == {}
        return list(Item.objects.filter(batch=batch).select_related("file").order_by("id"))

    def paid(self) -> list[Item]:
        """The same, paid by the bank."""
        items = self.sent()
        load(items[0].file, *((item, "ACSC", "") for item in items))
        return items


def mended(row) -> None:
    """The customer gives another account after a return; the hold after it is over by the next round."""
    to = make.account(row.line.customer, number=f"220{row.pk:09}")
    change.change_account(application_id=row.pk, account_id=to.pk, person_index=bytes(row.filing.person_index))


def corrected(row, won: int, cause: str = "CORRECTED_BILL") -> Adjustment:
    made = cases.propose_adjustment(application_id=row.pk, amount_krw=won, user=maker(), reason="정정", cause=cause)
    return cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)


# Returns after corrections and recoveries -----------------------------------------------------------------------------


def test_a_corrected_refund_that_comes_back_is_sent_less_the_correction(at):
    rounds, row = Rounds(at), due(100_000)
    (refund,) = rounds.paid()
    money.billed(row, 20_000)
    corrected(row, 20_000)
    (extra,) = rounds.paid()
    assert (extra.kind, extra.amount_krw, extra.allowed_krw) == ("ADJUSTMENT", 20_000, 20_000)
    load(refund.file, (refund, "RJCT", "AC04"))
    mended(row)
    (again,) = rounds.sent()
    assert (again.kind, again.attempt, again.amount_krw, again.allowed_krw) == ("REFUND", 2, 100_000, 100_000)
    assert again.movements.split("\n") == [f"sent|{extra.reference}|20000", f"returned|{refund.reference}|100000"]
    load(again.file, (again, "ACSC", ""))
    left = balance.of(row.pk)
    assert (left.owed, left.paid, left.corrected, left.returned, left.due) == (120_000, 100_000, 20_000, 100_000, 0)
    assert broken() == {}


def test_a_return_counts_once_its_money_is_back(at, settings):
    rounds, row = Rounds(at), due(100_000)
    (refund,) = rounds.paid()
    money.billed(row, 20_000)
    corrected(row, 20_000)
    (extra,) = rounds.paid()
    settings.RETURNS_NEED_STATEMENT = True
    load(refund.file, (refund, "RJCT", "AB08"))
    load(extra.file, (extra, "RJCT", "AB08"))
    left = balance.of(row.pk)
    assert (left.at_bank, left.returned, left.promised, left.due) == (120_000, 0, 0, 0)
    assert (left.payable, left.expected) == (0, 100_000)
    assert broken() == {}
    MoneyBack.objects.create(item=refund, at=clock.now())
    left = balance.of(row.pk)
    assert (left.at_bank, left.returned, left.promised, left.due) == (20_000, 100_000, 0, 100_000)
    MoneyBack.objects.create(item=extra, at=clock.now())
    left = balance.of(row.pk)
    assert (left.at_bank, left.returned, left.promised, left.due, left.payable) == (
        0,
        120_000,
        20_000,
        120_000,
        100_000,
    )
    assert [(item.kind, item.amount_krw) for item in rounds.sent()] == [("REFUND", 100_000), ("ADJUSTMENT", 20_000)]
    assert broken() == {}


def test_what_was_recovered_is_sent_again_when_the_refund_comes_back(at):
    rounds, row = Rounds(at), due(120_000)
    (refund,) = rounds.paid()
    money.billed(row, -20_000)
    claim = corrected(row, 20_000, "OVERPAID")
    cases.recovered(adjustment_id=claim.pk, user=maker(), reason="고객 송금")
    assert balance.of(row.pk).due == 0
    load(refund.file, (refund, "RJCT", "AC04"))
    mended(row)
    (again,) = rounds.paid()
    # One payment is larger than what is owed; what the customer keeps is not.
    assert (again.amount_krw, again.allowed_krw) == (120_000, 120_000)
    assert balance.of(row.pk).kept == 100_000
    assert broken() == {}


def test_a_correction_that_is_promised_is_not_sent_with_the_refund_too(at):
    rounds, row = Rounds(at), due(100_000)
    (refund,) = rounds.paid()
    money.billed(row, 20_000)
    load(refund.file, (refund, "RJCT", "AB08"))  # rides again by itself
    refused("STATE", cases.propose_adjustment, application_id=row.pk, amount_krw=1, user=maker(), reason="정정")
    (again,) = rounds.paid()
    assert again.amount_krw == 120_000


def test_refund_and_correction_of_one_round_share_what_is_due(at):
    rounds, row = Rounds(at), due(100_000)
    (refund,) = rounds.paid()
    money.billed(row, 20_000)
    corrected(row, 20_000)
    load(refund.file, (refund, "RJCT", "AB08"))
    assert [(item.kind, item.amount_krw, item.allowed_krw) for item in rounds.sent()] == [
        ("REFUND", 100_000, 120_000),
        ("ADJUSTMENT", 20_000, 120_000),
    ]


def test_a_correction_that_later_bills_leave_no_money_for_waits_for_a_person(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    money.billed(row, 20_000)
    made = corrected(row, 20_000)
    money.billed(row, -5_000)
    other = due(50_000)
    assert [item.application_id for item in rounds.sent()] == [other.pk]
    refused("REASON", cases.decide_adjustment, adjustment_id=made.pk, user=checker(), approve=False)
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=False, reason="청구서가 다시 바뀜")
    corrected(row, 15_000)
    assert [item.amount_krw for item in rounds.sent()] == [15_000]
    assert broken() == {}


# Limits ---------------------------------------------------------------------------------------------------------------


def test_no_correction_and_no_claim_passes_the_balance(at):
    rounds, row = Rounds(at), due(94_230)
    rounds.paid()
    proposal = {"application_id": row.pk, "user": maker(), "reason": "정정"}
    for cause in ("UNDERPAID", "CORRECTED_BILL", "OVERPAID"):
        refused("BALANCE", cases.propose_adjustment, amount_krw=1, cause=cause, **proposal)
    refused("BALANCE", cases.propose_adjustment, amount_krw=9_000_000_000, **proposal)
    refused("ROLE", cases.propose_adjustment, amount_krw=1, cause="OBJECTION", **proposal)
    money.billed(row, -10_000)
    refused("BALANCE", cases.propose_adjustment, amount_krw=10_001, cause="OVERPAID", **proposal)
    first = corrected(row, 6_000, "OVERPAID")
    refused("BALANCE", cases.propose_adjustment, amount_krw=4_001, cause="OVERPAID", **proposal)
    second = corrected(row, 4_000, "OVERPAID")
    refused("BALANCE", cases.propose_adjustment, amount_krw=1, cause="OVERPAID", **proposal)
    for claim in (first, second):
        assert balance.of(row.pk).claimable == 0
        cases.recovered(adjustment_id=claim.pk, user=maker(), reason="고객 송금")
    left = balance.of(row.pk)
    assert (left.due, left.claimed, left.recovered, left.kept) == (0, 0, 10_000, 84_230)
    assert broken() == {}


def test_the_balance_is_asked_again_at_the_approval(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    money.billed(row, 20_000)
    made = cases.propose_adjustment(application_id=row.pk, amount_krw=20_000, user=maker(), reason="정정")
    money.billed(row, -1)
    refused("BALANCE", cases.decide_adjustment, adjustment_id=made.pk, user=checker(), approve=True)
    money.billed(row, 1)
    assert cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True).allowed_krw == 20_000


def test_an_exception_is_proposed_by_a_supervisor_and_its_amount_typed_by_the_checker(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    proposal = {"application_id": row.pk, "amount_krw": 30_000, "reason": "상담 녹취 확인"}
    refused("ROLE", cases.propose_exception, user=maker(), **proposal)
    refused("REASON", cases.propose_exception, user=supervisor(), **{**proposal, "reason": " "})
    refused(
        "AMOUNT", cases.propose_exception, user=supervisor(), **{**proposal, "amount_krw": 100_001}, cause="OVERPAID"
    )
    made = cases.propose_exception(user=supervisor(), **proposal)
    refused("TOTAL", cases.decide_adjustment, adjustment_id=made.pk, user=checker(), approve=True)
    refused("TOTAL", cases.decide_adjustment, adjustment_id=made.pk, user=checker(), approve=True, typed_krw=3_000)
    same = money.user("same", "checker", person="supervisor")
    refused("SAME_PERSON", cases.decide_adjustment, adjustment_id=made.pk, user=same, approve=True, typed_krw=30_000)
    made = cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True, typed_krw=30_000)
    assert (made.allowed_krw, made.by_exception) == (0, True)
    left = balance.of(row.pk)
    assert (left.granted, left.due, left.promised, left.payable) == (30_000, 30_000, 30_000, 0)
    rounds.paid()
    assert balance.of(row.pk).due == 0
    assert broken() == {}


def test_an_upheld_objection_about_the_amount_becomes_a_correction_by_exception(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    contested = objections.object_to(
        contract_no=row.line_id,
        person_index=bytes(row.filing.person_index),
        text="금액이 다릅니다",
        contact="01055550000",
    )
    assert objections.is_about_amount(contested)
    answer = {"objection_id": contested.pk, "reviewer": money.user("reviewer", "reviewer"), "answer": "맞습니다"}
    reviewing.answer_objection(uphold=True, difference_krw=12_000, **answer)
    row.refresh_from_db()
    assert row.status == "APPROVED"
    (settle,) = cases.objections_to_settle()
    assert (settle.pk, settle.difference_krw, settle.application_id) == (contested.pk, 12_000, row.pk)
    proposal = {"application_id": row.pk, "amount_krw": 12_000, "cause": "OBJECTION", "objection_id": contested.pk}
    made = cases.propose_exception(user=supervisor(), reason=settle.answer, **proposal)
    assert not cases.objections_to_settle()
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=False, reason="금액 다시 확인")
    made = cases.propose_exception(user=supervisor(), reason=settle.answer, **proposal)
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True, typed_krw=12_000)
    refused("STATE", cases.propose_exception, user=supervisor(), reason="또", **proposal)
    (extra,) = rounds.paid()
    assert (extra.amount_krw, balance.of(row.pk).due) == (12_000, 0)
    assert broken() == {}


def test_an_exception_beside_a_refund_that_has_not_left_adds_to_it(at):
    rounds, row = Rounds(at), due(100_000)
    made = cases.propose_exception(application_id=row.pk, amount_krw=5_000, user=supervisor(), reason="이의")
    at("2026-01-20T17:59+09:00")
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True, typed_krw=5_000)
    assert [(item.kind, item.amount_krw) for item in rounds.paid()] == [("REFUND", 100_000), ("ADJUSTMENT", 5_000)]
    assert balance.of(row.pk).due == 0
    assert broken() == {}


# What the view says, and who does not read it -------------------------------------------------------------------------


def test_paid_twice_to_billing_is_named_and_not_sent():
    row = due(100_000)
    Bill.objects.filter(line=row.line_id).update(paid_krw=200_000)
    left = balance.of(row.pk)
    assert (left.owed, left.due, left.above_bill) == (100_000, 100_000, 100_000)
    Bill.objects.filter(line=row.line_id).update(refunded_krw=130_000)
    left = balance.of(row.pk)
    assert (left.owed, left.above_bill) == (0, 70_000)


def test_the_view_counts_the_items_of_the_programme():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef('refunds_balance'::regclass)")
        (text,) = cursor.fetchone()
    refundable, other = programme.current().waiver.refundable_items, programme.current().waiver.non_refundable_items
    assert all(f"'{item}'" in text for item in refundable)
    assert not any(f"'{item}'" in text for item in other)
    row = due(100_000)
    Bill.objects.filter(line=row.line_id).update(item=other[0])
    assert balance.of(row.pk).owed == 0


def test_one_application_costs_look_ups_only():
    row = due()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT * FROM refunds_balance WHERE application_id = %s", [row.pk])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
    assert "eligibility_bill_pkey" in plan
    assert set(balance.for_applications([row.pk, 0])) == {row.pk}
    with pytest.raises(KeyError):
        balance.of(0)


def test_the_independent_check_never_reads_the_balance_and_finds_its_faults(at):
    rounds, row = Rounds(at), due(100_000)
    (refund,) = rounds.paid()
    money.billed(row, 20_000)
    corrected(row, 20_000)
    rounds.paid()
    load(refund.file, (refund, "RJCT", "AB08"))
    at("2026-02-12T18:00+09:00")
    from refunds.payouts import invariants

    text = balance.view_text().replace(" - items.corrected", "")
    with as_owner(), patch.object(balance, "view_text", lambda: text):
        balance.make_view(using="default", plan=[])
        invariants.make_views(using="default", plan=[])
    batch = batches.freeze(pay_on=dt.date(2026, 2, 19), user=maker())
    assert batch.won == 120_000  # the fault of M1
    found = independent_check.check(batch)
    assert found.differences == [(f"R{row.pk}-2", "amount"), (f"R{row.pk}-2", "balance")]
    refused(
        "DIFFERS",
        batches.approve,
        batch_id=batch.pk,
        user=checker(),
        typed_total=batch.won,
        digest=batch.digest,
    )
    assert broken().keys() >= {"I12"}
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP VIEW refunds_balance CASCADE")
    independent_check.check(batch)  # reads no view


def test_the_check_sees_what_moved_after_the_freeze(at):
    rounds, row = Rounds(at), due(100_000)
    (refund,) = rounds.paid()
    money.billed(row, 20_000)
    corrected(row, 20_000)
    at("2026-02-03T18:00+09:00")
    batch = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    assert independent_check.check(batch).agrees(batch)
    load(refund.file, (refund, "RJCT", "AC04"))
    assert not independent_check.check(batch).agrees(batch)


@pytest.mark.parametrize(
    ("values", "breaches"),
    [
        ("amount_krw = 90000", {"I3": 1, "I4": 3, "I6": 1, "I12": 1, "I14": 1}),
        ("allowed_krw = 200000", {"I4": 1, "I12": 1}),
        ("movements = 'sent|R0-1|5'", {"I4": 1, "I12": 1}),
    ],
)
def test_what_is_stored_with_a_payment_is_proven(values, breaches):
    money.frozen(1)
    tamper("refunds_item", f"UPDATE refunds_item SET {values}")
    found = broken()
    assert found.keys() == breaches.keys()


def test_the_database_refuses_a_payment_beyond_its_balance(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    for table, values in (
        ("refunds_item", "amount_krw = allowed_krw + 1"),
        ("refunds_item", "allowed_krw = amount_krw - 1"),
    ):
        with pytest.raises(IntegrityError, match="within_balance"), transaction.atomic():
            tamper(table, f"UPDATE {table} SET {values}")
    money.billed(row, 500)
    corrected(row, 500)
    with pytest.raises(IntegrityError, match="within_balance"), transaction.atomic():
        tamper("refunds_adjustment", "UPDATE refunds_adjustment SET amount_krw = 501")


def test_a_claim_of_more_than_was_ever_sent_is_a_breach(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    money.billed(row, -500)
    corrected(row, 500, "OVERPAID")
    tamper("refunds_adjustment", "UPDATE refunds_adjustment SET allowed_krw = NULL, amount_krw = 100001")
    assert broken() == {"I13": 1}
    tamper("refunds_adjustment", "UPDATE refunds_adjustment SET amount_krw = 500, by_exception = true, allowed_krw = 0")
    assert broken() == {}


def test_later_bills_that_make_it_an_overpayment_break_nothing(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    money.billed(row, -30_000)
    assert broken() == {}
    assert balance.of(row.pk).claimable == 30_000
