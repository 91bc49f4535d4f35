"""The selection of a round: applications, amounts and reasons of exclusion, in one SQL statement for every reader.

The projection counts with it and the freeze copies from it, so the announcement and the batch agree. It reads only. The
amount is the balance's (`refunds.balance`); the independent check has its own in Python on purpose.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.programme import Programme
from refunds.calendar import next_business_day
from refunds.models.item_states import HOLDING_SQL, NOT_BACK_SQL
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
    "RETURN_NOT_BACK": _("되돌아온 돈이 아직 들어오지 않음"),
    "AMOUNT_MISMATCH": _("금액이 청구 자료와 다름"),
    "NOTHING_DUE": _("돌려드릴 금액 없음"),
}

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

# A digest over the content of one item: what it pays, its bill rows, and what the balance counted besides them.
ITEM_DIGEST = """sha256(convert_to(concat_ws('|', reference, kind, application_id, account_id, amount, attempt,
    encode(bills_digest, 'hex'), allowed, movements), 'UTF8'))"""


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
    """SELECT application_id, account_id, contract_no, amount, allowed, movements, bills_digest, attempts,
    refundable_krw, reason.

    The reason is NULL for a payment. `amount` is what the balance leaves to this refund in won: `allowed`, which it
    still owes (D-63), less the approved corrections that leave as items of their own. Bills that give another amount
    than the judged one are not paid: AMOUNT_MISMATCH.
    """
    wanted, wanted_params = _wanted(programme)
    pay_day_condition = (
        "(w.pay_on IS NULL OR w.pay_on <= %s)" if selection.after is None else "w.pay_on > %s AND w.pay_on <= %s"
    )
    due_params = [selection.pay_on] if selection.after is None else [selection.after, selection.pay_on]
    # The last round refunds the paid part of a bill that is still open (D-24).
    unpaid = "false" if selection.last else UNPAID
    text = f"""
    WITH due AS (
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
    )
    SELECT d.id AS application_id, d.account_id, d.contract_no, b.due - b.promised AS amount, b.due AS allowed,
           b.movements, b.bills_digest, b.attempts, d.refundable_krw,
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
               WHEN EXISTS (
                   SELECT FROM refunds_item i WHERE i.application_id = d.id AND {NOT_BACK_SQL}) THEN 'RETURN_NOT_BACK'
               WHEN account.bank_code = '000' THEN 'OFFLINE'
               WHEN account.wiped_at IS NOT NULL THEN 'ACCOUNT_WIPED'
               WHEN {BANK_LAYOUT.format("d.account_id")} THEN 'BANK_LAYOUT'
               WHEN b.owed <> d.refundable_krw THEN 'AMOUNT_MISMATCH'
               WHEN b.due <= b.promised THEN 'NOTHING_DUE'
           END AS reason
    FROM due d
    JOIN refunds_account account ON account.id = d.account_id
    LEFT JOIN refunds_balance b ON b.application_id = d.id AND d.status = 'APPROVED'
    """  # noqa: S608  (column names are ours, values are parameters)
    params = [
        *wanted_params,
        *due_params,
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
            "SELECT reason, count(*),"  # noqa: S608
            " COALESCE(sum(CASE WHEN reason IS NULL THEN amount ELSE refundable_krw END), 0)::bigint"
            f" FROM ({text}) s GROUP BY reason",
            params,
        )
        return cursor.fetchall()
