"""/metrics: figures of the money and of the promises, equal to the rows that they count."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from refunds.models.promises import PromiseRecord
from refunds.payouts import cases
from refunds.promise import service as promise
from tests.refunds import make
from tests.refunds.payouts import money

pytestmark = pytest.mark.django_db


def samples(client) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").content.decode())
        for sample in family.samples
        if sample.name.startswith("remedy_")
    }


def test_the_money_of_a_round_stands_by_its_state(client, at):
    at(money.CUT_OFF)
    batch, file = money.handed_over(3)
    money.count_figures()
    found = samples(client)
    assert found["remedy_money_won", "2026-01-22", "FILED"] == 100_000 + 100_001 + 100_002
    assert found["remedy_payments", "2026-01-22", "FILED"] == 3
    first = money.items(batch)[0]
    money.staged(money.pain002(file, [(first, "ACSC", "")]))
    assert samples(client)["remedy_bank_answers_waiting",] == 1


def test_a_payment_that_was_answered_moves_to_its_new_state(client, at):
    at(money.CUT_OFF)
    batch, file = money.handed_over(3)
    first, second, _third = money.items(batch)
    money.load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04")]))
    money.count_figures()
    found = samples(client)
    assert found["remedy_money_won", "2026-01-22", "PAID"] == first.amount_krw
    assert found["remedy_payments", "2026-01-22", "RETURNED"] == 1
    assert found["remedy_payments", "2026-01-22", "UNKNOWN"] == 1
    assert found["remedy_bank_answers_waiting",] == 0


def test_a_hold_stands_in_its_queue_and_is_late_after_its_days(client, at):
    at(money.BEFORE)
    held = money.due(160_130)
    assert samples(client)["remedy_exceptions", "HELD"] == 0
    cases.hold(application_id=held.pk, user=money.maker(), reason="확인합니다")
    found = samples(client)
    assert (found["remedy_exceptions", "HELD"], found["remedy_exceptions_won", "HELD"]) == (1, 160_130)
    assert found["remedy_exceptions_late", "HELD"] == 0
    at("2026-02-20T10:00+09:00")
    assert samples(client)["remedy_exceptions_late", "HELD"] == 1


def test_a_promised_day_that_passed_is_counted_until_a_worker_looked_at_it(client, at):
    at(money.BEFORE)
    waiting = money.due()
    promise.refresh([waiting.pk], cause="filed")
    assert samples(client)["remedy_promises_passed", "payment"] == 0
    at(PromiseRecord.objects.get().check_at.isoformat())
    assert samples(client)["remedy_promises_passed", "payment"] == 1
    promise.refresh([waiting.pk], cause="PASSED")
    assert samples(client)["remedy_promises_passed", "payment"] == 0


@pytest.mark.parametrize(("now", "days"), [("2026-01-20T10:00+09:00", 0), ("2026-01-23T00:00+09:00", 3)])
def test_the_age_of_the_register_is_a_figure(client, at, now, days):
    make.delivered("2026-01-20")
    at(now)
    assert samples(client)["remedy_register_age_days",] == days
