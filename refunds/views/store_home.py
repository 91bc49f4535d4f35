"""The part of a store in the home of its manager: today's filings, what waits for customers, what changed."""

import datetime as dt
from collections import Counter
from typing import Any

from django.db.models import F, Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core import clock, console
from kt_remedy.core.console import Act
from kt_remedy.core.templatetags.remedy import won
from kt_remedy.staff.models import Store, User
from refunds.applications.store_actions import filings_of_store
from refunds.models.applications import Application, Decision
from refunds.models.states import Status

SEE = "refunds.view_store_day"
_WAITS_FOR_CUSTOMER = (Status.NEED_DOCS, Status.NEED_ACCOUNT)
# What became of filings of the store, in the order of the page.
_NEWS = (Status.APPROVED, Status.REJECTED, *_WAITS_FOR_CUSTOMER)


def acts(user: User) -> list[Act]:
    """Filings of the store that wait for documents or another account, with the first day by which they are due."""
    rows = _waiting(user.store)
    if user.store is None or not (count := rows.count()):
        return []
    day = rows.aggregate(first=Min("documents_due_on"))["first"]
    return [
        Act(
            text=_("고객의 서류나 계좌를 기다리는 우리 매장 신청 %(count)s건") % {"count": won(count)},
            url=reverse("refunds:store-day") + "#waiting",
            until=clock.kst(day, dt.time(18)) if day else None,
            late=day is not None and day < clock.today(),
            mine=True,
            button=_("우리 매장 보기"),
        )
    ]


def home(request: HttpRequest) -> dict[str, Any] | None:
    """The manager's store today and since yesterday; None without a store."""
    user = request.user
    assert isinstance(user, User)
    if user.store is None:
        return None
    today = clock.today()
    since = clock.kst(today - dt.timedelta(days=1))
    changed = Decision.objects.filter(
        application__filing__store=user.store, decided_at__gte=since, to_status__in=_NEWS
    ).exclude(from_status=F("to_status"))
    counts = Counter(changed.values_list("to_status", flat=True))
    return {
        "store": user.store,
        "today": filings_of_store(user.store.pk, day=today).count(),
        "changed": [(status.label, counts[status]) for status in _NEWS if counts[status]],
    }


def waiting(store: Store) -> list[Application]:
    """Applications of the store that wait for documents or another account, the earliest due first."""
    rows = _waiting(store).select_related("filing__customer").order_by(F("documents_due_on").asc(nulls_last=True), "id")
    return list(rows)


def _waiting(store: Store | None) -> Any:
    return Application.objects.filter(filing__store=store, status__in=_WAITS_FOR_CUSTOMER)


def register() -> None:
    """Register everything above with the console."""
    console.register_acts(SEE, acts)
    console.register_section(6, SEE, "refunds/home_store.html", home)
