"""Objections: a customer contests the decision on a line, a reviewer answers by a promised date."""

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
from refunds.applications import deadlines
from refunds.applications.access import actor_of, close_to_own_case, locked, may_claim
from refunds.applications.reviews import decide_line, record_review
from refunds.applications.text_checks import refuse_registration_number
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Objection
from refunds.models.states import Status


def can_object(line: Line) -> bool:
    """True if the line has a verdict or an amount to contest; False for a line in review."""
    return line.effective_outcome in {"NOT_ELIGIBLE", "NOTHING_DUE", "ELIGIBLE"}


def object_to(
    *, contract_no: str, person_index: bytes, text: str, contact: str, language: str = "ko", staff: User | None = None
) -> Objection:
    """Receive an objection to the decision on a line; its answer is due by the date the customer is shown.

    A line has one open objection: sent twice, it is the first one.
    Raises Refused: LINES, WORDS; ValidationError for text that looks like a registration number.
    """
    refuse_registration_number(text)
    if not text.strip():
        raise Refused("WORDS", _("어떤 점이 다른지 적어 주세요"))
    with transaction.atomic():
        line = Line.objects.select_related("customer").filter(pk=contract_no).first()
        if line is None or not may_claim(line.customer, person_index, "GUARDIAN") or not can_object(line):
            raise Refused("LINES", _("회선을 찾을 수 없습니다."))
        row = Objection(
            id=uuid.uuid4(),
            line=line,
            application=line.applications.order_by("-id").first(),
            person_index=person_index,
            verdict_outcome=line.effective_outcome,
            verdict_reasons=line.reasons,
            amount_seen_krw=line.refundable_krw,
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
        return before


def answer_objection(
    *, objection_id: uuid.UUID, reviewer: User, uphold: bool, answer: str, difference_krw: int | None = None
) -> Objection:
    """Answer an objection. If it is upheld, the line is decided ELIGIBLE and a rejected application reopened.

    An approved application stays approved: `difference_krw`, the won it gets beyond the amount it contested, is
    proposed as a correction by exception (D-72).
    Raises Refused: UNKNOWN, ROLE, OWN_CASE, WORDS, STATE; ValidationError for a registration number.
    """
    if not reviewer.has_perm("refunds.answer_objection"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not answer.strip():
        raise Refused("WORDS", _("답변을 적어 주세요"))
    refuse_registration_number(answer)
    with transaction.atomic():
        row = (
            Objection.objects.select_for_update(of=("self",)).select_related("line__customer").filter(pk=objection_id)
        ).first()
        if row is None:
            raise Refused("UNKNOWN", _("이의를 찾을 수 없습니다."))
        close_to_own_case(reviewer, row.person_index)
        if row.status != Objection.Status.OPEN:
            raise Refused("STATE", _("이미 답한 이의입니다."))
        row.status = Objection.Status.UPHELD if uphold else Objection.Status.DECLINED
        row.answer, row.answered_at, row.answered_by = answer.strip(), clock.now(), reviewer
        row.difference_krw = difference_krw if uphold else None
        newest = Application.objects.filter(line=row.line_id).order_by("-id").values_list("pk", flat=True).first()
        if row.difference_krw:
            row.application_id = newest
        row.save(update_fields=["status", "answer", "answered_at", "answered_by", "difference_krw", "application"])
        if uphold and row.line.effective_outcome != "ELIGIBLE":
            decide_line(row.line, "ELIGIBLE", answer, reviewer)
        last = locked(newest) if newest else None
        if uphold and last is not None and last.status == Status.REJECTED:
            record_review(last, Status.REVIEW, "OBJECTION_UPHELD", reviewer, answer, reviewed=False)
        audit.record(
            actor=audit.actor(reviewer),
            action="objection.answered",
            object=f"objection:{row.pk}",
            subject=row.line.customer_id,
            reason=answer.strip(),
            detail={"upheld": uphold, "difference": row.difference_krw},
        )
        notices.queue(
            kind="objection.answered",
            subject=f"objection:{row.pk}",
            person=row.person_index,
            to=eligibility.confirmed_number_or_blank(row.contact, confirmed_at=row.received_at),
            language=row.language,
        )
        return row


def is_about_amount(row: Objection) -> bool:
    """True if the contested line is eligible and its application approved: only its amount can be meant (D-72)."""
    newest = Application.objects.filter(line=row.line_id).order_by("-id").first()
    return row.line.effective_outcome == "ELIGIBLE" and newest is not None and newest.status == Status.APPROVED


def open_objections() -> QuerySet[Objection]:
    """Objections without an answer, the earliest due first."""
    return Objection.objects.filter(status=Objection.Status.OPEN).select_related("line__customer").order_by("answer_by")
