"""The part of the reviews and the reports in the staff console."""

import datetime as dt
from collections import Counter
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, console, masking
from kt_remedy.core.console import Act, Door
from kt_remedy.core.templatetags.remedy import kdate, won
from kt_remedy.staff.models import User
from refunds.applications import queue, staff_presenters
from refunds.applications.verdict import APPROVE, ASK_DOCUMENTS, REJECT
from refunds.models.applications import Decision, Objection
from refunds.models.reviews import Letter, ReviewCase
from refunds.models.states import UNDER_REVIEW, Status

SEE = "refunds.view_review"
# Reviews are due in the course of their day.
DAY_END = dt.time(18)
LISTED = 20


def waiting(user: User) -> int:
    """Cases that wait for the member of staff; nothing for those who only look."""
    return queue.count_for(user)


def acts(user: User) -> list[Act]:
    """The cases that wait for a reviewer, with the day by which the first is due."""
    levels = queue.levels_of(user)
    queue.describe_new()  # a case that just came may be due before all others
    rows = ReviewCase.objects.filter(level__in=levels or ReviewCase.Level.values).exclude(kind="")
    first = rows.order_by("due_on", "id").values_list("due_on", flat=True).first()
    if first is None:
        return []
    today = clock.today()
    due, late = rows.filter(due_on__lte=today).count(), rows.filter(due_on__lt=today).count()
    text = _("오늘 답할 심사 %(count)s건") if due else _("심사 %(count)s건")
    note = _("그 가운데 %(late)s건은 알려 드리기로 한 날이 지났습니다.") % {"late": won(late)} if late else ""
    return [
        Act(
            text=text % {"count": won(due or rows.count())},
            url=reverse("refunds:review"),
            until=clock.kst(first, DAY_END),
            late=first < today,
            mine=bool(levels),
            note=note,
            button=_("심사하러 가기"),
        )
    ]


def home(request: HttpRequest) -> dict[str, Any] | None:
    """The queue by kind and day, what the reader holds, parked and asked about, objections, and their day."""
    user = request.user
    assert isinstance(user, User)
    if not queue.levels_of(user):
        return None
    counts = queue.counts(user)
    kinds = [(kind.value, kind.label, counts[kind.value]) for kind in ReviewCase.Kind if kind.value in counts]
    ages = ("late", "today", "tomorrow", "later", "all")
    return {
        "kinds": [(code, label, [found[age] for age in ages]) for code, label, found in kinds],
        "sum": [counts[""][age] for age in ages],
        "objections": [_contested(row) for row in _open_objections()] if _answers(user) else [],
        "aside": [_aside(case) for case in _of(user)],
        "asked": [_aside(case) for case in _asked(user)],
        "day": _day(user),
        "changed": _changed(user),
        "supervises": user.has_perm("refunds.review_hardship"),
        "today": clock.today(),
    }


def _answers(user: User) -> bool:
    return user.has_perm("refunds.answer_objection")


def _open_objections() -> list[Objection]:
    rows = Objection.objects.filter(status=Objection.Status.OPEN).select_related("line__customer")
    return list(rows.order_by("answer_by", "received_at")[:LISTED])


def _contested(row: Objection) -> dict[str, Any]:
    return {"row": row, "name": masking.name(row.line.customer.holder_name or "")}


def _of(user: User) -> list[ReviewCase]:
    """Cases that the member of staff holds or parked, and those that were answered for them."""
    rows = _cases().filter(holder=user, held_until__gt=queue.wall()) | _cases().filter(kept_for=user)
    return list(rows.distinct().order_by("parked_until", "due_on", "id")[:LISTED])


def _asked(user: User) -> list[ReviewCase]:
    """Questions of the member of staff; of every reviewer for supervisors."""
    rows = _cases().filter(asked_by__isnull=False, level=ReviewCase.Level.SUPERVISOR)
    if not user.has_perm("refunds.review_hardship"):
        rows = rows.filter(asked_by=user)
    return list(rows.order_by("due_on", "id")[:LISTED])


def _cases() -> Any:
    return ReviewCase.objects.select_related(
        "application__filing", "application__line__customer", "objection__line__customer", "asked_by", "answered_by"
    )


def _aside(case: ReviewCase) -> dict[str, Any]:
    line = case.application.line if case.application else case.objection.line  # type: ignore[union-attr]
    name = masking.name(line.customer.holder_name or "")
    if case.application is not None:
        url, name = (
            reverse("refunds:review-case", args=[case.application_id]),
            (f"{name} · {case.application.filing.reference}"),
        )
    else:
        url = reverse("refunds:review-objection", args=[case.objection_id])
        name = f"{name} · {case.objection.get_kind_display()}"  # type: ignore[union-attr]
    return {
        "case": case,
        "name": name,
        "url": url,
        "asked_by": staff_presenters.staff_name(case.asked_by),
        "when": _when(case),
    }


def _when(case: ReviewCase) -> str:
    if case.answer:
        return _("답이 왔습니다")
    if case.parked_until is None:
        return _("보는 중")
    if case.parked_until <= clock.today():
        return _("오늘 다시 나옴")
    return kdate(case.parked_until)


def _day(user: User) -> dict[str, int]:
    """Decisions of the reader today, by what became of the case."""
    made = Letter.objects.filter(sent_at__gte=clock.kst(clock.today()), sent_by=audit.actor(user))
    found = Counter(made.values_list("act", flat=True))
    return {"all": found.total(), "approved": found[APPROVE], "refused": found[REJECT], "asked": found[ASK_DOCUMENTS]}


def _changed(user: User) -> dict[str, Any]:
    """Since the beginning of yesterday: cases that came and still wait, cases that were answered, and the reader's own
    decisions that somebody took back."""
    since = clock.kst(clock.today() - dt.timedelta(days=1))
    came = ReviewCase.objects.filter(level__in=queue.levels_of(user), opened_at__gte=since)
    decided = Decision.objects.filter(decided_at__gte=since, actor__startswith="staff:")
    own = Decision.objects.filter(application=OuterRef("application"), id__lt=OuterRef("id"), actor=audit.actor(user))
    undone = decided.filter(Exists(own), code="UNDONE").exclude(actor=audit.actor(user)).order_by("-id")
    return {
        "came": came.count(),
        # A withdrawal at the desk is no answer.
        "answered": decided.filter(from_status__in=UNDER_REVIEW)
        .exclude(to_status__in=[*UNDER_REVIEW, Status.WITHDRAWN])
        .count(),
        "undone": list(undone.select_related("application__filing")[:LISTED]),
    }


def register() -> None:
    """Register everything above with the console."""
    console.register_area("review", [Door(SEE, "refunds:review", count=waiting)], pages=["refunds:review"])
    console.register_area("reports", [Door("refunds.view_report", "refunds:report")], pages=["refunds:report"])
    console.register_area("reports", [Door("refunds.view_store_day", "refunds:store-day")], pages=["refunds:store-day"])
    console.register_acts(SEE, acts)
    console.register_section(5, SEE, "refunds/home_review.html", home)
    console.register_index(
        [
            Door(SEE, "refunds:review", gettext_lazy("심사"), "review", waiting),
            Door("refunds.view_report", "refunds:report", gettext_lazy("신청 통계"), "watch"),
            Door("refunds.view_store_day", "refunds:store-day", gettext_lazy("우리 매장"), "watch"),
        ]
    )
