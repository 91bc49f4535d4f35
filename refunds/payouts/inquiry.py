"""Inquiries: lists of payments that the bank has not answered, stored as they were made, settled by its answer.

A payment on a list is never sent again before the bank has answered it (D-40). `answers.stage` takes the answer in any
layout.
"""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Count, Min, Q, Sum
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.bankfiles.inquiry import INQUIRY, InquiryPayment
from refunds.models.bank_files import BankFile, Inquiry
from refunds.models.items import Item
from refunds.payouts.files import require_stored, store_bytes, stored_bytes
from refunds.payouts.guards import Refused, lock_batch, record_act, require_permission, require_reason


def unanswered() -> Any:
    """Payments without an answer of the bank, oldest first."""
    return Item.objects.filter(status=Item.Status.UNKNOWN).select_related("batch", "file", "account").order_by("id")


def files() -> Any:
    """Bank files with unanswered payments, each with `unknown` (count), `unknown_won` and `since`."""
    open_ = Q(items__status=Item.Status.UNKNOWN)
    return (
        BankFile.objects.filter(open_)
        .annotate(unknown=Count("items"), unknown_won=Sum("items__amount_krw"), since=Min("items__status_at"))
        .select_related("batch")
        .order_by("since", "pk")
    )


def create_inquiry(*, file_id: int, user: User) -> Inquiry:
    """Write the list of the unanswered payments of one file and store it. Raises Refused: ROLE, EMPTY."""
    require_permission(user, "payouts.create_inquiry")
    with transaction.atomic():
        batch = lock_batch(BankFile.objects.values_list("batch_id", flat=True).get(pk=file_id))
        file = BankFile.objects.get(pk=file_id)
        rows = [
            InquiryPayment(*row)
            for row in unanswered()
            .filter(file=file)
            .values_list("reference", "account__bank_code", "account__last4", "amount_krw")
        ]
        if not rows:
            raise Refused("EMPTY", _("이 파일에는 은행에 물어볼 건이 없습니다."))
        number = file.inquiries.count() + 1
        name = f"{file.message_id}-Q{number:02}"
        now = clock.now()
        content = INQUIRY.write(
            rows,
            name=name,
            message_id=file.message_id,
            asked_on=clock.kst_date(now),
            execution_on=file.execution_on,
        )
        size, sha256 = store_bytes(name, (content,))
        inquiry = Inquiry.objects.create(
            file=file,
            number=number,
            name=name,
            count=len(rows),
            won=sum(row.amount for row in rows),
            size=size,
            sha256=sha256,
            made_by=user,
            made_at=now,
        )
        record_act(
            user, "inquiry.made", batch, part=file.part, count=inquiry.count, won=inquiry.won, sha256=inquiry.sha256
        )
    return inquiry


def download(*, inquiry_id: int, user: User, reason: str) -> Iterator[bytes]:
    """The stored bytes of a list, after the download was recorded. Raises Refused: ROLE, REASON, GONE."""
    require_permission(user, "payouts.download_inquiry")
    reason = require_reason(reason)
    with transaction.atomic():
        inquiry = Inquiry.objects.select_related("file__batch").get(pk=inquiry_id)
        require_stored(inquiry.name)
        what: dict[str, Any] = {"name": inquiry.name, "sha256": inquiry.sha256}
        what |= {"count": inquiry.count, "filters": ["file"]}
        record_act(user, "inquiry.downloaded", inquiry.file.batch, reason=reason, **what)
    return stored_bytes(inquiry.name)
