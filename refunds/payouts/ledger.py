"""The money of one application as a ledger: each movement by its day, and what is owed after it (D-63).

It lists what the balance adds up, so its last line is the balance. Bills count from the delivery that brought them.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from eligibility.models import Bill, BillHistory
from eligibility.rules.facts import Bill as BillFacts
from eligibility.rules.verdict import refundable_of
from kt_remedy.core import clock, programme
from refunds.bankfiles.returns import return_reason
from refunds.models.applications import Application
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.items import Item
from refunds.payouts import overview


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement: when, what, and by how much what is still owed grows or shrinks, in won; `left` is owed after it.

    `page` and `key` name the page of the row behind it.
    """

    at: dt.datetime
    title: str
    note: str
    won: int
    page: str = ""
    key: int = 0
    left: int = 0


def entries(application: Application) -> list[Entry]:
    """Every movement of an application, earliest first, each with what is owed after it."""
    movements = [
        *_bills(application),
        *(entry for item in _items(application) for entry in _moved(item)),
        *_outside(application),
        *_corrections(application),
    ]
    left, book = 0, []
    for entry in sorted(movements, key=lambda entry: entry.at):
        left += entry.won
        book.append(replace(entry, left=left))
    return book


def _bills(application: Application) -> Iterator[Entry]:
    """What the bills give, and how deliveries changed it."""
    refundable = set(programme.current().waiver.refundable_items)
    versions: dict[tuple[str, dt.date], list[tuple[dt.datetime, int]]] = defaultdict(list)
    starts: dict[tuple[str, dt.date], dt.datetime] = {}
    former = BillHistory.objects.filter(contract_no=application.line_id).order_by("replaced_at", "pk")
    for row in former:
        if row.item in refundable:
            key = (row.item, row.billed_on)
            versions[key].append((starts.get(key, clock.kst(row.as_of)), _gives(row)))
            starts[key] = row.replaced_at
    for bill in Bill.objects.filter(line=application.line_id):
        if bill.item in refundable:
            key = (bill.item, bill.billed_on)
            versions[key].append((starts.get(key, clock.kst(bill.as_of)), _gives(bill)))
    changes: dict[dt.datetime, int] = defaultdict(int)
    for steps in versions.values():
        before = 0
        for at, gives in steps:
            changes[at] += gives - before
            before = gives
    first = True
    for at in sorted(changes):
        if changes[at]:
            title = _("청구서로 확인한 돈") if first else _("청구가 늘어남") if changes[at] > 0 else _("청구가 줄어듦")
            yield Entry(at, title, "" if first else _("요금 부서의 새 자료"), changes[at])
            first = False


def _gives(row: Any) -> int:
    return refundable_of(BillFacts(row.item, row.billed_krw, row.paid_krw, row.waived_krw, row.refunded_krw))


def _items(application: Application) -> list[Item]:
    rows = application.items.standing().select_related("batch", "account", "money_back")
    return list(rows.prefetch_related("events").order_by("pk"))


def _moved(item: Item) -> Iterator[Entry]:
    """What a payment took from what is owed, and gave back once the money of its return was back (D-95)."""
    times = {event.status: event.status_at for event in item.events.all()}  # type: ignore[attr-defined]
    was_paid, returned = times.get(Item.Status.PAID), item.status == Item.Status.RETURNED
    round_of = _("%(number)s차") % {"number": item.batch.number}
    if item.kind == Item.Kind.ADJUSTMENT:
        round_of = _("%(round)s 정정") % {"round": round_of}
    if was_paid:
        title = _("%(round)s 입금") % {"round": round_of}
    elif item.status == Item.Status.QUEUED:
        title = _("%(round)s 회차에 담김") % {"round": round_of}
    elif item.status == Item.Status.UNKNOWN:
        title = _("%(round)s 보냄, 은행 답을 모름") % {"round": round_of}
    else:
        title = _("%(round)s 은행에 보냄") % {"round": round_of}
    sent_at = was_paid or times.get(Item.Status.FILED) or times.get(Item.Status.QUEUED) or item.status_at
    again = _("%(number)s번째 보냄") % {"number": item.attempt} if item.attempt > 1 else ""
    note = " · ".join(filter(None, (str(item.account), again)))
    yield Entry(sent_at, title, note, -item.amount_krw, "item", item.pk)
    if returned:
        why = f"{return_reason(item.code)}({item.code})"
        back = getattr(item, "money_back", None)
        if back is None:
            why = " · ".join((why, _("되돌아온 돈이 아직 들어오지 않음")))
        won = item.amount_krw if back else 0
        yield Entry(back.at if back else item.status_at, _("은행이 되돌림"), why, won, "item", item.pk)


def _outside(application: Application) -> Iterator[Entry]:
    for row in application.offline_payments.filter(status__in=OfflinePayment.HOLDING).select_related("recorded_by"):
        note = f"{row.get_way_display()} · {overview.name_of(row.recorded_by)}"
        yield Entry(row.recorded_at, _("회차 밖에서 드림"), note, -row.amount_krw, "offline_payment", row.pk)


def _corrections(application: Application) -> Iterator[Entry]:
    """Money that came back from the customer, and what a correction by exception gives beyond the bills."""
    for row in application.adjustments.filter(status__in=[Adjustment.Status.RECOVERED, Adjustment.Status.APPROVED]):
        decided_at = row.decided_at or row.proposed_at
        if row.status == Adjustment.Status.RECOVERED:
            yield Entry(row.recovered_at or decided_at, _("되찾음"), row.reason, row.amount_krw, "adjustment", row.pk)
        elif row.by_exception and (granted := max(0, row.amount_krw - max(0, row.allowed_krw or 0))):
            yield Entry(decided_at, _("예외로 더 드리기로 함"), row.reason, granted, "adjustment", row.pk)
