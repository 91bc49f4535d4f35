"""The monthly review of the looks: figures of a month, signed by the auditor and sealed in the chain."""

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from kt_remedy.audit import actions, chain, service
from kt_remedy.audit.models import AuditEntry, AuditHead, AuditSubject, LookMark, LookQuestion, MonthlyReview
from kt_remedy.audit.unusual import Finding
from kt_remedy.core import clock
from kt_remedy.core.errors import Refused


def next_month(month: dt.date) -> dt.date:
    """The first day of the month after."""
    return (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def months() -> list[dt.date]:
    """The first days of the finished months of the audit (KST), latest first."""
    first = AuditEntry.objects.order_by("at").values_list("at", flat=True).first()
    if first is None:
        return []
    found, month = [], clock.kst_date(first).replace(day=1)
    while month < clock.today().replace(day=1):
        found.append(month)
        month = next_month(month)
    return found[::-1]


def figures(month: dt.date, findings: Iterable[Finding]) -> dict[str, Any]:
    """What happened in a month (KST): looks by role, customers, unusual behaviour by kind, questions, heads."""
    since, until = clock.kst(month), clock.kst(next_month(month))
    period = {"at__gte": since, "at__lt": until}
    looks = AuditEntry.objects.filter(action__in=actions.looks(), actor__startswith="staff:", **period)
    asked = LookQuestion.objects.filter(asked_at__gte=since, asked_at__lt=until)
    return {
        "month": f"{month:%Y-%m}",
        "looks": looks.count(),
        "looks_by_role": dict(sorted(looks.values_list("role").annotate(n=Count("pk")))),
        "customers": AuditSubject.objects.filter(**period).values("customer").distinct().count(),
        "reveals": AuditEntry.objects.filter(action__startswith="reveal.", **period).count(),
        "unusual": dict(sorted(Counter(finding.kind for finding in findings).items())),
        "marked": LookMark.objects.filter(**period).count(),
        "questions": asked.count(),
        "questions_late": sum(
            row.answer_by < (clock.kst_date(row.answered_at) if row.answered_at else clock.today()) for row in asked
        ),
        "heads": AuditHead.objects.filter(day__gte=month, day__lt=next_month(month)).count(),
    }


@transaction.atomic
def sign(*, month: dt.date, user: AbstractUser, words: str, seen: dict[str, Any]) -> MonthlyReview:
    """Sign the review of a finished month; its digest becomes an entry of the audit, so the chain seals it.

    `seen` are the figures as the auditor read them. Raises Refused: ROLE, MONTH (not finished), TWICE.
    """
    if not user.has_perm("audit.sign_review"):
        raise Refused("ROLE", _("이 일은 다른 역할이 합니다."))
    if month not in months():
        raise Refused("MONTH", _("끝나지 않은 달은 점검할 수 없습니다."))
    head = chain.end()
    content = json.dumps([seen, words, str(head or "")], ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    actor = service.actor(user)
    try:
        with transaction.atomic():
            review = MonthlyReview(month=month, figures=seen, digest=digest, signed_by=actor, signed_at=clock.now())
            review.words = words
            review.save(force_insert=True)
    except IntegrityError:
        raise Refused("TWICE", _("이미 서명한 달입니다.")) from None
    service.record(
        actor=actor,
        action="review.signed",
        object=f"review:{month:%Y-%m}",
        detail={"sha256": digest, "audit_head": str(head or "")},
    )
    return review
