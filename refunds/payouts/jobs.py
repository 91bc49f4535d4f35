"""Periodic jobs of the payouts: check the invariants, find outdated figures, wipe account numbers, watch for overdue
rounds.

No job moves money; people do.
"""

import structlog
from django.utils.translation import gettext_noop

from kt_remedy.core.tasks import schedule
from refunds.applications import bank_layout
from refunds.payouts import batch_figures, findings, forecasts, invariants, stops, wipe
from refunds.payouts.overdue import late_rounds

_LATE = {
    "FREEZE": gettext_noop("%(round)s차 명단 확정이 늦음, %(n)s건"),
    "HAND_OVER": gettext_noop("%(round)s차 은행 전달이 늦음, %(n)s건"),
}

log = structlog.get_logger(__name__)


def verify_money(_job: object) -> schedule.TaskResult:
    """Check every invariant of the money and find the balances to look at.

    The log and the dashboard show a breach as an error.
    """
    findings.refresh()
    breaches = [finding for finding in invariants.verify() if finding.count]
    for finding in breaches:
        log.error("money invariant broken", invariant=finding.code, count=finding.count)
    return [
        schedule.result_message(gettext_noop("깨진 규칙 %(code)s: %(n)s건"), code=finding.code, n=finding.count)
        for finding in breaches
    ] or schedule.result_message(gettext_noop("이상 없음"))


def find_outdated_figures(_job: object) -> schedule.TaskResult:
    """Find the batches whose figures are missing or out of date, so that they are counted. Safe to run twice."""
    found = batch_figures.void_outdated()
    return schedule.result_message(gettext_noop("다시 셀 회차 %(n)s개"), n=found) if found else None


def count_forecasts(_job: object) -> schedule.TaskResult:
    """Count the open rounds for the pages that show them. Safe to run twice."""
    forecasts.refresh()
    return None


def judge_layouts(_job: object) -> schedule.TaskResult:
    """Judge new accounts by the bank's layout, so that forecasts know what no file can hold. Safe to run twice."""
    judged = bank_layout.judge_waiting(limit=50_000)
    return schedule.result_message(gettext_noop("계좌 %(n)s개를 이체 양식으로 봄"), n=judged) if judged else None


def wipe_accounts(_job: object) -> schedule.TaskResult:
    """Wipe account numbers that are no longer needed. At-least-once."""
    accounts, pieces = wipe.wipe()
    message = schedule.result_message(gettext_noop("계좌 %(n)s, 파일 조각 %(pieces)s 지움"), n=accounts, pieces=pieces)
    return message if accounts or pieces else None


def watch_rounds(_job: object) -> schedule.TaskResult:
    """Warn of every overdue round and of payments to stop at the bank; pages show both. Safe to run twice."""
    late = late_rounds()
    stopped = stops.at_bank().count()
    for row in late:
        log.warning("payout round late", what=row.code, pay_on=row.pay_on.isoformat(), waiting=row.count)
    found = [schedule.result_message(_LATE[row.code], round=row.number, n=row.count) for row in late]
    if stopped:
        log.error("payments to stop at the bank", count=stopped)
        found.append(schedule.result_message(gettext_noop("은행에 간 뒤 보류되었거나 판정이 바뀜, %(n)s건"), n=stopped))
    return found
