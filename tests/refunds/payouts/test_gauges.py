"""Figures of the money and of the promises, equal to the rows that they count."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kt_remedy.core import clock
from kt_remedy.core.tasks import metrics
from refunds.models.promises import PromiseRecord
from refunds.models.reviews import ReviewCase
from refunds.payouts import cases
from refunds.promise import service as promise
from tests.refunds import make
from tests.refunds.payouts import money

pytestmark = pytest.mark.django_db


def samples() -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
        if sample.name.startswith("remedy_")
    }


def test_the_money_of_a_round_stands_by_its_state(at):
    at(money.CUT_OFF)
    batch, file = money.handed_over(3)
    money.count_figures()
    found = samples()
    assert found["remedy_money_won", "2026-01-22", "FILED"] == 100_000 + 100_001 + 100_002
    assert found["remedy_payments", "2026-01-22", "FILED"] == 3
    first = money.items(batch)[0]
    money.staged(money.pain002(file, [(first, "ACSC", "")]))
    at("2026-01-22T10:00+09:00")
    found = samples()
    assert found["remedy_bank_answers_waiting",] == 1
    assert 3590 <= found["remedy_bank_answers_oldest_seconds",] < 3630


def test_a_payment_that_was_answered_moves_to_its_new_state(at):
    at(money.CUT_OFF)
    batch, file = money.handed_over(3)
    first, second, _third = money.items(batch)
    money.load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04")]))
    money.count_figures()
    found = samples()
    assert found["remedy_money_won", "2026-01-22", "PAID"] == first.amount_krw
    assert found["remedy_payments", "2026-01-22", "RETURNED"] == 1
    assert found["remedy_payments", "2026-01-22", "UNKNOWN"] == 1
    assert found["remedy_bank_answers_waiting",] == 0


def test_a_hold_stands_in_its_queue_and_is_late_after_its_days(at):
    at(money.BEFORE)
    held = money.due(160_130)
    assert samples()["remedy_exceptions", "HELD"] == 0
    cases.hold(application_id=held.pk, user=money.maker(), reason="확인합니다")
    found = samples()
    assert (found["remedy_exceptions", "HELD"], found["remedy_exceptions_won", "HELD"]) == (1, 160_130)
    assert found["remedy_exceptions_late", "HELD"] == 0
    at("2026-02-20T10:00+09:00")
    assert samples()["remedy_exceptions_late", "HELD"] == 1


def test_a_case_that_waits_for_a_reviewer_is_an_answer_somebody_waits_for(at):
    at(money.BEFORE)
    assert samples()["remedy_answers_waiting", "REVIEWER"] == 0
    ReviewCase.objects.create(application=money.due(), opened_at=clock.now())
    found = samples()
    assert (found["remedy_answers_waiting", "REVIEWER"], found["remedy_answers_waiting", "SUPERVISOR"]) == (1, 0)


def test_a_promised_day_that_passed_is_counted_until_a_worker_looked_at_it(at):
    at(money.BEFORE)
    waiting = money.due()
    promise.refresh([waiting.pk], cause="filed")
    assert samples()["remedy_promises_passed", "payment"] == 0
    at(PromiseRecord.objects.get().check_at.isoformat())
    assert samples()["remedy_promises_passed", "payment"] == 1
    promise.refresh([waiting.pk], cause="PASSED")
    assert samples()["remedy_promises_passed", "payment"] == 0


@pytest.mark.parametrize(("now", "days"), [("2026-01-20T10:00+09:00", 0), ("2026-01-23T00:00+09:00", 3)])
def test_the_age_of_the_register_is_a_figure(at, now, days):
    make.delivered("2026-01-20")
    at(now)
    assert samples()["remedy_register_age_days",] == days
