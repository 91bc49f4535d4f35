"""Move the clock of a demonstration forward, to the calendar's own acts, rounds and days."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kt_remedy.core import clock, programme
from kt_remedy.core.access import public
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.portal import calendar, timeline


@dataclass(frozen=True)
class Stop:
    """An instant at which the clock can stop. `acts` are the titles of what runs or has to be done then."""

    at: dt.datetime
    acts: tuple[Any, ...]
    days: tuple[Any, ...]

    @property
    def key(self) -> str:
        """The instant in Seoul, as the form sends it."""
        return self.at.astimezone(clock.KST).isoformat()

    @property
    def titles(self) -> tuple[Any, ...]:
        """Everything that falls on this instant."""
        return self.acts + self.days


def stops() -> list[Stop]:
    """The dated tasks of the calendar, the rounds and the days of the programme, in order, one stop per instant."""
    acts: dict[dt.datetime, list[Any]] = {}
    for registration in schedule.entries():
        for moment in registration.moments():
            acts.setdefault(moment, []).append(registration.title)
    for row in calendar.round_moments():
        acts.setdefault(row.at, []).append(row.title)
    days: dict[dt.datetime, list[Any]] = {}
    for row in timeline.moments(programme.current()):
        days.setdefault(row.at, []).append(row.title)
    return [Stop(at, tuple(acts.get(at, ())), tuple(days.get(at, ()))) for at in sorted({*acts, *days})]


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest) -> HttpResponse:
    """List the stops (GET) or move the clock to one (POST); 404 if no clock is set.

    A jump over an act or a round, or while an act is due or running, is asked about first (`sure`).
    """
    if not clock.is_set():
        raise Http404
    now, every = clock.now(), stops()
    context = {
        "ahead": [stop for stop in every if stop.at > now],
        "past": [stop for stop in reversed(every) if stop.at <= now],
        "running": _running(now),
    }
    if request.method == "POST":
        chosen = next((stop for stop in every if stop.key == request.POST.get("to")), None)
        if chosen is None:
            raise Http404
        jumped = [stop for stop in every if now < stop.at < chosen.at and stop.acts]
        if chosen.at > now and (jumped or context["running"]) and not request.POST.get("sure"):
            return render(request, "portal/clock.html", {**context, "chosen": chosen, "jumped": jumped})
        try:
            clock.move_to(chosen.at)
        except ValueError:
            messages.warning(request, _("시계는 앞으로만 갑니다. 처음으로 되돌리려면 make reset을 쓰세요."))
        return redirect("portal:clock")
    return render(request, "portal/clock.html", context)


def _running(now: dt.datetime) -> list[tuple[Any, DatedTask]]:
    """The dated tasks that run now or are due and have not begun, with their titles."""
    open_tasks = DatedTask.objects.filter(
        Q(state=DatedTask.State.RUNNING) | Q(state=DatedTask.State.WAITING, due_at__lte=now)
    ).order_by("due_at", "id")
    return [(entry.title, task) for task in open_tasks if (entry := schedule.entry(task.code)) is not None]
