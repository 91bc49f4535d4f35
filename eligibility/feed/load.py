"""Load a delivery: read, check, encrypt and judge it into staging tables, then merge it in one transaction.

The register does not change before the merge, so a killed load can be run again. Memory holds a few batches of rows.
The database does the work that needs all rows at once: repeated keys and the bills of a line.
"""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)
import datetime as dt
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from eligibility import rules
from eligibility.feed import merge, staging, stored, workers
from eligibility.feed.encode import BILLS, LINES, EncodedBatch, Encoder
from eligibility.feed.records import FeedError
from eligibility.feed.rows import REPEATED_KEY, UNKNOWN_CONTRACT, BillFile, LineFile
from eligibility.models import Feed, Reject
from kt_remedy.core import clock, programme

# Key of the advisory lock: one load or rejudge at a time over all processes.
_LOCK = 0x656C_6967_6665_6564
_LOCK_PATIENCE_SECONDS = 10  # the last statement of a killed load may hold the lock this long
_BATCH_RECORDS = 4_000
_VERDICT_ROWS = 10_000
_WORTH_FORKING_BYTES = 8_000_000
_PROGRESS_EVERY_SECONDS = 1.0
_READING, _JUDGING, _MERGING = (
    70,
    75,
    80,
)  # per cent when reading ends, judging begins, merging begins

OnProgress = Callable[[str, int], None]  # phase, per cent


class LoadRefusedError(Exception):
    """The delivery must not be loaded now; the message gives the reason in one sentence."""


@contextmanager
def exclusive() -> Iterator[None]:
    """Lock the register for one writer and turn off the timeouts. Raises LoadRefusedError if it stays locked."""
    with connection.cursor() as cursor:
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            if cursor.fetchone()[0]:
                break
            if time.monotonic() > deadline:
                raise LoadRefusedError("Another delivery is being loaded or judged: wait until it has ended.")
            time.sleep(0.5)
        try:
            disable_timeouts(cursor)
            yield
        finally:
            if connection.connection is not None and not connection.connection.closed and not connection.needs_rollback:
                for name in _LIMITS:
                    cursor.execute(f"RESET {name}")
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


_LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "work_mem")


def disable_timeouts(cursor: CursorWrapper) -> None:
    """Turn off the timeouts of this session and raise its memory for sorting."""
    for name in _LIMITS[:3]:
        cursor.execute(f"SET {name} = 0")
    cursor.execute("SET work_mem = '64MB'")


def load(
    *,
    lines: Path,
    bills: Path,
    as_of: dt.date,
    processes: int | None = None,
    on_progress: OnProgress = lambda phase, percent: None,
) -> Feed:
    """Load one delivery and return its feed. If the last delivery had the same files and date, return that feed.

    `processes` is the number of worker processes for reading: by default one for each core, none for a small delivery.
    `on_progress` gets phase and per cent at most once a second. Raises FeedError for a file that cannot be read, and
    LoadRefusedError for a delivery older than the last one or during another load; the register is then unchanged.
    """
    current = programme.current()
    for opened in (
        LineFile(lines, current.zone, current.carrier.network),
        BillFile(bills),
    ):  # checks both headers before the load begins
        opened.close()
    with exclusive():
        Feed.objects.filter(state=Feed.State.RUNNING).update(
            state=Feed.State.FAILED, fault="interrupted", finished_at=clock.now()
        )
        staging.drop_all()
        last = Feed.objects.filter(state=Feed.State.LOADED).order_by("-as_of", "-id").first()
        if last is not None:
            if as_of < last.as_of:
                raise LoadRefusedError(
                    f"The delivery of {as_of} is older than that of {last.as_of}, which is loaded already."
                )
            if as_of == last.as_of and (_sha256(lines), _sha256(bills)) == (last.lines_sha256, last.bills_sha256):
                return last
        feed = Feed.objects.create(as_of=as_of, started_at=clock.now(), programme_version=programme.current().version)
        try:
            _Load(feed, lines, bills, on_progress).run(_processes(processes, lines, bills))
        except BaseException as error:
            _record_failure(feed, error)
            raise
        return feed


def rejects_of(feed: Feed) -> Iterator[Reject]:
    """The rejected rows of a feed in the order of the report: lines.csv first, each file in its own order."""
    return feed.rejects.order_by("id").iterator(chunk_size=2_000)


def _processes(requested: int | None, lines: Path, bills: Path) -> int:
    if requested is not None:
        return requested
    # Workers have their own connections and do not see tables of an open transaction.
    if connection.in_atomic_block or os.path.getsize(lines) + os.path.getsize(bills) < _WORTH_FORKING_BYTES:
        return 0
    return os.cpu_count() or 1


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FeedError(f"{path} cannot be read: {error.strerror or error}") from None


