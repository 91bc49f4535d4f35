"""Texts about promises that changed: which text a change asks for, when it leaves, and one text for each person.

A change opens a row, which is told ten minutes later so that several changes of one person make one text; inside the
hours for messages, else when they begin, the nearest day first (D-69). A text holds neither an amount nor a name.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from django.db import connection, transaction

from eligibility import service as eligibility
from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Programme
from kt_remedy.notices import service as messages
from refunds import calendar
from refunds.models.applications import Filing
from refunds.models.promises import PromiseNotice
from refunds.promise.facts import DayKind, Last, Promise, Reason, Situation
from refunds.promise.gather import Known

# Changes of one person within this time are told by one text. Each leaves well within two hours.
TOGETHER = dt.timedelta(minutes=10)
PERSONS_AT_ONCE = 500

Text = tuple[str, dict[str, dt.date]]

_CHECKING = {Situation.RECHECK, Situation.NO_ANSWER, Situation.REVIEW}
_STOPPED = {Situation.STOPPED, Situation.NOT_SENT}
# A text said that the day is not known.
_DAY_WAS_OPEN = _CHECKING | _STOPPED | {Situation.ANSWER_PASSED, Situation.CALL, Situation.NO_BILL}


def text_for(before: Last | None, after: Promise, current: Programme) -> Text | None:
    """Kind and dates of the text that a change asks for; None where the page alone shows it."""
    if before is None or (before.situation, before.day) == (after.situation, after.day):
        return None
    dates = {"pay_on": after.day} if after.day else {}
    match after.situation:
        case Situation.NEED_ACCOUNT | Situation.UNPAID:
            return _asks(before, after, current)
        case Situation.NO_BILL:
            return "promise.no_bill", {"was": after.values["was"]}
        case Situation.CALL:
            over = after.reason == Reason.LAST_ROUND_OVER
            return "promise.billing" if over else "payout.called", {"answer_by": after.day}  # type: ignore[dict-item]
        case Situation.ANSWER_PASSED if before.kind != DayKind.PAY:
            return "promise.answer_passed", {"answer_by": after.day}  # type: ignore[dict-item]
    if after.kind == DayKind.ANSWER and before.kind == DayKind.PAY:
        kind = "promise.stopped" if after.situation in _STOPPED else "promise.checking"
        return kind, {"was": before.day, "answer_by": after.day}  # type: ignore[dict-item]
    if after.situation == Situation.PAID or after.kind != DayKind.PAY:
        return None
    if before.kind == DayKind.PAY and before.day != after.day and after.situation != Situation.DIFFERENCE:
        if after.reason == Reason.RETURNED_BANK:
            return "payout.again", dates
        return "promise.moved", {"was": before.day, **dates}  # type: ignore[dict-item]
    if before.situation in _DAY_WAS_OPEN:
        return "promise.new_day", dates
    return None


def _asks(before: Last, after: Promise, current: Programme) -> Text | None:
    """The request to pay or to correct the account, again when a round of the announcement was missed by it.

    The weekly rounds that follow are not told each week: the page shows their days.
    """
    if before.situation == after.situation and before.day is not None:
        missed = calendar.round_on(before.day, current)
        if missed is None or missed.supplementary:
            return None
    assert after.day is not None
    if after.situation == Situation.UNPAID:
        assert after.pay_by is not None
        return "promise.pay_bill", {"pay_by": after.pay_by, "pay_on": after.day}
    assert after.changeable_until is not None
    kind = "payout.returned" if after.reason == Reason.RETURNED_ACCOUNT else "application.need_account"
    return kind, {"until": clock.kst_date(after.changeable_until), "pay_on": after.day}


def leave_at(fact_at: dt.datetime, current: Programme) -> dt.datetime:
    """When the text of a change leaves: after `TOGETHER`, or when the next hours for messages begin."""
    hours, zone = current.notices, current.zone
    moment = (fact_at + TOGETHER).astimezone(zone)
    if hours.send_from <= moment.time() < hours.send_until:
        return moment
    day = moment.date() if moment.time() < hours.send_from else moment.date() + dt.timedelta(days=1)
    return dt.datetime.combine(day, hours.send_from, zone)


def note(changes: Iterable[tuple[int, Known, Promise]], *, now: dt.datetime, told: bool) -> None:
    """Open, replace or drop the row of each change; the caller holds the locks of the applications."""
    rows = {pk: (known, after) for pk, known, after in changes if known.facts.last is not None}
    if not rows:
        return
    current = programme.current()
    open_rows = {
        row.application_id: row
        for row in PromiseNotice.objects.select_for_update().filter(application__in=rows, told_at=None)
    }
    new: list[PromiseNotice] = []
    for pk, (known, after) in rows.items():
        text = None if told else text_for(known.facts.last, after, current)
        waiting = open_rows.get(pk)
        if waiting is not None:
            _replace(waiting, text, after, told)
        elif text is not None:
            new.append(
                PromiseNotice(
                    application_id=pk, person_index=known.person_index, kind=text[0], context=_stored(text[1]),
                    opened_at=now, due_at=leave_at(now, current), day=after.day,
                )
            )  # fmt: skip
    PromiseNotice.objects.bulk_create(new)


def _replace(waiting: PromiseNotice, text: Text | None, after: Promise, told: bool) -> None:
    """Let an open row tell the newest change; one that came back to the day that was told tells nothing."""
    was = waiting.context.get("was")
    back = after.kind == DayKind.PAY and was is not None and str(after.day) == was
    if text is None and not told and waiting.context.get("pay_on") == str(after.day):
        return  # the same day by another situation, such as the freeze
    if text is None or back:
        waiting.delete()
        return
    waiting.kind, waiting.context, waiting.day = text[0], _stored(text[1]), after.day
    if was is not None and waiting.kind == "promise.new_day":
        waiting.kind = "promise.moved"
        waiting.context["was"] = was
    elif was is not None and "was" in waiting.context:
        waiting.context["was"] = was  # the day that the customer knows
    waiting.save(update_fields=["kind", "context", "day"])


def _stored(dates: dict[str, dt.date]) -> dict[str, str]:
    return {name: day.isoformat() for name, day in dates.items()}


def tell_due() -> int:
    """Queue one text for each person with a change that is due; returns how many. Exactly once, if killed too."""
    told = 0
    while leave_at(clock.now() - TOGETHER, programme.current()) <= clock.now() and (count := _tell_some()):
        told += count
    return told


def _tell_some() -> int:
    now = clock.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT person_index FROM refunds_promise_notice WHERE told_at IS NULL GROUP BY person_index"
                " HAVING min(due_at) <= %s ORDER BY min(day) NULLS LAST, min(id) LIMIT %s",
                [now, PERSONS_AT_ONCE],
            )
            persons = [bytes(person) for (person,) in cursor.fetchall()]
        by_person: dict[bytes, list[PromiseNotice]] = {person: [] for person in persons}
        rows = PromiseNotice.objects.select_for_update().filter(person_index__in=persons, told_at=None).order_by("id")
        for row in rows:
            by_person[bytes(row.person_index)].append(row)
        filings = _filings([row.application_id for group in by_person.values() for row in group])
        changed = [(person, group) for person, group in by_person.items() if group]
        _queue([_text_of(person, group, filings) for person, group in changed])
        told = [row for _person, group in changed for row in group]
        for _person, group in changed:
            for row in group:
                row.told_at, row.subject = now, _subject(group)
        PromiseNotice.objects.bulk_update(told, ["told_at", "subject"])
    return len(persons)


def _filings(application_ids: list[int]) -> dict[int, Filing]:
    filings = Filing.objects.filter(applications__in=application_ids).prefetch_related("applications")
    return {row.pk: filing for filing in filings for row in filing.applications.all()}


def _subject(group: list[PromiseNotice]) -> str:
    return f"promise:{group[-1].pk}"


def _text_of(person: bytes, group: list[PromiseNotice], filings: dict[int, Filing]) -> tuple[Filing, messages.Wanted]:
    """One text, the change itself or that several days changed, still without its number; and the newest filing."""
    filing = max((filings[row.application_id] for row in group), key=lambda filing: filing.received_at)
    texts = {(row.kind, tuple(sorted(row.context.items()))) for row in group}
    kind, dates = texts.pop() if len(texts) == 1 else ("promise.several", ())
    context = {name: dt.date.fromisoformat(day) for name, day in dates}
    return filing, messages.Wanted(kind, _subject(group), person, "", filing.language, context)


def _queue(texts: list[tuple[Filing, messages.Wanted]]) -> None:
    """Queue texts to the numbers that their filings confirmed."""
    numbers = eligibility.confirmed_numbers((filing.contact, filing.received_at) for filing, _text in texts)
    messages.queue_many(replace(text, to=to) for (_filing, text), to in zip(texts, numbers, strict=True))
