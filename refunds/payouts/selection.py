"""The selection of a round: applications, amounts and reasons of exclusion, in one SQL statement for every reader.

The projection counts with it and the freeze copies from it, so the announcement and the batch agree. It reads only. It
also holds the digests and the refundable amount in SQL; the independent check has its own in Python on purpose.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.programme import Programme
from refunds.calendar import next_business_day
from refunds.models.item_states import HOLDING_SQL
from refunds.models.states import Status

# Reasons of exclusion: states of the application first, then the obstacles of an approved one.
REASONS: dict[str, Any] = {
    Status.SUBMITTED: _("예금주를 아직 확인 못 함"),
    Status.REVIEW: _("심사 중"),
    Status.LATE: _("기간 뒤 접수, 심사 중"),
    Status.NEED_DOCS: _("서류를 기다림"),
    Status.NEED_ACCOUNT: _("계좌를 고쳐야 함"),
    Status.WAITING_FOR_BILL: _("청구서가 아직 안 나옴"),
    Status.ON_HOLD_UNPAID: _("요금을 아직 다 안 내심"),
    "TAKEN_OUT": _("이번 회차에서 뺌"),
    "HELD": _("사람이 보류함"),
    "ACCOUNT_CHANGED": _("계좌를 바꾼 뒤 기다리는 중"),
    "AFTER_CUT_OFF": _("마감 뒤에 승인됨"),
    "VERDICT_CHANGED": _("판정이 바뀜"),
    "UNPAID": _("납부가 취소됨"),
    "ACCOUNT_WIPED": _("계좌번호가 지워짐"),
    "BANK_LAYOUT": _("은행 이체 양식에 쓸 수 없는 이름이나 계좌"),
    "OFFLINE": _("한국 계좌가 없어 따로 보냄"),
    "AMOUNT_MISMATCH": _("금액이 청구 자료와 다름"),
    "NOTHING_DUE": _("돌려드릴 금액 없음"),
}

# Won of one bill row `b` that belong to the customer (D-23); `eligibility.rules.verdict.refundable_of` is the rule
# itself.
REFUNDABLE = "GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw)"

# Obstacles that can arise after the freeze too (`stops`): a hold, a line that is no longer eligible, a payment that was
# taken back. `STANDING` is the outcome of line `l` that counts; of application `a` (or `d`) `reviewed` is read.
HELD = "EXISTS (SELECT FROM refunds_hold h WHERE h.application_id = {} AND h.released_at IS NULL)"
STANDING = "COALESCE(NULLIF(l.decided_outcome, ''), l.outcome)"
VERDICT_CHANGED = "({0} IN ('NOT_ELIGIBLE', 'NOTHING_DUE') OR {0} = 'REVIEW' AND NOT reviewed)"
# The bank's layout cannot hold a payment to the account {}; the parameter is the layout (`bank_layout.judge_waiting`).
BANK_LAYOUT = (
    "EXISTS (SELECT FROM refunds_holder_check hc WHERE hc.account_id = {} AND hc.layout_fault <> '' AND hc.layout = %s)"
)
UNPAID = "l.reasons ~ '(^|;)UNPAID(;|$)'"

# A digest over every bill row `b` of a line, in the order of its key.
BILLS_DIGEST = """sha256(convert_to(string_agg(
    concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'), b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
    E'\\n' ORDER BY b.item COLLATE "C", b.billed_on), 'UTF8'))"""

# A digest over the content of one item.
ITEM_DIGEST = """sha256(convert_to(concat_ws('|', reference, kind, application_id, account_id, amount, attempt,
    encode(bills_digest, 'hex')), 'UTF8'))"""


@dataclass(frozen=True, slots=True)
class Selection:
    """The parameters of one round. `after` excludes applications of the rounds up to that day (for projections)."""

    pay_on: dt.date
    cut_off: dt.datetime
    batch_id: int | None = None
    after: dt.date | None = None
    last: bool = False


def _wanted(programme: Programme) -> tuple[str, list[Any]]:
    """SQL of the pay day the programme's table names for line `l` and application `a` (`calendar.table_pay_day`)."""
    if not programme.payouts:
        return "NULL::date", []
    cases, params = [], []
    for row in programme.payouts:
        cases.append(
            "WHEN LEAST(l.terminated_on, %s::date) BETWEEN %s AND %s AND a.applied_on BETWEEN %s AND %s THEN %s::date"
        )
        params += [
            programme.waiver.terminated_to,
            row.terminated_from,
            row.terminated_to,
            row.applied_from,
            row.applied_to,
            next_business_day(row.pay_on),
        ]
    return f"CASE {' '.join(cases)} END", params


