"""Objections: a customer contests the decision on a line, adds to it, takes it back; the day of the answer.

`objection_answers` has the answer of a reviewer.
"""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds import calendar
from refunds.applications import deadlines, desk_sessions
from refunds.applications.access import actor_of, close_to_own_case, may_claim, refuse_frozen
from refunds.applications.text_checks import refuse_registration_number
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Decision, Objection
from refunds.models.reviews import ObjectionAddition, ObjectionDay
from refunds.models.states import Status
from refunds.promise.rules import AGAIN_DAYS


def can_object(line: Line) -> bool:
    """True if the line has a verdict or an amount to contest; False for a line in review."""
    return line.effective_outcome in {"NOT_ELIGIBLE", "NOTHING_DUE", "ELIGIBLE"}


def possible_until(line: Line) -> dt.date:
    """Last day of an objection about a line: 90 days after its last decision was told, and not before late
    applications end (D-81)."""
    told = (
        Decision.objects.filter(application__line=line, to_status__in=[Status.REJECTED, Status.APPROVED])
        .order_by("-id")
        .values_list("decided_at", flat=True)
        .first()
    )
    answered = (
        Objection.objects.filter(line=line, answered_at__isnull=False)
        .order_by("-answered_at")
        .values_list("answered_at", flat=True)
        .first()
    )
    days = [clock.kst_date(moment) for moment in (told, answered) if moment]
    return deadlines.objection_until(max(days, default=dt.date.min))


def object_to(
    *,
    contract_no: str,
    person_index: bytes,
    text: str,
    contact: str,
    language: str = "ko",
    staff: User | None = None,
    kind: str = Objection.Kind.OTHER,
    wanted_krw: int | None = None,
) -> Objection:
    """Receive an objection to the decision on a line; its answer is due by the date the customer is shown.

    `kind` says what is contested, `wanted_krw` the won that the customer takes to be right where it is the amount.
    A line has one open objection: sent twice, it is the first one.
    Raises Refused: LINES, WORDS, CLOSED (D-81); ValidationError for text that looks like a registration number.
    """
    refuse_registration_number(text)
    if not text.strip():
        raise Refused("WORDS", _("어떤 점이 다른지 적어 주세요"))
    with transaction.atomic():
        line = Line.objects.select_related("customer").filter(pk=contract_no).first()
        if line is None or not may_claim(line.customer, person_index, "GUARDIAN") or not can_object(line):
            raise Refused("LINES", _("회선을 찾을 수 없습니다."))
        desk_sessions.require(staff, line.customer.person_index)
        if clock.today() > possible_until(line):
            raise Refused("CLOSED", _("이의를 내실 수 있는 날이 지났습니다. 사정이 있으시면 전화로 알려 주세요."))
        row = Objection(
            id=uuid.uuid4(),
            line=line,
            application=line.applications.order_by("-id").first(),
            person_index=person_index,
            verdict_outcome=line.effective_outcome,
            verdict_reasons=line.reasons,
            amount_seen_krw=line.refundable_krw,
            kind=kind,
            wanted_krw=wanted_krw if kind == Objection.Kind.AMOUNT else None,
            received_at=clock.now(),
            answer_by=deadlines.objection_by(clock.today()),
            language=language,
        )
        row.words, row.contact = text.strip(), contact
        row = Objection.objects.bulk_create([row], ignore_conflicts=True)[0]
        before = Objection.objects.filter(line=line, status=Objection.Status.OPEN).get()
        if before.pk != row.pk:
            return before
        audit.record(
            actor=actor_of(staff),
            action="objection.received",
            object=f"objection:{row.pk}",
            subject=line.customer_id,
        )
        notices.queue(
            kind="objection.received",
            subject=f"objection:{row.pk}",
            person=person_index,
            to=contact,
            language=language,
            context={"answer_by": row.answer_by},
        )
        ObjectionDay.objects.create(objection=row, day=row.answer_by, promised_at=row.received_at)
        return before


def _own(objection_id: uuid.UUID, person_index: bytes | None, staff: User | None) -> Objection:
    """Lock an open objection of a person; staff need that person's live session. Raises Refused: UNKNOWN, OWN_CASE,
    PROOF, STATE."""
    rows = Objection.objects.select_for_update(of=("self",)).select_related("line__customer")
    row = rows.filter(pk=objection_id).first()
    if row is None or (person_index is not None and bytes(row.person_index) != bytes(person_index)):
        raise Refused("UNKNOWN", _("이의를 찾을 수 없습니다."))
    close_to_own_case(staff, row.person_index)
    desk_sessions.require(staff, row.line.customer.person_index)
    if row.status != Objection.Status.OPEN:
        raise Refused("STATE", _("이미 답한 이의입니다."))
    return row


