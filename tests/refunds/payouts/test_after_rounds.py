"""Refunds that no round paid: the list for billing, its files, and what their customers are told (D-94)."""

import io

import openpyxl
import pytest

from kt_remedy.audit.models import AuditEntry
from refunds.models.states import Status
from refunds.payouts import after_rounds, sheets
from refunds.promise import service as promise
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, maker, refused
from tests.refunds.promise import telling


def test_after_the_last_pay_day_each_unpaid_refund_is_listed_and_its_customer_told(at):
    at("2026-06-10T10:00+09:00")
    row = money.due(84_500)
    waiting = make.application(
        make.line(make.customer(), refundable_krw=40_000), status=Status.NEED_ACCOUNT, applied="2026-01-16"
    )
    make.application(make.line(make.customer()), status=Status.WITHDRAWN)
    make.application(make.line(make.customer(), refundable_krw=0, reasons="UNPAID"), status=Status.ON_HOLD_UNPAID)
    promise.refresh([row.pk, waiting.pk], cause="FILED")
    at("2026-06-25T23:59+09:00")
    assert (after_rounds.is_over(), after_rounds.unpaid()) == (False, [])
    refused("EMPTY", after_rounds.export, kind="csv", user=maker(), reason="청구 부서")
    at("2026-06-26T09:00+09:00")
    listed = after_rounds.unpaid()
    assert [(one.application_id, one.won) for one in listed] == [(row.pk, 84_500), (waiting.pk, 40_000)]
    assert promise.refresh_passed() == 2
    assert {message.kind for message in telling.tell()} == {"promise.billing"}
    assert promise.of(row).situation == "CALL"


@pytest.mark.parametrize("kind", list(sheets.MEDIA_TYPES))
def test_the_file_holds_the_list_and_is_recorded_with_its_reason(at, kind):
    at("2026-06-10T10:00+09:00")
    row = money.due(84_500)
    at("2026-06-26T09:00+09:00")
    refused("ROLE", after_rounds.export, kind=kind, user=checker(), reason="청구 부서")
    refused("REASON", after_rounds.export, kind=kind, user=maker(), reason=" ")
    content = after_rounds.export(kind=kind, user=maker(), reason="청구 부서에 넘김")
    if kind == "csv":
        table = [line.split(",") for line in content.decode("utf-8-sig").splitlines()]
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        table = [[str(cell) for cell in line] for line in sheet.iter_rows(values_only=True)]
    assert table[1:] == [[row.filing.reference, row.line_id, "승인", "승인", "84500"]]
    entry = AuditEntry.objects.get(action="settlement.handed_to_billing")
    assert (entry.reason, entry.detail) == ("청구 부서에 넘김", {"count": 1, "won": 84_500, "format": kind})
