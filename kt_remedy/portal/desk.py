"""The desk of stores and the call centre: find a customer by two facts, prove the identity, file, correct, note.

The clerk's session names the customer, never an address; the proof lasts for one desk session.
"""

import base64
import datetime as dt
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from eligibility import presenters as lines_wording
from eligibility import service as eligibility
from eligibility.models import Customer, Line
from kt_remedy.audit import looks
from kt_remedy.audit import service as audit
from kt_remedy.core import access, clock, crypto, masking, persons, programme, ratelimit
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate_long, krw
from kt_remedy.identity import provider
from kt_remedy.identity import service as identity
from kt_remedy.portal import desk_code
from kt_remedy.portal.desk_forms import (
    AccountChangeForm,
    FilingForm,
    FindForm,
    IdentityCardForm,
    NoteForm,
    PhoneProofForm,
    SpokenCodeForm,
)
from kt_remedy.staff.models import User
from refunds.accounts import service as accounts
from refunds.applications import access as application_access
from refunds.applications import change, deadlines, documents, objections, presenters, queries, reviews, submit, window
from refunds.applications import store_actions as refunds_desk
from refunds.applications.representation import DOCUMENTS, ID_CARDS
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, OwnerKind
from refunds.models.applications import Application, Channel, Lateness
from refunds.models.states import Status
from refunds.promise import service as promise
from refunds.promise.facts import Situation
from refunds.views.account_entry import enter_account
from refunds.views.forms import DocumentsForm, ObjectionForm
from rewards import service as rewards

DESK_SESSION_SECONDS = 30 * 60
SEARCHES, SEARCH_SECONDS = 60, 60 * 60
_KEY = "desk"


@dataclass(slots=True)
class DeskSession:
    """The customer at the desk, and the proof of their identity."""

    customer: Customer
    proof: dict[str, str] = field(default_factory=dict)
    contact: str = ""
    # A clerk saw the identity card, and a code is on its way to the number for notices (`desk_code`).
    pending_id_check: dict[str, Any] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        """True once the identity of the customer is proven."""
        return bool(self.proof)

    @property
    def person_index(self) -> bytes:
        """Key of the person; their filings are found by it."""
        return self.customer.person_index


@dataclass(slots=True)
class DeskLine:
    """One line as the desk shows it: the answer, the sum, the day, and a sentence to say aloud."""

    line: Line
    kind: str
    title: str
    bits: list[str]
    application: Application | None
    label: str
    won: int
    day: dt.date | None
    reasons: list[Any]
    say: str
    can_file: bool
    can_object: bool


# Who is at the desk -------------------------------------------------------------------------------------------


def current_session(request: HttpRequest) -> DeskSession | None:
    stored = request.session.get(_KEY)
    if not stored or time.time() - stored["at"] > DESK_SESSION_SECONDS:
        return None
    customer = Customer.objects.filter(pk=stored["customer"]).first()
    if customer is None:
        return None
    contact = ""
    if stored.get("contact"):
        contact = crypto.decrypt(base64.b64decode(stored["contact"]), f"session:desk:{customer.pk}")
    return DeskSession(customer, stored.get("proof") or {}, contact, stored.get("card") or {})


def start_session(request: HttpRequest, customer: Customer) -> None:
    request.session[_KEY] = {"customer": customer.pk, "at": time.time()}


def _store_proof(request: HttpRequest, customer: Customer, proof: dict[str, str], contact: str) -> None:
    sealed = base64.b64encode(crypto.encrypt(contact, f"session:desk:{customer.pk}")).decode()
    request.session[_KEY] = {"customer": customer.pk, "at": time.time(), "proof": proof, "contact": sealed}


def desk_user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _channel(user: User) -> Channel:
    return Channel.STORE if user.store_id else Channel.CALL_CENTRE


def _lines(customer: Customer) -> list[Line]:
    return list(eligibility.lines_of(customer.person_index))


