"""Figures of the money and of the promises for Prometheus. All are kept figures or few rows behind an index."""

from collections.abc import Iterator

from django.db.models import Count, Exists, F, Min, OuterRef
from prometheus_client.core import GaugeMetricFamily

from kt_remedy.core import clock
from refunds.models.bank_answers import BankAnswer
from refunds.models.batches import BatchFigures
from refunds.models.promises import PromiseRecord
from refunds.models.reviews import ReviewCase
from refunds.payouts import queues


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield money by state of each round, the queues of exceptions, answers that wait, and promises that are passed."""
    yield from _money()
    yield from _exceptions()
    yield from _bank_answers()
    yield from _answers_to_customers()
    passed = GaugeMetricFamily(
        "remedy_promises_passed",
        "Promises whose day is over without the promised thing, by what was promised",
        labels=["of"],
    )
    now = clock.now()
    later = PromiseRecord.objects.filter(application=OuterRef("application"), number__gt=OuterRef("number"))
    # A worker looks at them within minutes and tells the customer: more than a few mean that it does not.
    passed.add_metric(["payment"], PromiseRecord.objects.filter(~Exists(later), check_at__lte=now).count())
    passed.add_metric(["answer"], ReviewCase.objects.filter(due_on__lt=clock.kst_date(now)).count())
    yield passed


def _bank_answers() -> Iterator[GaugeMetricFamily]:
    staged = BankAnswer.objects.filter(status=BankAnswer.Status.STAGED)
    found = staged.aggregate(number=Count("pk"), since=Min("staged_at"))
    waiting = GaugeMetricFamily("remedy_bank_answers_waiting", "Answers of the bank that nobody confirmed or discarded")
    waiting.add_metric([], found["number"])
    oldest = GaugeMetricFamily("remedy_bank_answers_oldest_seconds", "Time since the oldest of them was staged")
    oldest.add_metric([], (clock.now() - found["since"]).total_seconds() if found["since"] else 0)
    yield from (waiting, oldest)


def _answers_to_customers() -> Iterator[GaugeMetricFamily]:
    waiting = GaugeMetricFamily(
        "remedy_answers_waiting", "Cases whose customers wait for our answer, by the level that gives it", labels=["of"]
    )
    levels = dict(ReviewCase.objects.values_list("level").annotate(number=Count("pk")).order_by("level"))
    for level in ReviewCase.Level.values:
        waiting.add_metric([level], levels.get(level, 0))
    yield waiting


def _money() -> Iterator[GaugeMetricFamily]:
    """The figures of each batch as the worker counted them for its page."""
    won = GaugeMetricFamily(
        "remedy_money_won", "Won of a round by the state of its payments", labels=["round", "state"]
    )
    count = GaugeMetricFamily("remedy_payments", "Payments of a round by their state", labels=["round", "state"])
    for pay_on, figures in BatchFigures.objects.values_list(F("batch__pay_on"), "figures"):
        for state, (payments, total) in figures.get("states", {}).items():
            labels = [pay_on.isoformat(), state]
            won.add_metric(labels, total)
            count.add_metric(labels, payments)
    yield from (won, count)


def _exceptions() -> Iterator[GaugeMetricFamily]:
    won = GaugeMetricFamily("remedy_exceptions_won", "Won that waits in a queue of exceptions", labels=["queue"])
    count = GaugeMetricFamily("remedy_exceptions", "Payments and movements in a queue of exceptions", labels=["queue"])
    late = GaugeMetricFamily(
        "remedy_exceptions_late", "1 where the oldest of a queue is over its limit", labels=["queue"]
    )
    for queue in queues.queues():
        won.add_metric([queue.code], queue.won)
        count.add_metric([queue.code], queue.count)
        late.add_metric([queue.code], int(queue.late))
    yield from (won, count, late)
