"""Join lines.csv and bills.csv by contract number in bounded memory, and reject repeated keys.

The files may have different orders, and a key may be repeated anywhere. Both files are therefore first distributed by
a hash of the contract number into parts that fit into memory; all rows of a contract are in one part. The values that
the caller keeps of a row wait on disk, in unnamed files under TMPDIR that disappear with the process.
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

_PART_BYTES = 8 << 20  # of input; a part takes a little more in memory
_MOST_PARTS = 4_096
_WAITING_ROWS = 16_384  # rows in memory before they are written to disk
_MARSHAL = 2  # the last version that does not look for equal values, which takes longer than writing them
_SMALL = 8 << 20  # bytes of input; below it a second process costs more time than it saves

T = TypeVar("T")


class RejectedRow(NamedTuple):
    """A rejected row as it is reported, without the name of its file."""

    line: int
    column: str
    value: str
    reason: str


class Part(NamedTuple):
    """One part of a delivery: all rows of its contracts.

    `lines` holds for each row of lines.csv in file order (line number, contract number, kept values), or None for a
    rejected row. `bills` holds the kept values of the good bill rows by contract number. `orphans` holds (line number,
    contract number, kept values) of good bill rows whose contract has no good row in lines.csv.
    """

    lines: list[tuple[int, str, Any] | None]
    bills: dict[str, list[Any]]
    orphans: list[tuple[int, str, Any]]
    line_rejects: list[RejectedRow]
    bill_rejects: list[RejectedRow]


def _working_file_error(error: OSError) -> FeedError:
    cause = "no space is left" if error.errno == errno.ENOSPC else error.strerror or str(error)
    folder = tempfile.gettempdir()
    return FeedError(f"working files cannot be written in {folder}, {cause}: set TMPDIR to another folder")


class Spool:
    """Rows distributed into parts: a few in memory, all others in one unnamed file, in blocks of one part each."""

    def __init__(self, parts: int) -> None:
        try:
            self.file = tempfile.TemporaryFile(prefix="kt-remedy-")  # noqa: SIM115 (lives as long as the spool)
        except OSError as error:
            raise _working_file_error(error) from None
        self.blocks: list[list[tuple[int, int]]] = [[] for _ in range(parts)]
        self._waiting: list[list[Any]] = [[] for _ in range(parts)]

    def flush(self) -> None:
        """Write the rows in memory to the file."""
        try:
            for part, rows in enumerate(self._waiting):
                if rows:
                    self.put(part, marshal.dumps(rows, _MARSHAL))
                    rows.clear()
            self.file.flush()
        except OSError as error:
            raise _working_file_error(error) from None

    def put(self, part: int, data: bytes) -> None:
        """Write one block of a part."""
        self.blocks[part].append((self.file.tell(), len(data)))
        self.file.write(data)

    def add(self, rows: Sequence[tuple[int, Any]]) -> None:
        """Add (part, row) pairs."""
        for part, row in rows:
            self._waiting[part].append(row)

    def rows(self, part: int) -> Iterator[Any]:
        """The rows of one part, in the order in which they were added."""
        for offset, length in self.blocks[part]:
            # Safe to load: this process wrote the data into an unnamed file that no other process can open.
            yield from marshal.loads(os.pread(self.file.fileno(), length, offset))  # noqa: S302  # nosec B302


def in_parallel(tasks: Sequence[Callable[[], T]], processes: int) -> list[T]:
    """The results of the tasks, in order. With `processes` > 1, each task but the first runs in its own process.

    Raises the first exception of the tasks in their order, and FeedError for a process that ended unexpectedly.
    """
    if processes < 2 or len(tasks) < 2:
        return [task() for task in tasks]
    context = get_context("fork")  # the children share open files, settings and the seed of str hashes
    children = []
    for task in tasks[1:]:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_run_task, args=(task, sender), daemon=True)
        child.start()
        sender.close()
        children.append((child, receiver))
    try:
        results = [tasks[0]()]
        for child, pipe in children:
            try:
                succeeded, result = pipe.recv()
            except EOFError:
                child.join()
                raise FeedError(f"a worker process ended unexpectedly (exit status {child.exitcode})") from None
            if not succeeded:
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
        outcome = (True, task())
    except Exception as error:
        outcome = (False, error)
    except KeyboardInterrupt:
        return
    pipe.send(outcome)


class Delivery:
    """lines.csv and bills.csv of one delivery.

    `keep_line` and `keep_bill` return the values to keep of a good row until its part is read: None, numbers, strings,
    bytes, and tuples and lists of these. The constructor reads each file once to its end, with more than one core in
    two processes. Raises FeedError for a file that cannot be read.
    """

    def __init__(
        self,
        lines: str | Path,
        bills: str | Path,
        zone: tzinfo,
        network: str,
        *,
        keep_line: Callable[[LineRow], Any],
        keep_bill: Callable[[BillRow], Any],
        processes: int | None = None,
    ) -> None:
        self._keep_line, self._keep_bill = keep_line, keep_bill
        with LineFile(lines, zone, network) as line_file, BillFile(bills) as bill_file:
            size = line_file.size() + bill_file.size()
            self.parts = min(max(size // _PART_BYTES, 1), _MOST_PARTS)
            if processes is None:
                processes = len(os.sched_getaffinity(0)) if size > _SMALL else 1
            self.processes = processes
            self._lines, self._bills, self._order = Spool(self.parts), Spool(self.parts), Spool(1)
            (self._lines.blocks, self._order.blocks), (self._bills.blocks, _) = in_parallel(
                [lambda: self._distribute_lines(line_file), lambda: self._distribute_bills(bill_file)], processes
            )

    def _distribute_lines(self, file: LineFile) -> tuple[list[list[tuple[int, int]]], list[list[tuple[int, int]]]]:
        parts, keep, spool = self.parts, self._keep_line, self._lines
        order = array("H")
        for batch in file.batches():
            placed: list[tuple[int, Any]] = []
            for row in batch:
                if isinstance(row, LineRow):
                    contract = row.values[0]
                    placed.append((hash(contract) % parts, (row.line, contract, keep(row))))
                else:
                    key = row.key[0] if row.key else None
                    placed.append(((row.line if key is None else hash(key)) % parts, (row.line, key, *row.fault)))
            spool.add(placed)
            order.extend([part for part, _ in placed])
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

    def _distribute_bills(self, file: BillFile) -> tuple[list[list[tuple[int, int]]], list[Any]]:
        parts, keep, spool, waiting = self.parts, self._keep_bill, self._bills, 0
        for batch in file.batches():
            placed: list[tuple[int, Any]] = []
            for row in batch:
                if isinstance(row, BillRow):
                    contract, item, billed_on = row.values[:3]
                    placed.append((hash(contract) % parts, (row.line, contract, item, billed_on, keep(row))))
                elif row.key is None:
                    placed.append((row.line % parts, (row.line, None, None, None, *row.fault)))
                else:
                    placed.append((hash(row.key[0]) % parts, (row.line, *row.key, *row.fault)))
            spool.add(placed)
            waiting += len(placed)
            if waiting >= _WAITING_ROWS:
                spool.flush()
                waiting = 0
        spool.flush()
        return spool.blocks, []

    def part(self, number: int) -> Part:
        """Read one part: reject repeated keys and join the bills with their lines."""
        part = Part([], {}, [], [], [])
        known_keys: set[Any] = set()
        for row in self._lines.rows(number):
            key = row[1]
            if key in known_keys:
                part.line_rejects.append(RejectedRow(row[0], "contract_no", key, REPEATED_KEY))
                part.lines.append(None)
                continue
            if key is not None:
                known_keys.add(key)
            if len(row) == 3:
                part.bills[key] = []
                part.lines.append(row)
            else:
                part.line_rejects.append(RejectedRow(row[0], *row[2:]))
                part.lines.append(None)
        known_keys = set()
        for row in self._bills.rows(number):
            line, contract, item, billed_on = row[:4]
            if contract is not None:
                key = (contract, item, billed_on)
                if key in known_keys:
                    part.bill_rejects.append(RejectedRow(line, "contract_no", contract, REPEATED_KEY))
                    continue
                known_keys.add(key)
            if len(row) > 5:
                part.bill_rejects.append(RejectedRow(line, *row[4:]))
            elif contract in part.bills:
                part.bills[contract].append(row[4])
            else:
                part.orphans.append((line, contract, row[4]))
        return part

    def order(self) -> Iterator["array[int]"]:
        """Yield the part number of each row of lines.csv in file order, in blocks."""
        spool = self._order
        for offset, length in spool.blocks[0]:
            numbers = array("H")
            numbers.frombytes(os.pread(spool.file.fileno(), length, offset))
            yield numbers
