"""The way to one's own work, leaving, and the page on which a one-time code sets a password."""

from allauth.account.views import logout as sign_out
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from kt_remedy.core import access, console, ratelimit
from kt_remedy.core.access import permission_required, public
from kt_remedy.staff import invitations
from kt_remedy.staff.forms import InvitationForm
from kt_remedy.staff.models import User

TRIES_BY_NAME, TRIES_BY_ADDRESS, MINUTES = 5, 20, 15


@permission_required("staff.open_admin")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead a member of staff to the page that their role begins at."""
    assert isinstance(request.user, User)
    return redirect(console.home_of(request.user.roles))


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """Set the first password with a user name and a one-time code, then redirect to the sign-in."""
    form = InvitationForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not _consume_limits(form.cleaned_data["username"]):
                form.add_error(
                    None, _("너무 여러 번 시도하셨습니다. %(minutes)s분 뒤에 다시 해 주세요.") % {"minutes": MINUTES}
                )
                status = 429
            elif _accept(form):
                messages.success(
                    request, _("비밀번호를 정했습니다. 로그인한 뒤 휴대폰 본인 확인을 마치면 계정이 열립니다.")
                )
                return redirect("account_login")
    return render(request, "staff/invitation.html", {"form": form}, status=status)


def leave(request: HttpRequest) -> HttpResponse:
    """Sign out; the browser drops what it kept of the portal."""
    response = sign_out(request)
    return access.forget_cache(response) if request.method == "POST" else response


def _consume_limits(username: str) -> bool:
    """Count a try for the user name, known or not, and for the address; False if a limit is reached."""
    by_address = ratelimit.consume(
        f"invitation:address:{access.current_address()}", limit=TRIES_BY_ADDRESS, seconds=MINUTES * 60
    )
    by_name = ratelimit.consume(f"invitation:name:{username.casefold()}", limit=TRIES_BY_NAME, seconds=MINUTES * 60)
    return by_address.allowed and by_name.allowed


def _accept(form: InvitationForm) -> bool:
    data = form.cleaned_data
    try:
        invitations.accept(username=data["username"], code=data["code"], password=data["password1"])
    except invitations.InvitationExpired:
        sentence = _("%(hours)s시간이 지나 쓸 수 없는 코드입니다. 코드를 준 사람에게 새 코드를 만들어 달라고 하세요.")
        form.add_error("code", sentence % {"hours": invitations.HOURS})
    except invitations.InvitationNotNeeded:
        form.add_error(None, _("관리자 두 명이 이미 있어 이 초대는 끝났습니다. 그 관리자에게 계정을 부탁하세요."))
    except invitations.InvitationRefused:
        form.add_error(None, _("아이디나 초대 코드가 맞지 않습니다. 받은 그대로 다시 적어 주세요."))
    except ValidationError as error:
        form.add_error("password1", error)
    return not form.errors
