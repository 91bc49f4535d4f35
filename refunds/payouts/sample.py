"""A sample of a batch for a person to verify: the riskiest payments first, then some by chance, with their bills."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from eligibility.models import Bill
from kt_remedy.core import masking
from refunds.models.batches import Batch
from refunds.models.items import Item

RISKY, BY_CHANCE = 8, 4
# Of each hint the largest payments are weighed.
_WEIGHED = 200


@dataclass(frozen=True, slots=True)
class SampleBill:
    """A bill row behind a payment, in won."""

    item: str
    billed_on: dt.date
    billed: int
    paid: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """A payment of the sample: why it was chosen (codes of `overview.review_hints`, none by chance), and its bills."""

    item: Item
    name: str
    hints: list[str]
    bills: list[SampleBill]


def choose(batch: Batch, hints: dict[str, list[int]]) -> list[tuple[int, list[str]]]:
    """(key of the item, its hints) of the sample: most hints first, then the largest sum; the rest by chance.

    `hints` are items by hint. Chance is a digest of the reference and of the batch, so that everybody sees the same
    sample, and nobody knows it before the freeze.
    """
    weight: dict[int, list[str]] = defaultdict(list)
    for code, items in hints.items():
        for pk in items:
            weight[pk].append(code)
    won = dict(Item.objects.filter(pk__in=weight).values_list("pk", "amount_krw"))
    risky = sorted(weight, key=lambda pk: (-len(weight[pk]), -won[pk], pk))[:RISKY]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM refunds_item WHERE batch_id = %s AND status <> 'VOID' AND id <> ALL(%s)"
            " ORDER BY md5(reference || %s), id LIMIT %s",
            [batch.pk, risky, batch.digest, BY_CHANCE],
        )
        chance = [pk for (pk,) in cursor.fetchall()]
    return [(pk, weight[pk]) for pk in risky] + [(pk, []) for pk in chance]


def shown(chosen: list[tuple[int, list[str]]], items: dict[int, Item]) -> list[Sampled]:
    """The sample with masked names and the bills as they are now; `items` holds its payments by their keys."""
    bills: dict[str, list[SampleBill]] = defaultdict(list)
    lines = [items[pk].contract_no for pk, _hints in chosen]
    rows = Bill.objects.filter(line__in=lines).order_by("billed_on", "item")
    for row in rows:
        bills[row.line_id].append(SampleBill(row.item, row.billed_on, row.billed_krw, row.paid_krw, row.refunded_krw))
    return [
        Sampled(items[pk], masking.name(items[pk].account.holder_name or ""), hints, bills[items[pk].contract_no])
        for pk, hints in chosen
    ]


def weighed(rows: dict[str, QuerySet[Item]]) -> dict[str, list[int]]:
    """Keys of the largest payments of each review hint."""
    largest = {code: query.order_by("-amount_krw").values_list("pk", flat=True) for code, query in rows.items()}
    return {code: list(keys[:_WEIGHED]) for code, keys in largest.items()}
