"""The register's clock: the delivery that each act on lines needs, whether it is there, and the alarm while it is late.

An act that judges lines must see what was true on its day. It names the earliest as-of date of the delivery that tells
so, and waits for it (D-67). Each application registers its acts here in `AppConfig.ready()`.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from prometheus_client.core import GaugeMetricFamily

from eligibility.models import Feed
from kt_remedy.core import clock, console, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.core.templatetags.remedy import kday

DELIVERY = "eligibility.delivery"  # the dated task that loads the delivery of a day
WRONG_DIGEST = gettext_noop("청구 데이터의 지문이 목록과 다름")


@dataclass(frozen=True, slots=True)
class Need:
    """An act that is not done yet, and the earliest as-of date of the delivery that it needs (KST dates)."""

    code: str
    title: Any
    due_at: dt.datetime
    day: dt.date

    @property
    def latest(self) -> dt.datetime:
        """From this instant on a missing delivery is an alarm."""
        return max(self.due_at, clock.kst(self.day, programme.current().deliveries.late_at))


class NoDelivery(schedule.NotYet):
    """The delivery that an act needs is not loaded yet. The dated task runs again later."""

    def __init__(self, day: dt.date) -> None:
        super().__init__(
            f"No delivery as of {day} or later has been loaded yet.",
            schedule.result_message(gettext_noop("%(day)s이나 그 뒤의 청구 데이터를 기다림"), day=str(day)),
        )


_sources: list[Callable[[dt.datetime], Iterable[Need]]] = []


def register(open_needs: Callable[[dt.datetime], Iterable[Need]]) -> None:
    """Add acts to the register's clock; `open_needs` gives those that are not done at an instant and still will be."""
    _sources.append(open_needs)


_dated: dict[str, Callable[[dt.date], dt.date]] = {}


def register_dated(code: str, day: Callable[[dt.date], dt.date] = lambda due: due) -> None:
    """Add a dated task of the calendar; `day` gives the as-of date it needs from the KST date on which it is due."""
    _dated[code] = day


def day_of(code: str, due_at: dt.datetime) -> dt.date | None:
    """The earliest as-of date that a dated task needs; None where it needs no delivery."""
    day = _dated.get(code)
    return day(clock.kst_date(due_at)) if day else None


def as_of() -> dt.date | None:
    """The as-of date of the register: that of the last loaded delivery; None before the first one."""
    return Feed.objects.filter(state=Feed.State.LOADED).aggregate(last=Max("as_of"))["last"]


def age_text() -> str:
    """How old the register is, as a sentence for staff."""
    last = as_of()
    if last is None:
        return gettext("아직 받은 청구 데이터가 없습니다.")
    days = (clock.today() - last).days
    if days <= 0:
        return gettext("회선 정보는 %(day)s 기준이며 오늘 것입니다.") % {"day": kday(last)}
    return gettext("회선 정보는 %(day)s 기준이며 %(n)s일 지났습니다.") % {"day": kday(last), "n": f"{days:,}"}


def covers(day: dt.date) -> bool:
    """True if a delivery as of `day` or later is loaded."""
    last = as_of()
    return last is not None and last >= day


def require(day: dt.date) -> None:
    """Raises NoDelivery unless a delivery as of `day` or later is loaded."""
    if not covers(day):
        raise NoDelivery(day)


def after_delivery(work: Callable[[Any], schedule.TaskResult]) -> Callable[[Any], schedule.TaskResult]:
    """The work of a registered dated task, which waits for its delivery first (`schedule.run_dated_task`)."""

    def wait_and_work(task: DatedTask) -> schedule.TaskResult:
        day = day_of(task.code, task.due_at)
        assert day is not None, f"{task.code} names no delivery"
        require(day)
        return work(task)

    return wait_and_work


def needs(at: dt.datetime | None = None) -> list[Need]:
    """The acts that are not done, with the delivery of each, by their due times."""
    now = at or clock.now()
    tasks = DatedTask.objects.filter(code__in=list(_dated), state=DatedTask.State.WAITING)
    found = [
        Need(task.code, entry.title, task.due_at, _dated[task.code](clock.kst_date(task.due_at)))
        for task in tasks
        if (entry := schedule.entry(task.code)) is not None
    ]
    found += [need for source in _sources for need in source(now)]
    return sorted(found, key=lambda need: (need.due_at, need.code))


def late(at: dt.datetime | None = None) -> list[Need]:
    """The acts whose delivery is late: the alarm of the calendar, the console and `/pulsez`."""
    now, last = at or clock.now(), as_of()
    return [need for need in needs(now) if need.latest <= now and (last is None or last < need.day)]


def silent_since(at: dt.datetime | None = None) -> dt.date | None:
    """The as-of date of the last delivery if it is too old (`silent_after_days`) while an act will need a newer one."""
    now, last = at or clock.now(), as_of()
    if last is None or (clock.kst_date(now) - last).days <= programme.current().deliveries.silent_after_days:
        return None
    return last if any(need.day > last for need in needs(now)) else None


def wrong_deliveries() -> list[dt.date]:
    """The days whose delivery does not have the digests of its manifest (D-93)."""
    waiting = DatedTask.objects.filter(code=DELIVERY, state=DatedTask.State.WAITING)
    return [
        clock.kst_date(task.due_at)
        for task in waiting.exclude(result_messages=[]).order_by("due_at")
        if task.result_messages[0][0] == WRONG_DIGEST
    ]


def alarms() -> list[str]:
    """Names of what is late, for `/pulsez`: each act with the day of its delivery."""
    names = [f"delivery {need.day} for {need.code}" for need in late()]
    names += [f"delivery {day} has a wrong digest" for day in wrong_deliveries()]
    if (since := silent_since()) is not None:
        names.append(f"no delivery since {since}")
    return names


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the age of the register and the number of late deliveries, for Prometheus."""
    age = GaugeMetricFamily("remedy_register_age_days", "Days since the as-of date of the register")
    if (last := as_of()) is not None:
        age.add_metric([], (clock.today() - last).days)
    missing = GaugeMetricFamily("remedy_deliveries_late", "Deliveries that an act needs and that did not come in time")
    missing.add_metric([], len(late()))
    yield from (age, missing)


def troubles(at: dt.datetime | None = None) -> list[str]:
    """The same as sentences for staff, on the calendar and on the home of the console."""
    now = at or clock.now()
    sentences = [
        gettext("%(act)s: %(day)s 기준 청구 데이터가 오지 않았습니다.") % {"act": need.title, "day": kday(need.day)}
        for need in late(now)
    ]
    sentences += [
        gettext("%(day)s 청구 데이터가 목록(manifest.json)의 지문과 다릅니다. 청구 시스템에 다시 보내 달라고 하세요.")
        % {"day": kday(day)}
        for day in wrong_deliveries()
    ]
    if (since := silent_since(now)) is not None:
        sentences.append(gettext("%(day)s 기준 데이터 뒤로 청구 데이터가 오지 않고 있습니다.") % {"day": kday(since)})
    return sentences


def acts(user: Any) -> list[console.Act]:
    """The acts of today on the home of the console: one for each trouble."""
    return [console.Act(text=sentence, url=reverse("portal:calendar"), late=True) for sentence in troubles()]
