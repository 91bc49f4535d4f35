"""Single applications: holds, corrections of paid refunds, money claimed back."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Bill
from eligibility.rules.verdict import refundable_of
from kt_remedy.core import clock, programme
from kt_remedy.staff.models import User
from refunds.models.applications import Application
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.models.items import Item
from refunds.payouts.guards import (
    Refused,
    get_case,
    is_maker,
    person_of,
    record_act,
    require_permission,
    require_reason,
)


@dataclass(frozen=True, slots=True)
class Balance:
    """Won that the bills of one line give its holder in all, and won paid so far."""

    owed: int
    paid: int

    @property
    def difference(self) -> int:
        """Won still owed if positive, won paid too much if negative."""
        return self.owed - self.paid


def balance(application: Application) -> Balance:
    """Won owed by the bills as they are now, and won paid by the portal. Refunds outside it reduce the debt (D-23)."""
    items = programme.current().waiver.refundable_items
    bills = register.bill_facts(Bill.objects.filter(line=application.line_id, item__in=items))
    paid = application.items.filter(status=Item.Status.PAID).aggregate(won=Sum("amount_krw"))["won"] or 0
    offline = application.offline_payments.filter(status=OfflinePayment.Status.CONFIRMED)
    paid += offline.aggregate(won=Sum("amount_krw"))["won"] or 0
    return Balance(sum(refundable_of(bill) for bill in bills), paid)


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
        record_act(user, "application.released", None, reason=reason, application=row)


def propose_adjustment(
    *, application_id: int, amount_krw: int, user: User, reason: str, cause: str = Adjustment.Cause.UNDERPAID
) -> Adjustment:
    """Propose a correction of a paid refund: pay `amount_krw` more, or claim it back (OVERPAID, at most the paid sum).

    Raises Refused: ROLE, PERSON, REASON, STATE, AMOUNT, OWN_CASE.
    """
    require_permission(user, "payouts.propose_adjustment")
    person, reason = person_of(user), require_reason(reason)
    if amount_krw <= 0:
        raise Refused("AMOUNT", _("금액은 1원 이상이어야 합니다."))
    with transaction.atomic():
        row = get_case(application_id, user)
        if not row.items.filter(kind=Item.Kind.REFUND, status=Item.Status.PAID).exists():
            raise Refused("STATE", _("환급이 입금된 신청만 정정할 수 있습니다."))
        if row.adjustments.filter(status=Adjustment.Status.PROPOSED).exists():
            raise Refused("STATE", _("승인을 기다리는 정정이 이미 있습니다."))
        paid = row.items.filter(status=Item.Status.PAID).aggregate(won=Sum("amount_krw"))["won"]
        if cause == Adjustment.Cause.OVERPAID and amount_krw > paid:
            raise Refused("AMOUNT", _("입금된 금액보다 많이 돌려받을 수 없습니다."))
        adjustment = Adjustment.objects.create(
            application=row,
            cause=cause,
            amount_krw=amount_krw,
            reason=reason,
            proposed_by=user,
            proposed_person=person,
            proposed_at=clock.now(),
        )
        record_act(user, "adjustment.proposed", None, reason=reason, application=row, amount=amount_krw, cause=cause)
    return adjustment


def decide_adjustment(*, adjustment_id: int, user: User, approve: bool, reason: str = "") -> Adjustment:
    """Approve or decline a correction, by another person. Approved money goes out in the next round; an overpayment is
    claimed back. Raises Refused: ROLE, PERSON, STATE, SAME_PERSON, OWN_CASE, REASON."""
    require_permission(user, "payouts.decide_adjustment")
    person = person_of(user)
    if not approve:
        reason = require_reason(reason)
    with transaction.atomic():
        get_case(Adjustment.objects.values_list("application_id", flat=True).get(pk=adjustment_id), user)
        row = (
            Adjustment.objects.select_for_update(of=("self",)).select_related("application__line").get(pk=adjustment_id)
        )
        if row.status != Adjustment.Status.PROPOSED:
            raise Refused("STATE", _("이미 정해진 건입니다."))
        if is_maker(user, row.proposed_by_id, row.proposed_person):
            raise Refused("SAME_PERSON", _("낸 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        claims_back = row.cause == Adjustment.Cause.OVERPAID
        approved_status = Adjustment.Status.CLAIMED if claims_back else Adjustment.Status.APPROVED
        row.status = approved_status if approve else Adjustment.Status.DECLINED
        row.decided_by, row.decided_person, row.decided_at = user, person, clock.now()
        row.save(update_fields=["status", "decided_by", "decided_person", "decided_at"])
        action = "adjustment.approved" if approve else "adjustment.declined"
        record_act(user, action, None, reason=reason, application=row.application, amount=row.amount_krw)
    return row


def recovered(*, adjustment_id: int, user: User, reason: str) -> Adjustment:
    """Record that money claimed back has arrived. Raises Refused: ROLE, REASON, STATE, OWN_CASE."""
    require_permission(user, "payouts.record_recovery")
    reason = require_reason(reason)
    with transaction.atomic():
        application = get_case(Adjustment.objects.values_list("application_id", flat=True).get(pk=adjustment_id), user)
        row = Adjustment.objects.select_for_update().get(pk=adjustment_id)
        if row.status != Adjustment.Status.CLAIMED:
            raise Refused("STATE", _("돌려받기로 한 건이 아닙니다."))
        row.status = Adjustment.Status.RECOVERED
        row.save(update_fields=["status"])
        record_act(user, "adjustment.recovered", None, reason=reason, application=application, amount=row.amount_krw)
    return row
