"""What must be true of the money at any moment (TRUST 1.4): each as a query that finds nothing when all is well.

Those that need nothing but the tables are views of the database, made by a migration, so that whoever has only SQL sees
them too. The rest need the programme or a key and are asked from here.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from kt_remedy import programme
from refunds.payouts import selection, service
from refunds.payouts.models import BankFile, Batch, Chunk
from refunds.payouts.rounds import calendar

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What one invariant found: how many breaches, and the first few by number."""

    code: str
    title: Any
    count: int
    examples: tuple[str, ...]


def verify() -> list[Finding]:
    """Check every invariant and return what each found; reads only, in one snapshot."""
    with transaction.atomic(), connection.cursor() as cursor:
        # In a test the transaction has begun already; there is nobody else to see then.
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL statement_timeout = 0")
        return [_finding(code, title, find) for code, title, find in INVARIANTS]


def _finding(code: str, title: Any, find: Callable[[], Iterable[str]]) -> Finding:
    found = list(find())
    return Finding(code, title, len(found), tuple(found[:_EXAMPLES]))


def _view(name: str) -> Callable[[], list[str]]:
    return lambda: _ask(f"SELECT what FROM {name} ORDER BY what")  # noqa: S608  (a name of this module)


def _ask(text: str, params: list[Any] | None = None) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return [str(row[0]) for row in cursor.fetchall()]


def _forgotten() -> list[str]:
    """I2: approved before the cut-off of the last round, due, in no batch, and no reason was written down."""
    last = Batch.objects.exclude(status=Batch.Status.OPEN).order_by("-pay_on").first()
    if last is None:
        return []
    frame = programme.current()
    final = calendar(frame)[-1].pay_on == last.pay_on
    due, params = selection.sql(selection.Selection(last.pay_on, last.cut_off, last.pk, last=final), frame)
    # Recorded: the reason of this freeze or a later one, or a batch that was opened again and is still to be frozen.
    return _ask(
        f"""
        SELECT 'application ' || application_id FROM ({due}) s
        WHERE reason IS NULL
          AND NOT EXISTS (
              SELECT FROM refunds_left_behind r JOIN refunds_batch b ON b.id = r.batch_id
              WHERE r.application_id = s.application_id AND b.prepared_at >= %s)
          AND NOT EXISTS (
              SELECT FROM refunds_item i JOIN refunds_batch b ON b.id = i.batch_id
              WHERE i.application_id = s.application_id AND i.status = 'VOID' AND b.status = 'OPEN')
        ORDER BY application_id
        """,  # noqa: S608
        [*params, last.prepared_at],
    )


def _changed_bytes() -> Iterable[str]:
    """I4: stored bytes that are not the ones that were made."""
    for file in BankFile.objects.order_by("id"):
        if not Chunk.objects.filter(key=file.message_id).exists():
            continue  # wiped after settlement; its digest stays
        whole = hashlib.sha256()
        for piece in service.stored(file.message_id):
            whole.update(piece)
        if whole.hexdigest() != file.sha256:
            yield f"file {file.name}"


def _other_amount() -> list[str]:
    """I12: an item whose amount is not what the bill rows behind it give. Rows a later feed changed prove nothing."""
    return _ask(
        f"""
        SELECT 'item ' || i.reference FROM refunds_item i
        CROSS JOIN LATERAL (
            SELECT {selection.BILLS_DIGEST} AS digest,
                   COALESCE(SUM(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
                       FILTER (WHERE b.item = ANY(%s)), 0) AS amount
            FROM eligibility_bill b WHERE b.contract_no = i.contract_no) bills
        WHERE i.kind = 'REFUND' AND i.status <> 'VOID' AND bills.digest = i.bills_digest
          AND bills.amount <> i.amount_krw
        ORDER BY i.reference
        """,  # noqa: S608
        [list(programme.current().waiver.refundable_items)],
    )


def _figures() -> list[str]:
    return [*_view("money_i4")(), *_changed_bytes()]


INVARIANTS: tuple[tuple[str, Any, Callable[[], Iterable[str]]], ...] = (
    ("I1", _("한 신청에 살아 있는 지급이 둘 이상"), _view("money_i1")),
    ("I2", _("마감 전에 승인됐는데 회차에도 없고 이유도 없음"), _forgotten),
    ("I4", _("회차나 파일의 건수, 합계, 확인값이 담긴 건과 다름"), _figures),
    ("I5", _("돈의 합이 맞지 않거나, 끝난 신청의 돈이 나감"), _view("money_i5")),
    ("I6", _("없는 길로 움직였거나 기록과 다른 상태"), _view("money_i6")),
    ("I7", _("한 사람이 준비하고 승인했거나 승인 없이 나감"), _view("money_i7")),
    ("I12", _("청구 자료가 주는 금액과 다른 지급"), _other_amount),
)
