"""The settlement sheet for finance: rounds, items with their results, corrections. No name and no account number.

It is written row by row: half a million items take no more memory than a page. Every text is stored as text, so that
none runs as a formula.
"""

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from openpyxl import Workbook

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds import banks
from refunds.bankfiles.returns import return_reason
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.items import Item
from refunds.payouts import sheets
from refunds.payouts.copy_out import copy_rows
from refunds.payouts.guards import require_permission, require_reason

STATES = (Item.Status.PAID, Item.Status.RETURNED, Item.Status.UNKNOWN, Item.Status.FILED, Item.Status.QUEUED)


def write_sheet(*, to: Any, user: User, reason: str, batch_id: int | None = None) -> str:
    """Write the sheet of one round, or of all, into the file object `to` and record the download; returns its name.

    Raises Refused: ROLE, REASON.
    """
    require_permission(user, "payouts.download_settlement")
    reason = require_reason(reason)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # All sheets of the workbook read one snapshot of the tables, within 15 minutes.
            if not connection.savepoint_ids:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL statement_timeout = '15min'")
        batches = Batch.objects.exclude(status=Batch.Status.OPEN).order_by("pay_on")
        if batch_id is not None:
            batches = batches.filter(pk=batch_id)
        book = Workbook(write_only=True)
        _rounds(book, batches)
        _items(book, batches)
        _corrections(book, batches if batch_id is not None else None)
        if batch_id is None:
            _offline(book)
        book.save(to)
        only = batches.first() if batch_id is not None else None
        audit.record(
            actor=audit.actor(user),
            action="settlement.taken",
            object=f"batch:{only.pay_on}" if only else "batches",
            reason=reason,
            detail={"count": Item.objects.filter(batch__in=batches).count(), "filters": ["batch"] if only else []},
        )
    return f"settlement-{only.pay_on if only else clock.today():%Y%m%d}.xlsx"


def by_state(batches: Any) -> list[tuple[Batch, dict[str, tuple[int, int]]]]:
    """(count, won) of each state, by round; the states add up to the frozen figures."""
    by_batch = []
    for batch in batches.annotate(
        **{f"n_{code}": Count("items", filter=Q(items__status=code)) for code in STATES},
        **{f"w_{code}": Sum("items__amount_krw", filter=Q(items__status=code)) for code in STATES},
    ):
        sums = {str(code): (getattr(batch, f"n_{code}"), getattr(batch, f"w_{code}") or 0) for code in STATES}
        by_batch.append((batch, sums))
    return by_batch


def _rounds(book: Workbook, batches: Any) -> None:
    page = book.create_sheet(_("회차"))
    heads = [_("지급일"), _("회차"), _("상태"), _("건수"), _("합계(원)")]
    for code in STATES:
        label = str(Item.Status(code).label)
        heads += [f"{label} {_('건수')}", f"{label} {_('합계(원)')}"]
    sheets.head(page, heads)
    total = [0] * (2 + 2 * len(STATES))
    for batch, sums in by_state(batches):
        figures = [batch.count or 0, batch.won or 0, *(part for code in STATES for part in sums[code])]
        total = [a + b for a, b in zip(total, figures, strict=True)]
        page.append(sheets.cells(page, [batch.pay_on, batch.number, str(batch.get_status_display()), *figures]))
    page.append(sheets.cells(page, [_("모두"), "", "", *total]))


def _items(book: Workbook, batches: Any) -> None:
    page = book.create_sheet(_("건별"))
    sheets.head(
        page,
        [
            _("지급일"),
            _("관리번호"),
            _("종류"),
            _("접수번호"),
            _("계약번호"),
            _("은행"),
            _("금액(원)"),
            _("상태"),
            _("은행 사유"),
            _("상태 변경"),
            _("은행 파일"),
        ],
    )
    query = """
        SELECT b.pay_on, i.reference, i.kind, f.reference, i.contract_no, c.bank_code, i.amount_krw, i.status, i.code,
               to_char(i.status_at AT TIME ZONE 'Asia/Seoul', 'YYYY-MM-DD HH24:MI:SS'), file.name
        FROM refunds_item i
        JOIN refunds_batch b ON b.id = i.batch_id
        JOIN refunds_application a ON a.id = i.application_id
        JOIN refunds_filing f ON f.id = a.filing_id
        JOIN refunds_account c ON c.id = i.account_id
        LEFT JOIN refunds_bank_file file ON file.id = i.file_id
        WHERE i.status <> 'VOID' AND i.batch_id = ANY(%s)
        ORDER BY b.pay_on, i.id
    """
    kinds, states = dict(Item.Kind.choices), dict(Item.Status.choices)
    count = won = 0
    for pay_on, reference, kind, filing, contract, bank, amount, status, code, at, file in copy_rows(
        query, [list(batches.values_list("pk", flat=True))]
    ):
        count += 1
        won += int(amount)
        why = return_reason(code) if status == Item.Status.RETURNED else ""
        day, when = dt.date.fromisoformat(pay_on), dt.datetime.fromisoformat(at)
        texts = [str(kinds[kind]), filing, contract, banks.name(bank)]
        page.append(sheets.cells(page, [day, reference, *texts, int(amount), str(states[status]), why, when, file]))
    page.append(sheets.cells(page, [_("모두"), "", "", "", _("%(count)s건") % {"count": f"{count:,}"}, "", won]))


def _corrections(book: Workbook, batches: Any) -> None:
    page = book.create_sheet(_("정정"))
    sheets.head(
        page,
        [_("접수번호"), _("계약번호"), _("종류"), _("금액(원)"), _("상태"), _("낸 때"), _("정한 때"), _("이유")],
    )
    adjustments = Adjustment.objects.select_related("application__filing").order_by("pk")
    if batches is not None:
        adjustments = adjustments.filter(application__items__batch__in=batches).distinct()
    for row in adjustments:
        when = [at.astimezone(clock.KST).replace(tzinfo=None) if at else "" for at in (row.proposed_at, row.decided_at)]
        cells = [row.application.filing.reference, row.application.line_id, str(row.get_cause_display())]
        page.append(sheets.cells(page, [*cells, row.amount_krw, str(row.get_status_display()), *when, row.reason]))


def _offline(book: Workbook) -> None:
    """Offline payments; the sum is that of the confirmed ones."""
    page = book.create_sheet(_("따로 보낸 지급"))
    heads = [_("보낸 날"), _("접수번호"), _("계약번호"), _("보낸 방법"), _("영수증 번호"), _("금액(원)"), _("상태")]
    sheets.head(page, [*heads, _("적은 때"), _("확인한 때")])
    won = 0
    for row in OfflinePayment.objects.select_related("application__filing").order_by("pk"):
        won += row.amount_krw if row.status == OfflinePayment.Status.CONFIRMED else 0
        when = [at.astimezone(clock.KST).replace(tzinfo=None) if at else "" for at in (row.recorded_at, row.decided_at)]
        cells = [row.application.filing.reference, row.application.line_id, str(row.get_way_display()), row.reference]
        page.append(sheets.cells(page, [row.paid_on, *cells, row.amount_krw, str(row.get_status_display()), *when]))
    page.append(sheets.cells(page, [_("지급됨"), "", "", "", "", won]))
