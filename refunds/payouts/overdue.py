"""Overdue rounds: the cut-off passed without a freeze, or the pay day came without a file at the bank."""

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from refunds.calendar import payout_rounds
from refunds.models.batches import Batch
from refunds.payouts import batches


@dataclass(frozen=True, slots=True)
class OverdueRound:
    """An overdue round: `code` is FREEZE (cut-off passed) or HAND_OVER (pay day came); `count` applications wait."""

    code: str
    number: int
    pay_on: dt.date
    count: int

    @property
    def text(self) -> str:
        """The missed step as a sentence."""
        if self.code == "FREEZE":
            return _("마감이 지났는데 지급 명단을 확정하지 않았습니다")
        return _("입금일이 되었는데 은행에 전달한 파일이 없습니다")


def late_rounds(*, at: dt.datetime | None = None) -> list[OverdueRound]:
    """Every round that is overdue at `at`, earliest first.

    Among the rounds that were not frozen only the latest past its cut-off counts: it pays the applications of the
    earlier ones. A round without applications to pay, or whose payments were all taken out, is over and not overdue.
    """
    at = at or clock.now()
    today = clock.kst_date(at)
    frozen = {row.pay_on: row for row in Batch.objects.exclude(status=Batch.Status.OPEN)}
    overdue = [
        OverdueRound("HAND_OVER", row.number, row.pay_on, row.count or 0)
        for row in frozen.values()
        if row.pay_on <= today and not row.handed_over
    ]
    rounds = payout_rounds(programme.current())
    waiting = next((r for r in reversed(rounds) if r.cut_off <= at and r.pay_on not in frozen), None)
    if waiting is not None and (count := batches.project(waiting).count):
        code = "FREEZE" if today < waiting.pay_on else "HAND_OVER"
        overdue.append(OverdueRound(code, waiting.number, waiting.pay_on, count))
    return sorted(overdue, key=lambda row: row.pay_on)
