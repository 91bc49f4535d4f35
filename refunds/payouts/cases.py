"""Single applications: holds, corrections of paid refunds, money claimed back.

No correction passes the balance (`refunds.balance`), except by exception.
"""

import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds import balance
from refunds.balance import Balance
from refunds.models.applications import Application, Objection
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts.guards import (
    Refused,
    get_case,
    is_maker,
    person_of,
    record_act,
    require_permission,
    require_reason,
)
from refunds.promise import service as promise


def hold(*, application_id: int, user: User, reason: str) -> Hold:
    """Keep an application out of the rounds until it is released.

    A frozen item blocks the approval and the hand-over; once it is at the bank it stands on the list of exceptions
    (D-66, `stops`).

    Raises Refused: ROLE, REASON, STATE, OWN_CASE.
    """
    require_permission(user, "payouts.hold_application")
    reason = require_reason(reason)
    with transaction.atomic():
        row = get_case(application_id, user)
        if row.holds.filter(released_at=None).exists():
            raise Refused("STATE", _("이미 보류된 신청입니다."))
        placed = Hold.objects.create(application=row, reason=reason, placed_by=user, placed_at=clock.now())
        promise.refresh([row.pk], cause="HELD")
        record_act(user, "application.held", None, reason=reason, application=row)
    return placed


def release(*, application_id: int, user: User, reason: str) -> None:
    """Release a held application. Raises Refused: ROLE, REASON, STATE, OWN_CASE."""
    require_permission(user, "payouts.hold_application")
    reason = require_reason(reason)
    with transaction.atomic():
        row = get_case(application_id, user)
        if not row.holds.filter(released_at=None).update(released_by=user, released_at=clock.now()):
            raise Refused("STATE", _("보류된 신청이 아닙니다."))
        promise.refresh([row.pk], cause="RELEASED")
        record_act(user, "application.released", None, reason=reason, application=row)


def amount_left(row: Application, of: Balance, cause: str) -> int:
    """Won that a correction for this cause may move: still due and not promised, or sent too much and not claimed.

    Before the refund itself is on its way nothing is left to a correction: the refund takes it.
    """
    if cause == Adjustment.Cause.OVERPAID:
        return of.claimable
    on_its_way = row.items.filter(kind=Item.Kind.REFUND, status__in=Item.HOLDING).exists() or of.outside
    return of.payable if on_its_way else 0


def _limit(row: Application, cause: str, amount_krw: int, *, by_exception: bool) -> int:
    """Won that the balance leaves to a correction (D-63).

    Raises Refused BALANCE for more than that without an exception, AMOUNT for a claim of more than was ever sent.
    """
    of = balance.of(row.pk)
    left = amount_left(row, of, cause)
    if cause == Adjustment.Cause.OVERPAID and amount_krw > of.kept - of.claimed:
        raise Refused("AMOUNT", _("입금된 금액보다 많이 돌려받을 수 없습니다."))
    if amount_krw > left and not by_exception:
        raise Refused(
            "BALANCE",
            _("잔액은 %(left)s원까지입니다. 더 많으면 심사 책임이 예외로 내야 합니다.") % {"left": f"{left:,}"},
        )
    return left


def propose_adjustment(
    *, application_id: int, amount_krw: int, user: User, reason: str, cause: str = Adjustment.Cause.UNDERPAID
) -> Adjustment:
    """Propose a correction of a refund: pay `amount_krw` more, or claim it back (OVERPAID); never beyond the balance.

    Raises Refused: ROLE, PERSON, REASON, STATE, AMOUNT, BALANCE, OWN_CASE.
    """
    require_permission(user, "payouts.propose_adjustment")
    if cause == Adjustment.Cause.OBJECTION:
        raise Refused("ROLE", _("이의에 따른 정정은 심사 책임이 예외로 냅니다."))
    return _propose(application_id=application_id, amount_krw=amount_krw, user=user, reason=reason, cause=cause)


def propose_exception(
    *,
    application_id: int,
    amount_krw: int,
    user: User,
    reason: str,
    cause: str = Adjustment.Cause.UNDERPAID,
    objection_id: uuid.UUID | None = None,
) -> Adjustment:
    """Propose a correction that may pass the balance: by a supervisor, its amount typed again by the checker.

    `objection_id` is the upheld objection whose difference it pays (D-72); it has one correction.
    Raises Refused: ROLE, PERSON, REASON, STATE, AMOUNT, OWN_CASE.
    """
    require_permission(user, "payouts.propose_exception")
    return _propose(
        application_id=application_id,
        amount_krw=amount_krw,
        user=user,
        reason=reason,
        cause=cause,
        by_exception=True,
        objection_id=objection_id,
    )


