"""The auditor's desk: search the looks, unusual behaviour, questions of customers, the monthly review, heads."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from eligibility.models import Customer, Line
from kt_remedy.audit import actions, heads, looks
from kt_remedy.audit import questions as asked
from kt_remedy.audit import reviews as monthly
from kt_remedy.audit import service as audit
from kt_remedy.audit import unusual as rules
from kt_remedy.audit.models import AuditEntry, AuditHead, AuditSubject, LookQuestion, MonthlyReview
from kt_remedy.core import clock, console
from kt_remedy.core.access import permission_required
from kt_remedy.core.errors import Refused
from kt_remedy.core.fields import DayField, TextField
from kt_remedy.notices import service as notices
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from kt_remedy.staff.roles import ROLE_LABELS
from kt_remedy.staff.service import has_fresh_second_factor

SHOWN = 50


class SearchForm(forms.Form):
    """The search of the auditor; every field narrows the list."""

    customer = TextField(
        label=gettext_lazy("고객번호나 계약번호"), required=False, max_length=40,
        help_text=gettext_lazy("이 고객을 본 모든 화면을 찾습니다."),
    )  # fmt: skip
    staff = TextField(label=gettext_lazy("직원 계정"), required=False, max_length=150)
    kind = forms.ChoiceField(label=gettext_lazy("종류"), required=False)
    store = TextField(label=gettext_lazy("매장 번호"), required=False, max_length=10)
    since = DayField(label=gettext_lazy("언제부터"), required=False)
    until = DayField(label=gettext_lazy("언제까지"), required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        kind: Any = self.fields["kind"]
        kind.choices = [("", gettext_lazy("모두")), *actions.labels()]

    def clean_customer(self) -> str:
        """The customer number, also of a contract number."""
        typed = self.cleaned_data["customer"]
        if not typed or Customer.objects.filter(pk=typed).exists():
            return typed
        return Line.objects.filter(pk=typed).values_list("customer_id", flat=True).first() or typed

    def clean(self) -> dict[str, Any]:
        """The period the right way round, and a member of staff who exists."""
        data = super().clean() or self.cleaned_data
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            self.add_error("until", _("시작한 날보다 뒤의 날을 적어 주세요."))
        if data.get("staff") and not User.objects.filter(username=data["staff"]).exists():
            self.add_error("staff", _("그런 직원 계정이 없습니다."))
        return data

    def entries(self) -> QuerySet[AuditEntry]:
        """The entries that fit, latest first."""
        data, rows = self.cleaned_data, AuditEntry.objects.order_by("-at", "-id")
        if data["customer"]:
            shown = AuditSubject.objects.filter(entry=OuterRef("pk"), customer=data["customer"])
            rows = rows.filter(Q(subject=data["customer"]) | Exists(shown))
        if data["staff"]:
            rows = rows.filter(actor=audit.actor(User.objects.get(username=data["staff"])))
        if data["kind"]:
            rows = rows.filter(action__startswith=f"{data['kind']}.")
        if data["store"]:
            there = [audit.actor(user) for user in User.objects.filter(store__code=data["store"])]
            rows = rows.filter(Q(store=data["store"]) | Q(store="", actor__in=there))
        if data["since"]:
            rows = rows.filter(at__gte=clock.kst(data["since"]))
        if data["until"]:
            rows = rows.filter(at__lt=clock.kst(data["until"] + dt.timedelta(days=1)))
        return rows


class MarkForm(forms.Form):
    """The reason of a mark."""

    reason = TextField(label=gettext_lazy("살펴본 결과"), max_length=300)
    finding = TextField(widget=forms.HiddenInput)


class WordsForm(forms.Form):
    """An answer to a customer, or the opinion of a review."""

    words = TextField(label=gettext_lazy("답변"), max_length=2000, widget=forms.Textarea(attrs={"rows": 5}))


@permission_required("audit.view_entry")
@never_cache
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The acts and looks that fit, by customer, member of staff, kind, store and period."""
    form = SearchForm(request.GET or None)
    page = None
    if form.is_bound and form.is_valid():
        looks.note(object="audit", subject=form.cleaned_data["customer"], filters=sorted(form.changed_data))
        rows = form.entries().prefetch_related("customers")
        page = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
        for row in page:
            for customer in {row.subject, *(one.customer for one in row.customers.all())} - {""}:
                looks.seen(customer)
    names = _names(row.actor for row in page or ())
    context = {
        "form": form,
        "page": page,
        "rows": [
            (row, names.get(row.actor, row.actor), _role(row.role), actions.label_of(row.action)) for row in page or ()
        ],
        "query": urlencode([(key, str(value)) for key, value in request.GET.items() if key != "page"]),
        "open_questions": LookQuestion.objects.filter(answered_at=None).count(),
        "head": heads.latest(),
    }
    return render(request, "portal/audit_search.html", context, status=422 if form.errors else 200)


