"""Access of the desk's pages to one desk session: its key stands in the address, and every form posts to it (D-85)."""

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.signals import user_logged_out
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from kt_remedy.core import masking
from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from refunds.applications import call_checks, desk_sessions
from refunds.models.desk import DeskSession

P = ParamSpec("P")
LETTERS = "가나다라마바사아"
# What is never kept in a draft: keys of the form, and fields that prove or consent.
_NOT_KEPT = {"csrfmiddlewaretoken", "desk", "key", "privacy", "anyway"}


@dataclass(frozen=True, slots=True)
class Tab:
    """A session as the tabs of the desk show it."""

    key: str
    letter: str
    colour: str
    name: str
    doing: str
    minutes: int
    low: bool
    here: bool
    press: str  # place of its key on the keyboard


def desk_user(request: HttpRequest) -> User:
    """The signed-in member of staff."""
    assert isinstance(request.user, User)
    return request.user


def letter(row: DeskSession) -> str:
    """Letter of a session, kept from its opening to its end."""
    return LETTERS[row.place]


def colour(row: DeskSession) -> str:
    """Class of the colour that stands for this customer and for nothing else."""
    return f"sess-{'abcdefgh'[row.place]}"


def masked(row: DeskSession) -> str:
    """Masked name of the customer of a session."""
    return masking.name(row.customer.holder_name or "")


def tabs(user: User, here: str = "") -> list[Tab]:
    """The open sessions of a member of staff as tabs."""
    now = dt.datetime.now(dt.UTC)
    shown = []
    asked = _("누가 오셨나요") if user.store_id else _("누가 전화하셨나요")
    for row in desk_sessions.live_of(user):
        left = desk_sessions.ends_at(row) - now
        doing = asked if not row.came_as else _("신분 확인") if not row.is_proven else _("응대 중")
        shown.append(
            Tab(
                key=row.key,
                letter=letter(row),
                colour=colour(row),
                name=masked(row),
                doing=doing,
                minutes=max(0, int(left.total_seconds() // 60)),
                low=left <= desk_sessions.WARN_BEFORE,
                here=row.key == here,
                press=f"Key{'QWERTYUI'[row.place]}",
            )
        )
    return shown


def context(request: HttpRequest, row: DeskSession) -> dict[str, Any]:
    """The values that every page of a session shows: tabs, letter, colour, name and when it ends."""
    ends = desk_sessions.ends_at(row)
    left = max(0, int((ends - dt.datetime.now(dt.UTC)).total_seconds()))
    return {
        "desk": row,
        "tabs": tabs(desk_user(request), row.key),
        "calling": call_checks.placed_by(desk_user(request)),
        "letter": letter(row),
        "colour": colour(row),
        "name": masked(row),
        "ends_after": left,
        "warn_after": max(0, left - int(desk_sessions.WARN_BEFORE.total_seconds())),
    }


def in_session(
    view: Callable[Concatenate[HttpRequest, DeskSession, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, str, P], HttpResponse]:
    """Give a view the session of the key in its address, once its person is proven; see `before_proof`.

    A session for one draft leads back to the draft (D-88).
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, row: DeskSession, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if row.draft_of:
            return redirect("portal:desk-file", row.key)
        return view(request, row, *args, **kwargs)

    return for_filing(wrapped)


def for_filing(
    view: Callable[Concatenate[HttpRequest, DeskSession, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, str, P], HttpResponse]:
    """Give a view of filing the session of the key in its address, proven or for one draft; see `before_proof`."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, row: DeskSession, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not row.is_proven:
            return redirect("portal:desk-customer", row.key)
        return view(request, row, *args, **kwargs)

    return before_proof(wrapped)


def before_proof(
    view: Callable[Concatenate[HttpRequest, DeskSession, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, str, P], HttpResponse]:
    """Give a view the session of the key in its address: another's key is unknown, an ended one leads to the desk.

    A form says for whom it was shown (`desk`); for another session nothing is saved, and both customers are named.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, key: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = desk_user(request)
        row = desk_sessions.find(key=key, staff=user)
        if row is None:
            raise Http404
        if (shown_for := request.POST.get("desk", key)) != key:
            other = desk_sessions.find(key=shown_for, staff=user)
            return render(request, "portal/desk_mixed.html", _mixed(row, other), status=409)
        if not desk_sessions.is_live(row):
            if request.method == "POST" and (values := typed(request)):
                desk_sessions.save_draft(row, values)
            desk_sessions.end(row)
            messages.warning(
                request,
                _("%(name)s 님의 응대 시간이 끝났습니다. 쓰던 것은 오늘 남아 있습니다. 다시 찾고 본인을 확인하세요.")
                % {"name": masked(row)},
            )
            return redirect("portal:desk")
        if request.method == "POST":
            desk_sessions.renew(row)
        return view(request, row, *args, **kwargs)

    return wrapped


def typed(request: HttpRequest) -> dict[str, list[str]]:
    """The typed answers of the page of filing, as it can be shown again; without consents and keys."""
    if "bank" not in request.POST and "lines" not in request.POST:
        return {}
    return {name: request.POST.getlist(name) for name in request.POST if name not in _NOT_KEPT}


def _mixed(row: DeskSession, other: DeskSession | None) -> dict[str, Any]:
    pairs = [
        {"key": each.key, "letter": letter(each), "colour": colour(each), "name": masked(each)}
        for each in (other, row)
        if each is not None
    ]
    return {"pairs": pairs, "address_of": pairs[-1], "shown_for": pairs[0] if other is not None else None}


@permission_required("portal.serve_customer")
@require_POST
def end_session(request: HttpRequest, key: str) -> HttpResponse:
    """End the session when the customer leaves."""
    row = desk_sessions.find(key=key, staff=desk_user(request))
    if row is not None:
        desk_sessions.end(row)
    return redirect("portal:desk")


@permission_required("portal.serve_customer")
@never_cache
@require_POST
def stay(request: HttpRequest, key: str) -> HttpResponse:
    """Go on with a session: its fifteen minutes begin again. What was typed comes along and is kept."""
    row = desk_sessions.find(key=key, staff=desk_user(request))
    if row is None:
        raise Http404
    live = desk_sessions.is_live(row)
    if values := typed(request):
        desk_sessions.save_draft(row, values)
    if live:
        desk_sessions.renew(row)
    if request.headers.get("X-Stay"):
        left = max(0, int((desk_sessions.ends_at(row) - dt.datetime.now(dt.UTC)).total_seconds())) if live else 0
        return JsonResponse({"ends_after": left}, status=200 if live else 409)
    return redirect("portal:desk-customer", key) if live else redirect("portal:desk")


def end_with_sign_out(**_signal: Any) -> None:
    """End all sessions of somebody who signs out."""
    if isinstance(_signal.get("user"), User):
        desk_sessions.end_all(_signal["user"])


user_logged_out.connect(end_with_sign_out, dispatch_uid="portal.desk")
