"""Acts of the desk on the homes of staff: promised calls that are due, and people who walk through numbers."""

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock, console
from kt_remedy.core.console import Act
from refunds.applications import call_backs


def register() -> None:
    """Add the acts of the desk for those who serve customers, and the alarm for supervisors."""
    console.register_acts("portal.serve_customer", _calls)
    console.register_acts("refunds.release_case", _walks)


def _calls(user: Any) -> list[Act]:
    now = clock.now()
    calls = list(call_backs.due(user, until=now + dt.timedelta(hours=12)))
    if not calls:
        return []
    first = calls[0].call_back_at
    late = first is not None and first < now
    return [
        Act(
            _("약속한 전화 %(count)s건") % {"count": len(calls)},
            reverse("portal:desk-called", args=[calls[0].pk]),
            until=first,
            late=late,
            mine=True,
            button=_("전화하기"),
        )
    ]


def _walks(user: Any) -> list[Act]:
    since = clock.now() - dt.timedelta(days=1)
    names = AuditEntry.objects.filter(action="customer.searched_too_often", at__gte=since).values_list("actor")
    count = names.distinct().count()
    if not count:
        return []
    return [
        Act(
            _("아무도 찾지 못하는 고객 찾기를 되풀이한 직원 %(count)s명") % {"count": count},
            reverse("staff-home"),
            mine=True,
            note=_("하루 안에 있었던 일입니다. 접속 기록을 보세요."),
        )
    ]
