"""Mailings before their hour: made in time for two persons, and counted by the criteria that the hour will use.

Each application registers the mailings of its days. Where ROUNDS_NEED_APPROVAL is on, a mailing of an optional kind is
prepared `DAYS_AHEAD` days before its hour.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_noop

from kt_remedy.core import clock
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import mailings, texts
from kt_remedy.notices.models import Mailing

DAYS_AHEAD = dt.timedelta(days=14)
COUNT_AGAIN = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """A mailing of a coming hour; `select` and `params` are those of `service.queue_all`."""

    kind: str
    subject: str
    due_at: dt.datetime
    select: str
    params: Mapping[str, Any]


class NotApproved(schedule.NotYet):
    """The hour of a mailing has come, and two persons have not released it."""

    def __init__(self) -> None:
        super().__init__(
            "The mailing waits for two persons.",
            schedule.result_message(gettext_noop("두 사람의 확인과 승인을 기다림")),
        )


class Stopped(schedule.NotYet):
    """The list of the hour is not the one that two persons approved; they look again."""


class CriteriaChanged(Stopped):
    """The criteria are not those that were approved."""

    def __init__(self) -> None:
        super().__init__(
            "The criteria have changed.",
            schedule.result_message(gettext_noop("승인한 뒤에 뽑는 기준이 바뀌어 멈춤")),
        )


class TooMany(Stopped):
    """The list is too large for the approved count (`mailings.is_too_many`)."""

    def __init__(self, drawn: int, expected: int) -> None:
        super().__init__(
            "The list is larger than the approved count.",
            schedule.result_message(
                gettext_noop("승인한 %(expected)s명보다 많은 %(drawn)s명이 뽑혀 멈춤"), expected=expected, drawn=drawn
            ),
        )


_sources: list[Callable[[], Iterable[Plan]]] = []


def register(plans: Callable[[], Iterable[Plan]]) -> None:
    """Let the coming mailings that `plans` gives be prepared. Call it in `AppConfig.ready()`."""
    _sources.append(plans)


def criteria(select: str) -> str:
    """The digest of the criteria, by which the approved ones are known at the hour."""
    return hashlib.sha256(" ".join(select.split()).encode()).hexdigest()


def run(_job: Any) -> schedule.TaskResult:
    """Periodic task: prepare the coming mailings, count them again, end the finished ones. Safe to run twice."""
    prepared, ended = prepare(), mailings.end_finished()
    results = []
    if prepared:
        results.append(schedule.result_message(gettext_noop("준비한 안내 %(n)s개"), n=prepared))
    if ended:
        results.append(schedule.result_message(gettext_noop("끝난 안내 %(n)s개"), n=ended))
    return results


def prepare() -> int:
    """Make the mailings of the coming days, and count those that nobody has checked; returns how many are new."""
    if not settings.ROUNDS_NEED_APPROVAL:
        return 0
    now, new = clock.now(), 0
    for plan in (plan for source in _sources for plan in source()):
        if plan.due_at > now + DAYS_AHEAD or not texts.kind(plan.kind).optional:
            continue
        if plan.due_at <= now:  # one that was stopped at its hour is counted again
            stopped = Mailing.objects.filter(kind=plan.kind, subject=plan.subject, due_at=plan.due_at).first()
            if stopped is not None:
                _count(stopped.pk, plan, now)
            continue
        item, created = Mailing.objects.get_or_create(
            kind=plan.kind,
            subject=plan.subject,
            defaults={
                "state": Mailing.State.HELD,
                "created_at": now,
                "due_at": plan.due_at,
                "criteria": criteria(plan.select),
            },
        )
        new += created
        _count(item.pk, plan, now)
    return new


def _count(mailing_id: int, plan: Plan, now: dt.datetime) -> None:
    """Count the persons of a mailing that is not checked yet, if the last count is old or of other criteria."""
    with transaction.atomic(), connection.cursor() as cursor:
        item = Mailing.objects.select_for_update().get(pk=mailing_id)
        digest = criteria(plan.select)
        is_fresh = item.counted_at is not None and now - item.counted_at < COUNT_AGAIN and item.criteria == digest
        if item.state != Mailing.State.HELD or is_fresh:
            return
        cursor.execute("SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '256MB'")
        cursor.execute(f"SELECT count(*) FROM ({plan.select}) AS chosen", dict(plan.params))  # noqa: S608  (own code)
        item.expected, item.counted_at, item.criteria = cursor.fetchone()[0], now, digest
        item.save(update_fields=["expected", "counted_at", "criteria"])
