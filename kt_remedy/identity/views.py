"""The pages of identity verification: choose a method, enter the details, confirm.

No page shows whether the person is a customer.
"""

import secrets
import time
from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from kt_remedy.core import practice
from kt_remedy.core.access import address_of, customer, forget_cache, public
from kt_remedy.identity import provider, service
from kt_remedy.identity.forms import CodeForm, PassAppForm, SmsSecondForm

PENDING, NEXT, BROWSER = "identity_pending", "identity_next", "identity_browser"
METHODS = {"app": "APP", "sms": "SMS"}
_OVER = gettext_lazy("시간이 지났거나 이미 끝난 본인 확인입니다. 다시 해 주시면 하시던 곳으로 갑니다.")

log = structlog.get_logger(__name__)


@public
@never_cache
@require_http_methods(["GET", "HEAD"])
def start(request: HttpRequest) -> HttpResponse:
    """Offer the PASS app and a code by SMS."""
    query = _query(_own_path(request.GET.get("next", "")))
    return render(request, "identity/start.html", {"query": query, "steps": _steps()})


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def enter_details(request: HttpRequest, way: str) -> HttpResponse:
    """Request a verification with name, number and carrier; by SMS also with birth date and one digit, not kept.

    By SMS the birth date and the digit are a second page, so that no page asks for more than three things.
    """
    method, next_path, second = METHODS[way], _own_path(request.GET.get("next", "")), False
    if request.method == "POST":
        form = PassAppForm(request.POST)
        if form.is_valid() and way == "sms":
            second = True
            form = SmsSecondForm(request.POST) if "born" in request.POST else SmsSecondForm(initial=_typed(request))
        if form.is_valid():
            try:
                pending = service.begin(
                    method=method,
                    carrier=form.cleaned_data["carrier"],
                    name=form.cleaned_data["name"],
                    phone=form.cleaned_data["phone"],
                    identity_number=form.identity_number,
                    address=address_of(request),
                    browser=request.session.setdefault(BROWSER, secrets.token_hex(16)),
                )
            except service.LimitReached as reached:
                return _too_many(request, reached)
            except provider.Unavailable:
                return _unavailable(request)
            except provider.Locked:
                form.add_error(
                    None,
                    _("통신사가 이 번호의 본인 확인을 잠시 막았습니다. 조금 뒤에 다시 하시거나 다른 방법을 써 주세요."),
                )
            except provider.VerificationRefused:
                form.add_error(
                    None,
                    _("적어 주신 내용으로 본인 확인을 할 수 없습니다. 이름, 번호, 통신사가 가입된 그대로인지 보세요."),
                )
            else:
                request.session[PENDING] = pending.to_session()
                request.session[NEXT] = next_path
                return redirect("identity:code")
    else:
        form = PassAppForm(initial=_practice_values(request))
    context = {"form": form, "way": way, "second": second, "next": next_path, "steps": _steps()}
    return render(request, "identity/who.html", context)


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """Confirm by the code or by the approval in the app, then redirect to the page the person asked for."""
    pending = _pending(request)
    if pending is None:
        return _start_again(
            request, _("시간이 지났거나 이미 끝난 본인 확인입니다. 다시 해 주시면 하시던 곳으로 갑니다.")
        )
    by_app = pending.method == "APP"
    form = CodeForm(request.POST or None) if not by_app else None
    error = ""
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            person = service.confirm(pending, form.cleaned_data["code"] if form else "")
        except service.LimitReached as reached:
            return _too_many(request, reached)
        except service.MissingCI:
            _clear_pending(request)
            return redirect("identity:elsewhere")
        except provider.Unavailable:
            return _unavailable(request)
        except provider.WrongCode as wrong:
            error = _("인증번호가 다릅니다. 가장 나중에 온 문자의 번호를 적어 주세요.") + " " + _tries_left(wrong.left)
        except provider.NotApproved:
            error = _("아직 승인되지 않았습니다. PASS 앱에서 승인한 뒤 다시 눌러 주세요.")
        except provider.Expired:
            error = _("인증번호의 시간이 지났습니다. 새 번호를 받아 주세요.")
        except provider.VerificationRefused:  # Locked as well: this request has ended
            return _start_again(request, _("여러 번 틀려 이 인증은 끝났습니다. 처음부터 다시 해 주세요."))
        else:
            next_path = request.session.get(NEXT, "")
            _clear_pending(request)
            service.sign_in(request, person)
            log.info("identity.verified", method=pending.method)
            return redirect(next_path or "portal:my-lines")
        if form:
            form.add_error("code", error)
    context = {
        "form": form,
        "error": error if by_app else "",
        "pending": pending,
        "sandbox": settings.SANDBOX_URL,
        "steps": _steps(),
        "resend_seconds": service.RESEND_SECONDS,
    }
    return render(request, "identity/code.html", context)


