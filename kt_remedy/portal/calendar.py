"""The calendar: every act of the programme, when it is due, when it ran and how that went; the jobs and their pulse."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.access import permission_required
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.identity import alarm
from kt_remedy.portal import timeline
from refunds import calendar
from refunds.models.batches import Batch
from refunds.payouts.overdue import OverdueRound, late_rounds

_STATES = {
    DatedTask.State.WAITING: ("wait", "wait"),
    DatedTask.State.RUNNING: ("wait", "wait"),
    DatedTask.State.DONE: ("yes", "tick"),
    DatedTask.State.FAILED: ("none", "alert"),
    DatedTask.State.MISSED: ("none", "alert"),
}
# A due act that nobody took up for so long says that no worker or beat is running.
_WAITS_TOO_LONG = dt.timedelta(minutes=2)
PAY_AT = dt.time(9)  # on a pay day the money is there in the morning


@dataclass(frozen=True)
class Dated:
    """A date of the programme that is no act of the portal's own: a deadline, or what people do and how far that is."""

    at: dt.datetime
    title: str
    text: str
    done: bool
    late: bool = False
    act: None = None


@dataclass(frozen=True)
class ActRow:
    """One act as the page shows it."""

    act: DatedTask
    at: dt.datetime
    title: Any
    tag: str
    icon: str
    state: Any
    late: bool
    may_run_again: bool


@dataclass(frozen=True)
class JobRow:
    """One job as the page shows it."""

    title: Any
    every: str
    ago: str
    ahead: str
    result: str
    failures: int
    late: bool


@permission_required("portal.view_calendar")
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Past acts newest first, coming ones soonest first, and the jobs that repeat."""
    now, wall = clock.now(), dt.datetime.now(dt.UTC)
    may = request.user.has_perm("portal.rerun_task")
    acts = [_act_row(act, now, may) for act in DatedTask.objects.order_by("due_at", "id") if schedule.entry(act.code)]
    late = late_rounds(at=now)
    rows: list[ActRow | Dated] = sorted([*acts, *_dated(now), *_payouts(now, late)], key=lambda row: row.at)
    saved = {job.code: job for job in PeriodicTask.objects.all()}
    jobs = [_job_row(saved[item.code], item, wall) for item in schedule.entries() if item.code in saved]
    return render(
        request,
        "portal/calendar.html",
        {
            "ahead": [row for row in rows if row.at > now],
            "past": [row for row in reversed(rows) if row.at <= now],
            "troubles": [
                row for row in acts if row.late or row.act.state in (DatedTask.State.FAILED, DatedTask.State.MISSED)
            ],
            "late_rounds": late,
            "jobs": jobs,
            "silent": [row for row in jobs if row.late],
            "wrong_codes": alarm.current_alarm(),
            "recent": alarm.RECENT,
            "now": now,
        },
    )


@permission_required("portal.rerun_task")
@require_POST
def run_again(request: HttpRequest, act_id: int) -> HttpResponse:
    """Put a failed or missed act back, to be carried out at the next tick."""
    if schedule.run_again(act_id=act_id):
        audit.record(actor=audit.actor(request.user), action="schedule.run_again", object=f"act:{act_id}")
        messages.success(request, _("다시 실행하도록 올렸습니다. 몇 초 안에 시작합니다."))
    else:
        messages.warning(request, _("이미 실행되었거나 실행 중입니다."))
    return redirect("portal:calendar")


def _dated(now: dt.datetime) -> list[Dated]:
    """The programme's own dates but those of the payouts."""
    found = []
    for moment in timeline.moments(programme.current()):
        name = moment.key.partition("-")[0]
        if moment.key in ("lookup", "waiver-ends", "opens", "closes", "closed") or name in ("choose", "ends"):
            found.append(Dated(moment.at, moment.title, "", done=moment.at <= now))
    return found


def _payouts(now: dt.datetime, late: list[OverdueRound]) -> list[Dated]:
    """Cut-off and pay day of every round, the weekly ones too, and how far its batch is: people carry it on."""
    behind = {(row.code, row.pay_on) for row in late}
    batches = {batch.pay_on: batch for batch in Batch.objects.all()}
    found = []
    for coming in calendar.payout_rounds(programme.current()):
        batch = batches.get(coming.pay_on)
        state = Batch.Status(batch.status).label if batch else _("아직 확정하지 않음")
        text = _("사람이 하는 일, 지금: %(state)s") % {"state": state}
        frozen = batch is not None and batch.status != Batch.Status.OPEN
        given = batch is not None and batch.status in (Batch.Status.HANDED_OVER, Batch.Status.SETTLED)
        listed = _("%(n)d차 지급 명단 확정") % {"n": coming.number}
        paid = _("%(n)d차 입금") % {"n": coming.number}
        if coming.supplementary:
            listed, paid = (_("%(what)s (매주 하는 추가 지급)") % {"what": what} for what in (listed, paid))
        pay_at = clock.kst(coming.pay_on, PAY_AT)
        slipped = ("HAND_OVER", coming.pay_on) in behind
        found.append(
            Dated(
                coming.cut_off,
                listed,
                text,
                done=frozen and coming.cut_off <= now,
                late=not frozen and (slipped or ("FREEZE", coming.pay_on) in behind),
            )
        )
        found.append(Dated(pay_at, paid, text, done=given and pay_at <= now, late=slipped))
    return found


def _act_row(act: DatedTask, now: dt.datetime, may_run_again: bool) -> ActRow:
    item = schedule.entry(act.code)
    assert item is not None
    stopped = act.state in (DatedTask.State.FAILED, DatedTask.State.MISSED)
    late = act.state == DatedTask.State.WAITING and now - act.due_at > _WAITS_TOO_LONG
    tag, icon = _STATES[DatedTask.State(act.state)]
    return ActRow(
        act=act,
        at=act.due_at,
        title=item.title,
        tag=tag,
        icon="alert" if late else icon,
        state=_("늦어짐") if late else DatedTask.State(act.state).label,
        late=late,
        may_run_again=stopped and may_run_again,
    )


def _job_row(job: PeriodicTask, item: schedule.Registration, wall: dt.datetime) -> JobRow:
    assert item.period is not None
    return JobRow(
        title=item.title,
        every=_span(item.period),
        ago=_("%(span)s 전") % {"span": _span(wall - job.succeeded_at)} if job.succeeded_at else _("아직 없음"),
        ahead=_("%(span)s 뒤") % {"span": _span(job.due_at - wall)} if job.due_at > wall else _("지금"),
        result=job.result,
        failures=job.failures,
        late=schedule.is_overdue(job, wall),
    )


def _span(span: dt.timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return _("%(n)s초") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)s분") % {"n": seconds // 60}
    if seconds < 172_800:
        return _("%(n)s시간") % {"n": seconds // 3600}
    return _("%(n)s일") % {"n": seconds // 86_400}
