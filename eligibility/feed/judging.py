"""Judge the two files of a delivery: verdicts and rejects as CSV text in file order. Needs no database."""

import csv
import heapq
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import starmap
from pathlib import Path

from eligibility.feed.delivery import Delivery, RejectedRow, Spool, in_parallel
from eligibility.feed.rows import UNKNOWN_CONTRACT, BillRow, LineRow
from eligibility.rules import NO_BILLS, Assessment, Bill, assess, conclude, tally
from kt_remedy.core import csv as csv_cells
from kt_remedy.core.programme import Programme

VERDICT_HEADER = "contract_no,outcome,reasons,expected_penalty_krw,refundable_krw\n"
REJECT_HEADER = "file,line,column,value,reason\n"
_READ_AHEAD = 8 << 20  # bytes, over all parts
_TEXT_ROWS = 2_000

Blocks = list[list[tuple[int, int]]]


class JudgedDelivery:
    """The verdicts and rejects of a delivery, in bounded memory. Raises FeedError for a file that cannot be read."""

    def __init__(
        self, lines: str | Path, bills: str | Path, programme: Programme, processes: int | None = None
    ) -> None:
        self._names = (str(lines), str(bills))
        self._programme = programme
        self._delivery = Delivery(
            lines,
            bills,
            programme.zone,
            programme.carrier.network,
            keep_line=self._keep_line,
            keep_bill=_keep_bill,
            processes=processes,
        )
        parts = self._delivery.parts
        processes = min(self._delivery.processes, parts)
        self._spools = [(Spool(parts), Spool(parts), Spool(parts)) for _ in range(processes)]
        tasks: list[Callable[[], list[Blocks]]] = [
            partial(self._judge_parts, range(first, parts, processes), spools)
            for first, spools in enumerate(self._spools)
        ]
        for spools, blocks in zip(self._spools, in_parallel(tasks, processes), strict=True):
            for spool, written in zip(spools, blocks, strict=True):
                spool.blocks = written

    def _keep_line(self, row: LineRow) -> tuple[object, ...]:
        return tuple(assess(row.facts, self._programme))

    def _judge_parts(self, numbers: range, spools: tuple[Spool, Spool, Spool]) -> list[Blocks]:
        programme = self._programme
        verdicts, line_rejects, bill_rejects = spools
        for number in numbers:
            part = self._delivery.part(number)
            out = []
            for row in part.lines:
                if row is None:
                    out.append("\n")  # keeps the place of the rejected row in the order
                    continue
                _, contract, assessment = row
                bills = part.bills[contract]
                sums = tally(starmap(Bill, bills), programme) if bills else NO_BILLS
                verdict = conclude(Assessment(*assessment), sums)
                reasons = ";".join(verdict.reasons)
                out.append(f"{contract},{verdict.outcome},{reasons},{verdict.expected_penalty},{verdict.refundable}\n")
            verdicts.put(number, "".join(out).encode())
            unknown = [
                RejectedRow(line, "contract_no", contract, UNKNOWN_CONTRACT) for line, contract, _ in part.orphans
            ]
            line_rejects.add([(number, tuple(reject)) for reject in part.line_rejects])
            bill_rejects.add([(number, tuple(reject)) for reject in sorted([*part.bill_rejects, *unknown])])
            for spool in spools:
                spool.flush()
        return [spool.blocks for spool in spools]

    def _spools_of(self, part: int) -> tuple[Spool, Spool, Spool]:
        return self._spools[part % len(self._spools)]

    def verdicts(self) -> Iterator[str]:
        """Yield the verdicts as CSV text, header first, one row for each good row of lines.csv in file order."""
        yield VERDICT_HEADER
        block = min(max(_READ_AHEAD // self._delivery.parts, 1 << 12), 1 << 18)
        next_verdict = [
            _text_lines(self._spools_of(part)[0], part, block).__next__ for part in range(self._delivery.parts)
        ]
        for parts in self._delivery.order():
            for first in range(0, len(parts), _TEXT_ROWS):
                rows = [next_verdict[part]() for part in parts[first : first + _TEXT_ROWS]]
                yield "".join([row for row in rows if row != "\n"])

    def rejects(self) -> Iterator[str]:
        """Yield the rejects as CSV text, header first: those of lines.csv, then those of bills.csv, in file order."""
        yield REJECT_HEADER
        for file, name in enumerate(self._names, 1):
            rows = heapq.merge(*(self._spools_of(part)[file].rows(part) for part in range(self._delivery.parts)))
            for line, column, value, reason in rows:
                text = io.StringIO()
                csv.writer(text, lineterminator="\n").writerow(
                    (name, line, column, csv_cells.guarded(value, keep_numbers=True), reason)
                )
                yield text.getvalue()


def _keep_bill(row: BillRow) -> tuple[object, ...]:
    return tuple(row.bill)


def _text_lines(spool: Spool, part: int, block: int) -> Iterator[str]:
    """Yield the text lines of a part, reading at most `block` bytes at once."""
    incomplete = ""
    for offset, length in spool.blocks[part]:
        for at in range(offset, offset + length, block):
            data = os.pread(spool.file.fileno(), min(block, offset + length - at), at)
            lines = (incomplete + data.decode("ascii")).splitlines(keepends=True)
            incomplete = lines.pop() if not lines[-1].endswith("\n") else ""
            yield from lines
