"""Promised calls: who is called at which number, and how the call ended. It opens name and number only."""

import datetime as dt

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kt_remedy.audit import reveals
from kt_remedy.core import clock, masking
from kt_remedy.core.access import permission_required
from kt_remedy.core.errors import Refused
from kt_remedy.portal.desk_forms import CallForm
from kt_remedy.portal.desk_sessions import desk_user, tabs
from refunds.applications import call_backs, call_checks


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def call(request: HttpRequest, pk: int) -> HttpResponse:
    """One promised call: the name, the confirmed number, the promise; takes the outcome."""
    user = desk_user(request)
    try:
        note = call_backs.get(note_id=pk, staff=user)
    except Refused:
        raise Http404 from None
    form = CallForm(request.POST if "outcome" in request.POST or "again" in request.POST else None)
    number = ""
    if request.POST.get("act") == "number" and (number := call_backs.number_of(note)):
        try:
            reveals.record(
                user=user,
                kind="phone",
                object=f"note:{note.pk}",
                subject=note.customer_id,
                reason=gettext_noop("걸기로 한 전화"),
            )
        except Refused as refused:
            messages.warning(request, refused.message)
            number = ""
        else:
            call_checks.place(note, staff=user, number=number)
    if form.is_bound and request.method == "POST" and form.is_valid():
        try:
            done = call_backs.finish(
                note_id=pk, staff=user, outcome=form.cleaned_data["outcome"], again_at=form.cleaned_data["again"]
            )
        except Refused as refused:
            form.add_error("again" if refused.code == "TIME" else None, refused.message)
        else:
            messages.success(
                request,
                _("결과를 적었습니다.") if done.called_at else _("결과를 적었습니다. 다시 걸 때가 잡혔습니다."),
            )
            return redirect("portal:desk")
    call_backs.record_look(note, user)
    now = clock.now()
    known = call_backs.number_of(note)
    values = {
        "note": note,
        "number": number,
        "masked": masking.phone(known) if known else "",
        "form": form,
        "tabs": tabs(user),
        "calling": call_checks.placed_by(user),
        "late": note.call_back_at is not None and note.call_back_at < now,
        "days": (now - note.written_at) // dt.timedelta(days=1),
        "tries_left": call_backs.TRIES - note.tries,
    }
    return render(request, "portal/desk_call.html", values, status=422 if form.errors else 200)
