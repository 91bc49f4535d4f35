"""Admin pages of the register: deliveries, rejected rows, the reviewers' queue of lines, and line decisions."""

import io
import tempfile
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from eligibility import presenters, service
from eligibility.feed import load, reports
from eligibility.models import Feed, Line, LineDecision, Outcome, Reject
from kt_remedy.audit import service as audit
from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock, programme, text
from kt_remedy.core.access import permission_required
from kt_remedy.core.fields import TextField
from kt_remedy.core.templatetags.remedy import krw
from kt_remedy.staff.models import User

REJECTS_SHOWN = 20


class RejectsForm(forms.Form):
    """Reason for a download of rejected rows."""

    reason = TextField(
        label=gettext_lazy("내려받는 이유"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@admin.register(Feed)
class FeedAdmin(RoleAdmin):
    """Deliveries with their counts; a running load shows its progress."""

    view_permission = "eligibility.view_feed"
    list_display = (
        "as_of",
        "state",
        "progress_text",
        "duration",
        "lines_read",
        "bills_read",
        "rejected",
        "verdicts_changed",
    )
    list_filter = ("state",)
    ordering = ("-id",)
    fields = (
        "as_of", "state", "progress_text", "fault", "started_at", "finished_at", "duration", "lines_read", "lines_new",
        "lines_changed", "customers_new", "customers_changed", "blank_names", "bills_read", "bills_new",
        "bills_changed", "lines_rejected", "bills_rejected", "verdicts_changed", "programme_version", "lines_sha256",
        "bills_sha256",
    )  # fmt: skip
    readonly_fields = fields

    change_form_template = "admin/eligibility/feed.html"
    change_list_template = "admin/eligibility/feed_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the download of rejected rows and the progress of a running load to the pages of ModelAdmin."""
        view = self.admin_site.admin_view
        return [
            path("progress/", view(self.progress_view), name="eligibility_feed_progress"),
            path("<int:feed_id>/rejects/", view(self.rejects_view), name="eligibility_feed_rejects"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The list, and above it the progress of the running load."""
        context = {"title": _("데이터 수신"), "running": self._running_feed()}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Counts and duration of a delivery, its first rejected rows, and the form to download all of them."""
        feed = self.get_object(request, object_id)
        context: dict[str, Any] = {
            "shown": REJECTS_SHOWN,
            "running": self._running_feed(),
            "rejects_form": RejectsForm(),
        }
        if feed is not None:
            rejects = feed.rejects.order_by("id")[:REJECTS_SHOWN]
            context |= {"feed": feed, "took": self.duration(feed), "rejects": rejects}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    @permission_required("eligibility.view_feed")
    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """HTML fragment with the progress of the running load; empty after its end."""
        return TemplateResponse(request, "admin/eligibility/feed_progress.html", {"running": self._running_feed()})

    @permission_required("eligibility.download_rejects")
    def rejects_view(self, request: HttpRequest, feed_id: int) -> HttpResponseBase:
        """Download the rejected rows of a delivery as CSV, by POST; the reason is recorded in the audit."""
        feed = get_object_or_404(Feed, pk=feed_id)
        feed_url = reverse("admin:eligibility_feed_change", args=[feed.pk])
        form = RejectsForm(request.POST or None)
        if request.method != "POST":
            return HttpResponseRedirect(feed_url)
        if not form.is_valid():
            messages.error(request, _("내려받는 이유를 적어 주세요."))
            return HttpResponseRedirect(feed_url)
        audit.record(
            actor=audit.actor(request.user),
            action="feed.rejects_downloaded",
            object=f"feed:{feed.pk}",
            reason=form.cleaned_data["reason"],
            detail={"count": feed.rejects.count(), "filters": ["feed"]},
        )
        file = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        reports.write(text, load.rejects_of(feed))
        text.flush()
        text.detach()
        file.seek(0)
        return FileResponse(
            file, as_attachment=True, filename=f"rejects-{feed.as_of}-{feed.pk}.csv", content_type="text/csv"
        )

    def _running_feed(self) -> tuple[Feed, str] | None:
        feed = Feed.objects.filter(state=Feed.State.RUNNING).order_by("-id").first()
        return (feed, self.progress_text(feed)) if feed else None

    @admin.display(description=gettext_lazy("진행"))
    def progress_text(self, feed: Feed) -> str:
        """Per cent and phase of a running load."""
        phases = {"read": _("읽는 중"), "check": _("대조 중"), "judge": _("판정 중"), "merge": _("반영 중")}
        phase = phases.get(feed.phase, "")
        return f"{feed.progress}% {phase}".strip()

    @admin.display(description=gettext_lazy("걸린 시간"))
    def duration(self, feed: Feed) -> str:
        """Duration of the load in minutes and seconds, of a running load until now; "" for an interrupted load."""
        if feed.state == Feed.State.FAILED and feed.fault == "interrupted":
            return ""
        seconds = int(((feed.finished_at or clock.now()) - feed.started_at).total_seconds())
        return _("%(minutes)s분 %(seconds)s초") % {"minutes": seconds // 60, "seconds": seconds % 60}

    @admin.display(description=gettext_lazy("거부된 행"))
    def rejected(self, feed: Feed) -> int:
        """Number of rejected rows of both files."""
        return feed.lines_rejected + feed.bills_rejected


@admin.register(Reject)
class RejectAdmin(RoleAdmin):
    """Rejected rows with masked personal values."""

    view_permission = "eligibility.view_feed"
    list_display = ("feed", "file", "line", "column", "value", "reason")
    list_filter = ("feed",)
    ordering = ("-feed_id", "id")

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The list under its own name."""
        return super().changelist_view(request, {**(extra_context or {}), "title": _("거부된 행")})


class OvertakenFilter(admin.SimpleListFilter):
    """Filter for decisions on lines whose verdict has changed since."""

    title = gettext_lazy("결정한 뒤")
    parameter_name = "overtaken"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        """The single choice of the filter."""
        return [("1", gettext_lazy("판정이 바뀐 회선"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only overtaken decisions, if the filter is set."""
        return queryset.filter(pk__in=service.overtaken_decisions().values("pk")) if self.value() else queryset


@admin.register(LineDecision)
class LineDecisionAdmin(RoleAdmin):
    """Line decisions. New ones are recorded on the page of the line."""

    view_permission = "eligibility.view_line"
    list_display = ("line", "outcome", "reason", "by", "decided_at", "verdict")
    list_filter = ("outcome", OvertakenFilter)
    list_select_related = ("decided_by", "line__customer")
    search_fields = ("=line__contract_no",)
    ordering = ("-id",)
    fields = (*list_display, "refundable", "version")
    readonly_fields = fields

    def subject_of(self, obj: Any) -> str:
        """The holder of the decided line."""
        return obj.line.customer_id

    @admin.display(description=gettext_lazy("정한 사람"), ordering="decided_by__username")
    def by(self, decision: LineDecision) -> str:
        """The name of who decided."""
        return decision.decided_by.first_name or decision.decided_by.username

    @admin.display(description=gettext_lazy("정할 때의 판정"))
    def verdict(self, decision: LineDecision) -> str:
        """The verdict of the rules at the time of the decision, in sentences."""
        codes = [code for code in decision.verdict_reasons.split(";") if code]
        found = presenters.reasons(codes, service.facts_of(decision.line), programme.current())
        return " ".join([f"{presenters.outcome_title(decision.verdict_outcome)}.", *(reason.fact for reason in found)])

    @admin.display(description=gettext_lazy("그때 돌려드릴 금액"))
    def refundable(self, decision: LineDecision) -> str:
        """The refundable amount of that verdict."""
        return krw(decision.verdict_refundable_krw)

    @admin.display(description=gettext_lazy("판정 기준의 판"))
    def version(self, decision: LineDecision) -> str:
        """The version of the programme that gave it."""
        return decision.programme_version


class DecisionForm(forms.Form):
    """A reviewer's decision on a line."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("결정"),
        widget=forms.RadioSelect,
        choices=[
            (Outcome.ELIGIBLE, gettext_lazy("면제 대상으로 인정")),
            (Outcome.NOT_ELIGIBLE, gettext_lazy("대상 아님")),
            (Outcome.NOTHING_DUE, gettext_lazy("돌려드릴 금액 없음")),
        ],
        error_messages={"required": gettext_lazy("결정을 골라 주세요")},
    )
    reason = TextField(
        label=gettext_lazy("사유"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=1000,
        help_text=gettext_lazy("고객에게 설명할 수 있게 적어 주세요. 주민등록번호와 계좌번호는 적지 않습니다."),
        error_messages={"required": gettext_lazy("사유를 적어 주세요")},
    )


@admin.register(Line)
class LineAdmin(RoleAdmin):
    """The reviewers' queue: lines with verdict REVIEW and no decision. The search opens any line by contract number."""

    view_permission = "eligibility.view_line"
    list_display = ("contract_no", "terminated_on", "reasons_text", "expected_penalty_krw", "refundable_krw", "as_of")
    search_fields = ("=contract_no",)
    search_help_text = gettext_lazy("계약번호를 정확히 적어 주세요.")

    def subject_of(self, obj: Any) -> str:
        """The holder of the line."""
        return obj.customer_id

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The queue under its own name."""
        return super().changelist_view(request, {**(extra_context or {}), "title": _("사람의 확인을 기다리는 회선")})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Line]:
        """Only the queue, because the register has millions of lines."""
        return service.awaiting_decision()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Line], search_term: str
    ) -> tuple[QuerySet[Line], bool]:
        """Find any line by its exact contract number."""
        number = text.code(search_term)
        return (Line.objects.select_related("customer").filter(pk=number).order_by("pk") if number else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Line | None:
        """Any line, in the queue or not."""
        return Line.objects.select_related("customer").filter(pk=object_id).first()

    @admin.display(description=gettext_lazy("확인할 점"))
    def reasons_text(self, line: Line) -> str:
        """The reasons of the verdict as sentences."""
        facts = service.facts_of(line)
        return " ".join(reason.fact for reason in presenters.reasons(line.reason_codes, facts, programme.current()))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Facts, bills, trace, verdict history and views of a line, and the form for a line decision."""
        line = self.get_object(request, object_id)
        if line is None:
            raise Http404
        if not self.has_view_permission(request, line):
            raise PermissionDenied
        reviewer: Any = request.user
        form = DecisionForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                service.record_decision(
                    contract_no=line.pk,
                    outcome=form.cleaned_data["outcome"],
                    reason=form.cleaned_data["reason"],
                    decided_by=reviewer,
                )
            except service.NotDecidable as refused:
                form.add_error(None, refused.message)
            else:
                messages.success(request, _("결정을 기록했습니다."))
                return HttpResponseRedirect(reverse("admin:eligibility_line_changelist"))
        if request.method == "GET":
            self._note_look(line)
        current, facts = programme.current(), service.facts_of(line)
        bills = service.bills_of([line.pk])[line.pk]
        checks = service.trace_of(line, bills)
        context = {
            **self.admin_site.each_context(request),
            "title": line.pk,
            "line": line,
            "outcome": presenters.outcome_title(line.effective_outcome),
            "conditions": presenters.conditions(checks, facts, current),
            "bills": [(presenters.item_name(bill.item), bill) for bill in bills],
            "decisions": service.decisions_of([line.pk]).get(line.pk, []),
            "overtaken": service.overtaken_decisions().filter(line=line).exists(),
            "steps": presenters.explain(service.estimate_of(line)),
            "verdicts": [
                (
                    period,
                    Outcome(period.outcome).label,
                    presenters.reasons(period.reasons, period.facts, current),
                )
                for period in service.verdict_periods(line)
            ],
            "views": [self._view_row(entry, line) for entry in service.views_of(line)],
            "form": form if reviewer.has_perm("eligibility.decide_line") else None,
        }
        return TemplateResponse(request, "admin/eligibility/line.html", context, status=422 if form.errors else 200)

    def _view_row(self, entry: AuditEntry, line: Line) -> tuple[AuditEntry, str, str]:
        """A view of the line: audit entry, viewer, and the outcome and amount that a customer saw."""
        if entry.actor != "customer":
            user = User.objects.filter(pk=entry.actor.partition(":")[2]).first()
            return entry, _("직원 %(name)s") % {"name": user.username if user else entry.actor}, ""
        outcome, _reasons, refundable = entry.detail["lines"][line.pk]
        who = _("보호자") if entry.detail["by"] == "guardian" else _("명의자")
        return entry, who, f"{Outcome(outcome).label} · {krw(refundable)}"
