"""Which payment or part each line of a statement belongs to, and what follows from it.

One statement fills the temporary table `matched`, another `moves`; the preview counts them and the worker applies them,
so both agree. A line that fits nothing is suspense, and its kind says why.
"""

import json
from typing import Any

from django.db import connection

from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.bankfiles import STATEMENTS
from refunds.models.batches import Batch
from refunds.models.statements import BankStatement
from refunds.payouts import answer_checks, answer_effects, money_back
from refunds.payouts.guards import lock_batch, void_figures
from refunds.promise import service as promise

_LOCK = 0x6B742D73746D74  # one statement at a time

# A line beside the payment or the part that it names. A debit without a reference belongs to the one part of its amount
# that is at the bank and was not debited yet.
_NAMED = """
    SELECT l.id, l.number, l.direction, l.won, l.code, l.words, i.id AS item_id, i.status, i.amount_krw,
           p.id AS file_id, p.status AS part_status, p.replaces_id, p.won AS part_won, p.execution_on,
           row_number() OVER (PARTITION BY i.id, l.direction ORDER BY l.number) AS nth,
           sum(CASE WHEN i.id IS NULL AND l.direction = 'DEBIT' THEN l.won ELSE 0 END)
               OVER (PARTITION BY p.id ORDER BY l.number) AS whole,
           bool_or(i.id IS NULL AND l.direction = 'DEBIT') OVER (PARTITION BY p.id) AS in_one_sum
    FROM refunds_statement_line l
    LEFT JOIN refunds_item i ON l.reference <> '' AND i.reference = l.reference AND i.status <> 'VOID'
    LEFT JOIN refunds_bank_file f ON i.id IS NULL AND l.reference <> '' AND f.message_id = l.reference
    LEFT JOIN LATERAL (
        SELECT min(a.id) AS id FROM refunds_bank_file a
        WHERE l.reference = '' AND l.direction = 'DEBIT' AND a.won = l.won AND a.execution_on <= %(day)s
          AND a.status IN ('HANDED_OVER', 'ACCEPTED')
          AND NOT EXISTS (SELECT FROM refunds_statement_line o
                          WHERE o.file_id = a.id AND o.match IN ('PART', 'PAYMENT'))
        HAVING count(*) = 1
    ) alone ON true
    LEFT JOIN refunds_bank_file p ON p.id = COALESCE(i.file_id, f.id, alone.id)
    WHERE l.statement_id = %(statement)s
"""

# Why a line is suspense, the first that fits; the earlier lines of the same payment or part count.
_KIND = """
    CASE
        WHEN item_id IS NULL AND (file_id IS NULL OR direction = 'CREDIT') THEN direction
        WHEN status = 'QUEUED' OR part_status IN ('MADE', 'APPROVED') AND replaces_id IS NULL THEN 'NOT_OUT'
        WHEN part_status NOT IN ('HANDED_OVER', 'ACCEPTED') THEN 'REFUSED_PART'
        WHEN item_id IS NOT NULL AND won <> amount_krw THEN 'AMOUNT'
        WHEN item_id IS NULL AND whole + COALESCE((
            SELECT sum(o.won) FROM refunds_statement_line o
            WHERE o.file_id = named.file_id AND o.match IN ('PART', 'PAYMENT')), 0) > part_won THEN 'DOUBLE'
        WHEN item_id IS NOT NULL AND (nth > 1 OR EXISTS (
            SELECT FROM refunds_statement_line o
            WHERE o.item_id = named.item_id AND o.match IN ('PAYMENT', 'RETURN') AND o.direction = named.direction))
            THEN 'DOUBLE'
        WHEN item_id IS NOT NULL AND direction = 'DEBIT' AND (in_one_sum OR EXISTS (
            SELECT FROM refunds_statement_line o WHERE o.file_id = named.file_id AND o.match = 'PART')) THEN 'DOUBLE'
        WHEN EXISTS (SELECT FROM refunds_money_back back
                     WHERE back.item_id = named.item_id AND back.statement_id IS NOT NULL) THEN 'AFTER_BACK'
        WHEN direction = 'DEBIT' AND execution_on > %(day)s THEN 'EARLY'
    END
"""

