"""The store of a store manager: its day, its clerks, its filings, its call-backs, its figures."""

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kt_remedy.audit import looks
from kt_remedy.core import clock, programme
from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from refunds.reports import store_day as days
from refunds.reports import tables
from refunds.views import store_home

_DAY = dt.timedelta(days=1)


@permission_required("refunds.view_store_day")
@never_cache
@require_safe
def store_day(request: HttpRequest) -> HttpResponse:
    """The manager's own store on a day of the programme, today where none or a wrong one is asked for, and the
    page says so. Names are masked."""
    user, today = request.user, clock.today()
    if not isinstance(user, User) or user.store is None:
        raise PermissionDenied("a store manager has a store")
    opens = min(programme.current().applications.opens, today)
    asked = request.GET.get("day", "")
    try:
        day = max(opens, min(dt.date.fromisoformat(asked), today))
    except ValueError:
        day = today
    shown = days.of(user.store, day)
    looks.note(object=f"store:{user.store.code}", filings=len(shown.filings), calls=len(shown.calls))
    share = tables.share(shown.approved, shown.decided)
    context = {
        "shown": shown,
        "other_day": asked not in {"", day.isoformat()},
        "waiting": store_home.waiting(user.store),
        "now": clock.now(),
        "before": day - _DAY if day > opens else None,
        "after": day + _DAY if day < today else None,
        "approval": "–" if share is None else f"{share // 10}.{share % 10}%",
    }
    return render(request, "refunds/store_day.html", context)