# Pages --------------------------------------------------------------------------------------------------------


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def desk(request: HttpRequest) -> HttpResponse:
    """Page of the desk: search, the customer with the next action, and the filings of the store."""
    user = desk_user(request)
    form = FindForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        customer = _find_customer(request, form)
        if customer is not None:
            start_session(request, customer)
            return redirect("portal:desk")
    desk_session = current_session(request)
    context: dict[str, Any] = {
        "form": form,
        "desk_session": desk_session,
        "mine": refunds_desk.filings_of_store(user.store_id, day=clock.today())[:20] if user.store_id else [],
        "calls": refunds_desk.calls_due(until=clock.now() + dt.timedelta(days=1))[:10] if not user.store_id else [],
        "now": clock.now(),
    }
    if desk_session is not None:
        looks.note(object=f"customer:{desk_session.customer.pk}", subject=desk_session.customer.pk)
        context |= _customer_context(desk_session, user)
    status = 422 if form.errors else 200
    return render(request, "portal/desk.html", context, status=status)


def _find_customer(request: HttpRequest, form: FindForm) -> Customer | None:
    user = desk_user(request)
    if not ratelimit.consume(f"desk:{user.pk}", limit=SEARCHES, seconds=SEARCH_SECONDS).allowed:
        form.add_error(None, _("너무 많이 찾으셨습니다. 한 시간 뒤에 다시 하세요."))
        return None
    facts = form.facts()
    if form.errors:
        return None
    rows = list(eligibility.find_lines(**facts)[:20])
    people = {row.customer.person_index for row in rows}
    customer = rows[0].customer if len(people) == 1 else None
    audit.record(
        actor=audit.actor(user),
        action="customer.searched",
        object=f"customer:{customer.pk if customer else ''}",
        subject=customer.pk if customer else "",
        detail={"facts": sorted(facts), "found": len(people)},
    )
    if customer is None:
        form.add_error(
            None,
            _("두 가지가 모두 맞는 고객이 없습니다.")
            if not people
            else _("맞는 고객이 여럿입니다. 계약번호와 생년월일로 찾으세요."),
        )
        return None
    try:
        application_access.close_to_own_case(user, customer.person_index)
    except Refused as refused:
        form.add_error(None, refused.message)
        return None
    return customer


def _customer_context(desk_session: DeskSession, user: User) -> dict[str, Any]:
    customer = desk_session.customer
    age = None
    if customer.birth_date:
        today = clock.today()
        born = customer.birth_date
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    context: dict[str, Any] = {"name": masking.name(customer.holder_name or ""), "age": age}
    if not desk_session.proven:
        context |= {"card_form": IdentityCardForm(), "phone_form": PhoneProofForm()}
        if desk_session.pending_id_check:
            number = masking.phone(desk_code.contact_of(desk_session.pending_id_check["code"], customer.pk))
            context |= {
                "code_form": SpokenCodeForm(),
                "code_to": number,
                "code_minutes": desk_code.CODE_MINUTES,
            }
        return context
    lines = _lines(customer)
    filed = queries.for_lines([line.pk for line in lines])
    cards = [_desk_line(line, filed.get(line.pk)) for line in lines]
    views = presenters.present(queries.of_person(desk_session.person_index))
    own_pks = set(
        Application.objects.filter(
            application_access.visible_to(staff=user), pk__in=[view.application.pk for view in views]
        ).values_list("pk", flat=True)
    )
    overview = rewards.overview(customer.person_index)
    return context | {
        "proof": _proof_text(desk_session.proof),
        "cards": cards,
        "can_file": [card for card in cards if card.can_file],
        "views": views,
        "mine_pks": own_pks,
        "foreign": any(view.application.pk not in own_pks for view in views) and bool(user.store_id),
        "perks": overview.cards if overview.base_complete else [],
        "notes": refunds_desk.notes_of(customer),
        "note_form": NoteForm(),
        "representations": [
            (kind, label) for kind, label in OwnerKind.choices if kind in _allowed_representations(customer)
        ],
        "minor": persons.is_minor(customer.birth_date, clock.today()),
    }


