"""Orders to make files for the bank: a person gives the order, a worker makes the file.

Writing the file of half a million payments takes longer than a page may. The page of the batch shows the open order,
and the reason if it was refused.
"""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, switches
from kt_remedy.core.models import Switch
from kt_remedy.staff.models import User
from refunds.models.bank_files import BankFile, FileOrder
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import files
from refunds.payouts.guards import Refused, lock_batch, record_act, require_permission

# The sentences of refused orders; the page words them in the reader's language.
_REFUSALS: dict[str, Any] = {
    "ROLE": gettext_lazy(
        "파일을 만들게 한 분이 이제 이 일을 맡고 있지 않아 만들지 않았습니다. 지금 맡은 사람이 다시 만들어 주세요."
    ),
    "STATE": gettext_lazy(
        "그사이 상태가 바뀌어 파일을 만들지 않았습니다. 지금 상태를 보고 필요하면 다시 만들어 주세요."
    ),
    "CHANGED": gettext_lazy("승인한 내용과 달라 파일을 만들지 않았습니다. 다시 열고 새로 확정해 승인받아 주세요."),
    "LINES": gettext_lazy(
        "%(reference)s: 이 양식에 쓸 수 없어 파일을 만들지 않았습니다. 이 건을 빼고 다시 확정해 주세요. (%(why)s)"
    ),
}


def order_files(*, batch_id: int, user: User) -> FileOrder:
    """Order the file of an approved batch; a worker makes it within seconds. Raises Refused: ROLE, STATE."""
    require_permission(user, "payouts.create_file")
    _refuse_second(batch_id)
    with transaction.atomic():
        batch = lock_batch(batch_id)
        files.require_approved(batch)
        order = _order(batch, None, user)
        record_act(user, "batch.file_ordered", batch)
    return order


def order_replacement(*, file_id: int, user: User) -> FileOrder:
    """Order a new part with the items of a file that the bank refused whole. Raises Refused: ROLE, STATE."""
    require_permission(user, "payouts.create_file")
    batch_id = BankFile.objects.values_list("batch_id", flat=True).get(pk=file_id)
    _refuse_second(batch_id)
    with transaction.atomic():
        batch = lock_batch(batch_id)
        file = BankFile.objects.get(pk=file_id)
        files.refused_items(file)
        order = _order(batch, file, user)
        record_act(user, "file.ordered_again", batch, part=file.part)
    return order


def open_orders() -> QuerySet[FileOrder]:
    """Orders that no worker has carried out."""
    return FileOrder.objects.filter(done_at=None)


def due_orders() -> QuerySet[FileOrder]:
    """The open orders; none while files for the bank are stopped."""
    return switches.running(open_orders(), Switch.Code.BANK_FILES)


def make(order: FileOrder) -> None:
    """Make the ordered file for the person who ordered it, and end the order, in one transaction.

    A refusal (ROLE, STATE, CHANGED, LINES) ends the order too; its code is kept. Safe to run twice.
    """
    try:
        with transaction.atomic():
            lock_batch(order.batch_id)
            if not _end(order):  # the batch was opened again
                return
            if order.replaces_id:
                files.replace_refused_file(file_id=order.replaces_id, user=order.ordered_by)
            else:
                files.create_files(batch_id=order.batch_id, user=order.ordered_by)
    except Refused as refused:
        _end(order, refusal_code=refused.code, refusal_values=refused.values)


def last_order(batch: Batch) -> FileOrder | None:
    """The last order of an approved batch if it is open, or was refused and the file is still missing."""
    if batch.approved_at is None:
        return None
    order = batch.file_orders.filter(ordered_at__gte=batch.approved_at).select_related("ordered_by").last()
    if order is None or order.done_at is None:
        return order
    missing = (
        Item.objects.filter(file=order.replaces_id, status=Item.Status.FILED).exists()
        if order.replaces_id
        else batch.status == Batch.Status.APPROVED
    )
    return order if order.refusal_code and missing else None


def refusal(order: FileOrder) -> str:
    """Why a file was not made and what to do next, in the reader's language; "" for an order that was not refused."""
    return str(_REFUSALS[order.refusal_code]) % order.refusal_values if order.refusal_code else ""


def _refuse_second(batch_id: int) -> None:
    """Raises Refused STATE while a file of the batch is being made."""
    if open_orders().filter(batch=batch_id).exists():
        raise Refused("STATE", _("이 회차의 파일을 이미 만들고 있습니다. 다 되면 회차 화면에 나타납니다."))


def _order(batch: Batch, replaces: BankFile | None, user: User) -> FileOrder:
    _refuse_second(batch.pk)
    return FileOrder.objects.create(batch=batch, replaces=replaces, ordered_by=user, ordered_at=clock.now())


def _end(order: FileOrder, **outcome: Any) -> bool:
    return bool(open_orders().filter(pk=order.pk).update(done_at=clock.now(), **outcome))