def _record_failure(feed: Feed, error: BaseException) -> None:
    if connection.connection is None or connection.connection.closed or connection.needs_rollback:
        return  # the next load marks the row as failed
    feed.state, feed.finished_at = Feed.State.FAILED, clock.now()
    feed.fault = str(error) if isinstance(error, FeedError | workers.WorkerFailed) else type(error).__name__
    feed.save()
    staging.drop_all()


class _Load:
    """The load of one delivery, phase by phase."""

    def __init__(self, feed: Feed, lines: Path, bills: Path, on_progress: OnProgress) -> None:
        self.feed, self.files, self.on_progress = feed, (lines, bills), on_progress
        self.tables = staging.StagingTables(feed.pk)
        self.programme = programme.current()
        self._reported_at = 0.0

    def run(self, processes: int) -> None:
        """Do all phases. `processes` is the number of worker processes; 0 reads in this process."""
        self.tables.create()
        digests: dict[int, str] = {}
        reader = threading.Thread(
            target=lambda: digests.update({number: _sha256(path) for number, path in enumerate(self.files)})
        )
        with workers.worker_pool(processes, self._worker) if processes else nullcontext() as pool:
            reader.start()  # after the fork, because a fork does not copy other threads
            self._read(pool)
        reader.join()
        self._report("check", _READING, at_once=True)
        self.tables.analyse()
        self._reject_repeated()
        self._reject_unknown()
        self._report("judge", _JUDGING, at_once=True)
        with transaction.atomic():
            self._judge_billed()
        self._report("merge", _MERGING, at_once=True)
        feed = self.feed
        with transaction.atomic():
            self._store_rejects()
            merge.merge(feed, self.tables)
            feed.lines_sha256, feed.bills_sha256 = digests[LINES], digests[BILLS]
            feed.state, feed.phase, feed.progress = Feed.State.LOADED, "", 100
            feed.finished_at = clock.now()
            feed.save()
        staging.drop_all()
        with connection.cursor() as cursor:
            for table in ("line", "customer", "bill"):
                cursor.execute("SELECT analyse_register(%s)", [f"eligibility_{table}"])
        self.on_progress("", 100)

    # Reading

    def _worker(self) -> workers.Work:
        with connection.cursor() as cursor:
            disable_timeouts(cursor)
        encode = self._encoder()

        def stage(task: tuple[int, list]) -> tuple[int, int, int]:
            file, records = task
            encoded: EncodedBatch = encode[file](records)
            encoded.stage(self.tables)
            return file, encoded.read, len(encoded.bad)

        return stage

    def _encoder(self) -> tuple[Callable[[list], EncodedBatch], Callable[[list], EncodedBatch]]:
        encoder = Encoder(*self.files, as_of=self.feed.as_of, programme=self.programme)
        return encoder.lines, encoder.bills

    def _read(self, pool: workers.WorkerPool | None) -> None:
        counts = {LINES: [0, 0], BILLS: [0, 0]}
        results = pool.run(self._batches()) if pool is not None else map(self._worker(), self._batches())
        for file, read, _bad in results:
            counts[file][0] += read
        self.feed.lines_read, self.feed.bills_read = counts[LINES][0], counts[BILLS][0]

    def _batches(self) -> Iterator[tuple[int, list]]:
        size = sum(os.path.getsize(path) for path in self.files) or 1
        read = 0  # bytes, roughly
        line_file = LineFile(self.files[0], self.programme.zone, self.programme.carrier.network)
        for number, opened in ((LINES, line_file), (BILLS, BillFile(self.files[1]))):
            with opened:
                batch: list = []
                for records in opened.records():
                    batch += records
                    if len(batch) >= _BATCH_RECORDS:
                        read += sum(map(_length, batch))
                        self._report("read", min(_READING, _READING * read // size))
                        yield number, batch
                        batch = []
                if batch:
                    yield number, batch

    def _report(self, phase: str, percent: int, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._reported_at >= _PROGRESS_EVERY_SECONDS:
            self._reported_at = now
            Feed.objects.filter(pk=self.feed.pk).update(phase=phase, progress=percent)
            self.on_progress(phase, percent)

    # Checks over all rows

    def _reject_repeated(self) -> None:
        """Duplicate keys: keep the first row (even if invalid) and reject the others as REPEATED_KEY."""
        tables = self.tables
        bill_key = "contract_no || chr(31) || item || chr(31) || billed_on::text"
        for file, table, key in ((LINES, tables.line, "contract_no"), (BILLS, tables.bill, bill_key)):
            with connection.cursor() as cursor:
                repeated = f"{tables.bad}_repeated"
                cursor.execute(
                    f"""
                    CREATE UNLOGGED TABLE {repeated} AS
                    WITH keys AS (
                        SELECT ({key}) COLLATE "C" AS key, line_no FROM {table}
                        UNION ALL
                        SELECT key COLLATE "C", line_no FROM {tables.bad} WHERE file = {file} AND key IS NOT NULL
                    ), firsts AS (
                        SELECT key, min(line_no) AS first_no FROM keys GROUP BY key HAVING count(*) > 1
                    )
                    SELECT keys.key, keys.line_no FROM keys JOIN firsts USING (key) WHERE line_no > first_no
                    """
                )
                if cursor.rowcount == 0:
                    cursor.execute(f"DROP TABLE {repeated}")
                    continue
                cursor.execute(f"DELETE FROM {table} t USING {repeated} r WHERE t.line_no = r.line_no")
                cursor.execute(
                    f"DELETE FROM {tables.bad} t USING {repeated} r WHERE t.file = {file} AND t.line_no = r.line_no"
                )
                cursor.execute(
                    f"INSERT INTO {tables.bad} SELECT {file}, line_no, NULL, 'contract_no',"
                    f" split_part(key, chr(31), 1), %s FROM {repeated}",
                    [REPEATED_KEY],
                )
                cursor.execute(f"DROP TABLE {repeated}")
                if file == LINES:
                    cursor.execute(
                        f"DELETE FROM {tables.customer} c WHERE NOT EXISTS (SELECT 1 FROM {tables.line} l"
                        " WHERE l.customer_no = c.customer_no AND l.line_no BETWEEN c.first_no AND c.line_no)"
                    )

    def _reject_unknown(self) -> None:
        """Reject bills whose contract is neither a good line of this delivery nor a line of the register."""
        tables = self.tables
        unknown = (
            f"NOT EXISTS (SELECT 1 FROM {tables.line} l WHERE l.contract_no = b.contract_no)"
            " AND NOT EXISTS (SELECT 1 FROM eligibility_line l WHERE l.contract_no = b.contract_no)"
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH bad AS (DELETE FROM {tables.bill} b WHERE {unknown} RETURNING line_no, contract_no)"
                f" INSERT INTO {tables.bad} SELECT {BILLS}, line_no, NULL, 'contract_no', contract_no, %s FROM bad",
                [UNKNOWN_CONTRACT],
            )

    def _judge_billed(self) -> None:
        """Judge the contracts with bills in this delivery, and the lines of this delivery with stored bills."""
        tables = self.tables
        rows = stored.facts_and_bills(
            f"""
            WITH touched AS (
                SELECT contract_no FROM {tables.bill}
                UNION
                SELECT l.contract_no FROM {tables.line} l
                WHERE EXISTS (SELECT 1 FROM eligibility_bill b WHERE b.contract_no = l.contract_no)
            ), facts AS (
                SELECT {stored.fact_columns("l")} FROM {tables.line} l JOIN touched USING (contract_no)
                UNION ALL
                SELECT {stored.fact_columns("l")} FROM eligibility_line l JOIN touched USING (contract_no)
                WHERE NOT EXISTS (SELECT 1 FROM {tables.line} s WHERE s.contract_no = l.contract_no)
            ), bills AS (
                SELECT contract_no, {stored.BILL_FACTS} FROM {tables.bill}
                UNION ALL
                SELECT b.contract_no, {stored.BILL_FACTS} FROM eligibility_bill b JOIN touched USING (contract_no)
                WHERE NOT EXISTS (
                    SELECT 1 FROM {tables.bill} s
                    WHERE s.contract_no = b.contract_no AND s.item = b.item AND s.billed_on = b.billed_on
                )
            )
            """,
            self.programme,
        )
        columns, verdicts = ("contract_no", *staging.VERDICT), []
        for contract_no, facts, bills in rows:
            verdict = rules.judge(facts, bills, self.programme)
            verdicts.append(staging.verdict_row(contract_no, verdict, self.programme.version))
            if len(verdicts) >= _VERDICT_ROWS:
                staging.copy(tables.verdict, columns, verdicts)
                verdicts.clear()
        staging.copy(tables.verdict, columns, verdicts)

    def _store_rejects(self) -> None:
        feed = self.feed
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO eligibility_reject (feed_id, file, line, "column", value, reason)'
                f' SELECT %s, CASE file WHEN {LINES} THEN %s ELSE %s END, line_no, "column", value, reason'
                f" FROM {self.tables.bad} ORDER BY file, line_no",
                [feed.pk, str(self.files[0]), str(self.files[1])],
            )
            cursor.execute(f"SELECT count(*) FILTER (WHERE file = {LINES}), count(*) FROM {self.tables.bad}")
            feed.lines_rejected, total = cursor.fetchone()
            feed.bills_rejected = total - feed.lines_rejected


def _length(record: tuple[int, str | Iterable[str]]) -> int:
    content = record[1]
    return len(content) + 1 if isinstance(content, str) else sum(map(len, content)) + 1