def _allowed_representations(customer: Customer) -> list[str]:
    """Kinds of representation that are allowed for this holder."""
    if customer.holder_kind == "CORPORATE":
        return [OwnerKind.COMPANY]
    if persons.is_minor(customer.birth_date, clock.today()):
        return [OwnerKind.GUARDIAN]
    return [OwnerKind.SELF, OwnerKind.PROXY, OwnerKind.HEIR]


def _proof_text(proof: dict[str, str]) -> str:
    if proof.get("method") == "CODE":
        return _("휴대폰 승인 확인")
    return _("%(card)s 확인") % {"card": dict(ID_CARDS).get(proof.get("type", ""), "")}


def _desk_line(line: Line, application: Application | None) -> DeskLine:
    current = programme.current()
    outcome = line.effective_outcome
    kind = {"ELIGIBLE": "yes", "REVIEW": "review", "NOT_ELIGIBLE": "no", "NOTHING_DUE": "none"}[outcome]
    if line.terminated_on is None:
        kind = "keep"
    label, won = presenters.amount(Application(line=line))
    live = application is not None and application.is_live
    day = None
    made = None
    if line.terminated_on and not live and outcome in {"ELIGIBLE", "REVIEW"}:
        made = promise.of_line(line, representation=_allowed_representations(line.customer)[0])
        day = made.day if made.situation == Situation.OFFER else None
    reasons = lines_wording.reasons(line.reason_codes, eligibility.facts_of(line), current)
    return DeskLine(
        line=line,
        kind=kind,
        title=_("쓰고 있는 회선입니다") if kind == "keep" else lines_wording.outcome_title(outcome),
        bits=[
            f"{lines_wording.product_name(line.product)} {masking.phone(line.msisdn or '')}",
            _("%(day)s 해지") % {"day": kdate_long(line.terminated_on)} if line.terminated_on else _("이용 중"),
        ],
        application=application,
        label=label,
        won=won,
        day=day,
        reasons=reasons,
        say=made.sentence if made else "",
        can_file=outcome in {"ELIGIBLE", "REVIEW"} and not live,
        can_object=kind != "keep" and objections.can_object(line),
    )


@permission_required("portal.serve_customer")
@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """End the desk session when the customer leaves."""
    request.session.pop(_KEY, None)
    return redirect("portal:desk")


# Proving the person -------------------------------------------------------------------------------------------


@permission_required("portal.serve_customer")
@never_cache
@require_POST
def prove_card(request: HttpRequest) -> HttpResponse:
    """Record that an identity card was seen: type, clerk and time, never a number. Not on the telephone.

    A code goes to the number for notices. A customer without a mobile is proven at once and gets no notices.
    """
    desk_session = current_session(request)
    if desk_session is None:
        return redirect("portal:desk")
    form = IdentityCardForm(request.POST)
    if not desk_user(request).store_id:
        form.add_error(None, _("신분증은 매장에서만 볼 수 있습니다. 휴대폰 승인으로 확인하세요."))
    if not form.is_valid():
        return _redisplay(request, desk_session, card_form=form)
    kind, contact = form.cleaned_data["kind"], form.cleaned_data["contact"]
    if not contact:
        return _record_id_card(request, desk_session, kind, "")
    if not _send_code(request, desk_session, kind, contact):
        form.add_error("contact", _TOO_MANY_CODES)
        return _redisplay(request, desk_session, card_form=form)
    return redirect("portal:desk")


_TOO_MANY_CODES = gettext_lazy(
    "이 번호로는 한 시간 동안 더 보낼 수 없습니다. 휴대폰 승인으로 확인하거나 나중에 하세요."
)


