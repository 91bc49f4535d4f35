"""A customer's record: looks of staff (D-92) and the way to ask about one, and what stands below them."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from eligibility.models import Customer
from kt_remedy.audit import looks, questions
from kt_remedy.audit.models import AuditEntry, AuditSubject, LookQuestion
from kt_remedy.core import clock, programme
from kt_remedy.core.access import customer
from kt_remedy.core.errors import Refused
from kt_remedy.core.fields import DayField, TextField
from kt_remedy.core.templatetags.remedy import kdate_long
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.portal import my_consents, my_history
from kt_remedy.staff.models import Store
from kt_remedy.staff.roles import ROLE_LABELS
from refunds.promise import rules
from refunds.promise.facts import Situation

DAYS = 30  # on one page


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one customer: when, the role and the place of who looked, and why. Never a name."""

    entry_id: int
    at: dt.datetime
    who: Any
    place: Any
    why: Any
    in_store: bool
    customer: str
    unusual: bool
    question: LookQuestion | None

    @property
    def promise(self) -> str:
        """By when the question is answered, in the words of every promise; "" without an open one."""
        if self.question is None or self.question.answered_at is not None:
            return ""
        asked, day = self.question.asked_at, self.question.answer_by
        return rules.answer(
            Situation.LOOK_QUESTION, since=asked, now=clock.now(), programme=programme.current(), day=day
        ).sentence


@dataclass(slots=True)
class Day:
    """The looks of one day (KST), latest first, and the number of lists in which the customer stood."""

    on: dt.date
    looks: list[Look] = field(default_factory=list)
    lists: int = 0

    @property
    def count(self) -> int:
        """Looks of the day; all its lists are one."""
        return len(self.looks) + bool(self.lists)


class QuestionForm(forms.Form):
    """A question about one look."""

    kind = forms.ChoiceField(
        label=gettext_lazy("무엇이 궁금하신가요"),
        choices=LookQuestion.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("무엇이 궁금하신지 골라 주세요.")},
    )
    words = TextField(
        label=gettext_lazy("더 하실 말씀"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("쓰지 않으셔도 됩니다."),
    )

    def leave_out_the_store(self) -> None:
        """Offer no question about a store, for a look that was in none."""
        kind: Any = self.fields["kind"]
        kind.choices = [choice for choice in kind.choices if choice[0] != LookQuestion.Kind.NEVER_THERE]


class _UntilForm(forms.Form):
    until = DayField()


def looks_at(person: bytes, *, since: dt.date, until: dt.date) -> list[Day]:
    """Looks of staff at a person and at their wards from `since` to `until` (KST, both inclusive), latest day first.

    A page that showed several customers is no line of its own: the lists of a day are counted. What was found unusual
    shows once the auditor checked it. Looks at a ward name no store (D-92).
    """
    own = set(Customer.objects.filter(person_index=person).values_list("pk", flat=True))
    everyone = own | set(Customer.objects.filter(guardian_ci_index=person).values_list("pk", flat=True))
    rows = (
        AuditSubject.objects.filter(
            customer__in=everyone,
            at__gte=clock.kst(since),
            at__lt=clock.kst(until + dt.timedelta(days=1)),
            entry__actor__startswith="staff:",
        )
        .select_related("entry__mark")
        .order_by("-at", "-entry_id")
    )
    shown = {row.entry_id: row for row in rows}
    asked = {row.entry_id: row for row in LookQuestion.objects.filter(entry__in=shown, customer__in=everyone)}
    stores = dict(Store.objects.values_list("code", "name")) if any(row.entry.store for row in rows) else {}
    days = []
    for on, of_day in groupby(shown.values(), key=lambda row: clock.kst_date(row.at)):
        day = Day(on)
        for row in of_day:
            if _is_list(row.entry, everyone):
                day.lists += 1
            else:
                day.looks.append(_look(row, stores if row.customer in own else None, asked.get(row.entry_id)))
        days.append(day)
    return days


@customer
@never_cache
@require_safe
def record(request: VerifiedRequest) -> HttpResponse:
    """The staff who looked at the customer's data, thirty days at a time; below today's, everything else of theirs."""
    return _page(request, _until(request))


@customer
@never_cache
@require_http_methods(["POST"])
def ask(request: VerifiedRequest, entry_id: int) -> HttpResponse:
    """Ask about one look; the page says by when it is answered."""
    me = request.person
    found = AuditSubject.objects.filter(entry_id=entry_id, customer__in=_customers(me.ci_index)).first()
    if found is None:
        raise Http404
    form = QuestionForm(request.POST, prefix=f"look-{entry_id}")
    if not form.is_valid():
        return _page(request, clock.kst_date(found.at), form=form, asking=entry_id)
    try:
        question = questions.ask(
            entry_id=entry_id,
            customer=found.customer,
            person=me.ci_index,
            kind=form.cleaned_data["kind"],
            words=form.cleaned_data["words"],
            contact=me.phone,
            language=(get_language() or "ko")[:2],
        )
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        text = _("물으신 것을 받았습니다. %(day)s까지 여기와 문자로 답합니다.")
        messages.success(request, text % {"day": kdate_long(question.answer_by)})
    return redirect("portal:my-record")


def _page(
    request: VerifiedRequest, until: dt.date, *, form: QuestionForm | None = None, asking: int = 0
) -> HttpResponse:
    since = until - dt.timedelta(days=DAYS - 1)
    days = looks_at(request.person.ci_index, since=since, until=until)
    forms_of = {look.entry_id: QuestionForm(prefix=f"look-{look.entry_id}") for day in days for look in day.looks}
    if form is not None:
        forms_of[asking] = form
    for look in (look for day in days for look in day.looks if not look.in_store):
        forms_of[look.entry_id].leave_out_the_store()
    context = {
        "days": [
            (day, [(look, forms_of[look.entry_id], look.entry_id == asking) for look in day.looks]) for day in days
        ],
        "count": sum(day.count for day in days),
        "unusual": sum(look.unusual for day in days for look in day.looks),
        "since": since,
        "until": until,
        "recent": until == clock.today(),
        "earlier": since - dt.timedelta(days=1),
        "answer_by": clock.today() + dt.timedelta(days=questions.ANSWER_DAYS),
        "form": form,
        **my_consents.context(request),
    }
    if until == clock.today():
        context |= my_history.context(request.person.ci_index)
    return render(request, "portal/my_record.html", context, status=422 if form is not None else 200)


def _until(request: HttpRequest) -> dt.date:
    form = _UntilForm(request.GET)
    return min(form.cleaned_data["until"], clock.today()) if form.is_valid() else clock.today()


def _customers(person: bytes) -> list[str]:
    return list(
        Customer.objects.filter(Q(person_index=person) | Q(guardian_ci_index=person)).values_list("pk", flat=True)
    )


def _is_list(entry: AuditEntry, customers: Collection[str]) -> bool:
    return entry.subject not in customers


def _look(row: AuditSubject, stores: dict[str, str] | None, question: LookQuestion | None) -> Look:
    entry = row.entry
    if entry.store:
        place = _("매장") if stores is None else stores.get(entry.store, _("매장"))
    else:
        place = _("고객센터") if entry.role == "agent" else _("본사")
    return Look(
        entry_id=entry.pk,
        at=entry.at,
        who=ROLE_LABELS.get(entry.role, _("직원")),
        place=place,
        why=looks.purpose(entry),
        in_store=bool(entry.store),
        customer=row.customer,
        unusual=hasattr(entry, "mark"),
        question=question,
    )
