"""Money that the bank returned and that is not back yet: every place that shows or sends it agrees (D-95).

`tests/cases/coming_back.csv`: a refund of 100,000 won and a correction of 20,000, how the bank answered each, the money
that is back, a change of the bill afterwards; then the balance, the reason in the waiting list and what is sent next.
"""

import csv
import datetime as dt
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse

from kt_remedy.core import clock
from refunds import balance
from refunds.models.batches import ExcludedApplication
from refunds.models.statements import MoneyBack
from refunds.payouts import batches, findings, ledger
from refunds.payouts import trial_balance as balances
from refunds.promise import service as promise
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, due, maker
from tests.refunds.payouts.test_balance import Rounds, corrected, load
from tests.refunds.payouts.test_case_pages import signed_in, text

pytestmark = pytest.mark.usefixtures("cut_off")
CASES = list(csv.DictReader(Path("tests/cases/coming_back.csv").read_text(encoding="utf-8").splitlines()))


def told(case: dict, rounds: Rounds):
    """The application of a case, after the answers of the bank and the money that is back."""
    row = due(100_000)
    (refund,) = rounds.paid() if case["correction"] else rounds.sent()
    made = {"refund": refund}
    if case["correction"]:
        money.billed(row, 20_000)
        corrected(row, 20_000)
        (made["correction"],) = rounds.paid() if case["correction"] == "RJCT" else rounds.sent()
        if case["correction"] == "RJCT":
            load(made["correction"].file, (made["correction"], "RJCT", "AB08"))
        else:
            load(made["correction"].file, (made["correction"], case["correction"], ""))
    if case["refund"] != "ACSC":
        load(refund.file, (refund, case["refund"], "AB08" if case["refund"] == "RJCT" else ""))
    for name in made if case["back"] == "both" else filter(None, [case["back"]]):
        MoneyBack.objects.create(item=made[name], at=clock.now())
    if int(case["bill"]):
        money.billed(row, int(case["bill"]))
    return row


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_every_place_agrees(at, settings, case):
    settings.RETURNS_NEED_STATEMENT = True
    rounds = Rounds(at)
    row = told(case, rounds)
    left = balance.of(row.pk)
    names = ("at_bank", "coming_back", "returned", "due", "payable", "expected", "claimable")
    assert {name: getattr(left, name) for name in names} == {name: int(case[name]) for name in names}
    total = balances.by_day()[-1][1]
    assert (total.at_bank, total.returned) == (left.at_bank, left.returned)
    assert sum(entry.won for entry in ledger.entries(row)) == left.due
    findings.refresh()
    assert findings.sums().get("OVERPAID") is None
    assert broken() == {}
    if case["refund"] == "RJCT":
        assert promise.of(row).won == left.expected  # the day that the customer reads has this amount
    page = text(signed_in(maker()).get(reverse("admin:payouts:application", args=[row.pk])))
    assert ("되돌아오는 중" in page) is bool(left.coming_back)
    due(7_000)  # something leaves in any case
    cut_off, pay_on = next(rounds.left)
    at(cut_off)
    batch = batches.freeze(pay_on=dt.date.fromisoformat(pay_on), user=maker())
    waits = ExcludedApplication.objects.filter(batch=batch, application=row).values_list("reason", flat=True)
    assert " ".join(waits) == case["waits"]
    sent = batch.items.filter(application=row).order_by("id")
    assert " ".join(f"{item.reference[0]}{item.amount_krw}" for item in sent) == case["sent"]
    assert broken() == {}


def test_sums_of_the_views_agree_in_every_case(at, settings):
    settings.RETURNS_NEED_STATEMENT = True
    row = due(100_000)
    (refund,) = Rounds(at).sent()
    load(refund.file, (refund, "RJCT", "AB08"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, sum(won)::bigint FROM refunds_movement GROUP BY 1 HAVING sum(won) <> 0")
        assert cursor.fetchall() == [("at_bank", 100_000)]
    MoneyBack.objects.create(item=refund, at=clock.now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, sum(won)::bigint FROM refunds_movement GROUP BY 1 HAVING sum(won) <> 0")
        assert cursor.fetchall() == [("returned", 100_000)]
    assert balance.of(row.pk).payable == 100_000