def round_select(selection: Selection, programme: Programme) -> tuple[str, list[Any]]:
    """SELECT application_id, account_id, contract_no, amount, bills_digest, reason; the reason is NULL for a payment.

    `bills_digest` covers every bill row of the line as it is now, `amount` is the customer's share of them in won
    (D-23). An amount that differs from the judged one is not paid: AMOUNT_MISMATCH.
    """
    wanted, wanted_params = _wanted(programme)
    pay_day_condition = (
        "(w.pay_on IS NULL OR w.pay_on <= %s)" if selection.after is None else "w.pay_on > %s AND w.pay_on <= %s"
    )
    due_params = [selection.pay_on] if selection.after is None else [selection.after, selection.pay_on]
    # The last round refunds the paid part of a bill that is still open (D-24).
    unpaid = "false" if selection.last else UNPAID
    text = f"""
    WITH due AS MATERIALIZED (
        SELECT a.id, a.status, a.status_since, a.account_id, a.hold_until, a.reviewed, l.contract_no,
               l.refundable_krw,
               {STANDING} AS standing, {unpaid} AS unpaid
        FROM refunds_application a
        JOIN eligibility_line l ON l.contract_no = a.contract_no
        CROSS JOIN LATERAL (SELECT {wanted} AS pay_on) w
        WHERE a.status NOT IN ('REJECTED', 'WITHDRAWN') AND {pay_day_condition}
          AND NOT EXISTS (
              SELECT FROM refunds_item i
              WHERE i.application_id = a.id AND i.kind = 'REFUND' AND i.status IN {HOLDING_SQL})
          AND NOT EXISTS (
              SELECT FROM refunds_manual_payment m
              WHERE m.application_id = a.id AND m.status = 'CONFIRMED')
    ), bills AS (
        SELECT b.contract_no,
               COALESCE(SUM({REFUNDABLE})
                   FILTER (WHERE b.item = ANY(%s)), 0)::bigint AS amount,
               {BILLS_DIGEST} AS digest
        FROM eligibility_bill b
        WHERE b.contract_no IN (SELECT contract_no FROM due WHERE status = 'APPROVED')
        GROUP BY b.contract_no
    )
    SELECT d.id AS application_id, d.account_id, d.contract_no, bills.amount, bills.digest AS bills_digest,
           d.refundable_krw,
           CASE
               WHEN d.status <> 'APPROVED' THEN d.status
               WHEN EXISTS (
                   SELECT FROM refunds_item i WHERE i.application_id = d.id AND i.batch_id = %s AND i.kind = 'REFUND'
                   AND i.taken_out_because <> '') THEN 'TAKEN_OUT'
               WHEN {HELD.format("d.id")} THEN 'HELD'
               WHEN d.hold_until > %s THEN 'ACCOUNT_CHANGED'
               WHEN d.status_since >= %s THEN 'AFTER_CUT_OFF'
               WHEN {VERDICT_CHANGED.format("d.standing")} THEN 'VERDICT_CHANGED'
               WHEN d.unpaid THEN 'UNPAID'
               WHEN account.bank_code = '000' THEN 'OFFLINE'
               WHEN account.wiped_at IS NOT NULL THEN 'ACCOUNT_WIPED'
               WHEN {BANK_LAYOUT.format("d.account_id")} THEN 'BANK_LAYOUT'
               WHEN COALESCE(bills.amount, 0) <> d.refundable_krw THEN 'AMOUNT_MISMATCH'
               WHEN d.refundable_krw = 0 THEN 'NOTHING_DUE'
           END AS reason
    FROM due d
    JOIN refunds_account account ON account.id = d.account_id
    LEFT JOIN bills ON bills.contract_no = d.contract_no
    """  # noqa: S608  (column names are ours, values are parameters)
    params = [
        *wanted_params,
        *due_params,
        list(programme.waiver.refundable_items),
        selection.batch_id,
        selection.cut_off,
        selection.cut_off,
        settings.BANK_FILE_FORMAT,
    ]
    return text, params


def counts(selection: Selection, programme: Programme) -> list[tuple[str | None, int, int]]:
    """(reason, applications, won) of one round. The reason is None for payments; the other sums are expected."""
    text, params = round_select(selection, programme)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT reason, count(*), COALESCE(sum(refundable_krw), 0)::bigint FROM ({text}) s GROUP BY reason",  # noqa: S608
            params,
        )
        return cursor.fetchall()


def bills_digest(contract_no: str) -> bytes:
    """The digest of the bill rows of one line as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {BILLS_DIGEST} FROM eligibility_bill b WHERE contract_no = %s", [contract_no])  # noqa: S608
        return bytes(cursor.fetchone()[0])
