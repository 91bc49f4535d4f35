"""Page for staff: what runs, what waits, what is late, which parts are stopped, and which versions run."""

import datetime as dt
import platform
from typing import Any

import django
from celery import current_app
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from eligibility import register_clock
from kt_remedy.audit import chain, heads
from kt_remedy.core import health, switches, virus_scan
from kt_remedy.core.access import permission_required
from kt_remedy.core.models import PeriodicTask, Switch, TaskTiming
from kt_remedy.core.tasks import dispatch, schedule
from kt_remedy.core.templatetags.remedy import kdate, kdatetime
from kt_remedy.portal.calendar import span
from kt_remedy.portal.waiting import figures
from refunds.models.bank_answers import BankAnswer

_QUEUES = {
    "money": gettext_lazy("환급과 지급"),
    "messages": gettext_lazy("문자와 안내"),
    "perks": gettext_lazy("혜택"),
    "rest": gettext_lazy("그 밖의 작업"),
}
# It only looks at the others, every minute: its last success shows that beat and a worker run.
_HEARTBEAT = "schedule.watch"
_CLOCKS_APART_SECONDS = 2


@permission_required("portal.view_status")
@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Show the state of the portal in words. It reads a few dozen rows; personal data is not among them."""
    wall = dt.datetime.now(dt.UTC)
    ahead = health.database_clock_ahead()
    context = {
        "troubles": [*_troubles(wall), *_clock_trouble(ahead)],
        "queues": _queues(wall),
        "parts": _parts(request),
        "rows": [*_work(wall), *_records(wall), *_servers(ahead)],
        "versions": _versions(),
    }
    return render(request, "portal/statusz.html", context)


def _troubles(wall: dt.datetime) -> list[str]:
    """A sentence for each name that `/pulsez` gives."""
    jobs = [
        _("%(job)s: 마지막 성공 %(ago)s") % {"job": _title(job.code), "ago": _ago(job.succeeded_at, wall)}
        for job in schedule.overdue_periodic_tasks()
    ]
    late = [_("2분 넘게 아무도 시작하지 않은 일이 있습니다: %(task)s") % {"task": task} for task in dispatch.overdue()]
    silent = virus_scan.state() is virus_scan.Finding.SILENT
    scanner = [_("바이러스 검사(ClamAV)가 응답하지 않습니다.")] if silent else []
    stops = [
        _("%(part)s: 멈춘 것을 %(minutes)s분 안에 아무도 확인하지 않았습니다.")
        % {"part": Switch.Code(code).label, "minutes": int(switches.CONFIRM_WITHIN.total_seconds()) // 60}
        for code in switches.unconfirmed()
    ]
    return jobs + late + scanner + stops + health.words_of_alarms()


def _clock_trouble(ahead: float) -> list[str]:
    apart = abs(ahead) > _CLOCKS_APART_SECONDS
    return [_("데이터베이스와 이 서버의 시계가 %(n)s초 다릅니다.") % {"n": _seconds(ahead)}] if apart else []


def _queues(wall: dt.datetime) -> list[dict[str, Any]]:
    """For each queue: due rows that nobody has begun, the age of the oldest, and when work last ended."""
    waiting: dict[str, list[dispatch.Waiting]] = {queue: [] for queue in dispatch.QUEUES}
    for item in dispatch.waiting():
        waiting[dispatch.queue_of(item.task)].append(item)
    ended: dict[str, dt.datetime] = {}
    for row in TaskTiming.objects.order_by("ended_at"):
        if (task := current_app.tasks.get(row.task)) is not None:
            ended[dispatch.queue_of(task)] = row.ended_at
    rows = []
    for queue, items in waiting.items():
        value = _("기다리는 일 없음")
        if items:
            oldest = span(wall - min(item.since for item in items))
            number = f"{sum(item.rows for item in items):,}"
            value = _("%(n)s건이 기다림, 가장 오래된 것은 %(span)s 전부터") % {"n": number, "span": oldest}
        note = _("마지막으로 끝난 일: %(ago)s") % {"ago": _ago(ended.get(queue), wall)}
        rows.append({"label": f"{_QUEUES[queue]} ({queue})", "value": value, "note": note})
    return rows


def _parts(request: HttpRequest) -> list[dict[str, Any]]:
    url = reverse("portal:switches") if request.user.has_perm("portal.use_switches") else ""
    rows = []
    for row in switches.all_switches():
        value, note = _("열림"), ""
        if row.stopped_at:
            value = _("%(at)s부터 멈춤") % {"at": kdatetime(row.stopped_at)}
            room = figures.sentence() if row.code == Switch.Code.ENTRY else ""
            note = " · ".join(filter(None, [row.reason, room]))
        rows.append({"label": row.get_code_display(), "value": value, "note": note, "url": url})
    return rows


def _work(wall: dt.datetime) -> list[dict[str, Any]]:
    beat = PeriodicTask.objects.filter(code=_HEARTBEAT).values_list("succeeded_at", flat=True).first()
    running = schedule.running_dated_tasks()
    titles = ", ".join(_title(task.code) for task in running)
    return [
        {"label": _("업무 프로세스(beat, worker)가 마지막으로 움직인 때"), "value": _ago(beat, wall)},
        {"label": _("지금 진행 중인 예정된 일"), "value": titles or _("없음"), "url": reverse("portal:calendar"),
         "link": _("일정표")},
        {"label": _("둘째 사람의 확인을 기다리는 은행 답"),
         "value": _("%(n)s건") % {"n": BankAnswer.objects.filter(status=BankAnswer.Status.STAGED).count()}},
    ]  # fmt: skip


def _records(wall: dt.datetime) -> list[dict[str, Any]]:
    number, _since = chain.unsealed()
    head = heads.latest()
    return [
        {"label": _("아직 사슬에 잇지 않은 접속 기록"), "value": _("%(n)s건") % {"n": f"{number:,}"}},
        {"label": _("마지막으로 내보낸 사슬의 머리"), "value": kdate(head.day) if head else _("아직 없음")},
        {"label": _("회선 정보의 날짜"), "value": register_clock.age_text()},
    ]


def _servers(ahead: float) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_database_size(current_database()), (SELECT count(*) FROM pg_stat_replication),"
            " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())"
        )
        size, standbys, connections = cursor.fetchone()
    checks = health.checks()
    wrong = ", ".join(f"{name}: {answer}" for name, answer in checks.items() if answer != "ok")
    return [
        {"label": _("이 서버의 준비(readyz)"), "value": wrong or _("모두 준비됨")},
        {"label": _("데이터베이스의 크기"), "value": filesizeformat(size)},
        {"label": _("데이터베이스 연결"), "value": _("%(n)s개") % {"n": f"{connections:,}"}},
        {"label": _("데이터베이스의 복제본"), "value": _("%(n)s개") % {"n": standbys}},
        {"label": _("데이터베이스와 이 서버의 시계 차이"), "value": _("%(n)s초") % {"n": _seconds(ahead)}},
    ]


def _versions() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (server,) = cursor.fetchone()
    return [
        {"label": _("포털"), "value": settings.VERSION},
        {"label": "PostgreSQL", "value": server.split()[0]},
        {"label": "Django", "value": django.get_version()},
        {"label": "Python", "value": platform.python_version()},
        {"label": _("요청 세기(Prometheus)"), "value": _on(settings.COUNTS_REQUESTS)},
        {"label": _("오류 알림(Sentry)"), "value": _on(settings.SENTRY_DSN)},
        {"label": _("추적(OpenTelemetry)"), "value": _on(settings.OTEL_EXPORTER_OTLP_ENDPOINT)},
    ]


def _on(setting: object) -> str:
    return _("켜짐") if setting else _("꺼짐")


def _seconds(ahead: float) -> str:
    return f"{ahead:+.1f}" if abs(ahead) >= 0.05 else "0"


def _title(code: str) -> str:
    registration = schedule.entry(code)
    return str(registration.title) if registration else code


def _ago(moment: dt.datetime | None, wall: dt.datetime) -> str:
    return _("%(span)s 전") % {"span": span(wall - moment)} if moment else _("아직 없음")
