"""Second looks (D-82): a sample of decisions waits for another person, and costs nobody their round.

A refusal waits until it is read, before the letter leaves. An approval that nobody read by the promised answer day
counts by itself, and so does an application of the sample.
"""

import datetime as dt
import hashlib
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.staff.models import User
from refunds.applications.submit import LateReasonInput
from refunds.applications.transitions import Refused
from refunds.applications.verdict import APPROVE, REJECT, Verdict
from refunds.models.applications import Application
from refunds.models.reviews import ReviewCase

# Hour in Seoul of the promised answer day at which an unread approval counts: before the cut-off of any round.
UNREAD_HOUR = dt.time(16)


def is_drawn(row: Application, case: ReviewCase, act: str) -> bool:
    """True if this decision waits for a second person; always the same answer for the same decision.

    An approval on or after its promised answer day is never drawn, nor one of a hardship, which a supervisor gives.
    """
    percent = {REJECT: settings.SECOND_LOOK_PERCENT, APPROVE: settings.QA_SAMPLE_PERCENT}.get(act, 0)
    late = case.due_on is None or case.due_on <= clock.today()
    if act == APPROVE and (late or case.kind == ReviewCase.Kind.LATE):
        return False
    text = f"{programme.current().code}:second:{row.pk}:{row.decisions.count()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % 100 < percent


def propose(case: ReviewCase, reviewer: User, verdict: Verdict) -> None:
    """Keep a first decision until another person has looked at it. The caller holds the lock of the case."""
    case.proposal = {
        "act": verdict.act,
        "codes": list(verdict.codes),
        "days": {code: day.isoformat() for code, day in (verdict.days or {}).items()},
        "earlier_date": verdict.earlier_date,
        "late": None
        if verdict.late is None
        else [verdict.late.kind, verdict.late.ended_on.isoformat() if verdict.late.ended_on else None],
    }
    case.note = verdict.note
    case.decided_by, case.level = reviewer, ReviewCase.Level.REVIEWER
    case.holder = case.held_until = case.kept_for = case.kept_until = case.parked_until = None
    case.save()


def proposed(case: ReviewCase) -> Verdict:
    """The first decision that a case keeps."""
    kept: dict[str, Any] = case.proposal or {}
    late = kept["late"] and LateReasonInput(kept["late"][0], _day(kept["late"][1]))
    days = {code: dt.date.fromisoformat(day) for code, day in kept["days"].items()}
    return Verdict(kept["act"], tuple(kept["codes"]), days, case.note, late, kept["earlier_date"])


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def agreed(case: ReviewCase, reviewer: User) -> Verdict:
    """The first decision, which a second person lets stand. Raises Refused STATE where nobody decided before."""
    if case.decided_by_id is None or case.decided_by_id == reviewer.pk:
        raise Refused("STATE", _("다시 볼 결정이 없습니다."))
    return proposed(case)


def unread() -> list[ReviewCase]:
    """Approvals of the sample that nobody read by their promised answer day, at most 500.

    One that was parked or asked about was read.
    """
    now = clock.now()
    today = clock.kst_date(now)
    last = today if now >= clock.kst(today, UNREAD_HOUR) else today - dt.timedelta(days=1)
    sample = Q(kind=ReviewCase.Kind.SAMPLE, decided_by=None) | Q(proposal__act=APPROVE)
    rows = ReviewCase.objects.filter(sample, due_on__lte=last, parked_until=None, asked_by=None)
    return list(rows.order_by("due_on", "id")[:500])
