"""The reviewers' list, and one decision on several cases with a page that says what each person will read."""

import hashlib
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from kt_remedy.core import clock, masking
from kt_remedy.core.access import permission_required
from refunds.applications import objections, presenters, queue, reviews, staff_presenters
from refunds.applications.reviews import APPROVE, ASK_DOCUMENTS, REJECT
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Channel
from refunds.models.reviews import ReviewCase
from refunds.views.review_case import digest, reviewer_of
from refunds.views.review_forms import CaseForm, act_label

PER_PAGE = 50
SORTS = {
    "due": ("review_case__due_on", "review_case__id"),
    "most": ("-amount_seen_krw", "review_case__id"),
    "kind": ("review_case__kind", "review_case__due_on", "review_case__id"),
}


@permission_required("refunds.view_review")
@never_cache
@require_GET
def work_list(request: HttpRequest) -> HttpResponse:
    """Cases that wait for a reviewer, the earliest promised answer first; several can be decided alike at once."""
    picked = {name: request.GET.get(name, "") for name in ("kind", "door", "due", "who", "sort")}
    rows = _filtered(queue.waiting(), picked, reviewer_of(request).pk)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    today = clock.today()
    context = {
        "cases": [
            {
                "row": row,
                "case": row.review_case,
                "name": masking.name(row.line.customer.holder_name or ""),
                "line": presenters.line_name(row),
                "late": row.review_case.due_on is not None and row.review_case.due_on < today,
                "holder": staff_presenters.staff_name(row.review_case.holder or row.review_case.kept_for),
            }
            for row in page
        ],
        "page": page,
        "filters": [
            ("kind", _("종류"), picked["kind"], ReviewCase.Kind.choices),
            ("door", _("접수처"), picked["door"], Channel.choices),
            ("due", _("답할 날"), picked["due"], [("late", _("기한 지난 것만")), ("today", _("오늘까지"))]),
            ("who", _("맡은 사람"), picked["who"], [("me", _("나")), ("nobody", _("아무도 없음"))]),
            (
                "sort",
                _("보는 차례"),
                picked["sort"],
                [("due", _("답할 날이 이른 것부터")), ("most", _("금액이 큰 것부터")), ("kind", _("종류별로"))],
            ),
        ],
        "query": urlencode({name: value for name, value in picked.items() if value}),
        "picked": any(picked.values()),
        "filtered": any(value for name, value in picked.items() if name != "sort"),
        "all_picked": "all" in request.GET,
        "bulk": _bulk_form(None, picked["kind"]),
        "objections": objections.open_objections()[:50],
        "today": today,
        "case_lease": queue.CASE_LEASE,
    }
    return render(request, "refunds/review_list.html", context)


def _filtered(rows: QuerySet[Application], picked: dict[str, str], user_id: int) -> QuerySet[Application]:
    rows = rows.select_related("review_case__kept_for")
    if picked["kind"] in ReviewCase.Kind.values:
        rows = rows.filter(review_case__kind=picked["kind"])
    if picked["door"] in Channel.values:
        rows = rows.filter(channel=picked["door"])
    if picked["due"] == "late":
        rows = rows.filter(review_case__due_on__lt=clock.today())
    elif picked["due"] == "today":
        rows = rows.filter(review_case__due_on__lte=clock.today())
    held = {"review_case__held_until__gt": queue.wall()}
    if picked["who"] == "me":
        rows = rows.filter(review_case__holder=user_id, **held)
    elif picked["who"] == "nobody":
        rows = rows.exclude(**held)
    return rows.order_by(*SORTS[picked["sort"]]) if picked["sort"] in SORTS else rows


def _bulk_form(posted: Any, kind: str) -> CaseForm:
    return CaseForm(posted, acts=[APPROVE, REJECT, ASK_DOCUMENTS], case_kind=kind, days={})


@permission_required("refunds.review_application")
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Show what each person will read of one decision on several cases, and carry it out once that was confirmed."""
    user, form = reviewer_of(request), _bulk_form(request.POST, "")
    ids = sorted({int(pk) for pk in request.POST.getlist("case") if pk.isdecimal()})[:PER_PAGE]
    conflicts: list[tuple[int, str]] = []
    rows: list[dict[str, Any]] = []
    if not ids:
        messages.warning(request, _("함께 결정할 건을 골라 주세요"))
        return redirect("refunds:review")
    if form.is_valid():
        rows, conflicts = _shown(ids, user, form)
        seen = _digest(rows)
        if "send" in request.POST and not conflicts and request.POST.get("seen") == seen:
            try:
                count = reviews.decide_all(application_ids=ids, reviewer=user, verdict=form.verdict())
            except reviews.Conflicts as error:
                conflicts = error.conflicts
            else:
                messages.success(request, _("%(count)s건을 결정했습니다.") % {"count": count})
                return redirect("refunds:review")
    references = dict(Application.objects.filter(pk__in=ids).values_list("pk", "filing__reference"))
    context = {
        "form": form,
        "ids": ids,
        "rows": rows,
        "seen": _digest(rows),
        "act": act_label(form.cleaned_data["act"]) if form.is_valid() else "",
        "conflicts": [(pk, references.get(pk, ""), why) for pk, why in conflicts],
        "posted": [
            (name, value) for name in request.POST for value in request.POST.getlist(name)
            if name in {"act", "codes", "words"} or name.startswith("day_")
        ],
    }  # fmt: skip
    return render(request, "refunds/review_bulk.html", context, status=422 if form.errors or conflicts else 200)


def _shown(ids: list[int], user: Any, form: CaseForm) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """What each person would read, and the cases that cannot be decided so."""
    rows, conflicts = [], []
    found = Application.objects.select_related("filing", "line__customer").in_bulk(ids)
    for pk in ids:
        try:
            preview = reviews.preview(application_id=pk, reviewer=user, verdict=form.verdict())
        except Refused as refused:
            conflicts.append((pk, refused.message))
            continue
        row = found[pk]
        rows.append(
            {
                "row": row, "preview": preview, "name": masking.name(row.line.customer.holder_name or ""),
                "line": presenters.line_name(row), "digest": digest(preview),
            }
        )  # fmt: skip
    return rows, conflicts


def _digest(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(":".join(row["digest"] for row in rows).encode()).hexdigest()[:32]