def _send_code(request: HttpRequest, desk_session: DeskSession, kind: str, contact: str) -> bool:
    try:
        code = desk_code.send(
            customer_no=desk_session.customer.pk,
            person=desk_session.person_index,
            contact=contact,
            clerk=desk_user(request).pk,
            language=eligibility.language_of(desk_session.customer),
        )
    except desk_code.TooMany:
        return False
    request.session[_KEY] = {
        "customer": desk_session.customer.pk, "at": time.time(), "card": {"kind": kind, "code": code},
    }  # fmt: skip
    return True


@permission_required("portal.serve_customer")
@never_cache
@require_POST
def prove_code(request: HttpRequest) -> HttpResponse:
    """Check the code that the customer reads aloud, send it again, or take another number."""
    desk_session = current_session(request)
    if desk_session is None or not desk_session.pending_id_check:
        return redirect("portal:desk")
    check, customer = desk_session.pending_id_check, desk_session.customer
    kind, sent_code = check["kind"], check["code"]
    if "another" in request.POST:
        start_session(request, customer)
        return redirect("portal:desk")
    contact = desk_code.contact_of(sent_code, customer.pk)
    form = SpokenCodeForm(request.POST)
    if "again" in request.POST:
        if _send_code(request, desk_session, kind, contact):
            messages.success(request, _("새 숫자를 보냈습니다. 앞의 숫자는 쓸 수 없습니다."))
        else:
            messages.warning(request, _TOO_MANY_CODES)
        return redirect("portal:desk")
    if form.is_valid():
        if desk_code.matches(sent_code, form.cleaned_data["code"], customer.pk):
            return _record_id_card(request, desk_session, kind, contact)
        form.add_error(
            "code",
            _("숫자가 맞지 않습니다. 다시 들어 보세요.")
            if desk_code.is_usable(sent_code)
            else _("%(minutes)s분이 지났거나 %(tries)s번 틀렸습니다. 다시 보내 주세요.")
            % {"minutes": desk_code.CODE_MINUTES, "tries": desk_code.TRIES},
        )
    return _redisplay(request, desk_session, code_form=form)


def _record_id_card(request: HttpRequest, desk_session: DeskSession, kind: str, contact: str) -> HttpResponse:
    user, number = desk_user(request), "CODE" if contact else "NONE"
    audit.record(
        actor=audit.actor(user),
        action="customer.proven",
        object=f"customer:{desk_session.customer.pk}",
        subject=desk_session.customer.pk,
        detail={"method": "ID_CARD", "type": kind, "contact": number},
    )
    proof = {"method": "ID_CARD", "type": kind, "contact": number, "by": str(user.pk), "at": clock.now().isoformat()}
    _store_proof(request, desk_session.customer, proof, contact)
    return redirect("portal:desk")


@permission_required("portal.serve_customer")
@never_cache
@require_POST
def prove_phone(request: HttpRequest) -> HttpResponse:
    """Ask the customer's phone to approve; the page that follows waits for it."""
    desk_session = current_session(request)
    if desk_session is None:
        return redirect("portal:desk")
    form = PhoneProofForm(request.POST)
    if form.is_valid():
        try:
            pending = identity.begin(
                method="APP",
                carrier=form.cleaned_data["carrier"],
                name=desk_session.customer.holder_name or "",
                phone=form.cleaned_data["phone"],
                address=access.current_address() or "",
            )
        except identity.LimitReached:
            form.add_error(None, _("오늘은 이 번호로 더 보낼 수 없습니다."))
        except (provider.VerificationRefused, provider.Unavailable):
            form.add_error(None, _("승인 요청을 보내지 못했습니다. 통신사와 번호를 다시 확인하세요."))
        else:
            stored = request.session[_KEY]
            request.session[_KEY] = stored | {"pending": pending.to_session(), "at": time.time()}
            return redirect("portal:desk-approve")
    return _redisplay(request, desk_session, phone_form=form)


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest) -> HttpResponse:
    """Confirm the approval that the customer gives on the phone."""
    desk_session, user = current_session(request), desk_user(request)
    stored = request.session.get(_KEY) or {}
    if desk_session is None or "pending" not in stored:
        return redirect("portal:desk")
    pending = identity.PendingVerification(**stored["pending"])
    wrong = ""
    if request.method == "POST":
        try:
            person = identity.confirm(pending)
        except provider.NotApproved:
            wrong = _("아직 승인하지 않으셨습니다.")
        except (provider.VerificationRefused, provider.Unavailable, identity.LimitReached, identity.MissingCI):
            wrong = _("확인되지 않았습니다. 다시 보내거나 신분증으로 확인하세요.")
        else:
            if person.ci_index != desk_session.customer.person_index:
                wrong = _("승인한 분이 이 고객이 아닙니다.")
            else:
                audit.record(
                    actor=audit.actor(user),
                    action="customer.proven",
                    object=f"customer:{desk_session.customer.pk}",
                    subject=desk_session.customer.pk,
                    detail={"method": "CODE"},
                )
                proof = {"method": "CODE", "by": str(user.pk), "at": clock.now().isoformat()}
                _store_proof(request, desk_session.customer, proof, person.phone)
                return redirect("portal:desk")
    context = {"pending": pending, "wrong": wrong, "sandbox": settings.SANDBOX_URL}
    return render(request, "portal/desk_approve.html", context, status=422 if wrong else 200)


