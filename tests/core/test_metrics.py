"""Figures of the background work in the text format of Prometheus."""

import datetime as dt

import pytest
from django.db import OperationalError, connection
from prometheus_client.parser import text_string_to_metric_families

from kt_remedy.audit import heads
from kt_remedy.audit import service as audit
from kt_remedy.core import switches
from kt_remedy.core.models import PeriodicTask, RestoreDrill, Switch, TaskTiming
from kt_remedy.core.tasks import metrics, schedule

pytestmark = pytest.mark.django_db


def samples():
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_due_rows_show_their_number_and_their_age_by_queue_and_task():
    schedule.plan()
    PeriodicTask.objects.update(due_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    PeriodicTask.objects.filter(code="refunds.verify_money").update(
        due_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    )
    found = samples()
    assert found["remedy_due_rows", "money", "refunds.tasks.verify_money"] == 1
    assert 300 <= found["remedy_oldest_due_seconds", "money", "refunds.tasks.verify_money"] < 330
    assert ("remedy_due_rows", "money", "refunds.tasks.wipe_accounts") not in found


def test_runs_are_counted_by_task_with_their_duration_and_failures():
    for milliseconds, failed in ((40, False), (100, False), (101, True), (700_000, True)):
        metrics.record("refunds.tasks.verify_money", milliseconds=milliseconds, failed=failed)
    found = samples()
    bounds = {
        bound: found["remedy_task_duration_seconds_bucket", bound, "refunds.tasks.verify_money"]
        for bound in ("0.1", "0.5", "600.0", "+Inf")
    }
    assert bounds == {"0.1": 2, "0.5": 3, "600.0": 3, "+Inf": 4}
    assert found["remedy_task_duration_seconds_sum", "refunds.tasks.verify_money"] == 700.241
    assert found["remedy_task_failures_total", "refunds.tasks.verify_money"] == 2
    assert TaskTiming.objects.get().runs == 4


def test_overdue_periodic_tasks_are_counted():
    schedule.plan()
    assert samples()["remedy_overdue_periodic_tasks",] == 0
    PeriodicTask.objects.filter(code="refunds.verify_money").update(
        planned_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    )
    assert samples()["remedy_overdue_periodic_tasks",] == 1


def test_a_periodic_task_shows_its_failures_and_its_last_success():
    schedule.plan()
    PeriodicTask.objects.filter(code="refunds.verify_money").update(
        failures=2, succeeded_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    )
    found = samples()
    assert found["remedy_periodic_failures", "refunds.verify_money"] == 2
    assert 3600 <= found["remedy_periodic_success_age_seconds", "refunds.verify_money"] < 3630


def test_a_stopped_part_and_its_missing_confirmation_are_seen():
    assert samples()["remedy_switch_stopped", "MESSAGES"] == 0
    switches.stop("MESSAGES", by="one", reason="practice")
    before = samples()
    Switch.objects.update(stopped_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=31))
    assert (before["remedy_switch_stopped", "MESSAGES"], before["remedy_switch_stopped", "FILINGS"]) == (1, 0)
    assert samples()["remedy_alarms",] == before["remedy_alarms",] + 1


def test_the_clocks_of_database_and_machine_are_compared():
    assert abs(samples()["remedy_database_clock_ahead_seconds",]) < 1


def test_acts_without_a_seal_and_the_age_of_the_head_are_seen(at):
    at("2026-01-20T10:00+09:00")
    audit.record(actor="system", action="schedule.tried", object="task:1")
    at("2026-01-20T10:05+09:00")
    found = samples()
    assert found["remedy_audit_unsealed_entries",] == 1
    assert 300 <= found["remedy_audit_oldest_unsealed_seconds",] < 330
    assert ("remedy_audit_head_age_seconds",) not in found
    heads.give()
    at("2026-01-21T10:05+09:00")
    found = samples()
    assert (found["remedy_audit_unsealed_entries",], found["remedy_audit_oldest_unsealed_seconds",]) == (0, 0)
    assert 86_390 <= found["remedy_audit_head_age_seconds",] < 86_430


def test_a_backup_counts_from_the_day_it_was_restored_and_held(at):
    now = at("2026-01-20T10:00+09:00")
    assert ("remedy_restore_drill_age_days",) not in samples()
    sizes = {"backup_bytes": 1, "database_bytes": 1, "restore_seconds": 1, "check_seconds": 1, "documents": 0}
    for days, faults in ((9, []), (2, ["the chain was cut off"])):
        RestoreDrill.objects.create(at=now - dt.timedelta(days=days), backup="b", faults=faults, **sizes)
    assert samples()["remedy_restore_drill_age_days",] == 9


def test_without_a_database_one_figure_says_so(monkeypatch):
    assert samples()["remedy_database_up",] == 1

    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", fail)
    assert samples() == {("remedy_database_up",): 0}


def test_the_site_has_no_page_of_figures(client):
    assert client.get("/metrics").status_code == 404


def test_a_look_costs_less_than_eighty_queries(django_assert_max_num_queries):
    schedule.plan()
    with django_assert_max_num_queries(80):
        metrics.exposition()
