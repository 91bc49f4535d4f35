"""A pair of files brought together: each line with its bills, each key once, in bounded memory.

The files are not sorted alike, and a key may come again at the far end. So both are first dealt out, by a hash of the
contract number, into parts small enough to hold; each part is then whole in itself. What waits on disk is what the
caller chose to keep of a row, in unnamed files under TMPDIR that vanish with the process.
"""

import errno
import marshal
import os
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from eligibility.feed.records import FeedError
from eligibility.feed.rows import REPEATED_KEY, BillFile, BillRow, LineFile, LineRow

_PART_BYTES = 8 << 20  # of input; a part of it takes a little more than that in memory
_MOST_PARTS = 4_096
_WAITING_ROWS = 16_384  # rows held before they go to disk
_SMALL = 8 << 20  # bytes of input for which a second process would not pay

T = TypeVar("T")


class RejectedRow(NamedTuple):
    """A rejected row as it is reported; the file's name is added by whoever writes the report."""

    line: int
    column: str
    value: str
    reason: str


class Part(NamedTuple):
    """One part of a delivery, complete in itself.

    `lines` holds for each row of lines.csv in order (line, contract number, what was kept), or None where it was
    rejected. `bills` holds what was kept of a contract's good bill rows. `orphans` are the good bill rows, (line,
    contract number, what was kept), whose contract has no good row in lines.csv.
    """

    lines: list[tuple[int, str, Any] | None]
    bills: dict[str, list[Any]]
    orphans: list[tuple[int, str, Any]]
    line_rejects: list[RejectedRow]
    bill_rejects: list[RejectedRow]


def _working_file_error(error: OSError) -> FeedError:
    what = "no room is left" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return FeedError(f"working files cannot be kept in {tempfile.gettempdir()}, {what}: set TMPDIR to another folder")


class Spool:
    """Rows dealt out into parts: a few in memory, the rest in one unnamed file, part by part."""

    def __init__(self, parts: int) -> None:
        try:
            self.file = tempfile.TemporaryFile(prefix="kt-remedy-")  # noqa: SIM115 (lives as long as the spool)
        except OSError as error:
            raise _working_file_error(error) from None
        self.blocks: list[list[tuple[int, int]]] = [[] for _ in range(parts)]
        self._waiting: list[list[Any]] = [[] for _ in range(parts)]

    def flush(self) -> None:
        """Write down what waits in memory."""
        try:
            for part, rows in enumerate(self._waiting):
                if rows:
                    self.put(part, marshal.dumps(rows))
                    rows.clear()
            self.file.flush()
        except OSError as error:
            raise _working_file_error(error) from None

    def put(self, part: int, data: bytes) -> None:
        """Write one block of a part."""
        self.blocks[part].append((self.file.tell(), len(data)))
        self.file.write(data)

    def deal(self, rows: Sequence[tuple[int, Any]]) -> None:
        """Take in (part, row) pairs."""
        for part, row in rows:
            self._waiting[part].append(row)

    def rows(self, part: int) -> Iterator[Any]:
        """The rows of one part, in the order they came."""
        for offset, length in self.blocks[part]:
            # Written by this very command into a file without a name: nobody else can have touched it.
            yield from marshal.loads(os.pread(self.file.fileno(), length, offset))  # noqa: S302


def in_parallel(tasks: Sequence[Callable[[], T]], processes: int) -> list[T]:
    """The results of the tasks, in order; all but the first run in a process of their own where there may be several.

    An exception of a task is raised here, the first task's first.
    """
    if processes < 2 or len(tasks) < 2:
        return [task() for task in tasks]
    context = get_context("fork")  # the children share open files, settings and the seed of str hashes
    children = []
    for task in tasks[1:]:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_run_task, args=(task, theirs), daemon=True)
        child.start()
        theirs.close()
        children.append((child, ours))
    try:
        results = [tasks[0]()]
        for child, pipe in children:
            try:
                done, result = pipe.recv()
            except EOFError:
                child.join()
                raise FeedError(f"a working process ended unexpectedly (exit status {child.exitcode})") from None
            if not done:
                raise result
            results.append(result)
        return results
    finally:
        for child, pipe in children:
            pipe.close()
            child.terminate()
            child.join()


def _run_task(task: Callable[[], Any], pipe: Connection) -> None:
    try:
        answer = (True, task())
    except Exception as error:
        answer = (False, error)
    except KeyboardInterrupt:
        return
    pipe.send(answer)