def _redisplay(request: HttpRequest, desk_session: DeskSession, **forms: Any) -> HttpResponse:
    user = desk_user(request)
    context = {"form": FindForm(), "desk_session": desk_session, "mine": [], "calls": [], "now": clock.now()}
    context |= _customer_context(desk_session, user) | forms
    context["errors_of"] = next(iter(forms.values()))
    return render(request, "portal/desk.html", context, status=422)


# Filing -------------------------------------------------------------------------------------------------------


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def submit_application(request: HttpRequest) -> HttpResponse:
    """Submit an application for a proven customer: one page with the questions of the website."""
    desk_session, user = current_session(request), desk_user(request)
    if desk_session is None or not desk_session.proven:
        return redirect("portal:desk")
    try:
        lateness = window.lateness(clock.today(), programme.current())
    except Refused as refused:
        messages.warning(request, refused.message)
        return redirect("portal:desk")
    representations = _allowed_representations(desk_session.customer)
    representation = request.POST.get("by") or request.GET.get("by") or representations[0]
    if representation not in representations:
        raise Http404
    lines = _lines(desk_session.customer)
    live = queries.live_applications([line.pk for line in lines])
    cards = [card for card in (_desk_line(line, live.get(line.pk)) for line in lines) if card.can_file]
    if not cards:
        messages.info(request, _("지금 신청할 회선이 없습니다."))
        return redirect("portal:desk")
    options = [(card.line.pk, f"{card.bits[0]} · {card.bits[1]} · {krw(card.won)}") for card in cards]
    supervisor = user.has_perm("refunds.file_after_outage")
    posted = request.POST if request.method == "POST" else None
    initial = {"lines": [cards[0].line.pk]} if len(cards) == 1 else {}
    form = FilingForm(
        posted,
        options=options,
        by=representation,
        supervisor=supervisor,
        late=lateness == Lateness.LATE,
        in_store=bool(user.store_id),
        holders=(desk_session.customer.holder_name,),
        initial=initial,
    )
    idempotency_key = request.POST.get("key") or str(uuid.uuid4())
    if posted is not None and form.is_valid():
        account = _account_from_form(request, form, desk_session, user)
        if account is not None:
            try:
                submitted = submit.submit(
                    submit.Submission(
                        key=idempotency_key,
                        channel=_channel(user),
                        person_index=desk_session.person_index,
                        contract_nos=form.cleaned_data["lines"],
                        account_id=account.pk,
                        consents=dict(submit.CONSENTS),
                        contact=desk_session.contact,
                        proof=desk_session.proof,
                        language=eligibility.language_of(desk_session.customer),
                        representation=OwnerKind(representation),
                        representative=form.cleaned_data.get("representative", ""),
                        documents=[*form.cleaned_data.get("documents", []), *form.cleaned_data["offline_documents"]],
                        staff=user,
                        outage_on=form.cleaned_data.get("outage_on"),
                        outage_reason=form.cleaned_data.get("outage_reason", ""),
                        late_reason=form.late(),
                    )
                )
            except Refused as refused:
                form.add_error(None, refused.message)
            else:
                if not submitted.new:
                    messages.info(
                        request,
                        _("이미 접수된 신청입니다. 접수번호는 %(reference)s 그대로입니다.")
                        % {"reference": submitted.filing.reference},
                    )
                    if user.store_id and submitted.filing.store_id != user.store_id:
                        return redirect("portal:desk")  # a filing of another channel is announced, not opened
                return redirect("portal:desk-receipt", submitted.filing.reference)
    context = {
        "form": form,
        "by": representation,
        "by_label": OwnerKind(representation).label,
        "key": idempotency_key,
        "name": masking.name(desk_session.customer.holder_name or ""),
        "contact": desk_session.contact,
        "documents": DOCUMENTS.get(representation, ()),
        "version": submit.CONSENTS["privacy"],
        "anyway": form.has_error("number", "holder"),
    }
    return render(request, "portal/desk_file.html", context, status=422 if form.errors else 200)


