"""Applying on the website, one question per page."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from eligibility import presenters as lines_wording
from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.core import clock, masking, persons, programme
from kt_remedy.core.access import customer
from kt_remedy.core.templatetags.remedy import kdate_long
from kt_remedy.identity.service import VerifiedRequest
from refunds import banks, calendar
from refunds.accounts import consents
from refunds.applications import drafts, presenters, queries, reviews, submit, window
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, OwnerKind
from refunds.models.applications import Application, Channel, Filing, Lateness, LateReason
from refunds.promise import service as promise
from refunds.promise.facts import Promise, Situation
from refunds.promise.sentences import of_lines
from refunds.views.account_entry import enter_account
from refunds.views.forms import AccountForm, ConsentForm, LateForm, LinesForm


@dataclass(slots=True)
class LineOption:
    """A line on the first page; `why_not` is the reason if it cannot be picked."""

    line: Line
    ward: bool
    label: str
    note: str
    won: int
    estimated: bool
    promise: Promise
    why_not: str = ""
    reference: str = ""
    picked: bool = False


@dataclass(slots=True)
class Summary:
    """Sum, lines and promises of the lines that were picked. `differ` is a sentence, empty unless their days differ."""

    label: str
    won: int
    rows: list[tuple[str, str]]
    promises: list[tuple[str, Promise]]  # with the name of the line where they differ
    differ: str
    estimated: bool

    @property
    def certain(self) -> bool:
        """True if nothing but the calendar stands between the filing and the payment of each line."""
        return all(promise.situation == Situation.OFFER for _label, promise in self.promises)


def _options(request: VerifiedRequest, picked: list[str]) -> list[LineOption]:
    me, today = request.person, clock.today()
    own = list(eligibility.lines_of(me.ci_index))
    wards = list(eligibility.lines_of_wards(me.ci_index))
    live = queries.live_applications([line.pk for line in own + wards])
    options = []
    for line in own + wards:
        ward = line in wards
        row = live.get(line.pk)
        application = Application(line=line)
        promised = promise.of_line(line, representation="GUARDIAN" if ward else "SELF")
        # A bill that is not paid yet has its sum, which the promise names; the estimate is another one.
        billed = promised.won if promised.situation == Situation.UNPAID else None
        option = LineOption(
            line=line,
            ward=ward,
            label=f"{lines_wording.product_name(line.product)} {masking.phone(line.msisdn or '')}",
            note=_("%(day)s 해지") % {"day": kdate_long(line.terminated_on)} if line.terminated_on else "",
            won=presenters.amount(application)[1] if billed is None else billed,
            estimated=presenters.is_estimated(application),
            promise=promised,
            picked=line.pk in picked,
        )
        if row is not None:
            option.why_not, option.reference = _("이미 신청하셨습니다."), row.filing.reference
        elif line.effective_outcome not in {"ELIGIBLE", "REVIEW"}:
            option.why_not = lines_wording.outcome_title(line.effective_outcome)
        elif not ward and persons.is_minor(me.birth_date, today):
            option.why_not = _("만 %(age)s세가 되지 않으셨으면 보호자가 신청해 주셔야 합니다.") % {
                "age": persons.ADULT_AGE
            }
        options.append(option)
    return options


def _chosen_lines(request: VerifiedRequest, answers: drafts.Answers) -> list[LineOption]:
    return [option for option in _options(request, answers.lines) if option.picked and not option.why_not]


def _summary(options: list[LineOption]) -> Summary:
    estimated = any(option.estimated for option in options)
    differ = of_lines(option.promise for option in options)
    promises = [(option.label, option.promise) for option in options]
    return Summary(
        label=presenters.amount_label(estimated=estimated),
        won=sum(option.won for option in options),
        rows=[(_("회선"), option.label) for option in options],
        promises=promises if differ else [("", promise) for _label, promise in promises[:1]],
        differ=differ,
        estimated=estimated,
    )


def _rounds(summary: Summary) -> list[calendar.PayoutRound]:
    """The rounds that pay the lines, where nothing but the calendar stands before them."""
    if not summary.certain:
        return []
    days = sorted({promise.day for _label, promise in summary.promises if promise.day})
    found = (calendar.round_on(day, programme.current()) for day in days)
    return [payout_round for payout_round in found if payout_round is not None]


def _needs_late_reason() -> bool:
    """True if an application made today needs a reason (D-31)."""
    return window.lateness(clock.today(), programme.current()) == Lateness.LATE


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    steps = {"apply_lines": _("회선"), "apply_late": _("이유"), "apply_consent": _("동의")}
    steps |= {"apply_account": _("계좌"), "apply_check": _("확인")}
    if not _needs_late_reason():
        del steps["apply_late"]
    context |= {
        "steps": list(steps.values()),
        "current": list(steps).index(template) + 1,
        "step_label": _("신청 단계"),
    }
    status = 422 if context.get("form") is not None and context["form"].errors else 200
    return render(request, f"refunds/{template}.html", context, status=status)


def _window_closed(request: HttpRequest) -> HttpResponse | None:
    try:
        window.lateness(clock.today(), programme.current())
    except Refused as refused:
        context = {"code": refused.code, "window": programme.current().applications}
        return render(request, "refunds/closed.html", context)
    return None


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: VerifiedRequest) -> HttpResponse:
    """First page: which lines. Lines that cannot be picked are listed below with the reason."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person.ci_index
    _key, answers = drafts.load(person_index=me)
    options = _options(request, answers.lines)
    open_ones = [option for option in options if not option.why_not]
    form = LinesForm(
        request.POST if request.method == "POST" else None, contracts=[option.line.pk for option in open_ones]
    )
    if request.method == "POST":
        for option in options:
            option.picked = option.line.pk in request.POST.getlist("lines")
        if form.is_valid():
            picked = [option for option in open_ones if option.picked]
            if len({option.ward for option in picked}) == 1:
                answers.lines = [option.line.pk for option in picked]
                representation = OwnerKind.GUARDIAN if picked[0].ward else OwnerKind.SELF
                if representation != answers.representation:
                    answers.account = answers.candidate = ""
                answers.representation = representation
                drafts.save(answers, person_index=me)
                return redirect(_next_page(answers))
            form.add_error("lines", _("본인 회선과 자녀 회선은 따로 신청해 주세요"))
    return _page(
        request,
        "apply_lines",
        form=form,
        options=open_ones,
        others=[option for option in options if option.why_not],
        late=_needs_late_reason(),
        window=programme.current().applications,
        resumed=bool(answers.lines) and request.method != "POST",
    )


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def late(request: VerifiedRequest) -> HttpResponse:
    """Page after the window only: the reason. Documents to prove it can be sent after filing."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person.ci_index
    _key, answers = drafts.load(person_index=me)
    if not answers.lines or not _needs_late_reason():
        return redirect(_next_page(answers))
    form = LateForm(request.POST if request.method == "POST" else None, initial=answers.late)
    if request.method == "POST" and form.is_valid():
        day = form.cleaned_data["ended_on"]
        answers.late = form.cleaned_data | {"ended_on": day.isoformat() if day else ""}
        drafts.save(answers, person_index=me)
        return redirect(_next_page(answers))
    return _page(request, "apply_late", form=form, days=reviews.HARDSHIP_DAYS)


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: VerifiedRequest) -> HttpResponse:
    """Page after the consent: where the money goes. The bank is asked before the next page, never without it (D-71)."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person
    _key, answers = drafts.load(person_index=me.ci_index)
    options = _chosen_lines(request, answers)
    if not options:
        return redirect("refunds:apply")
    if not answers.consents:
        return redirect(_next_page(answers))
    if request.method == "POST" and "anyway" in request.POST and answers.candidate:
        answers.account = answers.candidate
        drafts.save(answers, person_index=me.ci_index)
        return redirect(_next_page(answers))
    for_ward = answers.representation == OwnerKind.GUARDIAN
    name = options[0].line.customer.holder_name if for_ward else me.name
    form = AccountForm(request.POST if request.method == "POST" else None, for_ward=for_ward, holders=(me.name, name))
    if request.method == "POST" and form.is_valid():
        guardians = form.cleaned_data.get("whose") == "GUARDIAN"
        unusual = banks.unusual_length(form.cleaned_data["bank"], form.cleaned_data["number"])
        entered = enter_account(
            form,
            person_index=me.ci_index,
            holder_name=me.name if guardians else name or "",
            holder_birth=me.birth_date if guardians or not for_ward else options[0].line.customer.birth_date,
            owner_kind=OwnerKind.GUARDIAN if guardians else OwnerKind.SELF,
            contract_nos=answers.lines,
            actor="customer",
            subject=options[0].line.customer_id,
        )
        if entered is not None:
            answers.unusual_length = unusual
            answers.candidate = str(entered.pk)
            answers.account = "" if form.errors else answers.candidate
            drafts.save(answers, person_index=me.ci_index)
            if entered.holder_check.postponed:
                messages.info(
                    request,
                    _(
                        "오늘은 은행에 더 물을 수 없습니다. 이 계좌로 접수하시면 내일 저희가 확인하고,"
                        " 맞지 않으면 문자로 알려 드립니다."
                    ),
                )
            if not form.errors:
                return redirect(_next_page(answers))
    # No account that is refused for its number of tries ends the way: the last one can be filed with.
    no_more = form.has_error("number", "TRIES")
    saved = Account.objects.filter(pk=answers.account).first() if answers.account else None
    return _page(
        request,
        "apply_account",
        form=form,
        name=name,
        person=me,
        for_ward=for_ward,
        saved=saved,
        summary=_summary(options),
        anyway=bool(form.errors and answers.candidate and (form.has_error("number", "holder") or no_more)),
    )


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: VerifiedRequest) -> HttpResponse:
    """Second page: the consent, with the text whose version is kept. The account is asked after it (D-71)."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person.ci_index
    _key, answers = drafts.load(person_index=me)
    options = _chosen_lines(request, answers)
    if not options or _next_page(answers) == "refunds:apply-late":
        return redirect(_next_page(answers) if options else "refunds:apply")
    initial = dict.fromkeys(answers.consents, True)
    form = ConsentForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        answers.consents = dict(submit.CONSENTS)
        drafts.save(answers, person_index=me)
        subject = options[0].line.customer_id
        consents.give_again(me, versions=submit.CONSENTS, actor="customer", subject=subject)
        return redirect(_next_page(answers))
    return _page(
        request,
        "apply_consent",
        form=form,
        version=submit.CONSENTS["privacy"],
        kept_days=settings.ACCOUNT_WIPE_DAYS,
        child=options[0].line.customer.holder_name if options[0].ward else "",
        back=reverse("refunds:apply-late" if _needs_late_reason() else "refunds:apply"),
    )


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: VerifiedRequest) -> HttpResponse:
    """Fourth page: all answers, and the button that submits the application."""
    me = request.person
    key, answers = drafts.load(person_index=me.ci_index)
    if request.method == "POST":
        return _submit(request, answers)
    if not key and Filing.objects.filter(person_index=me.ci_index).exists():
        messages.info(request, _("이미 신청하셨습니다. 아래에서 확인하실 수 있습니다."))
        return redirect("refunds:status")
    if (closed := _window_closed(request)) is not None:
        return closed
    options = _chosen_lines(request, answers)
    step = _next_page(answers) if options else "refunds:apply"
    if step != "refunds:apply-check":
        return redirect(step)
    entered = Account.objects.select_related("holder_check").get(pk=answers.account)
    summary = _summary(options)
    return _page(
        request,
        "apply_check",
        key=key,
        summary=summary,
        options=options,
        account=entered,
        account_note=presenters.account_note(entered, unusual=answers.unusual_length),
        person=me,
        kept_days=settings.ACCOUNT_WIPE_DAYS,
        rounds=_rounds(summary),
        late_reason=LateReason.Kind(answers.late["kind"]).label if _needs_late_reason() else "",
    )


def _submit(request: VerifiedRequest, answers: drafts.Answers) -> HttpResponse:
    me = request.person
    key = request.POST.get("key", "")
    if not answers.account_id or not answers.lines:
        # A second POST, from another tab or after going back: the filing with this key is the answer.
        filed = Filing.objects.filter(idempotency_key=key, person_index=me.ci_index).first() if key else None
        return redirect("refunds:receipt", filed.reference) if filed else redirect("refunds:apply")
    try:
        submitted = submit.submit(
            submit.Submission(
                key=key or str(uuid.uuid4()),
                channel=Channel.WEB,
                person_index=me.ci_index,
                contract_nos=answers.lines,
                account_id=answers.account_id,
                consents=answers.consents,
                contact=me.phone,
                proof={"method": "IDENTITY", "at": me.verified_at.isoformat()},
                language=(get_language() or "ko")[:2],
                representation=OwnerKind(answers.representation),
                representative=me.name if answers.representation == OwnerKind.GUARDIAN else "",
                late_reason=_late_reason(answers.late) if answers.late else None,
            )
        )
    except Refused as refused:
        messages.warning(request, refused.message)
        step = {"ACCOUNT": "refunds:apply-account", "CONSENT": "refunds:apply-consent"}.get(refused.code)
        return redirect(step or "refunds:apply")
    if not submitted.new:
        messages.info(request, _("이미 신청하신 회선입니다. 접수번호는 그대로입니다."))
    return redirect("refunds:receipt", submitted.filing.reference)


def _late_reason(answers: dict[str, str]) -> submit.LateReasonInput:
    """The saved answers of a `LateForm`."""
    day = answers["ended_on"]
    return submit.LateReasonInput(answers["kind"], dt.date.fromisoformat(day) if day else None, answers["words"])


def _next_page(answers: drafts.Answers) -> str:
    """The first page whose question has no answer yet: a change goes straight back to the check."""
    if not answers.lines:
        return "refunds:apply"
    if not answers.late and _needs_late_reason():
        return "refunds:apply-late"
    if not answers.consents:
        return "refunds:apply-consent"
    if not answers.account:
        return "refunds:apply-account"
    return "refunds:apply-check"