@permission_required("audit.view_entry")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unusual(request: HttpRequest) -> HttpResponse:
    """Unusual behaviour of the last thirty days; marked looks show to their customers (D-92)."""
    until = clock.today()
    found = _findings(until - dt.timedelta(days=29), until)
    form = MarkForm(request.POST) if request.method == "POST" else None
    if form is not None and form.is_valid():
        chosen = next((one for one in found if _key(one) == form.cleaned_data["finding"]), None)
        if chosen is None:
            raise Http404
        try:
            count = rules.mark(finding=chosen, user=_user(request), reason=form.cleaned_data["reason"])
        except Refused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, _("%(n)s건을 평소와 다른 조회로 표시했습니다.") % {"n": count})
        return redirect("portal:audit-unusual")
    names = _names(one.actor for one in found)
    context = {
        "form": form,
        "rows": [(one, names.get(one.actor, one.actor), _key(one), _search_url(one, names)) for one in found],
        "limits": rules.thresholds(),
        "kinds": rules.KINDS,
    }
    return render(request, "portal/audit_unusual.html", context, status=422 if form is not None else 200)


@permission_required("audit.answer_question")
@never_cache
@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """Questions of customers about looks: the open ones by their answer day, then the latest answers."""
    rows = LookQuestion.objects.select_related("entry")
    open_rows = list(rows.filter(answered_at=None))
    answered = list(rows.filter(answered_at__isnull=False).order_by("-answered_at")[:SHOWN])
    for row in (*open_rows, *answered):
        looks.seen(row.customer)
    context = {"open": open_rows, "answered": answered, "today": clock.today()}
    return render(request, "portal/audit_questions.html", context)


@permission_required("audit.answer_question")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, question_id: uuid.UUID) -> HttpResponse:
    """One question beside its look, and the answer that the customer will read."""
    row = get_object_or_404(LookQuestion.objects.select_related("entry"), pk=question_id)
    looks.note(object=f"question:{row.pk}", subject=row.customer)
    form = WordsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            answer(question_id=row.pk, user=_user(request), words=form.cleaned_data["words"])
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("답했습니다. 고객에게 문자로 알립니다."))
            return redirect("portal:audit-questions")
    entry = row.entry
    context = {
        "question": row,
        "form": form,
        "who": _names([entry.actor]).get(entry.actor, entry.actor),
        "role": _role(entry.role),
        "what": actions.label_of(entry.action),
        "purpose": looks.purpose(entry),
    }
    return render(request, "portal/audit_question.html", context, status=422 if form.errors else 200)


@transaction.atomic
def answer(*, question_id: uuid.UUID, user: User, words: str) -> None:
    """Answer a question and tell the customer by a message. Raises Refused as `questions.answer`."""
    row = asked.answer(question_id=question_id, user=user, words=words)
    notices.queue(
        kind="look.answered",
        subject=f"question:{row.pk}",
        person=row.person_index,
        to=row.contact or "",
        language=row.language,
    )


@permission_required("audit.view_entry")
@never_cache
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """The finished months, signed or not, and the heads that were given out."""
    signed = {row.month: row for row in MonthlyReview.objects.all()}
    names = _names(row.signed_by for row in signed.values())
    months = [(month, signed.get(month)) for month in monthly.months()]
    context = {
        "months": [(month, row, names.get(row.signed_by, "") if row else "") for month, row in months],
        "heads": AuditHead.objects.all()[:SHOWN],
    }
    return render(request, "portal/audit_reviews.html", context)


