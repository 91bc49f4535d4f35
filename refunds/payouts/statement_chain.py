"""The chain of confirmed statements: each follows the one before by number, opening balance and day. Reads only."""

import datetime as dt
import itertools
from dataclasses import dataclass

from refunds.models.statements import BankStatement

NUMBER, BALANCE, DAY = "NUMBER", "BALANCE", "DAY"


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where a statement does not follow the one before: by NUMBER, BALANCE (won) or DAY."""

    kind: str
    before: BankStatement
    after: BankStatement

    @property
    def since(self) -> dt.date:
        """The first day that is not complete. A missing statement may be of the day of the one before."""
        day = self.before.day if self.kind == NUMBER else max(self.before.day, self.after.day)  # type: ignore[type-var]
        assert day is not None
        return day

    @property
    def won(self) -> int:
        """Won by which the opening balance differs from the closing balance before."""
        assert self.after.opening is not None
        assert self.before.closing is not None
        return self.after.opening - self.before.closing


def confirmed() -> list[BankStatement]:
    """The confirmed statements in the order of their numbers."""
    return list(BankStatement.objects.filter(status=BankStatement.Status.CONFIRMED).order_by("number"))


def gaps(chain: list[BankStatement] | None = None) -> list[Gap]:
    """The gaps of the chain, oldest first."""
    chain = confirmed() if chain is None else chain
    found = []
    for before, after in itertools.pairwise(chain):
        assert before.number is not None
        assert before.day is not None
        assert after.day is not None
        if after.number != before.number + 1:
            found.append(Gap(NUMBER, before, after))
        elif after.opening != before.closing:
            found.append(Gap(BALANCE, before, after))
        elif after.day < before.day:
            found.append(Gap(DAY, before, after))
    return found


def complete_days() -> tuple[dt.date, dt.date] | None:
    """The first and the last day of the statements before the first gap; None before the first statement."""
    chain = confirmed()
    if not chain:
        return None
    first_gap = next(iter(gaps(chain)), None)
    last = first_gap.before if first_gap else chain[-1]
    assert chain[0].day is not None
    assert last.day is not None
    return chain[0].day, last.day
