"""Call-backs as promises: owner, confirmed number, outcome, another try; and calls handed to a supervisor (D-86)."""

import datetime as dt
from contextlib import suppress

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Customer
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices import unreached
from kt_remedy.staff.models import User
from refunds.applications.access import close_to_own_case
from refunds.applications.text_checks import refuse_registration_number
from refunds.applications.transitions import Refused
from refunds.models.applications import CallOutcome, Escalation, Filing, Note

TRIES, TRY_AGAIN = 3, dt.timedelta(hours=2)
# Calls are made in these hours (KST); a try that would fall later is made the next morning.
CALL_FROM, CALL_UNTIL = dt.time(9), dt.time(18)


def write_note(
    *,
    customer: Customer,
    text: str,
    staff: User,
    call_back_at: dt.datetime | None = None,
    call_to: str = "",
    escalated_for: str = "",
) -> Note:
    """Add a note on a customer; with a time it is a promise to call, of the writer or, if escalated, a supervisor.

    Raises Refused: WORDS, PAST for a time that is over; ValidationError for text that looks like a registration number.
    """
    refuse_registration_number(text)
    if not text.strip():
        raise Refused("WORDS", _("메모를 적어 주세요"))
    if call_back_at is not None and call_back_at <= clock.now():
        raise Refused("PAST", _("다시 걸 때가 이미 지났습니다."))
    with transaction.atomic():
        note = Note(
            person_index=customer.person_index,
            customer=customer,
            written_by=staff,
            written_at=clock.now(),
            call_back_at=call_back_at,
            escalated_for=escalated_for,
        )
        if call_back_at is not None and not escalated_for:
            note.owner, note.store = staff, staff.store
        note.words = text.strip()
        if call_back_at is not None:
            note.call_to = call_to or confirmed_number(customer)
        note.save()
        audit.record(
            actor=audit.actor(staff),
            action="note.written",
            object=f"note:{note.pk}",
            subject=customer.pk,
            detail={"call_back": call_back_at is not None, "escalated_for": escalated_for},
        )
    return note


def confirmed_number(customer: Customer, *, came_as: str = "") -> str:
    """The number that this person confirmed last and that is still theirs; "" for none (D-86).

    With `came_as` only filings of such a person count: a proxy's number is not the holder's.
    """
    filings = Filing.objects.filter(person_index=customer.person_index).order_by("-received_at")
    filing = (filings.filter(representation=came_as) if came_as else filings).first()
    return register.confirmed_number_or_blank(filing.contact, confirmed_at=filing.received_at) if filing else ""


def due(staff: User, *, until: dt.datetime) -> QuerySet[Note]:
    """Promised calls that this member of staff may make, due until `until`, the earliest first.

    A store has its own, the call centre those without a store, a supervisor those handed up too.
    """
    calls = Note.objects.filter(call_back_at__lte=until, called_at=None).select_related("customer", "owner")
    if staff.store_id:
        calls = calls.filter(store=staff.store_id)
    elif staff.has_perm("refunds.review_hardship"):
        calls = calls.filter(store=None)
    else:
        calls = calls.filter(store=None, escalated_for="")
    return calls.order_by("call_back_at")


def get(*, note_id: int, staff: User) -> Note:
    """One open call that this member of staff may make. Raises Refused: UNKNOWN, OWN_CASE."""
    note = due(staff, until=dt.datetime.max.replace(tzinfo=dt.UTC)).filter(pk=note_id).first()
    if note is None:
        raise Refused("UNKNOWN", _("걸 전화를 찾을 수 없습니다."))
    close_to_own_case(staff, note.person_index)
    return note


def number_of(note: Note) -> str:
    """The number to call: the one of the promise, else the person's confirmed one; "" for none."""
    return (note.call_to if note.call_to_enc else "") or confirmed_number(note.customer)


def record_look(note: Note, staff: User) -> None:
    """Record that the call, with name and number, was opened."""
    audit.record(
        actor=audit.actor(staff), action="note.call_opened", object=f"note:{note.pk}", subject=note.customer_id
    )


def finish(*, note_id: int, staff: User, outcome: str, again_at: dt.datetime | None = None) -> Note:
    """Record how a try to call ended: reached, no answer (again in two hours, three times in all), or another time.

    Raises Refused: UNKNOWN, OWN_CASE, TIME for another time that is missing or over.
    """
    with transaction.atomic():
        Note.objects.select_for_update().filter(pk=note_id).first()
        note = get(note_id=note_id, staff=staff)
        now = clock.now()
        if outcome == CallOutcome.MOVED and (again_at is None or again_at <= now):
            raise Refused("TIME", _("다시 걸 때를 앞으로의 시각으로 적어 주세요."))
        note.owner = note.owner or staff
        note.calling_at = note.calling_by = note.calling_index = None
        note.outcome = outcome
        if outcome == CallOutcome.NO_ANSWER:
            note.tries += 1
            if note.tries >= TRIES:
                note.outcome, note.called_at = CallOutcome.NOT_REACHED, now
            else:
                note.call_back_at = _in_hours(now + TRY_AGAIN)
        elif outcome == CallOutcome.MOVED:
            note.call_back_at = again_at
        else:
            note.called_at = now
            if note.message_id:
                with suppress(unreached.ReachedError):  # informed another way meanwhile
                    unreached.mark_reached(message_id=note.message_id, channel=unreached.Channel.CALL, by=staff)
        note.save(
            update_fields=[
                "owner", "outcome", "tries", "call_back_at", "called_at", "calling_at", "calling_by", "calling_index"
            ]
        )  # fmt: skip
        audit.record(
            actor=audit.actor(staff),
            action="note.called_back",
            object=f"note:{note.pk}",
            subject=note.customer_id,
            detail={"outcome": note.outcome, "tries": note.tries},
        )
    return note


def escalate(*, customer: Customer, staff: User, reason: str, text: str, answer_at: dt.datetime, call_to: str) -> Note:
    """Hand a call with its reason to a supervisor, who calls by `answer_at`. Raises Refused WORDS, PAST."""
    words = f"{Escalation(reason).label}. {text}".strip()
    return write_note(
        customer=customer, text=words, staff=staff, call_back_at=answer_at, call_to=call_to, escalated_for=reason
    )


def hand_over(user: User) -> int:
    """Pass the open calls of somebody who leaves to the others of the store or the call centre; returns how many."""
    return Note.objects.filter(Q(owner=user), called_at=None, call_back_at__isnull=False).update(owner=None)


def notes_of(customer: Customer) -> list[Note]:
    """Notes on a person, the newest first."""
    return list(
        Note.objects.filter(person_index=customer.person_index)
        .select_related("written_by", "owner")
        .order_by("-id")[:20]
    )


def _in_hours(at: dt.datetime) -> dt.datetime:
    local = at.astimezone(clock.KST)
    if CALL_FROM <= local.time() <= CALL_UNTIL:
        return at
    day = local.date() + dt.timedelta(days=1 if local.time() > CALL_UNTIL else 0)
    return clock.kst(day, CALL_FROM)
