"""kill -9 while a statement is read or applied: nothing or everything, and the rerun ends alike."""

import pytest

from refunds.models.items import Item
from refunds.models.statements import BankStatement, MoneyBack, StatementLine, Suspense
from refunds.payouts import statements
from tests.faults.kills import run
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount
from tests.refunds.payouts.money import broken, checker, maker
from tests.refunds.statements import credit, debit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cut_off")]


def test_read_and_apply(at):
    from django.core.files.uploadedfile import SimpleUploadedFile

    batch, file = money.handed_over(3)
    a, b, c = money.items(batch)
    at("2026-01-26T10:00+09:00")
    money.load(money.pain002(file, [(a, "RJCT", "AB08"), (b, "ACSC", ""), (c, "PDNG", "")]))
    content = BankAccount().content(
        "2026-01-22", debit(b.amount_krw, b.reference), debit(c.amount_krw, c.reference), credit(7, "WHO")
    )
    by, check = maker(), checker()

    def stage():
        return statements.stage(upload=SimpleUploadedFile("s", content), name="s", user=by)

    kills = 0
    while not run(stage, kills + 1):
        kills += 1
        assert not BankStatement.objects.exists()
    assert kills > 3
    row = BankStatement.objects.get()

    def work():
        statements.carry_out(BankStatement.objects.get(pk=row.pk))

    kills = 0
    while not run(work, kills + 1):
        kills += 1
        row.refresh_from_db()
        assert (row.read_at, StatementLine.objects.count()) == (None, 0)
    assert kills > 5
    row.refresh_from_db()
    statements.confirm(statement_id=row.pk, user=check, typed_closing=row.closing)
    kills = 0
    while not run(work, kills + 1):
        kills += 1
        row.refresh_from_db()
        assert row.status == "STAGED"
        assert set(StatementLine.objects.values_list("match", flat=True)) == {""}
        assert not (Suspense.objects.exists())
        assert not (MoneyBack.objects.exists())
        assert Item.objects.get(pk=c.pk).status == "UNKNOWN"
    assert kills > 15
    row.refresh_from_db()
    assert row.status == "CONFIRMED"
    assert Item.objects.get(pk=c.pk).status == "PAID"
    assert (Suspense.objects.count(), MoneyBack.objects.get().item_id) == (1, a.pk)
    work()  # a second copy of the task
    assert Suspense.objects.count() == 1
    assert not broken()
