"""What the payouts do by themselves: check, count, wipe account numbers. Money itself moves by persons only."""

import datetime as dt

import structlog
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy import schedule
from refunds.payouts import counting, verify, wipe

log = structlog.get_logger(__name__)


def verify_money(_job: object) -> str:
    """Check every invariant of the money; a breach is an error in the log and stands on the dashboard."""
    broken = [finding for finding in verify.verify() if finding.count]
    for finding in broken:
        log.error("money invariant broken", invariant=finding.code, count=finding.count)
    return ", ".join(f"{finding.code}: {finding.count}" for finding in broken) or "OK"


def count_batches(_job: object) -> schedule.Told:
    """Count the batches whose figures are not there or no longer hold: a person waits at the page. At-least-once."""
    done = counting.count_due()
    return schedule.said(gettext_noop("회차 %(n)s개 셈"), n=done) if done else None


def wipe_accounts(_job: object) -> schedule.Told:
    """Wipe account numbers that are no longer needed. At-least-once."""
    accounts, pieces = wipe.wipe()
    told = schedule.said(gettext_noop("계좌 %(n)s, 파일 조각 %(pieces)s 지움"), n=accounts, pieces=pieces)
    return told if accounts or pieces else None


def register() -> None:
    """Put them on the calendar."""
    schedule.register(
        "refunds.verify_money",
        title=_("돈의 합 확인"),
        task=verify_money,
        due=dt.timedelta(minutes=10),
        queue="money",
    )
    schedule.register(
        "refunds.count_batches",
        title=_("회차 다시 세기"),
        task=count_batches,
        due=dt.timedelta(seconds=2),
        queue="money",
    )
    schedule.register(
        "refunds.wipe_accounts",
        title=_("지급이 끝난 계좌번호 지우기"),
        task=wipe_accounts,
        due=dt.timedelta(hours=1),
        queue="money",
    )
