"""The cast around the first pay day: paid, returned, taken out, held and corrected, in a browser at 360 px."""

import datetime as dt

import pytest

from eligibility.models import Line
from refunds.models.applications import Application
from refunds.models.items import Item
from refunds.payouts import batches, cases, files
from tests import people
from tests.journeys.cast import Case, Visitor
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.refunds.payouts import money
from tests.refunds.promise import telling

pytestmark = pytest.mark.django_db(transaction=True)

PAY_ON = dt.date(2026, 1, 22)
LINES = {"hong": "CAST-101-1", "wolmae": "CAST-102-1", "lan": "CAST-106-1", "byeon": "CAST-112-1", "jeon": "CAST-114-1"}


def item(who: str) -> Item:
    """The payment of one of the cast that leaves with the batch."""
    return Item.objects.standing().get(application__line=LINES[who])


def test_the_first_pay_day(visitor: Visitor, at, settings) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    people.load_cast()
    make.delivered()
    for contract_no in LINES.values():
        line = Line.objects.select_related("customer").get(pk=contract_no)
        submit(line.customer, line)
    telling.record()

    def go(case: Case) -> str:
        visitor.be_cast(case["who"])
        row = Application.objects.select_related("filing").get(line=LINES[case["who"]])
        return case["page"].format(pk=row.pk, reference=row.filing.reference)

    visitor.walk("approved", go)
    at("2026-01-20T18:00+09:00")
    batch = batches.freeze(pay_on=PAY_ON, user=money.maker())
    telling.record()
    visitor.walk("frozen", go)
    # One is taken out, one is held and taken out; the others leave.
    cases.hold(application_id=item("jeon").application_id, user=money.user("reviewer", "reviewer"), reason="계좌 확인")
    batches.take_out(item_ids=[item("jeon").pk, item("byeon").pk], user=money.maker(), reason="다시 확인")
    batch = batches.freeze(pay_on=PAY_ON, user=money.maker())
    batches.approve(batch_id=batch.pk, user=money.checker(), typed_total=batch.won, digest=batch.digest)
    (file,) = files.create_files(batch_id=batch.pk, user=money.maker())
    money.hand_over(file)
    telling.record()
    visitor.walk("moved", go)
    answers = [(item("hong"), "ACSC", ""), (item("wolmae"), "RJCT", "AC04"), (item("lan"), "RJCT", "AB08")]
    money.load(money.pain002(file, answers))
    at("2026-01-23T10:00+09:00")
    telling.record()
    visitor.walk("paid", go)
    # More was billed and paid than the first refund held: a correction follows it.
    row = Application.objects.get(line=LINES["hong"])
    money.billed(row, 24_660)
    more = {"amount_krw": 24_660, "reason": "청구 정정", "cause": "CORRECTED_BILL"}
    made = cases.propose_adjustment(application_id=row.pk, user=money.maker(), **more)
    cases.decide_adjustment(adjustment_id=made.pk, user=money.checker(), approve=True)
    telling.record()
    visitor.walk("corrected", go)
