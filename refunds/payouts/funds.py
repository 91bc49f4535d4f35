"""What finance has to hold ready: sum and value date of each frozen batch, told by a person outside the portal.

The notice is a row that the freeze writes. Finance has no account here, so the maker passes it on and records to whom.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.calendar import next_business_day
from refunds.models.batches import Batch, FundsNotice
from refunds.payouts.guards import Refused, lock_batch, record_act, require_permission


def write(batch: Batch) -> FundsNotice:
    """Write the notice of a batch that was just frozen, in the transaction of the freeze."""
    return FundsNotice.objects.create(
        batch=batch,
        count=batch.count or 0,
        won=batch.won or 0,
        value_on=next_business_day(batch.pay_on),
        written_at=clock.now(),
    )


def void(batch: Batch) -> None:
    """Void the notice of a batch that is opened again, in that transaction."""
    batch.funds_notices.filter(void_at=None).update(void_at=clock.now())


def untold() -> QuerySet[FundsNotice]:
    """Notices in force that nobody has passed on yet."""
    return FundsNotice.objects.filter(void_at=None, told_at=None)


def tell(*, notice_id: int, user: User, told_to: str) -> FundsNotice:
    """Record that finance was told sum and value date, and who was told. Raises Refused: ROLE, NAME, STATE."""
    require_permission(user, "payouts.tell_finance")
    told_to = told_to.strip()
    if not told_to:
        raise Refused("NAME", _("재무의 누구에게 알렸는지 적어 주세요."))
    with transaction.atomic():
        batch = lock_batch(FundsNotice.objects.values_list("batch_id", flat=True).get(pk=notice_id))
        notice = FundsNotice.objects.select_for_update().get(pk=notice_id)
        if notice.void_at or notice.told_at:
            raise Refused("STATE", _("이미 알렸거나 무효가 된 자금입니다."))
        notice.told_to, notice.told_by, notice.told_at = told_to, user, clock.now()
        notice.save(update_fields=["told_to", "told_by", "told_at"])
        record_act(user, "batch.finance_told", batch, won=notice.won, value_on=notice.value_on.isoformat())
    return notice
