"""Calendar page: dated tasks with due time, run and result, periodic tasks with their last run."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from eligibility import register_clock
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.access import permission_required
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.core.templatetags.remedy import kdatetime, kday
from kt_remedy.identity import alarm
from kt_remedy.portal import timeline
from refunds import calendar
from refunds.models.batches import Batch
from refunds.payouts import freeze_needs
from refunds.payouts.overdue import OverdueRound, late_rounds

_STATES = {
    DatedTask.State.WAITING: ("wait", "wait"),
    DatedTask.State.RUNNING: ("wait", "wait"),
    DatedTask.State.DONE: ("yes", "tick"),
    DatedTask.State.FAILED: ("none", "alert"),
    DatedTask.State.MISSED: ("none", "alert"),
}
# A task that is due for longer means that no worker or beat is running.
_WAITS_TOO_LONG = dt.timedelta(minutes=2)
PAY_AT = dt.time(9)  # banks credit the money in the morning of the pay day (KST)


@dataclass(frozen=True)
class ProgrammeDate:
    """A date without a dated task: a deadline of the programme, or the work of people on a batch and its state."""

    at: dt.datetime
    title: str
    text: str
    done: bool
    late: bool = False
    task: None = None


@dataclass(frozen=True)
class DatedTaskRow:
    """Row of the page for one dated task."""

    task: DatedTask
    at: dt.datetime
    title: Any
    tag: str
    icon: str
    state: Any
    late: bool
    may_run_again: bool
    delivery: str = ""


@dataclass(frozen=True)
class PeriodicTaskRow:
    """Row of the page for one periodic task."""

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
    """Show past dates newest first, future dates soonest first, and the periodic tasks."""
    now, wall = clock.now(), dt.datetime.now(dt.UTC)
    may_run_again = request.user.has_perm("portal.rerun_task")
    last = register_clock.as_of()
    task_rows = [
        _dated_task_row(task, now, may_run_again, last)
        for task in DatedTask.objects.order_by("due_at", "id")
        if schedule.entry(task.code)
    ]
    late = late_rounds(at=now)
    rows: list[DatedTaskRow | ProgrammeDate] = sorted(
        [*task_rows, *_programme_dates(now), *_payout_dates(now, late, last)], key=lambda row: row.at
    )
    periodic_tasks = {job.code: job for job in PeriodicTask.objects.all()}
    jobs = [
        _periodic_task_row(periodic_tasks[registration.code], registration, wall)
        for registration in schedule.entries()
        if registration.code in periodic_tasks
    ]
    return render(
        request,
        "portal/calendar.html",
        {
            "ahead": [row for row in rows if row.at > now],
            "past": [row for row in reversed(rows) if row.at <= now],
            "troubles": [
                row
                for row in task_rows
                if row.late or row.task.state in (DatedTask.State.FAILED, DatedTask.State.MISSED)
            ],
            "late_rounds": late,
            "late_deliveries": register_clock.troubles(now),
            "register_age": register_clock.age_text(),
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
    """Queue a failed or missed dated task again; the next tick of the schedule runs it."""
    if schedule.run_again(act_id=act_id):
        audit.record(actor=audit.actor(request.user), action="schedule.run_again", object=f"act:{act_id}")
        messages.success(request, _("다시 실행하도록 올렸습니다. 몇 초 안에 시작합니다."))
    else:
        messages.warning(request, _("이미 실행되었거나 실행 중입니다."))
    return redirect("portal:calendar")


def round_moments() -> list[timeline.Moment]:
    """Cut-off and pay day of every payout round in order, supplementary rounds included."""
    moments = []
    for payout_round in calendar.payout_rounds(programme.current()):
        freeze_title, pay_title = _round_titles(payout_round)
        pay_on = payout_round.pay_on
        moments.append(timeline.Moment(f"freeze-{pay_on}", payout_round.cut_off, freeze_title))
        moments.append(timeline.Moment(f"pay-{pay_on}", clock.kst(pay_on, PAY_AT), pay_title))
    return moments


def _round_titles(payout_round: calendar.PayoutRound) -> tuple[str, str]:
    titles = (
        _("%(n)d차 지급 명단 확정") % {"n": payout_round.number},
        _("%(n)d차 입금") % {"n": payout_round.number},
    )
    if not payout_round.supplementary:
        return titles
    freeze_title, pay_title = (_("%(what)s (매주 하는 추가 지급)") % {"what": title} for title in titles)
    return freeze_title, pay_title


def _programme_dates(now: dt.datetime) -> list[ProgrammeDate]:
    """Dates of the programme, without those of the payouts."""
    moments = timeline.moments(programme.current())
    return [ProgrammeDate(moment.at, moment.title, "", done=moment.at <= now) for moment in moments]


def _delivery(need: register_clock.Need, last: dt.date | None, now: dt.datetime) -> str:
    """The delivery that an open act needs, and whether it is there."""
    if last is not None and last >= need.day:
        return ""
    words = _("%(day)s 기준 청구 데이터가 필요합니다. %(latest)s까지 오지 않으면 알립니다.")
    if need.latest <= now:
        words = _("%(day)s 기준 청구 데이터를 기다립니다. %(latest)s까지 왔어야 합니다.")
    return words % {"day": kday(need.day), "latest": kdatetime(need.latest)}


def _payout_dates(now: dt.datetime, late: list[OverdueRound], last: dt.date | None) -> list[ProgrammeDate]:
    """Cut-off and pay day of every payout round, supplementary rounds included, with the state of its batch."""
    overdue = {(row.code, row.pay_on) for row in late}
    batches, today = {batch.pay_on: batch for batch in Batch.objects.all()}, clock.kst_date(now)
    rows = []
    for payout_round in calendar.payout_rounds(programme.current()):
        batch = batches.get(payout_round.pay_on)
        state = batch.stage_label if batch else _("아직 확정하지 않음")
        text = _("사람이 하는 일, 지금: %(state)s") % {"state": state}
        need = register_clock.Need(freeze_needs.CODE, "", payout_round.cut_off, freeze_needs.day_of(payout_round))
        missing = _delivery(need, last, now)
        frozen = batch is not None and batch.status != Batch.Status.OPEN
        handed_over = batch is not None and batch.handed_over
        freeze_title, pay_title = _round_titles(payout_round)
        pay_at = clock.kst(payout_round.pay_on, PAY_AT)
        hand_over_late = ("HAND_OVER", payout_round.pay_on) in overdue
        rows.append(
            ProgrammeDate(
                payout_round.cut_off,
                freeze_title,
                text if frozen or payout_round.pay_on < today or not missing else f"{text}. {missing}",
                done=frozen and payout_round.cut_off <= now,
                late=not frozen and (hand_over_late or ("FREEZE", payout_round.pay_on) in overdue),
            )
        )
        rows.append(ProgrammeDate(pay_at, pay_title, text, done=handed_over and pay_at <= now, late=hand_over_late))
    return rows


def _dated_task_row(task: DatedTask, now: dt.datetime, may_run_again: bool, last: dt.date | None) -> DatedTaskRow:
    registration = schedule.entry(task.code)
    assert registration is not None
    stopped = task.state in (DatedTask.State.FAILED, DatedTask.State.MISSED)
    late = task.state == DatedTask.State.WAITING and now - task.due_at > _WAITS_TOO_LONG
    tag, icon = _STATES[DatedTask.State(task.state)]
    day = register_clock.day_of(task.code, task.due_at)
    need = None
    if day and task.state == DatedTask.State.WAITING:
        need = register_clock.Need(task.code, registration.title, task.due_at, day)
    return DatedTaskRow(
        task=task,
        at=task.due_at,
        title=registration.title,
        tag=tag,
        icon="alert" if late else icon,
        state=_("늦어짐") if late else DatedTask.State(task.state).label,
        late=late,
        may_run_again=stopped and may_run_again,
        delivery=_delivery(need, last, now) if need else "",
    )


def _periodic_task_row(task: PeriodicTask, registration: schedule.Registration, wall: dt.datetime) -> PeriodicTaskRow:
    assert registration.period is not None
    return PeriodicTaskRow(
        title=registration.title,
        every=span(registration.period),
        ago=_("%(span)s 전") % {"span": span(wall - task.succeeded_at)} if task.succeeded_at else _("아직 없음"),
        ahead=_("%(span)s 뒤") % {"span": span(task.due_at - wall)} if task.due_at > wall else _("지금"),
        result=task.result,
        failures=task.failures,
        late=schedule.is_overdue(task, wall),
    )


def span(length: dt.timedelta) -> str:
    """A length of time in the largest fitting unit, in the language of the reader."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return _("%(n)s초") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)s분") % {"n": seconds // 60}
    if seconds < 172_800:
        return _("%(n)s시간") % {"n": seconds // 3600}
    return _("%(n)s일") % {"n": seconds // 86_400}
