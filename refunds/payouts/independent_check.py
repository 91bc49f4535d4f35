"""The independent check of a frozen batch: its items counted again from bills and accounts.

It counts independently of the freeze and must keep doing so: the freeze adds up in SQL, this module in Python with the
rule itself (`refundable_of`) and with digests of its own. It shares no SQL fragment with `selection`; otherwise an
error there would confirm itself. A bill, account or item that changed since the freeze gives another digest.
"""

import hashlib
from dataclasses import dataclass, field
from itertools import groupby

from django.db import connection, transaction

from eligibility.rules.facts import Bill
from eligibility.rules.verdict import refundable_of
from kt_remedy.core import programme
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts.copy_out import copy_rows

HASH_TOTAL = 10**10
_SHOWN = 100


@dataclass(slots=True)
class IndependentCount:
    """The result of the check. `differences` holds up to a hundred references, each with the part that differs."""

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
        """True if the count equals the frozen figures and nothing differs."""
        frozen = (batch.count, batch.won, batch.hash_total, batch.digest)
        return not self.differences and frozen == (self.count, self.won, self.hash_total, self.digest)


def check(batch: Batch) -> IndependentCount:
    """Count the items of a batch that were not taken out, by the programme of today. Reads only."""
    result = IndependentCount()
    batch_digest = hashlib.sha256()
    refundable = set(programme.current().waiver.refundable_items)
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
        for head, group in groupby(copy_rows(query, [batch.pk, Item.Status.VOID]), key=lambda row: row[:9]):
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
            # One account adds 40 bits of its keyed index to the hash total.
            result.hash_total += int(index, 16)
            batch_digest.update(digest.digest())
    result.hash_total %= HASH_TOTAL
    result.digest = batch_digest.hexdigest()
    return result
