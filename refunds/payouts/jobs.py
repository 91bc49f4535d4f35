"""What the payouts do by themselves: check the money, wipe account numbers. Money itself moves by persons only."""

import datetime as dt

import structlog
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy import schedule
from refunds.payouts import verify, wipe

log = structlog.get_logger(__name__)


def verify_money(_job: object) -> str:
    """Check every invariant of the money; a breach is an error in the log and stands on the dashboard."""
    broken = [finding for finding in verify.verify() if finding.count]
    for finding in broken:
        log.error("money invariant broken", invariant=finding.code, count=finding.count)
    return ", ".join(f"{finding.code}: {finding.count}" for finding in broken) or "OK"


def wipe_accounts(_job: object) -> schedule.Told:
    """Wipe account numbers that are no longer needed. At-least-once."""
    accounts, pieces = wipe.wipe()
    told = schedule.said(gettext_noop("계좌 %(n)s, 파일 조각 %(pieces)s 지움"), n=accounts, pieces=pieces)
    return told if accounts or pieces else None


def register() -> None:
    """Put both on the calendar."""
    schedule.register(
        "refunds.verify_money",
        title=_("돈의 합 확인"),
        task=verify_money,
        due=dt.timedelta(minutes=10),
        queue="money",
    )
    schedule.register(
        "refunds.wipe_accounts",
        title=_("지급이 끝난 계좌번호 지우기"),
        task=wipe_accounts,
        due=dt.timedelta(hours=1),
        queue="money",
    )