@public
@require_POST
def resend_code(request: HttpRequest) -> HttpResponse:
    """Send a new code."""
    pending = _pending(request)
    if pending is None:
        return _start_again(
            request, _("시간이 지났거나 이미 끝난 본인 확인입니다. 다시 해 주시면 하시던 곳으로 갑니다.")
        )
    try:
        request.session[PENDING] = service.resend_code(pending).to_session()
    except service.LimitReached as reached:
        if not pending.wait_seconds:
            return _too_many(request, reached)
        text = _("방금 보냈습니다. %(seconds)s초 뒤에 다시 받을 수 있습니다.") % {"seconds": pending.wait_seconds}
        messages.info(request, text)
    except provider.Unavailable:
        return _unavailable(request)
    except provider.VerificationRefused:
        _clear_pending(request)
        messages.warning(request, _("이 인증은 끝났습니다. 처음부터 다시 해 주세요."))
        return redirect("identity:start")
    else:
        messages.success(request, _("새로 보냈습니다. 앞서 받은 번호는 쓸 수 없습니다."))
    return redirect("identity:code")


@public
@require_http_methods(["GET", "HEAD"])
def other_ways(request: HttpRequest) -> HttpResponse:
    """Store and call centre, for persons without a telephone of their own (docs/domain.md#c4)."""
    return render(request, "identity/elsewhere.html")


@customer
@require_POST
def extend_session(request: HttpRequest) -> HttpResponse:
    """Restart the idle time of the session."""
    service.extend_session(request)
    if "X-Stay" in request.headers:  # sent by the page's script: no navigation
        return HttpResponse(status=204)
    return redirect(_own_path(request.POST.get("next", "")) or "portal:my-lines")


@public
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ask for confirmation and sign out on POST."""
    if request.method == "POST":
        service.sign_out(request)
        messages.success(request, _("나가셨습니다. 이 기기에는 아무것도 남지 않았습니다."))
        return forget_cache(redirect("portal:home"))
    return render(request, "identity/leave.html")


def _practice_values(request: HttpRequest) -> dict[str, Any]:
    return practice.form_values("identity", request.GET.get("as", ""))


def _typed(request: HttpRequest) -> dict[str, Any]:
    """The answers of the first page; those of the second are filled for an invented person only."""
    return _practice_values(request) | {name: request.POST[name] for name in PassAppForm.base_fields}


def _tries_left(left: int) -> str:
    if not left:
        return _("더 적으실 수 없습니다. 처음부터 다시 해 주세요.")
    return _("앞으로 %(left)s번 더 적으실 수 있습니다.") % {"left": left}


def _pending(request: HttpRequest) -> service.PendingVerification | None:
    stored = request.session.get(PENDING)
    if stored is None or time.time() - stored["sent_at"] > service.IDLE_SECONDS:
        return None
    return service.PendingVerification(**stored)


def _start_again(request: HttpRequest, words: str) -> HttpResponse:
    """Lead back to the first page with these words, and from there to the page that the person asked for; who is
    verified already goes on."""
    next_path = request.session.get(NEXT, "")
    _clear_pending(request)
    if request.person is not None:  # type: ignore[attr-defined]
        return redirect(next_path or "portal:my-lines")
    messages.warning(request, words)
    return redirect(reverse("identity:start") + _query(next_path))


def _query(next_path: str) -> str:
    return "?" + urlencode({"next": next_path}) if next_path else ""


def _clear_pending(request: HttpRequest) -> None:
    for key in (PENDING, NEXT):
        request.session.pop(key, None)


def _own_path(target: str) -> str:
    """Return the target if it is a page of this portal, otherwise an empty string."""
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None) or not target.startswith("/"):
        return ""
    try:
        match = resolve(target.partition("?")[0].partition("#")[0])
    except Resolver404:
        return ""
    return "" if match.view_name == "identity:leave" else target


def _too_many(request: HttpRequest, reached: service.LimitReached) -> HttpResponse:
    return render(request, "identity/too_many.html", {"minutes": reached.minutes, "hours": reached.hours}, status=429)


def _unavailable(request: HttpRequest) -> HttpResponse:
    return render(request, "identity/unavailable.html", {"back": reverse("identity:start")}, status=503)


def _steps() -> list[str]:
    return [_("방법"), _("정보"), _("확인")]
