"""Switches that stop a part of the portal: new filings, files for the bank, messages, every change, or direct entry.

One person stops a part at once, and a second one confirms that within 30 minutes; until then `/pulsez` alarms. Starting
again takes two: one asks, another one starts. The state is a row for each switch, so every process sees it at once. The
caller records the audit entry, because it knows the person.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Exists, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from prometheus_client.core import GaugeMetricFamily

from kt_remedy.core import errors
from kt_remedy.core.models import Switch

CONFIRM_WITHIN = dt.timedelta(minutes=30)
RETRY_AFTER_SECONDS = 300  # a stop takes minutes at least
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# Routes that go on while nothing may be changed: sign-in, identity, the language and the switches themselves.
_GO_ON = ("account_", "mfa_", "staff-", "set_language")
_GO_ON_VIEWS = {"identity", "portal:switches", "portal:clock"}

_SENTENCES: dict[str, Any] = {
    Switch.Code.FILINGS: gettext_lazy(
        "새 신청을 잠시 받지 않고 있습니다. 적으신 내용은 남아 있으니 다시 열리면 이어서 신청해 주세요."
    ),
    Switch.Code.BANK_FILES: gettext_lazy("은행에 보내는 일을 잠시 멈췄습니다. 다시 열리면 이어서 할 수 있습니다."),
    Switch.Code.MESSAGES: gettext_lazy("안내 문자를 잠시 보내지 않고 있습니다. 멈춘 문자는 다시 열리면 나갑니다."),
    Switch.Code.READ_ONLY: gettext_lazy(
        "지금은 보기만 할 수 있습니다. 이미 저장된 내용은 그대로 있고, 다시 열리면 이어서 하실 수 있습니다."
    ),
    Switch.Code.ENTRY: gettext_lazy("지금은 많은 분이 오셔서 차례대로 모시고 있습니다."),
}


class Stopped(errors.Refused):
    """An act of a part that a switch has stopped; `SwitchMiddleware` answers it with a page and 503."""

    sentences = _SENTENCES


class SwitchRefused(errors.Refused):
    """A switch cannot be moved like this now."""

    sentences = {
        "STOPPED": gettext_lazy("이미 멈춰 있습니다."),
        "RUNNING": gettext_lazy("이미 열려 있습니다."),
        "SAME": gettext_lazy("다른 사람이 해야 합니다. 같은 사람이 두 번 할 수 없습니다."),
        "NOT_ASKED": gettext_lazy("다시 열자고 요청한 사람이 아직 없습니다."),
        "REASON": gettext_lazy("이유를 적어 주세요."),
    }


def all_switches() -> list[Switch]:
    """One row for each switch in the order of the codes; a switch that was never moved is an unsaved row."""
    kept = {row.code: row for row in Switch.objects.all()}
    return [kept.get(code) or Switch(code=code) for code in Switch.Code.values]


def stopped() -> QuerySet[Switch]:
    """The switches that stop something now."""
    return Switch.objects.filter(stopped_at__isnull=False)


def sentence(code: str) -> str:
    """The sentence for people about a stopped part, in the language of the page."""
    return str(_SENTENCES[Switch.Code(code)])


def require(code: str) -> None:
    """Raise Stopped if this part, or every change, is stopped. One query."""
    found = stopped().filter(code__in=[code, Switch.Code.READ_ONLY]).values_list("code", flat=True).first()
    if found:
        raise Stopped(found)


def running(rows: QuerySet, code: str) -> QuerySet:
    """The rows, or none of them while this part or every change is stopped. It adds no query of its own."""
    return rows.exclude(Exists(stopped().filter(code__in=[code, Switch.Code.READ_ONLY])))


def stop(code: str, *, by: str, reason: str) -> None:
    """Stop a part at once. `by` is a user name. Raises SwitchRefused: REASON, STOPPED."""
    with transaction.atomic():
        row = _lock(code)
        if row.stopped_at:
            raise SwitchRefused("STOPPED")
        row.stopped_at, row.stopped_by, row.reason = _wall(), by, _require(reason)
        row.confirmed_by = row.start_asked_by = row.start_reason = ""
        row.save()


def confirm(code: str, *, by: str) -> None:
    """Confirm that another person stopped a part. Raises SwitchRefused: RUNNING, SAME."""
    with transaction.atomic():
        row = _lock_stopped(code)
        if row.stopped_by == by:
            raise SwitchRefused("SAME")
        row.confirmed_by = row.confirmed_by or by
        row.save()


def ask_to_start(code: str, *, by: str, reason: str) -> None:
    """Ask that a part starts again; the latest request counts. Raises SwitchRefused: RUNNING, REASON."""
    with transaction.atomic():
        row = _lock_stopped(code)
        row.start_asked_by, row.start_reason = by, _require(reason)
        row.save()


def start(code: str, *, by: str) -> None:
    """Start a part again, which another person asked for. Raises SwitchRefused: RUNNING, NOT_ASKED, SAME."""
    with transaction.atomic():
        row = _lock_stopped(code)
        if not row.start_asked_by:
            raise SwitchRefused("NOT_ASKED")
        if row.start_asked_by == by:
            raise SwitchRefused("SAME")
        row.stopped_at = None
        row.save()


def end(code: str) -> bool:
    """Start a part again because its stop has nothing left to do, without people; True if it was stopped."""
    with transaction.atomic():
        row = _lock(code)
        if not row.stopped_at:
            return False
        row.stopped_at = None
        row.save()
        return True


def unconfirmed() -> list[str]:
    """Codes of the switches whose stop nobody confirmed within `CONFIRM_WITHIN`."""
    late = stopped().filter(confirmed_by="", stopped_at__lt=_wall() - CONFIRM_WITHIN)
    return list(late.order_by("code").values_list("code", flat=True))


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield for each switch whether it stops its part, for Prometheus."""
    states = GaugeMetricFamily("remedy_switch_stopped", "1 while a switch stops its part", labels=["switch"])
    for row in all_switches():
        states.add_metric([row.code], int(row.stopped_at is not None))
    yield states


class SwitchMiddleware:
    """Answers with a page and 503 while every change is stopped, or when an act of a stopped part was tried."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        if request.method in SAFE_METHODS or _goes_on(request):
            return None
        if stopped().filter(code=Switch.Code.READ_ONLY).exists():
            return _page(request, sentence(Switch.Code.READ_ONLY))
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _page(request, error.message) if isinstance(error, Stopped) else None


def _goes_on(request: HttpRequest) -> bool:
    match = request.resolver_match
    assert match is not None
    return (
        match.view_name in _GO_ON_VIEWS
        or (match.namespaces or [""])[0] in _GO_ON_VIEWS
        or (not match.namespaces and (match.url_name or "").startswith(_GO_ON))
    )


def _page(request: HttpRequest, text: str) -> HttpResponse:
    response = render(request, "stopped.html", {"text": text}, status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _lock(code: str) -> Switch:
    Switch.objects.get_or_create(code=Switch.Code(code).value)
    return Switch.objects.select_for_update().get(code=code)


def _lock_stopped(code: str) -> Switch:
    row = _lock(code)
    if not row.stopped_at:
        raise SwitchRefused("RUNNING")
    return row


def _require(reason: str) -> str:
    if not reason.strip():
        raise SwitchRefused("REASON")
    return reason.strip()


def _wall() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