def _account_from_form(request: HttpRequest, form: FilingForm, desk_session: DeskSession, user: User) -> Account | None:
    """Account of a valid form; None if the bank did not confirm it and the clerk has not chosen to go on."""
    stored = request.session[_KEY]
    # A company's account bears the name in the register (D-17); nobody types how its bank spells it (D-74).
    own = form.by in {OwnerKind.SELF, OwnerKind.COMPANY}
    if form.cleaned_data["offline"]:
        return accounts.enter_offline(
            person_index=desk_session.person_index,
            holder_name=(desk_session.customer.holder_name or "") if own else form.cleaned_data["owner"],
            owner_kind=form.by,
            actor=audit.actor(user),
            subject=desk_session.customer.pk,
        )
    if "anyway" in request.POST and stored.get("candidate"):
        candidate = Account.objects.select_related("holder_check").filter(pk=stored["candidate"]).first()
        if candidate is not None and form.cleaned_data.get("passbook") and not candidate.holder_check.matched:
            accounts.record_passbook(account=candidate, staff=audit.actor(user), subject=desk_session.customer.pk)
        return candidate
    entered = enter_account(
        form,
        person_index=desk_session.person_index,
        holder_name=(desk_session.customer.holder_name or "") if own else form.cleaned_data["owner"],
        holder_birth=desk_session.customer.birth_date if own else form.cleaned_data["owner_born"],
        owner_kind=form.by,
        contract_nos=form.cleaned_data["lines"],
        actor=audit.actor(user),
        subject=desk_session.customer.pk,
        passbook=form.cleaned_data.get("passbook", False),
    )
    if entered is None:
        return None
    request.session[_KEY] = stored | {"candidate": str(entered.pk), "at": time.time()}
    return None if form.errors else entered


@permission_required("portal.serve_customer")
@never_cache
@require_safe
def receipt(request: HttpRequest, reference: str) -> HttpResponse:
    """The receipt for the customer to take along."""
    rows = list(
        Application.objects.filter(application_access.visible_to(staff=desk_user(request)), filing__reference=reference)
        .select_related("filing", "line__customer", "account__holder_check")
        .order_by("id")
    )
    if not rows:
        raise Http404
    views = presenters.present(rows)
    facts = [(_("회선"), presenters.line_name(row)) for row in rows]
    facts.append((_("받을 계좌"), str(rows[0].filing.account)))
    context = {"filing": rows[0].filing, "views": views, "rows": facts, "won": sum(view.won for view in views)}
    context["label"] = views[0].label
    return render(request, "portal/desk_receipt.html", context)


