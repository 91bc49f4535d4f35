"""Statements of the bank: staged, read, confirmed by another person; each line matched; money that is back."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, InternalError, connection, transaction

from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices.models import Message
from refunds import banks, tasks
from refunds.models.applications import Application
from refunds.models.bank_files import BankFile
from refunds.models.batches import ExcludedApplication
from refunds.models.items import Item
from refunds.models.promises import PromiseNotice
from refunds.models.statements import BankStatement, MoneyBack, StatementLine, Suspense
from refunds.payouts import batches, files, offline, statements, suspense
from tests.background import run_due
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount, confirm, stage
from tests.refunds.payouts.money import broken, checker, maker, refused
from tests.refunds.statements import OPENING, camt053, credit, debit, sheet

DAY, NEXT = "2026-01-22", "2026-01-23"


@pytest.fixture
def bank(cut_off, at) -> BankAccount:
    """A morning after the pay day, so that statements of these days have come."""
    return BankAccount()


@pytest.fixture
def paid_out(bank, at):
    """A part with three payments of 100,000 to 100,002 won at the bank; the clock stands after the pay day."""
    batch, file = money.handed_over(3)
    at("2026-01-26T10:00+09:00")
    return batch, file, money.items(batch)


def answered(file: BankFile, rows: list) -> None:
    money.load(money.pain002(file, rows))


def kinds() -> list[tuple[str, int]]:
    return list(Suspense.objects.order_by("id").values_list("kind", "won"))


def statuses(batch) -> list[str]:
    return [item.status for item in money.items(batch)]


@pytest.mark.parametrize("write", [camt053, sheet])
def test_debits_pay_what_was_not_answered(paid_out, bank, write):
    batch, _file, (a, b, c) = paid_out
    row = stage(bank.content(DAY, *(debit(i.amount_krw, i.reference) for i in (a, b, c)), write=write))
    assert (row.status, row.number, row.day, row.opening) == ("STAGED", 1, dt.date(2026, 1, 22), OPENING)
    assert row.preview["PAYMENT"] == row.preview["paid"] == [3, 300_003]
    assert statuses(batch) == ["FILED"] * 3  # staging moves nothing
    assert confirm(row).status == "CONFIRMED"
    batch.refresh_from_db()
    assert (statuses(batch), batch.status) == (["PAID"] * 3, "SETTLED")
    assert Message.objects.filter(kind="payout.paid").count() == 3
    assert not kinds()
    assert not broken()


def test_one_sum_for_the_part_pays_them_too(paid_out, bank):
    batch, file, _items = paid_out
    bank.day(DAY, debit(file.won, file.message_id))
    assert statuses(batch) == ["PAID"] * 3


def test_a_sum_without_reference_belongs_to_the_one_part_of_its_amount(paid_out, bank):
    batch, file, _items = paid_out
    row = bank.day(DAY, debit(file.won))
    assert row.lines.get().file_id == file.pk
    assert statuses(batch) == ["PAID"] * 3


def test_a_credit_returns_a_payment_and_its_money(paid_out, bank):
    _batch, file, (a, b, c) = paid_out
    answered(file, [(i, "ACSC", "") for i in (a, b, c)])
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in (a, b, c)))
    run_due("money")  # what was promised so far
    row = stage(bank.content(NEXT, credit(a.amount_krw, a.reference, code="AC04", words="closed")))
    assert row.preview["after_paid"] == [1, a.amount_krw]
    confirm(row)
    a.refresh_from_db()
    assert (a.status, a.code, a.statement_id) == ("RETURNED", "CLOSED", row.pk)
    assert (a.bank_code, a.words, row.lines.get().words) == ("AC04", "closed", "closed")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT words FROM refunds_statement_line UNION SELECT words FROM refunds_item WHERE words <> ''"
        )
        assert "closed" not in str(cursor.fetchall())
    assert a.application.__class__.objects.get(pk=a.application_id).status == "NEED_ACCOUNT"
    assert MoneyBack.objects.get(item=a).statement_line == row.lines.get()
    assert row.lines.get().after_paid
    run_due("money")
    assert PromiseNotice.objects.get(application=a.application_id).kind == "payout.returned"
    assert not broken()


# When the money of a return is back (D-95) ------------------------------------------------------------------


def test_money_that_is_not_back_is_not_sent_outside_the_rounds_either(paid_out):
    a, _others = returned_once(paid_out)
    abroad = make.account(a.application.line.customer, outcome="OFFLINE", bank=banks.OFFLINE)
    Application.objects.filter(pk=a.application_id).update(account=abroad)
    sent = {"way": "OVERSEAS", "paid_on": dt.date(2026, 1, 20), "reference": "FX-1", "amount_krw": a.amount_krw}
    refused("STATE", offline.record, application_id=a.application_id, user=maker(), **sent)


def returned_once(paid_out) -> tuple[Item, list[Item]]:
    """The first payment of the part came back for a fault of the bank, the others were paid."""
    _batch, file, (a, *others) = paid_out
    answered(file, [(a, "RJCT", "AB08"), *((i, "ACSC", "") for i in others)])
    return a, others


def next_round(at) -> list[tuple[int, str]]:
    """(attempt, reason of exclusion) of what the round of 5 February does with the returned payment."""
    at("2026-02-03T18:00+09:00")
    money.due(50_000)  # something leaves in any case
    batch = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    again = [item.attempt for item in money.items(batch) if item.attempt > 1]
    return again, list(ExcludedApplication.objects.filter(batch=batch).values_list("reason", flat=True))


def test_without_a_statement_the_refund_waits(paid_out, at):
    returned_once(paid_out)
    assert next_round(at) == ([], ["RETURN_NOT_BACK"])


def test_no_debit_on_the_execution_day(paid_out, bank, at):
    a, others = returned_once(paid_out)
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in others))
    assert MoneyBack.objects.get().item == a
    assert next_round(at) == ([2], [])


def test_the_answer_may_come_after_the_statement(paid_out, bank):
    _batch, file, (a, *others) = paid_out
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in others))
    assert not MoneyBack.objects.exists()
    answered(file, [(a, "RJCT", "AB08"), *((i, "ACSC", "") for i in others)])
    assert MoneyBack.objects.get().item == a


def test_debited_and_not_credited_is_not_back(paid_out, bank, at):
    a, others = returned_once(paid_out)
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in (a, *others)))
    assert next_round(at) == ([], ["RETURN_NOT_BACK"])


def test_debited_and_credited_is_back(paid_out, bank, at):
    a, others = returned_once(paid_out)
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in (a, *others)))
    bank.day(NEXT, credit(a.amount_krw, a.reference))
    assert next_round(at) == ([2], [])


@pytest.mark.parametrize(("lacks_returned", "back"), [(True, 1), (False, 0)])
def test_a_part_debited_in_one_sum(paid_out, bank, lacks_returned, back):
    _batch, file, _items = paid_out
    a, _others = returned_once(paid_out)
    bank.day(DAY, debit(file.won - (a.amount_krw if lacks_returned else 0), file.message_id))
    assert MoneyBack.objects.count() == back


def test_a_day_on_which_nothing_of_the_part_was_debited_proves_nothing(paid_out, bank):
    returned_once(paid_out)
    bank.day(DAY, debit(7_000, "FEE"))
    assert not MoneyBack.objects.exists()


def test_a_statement_after_a_gap_proves_nothing(paid_out, bank):
    a, others = returned_once(paid_out)
    bank.day("2026-01-21")
    missing = bank.content("2026-01-21", debit(5))
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in others))
    assert not MoneyBack.objects.exists()
    confirm(stage(missing))
    assert MoneyBack.objects.get().item == a


def test_the_setting_counts_a_return_at_once(paid_out, settings, at):
    settings.RETURNS_NEED_STATEMENT = False
    returned_once(paid_out)
    assert next_round(at) == ([2], [])


# Suspense ---------------------------------------------------------------------------------------------------

CASES = list(csv.DictReader((Path(__file__).parents[2] / "cases" / "statement_lines.csv").open(encoding="utf-8")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_lines_by_table(paid_out, bank, case):
    """`before` and `lines`: entries like `D a 0`, a debit (C: credit) naming payment a, the part, or a word, with the
    difference of its amount."""
    _batch, file, (a, b, c) = paid_out
    known = {"a": (a.reference, a.amount_krw), "b": (b.reference, b.amount_krw), "part": (file.message_id, file.won)}

    def read(text: str) -> list:
        lines = []
        for entry in filter(None, text.split(";")):
            way, name, more = entry.split()
            reference, won = known.get(name, ("" if name == "-" else name, 1_000))
            lines.append((debit if way == "D" else credit)(won + int(more), reference))
        return lines

    if case["answer"]:
        answered(
            file, [(a, case["answer"], "AB08" if case["answer"] == "RJCT" else ""), (b, "ACSC", ""), (c, "ACSC", "")]
        )
    if case["before"]:
        bank.day(case["before_on"] or DAY, *read(case["before"]))
    Suspense.objects.all()
    first = Suspense.objects.count()
    bank.day(case["on"], *read(case["lines"]))
    assert " ".join(kind for kind, _won in kinds()[first:]) == case["suspense"]
    a.refresh_from_db()
    assert a.status == case["a"]
    assert not broken()


def test_a_debit_of_a_refused_part(paid_out, bank):
    batch, file, _items = paid_out
    content = money.pain002(file, [], group="RJCT", reason="AM10")
    money.load(content)
    bank.day(DAY, debit(file.won, file.message_id))
    assert kinds() == [("REFUSED_PART", -file.won)]
    assert statuses(batch) == ["FILED"] * 3
    # The bank executed the refused part after all: the new one must not leave before that is settled.
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    approve = {"file_id": again.pk, "user": checker(), "typed_total": again.won, "sha256": again.sha256}
    refused("STATE", files.approve_part, **approve)
    row = Suspense.objects.get()
    suspense.propose(suspense_id=row.pk, user=maker(), outcome="BANK_ERROR", reason="은행이 되돌려 놓음")
    suspense.decide(suspense_id=row.pk, user=checker(), approve=True)
    assert files.approve_part(**approve).status == "APPROVED"


def test_suspense_is_settled_by_two_people(paid_out, bank):
    bank.day(DAY, credit(1_000, "STRANGER"))
    row = Suspense.objects.get()
    refused("REASON", suspense.propose, suspense_id=row.pk, user=maker(), outcome="FINANCE", reason=" ")
    refused("ROLE", suspense.propose, suspense_id=row.pk, user=checker(), outcome="FINANCE", reason="x")
    suspense.propose(suspense_id=row.pk, user=maker(), outcome="FINANCE", reason="다른 부서 돈")
    both = money.user("both", "checker", person="maker")
    refused("SAME_PERSON", suspense.decide, suspense_id=row.pk, user=both, approve=True)
    suspense.decide(suspense_id=row.pk, user=checker(), approve=False, reason="더 알아보세요")
    row.refresh_from_db()
    assert (row.status, row.proposed_by_id) == ("OPEN", None)
    suspense.propose(suspense_id=row.pk, user=maker(), outcome="FINANCE", reason="재무에 확인함")
    suspense.decide(suspense_id=row.pk, user=checker(), approve=True)
    row.refresh_from_db()
    assert (row.status, row.decided_by) == ("SETTLED", checker())
    refused("STATE", suspense.propose, suspense_id=row.pk, user=maker(), outcome="FINANCE", reason="x")
    assert not suspense.unsettled().exists()


def test_a_credit_without_a_name_is_found_to_be_a_return(paid_out, bank, at):
    a, others = returned_once(paid_out)
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in (a, *others)))
    bank.day(NEXT, credit(a.amount_krw))
    row = Suspense.objects.get()
    give = {"suspense_id": row.pk, "user": maker(), "outcome": "RETURN", "reason": "은행에 확인"}
    refused("ITEM", suspense.propose, reference=others[0].reference, **give)
    suspense.propose(reference=a.reference, **give)
    assert not MoneyBack.objects.exists()
    suspense.decide(suspense_id=row.pk, user=checker(), approve=True)
    assert MoneyBack.objects.get().item == a
    assert next_round(at) == ([2], [])


def test_an_answer_is_settled_by_one_person(paid_out):
    _batch, file, _items = paid_out
    row = suspense.add(kind="ANSWER", won=100, reference="R1-1", part=file, note="다시 만든 파일의 답")
    suspense.propose(suspense_id=row.pk, user=maker(), outcome="EXPLAINED", reason="은행이 잘못 보냄")
    row.refresh_from_db()
    assert row.status == "SETTLED"


# Two people, and what the database refuses ------------------------------------------------------------------


def test_nobody_confirms_alone(paid_out, bank):
    row = stage(bank.content(DAY, credit(1)))
    give = {"statement_id": row.pk, "typed_closing": row.closing}
    refused("ROLE", statements.confirm, user=maker(), **give)
    refused("SAME_PERSON", statements.confirm, user=money.user("both", "checker", person="maker"), **give)
    refused("TOTAL", statements.confirm, user=checker(), statement_id=row.pk, typed_closing=row.closing + 1)
    refused("ROLE", statements.stage, user=checker(), upload=SimpleUploadedFile("s", b"S\t"), name="s")
    with pytest.raises(IntegrityError, match="statement_two_people"), transaction.atomic():
        BankStatement.objects.filter(pk=row.pk).update(
            confirmed_by=maker(), confirmed_person=b"x" * 32, confirmed_at=row.staged_at
        )
    statements.confirm(user=checker(), **give)
    refused("STATE", statements.discard, statement_id=row.pk, user=maker(), reason="x")
    refused("STATE", statements.confirm, user=checker(), **give)


def test_a_discarded_statement_may_come_again(paid_out, bank):
    content = bank.content(DAY, credit(1))
    row = stage(content)
    refused("SAME_FILE", stage, content=content)
    refused("REASON", statements.discard, statement_id=row.pk, user=checker(), reason="")
    statements.discard(statement_id=row.pk, user=checker(), reason="잘못 올림")
    again = stage(content)
    assert again.pk != row.pk
    assert confirm(again).status == "CONFIRMED"
    refused("SAME_FILE", stage, content=content)
    row.refresh_from_db()
    assert row.status == "DISCARDED"
    assert set(row.lines.values_list("match", flat=True)) == {""}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE refunds_statement SET closing = 1",
        "UPDATE refunds_statement SET status = 'STAGED'",
        "UPDATE refunds_statement_line SET match = 'RETURN'",
        "UPDATE refunds_statement_line SET won = 1",
        "UPDATE refunds_suspense SET won = 1",
        "DELETE FROM refunds_statement",
        "DELETE FROM refunds_statement_line",
        "DELETE FROM refunds_suspense",
        "UPDATE refunds_money_back SET item_id = item_id",
    ],
)
def test_the_database_keeps_what_was_confirmed(paid_out, bank, sql):
    _a, others = returned_once(paid_out)
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in others), credit(5))
    with (
        pytest.raises((InternalError, IntegrityError, Exception), match=r"pgtrigger|permission|no way"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_what_changed_after_the_preview_is_not_applied(paid_out, bank):
    _batch, file, (a, b, c) = paid_out
    row = stage(bank.content(DAY, *(debit(i.amount_krw, i.reference) for i in (a, b, c))))
    statements.confirm(statement_id=row.pk, user=checker(), typed_closing=row.closing)
    answered(file, [(i, "ACSC", "") for i in (a, b, c)])
    tasks.carry_out_statement(row.pk)
    row.refresh_from_db()
    assert (row.status, row.refusal_code, row.confirmed_by) == ("STAGED", "CHANGED", None)
    assert statements.refusal(row)
    assert row.preview["paid"] == [0, 0]
    assert confirm(row).status == "CONFIRMED"


def test_a_number_is_confirmed_once(paid_out, bank):
    bank.day(DAY, credit(1))
    bank.number = 0
    other = stage(bank.content(DAY, credit(2)))
    refused("NUMBER", statements.confirm, statement_id=other.pk, user=checker(), typed_closing=other.closing)


def test_the_acts_are_recorded(paid_out, bank):
    row = bank.day(DAY, credit(1))
    found = AuditEntry.objects.filter(object=f"statement:{row.pk}").order_by("id").values_list("action", "actor")
    assert list(found) == [
        ("statement.staged", f"staff:{maker().pk}"),
        ("statement.confirmed", f"staff:{checker().pk}"),
        ("statement.applied", f"staff:{checker().pk}"),
    ]


# What cannot be read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: camt053([credit(5)], account="999"), "ACCOUNT"),
        (lambda: camt053([credit(5)], day="2026-02-01"), "FUTURE"),
        (lambda: camt053([credit(5)], closing=1), "BALANCE"),
        (lambda: sheet([credit(5)], closing=1), "BALANCE"),
        (lambda: sheet([credit(5)]).rpartition(b"Z\t")[0], "CUT"),
        (lambda: camt053([credit(5)])[:-40], "XML"),
    ],
)
def test_a_faulty_statement_is_kept_and_cannot_be_confirmed(paid_out, content, code):
    row = stage(content())
    assert (row.fault_code, row.status, StatementLine.objects.count()) == (code, "STAGED", 0)
    assert statements.fault(row)
    refused("STATE", statements.confirm, statement_id=row.pk, user=checker(), typed_closing=0)
    statements.discard(statement_id=row.pk, user=maker(), reason="은행에서 다시 받음")


def test_what_is_no_statement_is_refused_at_once(bank):
    refused("LAYOUT", stage, content=b"hello")
    assert not BankStatement.objects.exists()


def test_replaced_parts_share_references(paid_out, bank):
    """Both the refused part and the new one are executed: the second debit of each payment is suspense."""
    batch, file, items = paid_out
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    again = money.approve_part(files.replace_refused_file(file_id=file.pk, user=maker()))
    money.hand_over(again)
    row = bank.day("2026-01-26", *(debit(i.amount_krw, i.reference) for i in (*items, *items)))
    assert row.preview["suspense"] == {"DOUBLE": [3, 300_003]}
    assert statuses(batch) == ["PAID"] * 3
