"""What members of staff see and change of their own account: where it is signed in, and who lives with them."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kt_remedy.core.access import forget_cache, permission_required
from kt_remedy.staff import household as households
from kt_remedy.staff import sessions
from kt_remedy.staff.admin import second_factor_first
from kt_remedy.staff.forms import HouseholdForm
from kt_remedy.staff.models import User


@permission_required("staff.view_sessions")
@require_http_methods(["GET", "HEAD", "POST"])
def own_sessions(request: HttpRequest) -> HttpResponse:
    """List the browsers that are signed in to one's account, and end one, the others or all, with a fresh factor."""
    user, own_key = cast(User, request.user), sessions.own_key(request)
    if request.method == "POST":
        if response := second_factor_first(request):
            return response
        wanted = request.POST.get("end", "")
        if wanted == "all":
            sessions.end(user=user)
            logout(request)
            return forget_cache(redirect("account_login"))
        if wanted == "others":
            sessions.end(user=user, but=own_key)
        elif wanted.isdecimal() and len(wanted) < 19:
            sessions.end(user=user, only=int(wanted))
        messages.success(request, _("그 접속을 끝냈습니다."))
        return redirect("staff-sessions")
    context = {"sessions": sessions.live(user), "own_key": own_key, "most": sessions.MOST}
    return render(request, "staff/sessions.html", context)


@permission_required("staff.declare_household")
@require_http_methods(["GET", "HEAD", "POST"])
def household(request: HttpRequest) -> HttpResponse:
    """Declare the number of somebody of one's household: their cases are closed to oneself from then on (D-90)."""
    user = cast(User, request.user)
    form = HouseholdForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        households.declare(user=user, phone=form.cleaned_data["phone"])
        messages.success(request, _("적었습니다. 이제 그분의 신청은 다른 직원이 처리합니다."))
        return redirect("staff-household")
    context = {"form": form, "declared": user.household.order_by("declared_at")}
    return render(request, "staff/household.html", context, status=422 if form.errors else 200)
