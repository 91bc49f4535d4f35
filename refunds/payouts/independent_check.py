"""The independent check of a frozen batch: its items counted again from bills, accounts and everything that moved.

It counts independently of the freeze and must keep doing so: the freeze reads the balance, a view in SQL; this module
adds up in Python with the rule itself (`refundable_of`) and with digests of its own. It shares no SQL fragment with
`selection` and never reads `refunds_balance`; otherwise an error there would confirm itself. A bill, account, payment
or item that changed since the freeze gives another digest.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby

from django.db import connection, transaction

from eligibility.rules.facts import Bill
from eligibility.rules.verdict import refundable_of
from kt_remedy.core import programme
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment
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


@dataclass(slots=True)
class Moved:
    """What moved for one application besides the items of the batch, as lines and in won."""

    sent: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    granted: list[str] = field(default_factory=list)
    # Won that these add to what the bills give, and won of approved corrections that no other batch carries.
    net: int = 0
    promised: int = 0
    # Amount of each approved correction, by its key.
    corrections: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The movements as the item keeps them."""
        return "\n".join((*self.sent, *self.outside, *self.cases, *self.granted))


_NOTHING_MOVED = Moved()
_OF_BATCH = "SELECT application_id FROM refunds_item WHERE batch_id = %s AND status <> 'VOID'"
# The earlier and other payments of the applications in a batch, what was sent to them outside the rounds, and their
# corrections and recoveries up to the freeze.
_SENT = f"""
    SELECT application_id, reference, status, amount_krw, count(back.item_id)
    FROM refunds_item i LEFT JOIN refunds_money_back back ON back.item_id = i.id
    WHERE status <> 'VOID' AND batch_id <> %s AND application_id IN ({_OF_BATCH})
    GROUP BY i.id ORDER BY reference COLLATE "C"
"""  # noqa: S608
_OUTSIDE = f"""
    SELECT application_id, id, amount_krw FROM refunds_manual_payment
    WHERE status IN ('RECORDED', 'CONFIRMED') AND application_id IN ({_OF_BATCH}) ORDER BY id
"""  # noqa: S608
_CASES = f"""
    SELECT application_id, id, status, amount_krw, by_exception::int, COALESCE(allowed_krw, 0),
           (SELECT count(*) FROM refunds_item i LEFT JOIN refunds_money_back back ON back.item_id = i.id
            WHERE i.adjustment_id = c.id AND i.batch_id <> %s
              AND (i.status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
                   OR i.status = 'RETURNED' AND back.item_id IS NULL))
    FROM refunds_adjustment c
    WHERE (status = 'APPROVED' AND decided_at < %s
           OR status = 'RECOVERED' AND COALESCE(recovered_at, '-infinity') < %s)
      AND application_id IN ({_OF_BATCH}) ORDER BY id
"""  # noqa: S608


def _movements(batch: Batch) -> dict[str, Moved]:
    moved: defaultdict[str, Moved] = defaultdict(Moved)
    for application, reference, status, won, back in copy_rows(_SENT, [batch.pk, batch.pk]):
        returned = status == Item.Status.RETURNED and back != "0"
        moved[application].sent.append(f"{'returned' if returned else 'sent'}|{reference}|{won}")
        moved[application].net -= 0 if returned else int(won)
    for application, key, won in copy_rows(_OUTSIDE, [batch.pk]):
        moved[application].outside.append(f"outside|{key}|{won}")
        moved[application].net -= int(won)
    cases = copy_rows(_CASES, [batch.pk, batch.prepared_at, batch.prepared_at, batch.pk])
    for application, key, status, won, by_exception, allowed, elsewhere in cases:
        one = moved[application]
        if status == Adjustment.Status.RECOVERED:
            one.cases.append(f"recovered|{key}|{won}")
            one.net += int(won)
            continue
        one.corrections[key] = int(won)
        if elsewhere == "0":
            one.cases.append(f"promised|{key}|{won}")
            one.promised += int(won)
        granted = max(0, int(won) - max(0, int(allowed))) if by_exception == "1" else 0
        if granted:
            one.granted.append(f"granted|{key}|{granted}")
            one.net += granted
    return moved


def check(batch: Batch) -> IndependentCount:
    """Count the items of a batch that were not taken out, by the programme of today. Reads only."""
    result = IndependentCount()
    batch_digest = hashlib.sha256()
    refundable = set(programme.current().waiver.refundable_items)
    query = """
        SELECT i.reference, i.kind, i.application_id, i.account_id, i.amount_krw, i.attempt, encode(i.digest, 'hex'),
               encode(i.bills_digest, 'hex'), i.adjustment_id, i.allowed_krw,
               encode(substr(a.number_index, 1, 5), 'hex'),
               b.item, b.billed_on, b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw
        FROM refunds_item i
        JOIN refunds_account a ON a.id = i.account_id
        LEFT JOIN eligibility_bill b ON b.contract_no = i.contract_no
        WHERE i.batch_id = %s AND i.status <> %s
        ORDER BY i.reference COLLATE "C", b.item COLLATE "C", b.billed_on
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        moved = _movements(batch)
        for head, group in groupby(copy_rows(query, [batch.pk, Item.Status.VOID]), key=lambda row: row[:11]):
            reference, kind, application, account, amount, attempt, stored, stored_bills, correction, limit, index = (
                head
            )
            bills = [row[11:] for row in group if row[11]]
            text = "\n".join("|".join(bill) for bill in bills)
            bills_digest = hashlib.sha256(text.encode()).hexdigest()
            besides = moved.get(application, _NOTHING_MOVED)
            owed = sum(
                refundable_of(Bill(item, *map(int, figures))) for item, _on, *figures in bills if item in refundable
            )
            allowed = owed + besides.net
            line = (
                f"{reference}|{kind}|{application}|{account}|{amount}|{attempt}|{bills_digest}|{allowed}|{besides.text}"
            )
            digest = hashlib.sha256(line.encode())
            won = int(amount)
            expected = allowed - besides.promised if kind == Item.Kind.REFUND else besides.corrections.get(correction)
            if won != expected or won > allowed:
                result.note(reference, "amount")
            if stored_bills != bills_digest:
                result.note(reference, "bills")
            elif limit != str(allowed):
                result.note(reference, "balance")
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
