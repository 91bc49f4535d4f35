"""Parts of every payout page in the admin: the page, the confirmation before an action, the download for a reason.

An action changes money only by a POST after a page that describes it. Actions that release money need a recent second
factor.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.audit import looks
from kt_remedy.core.templatetags.remedy import kdatetime, krw
from kt_remedy.staff.models import User
from kt_remedy.staff.service import has_fresh_second_factor
from refunds.models.bank_answers import BankAnswer
from refunds.models.statements import BankStatement
from refunds.payouts import overview
from refunds.payouts.admin.forms import ConfirmForm, ReasonForm
from refunds.payouts.guards import Refused

# A page that shows the work of a worker reloads after so many seconds.
RELOAD_SECONDS = 3


@dataclass(frozen=True, slots=True)
class ConfirmedAction:
    """An action that is posted after its own page: its permission, the text of that page, and the function it calls.

    `fresh` asks for a second factor of the last five minutes.
    """

    permission: str
    title: Any
    text: Any
    button: Any
    call: Callable[..., Any]
    done: Any
    form: type[forms.Form] = ConfirmForm
    fresh: bool = False


def require_permission(request: HttpRequest, permission: str) -> User:
    """The member of staff at the browser. Raises PermissionDenied without the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied("this action belongs to another role")
    assert isinstance(request.user, User)
    return request.user


def staff_user(request: HttpRequest) -> User:
    """The member of staff at the browser, whose permission the access rule of the view has checked."""
    assert isinstance(request.user, User)
    return request.user


def refuse_changes(request: HttpRequest) -> None:
    """Raises PermissionDenied unless the request only reads: rows of money are not edited."""
    if request.method not in {"GET", "HEAD"}:
        raise PermissionDenied("rows of money are not edited")


def record_look(request: HttpRequest, action: str, subject_of: str, customer_id: str = "", **detail: Any) -> None:
    """Name what the page is about: `subject_of` is the object or the list, `customer_id` its customer (`looks`)."""
    looks.note(action=action, object=subject_of, subject=customer_id, **detail)


def parse_day(text: str) -> dt.date:
    """The ISO date in an address. Raises Http404 for anything else."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Http404 from None


def page(request: HttpRequest, name: str, title: Any, context: dict, *, status: int = 200) -> HttpResponse:
    """A payout page inside the admin, by the name of its template."""
    context = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"admin/refunds/{name}.html", context, status=status)


def reauthenticate(request: HttpRequest, to: str) -> HttpResponse | None:
    """A redirect to the second factor and from there back to `to`; None if it is recent enough."""
    if has_fresh_second_factor(request):
        return None
    return redirect(reauthenticate_url(to))


def reauthenticate_url(to: str) -> str:
    """The address of the second factor that leads back to `to`."""
    return reverse("mfa_reauthenticate") + "?" + urlencode({"next": to})


def confirm(
    request: HttpRequest,
    action: ConfirmedAction,
    *,
    back_url: str,
    title: str,
    rows: list,
    initial: dict[str, Any] | None = None,
    **target: Any,
) -> HttpResponse:
    """The page before an action, and the action when it is posted. `initial` fills its form.

    Raises PermissionDenied without its permission.
    """
    user = require_permission(request, action.permission)
    if action.fresh and (response := reauthenticate(request, request.get_full_path())):
        return response
    form = action.form(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            action.call(user=user, **target, **form.cleaned_data)
        except Refused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, action.done)
        return redirect(back_url)
    context = {
        "form": form,
        "action": action,
        "heading": action.title,
        "about": title,
        "rows": rows,
        "back_url": back_url,
    }
    return page(request, "confirm", action.title, context, status=400 if form.errors else 200)


def download_with_reason(
    request: HttpRequest,
    *,
    title: Any,
    about: str,
    text: Any,
    rows: list,
    back_url: str,
    make: Callable[[User, str], HttpResponse | StreamingHttpResponse],
    **more: Any,
) -> HttpResponse | StreamingHttpResponse:
    """The page before a download, and the file when a reason is posted; needs a recent second factor.

    `make` takes the user and the reason. `more` goes to the template.
    """
    if response := reauthenticate(request, request.get_full_path()):
        return response
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            content = make(staff_user(request), form.cleaned_data["reason"])
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect(back_url)
        content["Cache-Control"] = "no-store"
        return content
    context = {"form": form, "heading": title, "about": about, "rows": rows, "text": text, "back_url": back_url, **more}
    context["button"] = _("내려받기")
    return page(request, "download", title, context, status=400 if form.errors else 200)


def file_response(content: Any, name: str, media_type: str) -> HttpResponse | StreamingHttpResponse:
    """A response that the browser saves as a file; `content` is bytes or an iterator of them."""
    kind = HttpResponse if isinstance(content, bytes) else StreamingHttpResponse
    response = kind(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def count_and_sum(row: Any) -> list[tuple[str, str]]:
    """Count and won of a batch, a file or an inquiry as table rows."""
    return [(_("건수"), f"{row.count:,}"), (_("합계"), krw(row.won))]


def reload_soon(response: HttpResponse, url: str = "") -> None:
    """Let a page reload by itself while a worker does what it shows, at `url` if it is another address."""
    response["Refresh"] = f"{RELOAD_SECONDS}; url={url}" if url else str(RELOAD_SECONDS)


def people_of(row: BankAnswer | BankStatement) -> list[tuple[str, str]]:
    """The rows of a table of facts that name the people who staged, confirmed and discarded a file of the bank."""
    facts = [(_("올린 사람"), f"{overview.name_of(row.staged_by)} · {kdatetime(row.staged_at)}")]
    if row.confirmed_by:
        facts.append((_("확인한 사람"), f"{overview.name_of(row.confirmed_by)} · {kdatetime(row.confirmed_at)}"))
    if row.discarded_by:
        facts.append((_("버린 사람"), f"{overview.name_of(row.discarded_by)} · {kdatetime(row.discarded_at)}"))
        facts.append((_("버린 이유"), row.discarded_because))
    return facts