@permission_required("audit.view_entry")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, year: int, month: int) -> HttpResponse:
    """The figures of one month, and the signature, which needs a recent second factor."""
    try:
        first = dt.date(year, month, 1)
    except (ValueError, OverflowError):
        raise Http404 from None
    if first not in monthly.months():
        raise Http404
    signed = MonthlyReview.objects.filter(month=first).first()
    figures = signed.figures if signed else monthly.figures(first, _findings(first, _last(first)))
    form = WordsForm(request.POST if request.method == "POST" else None)
    form.fields["words"].label = _("감사 의견")
    if request.method == "POST" and form.is_valid():
        if not has_fresh_second_factor(request):
            return redirect(reverse("mfa_reauthenticate") + "?" + urlencode({"next": request.path}))
        try:
            monthly.sign(month=first, user=_user(request), words=form.cleaned_data["words"], seen=figures)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("서명했습니다. 확인값이 사슬에 이어집니다."))
            return redirect("portal:audit-reviews")
    context = {
        "month": first,
        "figures": figures,
        "by_role": [(_role(role), n) for role, n in figures["looks_by_role"].items()],
        "by_kind": [(rules.KINDS[kind], n) for kind, n in figures["unusual"].items()],
        "signed": signed,
        "who": _names([signed.signed_by]).get(signed.signed_by, "") if signed else "",
        "form": form,
    }
    return render(request, "portal/audit_review.html", context, status=422 if form.errors else 200)


@permission_required("audit.view_entry")
@require_safe
def heads_file(request: HttpRequest) -> HttpResponse:
    """Every head that was given out, as the file that `verify_audit --heads` reads."""
    response = HttpResponse(heads.as_csv(AuditHead.objects.order_by("day")), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit-heads.csv"'
    return response


def acts(user: Any) -> list[console.Act]:
    """Acts of today: the questions to answer, each with its day, and the months to sign."""
    rows = LookQuestion.objects.filter(answered_at=None)[:SHOWN]
    found = [
        console.Act(
            text=_("고객 질문: %(asked)s") % {"asked": row.get_kind_display()},
            url=reverse("portal:audit-question", args=[row.pk]),
            until=clock.kst(row.answer_by, dt.time(23, 59)),
            late=row.answer_by < clock.today(),
            mine=True,
            button=_("답하기"),
        )
        for row in rows
    ]
    signed = set(MonthlyReview.objects.values_list("month", flat=True))
    for month in monthly.months():
        if month not in signed:
            url = reverse("portal:audit-review", args=[month.year, month.month])
            text = _("%(month)s 월간 점검에 서명하기") % {"month": f"{month:%Y-%m}"}
            found.append(console.Act(text=text, url=url, mine=True, button=_("점검하기")))
    return found


def home(request: HttpRequest) -> dict[str, Any]:
    """The head of the day on the auditor's home."""
    return {"head": heads.latest()}


def register() -> None:
    """Register the message that an answer is there."""
    notices.register(
        "look.answered",
        label=gettext_lazy("조회에 대한 답"),
        text={
            "ko": "{prefix} 내 정보 조회에 대해 물으신 것에 답했습니다. 내 기록에서 확인하세요. {hotline}(무료)",
            "en": "{prefix} We answered your question about a look at your data. See My record. {hotline}",
        },
        confirmed=True,
    )


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _findings(since: dt.date, until: dt.date) -> list[rules.Finding]:
    return rules.find(since=since, until=until, own_of=_own_of())


def _own_of() -> Callable[[str], Iterable[str]]:
    """Gives the customer numbers of a member of staff and of the household."""
    users = {audit.actor(user): user for user in User.objects.filter(person_index__isnull=False)}

    def own(actor: str) -> list[str]:
        if actor not in users:
            return []
        persons = household.persons(users[actor])
        return list(Customer.objects.filter(person_index__in=persons).values_list("pk", flat=True))

    return own


def _last(month: dt.date) -> dt.date:
    return monthly.next_month(month) - dt.timedelta(days=1)


def _names(actors: Iterable[str]) -> dict[str, str]:
    """User names by actor."""
    ids = {actor.partition(":")[2] for actor in actors if actor.startswith("staff:")}
    return {audit.actor(user): user.username for user in User.objects.filter(pk__in=ids)}


def _role(role: str) -> Any:
    return ROLE_LABELS.get(role, "")


def _key(finding: rules.Finding) -> str:
    return f"{finding.kind}:{finding.actor}:{finding.on}:{finding.entries[0]}"


def _search_url(finding: rules.Finding, names: dict[str, str]) -> str:
    query: dict[str, Any] = {"staff": names.get(finding.actor, ""), "since": finding.on, "until": finding.on}
    return f"{reverse('portal:audit')}?{urlencode(query)}"