def _propose(
    *,
    application_id: int,
    amount_krw: int,
    user: User,
    reason: str,
    cause: str,
    by_exception: bool = False,
    objection_id: uuid.UUID | None = None,
) -> Adjustment:
    person, reason = person_of(user), require_reason(reason)
    if amount_krw <= 0:
        raise Refused("AMOUNT", _("금액은 1원 이상이어야 합니다."))
    with transaction.atomic():
        row = get_case(application_id, user)
        if by_exception and cause != Adjustment.Cause.OVERPAID:
            if row.status != Status.APPROVED:
                raise Refused("STATE", _("승인된 신청만 예외로 더 드릴 수 있습니다."))
        elif not is_paid(row):
            raise Refused("STATE", _("환급이 입금된 신청만 정정할 수 있습니다."))
        if row.adjustments.filter(status=Adjustment.Status.PROPOSED).exists():
            raise Refused("STATE", _("승인을 기다리는 정정이 이미 있습니다."))
        if objection_id and not settles(row).filter(pk=objection_id).exists():
            raise Refused("STATE", _("받아들인 이의가 아니거나 이미 정정을 낸 이의입니다."))
        _limit(row, cause, amount_krw, by_exception=by_exception)
        adjustment = Adjustment.objects.create(
            application=row,
            cause=cause,
            amount_krw=amount_krw,
            reason=reason,
            by_exception=by_exception,
            objection_id=objection_id,
            proposed_by=user,
            proposed_person=person,
            proposed_at=clock.now(),
        )
        record_act(
            user,
            "adjustment.proposed",
            None,
            reason=reason,
            application=row,
            amount=amount_krw,
            cause=cause,
            by_exception=by_exception,
        )
    return adjustment


def is_paid(row: Application) -> bool:
    """True if the refund of an application was paid by the bank or outside the rounds, and did not come back."""
    return (
        row.items.filter(kind=Item.Kind.REFUND, status=Item.Status.PAID).exists()
        or row.offline_payments.filter(status=OfflinePayment.Status.CONFIRMED).exists()
    )


def settles(row: Application) -> QuerySet[Objection]:
    """Upheld objections about the amount of an application that no correction settles yet (D-72)."""
    return objections_to_settle().filter(application=row)


def objections_to_settle() -> QuerySet[Objection]:
    """Upheld objections with a difference that no correction pays yet, the earliest answered first (D-72)."""
    settled = Adjustment.objects.filter(objection=OuterRef("pk")).exclude(status=Adjustment.Status.DECLINED)
    return (
        Objection.objects.filter(
            ~Exists(settled),
            status=Objection.Status.UPHELD,
            difference_krw__gt=0,
            application__status=Status.APPROVED,
        )
        .select_related("application__filing", "line__customer")
        .order_by("answered_at")
    )


def decide_adjustment(
    *, adjustment_id: int, user: User, approve: bool, reason: str = "", typed_krw: int | None = None
) -> Adjustment:
    """Approve or decline a correction, by another person.

    Approved money goes out in the next round, an overpayment is claimed back. The balance is asked again; an exception
    needs its amount typed (`typed_krw`). An approved correction that no item carries may still be declined.
    Raises Refused: ROLE, PERSON, STATE, SAME_PERSON, OWN_CASE, REASON, AMOUNT, BALANCE, TOTAL.
    """
    require_permission(user, "payouts.decide_adjustment")
    person = person_of(user)
    if not approve:
        reason = require_reason(reason)
    with transaction.atomic():
        get_case(Adjustment.objects.values_list("application_id", flat=True).get(pk=adjustment_id), user)
        row = (
            Adjustment.objects.select_for_update(of=("self",)).select_related("application__line").get(pk=adjustment_id)
        )
        if not is_open(row, approve=approve):
            raise Refused("STATE", _("이미 정해진 건입니다."))
        if is_maker(user, row.proposed_by_id, row.proposed_person):
            raise Refused("SAME_PERSON", _("낸 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        if approve:
            row.allowed_krw = _limit(row.application, row.cause, row.amount_krw, by_exception=row.by_exception)
            if row.by_exception and typed_krw != row.amount_krw:
                raise Refused("TOTAL", _("적으신 금액이 정정 금액과 다릅니다."))
        claims_back = row.cause == Adjustment.Cause.OVERPAID
        approved_status = Adjustment.Status.CLAIMED if claims_back else Adjustment.Status.APPROVED
        row.status = approved_status if approve else Adjustment.Status.DECLINED
        row.decided_by, row.decided_person, row.decided_at = user, person, clock.now()
        row.save(update_fields=["status", "allowed_krw", "decided_by", "decided_person", "decided_at"])
        promise.refresh([row.application_id], cause="CORRECTION")
        action = "adjustment.approved" if approve else "adjustment.declined"
        record_act(user, action, None, reason=reason, application=row.application, amount=row.amount_krw)
    return row


def is_open(row: Adjustment, *, approve: bool) -> bool:
    """True if a correction may be approved, or declined: also an approved one that no item carries."""
    if row.status == Adjustment.Status.PROPOSED:
        return True
    carried = row.items.filter(status__in=Item.HOLDING).exists()
    return not approve and row.status == Adjustment.Status.APPROVED and not carried


def recovered(*, adjustment_id: int, user: User, reason: str) -> Adjustment:
    """Record that money claimed back has arrived. Raises Refused: ROLE, REASON, STATE, OWN_CASE."""
    require_permission(user, "payouts.record_recovery")
    reason = require_reason(reason)
    with transaction.atomic():
        application = get_case(Adjustment.objects.values_list("application_id", flat=True).get(pk=adjustment_id), user)
        row = Adjustment.objects.select_for_update().get(pk=adjustment_id)
        if row.status != Adjustment.Status.CLAIMED:
            raise Refused("STATE", _("돌려받기로 한 건이 아닙니다."))
        row.status, row.recovered_at = Adjustment.Status.RECOVERED, clock.now()
        row.save(update_fields=["status", "recovered_at"])
        record_act(user, "adjustment.recovered", None, reason=reason, application=application, amount=row.amount_krw)
    return row
