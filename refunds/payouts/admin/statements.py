"""Statements of the bank in the admin: list, upload, progress, preview, confirmation by another person, discarding."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, krw, won
from kt_remedy.staff.service import has_fresh_second_factor
from refunds.bankfiles.returns import OWNERS, owner_of, return_reason
from refunds.models.statements import BankStatement, Suspense
from refunds.payouts import overview, reconciliation, statements
from refunds.payouts.admin.forms import ClosingForm, ReasonForm, UploadForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    page,
    people_of,
    reauthenticate,
    record_look,
    refuse_changes,
    reload_soon,
    staff_user,
)
from refunds.payouts.guards import Refused, is_maker

SHOWN = 100

DISCARD = ConfirmedAction(
    "payouts.discard_statement",
    gettext_lazy("거래내역 버리기"),
    gettext_lazy("이유가 남고 아무것도 바뀌지 않습니다. 필요하면 은행에서 다시 받아 올릴 수 있습니다."),
    gettext_lazy("버리기"),
    statements.discard,
    gettext_lazy("버렸습니다. 아무것도 바뀌지 않았습니다."),
    form=ReasonForm,
)


@permission_required("payouts.view_batch")
def statement_list(request: HttpRequest) -> HttpResponse:
    """The last statements and days, what does not follow, and the way to upload one."""
    refuse_changes(request)
    record_look(request, "admin.listed", "statement")
    rows = BankStatement.objects.select_related("staged_by", "confirmed_by")[:SHOWN]
    open_days = set(reconciliation.open_days())
    context = {
        "heading": _("거래내역"),
        "alarms": reconciliation.alarms(),
        "tables": [
            {
                "title": _("거래내역"),
                "head": [_("번호와 날"), _("상태"), _("올린 사람"), _("확인한 사람"), _("끝 잔액")],
                "rows": [
                    [
                        (_name(row), reverse("admin:payouts:statement", args=[row.pk])),
                        (_state(row), ""),
                        (overview.name_of(row.staged_by), ""),
                        (overview.name_of(row.confirmed_by), ""),
                        (krw(row.closing), ""),
                    ]
                    for row in rows
                ],
                "empty": _("아직 없습니다. 은행이 아침마다 주는 전날 거래내역을 올려 주세요."),
            },
            {
                "title": _("하루 맞춰 보기"),
                "head": [_("날"), _("마감")],
                "rows": [
                    [
                        (kdate(day), reverse("admin:payouts:day", args=[day.isoformat()])),
                        (_("마감 전") if day in open_days else _("마감함"), ""),
                    ]
                    for day in _days()
                ],
                "empty": _("확인한 거래내역이 있으면 날마다 맞춰 봅니다."),
            },
        ],
    }
    return page(request, "statement_list", context["heading"], context)


def _days() -> list[Any]:
    days = BankStatement.objects.filter(status=BankStatement.Status.CONFIRMED).values_list("day", flat=True)
    return list(days.order_by("-day").distinct()[:SHOWN])


@permission_required("payouts.stage_statement")
def load(request: HttpRequest) -> HttpResponse:
    """Stage a statement; nothing moves."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            staged = statements.stage(upload=upload, name=upload.name, user=staff_user(request))
        except Refused as refused:
            form.add_error("file", refused.message)
        else:
            return redirect("admin:payouts:statement", staged.pk)
    context = {"form": form, "heading": _("거래내역 올리기"), "back_url": reverse("admin:payouts:statements")}
    return page(request, "statement_load", context["heading"], context, status=400 if form.errors else 200)


@permission_required("payouts.view_batch")
def statement(request: HttpRequest, statement_id: int) -> HttpResponse:
    """One statement: how far it was read, its fault, what a confirmation would change, or what became of it."""
    refuse_changes(request)
    row = _get(statement_id)
    record_look(request, "admin.viewed", f"statement:{row.pk}")
    return _page(request, row, None)


@permission_required("payouts.confirm_statement")
def confirm_statement(request: HttpRequest, statement_id: int) -> HttpResponse:
    """Confirm what the page shows; asks for a recent second factor."""
    if response := reauthenticate(request, reverse("admin:payouts:statement_confirm", args=[statement_id])):
        return response
    row = _get(statement_id)
    if not _waits(row):
        return redirect("admin:payouts:statement", row.pk)
    form = ClosingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            statements.confirm(statement_id=row.pk, user=staff_user(request), **form.cleaned_data)
        except Refused as refused:
            form.add_error("typed_closing" if refused.code == "TOTAL" else None, refused.message)
        else:
            messages.success(request, _("확인했습니다. 정해지는 대로 이 화면에 나타납니다."))
            return redirect("admin:payouts:statement", row.pk)
    return _page(request, row, form)


@permission_required(DISCARD.permission)
def discard(request: HttpRequest, statement_id: int) -> HttpResponse:
    """Discard a staged statement, for a reason."""
    row = _get(statement_id)
    back_url = reverse("admin:payouts:statement", args=[row.pk])
    return confirm(request, DISCARD, back_url=back_url, title=row.name, rows=_facts(row), statement_id=row.pk)


