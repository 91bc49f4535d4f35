"""Statements at the same moment: one winner each, whatever the second person or worker does."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from refunds import balance, tasks
from refunds.models.batches import Batch, ExcludedApplication
from refunds.models.statements import BankStatement, ClosedDay, MoneyBack, StatementLine, Suspense
from refunds.payouts import batches, reconciliation, statements, suspense
from refunds.payouts.guards import Refused
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount, stage
from tests.refunds.payouts.money import broken, checker, maker
from tests.refunds.statements import credit, debit
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

DAY = "2026-01-22"


@pytest.fixture
def at_bank(cut_off, at):
    batch, file = money.handed_over(3)
    at("2026-01-26T10:00+09:00")
    return batch, file, money.items(batch)


def codes(results: list) -> list[str]:
    """What became of each act: a refusal by its code, else "done"; another error is a fault of the test."""
    for result in results:
        assert not isinstance(result, Exception) or isinstance(result, Refused), repr(result)
    return sorted(result.code if isinstance(result, Refused) else "done" for result in results)


def test_people_at_the_same_moment(at_bank):
    _batch, _file, items = at_bank
    bank = BankAccount()
    content = bank.content(DAY, *(debit(i.amount_krw, i.reference) for i in items), credit(7))
    by, check, other = maker(), checker(), money.user("checker-2", "checker")

    def upload():
        return statements.stage(upload=SimpleUploadedFile("s", content), name="s", user=by)

    assert codes(together(upload, upload)) == ["SAME_FILE", "done"]
    row = BankStatement.objects.get()
    together(lambda: tasks.carry_out_statement(row.pk), lambda: tasks.carry_out_statement(row.pk))
    assert StatementLine.objects.count() == 4
    row.refresh_from_db()

    def confirm(user):
        return lambda: statements.confirm(statement_id=row.pk, user=user, typed_closing=row.closing)

    def discard():
        return statements.discard(statement_id=row.pk, user=by, reason="잘못")

    assert codes(together(confirm(check), confirm(other), discard)) == ["STATE", "STATE", "done"]
    row.refresh_from_db()
    if row.status == "DISCARDED":
        row = stage(content)
        confirm(check)()
    together(lambda: tasks.carry_out_statement(row.pk), lambda: tasks.carry_out_statement(row.pk))
    row.refresh_from_db()
    assert row.status == "CONFIRMED"
    assert Suspense.objects.count() == 1
    entry = Suspense.objects.get()

    def propose():
        return suspense.propose(suspense_id=entry.pk, user=by, outcome="FINANCE", reason="재무")

    assert codes(together(propose, propose)) == ["STATE", "done"]

    def decide(approve):
        return lambda: suspense.decide(suspense_id=entry.pk, user=check, approve=approve, reason="왜")

    assert codes(together(decide(True), decide(False))) == ["STATE", "done"]

    def close():
        return reconciliation.close(day=dt.date(2026, 1, 22), user=check, note="남김")

    assert codes(together(close, close)) == ["STATE", "done"]
    assert ClosedDay.objects.count() == 1
    assert not broken()


def test_two_statements_and_an_answer_meet(at_bank):
    """Two statements name the same debits, and an answer returns one: each payment is matched once."""
    _batch, file, (a, b, c) = at_bank
    bank = BankAccount()
    lines = [debit(i.amount_krw, i.reference) for i in (b, c)]
    rows = [stage(bank.content(DAY, *lines)), stage(bank.content("2026-01-23", *lines))]
    answer = money.staged(money.pain002(file, [(a, "RJCT", "AB08"), (b, "ACSC", ""), (c, "ACSC", "")]))
    for row in rows:
        statements.confirm(statement_id=row.pk, user=checker(), typed_closing=row.closing)
    from refunds.payouts import answers

    answers.confirm(
        answer_id=answer.pk, user=checker(), typed=answers.number_to_type(answer), asked_whom="x", bank_said="y"
    )

    def apply(pk):
        return lambda: tasks.carry_out_statement(pk)

    results = together(apply(rows[0].pk), apply(rows[1].pk), lambda: tasks.apply_answer(answer.pk))
    assert all(result is None for result in results)
    # What another one made void waits for a second look; nothing was applied twice.
    for row in rows:
        for _look in range(2):
            row.refresh_from_db()
            if row.status != "STAGED":
                break
            statements.confirm(statement_id=row.pk, user=checker(), typed_closing=row.closing)
            tasks.carry_out_statement(row.pk)
    answer.refresh_from_db()
    if answer.status == "STAGED":
        money.confirmed(answer)
    assert sorted(StatementLine.objects.values_list("match", flat=True)) == ["PAYMENT"] * 2 + ["SUSPENSE"] * 2
    assert list(MoneyBack.objects.values_list("item", flat=True)) == [a.pk]
    assert not broken()


def test_the_money_of_a_return_comes_back_while_the_next_round_is_frozen(at_bank, at):
    """The freeze takes the refund with its money, or leaves it with its reason; another person can approve either."""
    _batch, file, (a, *others) = at_bank
    money.load(money.pain002(file, [(a, "RJCT", "AB08"), *((item, "ACSC", "") for item in others)]))
    row = stage(BankAccount().content(DAY, *(debit(item.amount_krw, item.reference) for item in others)))
    statements.confirm(statement_id=row.pk, user=checker(), typed_closing=row.closing)
    assert balance.of(a.application_id).payable == 0
    at("2026-02-03T18:00+09:00")
    money.due(50_000)  # something leaves in any case
    pay_on, by = dt.date(2026, 2, 5), maker()
    results = together(
        lambda: batches.freeze(pay_on=pay_on, user=by),
        lambda: tasks.carry_out_statement(row.pk),
        lambda: batches.freeze(pay_on=pay_on, user=by),
    )
    assert codes(results) == ["STATE", "done", "done"]
    frozen = Batch.objects.get(pay_on=pay_on)
    again = frozen.items.filter(application=a.application_id)
    waits = ExcludedApplication.objects.filter(batch=frozen, application=a.application_id)
    assert [item.amount_krw for item in again] == ([] if waits else [a.amount_krw])
    assert [one.reason for one in waits] == ([] if again else ["RETURN_NOT_BACK"])
    assert MoneyBack.objects.get().item == a
    left = balance.of(a.application_id)
    assert (left.at_bank, left.coming_back, left.returned) == (0, 0, a.amount_krw)
    assert (left.queued, left.payable) == ((a.amount_krw, 0) if again else (0, a.amount_krw))
    batches.approve(batch_id=frozen.pk, user=checker(), typed_total=frozen.won, digest=frozen.digest)
    assert not broken()
