"""The answer to an objection: upheld or declined, by reasons that become the letter."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from eligibility import service as eligibility
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kdate, krw
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds.applications import deadlines, letters, queue, window
from refunds.applications.access import close_to_own_case, locked, refuse_frozen
from refunds.applications.decision import decide
from refunds.applications.facts import facts_of
from refunds.applications.objections import has_day, is_about_amount
from refunds.applications.recheck import reevaluate
from refunds.applications.reviews import decide_line, in_both, record_review
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Lateness, Objection
from refunds.models.reviews import Letter, ReviewCase
from refunds.models.states import UNDER_REVIEW, Status

UPHOLD, DECLINE = "UPHOLD", "DECLINE"


def preview(
    *,
    objection_id: uuid.UUID,
    reviewer: User,
    uphold: bool,
    codes: Sequence[str],
    difference_krw: int | None = None,
    applied_on: dt.date | None = None,
) -> Letter:
    """The letter of an answer; the answer is given and taken back. Raises Refused as `answer_objection`."""
    with transaction.atomic():
        row = answer_objection(
            objection_id=objection_id,
            reviewer=reviewer,
            uphold=uphold,
            codes=codes,
            difference_krw=difference_krw,
            applied_on=applied_on,
        )
        letter = row.letters.get()
        transaction.set_rollback(True)
    return letter


def answer_objection(
    *,
    objection_id: uuid.UUID,
    reviewer: User,
    uphold: bool,
    codes: Sequence[str],
    difference_krw: int | None = None,
    applied_on: dt.date | None = None,
    note: str = "",
) -> Objection:
    """Answer an objection. If it is upheld, the line is decided ELIGIBLE and a rejected application reopened.

    An approved application stays approved: `difference_krw`, the won it gets beyond the amount it contested, is
    proposed as a correction by exception (D-72). `applied_on` is the right day (KST) of an application whose day was
    contested; it is judged anew by that day (D-99). `note` is for staff only.
    Raises Refused: UNKNOWN, ROLE, OWN_CASE, REASONS, STATE, TAKEN, AMOUNT (an upheld amount without its difference),
    DAY (an upheld day without the right one, or one after today), NOT_OPEN, CLOSED.
    """
    if not reviewer.has_perm("refunds.answer_objection"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    letters.chosen(UPHOLD if uphold else DECLINE, codes)
    with transaction.atomic():
        row = (
            Objection.objects.select_for_update(of=("self",)).select_related("line__customer").filter(pk=objection_id)
        ).first()
        if row is None:
            raise Refused("UNKNOWN", _("이의를 찾을 수 없습니다."))
        close_to_own_case(reviewer, row.person_index)
        if row.status != Objection.Status.OPEN:
            raise Refused("STATE", _("이미 답한 이의입니다."))
        case = ReviewCase.objects.filter(objection=row).first()
        if case is not None and queue.is_held_by_other(case, reviewer):
            raise Refused("TAKEN", _("다른 심사자가 보고 있는 이의입니다."))
        if newest := _newest(row):
            locked(newest)  # what is asked now holds until the answer is given, whatever the customer does meanwhile
        about_amount = is_about_amount(row)
        if uphold and row.kind == Objection.Kind.AMOUNT and about_amount and not difference_krw:
            raise Refused("AMOUNT", _("더 드릴 금액을 적어 주세요"))
        if not (uphold and about_amount):
            difference_krw = None
        about_day = uphold and has_day(row)
        if about_day and not (applied_on and applied_on <= clock.today()):
            raise Refused("DAY", _("맞는 신청일을 적어 주세요. 오늘보다 뒤일 수 없습니다."))
        with translation.override("ko"):
            reason = ". ".join(part for part in (letters.labels(codes), note.strip()) if part)
        _close(row, reviewer, uphold=uphold, codes=codes, difference_krw=difference_krw)
        _follow(row, reviewer, uphold=uphold, reason=reason, applied_on=applied_on if about_day else None)
        _tell(row, reviewer, reason)
        return row


def _close(row: Objection, reviewer: User, *, uphold: bool, codes: Sequence[str], difference_krw: int | None) -> None:
    today = clock.today()
    sent_by, again = deadlines.correction_by(today), deadlines.objection_until(today)
    letter = letters.write(
        act=UPHOLD if uphold else DECLINE,
        codes=codes,
        days={},
        values=in_both(lambda: {"won": krw(difference_krw or 0), "due": kdate(sent_by), "until": kdate(again)}),
        language=row.language,
        sent_by=audit.actor(reviewer),
        objection=row,
    )
    row.status = Objection.Status.UPHELD if uphold else Objection.Status.DECLINED
    row.answer, row.answered_at, row.answered_by = letter.body(row.language), clock.now(), reviewer
    row.difference_krw = difference_krw
    if difference_krw:
        row.application_id = _newest(row)
    row.save(update_fields=["status", "answer", "answered_at", "answered_by", "difference_krw", "application"])


def _newest(row: Objection) -> int | None:
    return Application.objects.filter(line=row.line_id).order_by("-id").values_list("pk", flat=True).first()


def _follow(row: Objection, reviewer: User, *, uphold: bool, reason: str, applied_on: dt.date | None) -> None:
    if uphold and row.line.effective_outcome != "ELIGIBLE":
        decide_line(row.line, "ELIGIBLE", reason, reviewer)
    newest = _newest(row)
    last = locked(newest) if newest else None
    if not uphold or last is None:
        return
    columns = _by_day(last, applied_on) if applied_on else {}
    if last.status == Status.REJECTED:
        record_review(last, Status.REVIEW, "OBJECTION_UPHELD", reviewer, reason, reviewed=False, **columns)
    elif columns:
        refuse_frozen(last)  # a round may have been frozen since the page was made
        _judge_anew(last, reviewer, reason, columns)


def _by_day(last: Application, applied_on: dt.date) -> dict[str, Any]:
    """The day of an application and its lateness by it. Raises Refused: NOT_OPEN, CLOSED."""
    lateness = window.lateness(applied_on, programme.current())
    if lateness == Lateness.LATE and window.within_extension(last.previous, applied_on):
        lateness = Lateness.EXTENDED
    return {"applied_on": applied_on, "lateness": lateness}


def _judge_anew(last: Application, reviewer: User, reason: str, columns: dict[str, Any]) -> None:
    """Store the right day of an application, and decide by the table what its day may change.

    An approval stays one, and its promise is made anew. A case that still waits for a person becomes one of the kind
    and level of its new day.
    """
    record_review(last, Status(last.status), "DAY_CORRECTED", reviewer, reason, **columns)
    if last.status in (Status.APPROVED, Status.NEED_DOCS):
        return
    if last.status in UNDER_REVIEW and decide(facts_of(last, reviewed=last.reviewed)).status in {None, *UNDER_REVIEW}:
        ReviewCase.objects.filter(application=last).update(kind="")
        return
    reevaluate(last, actor="system")


def _tell(row: Objection, reviewer: User, reason: str) -> None:
    audit.record(
        actor=audit.actor(reviewer),
        action="objection.answered",
        object=f"objection:{row.pk}",
        subject=row.line.customer_id,
        reason=reason,
        detail={"upheld": row.status == Objection.Status.UPHELD, "difference": row.difference_krw},
    )
    notices.queue(
        kind="objection.answered",
        subject=f"objection:{row.pk}",
        person=row.person_index,
        to=eligibility.confirmed_number_or_blank(row.contact, confirmed_at=row.received_at),
        language=row.language,
    )