def _get(statement_id: int) -> BankStatement:
    rows = BankStatement.objects.select_related("staged_by", "confirmed_by", "discarded_by")
    return get_object_or_404(rows, pk=statement_id)


def _waits(row: BankStatement) -> bool:
    """True if a person may confirm it now."""
    return bool(
        row.status == BankStatement.Status.STAGED and row.read_at and not row.fault_code and not row.confirmed_at
    )


def _state(row: BankStatement) -> str:
    if row.status != BankStatement.Status.STAGED:
        return str(row.get_status_display())
    if row.read_at is None:
        return _("읽는 중")
    if row.fault_code:
        return _("읽을 수 없음")
    return _("정하는 중") if row.confirmed_at else _("확인 기다림")


def _name(row: BankStatement) -> str:
    """제12번 · 1월 22일(목); the name of the file until it was read."""
    if row.number is None:
        return row.name
    return _("%(number)s번 · %(day)s") % {"number": row.number, "day": kdate(row.day)}


def _facts(row: BankStatement) -> list[tuple[str, Any]]:
    facts = [
        (_("파일"), row.name),
        ("SHA-256", row.sha256),
        *people_of(row),
    ]
    if row.number is not None:
        facts[:0] = [(_("시작 잔액"), krw(row.opening)), (_("끝 잔액"), krw(row.closing))]
    return facts


# Rows of the preview in the order of the page: key, label.
_MATCHES: tuple[tuple[str, Any], ...] = (
    ("PAYMENT", gettext_lazy("지급 건의 출금")),
    ("PART", gettext_lazy("파일 전체의 출금")),
    ("RETURN", gettext_lazy("되돌아온 돈")),
)
_MOVES: tuple[tuple[str, Any], ...] = (
    ("paid", gettext_lazy("입금으로 정해짐")),
    ("returned", gettext_lazy("되돌아온 것으로 정해짐")),
    ("after_paid", gettext_lazy("입금되었다고 했다가 되돌아옴")),
)
_PEOPLE: tuple[tuple[str, Any], ...] = (
    ("paid", gettext_lazy("입금되었다는 문자")),
    ("mend", gettext_lazy("계좌를 고쳐 달라는 문자")),
    ("again", gettext_lazy("받는 날이 바뀌었다는 문자")),
)


def _sums(preview: dict[str, Any], labels: tuple[tuple[str, Any], ...]) -> list[tuple[str, str, str]]:
    """Rows of a table: label, lines, won."""
    return [(str(label), won(preview[key][0]), won(preview[key][1])) for key, label in labels]


def _preview(row: BankStatement) -> dict[str, Any]:
    found = row.preview
    if not found:
        return {}
    kinds = dict(Suspense.Kind.choices)
    return {
        "matches": [
            *_sums(found, _MATCHES),
            *(
                (_("미결: %(kind)s") % {"kind": kinds[kind]}, won(count), won(total))
                for kind, (count, total) in found["suspense"].items()
            ),
        ],
        "moves": _sums(found, _MOVES),
        "reasons": [
            (f"{return_reason(reason)} {code}".strip(), str(OWNERS[owner_of(reason)]), won(count), won(total))
            for reason, code, count, total in found["reasons"]
        ],
        "people": [(str(label), won(found["people"].get(key, [0])[0])) for key, label in _PEOPLE],
        "alarm": found["after_paid"][0],
        "suspense": sum(count for count, _won in found["suspense"].values()),
    }


def _page(request: HttpRequest, row: BankStatement, form: Any) -> HttpResponse:
    user = staff_user(request)
    working = row.status == BankStatement.Status.STAGED and (row.read_at is None or row.confirmed_at is not None)
    mine = is_maker(user, row.staged_by_id, row.staged_person)
    may_confirm = _waits(row) and user.has_perm("payouts.confirm_statement") and not mine
    if form is None and may_confirm and has_fresh_second_factor(request):
        form = ClosingForm()
    context = {
        "row": row,
        "heading": _name(row),
        "state": _state(row),
        "working": working,
        "facts": _facts(row),
        "fault": statements.fault(row),
        "refusal": statements.refusal(row) if _waits(row) else "",
        "shown": _preview(row),
        "mine": mine and _waits(row),
        "may_confirm": may_confirm,
        "may_discard": row.status == BankStatement.Status.STAGED
        and not row.confirmed_at
        and user.has_perm(DISCARD.permission),
        "form": form if may_confirm else None,
        "gaps": [reconciliation.gap_text(gap) for gap in statements.gaps_with(row)],
        "day_url": reverse("admin:payouts:day", args=[row.day.isoformat()])
        if row.day and row.status == BankStatement.Status.CONFIRMED
        else "",
    }
    response = page(request, "statement", context["heading"], context, status=400 if form and form.errors else 200)
    if working:
        reload_soon(response)
    return response
