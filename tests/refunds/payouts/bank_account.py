"""The bank's account in tests: each day's statement follows the one before, and people confirm it."""

from django.core.files.uploadedfile import SimpleUploadedFile

from kt_remedy.staff.models import User
from refunds import tasks
from refunds.models.bank_files import BankFile
from refunds.models.items import Item
from refunds.models.statements import BankStatement
from refunds.payouts import statements
from tests.refunds.payouts.money import checker, maker
from tests.refunds.statements import OPENING, Line, camt053, debit, moved


def stage(content: bytes, *, user: User | None = None, name: str = "statement") -> BankStatement:
    """A statement that the maker uploaded and the worker read."""
    row = statements.stage(upload=SimpleUploadedFile(name, content), name=name, user=user or maker())
    tasks.carry_out_statement(row.pk)
    row.refresh_from_db()
    return row


def confirm(row: BankStatement, *, user: User | None = None) -> BankStatement:
    """Confirmed by the checker and applied by the worker."""
    statements.confirm(statement_id=row.pk, user=user or checker(), typed_closing=row.closing)
    tasks.carry_out_statement(row.pk)
    row.refresh_from_db()
    return row


class BankAccount:
    """The account that refunds are paid from: number and balance go on from statement to statement."""

    def __init__(self) -> None:
        self.number, self.balance = 0, OPENING

    @classmethod
    def of_database(cls) -> "BankAccount":
        """The account after the last statement that was confirmed."""
        bank = cls()
        if last := BankStatement.objects.filter(status="CONFIRMED").order_by("number").last():
            bank.number, bank.balance = last.number, last.closing
        return bank

    def content(self, day: str, *lines: Line, write=camt053) -> bytes:
        """The next statement as a file."""
        self.number += 1
        content = write(list(lines), number=self.number, day=day, opening=self.balance)
        self.balance += moved(list(lines))
        return content

    def day(self, day: str, *lines: Line, write=camt053) -> BankStatement:
        """The next statement, confirmed and applied."""
        return confirm(stage(self.content(day, *lines, write=write)))


def execution_day(file: BankFile) -> BankStatement:
    """The statement of a part's execution day: each payment that did not come back left the account."""
    left = Item.objects.filter(file=file).exclude(status="RETURNED").order_by("id")
    return BankAccount.of_database().day(
        file.execution_on.isoformat(), *(debit(item.amount_krw, item.reference) for item in left)
    )
