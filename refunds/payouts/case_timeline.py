"""Everything that happened to one application, for those who answer for its money, the latest first."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from kt_remedy.core.templatetags.remedy import krw
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds.applications import staff_presenters
from refunds.bankfiles.returns import return_reason
from refunds.models.applications import Application
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts import overview
from refunds.promise.sentences import reason_words


@dataclass(frozen=True, slots=True)
class Event:
    """One event as `partials/rail.html` shows it."""

    date: dt.datetime
    title: str
    text: str
    state: str = "done"
    hours: bool = True


def events(application: Application) -> list[Event]:
    """Decisions, payments, holds, corrections, payments outside rounds, promises and messages of an application."""
    every = [
        Event(application.filing.received_at, _("신청을 받음"), str(application.get_channel_display())),
        *_decisions(application),
        *_payments(application),
        *_holds(application),
        *_cases(application),
        *_promises(application),
        *_messages(application),
    ]
    return sorted(every, key=lambda event: event.date, reverse=True)


def _decisions(application: Application) -> Iterator[Event]:
    names: dict[str, str] = {}
    for row in application.decisions.order_by("pk"):
        title = str(Status(row.to_status).label) if row.from_status != row.to_status else _("바뀐 것")
        if row.actor not in names:
            names[row.actor] = _who(row.actor)
        text = " · ".join(filter(None, (str(staff_presenters.decision_reason(row.code)), names[row.actor], row.words)))
        yield Event(row.decided_at, title, text)


def _who(actor: str) -> str:
    kind, _colon, key = actor.partition(":")
    if kind == "staff" and key.isdecimal():
        return overview.name_of(User.objects.filter(pk=int(key)).first())
    return {"customer": _("고객"), "system": _("저절로")}.get(kind, "")


def _payments(application: Application) -> Iterator[Event]:
    for item in application.items.select_related("batch", "account").prefetch_related("events"):
        round_name = overview.round_name(item.batch.number, item.batch.pay_on)
        last = None
        for event in sorted(item.events.all(), key=lambda event: event.pgh_id):  # type: ignore[attr-defined]
            if event.status == last:
                continue
            last = event.status
            why = return_reason(event.code) if event.status == Item.Status.RETURNED else ""
            if event.status == Item.Status.VOID:
                why = item.taken_out_because
            title = f"{Item.Status(event.status).label} {krw(item.amount_krw)}"
            yield Event(event.status_at, title, " · ".join(filter(None, (round_name, str(item.account), why))))


def _holds(application: Application) -> Iterator[Event]:
    for hold in application.holds.select_related("placed_by", "released_by"):
        yield Event(hold.placed_at, _("보류함"), f"{overview.name_of(hold.placed_by)} · {hold.reason}")
        if hold.released_at:
            yield Event(hold.released_at, _("보류를 풂"), overview.name_of(hold.released_by))


def _cases(application: Application) -> Iterator[Event]:
    for row in application.adjustments.select_related("proposed_by", "decided_by"):
        what = f"{row.get_cause_display()} {krw(row.amount_krw)}"
        yield Event(row.proposed_at, _("정정을 냄"), f"{what} · {overview.name_of(row.proposed_by)} · {row.reason}")
        if row.decided_at:
            decided = f"{what} · {overview.name_of(row.decided_by)}"
            yield Event(row.decided_at, _("정정: %(state)s") % {"state": row.get_status_display()}, decided)
    for paid in application.offline_payments.select_related("recorded_by", "decided_by"):
        what = f"{paid.get_way_display()} {krw(paid.amount_krw)}"
        yield Event(paid.recorded_at, _("따로 보낸 지급을 적음"), f"{what} · {overview.name_of(paid.recorded_by)}")
        if paid.decided_at:
            decided = f"{what} · {overview.name_of(paid.decided_by)}"
            yield Event(paid.decided_at, _("따로 보낸 지급: %(state)s") % {"state": paid.get_status_display()}, decided)


def _promises(application: Application) -> Iterator[Event]:
    """Each promise as the customer read it, and why its day moved."""
    for row in application.promises.order_by("number"):
        why = reason_words(row.reason) if row.previous_day else ""
        yield Event(row.at, _("약속"), " · ".join(filter(None, (row.sentence, why))))


def _messages(application: Application) -> Iterator[Event]:
    """Every message to the person since they applied; what it was about stands in its name."""
    rows = Message.objects.filter(
        person_index=application.filing.person_index, created_at__gte=application.filing.received_at
    )
    for row in rows:
        yield Event(
            row.sent_at or row.created_at,
            _("메시지: %(what)s") % {"what": texts.kind(row.kind).label},
            str(row.get_state_display()),
        )
