"""Page of the switches: a part of the portal is stopped by one person and started again by two."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kt_remedy.audit import service as audit
from kt_remedy.core import switches
from kt_remedy.core.access import permission_required
from kt_remedy.core.models import Switch
from kt_remedy.portal.waiting import figures

# The acts of the page: the function, and whether it takes a reason.
_ACTS: dict[str, tuple[Callable[..., None], bool]] = {
    "stop": (switches.stop, True),
    "confirm": (switches.confirm, False),
    "ask_to_start": (switches.ask_to_start, True),
    "start": (switches.start, False),
}


@permission_required("portal.use_switches")
@never_cache
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Show each switch, and carry out one act on one of them with its audit entry."""
    typed: dict[str, str] = {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in ("code", "act", "reason")}
        try:
            _act(request, **typed)
        except switches.SwitchRefused as refused:
            messages.error(request, refused.message)
        else:
            return redirect("portal:switches")
    rows = [(row, switches.sentence(row.code)) for row in switches.all_switches()]
    context = {
        "rows": rows,
        "waiting_room": figures.sentence(),
        "typed": typed,
        "minutes": int(switches.CONFIRM_WITHIN.total_seconds()) // 60,
    }
    return render(request, "portal/switches.html", context)


def _act(request: HttpRequest, code: str, act: str, reason: str) -> None:
    if code not in Switch.Code.values or act not in _ACTS:
        raise switches.SwitchRefused("UNKNOWN", _("이 화면의 단추로 다시 해 주세요."))
    function, takes_reason = _ACTS[act]
    given: dict[str, Any] = {"reason": reason[:200]} if takes_reason else {}
    function(code, by=request.user.get_username(), **given)
    audit.record(actor=audit.actor(request.user), action=f"switch.{act}", object=f"switch:{code}", **given)
    messages.success(request, _("바꿨습니다."))
