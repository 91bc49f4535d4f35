"""What stands still and who has to move it: the queues of exceptions, and how long each waiting state has lasted."""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Abs
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from refunds.applications import deadlines
from refunds.bankfiles.returns import WAITS_FOR_PERSON
from refunds.calendar import business_days_before
from refunds.models.batches import Batch, Roster
from refunds.models.cases import Hold
from refunds.models.items import Item
from refunds.models.states import UNDER_REVIEW, Status
from refunds.payouts import suspense
from refunds.payouts.overview import LARGE_KRW

# Limits of waiting in days of the calendar, or in business days.
HOLD_DAYS, UNKNOWN_BUSINESS_DAYS, OTHER_SIDE_BUSINESS_DAYS = 10, 3, 5
# Days waited: the lower bound of each cell of the ageing table.
AGES = (0, 1, 3, 6, 10)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of exceptions: how many, how much in won, since when (a KST date), and the duty that works it off."""

    code: str
    label: str
    note: str
    url: str
    duty: str
    count: int
    won: int
    since: dt.date | None
    limit: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of exceptions: its rows, the columns of their moment and won, the KST date before which it is late."""

    code: str
    label: str
    note: str
    url: str
    duty: str
    rows: QuerySet[Any]
    since: str
    won: str = "amount_krw"
    limit: str = ""
    late_before: dt.date | None = None

    def is_late(self, day: dt.date) -> bool:
        """True for a row of this day that passed the limit."""
        return self.late_before is not None and day < self.late_before


@dataclass(frozen=True, slots=True)
class Ageing:
    """A waiting state: its applications by days waited (`AGES`), their won, and how many passed the limit."""

    label: str
    limit: str
    cells: tuple[int, ...]
    count: int
    won: int
    over: int | None


def age_labels() -> list[str]:
    """The days of each cell of the ageing table in words."""
    spans = zip(AGES[1:], (*(bound - 1 for bound in AGES[2:]), None), strict=True)
    return [
        _("오늘"),
        *(
            _("%(first)s~%(last)s일") % {"first": first, "last": last}
            if last
            else _("%(first)s일부터") % {"first": first}
            for first, last in spans
        ),
    ]


def returned_after_paid() -> QuerySet[Item]:
    """Payments that the bank took back after it had paid them, and that nothing followed yet."""
    paid = Item.objects.filter(status=Item.Status.RETURNED, events__status=Item.Status.PAID)
    return _not_followed().filter(pk__in=paid.values("pk"))


def returned_by_other_side() -> QuerySet[Item]:
    """Payments that came back for a reason of payer or file, or an unclear one: a person decides (D-65)."""
    return _not_followed().filter(code__in=WAITS_FOR_PERSON)


def _not_followed() -> QuerySet[Item]:
    later = Item.objects.standing().filter(
        application=OuterRef("application"), kind=OuterRef("kind"), pk__gt=OuterRef("pk")
    )
    return Item.objects.filter(Q(status=Item.Status.RETURNED), ~Exists(later))


def active_holds() -> QuerySet[Hold]:
    """Holds that nobody released."""
    return Hold.objects.filter(released_at=None)


def large_before_approval() -> QuerySet[Item]:
    """Payments above the limit in a batch that waits for the checker."""
    return Item.objects.filter(status=Item.Status.QUEUED, batch__status=Batch.Status.FROZEN, amount_krw__gte=LARGE_KRW)


def queues(*, at: dt.datetime | None = None) -> list[Queue]:
    """Every queue of exceptions, also the empty ones, in one fixed order."""
    today = clock.kst_date(at or clock.now())
    return [_counted(kind_of(today)) for kind_of in KINDS]


def _unknown(today: dt.date) -> _Kind:
    rows = Item.objects.filter(status=Item.Status.UNKNOWN)
    since = business_days_before(today, UNKNOWN_BUSINESS_DAYS)
    return _Kind(
        "UNKNOWN",
        _("은행 답을 모름"),
        _("은행에 물어보기 전에는 다시 보내지 않습니다"),
        reverse("admin:payouts:inquiries"),
        Roster.Duty.RESULTS,
        rows,
        "status_at",
        limit=_("%(days)s영업일") % {"days": UNKNOWN_BUSINESS_DAYS},
        late_before=since,
    )


def _after_paid(_today: dt.date) -> _Kind:
    return _Kind(
        "RETURNED_AFTER_PAID",
        _("입금 뒤 되돌아옴"),
        _("입금 안내가 이미 나간 건"),
        reverse("admin:refunds_item_changelist") + "?exception=after_paid",
        Roster.Duty.RESULTS,
        returned_after_paid(),
        "status_at",
    )


def _other_side(today: dt.date) -> _Kind:
    return _Kind(
        "OTHER_SIDE",
        _("회사·파일 쪽 사유"),
        _("고객 탓이 아닙니다. 고객에게는 보내지 못했다고만 알렸고, 사람이 정할 때까지 다시 보내지 않습니다"),
        reverse("admin:refunds_item_changelist") + "?exception=other_side",
        Roster.Duty.RESULTS,
        returned_by_other_side(),
        "status_at",
        limit=_("%(days)s영업일") % {"days": OTHER_SIDE_BUSINESS_DAYS},
        late_before=business_days_before(today, OTHER_SIDE_BUSINESS_DAYS),
    )


