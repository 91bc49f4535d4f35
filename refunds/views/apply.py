"""Applying on the website, one thing per page, and the status afterwards. Views read, call one service, answer."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from eligibility import presenters as lines_wording
from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.core import clock, masking, persons, programme
from kt_remedy.core.access import customer
from kt_remedy.core.templatetags.remedy import kdate, kdate_long
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.notices import service as notices
from refunds import banks, calendar
from refunds.accounts import service as accounts
from refunds.applications import documents, drafts, presenters, reviews, service
from refunds.applications.forms import AccountForm, ConsentForm, DocumentsForm, LateForm, LinesForm
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, HolderCheck, OwnerKind
from refunds.models.applications import Application, Channel, Filing, Lateness, LateReason
from refunds.models.states import Status


@dataclass(slots=True)
class Option:
    """A line as the first page shows it; `why_not` says why it cannot be picked."""

    line: Line
    ward: bool
    label: str
    note: str
    won: int
    estimated: bool
    day: dt.date | None
    why_not: str = ""
    reference: str = ""
    picked: bool = False


@dataclass(slots=True)
class Summary:
    """What is being applied for: the sum, the lines, the pay days."""

    label: str
    won: int
    rows: list[tuple[str, str]]
    days: list[dt.date]
    estimated: bool
    wait: bool


def _options(request: VerifiedRequest, picked: list[str]) -> list[Option]:
    me, today = request.person, clock.today()
    own = list(eligibility.lines_of(me.ci_index))
    wards = list(eligibility.lines_of_wards(me.ci_index))
    live = service.live_applications([line.pk for line in own + wards])
    options = []
    for line in own + wards:
        ward = line in wards
        row = live.get(line.pk)
        label, won = presenters.amount(Application(line=line))
        option = Option(
            line=line,
            ward=ward,
            label=f"{lines_wording.product_name(line.product)} {masking.phone(line.msisdn or '')}",
            note=_("%(day)s 해지") % {"day": kdate_long(line.terminated_on)} if line.terminated_on else "",
            won=won,
            estimated=label != _("돌려받을 금액"),
            day=_pay_day(line),
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


def _pay_day(line: Line) -> dt.date | None:
    frame = programme.current()
    ended = line.terminated_on or frame.waiver.terminated_to
    return calendar.due_on(ended, clock.today(), clock.now(), frame)


def _chosen(request: VerifiedRequest, answers: drafts.Answers) -> list[Option]:
    return [option for option in _options(request, answers.lines) if option.picked and not option.why_not]


def _summary(options: list[Option]) -> Summary:
    estimated = any(option.estimated for option in options)
    days = sorted({option.day for option in options if option.day})
    rows = [(_("회선"), option.label) for option in options]
    if days:
        rows.append((_("받는 날"), ", ".join(kdate(day) for day in days)))
    return Summary(
        label=_("예상 금액") if estimated else _("돌려받을 금액"),
        won=sum(option.won for option in options),
        rows=rows,
        days=days,
        estimated=estimated,
        wait=any(option.line.effective_outcome == "REVIEW" for option in options),
    )


def _late() -> bool:
    """Whether who applies today has to say why so late (D-31)."""
    return service.lateness(clock.today(), programme.current()) == Lateness.LATE


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    steps = {"apply_lines": _("회선"), "apply_late": _("까닭"), "apply_account": _("계좌")}
    steps |= {"apply_consent": _("동의"), "apply_check": _("확인")}
    if not _late():
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
        service.lateness(clock.today(), programme.current())
    except Refused as refused:
        context = {"code": refused.code, "window": programme.current().applications}
        return render(request, "refunds/closed.html", context)
    return None


# The journey --------------------------------------------------------------------------------------------------


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: VerifiedRequest) -> HttpResponse:
    """First page: which lines. What cannot be applied for stands below with its reason."""
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
                return redirect(_next(answers))
            form.add_error("lines", _("본인 회선과 자녀 회선은 따로 신청해 주세요"))
    return _page(
        request,
        "apply_lines",
        form=form,
        options=open_ones,
        others=[option for option in options if option.why_not],
        late=clock.today() > programme.current().applications.closes,
        window=programme.current().applications,
        resumed=bool(answers.lines) and request.method != "POST",
    )


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def late(request: VerifiedRequest) -> HttpResponse:
    """After the window only: why so late. Documents to prove it can be sent once it is filed."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person.ci_index
    _key, answers = drafts.load(person_index=me)
    if not answers.lines or not _late():
        return redirect(_next(answers))
    form = LateForm(request.POST if request.method == "POST" else None, initial=answers.late)
    if request.method == "POST" and form.is_valid():
        day = form.cleaned_data["ended_on"]
        answers.late = form.cleaned_data | {"ended_on": day.isoformat() if day else ""}
        drafts.save(answers, person_index=me)
        return redirect(_next(answers))
    return _page(request, "apply_late", form=form, days=reviews.HARDSHIP_DAYS)


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: VerifiedRequest) -> HttpResponse:
    """Second page: where the money goes. The bank is asked before the next page."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person
    _key, answers = drafts.load(person_index=me.ci_index)
    options = _chosen(request, answers)
    if not options:
        return redirect("refunds:apply")
    if request.method == "POST" and "anyway" in request.POST and answers.candidate:
        answers.account = answers.candidate
        drafts.save(answers, person_index=me.ci_index)
        return redirect(_next(answers))
    for_ward = answers.representation == OwnerKind.GUARDIAN
    form = AccountForm(request.POST if request.method == "POST" else None, for_ward=for_ward)
    name = options[0].line.customer.holder_name if for_ward else me.name
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
            if not form.errors:
                return redirect(_next(answers))
    saved = Account.objects.filter(pk=answers.account).first() if answers.account else None
    return _page(
        request,
        "apply_account",
        form=form,
        name=name,
        for_ward=for_ward,
        saved=saved,
        summary=_summary(options),
        anyway=bool(
            form.errors and answers.candidate and not form.has_error("bank") and form.has_error("number", "holder")
        ),
    )


def enter_account(
    form: AccountForm,
    *,
    person_index: bytes,
    holder_name: str,
    holder_birth: dt.date | None,
    owner_kind: str,
    contract_nos: list[str],
    actor: str,
    subject: str,
) -> Account | None:
    """Enter the account of a valid form and put what the bank said into the form; None where it was not even asked."""
    try:
        entered = accounts.enter(
            person_index=person_index,
            bank_code=form.cleaned_data["bank"],
            number=form.cleaned_data["number"],
            holder_name=holder_name,
            holder_birth=holder_birth,
            owner_kind=owner_kind,
            contract_nos=contract_nos,
            actor=actor,
            subject=subject,
        )
    except accounts.AccountRefused as refused:
        form.add_error("bank" if refused.code == "BANK" else "number", str(refused))
        return None
    outcome = entered.holder_check.outcome
    said = {
        HolderCheck.Outcome.MISMATCH: _("예금주가 신청하는 분과 다릅니다. 본인 이름의 계좌를 적어 주세요"),
        HolderCheck.Outcome.NOT_FOUND: _("고르신 은행에 없는 계좌번호입니다. 은행과 번호를 다시 확인해 주세요"),
        HolderCheck.Outcome.CLOSED: _("해지되었거나 입금할 수 없는 계좌입니다. 다른 계좌를 적어 주세요"),
    }.get(HolderCheck.Outcome(outcome))
    if said:
        # The code tells it apart from a slip of the pen: the person may go on with this account.
        form.add_error("number", ValidationError(said, code="holder"))
    return entered


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: VerifiedRequest) -> HttpResponse:
    """Third page: the consent, with the text whose version is kept."""
    if (closed := _window_closed(request)) is not None:
        return closed
    me = request.person.ci_index
    _key, answers = drafts.load(person_index=me)
    if _next(answers) not in {"refunds:apply-consent", "refunds:apply-check"}:
        return redirect(_next(answers))
    given = dict.fromkeys(answers.consents, True)
    form = ConsentForm(request.POST if request.method == "POST" else None, initial=given)
    if request.method == "POST" and form.is_valid():
        answers.consents = dict(service.CONSENTS)
        drafts.save(answers, person_index=me)
        return redirect(_next(answers))
    return _page(request, "apply_consent", form=form, version=service.CONSENTS["privacy"])


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: VerifiedRequest) -> HttpResponse:
    """Fourth page: everything once more, and the one button that applies."""
    me = request.person
    key, answers = drafts.load(person_index=me.ci_index)
    if request.method == "POST":
        return _file(request, answers)
    if not key and Filing.objects.filter(person_index=me.ci_index).exists():
        messages.info(request, _("이미 신청하셨습니다. 아래에서 확인하실 수 있습니다."))
        return redirect("refunds:status")
    if (closed := _window_closed(request)) is not None:
        return closed
    options = _chosen(request, answers)
    step = _next(answers) if options else "refunds:apply"
    if step != "refunds:apply-check":
        return redirect(step)
    entered = Account.objects.select_related("holder_check").get(pk=answers.account)
    return _page(
        request,
        "apply_check",
        key=key,
        summary=(summary := _summary(options)),
        options=options,
        account=entered,
        account_note=account_note(entered, unusual=answers.unusual_length),
        person=me,
        round=calendar.round_on(summary.days[0], programme.current()) if summary.days else None,
        late=clock.today() > programme.current().applications.closes,
        late_reason=LateReason.Kind(answers.late["kind"]).label if _late() else "",
    )


def account_note(account: Account, *, unusual: bool = False) -> str:
    """What is known of an account, in a sentence under it; never whose it is."""
    state = account.holder_check.outcome
    if account.by_hand:
        return _("서류를 확인하고 따로 보내 드립니다")
    if account.holder_check.matched:
        return _("예금주를 확인했습니다")
    if state in HolderCheck.UNSETTLED:
        note = _("은행이 지금 답하지 않아 접수한 뒤 확인합니다")
        if unusual:
            note += " · " + _("자릿수가 이 은행의 보통 계좌와 다릅니다")
        return note
    return _("예금주가 확인되지 않았습니다. 접수한 뒤 고치셔야 입금됩니다")


def _file(request: VerifiedRequest, answers: drafts.Answers) -> HttpResponse:
    me = request.person
    key = request.POST.get("key", "")
    if not answers.account_id or not answers.lines:
        # Sent a second time, from another tab or after going back: what was filed with this key is the answer.
        filed = Filing.objects.filter(idempotency_key=key, person_index=me.ci_index).first() if key else None
        return redirect("refunds:receipt", filed.reference) if filed else redirect("refunds:apply")
    try:
        done = service.submit(
            key=key or str(uuid.uuid4()),
            channel=Channel.WEB,
            person_index=me.ci_index,
            contract_nos=answers.lines,
            account_id=answers.account_id,
            consents=answers.consents,
            contact=me.phone,
            proof={"method": "IDENTITY", "at": me.verified_at.isoformat()},
            language=(get_language() or "ko")[:2],
            representation=answers.representation,
            representative=me.name if answers.representation == OwnerKind.GUARDIAN else "",
            late=late_of(answers.late) if answers.late else None,
        )
    except Refused as refused:
        messages.warning(request, str(refused))
        step = {"ACCOUNT": "refunds:apply-account", "CONSENT": "refunds:apply-consent"}.get(refused.code)
        return redirect(step or "refunds:apply")
    if not done.new:
        messages.info(request, _("이미 신청하신 회선입니다. 접수번호는 그대로입니다."))
    return redirect("refunds:receipt", done.filing.reference)


def late_of(answered: dict[str, Any]) -> service.Late:
    """The answers of a `LateForm`, fresh or kept, as the service takes them."""
    day = answered["ended_on"] or None
    return service.Late(
        answered["kind"], dt.date.fromisoformat(day) if isinstance(day, str) else day, answered["words"]
    )


def _next(answers: drafts.Answers) -> str:
    """The first page whose question has no answer yet: a change goes straight back to the check."""
    if not answers.lines:
        return "refunds:apply"
    if not answers.late and _late():
        return "refunds:apply-late"
    if not answers.account:
        return "refunds:apply-account"
    if not answers.consents:
        return "refunds:apply-consent"
    return "refunds:apply-check"


# Afterwards -----------------------------------------------------------------------------------------------------


@customer
@never_cache
@require_safe
def receipt(request: VerifiedRequest, reference: str) -> HttpResponse:
    """The receipt: reference, sum, day, what happens next; the same page whenever it is opened."""
    rows = list(
        Application.objects.filter(
            service.visible_to(person_index=request.person.ci_index), filing__reference=reference
        )
        .select_related("filing", "line__customer", "account__holder_check")
        .order_by("id")
    )
    if not rows:
        raise Http404
    stories = presenters.stories(rows)
    filing = rows[0].filing
    sent = [
        message
        for message in notices.of_person(bytes(filing.person_index), limit=50)
        if message.subject == f"filing:{filing.id}"
    ]
    estimated = any(presenters.amount(row)[0] != _("돌려받을 금액") for row in rows)
    facts = [(_("회선"), presenters.line_name(row)) for row in rows]
    days = sorted(
        {r.pay_on for story in stories if (r := presenters.pay_round(story.application, story.item, clock.now()))}
    )
    if days:
        facts.append((_("받는 날"), ", ".join(kdate(day) for day in days)))
    facts.append((_("받을 계좌"), str(filing.account)))
    return render(
        request,
        "refunds/receipt.html",
        {
            "filing": filing,
            "stories": stories,
            "label": _("예상 금액") if estimated else _("돌려받을 금액"),
            "won": sum(story.won for story in stories),
            "rows": facts,
            "sent": sent[0] if sent else None,
        },
    )


@customer
@never_cache
@require_safe
def status(request: VerifiedRequest) -> HttpResponse:
    """Every application of this person and its wards; a single one opens at once."""
    stories = presenters.stories(service.of_person(request.person.ci_index))
    if len(stories) == 1:
        return _story_page(request, stories[0])
    key, answers = drafts.load(person_index=request.person.ci_index)
    return render(request, "refunds/status.html", {"stories": stories, "draft": bool(key and answers.lines)})


@customer
@never_cache
@require_safe
def application(request: VerifiedRequest, pk: int) -> HttpResponse:
    """One application: the news, the sum, what happened and what comes."""
    return _story_page(request, presenters.stories([_own(request, pk)])[0])


def _story_page(request: HttpRequest, story: presenters.Story) -> HttpResponse:
    following = None
    if story.item is not None and not story.paid:
        following = calendar.next_round(story.item.batch.cut_off + dt.timedelta(seconds=1), programme.current())
    return render(request, "refunds/application.html", {"story": story, "following": following})


def _own(request: VerifiedRequest, pk: int) -> Application:
    row = (
        Application.objects.filter(service.visible_to(person_index=request.person.ci_index), pk=pk)
        .select_related("filing", "line__customer", "account__holder_check")
        .first()
    )
    if row is None:
        raise Http404
    return row


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Taking an application back, after being asked once."""
    row = _own(request, pk)
    if request.method == "POST":
        try:
            service.withdraw(application_id=pk, person_index=request.person.ci_index)
        except Refused as refused:
            messages.warning(request, str(refused))
        else:
            messages.success(request, _("신청을 철회했습니다."))
        return redirect("refunds:application", pk)
    return render(request, "refunds/withdraw.html", {"story": presenters.stories([row])[0]})


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mend(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Another account for one application."""
    row, me = _own(request, pk), request.person
    story = presenters.stories([row])[0]
    if not story.can_mend:
        messages.warning(request, _("지급 명단이 확정되었거나 끝난 신청이라 계좌를 바꿀 수 없습니다."))
        return redirect("refunds:application", pk)
    for_ward = row.filing.representation == OwnerKind.GUARDIAN
    form = AccountForm(request.POST if request.method == "POST" else None, for_ward=for_ward)
    name = row.line.customer.holder_name if for_ward else me.name
    if request.method == "POST" and form.is_valid():
        guardians = form.cleaned_data.get("whose") == "GUARDIAN"
        entered = enter_account(
            form,
            person_index=bytes(row.account.person_index),
            holder_name=me.name if guardians else name or "",
            holder_birth=me.birth_date if guardians or not for_ward else row.line.customer.birth_date,
            owner_kind=OwnerKind.GUARDIAN if guardians else OwnerKind.SELF,
            contract_nos=[row.line_id],
            actor="customer",
            subject=row.line.customer_id,
        )
        if entered is not None and not form.errors:
            try:
                service.mend_account(application_id=pk, account_id=entered.pk, person_index=me.ci_index)
            except Refused as refused:
                form.add_error("number", str(refused))
            else:
                messages.success(request, f"{_('계좌를 바꾸었습니다.')} {presenters.hold_note()}".rstrip())
                return redirect("refunds:application", pk)
    status_code = 422 if form.errors else 200
    context = {"story": story, "form": form, "name": name, "for_ward": for_ward}
    return render(request, "refunds/mend.html", context, status=status_code)


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def send_documents(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Sending documents that were asked for or that prove something, and seeing which are there."""
    row, me = _own(request, pk), request.person.ci_index
    form = DocumentsForm()
    if request.method == "POST":
        try:
            if "done" in request.POST:
                documents.handed_in(application_id=pk, person_index=me)
                messages.success(request, _("서류를 보냈습니다. 사람이 보고 결과를 문자로 알려 드립니다."))
                return redirect("refunds:application", pk)
            form = DocumentsForm(request.POST, request.FILES)
            if form.is_valid():
                documents.add(application_id=pk, person_index=me, files=form.cleaned_data["files"])
                messages.success(request, _("서류를 받았습니다."))
                return redirect("refunds:documents", pk)
        except Refused as refused:
            if refused.code in {"FILE", "MANY"} and "done" not in request.POST:
                form.add_error("files", str(refused))
            else:
                messages.warning(request, str(refused))
                return redirect("refunds:documents", pk)
    asked = row.decisions.filter(to_status=Status.NEED_DOCS).last()
    context = {
        "story": presenters.stories([row])[0],
        "form": form,
        "sent": (sent := documents.of_filing(row.filing)),
        # What was there before does not answer what is asked for now.
        "ready": row.status == Status.NEED_DOCS and any(one.added_at >= row.status_since for one in sent),
        "asked": asked.words if asked and row.status == Status.NEED_DOCS else "",
        "open": row.status in documents.WANTED_IN,
    }
    return render(request, "refunds/documents.html", context, status=422 if form.errors else 200)


@customer
@never_cache
@require_safe
def proof(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Proof of payment, for printing; only where the money has arrived."""
    story = presenters.stories([_own(request, pk)])[0]
    if not story.paid:
        raise Http404
    return render(request, "refunds/proof.html", {"story": story, "now": clock.now()})