# A filing afterwards ------------------------------------------------------------------------------------------


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def application(request: HttpRequest, pk: int) -> HttpResponse:
    """One application: correct the account, withdraw with the customer, record documents; until it is in a batch."""
    user = desk_user(request)
    row = (
        Application.objects.filter(application_access.visible_to(staff=user), pk=pk)
        .select_related("filing", "line__customer", "account__holder_check")
        .first()
    )
    if row is None:
        raise Http404
    form = AccountChangeForm(
        request.POST if request.POST.get("act") == "account" else None,
        own=row.account.owner_kind in {OwnerKind.SELF, OwnerKind.COMPANY},
        in_store=bool(user.store_id),
        holders=(row.account.holder_name, row.line.customer.holder_name),
    )
    files = DocumentsForm(*((request.POST, request.FILES) if request.POST.get("act") == "files" else (None, None)))
    if request.method == "POST":
        try:
            if _handle_action(request, row, form, files, user):
                return redirect("portal:desk-application", pk)
        except Refused as refused:
            messages.warning(request, refused.message)
            return redirect("portal:desk-application", pk)
    looks.note(object=f"application:{pk}", subject=row.line.customer_id)
    context = {
        "view": presenters.present([row])[0],
        "name": masking.name(row.line.customer.holder_name or ""),
        "form": form,
        "account_note": presenters.account_note(row.account),
        "documents": DOCUMENTS.get(row.filing.representation, ()),
        "files": files,
        "errors_of": files if files.errors else form,
        "sent": documents.of_filing(row.filing),
        "asked": row.decisions.filter(to_status=Status.NEED_DOCS).last() if row.status == Status.NEED_DOCS else None,
        "contact": masking.phone(row.filing.contact or ""),
        "other_contact": _other_contact(request, row),
    }
    return render(request, "portal/desk_application.html", context, status=422 if form.errors or files.errors else 200)


def _other_contact(request: HttpRequest, row: Application) -> str:
    """The number confirmed in this desk session, if the filing has another one; later notices can go to it."""
    desk_session = current_session(request)
    if desk_session is None or not desk_session.proven or desk_session.person_index != row.filing.person_index:
        return ""
    return desk_session.contact if desk_session.contact != row.filing.contact else ""


