"""Why money came back and what follows: by table, and the way of what goes to the same account again."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from kt_remedy.core.templatetags.remedy import kdate
from refunds.applications import change, presenters, queries
from refunds.bankfiles import returns, sheet
from refunds.models.items import Item
from refunds.payouts import batches, cases, exceptions, files
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import execution_day
from tests.refunds.payouts.money import broken, checker, maker
from tests.refunds.promise import telling

pytestmark = pytest.mark.usefixtures("cut_off")

CASES = list(csv.DictReader((Path(__file__).parents[2] / "cases" / "returns.csv").open(encoding="utf-8")))


def came_back(code: str) -> Item:
    """The one item of the round of 22 January, returned for the reason `code` of pain.002."""
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    telling.record()
    money.load(money.pain002(file, [(item, "RJCT", code)]))
    execution_day(file)
    return Item.objects.select_related("application__filing", "application__line").get(pk=item.pk)


def carried(pay_on: dt.date, status: str, code: str) -> Item:
    """The one item of a later round, answered."""
    later = batches.freeze(pay_on=pay_on, user=maker())
    batches.approve(batch_id=later.pk, user=checker(), typed_total=later.won, digest=later.digest)
    (file,) = files.create_files(batch_id=later.pk, user=maker())
    money.hand_over(file)
    (item,) = money.items(later)
    money.load(money.pain002(file, [(item, status, code)]))
    execution_day(file)
    item.refresh_from_db()
    return item


def view(item: Item) -> presenters.ApplicationView:
    (application_view,) = presenters.present([type(item.application).objects.get(pk=item.application_id)])
    return application_view


def test_every_reason_has_its_row():
    assert set(returns.RETURNS) == {case["code"] for case in CASES}
    assert {row.reason for codes in returns.CODES.values() for row in codes.values()} == set(returns.RETURNS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['code']}-{case['pain002']}")
def test_what_follows_a_return(case):
    item = came_back(case["pain002"])
    assert (item.status, item.code) == ("RETURNED", case["code"])
    if case["sheet"]:
        assert sheet.RESULTS[case["sheet"]] == ("RETURNED", case["code"])
    assert returns.return_reason(item.code) == case["words"]
    asked = case["account"] == "asked"
    assert item.application.status == ("NEED_ACCOUNT" if asked else "APPROVED")
    # What the payer or the file is to blame for asks nothing, but that the day is not kept is told (D-80).
    kind = {"asked": "payout.returned", "same": "payout.again", "person": "promise.stopped"}[case["account"]]
    assert [message.kind for message in telling.tell()] == [kind]
    assert telling.tell() == []
    assert view(item).must_change_account is asked
    assert bool(exceptions.unpaid_returns()[0]) is asked
    # What the payer, the file or nobody we know is to blame for waits for a person.
    assert item.application.holds.filter(released_at=None).exists() is (case["account"] == "person")
    assert not broken()


def test_what_the_account_is_not_to_blame_for_rides_to_it_again(at):
    item = came_back("AB08")
    read = view(item)
    assert read.headline == "받는 날이 바뀌었습니다"
    days = [kdate(dt.date(2026, 1, 22)), kdate(dt.date(2026, 2, 5))]
    assert f"받는 날이 {days[0]}에서 {days[1]}로 바뀌었습니다. 죄송합니다. 하실 일은 없습니다." in read.lead
    (message,) = telling.tell()
    assert "2/5(목)에 다시 보냅니다. 하실 일은 없습니다." in message.body
    assert (read.can_change_account, read.can_withdraw, read.must_change_account) == (True, True, False)
    assert "입금이 되돌아옴" in [step.title for step in read.timeline]
    assert read.timeline[-1].title == "받는 날"
    at("2026-02-03T18:00+09:00")
    again = carried(dt.date(2026, 2, 5), "ACSC", "")
    assert (again.status, again.attempt, again.account_id) == ("PAID", 2, item.account_id)
    assert "입금되었습니다" in view(item).headline
    assert not broken()


def test_another_account_may_be_given_all_the_same(at):
    item = came_back("AM02")
    row = item.application
    better = make.account(row.line.customer, number="3020000001")
    change.change_account(application_id=row.pk, account_id=better.pk, person_index=bytes(row.filing.person_index))
    assert "같은 계좌로" not in view(item).lead
    at("2026-02-03T18:00+09:00")
    again = carried(dt.date(2026, 2, 5), "ACSC", "")
    assert (again.attempt, again.account_id) == (2, better.pk)
    assert not broken()


def test_after_the_last_round_the_call_centre_calls(at):
    item = came_back("AB08")
    assert exceptions.unpaid_returns()[0] == []
    at("2026-06-26T00:00+09:00")
    (unpaid_return,), over = exceptions.unpaid_returns()
    assert (over, unpaid_return.code, unpaid_return.application_id) == (True, "BANK_DOWN", item.application_id)
    assert "전화로 받는 방법과 날을 정합니다" in view(item).lead


def test_a_return_that_comes_after_the_last_round_promises_no_day(at):
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    telling.record()
    at("2026-06-24T10:00+09:00")
    money.load(money.pain002(file, [(item, "RJCT", "AB08")]))
    assert [message.kind for message in telling.tell()] == ["promise.billing"]


def test_a_correction_rides_to_the_same_account_again_too(at):
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    money.load(money.pain002(file, [(item, "ACSC", "")]))
    money.billed(item.application, 500)
    made = cases.propose_adjustment(application_id=item.application_id, amount_krw=500, user=maker(), reason="정정")
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)
    at("2026-02-03T18:00+09:00")
    assert carried(dt.date(2026, 2, 5), "RJCT", "AB08").status == "RETURNED"
    assert queries.returned_corrections([item.application_id]) == {}
    assert exceptions.unpaid_returns()[0] == []
    at("2026-02-12T18:00+09:00")
    again = carried(dt.date(2026, 2, 19), "ACSC", "")
    assert (again.kind, again.status, again.attempt, again.account_id) == ("ADJUSTMENT", "PAID", 2, item.account_id)
    assert not broken()
