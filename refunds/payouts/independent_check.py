"""The checker's own count: what is in a batch, added up again from the rows it came from, by other means.

The freeze adds up in SQL; this reads items, bills and accounts and adds up here, by the rules' own function. Whatever
was changed since the freeze, in a bill, an account or an item, gives another digest.
"""

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from eligibility.rules.facts import Bill
from eligibility.rules.verdict import refundable_of
from kt_remedy.core.programme import Programme
from refunds.models.batches import Batch
from refunds.models.items import Item

HASH_TOTAL = 10**10
_SHOWN = 100


@dataclass(slots=True)
class Recount:
    """What adding up again gave. `differences` names up to a hundred references with what does not agree."""

    count: int = 0
    won: int = 0
    hash_total: int = 0
    digest: str = ""
    differences: list[tuple[str, str]] = field(default_factory=list)

    def note(self, reference: str, what: str) -> None:
        """Keep one difference, up to a hundred."""
        if len(self.differences) < _SHOWN:
            self.differences.append((reference, what))

    def agrees(self, batch: Batch) -> bool:
        """Whether this is exactly what was frozen."""
        frozen = (batch.count, batch.won, batch.hash_total, batch.digest)
        return not self.differences and frozen == (self.count, self.won, self.hash_total, self.digest)


def rows(sql: str, params: Any) -> Iterator[list[str]]:
    """Rows of a query as text in bounded memory: by COPY through a file, a fifth of what a cursor takes. NULL is "".

    As CSV, since a billed item is whatever billing wrote, tabs and backslashes included.
    """
    with tempfile.TemporaryFile() as spool, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({cursor.mogrify(sql, params).decode()}) TO STDOUT (FORMAT csv)", spool)
        spool.seek(0)
        yield from csv.reader(io.TextIOWrapper(spool, encoding="utf-8", newline=""))


def recount(batch: Batch, programme: Programme) -> Recount:
    """Add up the standing items of a batch again."""
    result = Recount()
    whole = hashlib.sha256()
    refundable = set(programme.waiver.refundable_items)
    query = """
        SELECT i.reference, i.kind, i.application_id, i.account_id, i.amount_krw, i.attempt, encode(i.digest, 'hex'),
               encode(i.bills_digest, 'hex'), encode(substr(a.number_index, 1, 5), 'hex'),
               b.item, b.billed_on, b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw
        FROM refunds_item i
        JOIN refunds_account a ON a.id = i.account_id
        LEFT JOIN eligibility_bill b ON b.contract_no = i.contract_no
        WHERE i.batch_id = %s AND i.status <> %s
        ORDER BY i.reference COLLATE "C", b.item COLLATE "C", b.billed_on
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        for head, group in groupby(rows(query, [batch.pk, Item.Status.VOID]), key=lambda row: row[:9]):
            reference, kind, application, account, amount, attempt, stored, stored_bills, index = head
            bills = [row[9:] for row in group if row[9]]
            text = "\n".join("|".join(bill) for bill in bills)
            bills_digest = hashlib.sha256(text.encode()).hexdigest()
            line = f"{reference}|{kind}|{application}|{account}|{amount}|{attempt}|{bills_digest}"
            digest = hashlib.sha256(line.encode())
            won = int(amount)
            if kind == Item.Kind.REFUND and won != sum(
                refundable_of(Bill(item, *map(int, figures))) for item, _on, *figures in bills if item in refundable
            ):
                result.note(reference, "amount")
            if stored_bills != bills_digest:
                result.note(reference, "bills")
            elif stored != digest.hexdigest():
                result.note(reference, "item")
            result.count += 1
            result.won += won
            # What one account adds to the hash total: 40 bits of its keyed index.
            result.hash_total += int(index, 16)
            whole.update(digest.digest())
    result.hash_total %= HASH_TOTAL
    result.digest = whole.hexdigest()
    return result
