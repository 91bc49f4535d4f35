"""Decide applications anew after their facts have changed: a feed, a bank's answer, a returned payment."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from refunds import calendar
from refunds.applications import sms
from refunds.applications.access import locked
from refunds.applications.decision import decide
from refunds.applications.facts import SHARED_ACCOUNT, VERDICT_CHANGED, facts_of
from refunds.applications.transitions import transition
from refunds.models.accounts import HolderCheck
from refunds.models.applications import Application, Decision
from refunds.models.states import REEVALUATED, Status
from refunds.promise import service as promise

_NO_LONGER_ELIGIBLE = Q(line__decided_outcome="") & ~Q(line__outcome="ELIGIBLE") | ~Q(
    line__decided_outcome__in=["", "ELIGIBLE"]
)


def reevaluate(row: Application, *, actor: str, **columns: Any) -> bool:
    """Decide a locked application by the table and set `columns` with it; returns True if its state changed."""
    answer = decide(facts_of(row, reviewed=row.reviewed))
    # A line that is no longer eligible goes to a reviewer: no application is rejected without a person.
    to, code = (answer.status, answer.code) if answer.status else (Status.REVIEW, VERDICT_CHANGED)
    before = row.status
    transition(row, to, code=code, actor=actor, **columns)
    if before == to:
        return False
    if to == Status.APPROVED:
        sms.announce_approval(row)
    return True


def recheck(application_ids: Iterable[int]) -> int:
    """Decide waiting applications anew, each in its own transaction; returns how many changed their state."""
    moved = 0
    for pk in application_ids:
        with transaction.atomic():
            row = locked(pk, skip=True)
            if row is None or row.status not in REEVALUATED or row.status == Status.NEED_DOCS:
                continue
            if reevaluate(row, actor="system"):
                _record(row, "application.rechecked", detail={"status": row.status})
                moved += 1
    return moved


def recheck_after_feed(*, limit: int = 2000) -> int:
    """Release applications whose bill or payment a feed has brought, and flag approvals whose verdict changed.

    Before the last round, a partly paid penalty is released for the paid part (D-24). It reads rows, not the feed, so
    it may run at any time and finds what an earlier run missed. Returns how many changed their state or flag.
    """
    ready_to_go = ~Q(line__reasons__contains="UNPAID")
    if calendar.is_last(clock.now(), programme.current()):
        ready_to_go |= Q(line__refundable_krw__gt=0)
    ready = (
        Application.objects.filter(
            Q(status=Status.WAITING_FOR_BILL) & ~Q(line__reasons__contains="NOT_BILLED_YET")
            | Q(status=Status.ON_HOLD_UNPAID) & ready_to_go
        )
        .order_by("id")
        .values_list("id", flat=True)[:limit]
    )
    moved = recheck(list(ready))
    return moved + recheck_ineligible_waiting(limit=limit) + _flag_changed(limit=limit)


def recheck_ineligible_waiting(*, limit: int) -> int:
    """Send applications that wait for a bill or a payment of a line that is no longer eligible to a reviewer; returns
    how many."""
    waiting = Application.objects.filter(
        _NO_LONGER_ELIGIBLE, status__in=(Status.WAITING_FOR_BILL, Status.ON_HOLD_UNPAID)
    )
    return recheck(list(waiting.order_by("id").values_list("id", flat=True)[:limit]))


def recheck_accounts(account_ids: Iterable[uuid.UUID]) -> int:
    """Continue applications whose bank has answered about these accounts; returns how many changed their state."""
    waiting = Application.objects.filter(account__in=list(account_ids), status=Status.SUBMITTED)
    return recheck(list(waiting.order_by("id").values_list("id", flat=True)))


def recheck_settled(*, limit: int = 500) -> int:
    """Continue applications whose bank answered while no task continued them; returns how many changed their state."""
    stuck = Application.objects.filter(status=Status.SUBMITTED).exclude(
        account__holder_check__outcome__in=HolderCheck.UNSETTLED
    )
    return recheck(list(stuck.order_by("id").values_list("id", flat=True)[:limit]))


def mark_returned(*, application_ids: Iterable[int], code: str, actor: str) -> int:
    """Ask for another account, because the bank returned the payments of these applications for a fault of theirs.

    Payouts calls it in its own transaction, with at most thousands at a time, and queues the messages. Returns how many
    applications it concerned.
    """
    rows = list(
        Application.objects.select_for_update(of=("self",))
        .select_related("line")
        .filter(pk__in=list(application_ids), status=Status.APPROVED)
        .order_by("id")
    )
    now, reason = clock.now(), f"RETURNED_{code}"[:40]
    Application.objects.filter(pk__in=[row.pk for row in rows]).update(status=Status.NEED_ACCOUNT, status_since=now)
    Decision.objects.bulk_create(
        Decision(
            application=row,
            from_status=Status.APPROVED,
            to_status=Status.NEED_ACCOUNT,
            actor=actor,
            code=reason,
            decided_at=now,
        )
        for row in rows
    )
    audit.record_all(
        actor=actor,
        action="application.returned",
        subjects={f"application:{row.pk}": row.line.customer_id for row in rows},
        detail={"code": code},
    )
    return len(rows)


def _flag_changed(*, limit: int) -> int:
    """Flag approvals whose line is no longer eligible, and take the flag from those whose line is eligible again."""
    changed = Application.objects.filter(status=Status.APPROVED).exclude(flag=SHARED_ACCOUNT)
    count = 0
    for wanted, rows in (
        (VERDICT_CHANGED, changed.filter(_NO_LONGER_ELIGIBLE, flag="")),
        ("", changed.filter(flag=VERDICT_CHANGED).exclude(_NO_LONGER_ELIGIBLE)),
    ):
        for pk in list(rows.order_by("id").values_list("id", flat=True)[:limit]):
            with transaction.atomic():
                row = Application.objects.select_for_update(of=("self",)).select_related("line").get(pk=pk)
                row.flag = wanted
                row.save(update_fields=["flag"])
                promise.refresh([pk], cause=VERDICT_CHANGED)
                _record(row, "application.flagged" if wanted else "application.flag_removed", reason=wanted)
            count += 1
    return count


def _record(
    row: Application, action: str, *, actor: str = "system", reason: str = "", detail: dict | None = None
) -> None:
    audit.record(
        actor=actor,
        action=action,
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
        reason=reason,
        detail=detail,
    )
