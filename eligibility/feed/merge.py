"""From staging to the register, set by set: what changed is kept as history first, then replaced; what is new is added.

Everything here runs in the caller's transaction. A person's decision on a line is not touched: it stands above the
verdict, and a verdict that changed is a row for whoever holds an application on the line.
"""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)
from django.db import connection

from eligibility.feed.staging import BILL, CUSTOMER, LINE, VERDICT, Tables
from eligibility.models import Feed
from kt_remedy import clock

_KEYS = {"line": ("contract_no",), "customer": ("customer_no",), "bill": ("contract_no", "item", "billed_on")}
_COLUMNS = {"line": LINE, "customer": CUSTOMER, "bill": BILL}
_AMOUNTS = ("billed_krw", "paid_krw", "waived_krw", "refunded_krw")
# Equal numbers have different ciphertexts; their indexes say whether they changed.
_LINE_VALUES = tuple(column for column in LINE if column not in {"contract_no", "msisdn_enc", "contact_enc", "as_of"})
_SHOWN = ("outcome", "reasons", "refundable_krw")  # of a verdict, what a customer acts on


def _row(alias: str, columns: tuple[str, ...]) -> str:
    return f"({', '.join(f'{alias}.{column}' for column in columns)})"


_CHANGED = {
    "line": f"{_row('t', _LINE_VALUES)} IS DISTINCT FROM {_row('s', _LINE_VALUES)}",
    "customer": "t.digest <> s.digest",
    "bill": f"{_row('t', _AMOUNTS)} <> {_row('s', _AMOUNTS)}",
}


def merge(feed: Feed, tables: Tables) -> None:
    """Bring a staged delivery into the register and write the counts into `feed`, which the caller saves."""
    with connection.cursor() as cursor:
        now = clock.now()

        def run(sql: str, *params) -> int:
            cursor.execute(sql, params)
            return cursor.rowcount

        sets = ", ".join(f"{column} = v.{column}" for column in VERDICT)
        run(f"UPDATE {tables.line} s SET {sets} FROM {tables.verdict} v WHERE v.contract_no = s.contract_no")
        # Of bills alone: verdicts of lines that this delivery does not send again.
        run(f"DELETE FROM {tables.verdict} v USING {tables.line} s WHERE s.contract_no = v.contract_no")
        # The last row of a holder counts, as it does for any other key in a later delivery.
        run(
            f"DELETE FROM {tables.customer} c USING (SELECT customer_no, max(line_no) AS last_no FROM"
            f" {tables.customer} GROUP BY customer_no HAVING count(*) > 1) d"
            " WHERE d.customer_no = c.customer_no AND c.line_no < d.last_no"
        )
        for staged in (tables.line, tables.verdict):
            feed.verdicts_changed += run(
                f"""
                INSERT INTO eligibility_verdict_change (contract_no, feed_id, old_outcome, old_reasons,
                    old_refundable_krw, new_outcome, new_reasons, new_refundable_krw, changed_at)
                SELECT t.contract_no, %s, t.outcome, t.reasons, t.refundable_krw,
                    s.outcome, s.reasons, s.refundable_krw, %s
                FROM eligibility_line t JOIN {staged} s ON s.contract_no = t.contract_no
                WHERE {_row("t", _SHOWN)} IS DISTINCT FROM {_row("s", _SHOWN)}
                """,
                feed.pk,
                now,
            )
        feed.customers_changed, feed.customers_new = _replace(run, "customer", tables.customer, feed.pk, now)
        feed.lines_changed, feed.lines_new = _replace(run, "line", tables.line, feed.pk, now)
        _keep(run, "line", tables.verdict, f"{_row('t', VERDICT)} IS DISTINCT FROM {_row('s', VERDICT)}", feed.pk, now)
        sets = ", ".join(f"{column} = s.{column}" for column in VERDICT)
        run(
            f"UPDATE eligibility_line t SET {sets}, as_of = %s FROM {tables.verdict} s"
            f" WHERE s.contract_no = t.contract_no AND {_row('t', VERDICT)} IS DISTINCT FROM {_row('s', VERDICT)}",
            feed.as_of,
        )
        feed.bills_changed, feed.bills_new = _replace(run, "bill", tables.bill, feed.pk, now)


def _replace(run, table: str, staged: str, feed: int, now) -> tuple[int, int]:
    """Replace what changed and add what is new; returns both counts."""
    columns, keys = _COLUMNS[table], _KEYS[table]
    joined = " AND ".join(f"s.{key} = t.{key}" for key in keys)
    _keep(run, table, staged, _CHANGED[table], feed, now)
    sets = ", ".join(f"{column} = s.{column}" for column in columns if column not in keys)
    changed = run(f"UPDATE eligibility_{table} t SET {sets} FROM {staged} s WHERE {joined} AND {_CHANGED[table]}")
    # Known rows leave the staging table first: an INSERT that looks for them in the table it fills would, while the
    # planner still takes that for empty, read through its own new rows again and again.
    run(f"DELETE FROM {staged} s USING eligibility_{table} t WHERE {joined}")
    new = run(f"INSERT INTO eligibility_{table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {staged}")
    return changed, new


def _keep(run, table: str, staged: str, condition: str, feed: int, now) -> None:
    columns, keys = _COLUMNS[table], _KEYS[table]
    joined = " AND ".join(f"s.{key} = t.{key}" for key in keys)
    run(
        f"INSERT INTO eligibility_{table}_history ({', '.join(columns)}, replaced_by_id, replaced_at)"
        f" SELECT {', '.join(f't.{column}' for column in columns)}, %s, %s"
        f" FROM eligibility_{table} t JOIN {staged} s ON {joined} WHERE {condition}",
        feed,
        now,
    )
