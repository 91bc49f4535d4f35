"""The page of one batch: its figures, the review hints, the approval, and the other actions on it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, masking
from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from refunds import banks
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch, BatchFigures
from refunds.models.cases import Hold
from refunds.models.items import Item
from refunds.payouts import batch_figures, batches, file_orders, forecasts, overview, stops
from refunds.payouts.admin import batch_parts
from refunds.payouts.admin.forms import ReasonForm, TotalForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    count_and_sum,
    page,
    reauthenticate,
    reauthenticate_url,
    record_look,
    refuse_changes,
    reload_soon,
    require_permission,
    staff_user,
)
from refunds.payouts.guards import Refused, is_maker

BANKS_SHOWN = 8
STOPS_SHOWN = 20

ACTIONS = {
    "send-back": ConfirmedAction(
        "payouts.return_batch",
        gettext_lazy("돌려보내기"),
        gettext_lazy("승인은 무효가 되고 회차가 다시 열립니다. 든 건은 모두 다시 확정할 때 새로 고릅니다."),
        gettext_lazy("돌려보내기"),
        batches.send_back,
        gettext_lazy("돌려보냈습니다. 다시 확정해야 합니다."),
        form=ReasonForm,
    ),
    "file": ConfirmedAction(
        "payouts.create_file",
        gettext_lazy("은행 파일 만들기"),
        gettext_lazy("파일은 한 번만 만들어 그대로 보관합니다. 만든 뒤에는 건을 빼거나 돌려보낼 수 없습니다."),
        gettext_lazy("파일 만들기"),
        file_orders.order_files,
        gettext_lazy("파일을 만들도록 올렸습니다. 다 되면 이 화면에 나타납니다."),
        fresh=True,
    ),
}


@permission_required("payouts.view_batch")
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One batch: its figures and their independent count, the review hints, and the action that is due."""
    refuse_changes(request)
    row = get_object_or_404(Batch, pk=batch_id)
    record_look(request, "admin.viewed", f"batch:{row.pk}")
    return _page(request, row, None)


