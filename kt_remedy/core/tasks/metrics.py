"""Figures for Prometheus, which `manage.py serve_metrics` gives on a port inside the network.

Most are read from the rows, so one process can answer for all machines, and none asks Redis. Durations and failures are
counted in one row per Celery task when a task ends in a worker. Each application adds the figures that it alone can
read (`register`). Requests and statements are counted by django-prometheus in files of one folder, which all processes
of a web server share.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable
from typing import Any

from celery import signals, states
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from kt_remedy.core.models import PeriodicTask, TaskTiming
from kt_remedy.core.tasks import dispatch, schedule

# Upper bounds of the durations that are counted, in milliseconds; the last bound is endless.
BOUNDS = (100, 500, 1_000, 5_000, 30_000, 120_000, 600_000)

_began: dict[str, float] = {}
_gauges: list[Callable[[], Iterable[GaugeMetricFamily]]] = []


def register(gauges: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
    """Let Prometheus have the figures that `gauges` gives. Call it in `AppConfig.ready()`.

    It is asked at each look of Prometheus, so it costs few queries on small or indexed tables.
    """
    _gauges.append(gauges)


def connect() -> None:
    """Count each task that ends in a worker."""
    signals.task_prerun.connect(_note_start, dispatch_uid="metrics.start")
    signals.task_postrun.connect(_count, dispatch_uid="metrics.count")


def _note_start(task_id: str, **_signal: Any) -> None:
    _began[task_id] = time.monotonic()


def _count(task_id: str, task: Any, state: str, **_signal: Any) -> None:
    began = _began.pop(task_id, None)
    if began is not None:
        milliseconds = int((time.monotonic() - began) * 1000)
        try:
            record(task.name, milliseconds=milliseconds, failed=state == states.FAILURE)
        except DatabaseError:
            connection.close()  # a figure is lost, not a task


def record(task: str, *, milliseconds: int, failed: bool) -> None:
    """Add one run of `task` to its row. One statement."""
    bucket = next((number for number, bound in enumerate(BOUNDS) if milliseconds <= bound), len(BOUNDS))
    within = [int(number == bucket) for number in range(len(BOUNDS) + 1)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO task_timing AS t (task, runs, failures, milliseconds, ended_at, within)"
            " VALUES (%s, 1, %s, %s, now(), %s)"
            " ON CONFLICT (task) DO UPDATE SET runs = t.runs + 1, failures = t.failures + excluded.failures,"
            " milliseconds = t.milliseconds + excluded.milliseconds, ended_at = excluded.ended_at,"
            " within[%s] = t.within[%s] + 1",
            [task, int(failed), milliseconds, within, bucket + 1, bucket + 1],
        )


class _Rows(Collector):
    def collect(self) -> Any:
        """Yield the metrics; a handful of queries, whatever the number of rows.

        Without a database only `remedy_database_up` is left, so that the counted requests are still seen.
        """
        up = GaugeMetricFamily("remedy_database_up", "1 while the rows could be read")
        try:
            found = list(self._read())
        except (DatabaseError, InterfaceError):
            found = []
        finally:
            if not connection.in_atomic_block:
                connection.close()  # each look has a thread of its own
        up.add_metric([], int(bool(found)))
        yield from (up, *found)

    def _read(self) -> Any:
        age = GaugeMetricFamily(
            "remedy_oldest_due_seconds", "Time since the oldest due row of a task fell due", labels=["queue", "task"]
        )
        depth = GaugeMetricFamily(
            "remedy_due_rows", "Due rows that no worker has begun, by queue and task", labels=["queue", "task"]
        )
        wall = dt.datetime.now(dt.UTC)
        for task, count, since in dispatch.waiting():
            labels = [dispatch.queue_of(task), task.name]
            depth.add_metric(labels, count)
            age.add_metric(labels, max(0.0, (wall - since).total_seconds()))
        yield from (age, depth)
        durations = HistogramMetricFamily("remedy_task_duration_seconds", "Duration of tasks", labels=["task"])
        failures = CounterMetricFamily("remedy_task_failures", "Failed runs since the first one", labels=["task"])
        for row in TaskTiming.objects.order_by("task"):
            total, buckets = 0, []
            for bound, count in zip([*(str(bound / 1000) for bound in BOUNDS), "+Inf"], row.within, strict=True):
                total += count
                buckets.append((bound, total))
            durations.add_metric([row.task], buckets, sum_value=row.milliseconds / 1000)
            failures.add_metric([row.task], row.failures)
        yield from (durations, failures)
        yield from _periodic()
        for gauges in _gauges:
            yield from gauges()


def _periodic() -> Iterable[GaugeMetricFamily]:
    late = GaugeMetricFamily("remedy_overdue_periodic_tasks", "Periodic tasks without success for too long")
    late.add_metric([], len(schedule.overdue_periodic_tasks()))
    failures = GaugeMetricFamily(
        "remedy_periodic_failures", "Failed runs of a periodic task since its last success", labels=["job"]
    )
    age = GaugeMetricFamily(
        "remedy_periodic_success_age_seconds", "Time since a periodic task last succeeded", labels=["job"]
    )
    wall = dt.datetime.now(dt.UTC)
    for row in PeriodicTask.objects.filter(code__in=[item.code for item in schedule.entries()]).order_by("code"):
        failures.add_metric([row.code], row.failures)
        age.add_metric([row.code], (wall - (row.succeeded_at or row.planned_at)).total_seconds())
    yield from (late, failures, age)


def registry() -> CollectorRegistry:
    """The figures of the rows, and those that the web server of this machine counted where METRICS_DIR is set."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Rows())
    if settings.METRICS_DIR:
        multiprocess.MultiProcessCollector(registry, settings.METRICS_DIR)
    return registry


def exposition() -> bytes:
    """All figures in the text format of Prometheus."""
    return generate_latest(registry())
