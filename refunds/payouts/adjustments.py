"""Corrections of refunds that went out wrong, beside proposing and deciding them (`service`): what the bills say now
and money that was claimed back and returned."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Bill
from eligibility.rules.verdict import refundable_of
from kt_remedy.core import programme
from kt_remedy.staff.models import User
from refunds.models.applications import Application
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.items import Item
from refunds.payouts.service import Refused, _case, _need, _note, _reason


@dataclass(frozen=True, slots=True)
class Balance:
    """What one line's bills say its holder is owed in all, and what was paid so far; won."""

    owed: int
    paid: int

    @property
    def difference(self) -> int:
        """Still owed when above zero, paid too much when below."""
        return self.owed - self.paid


def balance(application: Application) -> Balance:
    """What the bills say beside what was paid by the portal. What was given back outside it is taken off (D-23)."""
    items = programme.current().waiver.refundable_items
    bills = register.bill_facts(Bill.objects.filter(line=application.line_id, item__in=items))
    paid = application.items.filter(status=Item.Status.PAID).aggregate(won=Sum("amount_krw"))["won"] or 0
    by_hand = application.offline_payments.filter(status=OfflinePayment.Status.CONFIRMED)
    paid += by_hand.aggregate(won=Sum("amount_krw"))["won"] or 0
    return Balance(sum(refundable_of(bill) for bill in bills), paid)


def recovered(*, adjustment_id: int, user: User, reason: str) -> Adjustment:
    """Say that money claimed back has arrived, and how. Raises Refused: ROLE, REASON, STATE, OWN_CASE."""
    _need(user, "maker")
    reason = _reason(reason)
    with transaction.atomic():
        application = _case(Adjustment.objects.values_list("application_id", flat=True).get(pk=adjustment_id), user)
        row = Adjustment.objects.select_for_update().get(pk=adjustment_id)
        if row.status != Adjustment.Status.CLAIMED:
            raise Refused("STATE", _("돌려받기로 한 건이 아닙니다."))
        row.status = Adjustment.Status.RECOVERED
        row.save(update_fields=["status"])
        _note(user, "adjustment.recovered", None, reason=reason, application=application, amount=row.amount_krw)
    return row