def _held(today: dt.date) -> _Kind:
    return _Kind(
        "HELD",
        _("보류된 것"),
        _("사람이 멈춘 지급. 풀거나 빼야 합니다"),
        reverse("admin:refunds_hold_changelist") + "?open=yes",
        Roster.Duty.FREEZE,
        active_holds(),
        "placed_at",
        won="application__line__refundable_krw",
        limit=_("%(days)s일") % {"days": HOLD_DAYS},
        late_before=today - dt.timedelta(days=HOLD_DAYS),
    )


def _large(_today: dt.date) -> _Kind:
    return _Kind(
        "LARGE",
        _("한도 초과"),
        _("한 건이 %(limit)s만 원 이상이고 승인을 기다립니다") % {"limit": LARGE_KRW // 10_000},
        reverse("admin:refunds_item_changelist") + "?exception=large",
        Roster.Duty.APPROVE,
        large_before_approval(),
        "status_at",
    )


def _suspense(_today: dt.date) -> _Kind:
    return _Kind(
        "SUSPENSE",
        _("미결"),
        _("어느 지급에도 맞지 않는 은행의 거래나 답"),
        reverse("admin:payouts:suspense"),
        Roster.Duty.RESULTS,
        # What came and what left count by their size.
        suspense.unsettled().annotate(size=Abs("won")),
        "at",
        won="size",
    )


KINDS: list[Callable[[dt.date], _Kind]] = [_unknown, _after_paid, _other_side, _held, _large, _suspense]


def _counted(kind: _Kind) -> Queue:
    sums = kind.rows.aggregate(count=Count("pk"), won=Sum(kind.won), since=Min(kind.since))
    first = clock.kst_date(sums["since"]) if sums["since"] else None
    late = first is not None and kind.is_late(first)
    return Queue(
        kind.code, kind.label, kind.note, kind.url, kind.duty, sums["count"], sums["won"] or 0, first, kind.limit, late
    )


# (state in words, its states, its limit in words, applications that came before this moment are over it)
def _waiting_states(today: dt.date) -> list[tuple[str, tuple[str, ...], str, dt.datetime | None]]:
    customer = _("고객 차례")
    return [
        (
            _("심사 중"),
            UNDER_REVIEW,
            _("%(days)s영업일") % {"days": deadlines.REVIEW_DAYS},
            deadlines.overdue_before(today),
        ),
        (_("서류 기다림"), (Status.NEED_DOCS,), customer, None),
        (_("계좌 고침 기다림"), (Status.NEED_ACCOUNT,), customer, None),
        (_("청구서 기다림"), (Status.WAITING_FOR_BILL,), _("다음 청구"), None),
        (_("납부 기다림"), (Status.ON_HOLD_UNPAID,), customer, None),
        (
            _("예금주 확인 기다림"),
            (Status.SUBMITTED,),
            _("다음 영업일"),
            clock.kst(business_days_before(today, 1)),
        ),
    ]


def ageing(*, at: dt.datetime | None = None) -> list[Ageing]:
    """The waiting states with the days waited since the application came into them; won as the customer saw it."""
    today = clock.kst_date(at or clock.now())
    states = _waiting_states(today)
    bounds = ", ".join(str(bound) for bound in AGES[1:])
    query = f"""
        SELECT status, width_bucket(GREATEST(0, %(today)s - (status_since AT TIME ZONE 'Asia/Seoul')::date),
                                    ARRAY[{bounds}]) AS age,
               count(*), coalesce(sum(amount_seen_krw), 0)::bigint,
               count(*) FILTER (WHERE status_since < (%(limits)s::jsonb ->> status)::timestamptz)
        FROM refunds_application WHERE status = ANY(%(states)s) GROUP BY 1, 2
    """  # noqa: S608  (the bounds are numbers of this module)
    limits = {code: before.isoformat() for _label, codes, _limit, before in states if before for code in codes}

    with connection.cursor() as cursor:
        cursor.execute(
            query,
            {
                "today": today,
                "limits": json.dumps(limits),
                "states": [str(code) for _label, codes, _limit, _before in states for code in codes],
            },
        )
        rows = cursor.fetchall()
    waiting = []
    for label, codes, limit, before in states:
        own = [row for row in rows if row[0] in codes]
        waiting.append(_aged(label, limit, (row[1:] for row in own), limited=bool(before)))
    return [*waiting, *(_ageing_of(kind_of(today), today) for kind_of in (_held, _unknown))]


def _ageing_of(kind: _Kind, today: dt.date) -> Ageing:
    aged = []
    for at, amount in kind.rows.values_list(kind.since, kind.won):
        day = clock.kst_date(at)
        age = sum(1 for bound in AGES[1:] if (today - day).days >= bound)
        aged.append((age, 1, amount or 0, int(kind.is_late(day))))
    return _aged(kind.label, kind.limit, aged, limited=True)


def _aged(label: str, limit: str, rows: Iterable[tuple[int, int, int, int]], *, limited: bool) -> Ageing:
    cells, count, won, over = [0] * len(AGES), 0, 0, 0
    for age, rows_of_age, won_of_age, late in rows:
        cells[age] += rows_of_age
        count, won, over = count + rows_of_age, won + won_of_age, over + late
    return Ageing(label, limit, tuple(cells), count, won, over if limited else None)
