"""Proving who one is, step by step: choose how, type who, confirm. Nothing here says whether anybody is a customer."""

import time
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from kt_remedy.core import practice
from kt_remedy.core.access import address_of, customer, public
from kt_remedy.identity import provider, service
from kt_remedy.identity.forms import AppForm, CodeForm, SmsForm

PENDING, NEXT = "identity_pending", "identity_next"
METHODS = {"app": ("APP", AppForm), "sms": ("SMS", SmsForm)}

log = structlog.get_logger(__name__)


@public
@never_cache
@require_http_methods(["GET", "HEAD"])
def start(request: HttpRequest) -> HttpResponse:
    """Choose between the PASS app and a code by SMS."""
    following = _own_path(request.GET.get("next", ""))
    query = "?" + urlencode({"next": following}) if following else ""
    return render(request, "identity/start.html", {"query": query, "steps": _steps()})


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def who(request: HttpRequest, way: str) -> HttpResponse:
    """Name, number, carrier; by SMS also birth date and one digit, which go to the carrier and are forgotten."""
    method, form_class = METHODS[way]
    following = _own_path(request.GET.get("next", ""))
    if request.method == "POST":
        form = form_class(request.POST)
        if form.is_valid():
            try:
                pending = service.begin(
                    method=method,
                    carrier=form.cleaned_data["carrier"],
                    name=form.cleaned_data["name"],
                    phone=form.cleaned_data["phone"],
                    identity_number=form.identity_number,
                    address=address_of(request),
                )
            except service.TooMany as stop:
                return _too_many(request, stop)
            except provider.Unavailable:
                return _unavailable(request)
            except provider.Locked:
                form.add_error(
                    None,
                    _("통신사가 이 번호의 본인 확인을 잠시 막았습니다. 조금 뒤에 다시 하시거나 다른 방법을 써 주세요."),
                )
            except provider.Refused:
                form.add_error(
                    None,
                    _("적어 주신 내용으로 본인 확인을 할 수 없습니다. 이름, 번호, 통신사가 가입된 그대로인지 보세요."),
                )
            else:
                request.session[PENDING] = pending.kept()
                request.session[NEXT] = following
                return redirect("identity:code")
    else:
        form = form_class(initial=practice.form_values("identity", request.GET.get("as", "")))
    context = {"form": form, "way": way, "next": following, "steps": _steps()}
    return render(request, "identity/who.html", context)


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Enter the code, or say that the app was approved; then go where the person wanted to go."""
    pending = _pending(request)
    if pending is None:
        return redirect("identity:start")
    by_app = pending.method == "APP"
    form = CodeForm(request.POST or None) if not by_app else None
    fault = ""
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            person = service.confirm(pending, form.cleaned_data["code"] if form else "")
        except service.TooMany as stop:
            return _too_many(request, stop)
        except service.NoIdentifier:
            _forget(request)
            return redirect("identity:elsewhere")
        except provider.Unavailable:
            return _unavailable(request)
        except provider.WrongCode:
            fault = _("인증번호가 다릅니다. 가장 나중에 온 문자의 번호를 적어 주세요.")
        except provider.NotApproved:
            fault = _("아직 승인되지 않았습니다. PASS 앱에서 승인한 뒤 다시 눌러 주세요.")
        except provider.Expired:
            fault = _("인증번호의 시간이 지났습니다. 새 번호를 받아 주세요.")
        except provider.Refused:  # Locked too: this request is over
            _forget(request)
            messages.warning(request, _("여러 번 틀려 이 인증은 끝났습니다. 처음부터 다시 해 주세요."))
            return redirect("identity:start")
        else:
            following = request.session.get(NEXT, "")
            _forget(request)
            service.sign_in(request, person)
            log.info("identity.verified", method=pending.method)
            return redirect(following or "portal:my-lines")
        if form:
            form.add_error("code", fault)
    context = {
        "form": form,
        "fault": fault if by_app else "",
        "pending": pending,
        "sandbox": settings.SANDBOX_URL,
        "steps": _steps(),
        "resend_seconds": service.RESEND_SECONDS,
    }
    return render(request, "identity/code.html", context)


@public
@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """Send a new code."""
    pending = _pending(request)
    if pending is None:
        return redirect("identity:start")
    try:
        request.session[PENDING] = service.send_again(pending).kept()
    except service.TooMany as stop:
        if not pending.wait_seconds:
            return _too_many(request, stop)
        text = _("방금 보냈습니다. %(seconds)s초 뒤에 다시 받을 수 있습니다.") % {"seconds": pending.wait_seconds}
        messages.info(request, text)
    except provider.Unavailable:
        return _unavailable(request)
    except provider.Refused:
        _forget(request)
        messages.warning(request, _("이 인증은 끝났습니다. 처음부터 다시 해 주세요."))
        return redirect("identity:start")
    else:
        messages.success(request, _("새로 보냈습니다. 앞서 받은 번호는 쓸 수 없습니다."))
    return redirect("identity:code")


@public
@require_http_methods(["GET", "HEAD"])
def elsewhere(request: HttpRequest) -> HttpResponse:
    """For those who cannot verify themselves by a telephone of their own: store and call centre (docs/domain.md#c4)."""
    return render(request, "identity/elsewhere.html")


@customer
@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """Go on: the idle time begins anew."""
    service.stay(request)
    if "X-Stay" in request.headers:  # the page's own script: the reader stays where they are
        return HttpResponse(status=204)
    return redirect(_own_path(request.POST.get("next", "")) or "portal:my-lines")


@public
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out, after a POST."""
    if request.method == "POST":
        service.sign_out(request)
        messages.success(request, _("나가셨습니다. 이 기기에는 아무것도 남지 않았습니다."))
        return redirect("portal:home")
    return render(request, "identity/leave.html")


def _pending(request: HttpRequest) -> service.Pending | None:
    kept = request.session.get(PENDING)
    if kept is None or time.time() - kept["sent_at"] > service.IDLE_SECONDS:
        return None
    return service.Pending(**kept)


def _forget(request: HttpRequest) -> None:
    for key in (PENDING, NEXT):
        request.session.pop(key, None)


def _own_path(target: str) -> str:
    """The target when it is a page of this portal, else nothing."""
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None) or not target.startswith("/"):
        return ""
    try:
        match = resolve(target.partition("?")[0].partition("#")[0])
    except Resolver404:
        return ""
    return "" if match.view_name == "identity:leave" else target


def _too_many(request: HttpRequest, stop: service.TooMany) -> HttpResponse:
    return render(request, "identity/too_many.html", {"minutes": stop.minutes, "hours": stop.hours}, status=429)


def _unavailable(request: HttpRequest) -> HttpResponse:
    return render(request, "identity/unavailable.html", {"back": reverse("identity:start")}, status=503)


def _steps() -> list[str]:
    return [_("방법"), _("정보"), _("확인")]
