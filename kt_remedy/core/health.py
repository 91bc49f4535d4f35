"""Answers for a load balancer: is this process alive, and can it serve people."""

import datetime as dt
import secrets
from collections.abc import Callable, Iterator

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.core import GaugeMetricFamily

from kt_remedy.core import switches, virus_scan
from kt_remedy.core.tasks import dispatch, schedule

_migrated = False
# What is wrong in an application: names for machines, and the same as sentences for staff.
_alarms: list[tuple[Callable[[], list[str]], Callable[[], list[str]]]] = []
# SQLSTATE of a server that starts, stops or recovers, of a lost connection, and of a full server; "" where the client
# has no answer at all.
_GONE = ("08", "57P", "53300")


def register_alarm(names: Callable[[], list[str]], words: Callable[[], list[str]]) -> None:
    """Let `pulsez` answer 503 while `names` gives any: names of what is wrong, without personal data.

    `words` says the same in sentences for staff, in the language of the reader. Call it in `AppConfig.ready()`. Both
    are asked at each look, so they cost few queries.
    """
    _alarms.append((names, words))


def words_of_alarms() -> list[str]:
    """What is wrong in the applications, in sentences for staff."""
    return [sentence for _names, words in _alarms for sentence in words()]


def database_is_gone(error: BaseException | None) -> bool:
    """True if an error says that the database cannot be reached now, and not that a statement failed."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "pgcode", None) or ""
    return not state or state.startswith(_GONE)


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; asks nothing else, so that a database outage restarts no web process."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when people can be served: keys loaded, database and cache writable, migrations applied; else 503 with what
    is not.

    Redis is not asked: web processes never touch it.
    """
    found = checks()
    ready = all(answer == "ok" for answer in found.values())
    return JsonResponse({"status": "ok" if ready else "not ready", **found}, status=200 if ready else 503)


def checks() -> dict[str, str]:
    """What people need to be served, each with `ok` or with what it is instead."""
    return {"keys": _keys_loaded(), **_database(), "cache": _cache()}


@never_cache
@require_safe
def pulsez(request: HttpRequest) -> JsonResponse:
    """200 while every periodic task succeeds in time, no due row waits for long and no alarm of an application sounds,
    else 503 with their names.

    The alarm for monitoring from outside: it also fires when no worker is left to log a warning. `clamd` is among the
    names where a virus scanner is set and silent, `switch:CODE` where nobody confirmed a stop in time.
    A web process is not taken out of service for it, so it stands apart from `readyz`.
    """
    silent = alarms()
    return JsonResponse({"status": "silent" if silent else "ok", "jobs": silent}, status=503 if silent else 200)


def alarms() -> list[str]:
    """The names that `pulsez` gives, without personal data; empty while nothing is wrong. A few queries."""
    names = sorted(job.code for job in schedule.overdue_periodic_tasks()) + dispatch.overdue()
    if virus_scan.state() is virus_scan.Finding.SILENT:
        names.append("clamd")
    names += [f"switch:{code}" for code in switches.unconfirmed()]
    return names + [name for own, _words in _alarms for name in own()]


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the number of alarms, and how far the clock of the database goes before the one of this machine."""
    number = GaugeMetricFamily("remedy_alarms", "Names that /pulsez gives; 0 while nothing is wrong")
    number.add_metric([], len(alarms()))
    ahead = GaugeMetricFamily(
        "remedy_database_clock_ahead_seconds", "Clock of the database less the clock of the machine that answers"
    )
    ahead.add_metric([], database_clock_ahead())
    yield from (number, ahead)


def database_clock_ahead() -> float:
    """The clock of the database less the one of this machine, in seconds, to the length of one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return (cursor.fetchone()[0] - dt.datetime.now(dt.UTC)).total_seconds()


def _keys_loaded() -> str:
    return "ok" if settings.FIELD_KEYS and settings.INDEX_KEY else "missing"


def _database() -> dict[str, str]:
    """The state of the database (can a row be written now, and does a statement end?) and of its migrations.

    Behind a pooler the limits belong to the role, and somebody may have forgotten to set them.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,"
                " current_setting('statement_timeout') = '0'"
            )
            read_only, endless = cursor.fetchone()
        state = "read-only" if read_only else "without time limits" if endless else "ok"
        return {"database": state, "migrations": _migrations()}
    except DatabaseError:
        return {"database": "unreachable"}


def _cache() -> str:
    """The state of the cache: sign-in counts its tries in it, so without it nobody enters."""
    key = f"readyz:{secrets.token_hex(8)}"  # of its own: other requests ask at the same time
    try:
        with transaction.atomic():
            cache.set(key, True, timeout=30)
            found = cache.get(key)
            cache.delete(key)
        return "ok" if found else "unreachable"
    except DatabaseError:
        return "unreachable"


def _migrations() -> str:
    """Asked until all are applied once: a running process cannot lose them, and the question costs many reads."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if _migrated else "pending"
