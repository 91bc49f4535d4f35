"""A store for its manager: the filings of a day, its clerks, its open call-backs, its figures."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from kt_remedy.core import clock
from kt_remedy.staff.models import Store, User
from refunds.applications.store_actions import filings_of_store
from refunds.models.applications import Filing, Note
from refunds.reports import applications, money
from refunds.reports.selection import Selection


@dataclass(frozen=True, slots=True)
class Clerk:
    """A member of staff of the store: filings of the day and of the whole programme, and open call-backs."""

    user: User
    today: int
    filings: int
    calls: int


@dataclass(frozen=True, slots=True)
class StoreDay:
    """Everything the page shows. Won is in whole won; `approved` of `decided` since the start."""

    store: Store
    day: dt.date
    filings: list[Filing]
    clerks: list[Clerk]
    calls: list[Note]
    of_day: int  # applications
    total: int
    approved: int
    decided: int
    won: int


def of(store: Store, day: dt.date) -> StoreDay:
    """The KST day of a store."""
    filings = list(filings_of_store(store.pk, day=day).select_related("filed_by"))
    found = applications.count_states(Selection(store_id=store.pk))
    approved, decided = applications.decided(found)
    calls = list(_calls(store))
    return StoreDay(
        store=store,
        day=day,
        filings=filings,
        clerks=_clerks(store, day, calls),
        calls=calls,
        of_day=sum(len(filing.applications.all()) for filing in filings),
        total=found.total(),
        approved=approved,
        decided=decided,
        won=money.add_up(Selection(store_id=store.pk)).refunded,
    )


def _calls(store: Store) -> QuerySet[Note]:
    """Promised calls of the store that were not made, the earliest first."""
    promised = Note.objects.filter(call_back_at__isnull=False, called_at=None, store=store)
    return promised.select_related("customer", "written_by", "owner").order_by("call_back_at")


def _clerks(store: Store, day: dt.date, calls: list[Note]) -> list[Clerk]:
    begins = clock.kst(day)
    on_day = Q(received_at__gte=begins, received_at__lt=begins + dt.timedelta(days=1))
    counts: dict[int, tuple[int, int]] = {
        row["filed_by"]: (row["today"], row["all"])
        for row in Filing.objects.filter(store=store, filed_by__isnull=False)
        .order_by()
        .values("filed_by")
        .annotate(all=Count("pk"), today=Count("pk", filter=on_day))
    }
    return [
        Clerk(
            user,
            today=counts.get(user.pk, (0, 0))[0],
            filings=counts.get(user.pk, (0, 0))[1],
            calls=sum(call.owner_id == user.pk for call in calls),
        )
        for user in User.objects.filter(store=store, is_active=True).order_by("first_name", "username")
    ]
