"""Promises of applications: read them, and record each change of one with its cause (D-69).

Pages read the promise from the facts as they are, so that a day that moved shows at once; the record is its history,
and what a page shows as moved comes from it.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import translation

from eligibility.models import Bill, Line
from kt_remedy.core import clock, programme
from refunds.models.applications import Application
from refunds.models.promises import PromiseRecord, PromiseShard
from refunds.promise import gather, notices, rules, sentences
from refunds.promise.facts import DayKind, Promise
from refunds.promise.gather import Known

# Applications of one shard: a second of work.
SHARD = 2000


def of(application: Application, *, at: dt.datetime | None = None) -> Promise:
    """The promise that stands for an application, now unless `at` is given. Two queries."""
    return of_many([application], at=at)[application.pk]


def of_many(applications: Iterable[Application], *, at: dt.datetime | None = None) -> dict[int, Promise]:
    """The promises of applications by their ids; the number of queries does not depend on theirs."""
    return by_ids([row.pk for row in applications], at=at)


def by_ids(application_ids: Iterable[int], *, at: dt.datetime | None = None) -> dict[int, Promise]:
    """The promises of the applications with these ids."""
    now = at or clock.now()
    current = programme.current()
    known = gather.known_of(application_ids, now=now)
    return {pk: rules.promise(row.facts, now=now, programme=current) for pk, row in known.items()}


def of_line(
    line: Line,
    *,
    bills: Iterable[Bill] | None = None,
    representation: str = "SELF",
    applied_on: dt.date | None = None,
    at: dt.datetime | None = None,
) -> Promise:
    """The promise of a line that is not applied for yet, as if it were on `applied_on`, today unless given.

    `bills` are the rows of its bill, if they were read already.
    """
    now = at or clock.now()
    if bills is None:
        bills = Bill.objects.filter(line=line)
    facts = gather.facts_of_line(line, bills, representation=representation, now=now, applied_on=applied_on)
    return rules.promise(facts, now=now, programme=programme.current())


@dataclass(frozen=True, slots=True)
class MovedDay:
    """A pay day that was promised and not kept, and why."""

    day: dt.date
    because: str


def moved_days(promises: dict[int, Promise]) -> dict[int, list[MovedDay]]:
    """The pay days that were promised and not kept, in their order, of applications with their present promises.

    A day that is promised again, or came earlier than promised, is none of them. One query, if any day moved.
    """
    moved = [pk for pk, promise in promises.items() if promise.previous_day is not None]
    found: dict[int, dict[dt.date, str]] = {pk: {} for pk in promises}
    last: dict[int, PromiseRecord] = {}
    rows = PromiseRecord.objects.filter(application__in=moved).order_by("application_id", "number")
    for row in rows.only("application_id", "number", "kind", "day", "reason"):
        before = last.get(row.application_id)
        if before is not None and before.kind == DayKind.PAY and before.day and before.day != row.day:
            found[row.application_id][before.day] = sentences.reason_words(row.reason)
        last[row.application_id] = row
    for pk, promise in promises.items():
        # The present one may not be recorded yet.
        if promise.previous_day is not None:
            found[pk].setdefault(promise.previous_day, sentences.reason_words(promise.reason))
    return {
        pk: [
            MovedDay(day, because)
            for day, because in sorted(days.items())
            if promises[pk].kind != DayKind.PAY or day < (promises[pk].day or dt.date.max)
        ]
        for pk, days in found.items()
    }


def refresh(application_ids: Iterable[int], *, cause: str, told: bool = False) -> int:
    """Record the promises of these applications where they changed, and let a text tell of it; returns how many did.

    Call it in the transaction of the change, after it. `told`: a message of that change tells the new day. Changes of
    a whole batch go to `refresh_batch`.
    """
    ids = sorted(set(application_ids))
    if not ids:
        return 0
    now = clock.now()
    with transaction.atomic():
        # One writer at a time for each application, so that records follow each other.
        locked = Application.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
        list(locked.order_by("pk").values_list("pk", flat=True))
        changes, records = [], []
        for pk, known in gather.known_of(ids, now=now).items():
            made = rules.promise(known.facts, now=now, programme=programme.current())
            with translation.override(known.language):
                sentence = sentences.first_sentence(made)
            if _differs(made, sentence, known):
                changes.append((pk, known, made))
                records.append(_record(pk, known, made, sentence, cause, now))
        PromiseRecord.objects.bulk_create(records)
        notices.note(changes, now=now, told=told)
    return len(changes)


def refresh_batch(batch_id: int, *, cause: str) -> None:
    """Have the promises of all applications of a batch refreshed by workers, those it left out too, in shards."""
    _leave_to_workers(
        "SELECT application_id FROM refunds_item WHERE batch_id = %(batch)s"
        " UNION SELECT application_id FROM refunds_left_behind WHERE batch_id = %(batch)s",
        {"batch": batch_id},
        cause,
    )


def _leave_to_workers(select: str, params: dict[str, Any], cause: str) -> int:
    """Make shards of the applications that an SQL statement selects; returns the number of applications."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO refunds_promise_shard (application_ids, cause, attempts)
            SELECT array_agg(application_id), %(cause)s, 0 FROM (
                SELECT application_id, (row_number() OVER (ORDER BY application_id) - 1) / %(size)s AS shard
                FROM ({select}) chosen) numbered
            GROUP BY shard RETURNING cardinality(application_ids)
            """,  # noqa: S608  (statements of this module)
            {**params, "cause": cause, "size": SHARD},
        )
        return sum(count for (count,) in cursor.fetchall())


def open_shards() -> QuerySet[PromiseShard]:
    """The shards that wait for a worker."""
    return PromiseShard.objects.all()


def refresh_shard(shard: PromiseShard) -> None:
    """Refresh the applications of one shard. Safe to run twice: what is recorded is no change any more."""
    with transaction.atomic():
        refresh(shard.application_ids, cause=shard.cause)
        shard.delete()


def refresh_passed() -> int:
    """Have the promises refreshed whose moment has passed: a day without payment, an answer not given (D-69).

    Also approvals that became unpaid again by a delivery. Returns the number of applications.
    """
    return _leave_to_workers(
        """
        SELECT p.application_id FROM refunds_promise p
        WHERE p.check_at <= %(now)s AND NOT EXISTS (
            SELECT FROM refunds_promise n WHERE n.application_id = p.application_id AND n.number > p.number)
        UNION
        SELECT a.id FROM refunds_application a
        JOIN eligibility_line l ON l.contract_no = a.contract_no AND l.reasons ~ '(^|;)UNPAID(;|$)'
        JOIN LATERAL (SELECT * FROM refunds_promise WHERE application_id = a.id
                      ORDER BY number DESC LIMIT 1) p ON p.situation IN ('APPROVED', 'CHANGE_MOVES', 'MOVED')
        WHERE a.status = 'APPROVED'
        """,
        {"now": clock.now()},
        "PASSED",
    )


def _differs(made: Promise, sentence: str, known: Known) -> bool:
    """True if a promise is not the one that the last record holds."""
    last = known.facts.last
    if last is None:
        return True
    before = (last.situation, last.day, last.previous_day, known.sentence, known.check_at)
    return (made.situation, made.day, made.previous_day, sentence, made.check_at) != before


def _record(pk: int, known: Known, made: Promise, sentence: str, cause: str, now: dt.datetime) -> PromiseRecord:
    return PromiseRecord(
        application_id=pk,
        number=known.number + 1,
        at=now,
        cause=cause[:40],
        situation=made.situation,
        kind=made.kind,
        day=made.day,
        previous_day=made.previous_day,
        reason=made.reason,
        won=made.won,
        since=made.since,
        changeable_until=made.changeable_until,
        pay_by=made.pay_by,
        check_at=made.check_at,
        language=known.language,
        sentence=sentence,
        version=sentences.VERSION,
    )
