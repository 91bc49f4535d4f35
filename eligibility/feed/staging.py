"""Staging tables of a delivery: unlogged tables whose names contain the id of the feed.

They live in a schema that the worker's role owns; everywhere else that role makes no table.

A name is never used twice, so a worker that outlives its killed load finds no tables to write into. Personal values
are stored as in the register: encrypted or as blind indexes, never as plaintext.
"""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)
import io
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, models

from eligibility.models import Bill, Customer, Line
from eligibility.rules import Verdict
from kt_remedy.core.grants import STAGING


def _columns(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(str(field.column) for field in model._meta.concrete_fields)


LINE = tuple(name for name in _columns(Line) if name != "decided_outcome")
CUSTOMER = _columns(Customer)
BILL = _columns(Bill)
VERDICT = ("outcome", "reasons", "expected_penalty_krw", "refundable_krw", "programme_version")

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
NULL = "\\N"


@dataclass(frozen=True)
class StagingTables:
    """The names of one feed's staging tables."""

    feed: int

    @property
    def line(self) -> str:
        """Good rows of lines.csv with their line numbers."""
        return f"{STAGING}.feed_{self.feed}_line"

    @property
    def customer(self) -> str:
        """Holders of the good rows: one row for each run of equal holders, with its first and last line number."""
        return f"{STAGING}.feed_{self.feed}_customer"

    @property
    def bill(self) -> str:
        """Good rows of bills.csv with their line numbers."""
        return f"{STAGING}.feed_{self.feed}_bill"

    @property
    def verdict(self) -> str:
        """Verdicts of the contracts that have bills."""
        return f"{STAGING}.feed_{self.feed}_verdict"

    @property
    def bad(self) -> str:
        """Bad rows of both files (0 lines, 1 bills), values masked."""
        return f"{STAGING}.feed_{self.feed}_bad"

    def create(self) -> None:
        """Create the empty tables."""
        with connection.cursor() as cursor:
            for name, columns, model, extra in (
                (self.line, LINE, Line, "line_no"),
                (self.customer, CUSTOMER, Customer, "first_no, line_no"),
                (self.bill, BILL, Bill, "line_no"),
                (self.verdict, ("contract_no", *VERDICT), Line, ""),
            ):
                numbers = "".join(f", 0::bigint AS {column}" for column in extra.split(", ") if column)
                cursor.execute(
                    f"CREATE UNLOGGED TABLE {name} AS"
                    f" SELECT {', '.join(columns)}{numbers} FROM {model._meta.db_table} WITH NO DATA"
                )
            cursor.execute(
                f"CREATE UNLOGGED TABLE {self.bad} (file smallint, line_no bigint, key text,"
                ' "column" text, value text, reason text)'
            )

    def analyse(self) -> None:
        """Update the statistics of the query planner, of keys alone: of all columns they take half a second more."""
        with connection.cursor() as cursor:
            for name, keys in (
                (self.line, "contract_no, customer_no, line_no"),
                (self.customer, "customer_no, first_no, line_no"),
                (self.bill, "contract_no, item, billed_on, line_no"),
                (self.bad, "file, line_no, key"),
            ):
                cursor.execute(f"ANALYZE {name} ({keys})")


def existing() -> list[str]:
    """The staging tables there are, with their schema."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [STAGING])
        return [f"{STAGING}.{name}" for (name,) in cursor.fetchall()]


def drop_all() -> None:
    """Drop every staging table of the database. The caller must hold the lock of the load."""
    with connection.cursor() as cursor:
        for name in existing():
            cursor.execute(f"DROP TABLE IF EXISTS {name}")


def escaped(text: str) -> str:
    """Free text in COPY format. NUL, which the database cannot store, becomes U+FFFD."""
    return text.translate(_ESCAPES).replace("\0", "\ufffd")


def verdict_row(contract_no: str, verdict: Verdict, version: str) -> str:
    """A verdict as a line of COPY text in the column order contract_no, VERDICT."""
    return (
        f"{contract_no}\t{verdict.outcome}\t{';'.join(verdict.reasons)}\t{verdict.expected_penalty}"
        f"\t{verdict.refundable}\t{version}\n"
    )


def copy(table: str, columns: Iterable[str], rows: list[str]) -> None:
    """COPY lines of text, each with its line break, into a table."""
    if rows:
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {table} ({', '.join(columns)}) FROM STDIN", io.StringIO("".join(rows)), size=1 << 16
            )
