"""The reconciliation of one day of the bank's account, its closing, and the suspense list in the admin."""

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw, won
from refunds.models.statements import StatementLine, Suspense
from refunds.payouts import overview, reconciliation, suspense
from refunds.payouts.admin.forms import ClosingNoteForm, ReasonForm, SettleForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    page,
    parse_day,
    record_look,
    refuse_changes,
    require_permission,
    staff_user,
)
from refunds.payouts.guards import is_maker

CLOSE = ConfirmedAction(
    "payouts.close_day",
    gettext_lazy("하루 마감"),
    gettext_lazy(
        "이날의 거래내역을 맞춰 보았음을 본인 이름으로 남깁니다. 차이가 있으면 왜 그대로 마감하는지 적어 주세요."
    ),
    gettext_lazy("마감하기"),
    reconciliation.close,
    gettext_lazy("마감했습니다."),
    form=ClosingNoteForm,
)
SETTLE = ConfirmedAction(
    "payouts.settle_suspense",
    gettext_lazy("미결 정리"),
    gettext_lazy("무엇이었는지 적어 주세요. 돈이 움직인 거래는 다른 사람이 승인해야 정리됩니다."),
    gettext_lazy("정리하기"),
    suspense.propose,
    gettext_lazy("정리했습니다."),
    form=SettleForm,
)
DECISIONS = {
    "approve": ConfirmedAction(
        "payouts.decide_suspense",
        gettext_lazy("정리 승인"),
        gettext_lazy("적힌 대로 정리합니다. 되돌아온 지급 건의 돈이면 다음 회차에 다시 나갈 수 있습니다."),
        gettext_lazy("승인하기"),
        partial(suspense.decide, approve=True),
        gettext_lazy("승인했습니다."),
        fresh=True,
    ),
    "give-back": ConfirmedAction(
        "payouts.decide_suspense",
        gettext_lazy("다시 확인하게 하기"),
        gettext_lazy("미결로 돌아갑니다. 이유가 남습니다."),
        gettext_lazy("돌려보내기"),
        partial(suspense.decide, approve=False),
        gettext_lazy("돌려보냈습니다."),
        form=ReasonForm,
    ),
}
SHOWN = 200


@permission_required("payouts.view_batch")
def day(request: HttpRequest, day: str) -> HttpResponse:
    """Opening, debits by part, credits, suspense, closing; the differences by name."""
    refuse_changes(request)
    on = parse_day(day)
    found = reconciliation.of(on)
    if found is None:
        raise Http404
    record_look(request, "admin.viewed", f"day:{on}")
    context = {
        "heading": _("%(day)s 맞춰 보기") % {"day": kdate(on)},
        "found": found,
        "rows": _book(found),
        "differences": [
            (str(reconciliation.DIFFERENCES[row.code]), won(row.count), won(row.won)) for row in found.differences
        ],
        "gaps": [reconciliation.gap_text(gap) for gap in found.gaps],
        "statements": [
            (f"{row.number}", row.name, reverse("admin:payouts:statement", args=[row.pk])) for row in found.statements
        ],
        "closed_by": overview.name_of(found.closed.closed_by) if found.closed else "",
        "may_close": not found.closed and not found.gaps and request.user.has_perm(CLOSE.permission),
        "close_url": reverse("admin:payouts:day_close", args=[on.isoformat()]),
    }
    return page(request, "day", context["heading"], context)


def _book(found: reconciliation.Day) -> list[dict[str, Any]]:
    """The rows of the day's book: what moved, lines, won with its sign; the balances first and last."""
    kinds = dict(Suspense.Kind.choices)
    rows: list[dict[str, Any]] = [{"label": _("시작 잔액"), "count": None, "won": found.opening, "sum": True}]
    for part in found.debits:
        assert part.part is not None
        rows.append(
            {
                "label": part.part.message_id,
                "url": reverse("admin:payouts:batch", args=[part.part.batch_id]),
                "count": part.count,
                "won": -part.won,
            }
        )
    rows += [
        {"label": str(StatementLine.Match.RETURN.label), "count": row.count, "won": row.won} for row in found.credits
    ]
    rows += [
        {"label": _("미결: %(kind)s") % {"kind": kinds[row.code]}, "count": row.count, "won": row.won}
        for row in found.suspense
    ]
    rows.append({"label": _("끝 잔액"), "count": None, "won": found.closing, "sum": True})
    rows.append({"label": _("차이"), "count": None, "won": found.difference, "sum": True})
    return rows


@permission_required(CLOSE.permission)
def close(request: HttpRequest, day: str) -> HttpResponse:
    """Close the day by name."""
    on = parse_day(day)
    found = reconciliation.of(on)
    if found is None:
        raise Http404
    rows = [
        (_("시작 잔액"), krw(found.opening)),
        (_("끝 잔액"), krw(found.closing)),
        *((str(reconciliation.DIFFERENCES[row.code]), krw(row.won)) for row in found.differences),
    ]
    back_url = reverse("admin:payouts:day", args=[on.isoformat()])
    return confirm(request, CLOSE, back_url=back_url, title=kdate(on), rows=rows, day=on)


