"""The home of clerks and agents: find a customer by two facts, the open customers as tabs, the own queue."""

from typing import Any

import structlog
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from eligibility import service as eligibility
from eligibility.models import Customer
from kt_remedy.audit import looks
from kt_remedy.audit import service as audit
from kt_remedy.core import masking, ratelimit
from kt_remedy.core.access import permission_required
from kt_remedy.portal import desk_home
from kt_remedy.portal.desk_forms import ContinueForm, FindForm
from kt_remedy.portal.desk_sessions import desk_user, tabs
from kt_remedy.staff.models import User
from refunds.applications import access as application_access
from refunds.applications import call_checks, continuing, desk_sessions, presenters
from refunds.applications.transitions import Refused
from refunds.models.applications import Application

log = structlog.get_logger(__name__)

# Searches of one member of staff an hour, and misses an hour after which somebody walks through numbers.
SEARCHES, MISSES, SEARCH_SECONDS = 60, 20, 60 * 60


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def desk(request: HttpRequest) -> HttpResponse:
    """Page of the desk: search, open customers, promised calls and the filings of the store."""
    user = desk_user(request)
    form = FindForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        customer = _find_customer(request, form)
        if customer is not None:
            try:
                row = desk_sessions.open_session(staff=user, customer=customer)
            except Refused as refused:
                form.add_error(None, refused.message)
            else:
                if row.draft_of and not continuing.lines_of(row):  # its draft is filed; the rest needs the proof
                    desk_sessions.set_comer(row, "", "")
                return redirect("portal:desk-customer", row.key)
    return _show(user, request, form, ContinueForm())


def _show(user: User, request: HttpRequest, form: FindForm, continue_form: ContinueForm) -> HttpResponse:
    wrong = form.errors or continue_form.errors
    if wrong:  # the summary of the errors takes the focus
        form.fields["number"].widget.attrs.pop("autofocus", None)
    context: dict[str, Any] = desk_home.queue(user) | {
        "form": form,
        "continue_form": None if user.store_id else continue_form,
        "errors_of": continue_form if continue_form.errors else form,
        "tabs": tabs(user),
        "calling": call_checks.placed_by(user),
        "minutes": continuing.MINUTES,
    }
    return render(request, "portal/desk.html", context, status=422 if wrong else 200)


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def continue_draft(request: HttpRequest) -> HttpResponse:
    """Open the draft of a caller who reads the digits from their page and says their name (D-88)."""
    user = desk_user(request)
    form = ContinueForm(request.POST)
    if request.method != "POST":
        return redirect("portal:desk")
    if form.is_valid():
        try:
            row = continuing.take(staff=user, digits=form.cleaned_data["code"], name=form.cleaned_data["name"])
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return redirect("portal:desk-file", row.key)
    return _show(user, request, FindForm(), form)


@permission_required("portal.serve_customer")
@never_cache
@require_POST
def open_again(request: HttpRequest, key: str) -> HttpResponse:
    """Open a new session for the customer of one's own ended session of today, whose draft waits; proven anew."""
    user = desk_user(request)
    kept = next((row for row in desk_sessions.kept_of(user) if row.key == key), None)
    if kept is None:
        return redirect("portal:desk")
    try:
        row = desk_sessions.open_session(staff=user, customer=kept.customer)
    except Refused as refused:
        messages.warning(request, refused.message)
        return redirect("portal:desk")
    audit.record(
        actor=audit.actor(user),
        action="customer.searched",
        object=f"customer:{row.customer_id}",
        subject=row.customer_id,
        detail={"facts": ["draft"], "found": 1},
    )
    return redirect("portal:desk-customer", row.key)


def _find_customer(request: HttpRequest, form: FindForm) -> Customer | None:
    user = desk_user(request)
    if not ratelimit.consume(f"desk:{user.pk}", limit=SEARCHES, seconds=SEARCH_SECONDS).allowed:
        form.add_error(None, _("너무 많이 찾으셨습니다. 한 시간 뒤에 다시 하세요."))
        return None
    facts = form.facts()
    if form.errors:
        return None
    people = _people(facts)
    customer = next(iter(people.values())) if len(people) == 1 else None
    audit.record(
        actor=audit.actor(user),
        action="customer.searched",
        object=f"customer:{customer.pk if customer else ''}",
        subject=customer.pk if customer else "",
        detail={"facts": sorted(facts), "found": len(people)},
    )
    if customer is None:
        if not people:
            _count_miss(user)
            form.add_error(None, form.not_found())
        else:
            form.ask_third()
        return None
    try:
        application_access.close_to_own_case(user, customer.person_index)
    except Refused as refused:
        form.add_error(None, refused.message)
        return None
    return customer


def _people(facts: dict[str, Any]) -> dict[bytes, Customer]:
    """The people whom all facts fit, by their keys; a reference stands for the person of its filing."""
    facts = dict(facts)
    if reference := facts.pop("reference", ""):
        numbers = Application.objects.filter(filing__reference=reference).values_list("line_id", flat=True)
        rows = [row for number in list(numbers)[:20] for row in eligibility.find_lines(**facts, contract_no=number)]
    else:
        rows = list(eligibility.find_lines(**facts)[:20])
    return {bytes(row.customer.person_index): row.customer for row in rows}


def _count_miss(user: User) -> None:
    """Tell the supervisors once an hour about somebody whose searches mostly find nobody."""
    misses = ratelimit.consume(f"desk-miss:{user.pk}", limit=MISSES, seconds=SEARCH_SECONDS)
    if not misses.allowed and ratelimit.consume(f"desk-walk:{user.pk}", limit=1, seconds=SEARCH_SECONDS).allowed:
        audit.record(actor=audit.actor(user), action="customer.searched_too_often", object=f"user:{user.pk}", detail={})
        log.error("desk.searches_find_nobody", staff=user.pk, misses=MISSES)


@permission_required("portal.serve_customer")
@never_cache
@require_safe
def store_filing(request: HttpRequest, pk: int) -> HttpResponse:
    """One filing of the own store, to read only: its customer is not here."""
    user = desk_user(request)
    rows = Application.objects.filter(application_access.visible_to(staff=user), pk=pk, filing__store=user.store_id)
    row = rows.select_related("filing", "line__customer", "account__holder_check").first()
    if row is None or not user.store_id:
        raise Http404
    looks.note(object=f"application:{pk}", subject=row.line.customer_id)
    context = {"view": presenters.present([row])[0], "name": masking.name(row.line.customer.holder_name or "")}
    return render(request, "portal/desk_store_filing.html", context)


@permission_required("portal.serve_customer")
@require_POST
def confirm_second(request: HttpRequest, key: str) -> HttpResponse:
    """Say that one saw the identity card of a colleague's customer."""
    try:
        desk_sessions.confirm_second(key=key, staff=desk_user(request))
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("신분증을 함께 본 것으로 남겼습니다."))
    return redirect("portal:desk")