def add_to(*, objection_id: uuid.UUID, text: str, person_index: bytes | None = None, staff: User | None = None) -> None:
    """Add words to an open objection, of the person who objected or written down by staff in their presence.

    Raises Refused: UNKNOWN, OWN_CASE, PROOF, STATE, WORDS; ValidationError for text like a registration number.
    """
    refuse_registration_number(text)
    if not text.strip():
        raise Refused("WORDS", _("더 하실 말씀을 적어 주세요"))
    with transaction.atomic():
        row = _own(objection_id, person_index, staff)
        if (last := row.additions.order_by("-id").first()) is not None and last.words == text.strip():
            return  # sent twice
        added = ObjectionAddition(objection=row, key=uuid.uuid4(), added_by=actor_of(staff), added_at=clock.now())
        added.words = text.strip()
        added.save()
        audit.record(
            actor=actor_of(staff),
            action="objection.added_to",
            object=f"objection:{row.pk}",
            subject=row.line.customer_id,
        )


def take_back(*, objection_id: uuid.UUID, person_index: bytes | None = None, staff: User | None = None) -> None:
    """Close an open objection because the person takes it back. Raises Refused: UNKNOWN, OWN_CASE, PROOF, STATE."""
    with transaction.atomic():
        row = _own(objection_id, person_index, staff)
        row.status, row.withdrawn_at = Objection.Status.WITHDRAWN, clock.now()
        row.save(update_fields=["status", "withdrawn_at"])
        audit.record(
            actor=actor_of(staff),
            action="objection.withdrawn",
            object=f"objection:{row.pk}",
            subject=row.line.customer_id,
        )


def promise_again(*, limit: int = 500) -> int:
    """Promise another day for each objection whose answer day passed without an answer, and tell the customer.

    Returns how many. Safe to run twice: a promised day lies ahead.
    """
    today = clock.today()
    passed = Objection.objects.filter(status=Objection.Status.OPEN, answer_by__lt=today).order_by("answer_by", "id")
    moved = 0
    for pk in list(passed.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            row = Objection.objects.select_for_update(skip_locked=True).filter(pk=pk, answer_by__lt=today).first()
            if row is None or row.status != Objection.Status.OPEN:
                continue
            while row.answer_by < today:
                row.answer_by = calendar.business_days_after(row.answer_by, AGAIN_DAYS)
            row.save(update_fields=["answer_by"])
            ObjectionDay.objects.create(objection=row, day=row.answer_by, promised_at=clock.now())
            notices.queue(
                kind="promise.answer_passed",
                subject=f"objection:{row.pk}:{row.answer_by}",
                person=row.person_index,
                to=eligibility.confirmed_number_or_blank(row.contact, confirmed_at=row.received_at),
                language=row.language,
                context={"answer_by": row.answer_by},
            )
            moved += 1
    return moved


def passed_day(row: Objection) -> dt.date | None:
    """The answer day that passed before the one that stands; None if the first one still does."""
    days = list(row.days.order_by("-id").values_list("day", flat=True)[:2])
    return days[1] if len(days) > 1 and row.status == Objection.Status.OPEN else None


def is_about_amount(row: Objection) -> bool:
    """True if the contested line is eligible and its application approved: only its amount can be meant (D-72), unless
    the customer contests its day."""
    if row.kind == Objection.Kind.DATE:
        return False
    newest = Application.objects.filter(line=row.line_id).order_by("-id").first()
    return row.line.effective_outcome == "ELIGIBLE" and newest is not None and newest.status == Status.APPROVED


def has_day(row: Objection) -> bool:
    """True if the contested day is that of an application which can still be judged by another day of application
    (D-99): not one that was withdrawn, or is in a batch or paid."""
    newest = Application.objects.filter(line=row.line_id).order_by("-id").first()
    if row.kind != Objection.Kind.DATE or newest is None or newest.status == Status.WITHDRAWN:
        return False
    try:
        refuse_frozen(newest)
    except Refused:
        return False
    return True


def open_objections() -> QuerySet[Objection]:
    """Objections without an answer, the earliest due first."""
    return Objection.objects.filter(status=Objection.Status.OPEN).select_related("line__customer").order_by("answer_by")
