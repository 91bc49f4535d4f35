"""A batch beside the round before it: by bank, by channel, and by the reason of what stayed behind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from refunds import banks
from refunds.models.applications import Channel
from refunds.models.batches import Batch, BatchFigures
from refunds.payouts.selection import REASONS

SHOWN = 12
Sums = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Compared:
    """Items and won of one bank, channel or reason, in this round and in the one before."""

    label: str
    count: int
    won: int
    count_before: int
    won_before: int

    @property
    def count_more(self) -> int:
        """Items more than in the round before."""
        return self.count - self.count_before

    @property
    def won_more(self) -> int:
        """Won more than in the round before."""
        return self.won - self.won_before


def by_channel(batch: Batch) -> list[tuple[str, int, int]]:
    """(channel, items, won) of the payments that were not taken out, largest sum first."""
    rows = batch.items.standing().values_list("application__channel").annotate(count=Count("pk"), won=Sum("amount_krw"))
    return [(channel, count, won) for channel, count, won in rows.order_by("-won", "application__channel")]


def before(batch: Batch) -> Batch | None:
    """The round frozen before this one."""
    rows = Batch.objects.filter(pay_on__lt=batch.pay_on, won__isnull=False).select_related("figures")
    return rows.order_by("-pay_on").first()


def compare(batch: Batch, last: Batch | None) -> list[tuple[str, list[Compared]]]:
    """(what, rows) for each of the three views; the rows with the most won in either round first."""
    return [
        (_("은행"), _rows(_stored("banks"), batch, last, banks.name)),
        (_("접수처"), _rows(_stored("channels"), batch, last, lambda code: str(Channel(code).label))),
        (_("나가지 않은 이유"), _rows(_excluded, batch, last, lambda code: str(REASONS.get(code, code)))),
    ]


def _stored(name: str) -> Callable[[Batch | None], Sums]:
    def sums(batch: Batch | None) -> Sums:
        figures: BatchFigures | None = getattr(batch, "figures", None)
        return {code: (count, won) for code, count, won in (figures.figures.get(name, []) if figures else [])}

    return sums


def _excluded(batch: Batch | None) -> Sums:
    return {code: (row[0], row[1] or 0) for code, row in batch.excluded.items()} if batch else {}


def _rows(sums: Callable[[Batch | None], Sums], batch: Batch, last: Batch | None, label: Any) -> list[Compared]:
    now, then = sums(batch), sums(last)
    none = (0, 0)
    rows = [Compared(label(code), *now.get(code, none), *then.get(code, none)) for code in {**now, **then}]
    return sorted(rows, key=lambda row: (-max(row.won, row.won_before), row.label))[:SHOWN]
