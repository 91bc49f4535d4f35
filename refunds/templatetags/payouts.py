"""Payout figures on the admin's front page."""

import datetime as dt

from django import template

from kt_remedy.core import clock
from kt_remedy.core.models import PeriodicTask
from kt_remedy.core.tasks import schedule
from refunds.payouts import invariants, overview

register = template.Library()


@register.filter
def wall_time(value: dt.datetime) -> str:
    """A moment of the wall clock as day and hour in Seoul."""
    return f"{value.astimezone(clock.KST):%Y-%m-%d %H:%M}"


@register.inclusion_tag("admin/refunds/_today.html", takes_context=True)
def payouts_today(context: template.Context) -> dict:
    """The duties of today with their people and deadlines, and the last check of the money.

    Other staff see only the links to the pages they may open.
    """
    user = context["request"].user
    concerned = user.has_perm("payouts.view_batch")
    permissions = {
        "cases": user.has_perm("payouts.view_case"),
        "callers": user.has_perm("payouts.view_returned"),
    }
    if not concerned:
        return {"concerned": False, **permissions}
    checked = PeriodicTask.objects.filter(code="refunds.verify_money").first()
    broken = {
        values["code"]: values["n"]
        for _text, values in (checked.result_messages if checked else [])
        if "code" in values
    }
    return {
        "concerned": True,
        **permissions,
        "duties": overview.duties(),
        "now": clock.now(),
        "checked": checked,
        "check_every": invariants.EVERY,
        "broken": broken,
        "late": bool(checked and schedule.is_overdue(checked, dt.datetime.now(dt.UTC))),
        "findings": [(code, title, broken.get(code, 0)) for code, title, _find in invariants.INVARIANTS],
    }
