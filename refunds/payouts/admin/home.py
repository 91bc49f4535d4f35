"""The part of the payouts in the staff console: area, acts of today, sections of the home, lines of the index."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import clock, console
from kt_remedy.core.console import Act, Door
from kt_remedy.core.templatetags.remedy import krw
from kt_remedy.staff.models import User
from refunds.models.batches import Batch, Roster
from refunds.models.cases import Adjustment
from refunds.models.items import Item
from refunds.payouts import answers, overview, queues, roster, suspense
from refunds.payouts import console as figures

SEE = "payouts.view_batch"


def acts(user: User) -> list[Act]:
    """The duties of today; one waits for the reader if they may do it and nobody else was assigned to it."""
    assigned = roster.assignments()
    running = Batch.objects.exclude(status__in=[Batch.Status.OPEN, Batch.Status.SETTLED])
    amounts = {
        reverse("admin:payouts:batch", args=[batch.pk]): gettext("%(count)s건 · %(won)s")
        % {"count": f"{batch.count or 0:,}", "won": krw(batch.won or 0)}
        for batch in running
    }
    return [
        Act(
            note=amounts.get(duty.url, ""),
            text=duty.text,
            url=duty.url,
            until=duty.until,
            late=duty.late,
            mine=_is_mine(user, duty.duty, assigned),
            holder=duty.holder,
            deputy=duty.deputy,
            unnamed=duty.unnamed,
        )
        for duty in overview.duties()
    ]


def _is_mine(user: User, duty: str, assigned: dict[str, Roster]) -> bool:
    if not roster.is_qualified(user, duty):
        return False
    row = assigned.get(duty)
    people = [person for person in (row.holder, row.deputy) if roster.is_qualified(person, duty)] if row else []
    return not people or user in people


def rounds(request: HttpRequest) -> dict[str, Any]:
    """Where the money of each running round is."""
    return {
        "rounds": [
            {
                "batch": batch,
                "name": overview.round_name(batch.number, batch.pay_on),
                "steps": figures.flow(batch),
                "counted_at": figures.progress(batch).counted_at,
            }
            for batch in figures.current_batches()
        ]
    }


def exceptions(request: HttpRequest) -> dict[str, Any]:
    """The queues of exceptions, with who works each off."""
    assigned, today = roster.assignments(), clock.today()
    rows: list[dict[str, Any]] = []
    for queue in queues.queues():
        holder, _deputy, _unnamed = overview.assigned_names(assigned, queue.duty)
        days = (today - queue.since).days if queue.since else None
        rows.append({"queue": queue, "days": days, "holder": holder})
    return {
        "rows": rows,
        "count": sum(row["queue"].count for row in rows),
        "won": sum(row["queue"].won for row in rows),
    }


def ages(request: HttpRequest) -> dict[str, Any]:
    """How long the waiting states have lasted."""
    return {
        "rows": queues.ageing(),
        "heads": queues.age_labels(),
        "at": clock.now(),
    }


def trend(request: HttpRequest) -> dict[str, Any]:
    """Won and returned share of each round."""
    return {
        "sent": figures.sent_by_round(),
        "returned": figures.returned_by_round(),
        "limit": answers.ODD_SHARE,
    }


def check(request: HttpRequest) -> dict[str, Any]:
    """The last check of the money."""
    return figures.money_check()


def _unknown(user: User) -> int:
    return Item.objects.filter(status=Item.Status.UNKNOWN).count()


def _batches(user: User) -> int:
    return Batch.objects.exclude(status=Batch.Status.OPEN).count()


def _answers(user: User) -> int:
    return overview.answers_to_confirm().count()


def _suspense(user: User) -> int:
    return suspense.unsettled().count()


def _holds(user: User) -> int:
    return queues.active_holds().count()


def _corrections(user: User) -> int:
    return Adjustment.objects.filter(status=Adjustment.Status.PROPOSED).count()


def register() -> None:
    """Register everything above with the console."""
    console.register_area(
        "payouts",
        [
            Door(SEE, "admin:refunds_batch_changelist"),
            Door("payouts.view_case", "admin:payouts:application_find"),
            Door("payouts.view_returned", "admin:payouts:unpaid_returns"),
            Door("payouts.view_roster", "admin:payouts:roster"),
        ],
        pages=["admin:payouts:", "admin:refunds_"],
    )
    console.register_acts(SEE, acts)
    pay, match, watch = "payouts", "match", "watch"
    console.register_index(
        [
            Door(SEE, "admin:payouts:rounds", _("지급 예정"), pay),
            Door(SEE, "admin:refunds_batch_changelist", _("회차와 묶음"), pay, _batches),
            Door(SEE, "admin:refunds_item_changelist", _("지급 건"), pay),
            Door(SEE, "admin:refunds_bankanswer_changelist", _("은행 답"), pay, _answers),
            Door(SEE, "admin:payouts:funds", _("재무에 알릴 자금"), pay),
            Door("payouts.view_returned", "admin:payouts:unpaid_returns", _("되돌아온 돈"), pay),
            Door(SEE, "admin:payouts:stopped_at_bank", _("은행에 간 뒤 보류된 것"), pay),
            Door("payouts.view_returned", "admin:payouts:left_unpaid", _("청구 부서에 넘길 환급"), pay),
            Door("payouts.view_case", "admin:refunds_hold_changelist", _("보류된 것"), pay, _holds),
            Door("payouts.view_case", "admin:payouts:application_find", _("신청 한 건 찾기"), pay),
            Door(SEE, "admin:payouts:inquiries", _("은행에 물어볼 것"), match, _unknown),
            Door(SEE, "admin:refunds_adjustment_changelist", _("정정과 되찾기"), match, _corrections),
            Door(SEE, "admin:refunds_offlinepayment_changelist", _("따로 보낸 지급"), match),
            Door("payouts.view_case", "admin:payouts:shared_accounts", _("같은 계좌, 같은 사람"), match),
            Door(SEE, "admin:payouts:trial_balance", _("잔액표"), match),
            Door(SEE, "admin:payouts:balance_findings", _("살펴볼 잔액"), match),
            Door(SEE, "admin:payouts:statements", _("거래내역과 마감"), match),
            Door(SEE, "admin:payouts:suspense", _("미결"), match, _suspense),
            Door("payouts.download_settlement", "admin:payouts:settlement", _("정산서"), match),
            Door(SEE, "admin:refunds_download_changelist", _("내려받은 기록"), watch),
            Door("payouts.view_roster", "admin:payouts:roster", _("담당과 대리"), watch),
        ]
    )
    for place, template, context in (
        (10, "rounds", rounds),
        (20, "exceptions", exceptions),
        (30, "ages", ages),
        (40, "trend", trend),
        (50, "check", check),
    ):
        console.register_section(place, SEE, f"admin/refunds/home/{template}.html", context)