class Delivery:
    """lines.csv and bills.csv of one delivery.

    `keep_line` and `keep_bill` say what to hold of a good row until its part is read: None, numbers, strings, bytes,
    and tuples and lists of these. They run in one pass over each file, in processes of their own where there are cores.
    Raises FeedError where a file cannot be read; after the constructor both files have been read to their end.
    """

    def __init__(
        self,
        lines: str | Path,
        bills: str | Path,
        zone: tzinfo,
        *,
        keep_line: Callable[[LineRow], Any],
        keep_bill: Callable[[BillRow], Any],
        processes: int | None = None,
    ) -> None:
        self._keep_line, self._keep_bill = keep_line, keep_bill
        with LineFile(lines, zone) as line_file, BillFile(bills) as bill_file:
            size = line_file.size() + bill_file.size()
            self.parts = min(max(size // _PART_BYTES, 1), _MOST_PARTS)
            if processes is None:
                processes = len(os.sched_getaffinity(0)) if size > _SMALL else 1
            self.processes = processes
            self._lines, self._bills, self._order = Spool(self.parts), Spool(self.parts), Spool(1)
            (self._lines.blocks, self._order.blocks), (self._bills.blocks, _) = in_parallel(
                [lambda: self._spread_lines(line_file), lambda: self._spread_bills(bill_file)], processes
            )

    def _spread_lines(self, file: LineFile) -> tuple[list[list[tuple[int, int]]], list[list[tuple[int, int]]]]:
        parts, keep, spool = self.parts, self._keep_line, self._lines
        order = array("H")
        for batch in file.batches():
            dealt: list[tuple[int, Any]] = []
            for row in batch:
                if isinstance(row, LineRow):
                    contract = row.values[0]
                    dealt.append((hash(contract) % parts, (row.line, contract, keep(row))))
                else:
                    key = row.key[0] if row.key else None
                    dealt.append(((row.line if key is None else hash(key)) % parts, (row.line, key, *row.fault)))
            spool.deal(dealt)
            order.extend([part for part, _ in dealt])
            if len(order) >= _WAITING_ROWS:
                spool.flush()
                self._put_order(order)
                order = array("H")
        spool.flush()
        self._put_order(order)
        return spool.blocks, self._order.blocks

    def _put_order(self, order: "array[int]") -> None:
        try:
            self._order.put(0, order.tobytes())
            self._order.flush()
        except OSError as error:
            raise _working_file_error(error) from None

    def _spread_bills(self, file: BillFile) -> tuple[list[list[tuple[int, int]]], list[Any]]:
        parts, keep, spool, waiting = self.parts, self._keep_bill, self._bills, 0
        for batch in file.batches():
            dealt: list[tuple[int, Any]] = []
            for row in batch:
                if isinstance(row, BillRow):
                    contract, item, billed_on = row.values[:3]
                    dealt.append((hash(contract) % parts, (row.line, contract, item, billed_on, keep(row))))
                elif row.key is None:
                    dealt.append((row.line % parts, (row.line, None, None, None, *row.fault)))
                else:
                    dealt.append((hash(row.key[0]) % parts, (row.line, *row.key, *row.fault)))
            spool.deal(dealt)
            waiting += len(dealt)
            if waiting >= _WAITING_ROWS:
                spool.flush()
                waiting = 0
        spool.flush()
        return spool.blocks, []

    def part(self, number: int) -> Part:
        """Bring one part together: repeated keys out, bills to their lines."""
        part = Part([], {}, [], [], [])
        seen: set[Any] = set()
        for row in self._lines.rows(number):
            key = row[1]
            if key in seen:
                part.line_rejects.append(RejectedRow(row[0], "contract_no", key, REPEATED_KEY))
                part.lines.append(None)
                continue
            if key is not None:
                seen.add(key)
            if len(row) == 3:
                part.bills[key] = []
                part.lines.append(row)
            else:
                part.line_rejects.append(RejectedRow(row[0], *row[2:]))
                part.lines.append(None)
        seen = set()
        for row in self._bills.rows(number):
            line, contract, item, billed_on = row[:4]
            if contract is not None:
                key = (contract, item, billed_on)
                if key in seen:
                    part.bill_rejects.append(RejectedRow(line, "contract_no", contract, REPEATED_KEY))
                    continue
                seen.add(key)
            if len(row) > 5:
                part.bill_rejects.append(RejectedRow(line, *row[4:]))
            elif contract in part.bills:
                part.bills[contract].append(row[4])
            else:
                part.orphans.append((line, contract, row[4]))
        return part

    def order(self) -> Iterator["array[int]"]:
        """For each row of lines.csv in its order, the number of its part."""
        spool = self._order
        for offset, length in spool.blocks[0]:
            numbers = array("H")
            numbers.frombytes(os.pread(spool.file.fileno(), length, offset))
            yield numbers
