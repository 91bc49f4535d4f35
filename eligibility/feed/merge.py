"""Merge staged rows into the register with one SQL statement for each step.

Changed rows are copied to the history and then replaced; new rows are added. Everything runs in the caller's
transaction. A line decision is never changed. Each changed verdict adds a row to VerdictChange.
"""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)
import datetime as dt
from typing import Any, NamedTuple

from django.db import connection

from eligibility.feed.staging import BILL, CUSTOMER, LINE, VERDICT, StagingTables
from eligibility.models import Feed
from kt_remedy.core import clock

_KEYS = {"line": ("contract_no",), "customer": ("customer_no",), "bill": ("contract_no", "item", "billed_on")}
_COLUMNS = {"line": LINE, "customer": CUSTOMER, "bill": BILL}
_AMOUNTS = ("billed_krw", "paid_krw", "waived_krw", "refunded_krw")
# Equal numbers have different ciphertexts, so the blind indexes show whether a number changed.
_LINE_VALUES = tuple(column for column in LINE if column not in {"contract_no", "msisdn_enc", "contact_enc", "as_of"})
_CUSTOMER_COLUMNS = ("outcome", "reasons", "refundable_krw")  # the part of a verdict that matters to the customer


def _row(alias: str, columns: tuple[str, ...]) -> str:
    return f"({', '.join(f'{alias}.{column}' for column in columns)})"


_CHANGED = {
    "line": f"{_row('t', _LINE_VALUES)} IS DISTINCT FROM {_row('s', _LINE_VALUES)}",
    # A name that was loaded under an earlier normal form gets its present one.
    "customer": "(t.digest <> s.digest OR t.name_index <> s.name_index)",
    "bill": f"{_row('t', _AMOUNTS)} <> {_row('s', _AMOUNTS)}",
}


def merge(feed: Feed, tables: StagingTables) -> None:
    """Merge a staged delivery into the register and set the counts of `feed`, which the caller saves."""
    now = clock.now()
    # The last row of a holder in the file counts.
    _run(
        f"DELETE FROM {tables.customer} c USING (SELECT customer_no, max(line_no) AS last_no FROM"
        f" {tables.customer} GROUP BY customer_no HAVING count(*) > 1) d"
        " WHERE d.customer_no = c.customer_no AND c.line_no < d.last_no"
    )
    # Verdicts of lines that have new bills but no row in this delivery.
    bills_only = (
        f"(SELECT * FROM {tables.verdict} v WHERE NOT EXISTS"
        f" (SELECT 1 FROM {tables.line} l WHERE l.contract_no = v.contract_no))"
    )
    feed.verdicts_changed = replace_verdicts(bills_only, feed=feed, now=now)
    columns = ", ".join(f"COALESCE(v.{name}, l.{name}) AS {name}" if name in VERDICT else f"l.{name}" for name in LINE)
    judged = f"(SELECT {columns} FROM {tables.line} l LEFT JOIN {tables.verdict} v USING (contract_no))"
    feed.verdicts_changed += _record_verdict_changes(judged, feed, now)
    feed.blank_names = _count(f"{tables.customer} WHERE name_is_blank")
    feed.customers_changed, feed.customers_new = _replace("customer", tables.customer, feed, now)
    feed.lines_changed, feed.lines_new = _replace("line", tables.line, feed, now, rows=judged)
    feed.bills_changed, feed.bills_new = _replace("bill", tables.bill, feed, now)


def replace_verdicts(verdicts: str, *, feed: Feed | None, now: dt.datetime) -> int:
    """Replace verdicts of the register by those of a table or subquery; returns the number of verdict changes.

    `feed` is None for a rejudge. A verdict that differs in the programme version only is replaced without history.
    """
    changes = _record_verdict_changes(verdicts, feed, now)
    _copy_to_history(
        "line", verdicts, f"{_row('t', VERDICT[:-1])} IS DISTINCT FROM {_row('s', VERDICT[:-1])}", feed, now
    )
    sets = ", ".join(f"{column} = s.{column}" for column in VERDICT)
    _run(
        f"UPDATE eligibility_line t SET {sets} FROM {verdicts} s"
        f" WHERE s.contract_no = t.contract_no AND {_row('t', VERDICT)} IS DISTINCT FROM {_row('s', VERDICT)}"
    )
    return changes


