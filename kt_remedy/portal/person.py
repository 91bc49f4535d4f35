"""Proof of the person behind a staff account: once, with the person's own telephone.

Two accounts may belong to one person, so an account without this proof can neither prepare nor approve payouts.
"""

import time

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kt_remedy.core import access
from kt_remedy.core.access import permission_required
from kt_remedy.identity import provider
from kt_remedy.identity import service as identity
from kt_remedy.portal.desk_forms import PhoneProofForm
from kt_remedy.staff import service
from kt_remedy.staff.models import User

_KEY, _SECONDS = "staff_person", 10 * 60


@permission_required("staff.prove_person")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest) -> HttpResponse:
    """Send a request for approval to the telephone of the signed-in member of staff."""
    user = request.user
    assert isinstance(user, User)
    if user.person_index:
        return render(request, "portal/staff_person.html", {"known": True})
    form = PhoneProofForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            pending = identity.begin(
                method="APP",
                carrier=form.cleaned_data["carrier"],
                name=user.first_name,
                phone=form.cleaned_data["phone"],
                address=access.current_address() or "",
            )
        except identity.LimitReached:
            form.add_error(None, _("오늘은 이 번호로 더 보낼 수 없습니다."))
        except (provider.VerificationRefused, provider.Unavailable):
            form.add_error(None, _("승인 요청을 보내지 못했습니다. 통신사와 번호를 다시 확인하세요."))
        else:
            request.session[_KEY] = {"pending": pending.to_session(), "at": time.time()}
            return redirect("portal:staff-person-approve")
    context = {"form": form, "name": user.first_name}
    return render(request, "portal/staff_person.html", context, status=422 if form.errors else 200)


@permission_required("staff.prove_person")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest) -> HttpResponse:
    """Store the person of the account once the telephone has approved."""
    user = request.user
    assert isinstance(user, User)
    stored = request.session.get(_KEY)
    if user.person_index or not stored or time.time() - stored["at"] > _SECONDS:
        return redirect("portal:staff-person")
    pending = identity.PendingVerification(**stored["pending"])
    wrong = ""
    if request.method == "POST":
        try:
            person = identity.confirm(pending)
            service.record_person(user=user, person_index=person.ci_index, name=person.name)
        except provider.NotApproved:
            wrong = _("아직 승인하지 않으셨습니다.")
        except service.NotAllowed as refused:
            wrong = refused.message
        except (provider.VerificationRefused, provider.Unavailable, identity.LimitReached, identity.MissingCI):
            wrong = _("확인되지 않았습니다. 통신사와 번호를 보고 다시 보내 주세요.")
        else:
            del request.session[_KEY]
            messages.success(request, _("본인 확인을 마쳤습니다."))
            return redirect("admin:index")
    context = {
        "pending": pending,
        "wrong": wrong,
        "sandbox": settings.SANDBOX_URL,
        "back": reverse("portal:staff-person"),
    }
    return render(request, "portal/staff_person_approve.html", context, status=422 if wrong else 200)