def _handle_action(
    request: HttpRequest, row: Application, form: AccountChangeForm, files: DocumentsForm, user: User
) -> bool:
    """Carry out the posted action. False if a form has to be shown again."""
    action = request.POST.get("act")
    desk_session = current_session(request)
    if action == "withdraw":
        # Only with the customer present: a clerk alone cannot withdraw an application.
        if desk_session is None or not desk_session.proven or desk_session.person_index != row.filing.person_index:
            raise Refused("PROOF", _("고객을 먼저 찾고 본인을 확인하세요."))
        change.withdraw(application_id=row.pk, staff=user, reason=_("고객이 요청함"))
        messages.success(request, _("신청을 철회했습니다."))
    elif action == "documents":
        reviews.documents_shown(application_id=row.pk, staff=user, documents=request.POST.getlist("documents"))
        messages.success(request, _("서류를 확인한 것으로 남기고 심사로 넘겼습니다."))
    elif action == "files":
        if not files.is_valid():
            return False
        try:
            documents.add(application_id=row.pk, staff=user, files=documents.read(files.cleaned_data["files"]))
        except Refused as refused:
            if refused.code not in documents.ABOUT_FILES:
                raise
            files.add_error("files", refused.message)
            return False
        messages.success(request, _("서류를 받았습니다."))
    elif action == "contact":
        contact = _other_contact(request, row)
        if not contact:
            raise Refused("PROOF", _("고객을 먼저 찾고 본인을 확인하세요."))
        refunds_desk.change_contact(filing_id=row.filing_id, contact=contact, staff=user)
        messages.success(request, _("안내 문자 받을 번호를 바꾸었습니다."))
    elif action == "account":
        if not form.is_valid():
            return False
        old_account = row.account
        entered = enter_account(
            form,
            person_index=old_account.person_index,
            holder_name=form.cleaned_data.get("owner") or old_account.holder_name or "",
            holder_birth=dt.date.fromisoformat(old_account.holder_birth) if old_account.holder_birth else None,
            owner_kind=old_account.owner_kind,
            contract_nos=[row.line_id],
            actor=audit.actor(user),
            subject=row.line.customer_id,
            passbook=form.cleaned_data.get("passbook", False),
        )
        if entered is None or form.errors:
            return False
        changed = change.change_account(application_id=row.pk, account_id=entered.pk, staff=user)
        messages.success(request, f"{_('계좌를 바꾸었습니다.')} {deadlines.hold_note(changed)}".rstrip())
    else:
        raise Http404
    return True


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def object_to(request: HttpRequest, contract_no: str) -> HttpResponse:
    """The objection of a proven customer to the answer on a line, in their words, with documents."""
    desk_session, user = current_session(request), desk_user(request)
    if desk_session is None or not desk_session.proven:
        return redirect("portal:desk")
    line = next((line for line in _lines(desk_session.customer) if line.pk == contract_no), None)
    if line is None or not objections.can_object(line):
        raise Http404
    form = ObjectionForm(*((request.POST, request.FILES) if request.method == "POST" else (None, None)))
    if request.method == "POST" and form.is_valid():
        try:
            files = documents.read(form.cleaned_data["files"]) if form.cleaned_data["files"] else []
            with transaction.atomic():
                objection = objections.object_to(
                    contract_no=contract_no,
                    person_index=desk_session.person_index,
                    text=form.cleaned_data["words"],
                    kind=form.cleaned_data["kind"],
                    wanted_krw=form.cleaned_data["wanted_krw"],
                    contact=desk_session.contact,
                    language=eligibility.language_of(desk_session.customer),
                    staff=user,
                )
                if files:
                    documents.add_to_objection(objection_id=objection.pk, files=files, staff=user)
        except Refused as refused:
            form.add_error("files" if refused.code in documents.ABOUT_FILES else None, refused.message)
        else:
            messages.success(
                request,
                _("이의를 받았습니다. %(day)s까지 답한다고 말씀드리세요.") % {"day": kdate_long(objection.answer_by)},
            )
            return redirect("portal:desk")
    card = _desk_line(line, None)
    context = {"form": form, "card": card, "name": masking.name(desk_session.customer.holder_name or "")}
    return render(request, "portal/desk_object.html", context, status=422 if form.errors else 200)


@permission_required("portal.transfer_filing")
@require_POST
def transfer_filing(request: HttpRequest) -> HttpResponse:
    """Transfer a filing to this store; the customer tells its reference."""
    desk_session = current_session(request)
    if desk_session is None or not desk_session.proven:
        return redirect("portal:desk")
    try:
        filing = refunds_desk.transfer_filing(
            reference=request.POST.get("reference", ""), customer=desk_session.customer, staff=desk_user(request)
        )
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("%(reference)s을 이 매장으로 옮겼습니다.") % {"reference": filing.reference})
    return redirect("portal:desk")


@permission_required("portal.serve_customer")
@never_cache
@require_POST
def add_note(request: HttpRequest) -> HttpResponse:
    """Write a note on the customer, with a call-back if one was promised."""
    desk_session = current_session(request)
    if desk_session is None or not desk_session.proven:
        return redirect("portal:desk")
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _redisplay(request, desk_session, note_form=form)
    try:
        refunds_desk.write_note(
            customer=desk_session.customer,
            text=form.cleaned_data["words"],
            staff=desk_user(request),
            call_back_at=form.cleaned_data["call_back"],
        )
    except (Refused, ValidationError) as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("메모를 남겼습니다."))
    return redirect("portal:desk")


@permission_required("portal.serve_customer")
@require_POST
def mark_called_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Record that a promised call was made."""
    try:
        refunds_desk.mark_called_back(note_id=pk, staff=desk_user(request))
    except Refused:
        raise Http404 from None
    return redirect("portal:desk")
