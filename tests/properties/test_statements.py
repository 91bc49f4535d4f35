"""Whatever the order and the days of the bank's lines, and whenever its answer comes: the same end."""

import random

import pytest
from django.db import transaction

from refunds.models.items import Item
from refunds.models.statements import MoneyBack, StatementLine, Suspense
from refunds.payouts import reconciliation
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount
from tests.refunds.payouts.money import broken
from tests.refunds.statements import credit, debit

DAYS = ("2026-01-22", "2026-01-23", "2026-01-26")


def end(batch) -> dict[str, object]:
    """All that matters in the end: states, money that is back, won by payment and in suspense, the last balance."""
    net: dict[str, int] = {}
    for line in StatementLine.objects.exclude(match="SUSPENSE").select_related("item"):
        key = line.item.reference if line.item else "part"
        net[key] = net.get(key, 0) + (line.won if line.direction == "CREDIT" else -line.won)
    for row in Suspense.objects.exclude(line=None):
        net[row.reference] = net.get(row.reference, 0) + row.won
    found = reconciliation.of(reconciliation.open_days()[-1])
    assert found is not None
    assert found.difference == 0
    return {
        "states": {item.reference: item.status for item in money.items(batch)},
        "back": set(MoneyBack.objects.values_list("item__reference", flat=True)),
        "net": {key: won for key, won in net.items() if won},
        "closing": found.closing,
    }


def test_any_shuffle_of_the_lines_over_the_days_ends_alike(cut_off, at):
    batch, file = money.handed_over(7)
    at("2026-01-27T10:00+09:00")
    paid, other, late, debited, refused, unknown, silent = money.items(batch)
    lines = [
        *(debit(item.amount_krw, item.reference) for item in (paid, other, late, debited, unknown, silent)),
        credit(debited.amount_krw, debited.reference, code="AB08"),
        credit(7, "STRANGER"),
        debit(9, "FEE"),
    ]
    answer = money.pain002(
        file,
        [
            *((item, "ACSC", "") for item in (paid, other, late)),
            *((item, "RJCT", "AB08") for item in (debited, refused)),
            (unknown, "PDNG", ""),
        ],
    )
    wanted = {
        "states": {
            **{item.reference: "PAID" for item in (paid, other, unknown, silent)},
            **{item.reference: "RETURNED" for item in (late, debited, refused)},
        },
        "back": {late.reference, debited.reference, refused.reference},
        "net": {
            **{item.reference: -item.amount_krw for item in (paid, other, unknown, silent)},
            "STRANGER": 7,
            "FEE": -9,
        },
    }
    for seed in range(12):
        draw = random.Random(seed)
        with transaction.atomic():
            bank, came = BankAccount(), draw.choice([0, 1, 2])
            days: dict[str, list] = {day: [] for day in DAYS}
            for line in draw.sample(lines, len(lines)):
                days[draw.choice(DAYS)].append(line)
            # The bank does not say "paid" of what it has given back before.
            days[draw.choice(DAYS[came:])].append(credit(late.amount_krw, late.reference, code="AB08"))
            for number, day in enumerate(DAYS):
                if number == came:
                    money.load(answer)
                bank.day(day, *days[day])
            found = end(batch)
            assert {key: found[key] for key in wanted} == wanted, seed
            assert found["closing"] == bank.balance
            assert not broken(), seed
            transaction.set_rollback(True)
        assert set(Item.objects.values_list("status", flat=True)) == {"FILED"}


@pytest.mark.parametrize("fault", ["every line matches", "no debit is asked for"])
def test_a_fault_that_is_put_back_is_found(cut_off, at, monkeypatch, fault):
    """Second lines that count as payments, and returns that are back at once, break an invariant or the end."""
    from refunds.payouts import matching, money_back

    if fault == "every line matches":
        monkeypatch.setattr(matching, "_KIND", "CASE WHEN item_id IS NULL AND file_id IS NULL THEN direction END")
    else:
        monkeypatch.setattr(
            money_back, "_NEVER_DEBITED",
            "SELECT i.id, %(now)s::timestamptz, NULL::bigint FROM refunds_item i JOIN refunds_bank_file f"
            " ON f.id = i.file_id WHERE i.status = 'RETURNED' AND %(first)s::date <= %(last)s::date AND NOT EXISTS ("
            "SELECT FROM refunds_money_back b WHERE b.item_id = i.id)",
        )  # fmt: skip
    batch, file = money.handed_over(2)
    at("2026-01-27T10:00+09:00")
    first, second = money.items(batch)
    money.load(money.pain002(file, [(first, "RJCT", "AB08"), (second, "ACSC", "")]))
    bank = BankAccount()
    lines = [debit(item.amount_krw, item.reference) for item in (first, second)]
    if fault == "every line matches":
        bank.day(DAYS[0], *lines, debit(5, file.message_id))
        assert "I15" in broken()
    else:
        bank.day(DAYS[0], *lines)
        assert end(batch)["back"] == {first.reference}  # wrong: it was debited and nothing came back