@permission_required("payouts.recount_batch")
def count(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Ask for a new count of the figures of a batch."""
    row = get_object_or_404(Batch, pk=batch_id)
    if request.method == "POST":
        try:
            batch_figures.request_count(batch_id=row.pk, user=staff_user(request))
        except Refused as refused:
            messages.error(request, refused.message)
    return redirect("admin:payouts:batch", row.pk)


@permission_required("payouts.approve_batch")
def approve(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The checker's approval: the typed total, and the digest of the page that was shown."""
    user = staff_user(request)
    row = get_object_or_404(Batch, pk=batch_id)
    here = reverse("admin:payouts:batch", args=[row.pk])
    if request.method != "POST":
        return redirect(here)
    if response := reauthenticate(request, here):
        return response
    form = TotalForm(request.POST)
    if form.is_valid():
        try:
            batches.approve(
                batch_id=row.pk,
                user=user,
                typed_total=form.cleaned_data["total"],
                digest=form.cleaned_data["digest"],
            )
        except Refused as refused:
            if refused.code == "DIFFERS":
                # The page showed an old count: a new one names the differences for the person who sends it back.
                batch_figures.request_count(batch_id=row.pk, user=user)
            if refused.code != "TOTAL":
                messages.error(request, refused.message)
                return redirect(here)
            form.add_error("total", refused.message)
        else:
            messages.success(request, _("승인했습니다. 지급 담당이 은행 파일을 만듭니다."))
            return redirect(here)
    return _page(request, row, form)


@permission_required(*{action.permission for action in ACTIONS.values()})
def action(request: HttpRequest, batch_id: int, name: str) -> HttpResponse:
    """Send a batch back, or order its file."""
    if name not in ACTIONS:
        raise Http404
    require_permission(request, ACTIONS[name].permission)
    row = get_object_or_404(Batch, pk=batch_id)
    return confirm(
        request,
        ACTIONS[name],
        back_url=reverse("admin:payouts:batch", args=[row.pk]),
        title=overview.round_name(row.number, row.pay_on),
        rows=count_and_sum(row) if row.count else [],
        batch_id=row.pk,
    )


def _page(request: HttpRequest, row: Batch, form: TotalForm | None) -> HttpResponse:
    counted, began = batch_figures.current_figures(row)
    order = file_orders.last_order(row)
    making = order is not None and order.done_at is None
    made = row.files.select_related("batch", "made_by", "handed_over_by")
    replaced = {file.replaces_id for file in made}
    context: dict[str, Any] = {
        **_head(request, row),
        "files": [
            {
                "file": file,
                "states": _states(counted.figures if counted else {}, file),
                "downloads": file.downloads.count(),
                "to_replace": file.status == BankFile.Status.REFUSED and file.pk not in replaced and not making,
            }
            for file in made
        ],
    }
    if order is not None:
        context |= {"order": order, "making": making, "ordered_by": overview.name_of(order.ordered_by)}
        # The worker holds the batch from its start until the file is made or the try has failed.
        context |= {"held": making and order.taken_at and not order.retry_at, "refusal": file_orders.refusal(order)}
    if row.status != Batch.Status.OPEN:
        context |= {"counted": counted, "began": began, "mean": (row.won or 0) // row.count if row.count else 0}
    if counted:
        context |= _figures(row, counted)
    context |= batch_parts.context(row)
    if row.status != Batch.Status.OPEN:
        context |= _stops(row)
    if row.status == Batch.Status.FROZEN and request.user.has_perm("payouts.approve_batch"):
        context |= _approval(request, row, form)
    status = 400 if form is not None and form.errors else 200
    response = page(request, "batch", context["heading"], context, status=status)
    if making or (row.status != Batch.Status.OPEN and counted is None):
        reload_soon(response, reverse("admin:payouts:batch", args=[row.pk]))
    return response


def _head(request: HttpRequest, row: Batch) -> dict[str, Any]:
    """The batch, its step, its people and the rights of the reader."""
    steps, current = overview.batch_steps(row)
    excluded = overview.excluded(row)
    return {
        "batch": row,
        "stage": row.stage,
        "over": _is_over(row),
        "stage_label": row.stage_label,
        "heading": overview.round_name(row.number, row.pay_on),
        "steps": steps,
        "current": current,
        "by": {"prepared": overview.name_of(row.prepared_by), "approved": overview.name_of(row.approved_by)},
        "me": overview.name_of(staff_user(request)),
        "excluded": excluded,
        "excluded_count": sum(count for _label, count, _won in excluded),
        "excluded_won": sum(won for _label, _count, won in excluded),
        "hand_over_by": overview.hand_over_by(row.pay_on),
        "now": clock.now(),
        "items_url": reverse("admin:refunds_item_changelist") + f"?batch__id__exact={row.pk}",
        "bank_url": f"{settings.SANDBOX_URL}/bank/" if settings.SANDBOX_URL else "",
        "head_spread": [_("금액대"), _("건수")],
    }


def _is_over(row: Batch) -> bool:
    """True for an open batch whose cut-off has passed and of which nothing is left to pay."""
    if row.status != Batch.Status.OPEN:
        return False
    forecast = next((one for one in forecasts.current()[0] if one.round.pay_on == row.pay_on), None)
    return row.cut_off <= clock.now() and (forecast is None or forecast.is_over(clock.now()))


def _figures(row: Batch, counted: BatchFigures) -> dict[str, Any]:
    """The stored figures in words, and the independent count beside the frozen one."""
    stored = counted.figures
    chosen = stored.get("sample", [])
    items = overview.items_by_key([*stored["largest"], *(pk for pk, _hints in chosen)])
    by_bank = [(banks.name(code), count, won) for code, count, won in stored["banks"]]
    others = by_bank[BANKS_SHOWN:]
    context = {
        "figures": stored["figures"],
        "review_hints": overview.review_hint_texts(row, stored["review_hints"]),
        "spread": overview.spread_bars(stored["spread"]),
        "banks": by_bank[:BANKS_SHOWN],
        "other_banks": (len(others), sum(bank[1] for bank in others), sum(bank[2] for bank in others))
        if others
        else None,
        "largest": [
            {"item": item, "name": masking.name(item.account.holder_name or ""), "account": str(item.account)}
            for item in (items[key] for key in stored["largest"])
        ],
        **batch_parts.comparison_and_sample(row, chosen, items),
        "states": overview.state_bars(row, stored["states"]),
        "open_at_bank": sum(stored["states"].get(code, (0, 0))[0] for code in Item.OPEN_AT_BANK),
    }
    if counted.again:
        context |= {"agrees": counted.again["agrees"], "pairs": _pairs(row, counted.again)}
    return context


def _stops(row: Batch) -> dict[str, Any]:
    """The payments that must not leave, with their reason; they stand before everything else."""
    rows = list(stops.waiting(row).order_by("id"))
    held = set(
        Hold.objects.filter(application_id__in=[item.application_id for item in rows], released_at=None).values_list(
            "application_id", flat=True
        )
    )
    reasons = {True: stops.REASONS["HELD"], False: stops.REASONS["VERDICT_CHANGED"]}
    return {
        "stops": [(item, reasons[item.application_id in held]) for item in rows[:STOPS_SHOWN]],
        "stops_count": len(rows),
        "stops_ids": ",".join(str(item.pk) for item in rows[: batches.TAKE_OUT_MOST]),
    }


def _approval(request: HttpRequest, row: Batch, form: TotalForm | None) -> dict[str, Any]:
    """The form of the approval, and the obstacle for this checker, if any."""
    user: User = staff_user(request)
    here = reverse("admin:payouts:batch", args=[row.pk])
    return {
        "same_person": is_maker(user, row.prepared_by_id, row.prepared_person),
        "nobody": not user.person_index,
        "fresh": reauthenticate(request, here) is None,
        "again_url": reauthenticate_url(here),
        "form": form or TotalForm(initial={"digest": row.digest}),
    }


def _states(stored: dict, file: BankFile) -> list[tuple[str, int, int]]:
    """Items and won of a file by state; nothing while they are counted."""
    sums = stored.get("files", {}).get(str(file.pk), {})
    return [(overview.state_label(file.batch, code), *sums[code]) for code in Item.Status.values if code in sums]


def _pairs(row: Batch, recount: dict) -> list[dict]:
    """The frozen figures beside those of the independent count."""
    figures = ((_("건수"), "count"), (_("합계(원)"), "won"), (_("계좌 합"), "hash_total"))
    pairs: list[dict] = [
        {
            "label": label,
            "frozen": f"{getattr(row, name):,}",
            "again": f"{recount[name]:,}",
            "same": getattr(row, name) == recount[name],
        }
        for label, name in figures
    ]
    frozen, recounted = (
        " ".join(digest[at : at + 4] for at in (0, 4, 8)) for digest in (row.digest, recount["digest"])
    )
    same = row.digest == recount["digest"]
    return [*pairs, {"label": _("확인값"), "frozen": frozen, "again": recounted, "same": same, "hash": True}]
