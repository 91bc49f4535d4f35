"""The trial balance equals the balances of all applications, by day and by round, on the page and in the workbook."""

import datetime as dt
import io
import re

import openpyxl
import pytest
from django.db import connection
from django.urls import reverse

from eligibility.models import Bill
from refunds.applications import objections
from refunds.models.cases import BalanceFinding
from refunds.payouts import batches, cases, findings, jobs, overview
from refunds.payouts import trial_balance as balances
from tests.refunds import reviewing
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, due, maker, refused, tamper
from tests.refunds.payouts.test_balance import Rounds, corrected, load, supervisor
from tests.refunds.payouts.test_case_pages import signed_in, text
from tests.refunds.payouts.test_offline import abroad, recorded

pytestmark = pytest.mark.usefixtures("cut_off")


@pytest.fixture(autouse=True)
def returns_count_at_once(settings):
    """The statement of each return (D-95) is not what is tested here."""
    settings.RETURNS_NEED_STATEMENT = False


def by_view() -> balances.Accounts:
    columns = ", ".join(f"sum({name})::bigint" for name in balances.ACCOUNTS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM refunds_balance")
        return balances.Accounts(*cursor.fetchone())


@pytest.fixture
def moved(at):
    """Two rounds with everything that moves money; returns the rounds."""
    rounds = Rounds(at)
    first, second, third = due(100_000), due(60_000), due(30_000)
    recorded(abroad())
    one, two, _three = rounds.paid()
    money.billed(first, 5_000)
    corrected(first, 5_000)
    money.billed(second, -2_000)
    claim = corrected(second, 1_500, "OVERPAID")
    cases.recovered(adjustment_id=claim.pk, user=maker(), reason="송금")
    money.billed(third, -500)
    corrected(third, 500, "OVERPAID")
    (extra,) = rounds.sent()
    load(two.file, (two, "RJCT", "AC04"))
    assert (one.amount_krw, extra.amount_krw) == (100_000, 5_000)
    return rounds


def test_days_and_rounds_add_up_to_the_balances(moved):
    total = by_view()
    assert total == balances.Accounts(0, 5_000, 130_000, 0, 60_000, 160_130, 500, 1_500)
    days = balances.by_day()
    # Frozen, paid on the pay day, corrected with the next round, returned on its pay day.
    frozen, paid, _corrected, _returned = days
    assert [day.isoformat() for day, _row in days] == ["2026-01-20", "2026-01-22", "2026-02-03", "2026-02-05"]
    assert (frozen[1].at_bank, paid[1].at_bank, paid[1].paid) == (190_000, 0, 190_000)
    assert days[-1][1] == total
    summed = balances.Accounts()
    for _round, row in balances.by_round():
        summed = summed.plus(row)
    assert summed == total
    assert [pay_on for pay_on, _row in balances.by_round()] == [dt.date(2026, 1, 22), dt.date(2026, 2, 5), None]
    assert broken() == {}


def test_a_movement_without_its_event_does_not_close(moved):
    tamper("refunds_item", "UPDATE refunds_item SET status = 'UNKNOWN' WHERE amount_krw = 30000")
    assert broken().keys() >= {"I3", "I14"}


def test_the_page_and_the_workbook_say_the_same(moved):
    client = signed_in(checker())
    page = client.get(reverse("admin:payouts:trial_balance"))
    assert page.status_code == 200
    shown = text(page)
    for won in ("130,000원", "60,000원", "160,130원"):
        assert won in shown
    out = io.BytesIO()
    refused("ROLE", balances.write_sheet, to=out, user=supervisor(), reason="정산")
    refused("REASON", balances.write_sheet, to=out, user=checker(), reason=" ")
    taken = client.post(reverse("admin:payouts:trial_balance_sheet"), {"reason": "정산"})
    days, rounds, _above = openpyxl.load_workbook(io.BytesIO(b"".join(taken.streaming_content))).worksheets
    total = by_view()
    figures = (*(getattr(total, name) for name in balances.ACCOUNTS), total.out)
    assert list(days.iter_rows(values_only=True))[-1][1:] == figures
    assert list(rounds.iter_rows(values_only=True))[-1][1:] == figures


def test_what_left_by_round_is_what_did_not_come_back(moved):
    first, second = overview.by_round()
    assert (first.count, first.won, second.won) == (3, 130_000, 5_000)
    assert "60,000원 되돌아옴" in first.label
    assert "되돌아옴" not in second.label


def test_the_copies_of_a_new_freeze_are_not_counted_as_taken_out():
    batch = money.frozen(3)
    for _again in range(3):
        batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")
        batch = batches.freeze(pay_on=batch.pay_on, user=maker())
    assert overview.states(batch) == {"QUEUED": (3, 300_003)}
    batches.take_out(item_ids=[money.items(batch)[0].pk], user=maker(), reason="빼기")
    batch = batches.freeze(pay_on=batch.pay_on, user=maker())
    assert overview.states(batch) == {"QUEUED": (2, 200_003), "VOID": (1, 100_000)}


def test_balances_for_a_person_are_found_with_the_check_of_the_money(at):
    rounds = Rounds(at)
    over, under, beyond, twice = due(100_000), due(60_000), due(30_000), due(20_000)
    rounds.paid()
    money.billed(over, -7_000)
    money.billed(under, 3_000)
    money.billed(beyond, 4_000)
    corrected(beyond, 4_000)
    money.billed(beyond, -1_000)
    Bill.objects.filter(line=twice.line_id).update(paid_krw=40_000)
    contested = objections.object_to(
        contract_no=under.line_id, person_index=bytes(under.filing.person_index), text="다릅니다", contact="01055550000"
    )
    reviewer = money.user("reviewer", "reviewer")
    reviewing.answer_objection(
        objection_id=contested.pk, reviewer=reviewer, uphold=True, answer="맞음", difference_krw=9_000
    )
    jobs.verify_money(None)
    jobs.verify_money(None)
    assert set(BalanceFinding.objects.values_list("application_id", "kind", "won")) == {
        (over.pk, "OVERPAID", 7_000),
        (under.pk, "UNDERPAID", 3_000),
        (beyond.pk, "BEYOND", 1_000),
        (twice.pk, "ABOVE_BILL", 20_000),
    }
    client = signed_in(supervisor())
    shown = text(client.get(reverse("admin:payouts:balance_findings")))
    for row in (over, under, beyond, twice):
        assert row.filing.reference in shown
    assert "9,000원" in shown
    # The supervisor's form starts with the difference; the checker's asks for the amount.
    act = reverse("admin:payouts:application_action", args=[under.pk, "exception"])
    form = client.get(act).content.decode()
    assert 'value="9000"' in form
    assert str(contested.pk) in form
    values = {"cause": "OBJECTION", "amount_krw": "9,000", "reason": "맞음", "objection_id": str(contested.pk)}
    client.post(act, values)
    made = under.adjustments.get()
    assert (made.by_exception, made.amount_krw, made.objection_id) == (True, 9_000, contested.pk)
    approve = reverse("admin:payouts:adjustment_action", args=[made.pk, "approve"])
    check = signed_in(checker())
    assert check.post(approve, {"typed_krw": ""}).status_code == 400
    check.post(approve, {"typed_krw": "9,000"})
    made.refresh_from_db()
    assert made.status == "APPROVED"
    # The maker's form starts with what the balance leaves.
    money.billed(over, 7_000)
    act = reverse("admin:payouts:application_action", args=[twice.pk, "adjust"])
    money.billed(twice, 1_234)
    assert 'value="1234"' in signed_in(maker()).get(act).content.decode()
    findings.refresh()
    assert not BalanceFinding.objects.filter(application=over).exists()


def test_an_application_page_names_what_is_too_much(at):
    rounds, row = Rounds(at), due(100_000)
    rounds.paid()
    money.billed(row, -7_000)
    Bill.objects.filter(line=row.line_id).update(paid_krw=200_000)
    shown = text(signed_in(maker()).get(reverse("admin:payouts:application", args=[row.pk])))
    assert re.search(r"더 드린 금액 </th> <td><strong>-7,000원", shown)
    assert "107,000원" in shown