# The payments that the lines move, in the columns of the table `answer` of `answer_checks`: a credit returns one, a
# debit without a credit pays one that was not answered. A part that was debited in one sum pays those that were not
# answered, if the sum lacks nothing but returned payments.
_MOVES = """
    SELECT i.id AS item_id, i.batch_id, i.application_id, i.kind, i.status, i.amount_krw, m.outcome,
           CASE m.outcome WHEN 'RETURNED' THEN %(reasons)s::jsonb ->> m.code ELSE '' END AS reason, m.code, m.words,
           true AS moves
    FROM (
        SELECT item_id, 'RETURNED' AS outcome, code, words
        FROM matched WHERE match = 'RETURN' AND status IN ('FILED', 'UNKNOWN', 'PAID')
        UNION ALL
        SELECT p.item_id, 'PAID', '', ''
        FROM matched p
        WHERE p.match = 'PAYMENT' AND p.status IN ('FILED', 'UNKNOWN')
          AND NOT EXISTS (SELECT FROM matched c WHERE c.item_id = p.item_id AND c.match = 'RETURN')
        UNION ALL
        SELECT o.id, 'PAID', '', ''
        FROM (
            SELECT w.file_id, w.part_won,
                   sum(w.won) + COALESCE((SELECT sum(l.won) FROM refunds_statement_line l
                                          WHERE l.file_id = w.file_id AND l.match = 'PART'), 0) AS won
            FROM matched w WHERE w.match = 'PART' GROUP BY w.file_id, w.part_won
        ) part
        JOIN refunds_item o ON o.file_id = part.file_id AND o.status IN ('FILED', 'UNKNOWN')
        WHERE NOT EXISTS (SELECT FROM matched c WHERE c.item_id = o.id AND c.match = 'RETURN')
          AND (part.won = part.part_won OR part.won = part.part_won - (
              SELECT COALESCE(sum(r.amount_krw), 0) FROM refunds_item r
              WHERE r.file_id = part.file_id AND r.status = 'RETURNED'))
    ) m
    JOIN refunds_item i ON i.id = m.item_id
"""


def lock(row: BankStatement) -> None:
    """Lock what the lines of a statement may move: the statements, then the batches of the payments, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(
            f"SELECT DISTINCT f.batch_id FROM ({_NAMED}) named"  # noqa: S608
            " JOIN refunds_bank_file f ON f.id = named.file_id ORDER BY f.batch_id",
            _params(row),
        )
        batch_ids = [batch_id for (batch_id,) in cursor.fetchall()]
    for batch_id in batch_ids:
        lock_batch(batch_id)


def match(row: BankStatement) -> None:
    """Fill the temporary tables `matched` and `answer` with the lines of a statement that was read. Changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.matched, pg_temp.answer, pg_temp.every_answer")
        cursor.execute(
            f"""
            CREATE TEMP TABLE matched ON COMMIT DROP AS
            SELECT *, CASE WHEN suspended IS NOT NULL THEN 'SUSPENSE' WHEN item_id IS NULL THEN 'PART'
                           WHEN direction = 'DEBIT' THEN 'PAYMENT' ELSE 'RETURN' END AS match
            FROM (SELECT named.*, {_KIND} AS suspended FROM ({_NAMED}) named) judged;
            ANALYZE pg_temp.matched
            """,  # noqa: S608
            _params(row),
        )
        cursor.execute("SELECT DISTINCT code FROM matched WHERE match = 'RETURN'")
        layout = STATEMENTS[row.layout]
        reasons = {code: layout.reason(code) for (code,) in cursor.fetchall()}
        cursor.execute(f"CREATE TEMP TABLE answer ON COMMIT DROP AS {_MOVES}", {"reasons": json.dumps(reasons)})
        cursor.execute("ANALYZE pg_temp.answer")


def _params(row: BankStatement) -> dict[str, Any]:
    return {"statement": row.pk, "day": row.day}


