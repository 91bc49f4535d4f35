"""The receipts that the people of a rehearsal got: a line of a file for each application, written when it is in hand.

A portal that loses a filing that it acknowledged is found by them. After a stop, applications without a receipt are
taken over: their people were on the way when everything ended.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.rehearse import figures

SERVICE = "SERVICE"  # filed by the service in bulk, not over HTTP


class Receipts:
    """Channel and reference by contract number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.count(",") == 2:  # the last one may be half
                    contract, channel, reference = line.split(",")
                    self.held[contract] = channel, reference

    def add(self, channel: str, given: Iterable[tuple[str, str]]) -> None:
        """Keep receipts, as (contract number, reference)."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            for contract, reference in given:
                if contract not in self.held:
                    self.held[contract] = channel, reference
                    file.write(f"{contract},{channel},{reference}\n")

    def by_channel(self) -> Counter[str]:
        """Number of lines by channel."""
        return Counter(channel for channel, _reference in self.held.values())

    def take_over(self) -> int:
        """Add the applications that nobody holds a receipt for; returns their number."""
        before = len(self.held)
        for channel in (SERVICE, "WEB", "CALL_CENTRE", "STORE"):
            is_service = "left(f.idempotency_key, 10) = 'rehearsal-'"
            where = is_service if channel == SERVICE else f"f.channel = '{channel}' AND NOT {is_service}"
            self.add(channel, figures.rows(
                "SELECT a.contract_no, f.reference FROM refunds_application a"  # noqa: S608  (constants)
                f" JOIN refunds_filing f ON f.id = a.filing_id WHERE {where}"
            ))  # fmt: skip
        return len(self.held) - before

    def lost(self) -> int:
        """Receipts whose application is not in the database: an acknowledged filing that is gone."""
        kept = set(figures.rows(
            "SELECT a.contract_no, f.reference FROM refunds_application a JOIN refunds_filing f ON f.id = a.filing_id"
        ))  # fmt: skip
        return sum((contract, reference) not in kept for contract, (_channel, reference) in self.held.items())