class ChangedVerdict(NamedTuple):
    """The old and the new verdict of a line, amounts in won."""

    contract_no: str
    old_outcome: str
    old_reasons: str
    old_expected_penalty_krw: int
    old_refundable_krw: int
    new_outcome: str
    new_reasons: str
    new_expected_penalty_krw: int
    new_refundable_krw: int


def changed_verdicts(verdicts: str) -> list[ChangedVerdict]:
    """The verdicts that a table or subquery would change, in the order of the contract numbers."""
    old, new = (", ".join(f"{alias}.{column}" for column in VERDICT[:-1]) for alias in "ts")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT t.contract_no, {old}, {new} FROM eligibility_line t JOIN {verdicts} s USING (contract_no)"
            f" WHERE {_row('t', VERDICT[:-1])} IS DISTINCT FROM {_row('s', VERDICT[:-1])} ORDER BY 1"
        )
        return [ChangedVerdict(*row) for row in cursor.fetchall()]


def _run(sql: str, *params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def _count(rows: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {rows}")
        return cursor.fetchone()[0]


def _record_verdict_changes(verdicts: str, feed: Feed | None, now: dt.datetime) -> int:
    """Add a VerdictChange for each known line whose outcome, reasons or refundable amount change; returns the count."""
    return _run(
        f"""
        INSERT INTO eligibility_verdict_change (contract_no, feed_id, old_outcome, old_reasons,
            old_refundable_krw, new_outcome, new_reasons, new_refundable_krw, changed_at)
        SELECT t.contract_no, %s, t.outcome, t.reasons, t.refundable_krw,
            s.outcome, s.reasons, s.refundable_krw, %s
        FROM eligibility_line t JOIN {verdicts} s ON s.contract_no = t.contract_no
        WHERE {_row("t", _CUSTOMER_COLUMNS)} IS DISTINCT FROM {_row("s", _CUSTOMER_COLUMNS)}
        """,
        feed and feed.pk,
        now,
    )


def _replace(table: str, staged: str, feed: Feed, now: dt.datetime, *, rows: str = "") -> tuple[int, int]:
    """Replace changed rows and add new ones; returns both counts. `rows` is `staged` joined with verdicts, if any."""
    columns, condition = _COLUMNS[table], _join_condition(table)
    rows = rows or staged
    _copy_to_history(table, rows, _CHANGED[table], feed, now)
    sets = ", ".join(f"{column} = s.{column}" for column in columns if column not in _KEYS[table])
    changed = _run(f"UPDATE eligibility_{table} t SET {sets} FROM {rows} s WHERE {condition} AND {_CHANGED[table]}")
    # Known rows are deleted from the staging table first. An INSERT with NOT EXISTS on its own target would be slow:
    # the planner takes an empty target for small and scans the new rows again for each row.
    _run(f"DELETE FROM {staged} s USING eligibility_{table} t WHERE {condition}")
    new = _run(f"INSERT INTO eligibility_{table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {rows} s")
    return changed, new


def _copy_to_history(table: str, rows: str, condition: str, feed: Feed | None, now: dt.datetime) -> None:
    columns = _COLUMNS[table]
    _run(
        f"INSERT INTO eligibility_{table}_history ({', '.join(columns)}, replaced_by_id, replaced_at)"
        f" SELECT {', '.join(f't.{column}' for column in columns)}, %s, %s"
        f" FROM eligibility_{table} t JOIN {rows} s ON {_join_condition(table)} WHERE {condition}",
        feed and feed.pk,
        now,
    )


def _join_condition(table: str) -> str:
    return " AND ".join(f"s.{key} = t.{key}" for key in _KEYS[table])