# Suspense -----------------------------------------------------------------------------------------------------------


@permission_required("payouts.view_batch")
def suspense_list(request: HttpRequest) -> HttpResponse:
    """What is to be settled, oldest first, and the last ones that were."""
    refuse_changes(request)
    record_look(request, "admin.listed", "suspense")
    head = [_("종류"), _("관리번호"), _("언제"), _("상태"), _("금액")]

    def rows(found: Any) -> list[list[tuple[str, str]]]:
        return [
            [
                (str(row.get_kind_display()), reverse("admin:payouts:suspense_entry", args=[row.pk])),
                (row.reference or "–", ""),
                (kdatetime(row.at), ""),
                (str(row.get_status_display()), ""),
                (krw(row.won), ""),
            ]
            for row in found
        ]

    context = {
        "heading": _("미결"),
        "lead": _("어느 지급 건에도 맞지 않는 은행 거래와 은행 답입니다. 돈이 움직인 것은 두 사람이 정리합니다."),
        "links": [(_("거래내역"), reverse("admin:payouts:statements"), "doc")],
        "tables": [
            {
                "title": _("확인할 것"),
                "head": head,
                "rows": rows(suspense.unsettled()[:SHOWN]),
                "empty": _("없습니다."),
            },
            {
                "title": _("처리됨"),
                "head": head,
                "rows": rows(Suspense.objects.filter(status=Suspense.Status.SETTLED).order_by("-id")[:SHOWN]),
                "empty": _("없습니다."),
            },
        ],
    }
    return page(request, "listing", context["heading"], context)


def _get(suspense_id: int) -> Suspense:
    rows = Suspense.objects.select_related("line__statement", "part", "item", "proposed_by", "decided_by")
    return get_object_or_404(rows, pk=suspense_id)


def _facts(row: Suspense) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        (_("금액"), krw(row.won)),
        (_("관리번호"), row.reference or "–"),
        (_("언제"), kdatetime(row.at)),
    ]
    if row.line:
        facts.append((_("거래내역"), f"{row.line.statement.number} · {kdate(row.line.statement.day)}"))
        facts.append((_("은행 설명"), " ".join(filter(None, (row.line.code, row.line.words))) or "–"))
        facts.append((_("은행 거래번호"), row.line.bank_reference or "–"))
    if row.part:
        facts.append((_("은행 파일"), row.part.name))
    if row.note:
        facts.append((_("설명"), row.note))
    if row.outcome:
        facts.append((_("어떻게"), str(row.get_outcome_display())))
        facts.append((_("이유"), row.reason))
        facts.append((_("정리한 사람"), f"{overview.name_of(row.proposed_by)} {kdatetime(row.proposed_at)}"))
    if row.item:
        facts.append((_("지급 건"), row.item.reference))
    if row.decided_by:
        facts.append((_("승인한 사람"), f"{overview.name_of(row.decided_by)} {kdatetime(row.decided_at)}"))
    return facts


@permission_required("payouts.view_batch")
def suspense_entry(request: HttpRequest, suspense_id: int) -> HttpResponse:
    """One entry with what the bank says, and the act that is due."""
    refuse_changes(request)
    row = _get(suspense_id)
    record_look(request, "admin.viewed", f"suspense:{row.pk}")
    user = staff_user(request)
    mine = row.status == Suspense.Status.PROPOSED and is_maker(user, row.proposed_by_id, row.proposed_person)
    acts = []
    if row.status == Suspense.Status.OPEN and user.has_perm(SETTLE.permission):
        acts = [(SETTLE.button, reverse("admin:payouts:suspense_settle", args=[row.pk]))]
    elif row.status == Suspense.Status.PROPOSED and user.has_perm("payouts.decide_suspense") and not mine:
        acts = [
            (act.button, reverse("admin:payouts:suspense_decide", args=[row.pk, name]))
            for name, act in DECISIONS.items()
        ]
    context = {
        "row": row,
        "heading": str(row.get_kind_display()),
        "rows": _facts(row),
        "acts": acts,
        "mine": mine,
        "item_url": reverse("admin:payouts:item", args=[row.item_id]) if row.item_id else "",
    }
    return page(request, "suspense", context["heading"], context)


@permission_required(SETTLE.permission)
def settle(request: HttpRequest, suspense_id: int) -> HttpResponse:
    """Say what it was; money needs a second person."""
    row = _get(suspense_id)
    back_url = reverse("admin:payouts:suspense_entry", args=[row.pk])
    title = str(row.get_kind_display())
    return confirm(request, SETTLE, back_url=back_url, title=title, rows=_facts(row), suspense_id=row.pk)


@permission_required("payouts.decide_suspense")
def decide(request: HttpRequest, suspense_id: int, name: str) -> HttpResponse:
    """Approve what another person found, or give it back to the list."""
    if name not in DECISIONS:
        raise Http404
    require_permission(request, DECISIONS[name].permission)
    row = _get(suspense_id)
    back_url = reverse("admin:payouts:suspense_entry", args=[row.pk])
    title = str(row.get_kind_display())
    return confirm(request, DECISIONS[name], back_url=back_url, title=title, rows=_facts(row), suspense_id=row.pk)