def preview() -> dict[str, Any]:
    """[lines, won] of `matched` by what they are, and of the payments that will move, by how.

    Keys: PAYMENT, PART, RETURN; `suspense` by kind; `paid`, `returned` (first answers), `after_paid`; `reasons` and
    `people` as in the preview of an answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT match, suspended, count(*), sum(won)::bigint FROM matched GROUP BY match, suspended ORDER BY 1, 2"
        )
        lines = cursor.fetchall()
        cursor.execute(
            "SELECT CASE WHEN status = 'PAID' THEN 'after_paid' ELSE lower(outcome) END, count(*),"
            " sum(amount_krw)::bigint FROM answer GROUP BY 1"
        )
        moved = {code: [count, won] for code, count, won in cursor.fetchall()}
    found = {str(match): [count, won] for match, suspended, count, won in lines if suspended is None}
    return {
        **{code: found.get(code, [0, 0]) for code in ("PAYMENT", "PART", "RETURN")},
        **{code: moved.get(code, [0, 0]) for code in ("paid", "returned", "after_paid")},
        "suspense": {str(suspended): [count, won] for _match, suspended, count, won in lines if suspended is not None},
        "reasons": answer_checks.reasons(),
        "people": answer_checks.people(),
    }


def apply(row: BankStatement, user: User) -> None:
    """Write what `matched` and `answer` say: matches, suspense, payments, money that is back, and what follows."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE refunds_statement_line l
            SET match = m.match, item_id = m.item_id, file_id = m.file_id,
                after_paid = m.match = 'RETURN' AND m.status = 'PAID'
            FROM matched m WHERE l.id = m.id
            """
        )
        cursor.execute(
            """
            INSERT INTO refunds_suspense (kind, status, won, reference, part_id, line_id, item_id, note, at, outcome,
                reason)
            SELECT m.suspended, 'OPEN', CASE m.direction WHEN 'CREDIT' THEN m.won ELSE -m.won END, l.reference,
                   m.file_id, m.id, m.item_id, '', %s, '', ''
            FROM matched m JOIN refunds_statement_line l ON l.id = m.id WHERE m.match = 'SUSPENSE' ORDER BY m.number
            """,
            [now],
        )
        cursor.execute(
            """
            UPDATE refunds_item i SET status = t.outcome, status_at = %s, statement_id = %s, code = t.reason,
                bank_code = t.code, words = t.words
            FROM answer t WHERE i.id = t.item_id
            """,
            [now, row.pk],
        )
        cursor.execute(
            """
            INSERT INTO refunds_money_back (item_id, at, statement_line_id)
            SELECT m.item_id, %s, m.id FROM matched m
            WHERE m.match = 'RETURN' AND NOT EXISTS (
                SELECT FROM refunds_money_back back WHERE back.item_id = m.item_id)
            """,
            [now],
        )
    money_back.find()
    answer_effects.follow_returns(row.preview["reasons"], user, now)
    _follow_batches()


def _follow_batches() -> None:
    """Messages and the end of each batch; `answer` holds the payments of one batch at a time."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE pg_temp.answer RENAME TO every_answer; CREATE INDEX ON every_answer (batch_id)")
        cursor.execute(
            "SELECT DISTINCT f.batch_id FROM matched m JOIN refunds_bank_file f ON f.id = m.file_id ORDER BY 1"
        )
        batch_ids = [batch_id for (batch_id,) in cursor.fetchall()]
        for batch in Batch.objects.filter(pk__in=batch_ids).order_by("pk"):
            cursor.execute("DROP TABLE IF EXISTS pg_temp.answer")
            cursor.execute(
                "CREATE TEMP TABLE answer ON COMMIT DROP AS SELECT * FROM every_answer WHERE batch_id = %s", [batch.pk]
            )
            answer_effects.write_messages(batch)
            answer_effects.settle(batch, clock.now())
            promise.refresh_batch(batch.pk, cause="STATEMENT")
            void_figures(batch.pk)
