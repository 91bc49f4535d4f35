"""/metrics: figures of the background work in the text format of Prometheus."""

import datetime as dt

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kt_remedy.core.models import PeriodicTask, TaskTiming
from kt_remedy.core.tasks import metrics, schedule

pytestmark = pytest.mark.django_db


def samples(client, **headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_due_rows_show_their_number_and_their_age_by_queue_and_task(client):
    schedule.plan()
    PeriodicTask.objects.update(due_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    PeriodicTask.objects.filter(code="refunds.verify_money").update(
        due_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    )
    found = samples(client)
    assert found["remedy_due_rows", "money", "refunds.tasks.verify_money"] == 1
    assert 300 <= found["remedy_oldest_due_seconds", "money", "refunds.tasks.verify_money"] < 330
    assert ("remedy_due_rows", "money", "refunds.tasks.wipe_accounts") not in found


def test_runs_are_counted_by_task_with_their_duration_and_failures(client):
    for milliseconds, failed in ((40, False), (100, False), (101, True), (700_000, True)):
        metrics.record("refunds.tasks.verify_money", milliseconds=milliseconds, failed=failed)
    found = samples(client)
    bounds = {
        bound: found["remedy_task_duration_seconds_bucket", bound, "refunds.tasks.verify_money"]
        for bound in ("0.1", "0.5", "600.0", "+Inf")
    }
    assert bounds == {"0.1": 2, "0.5": 3, "600.0": 3, "+Inf": 4}
    assert found["remedy_task_duration_seconds_sum", "refunds.tasks.verify_money"] == 700.241
    assert found["remedy_task_failures_total", "refunds.tasks.verify_money"] == 2
    assert TaskTiming.objects.get().runs == 4


def test_overdue_periodic_tasks_are_counted(client):
    schedule.plan()
    assert samples(client)["remedy_overdue_periodic_tasks",] == 0
    PeriodicTask.objects.filter(code="refunds.verify_money").update(
        planned_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    )
    assert samples(client)["remedy_overdue_periodic_tasks",] == 1


def test_in_production_the_token_is_asked_for(client, settings):
    settings.DEVELOPMENT = False
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = "a-token"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer other"}).status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer a-token"}).status_code == 200
