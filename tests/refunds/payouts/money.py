"""A small round to try payouts with: applications that are due, staff who may act, answers as a bank writes them."""

import datetime as dt
import io
from collections.abc import Callable
from contextlib import nullcontext
from xml.sax.saxutils import escape

import pytest
from django.db import connection
from django.db.models import F

from eligibility.models import Bill, Line
from kt_remedy.core import clock, crypto
from kt_remedy.staff.models import User
from refunds import tasks
from refunds.models.accounts import Account
from refunds.models.applications import Application
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import answers, batch_figures, batches, files, guards
from refunds.payouts.answer_checks import AnswerRefused
from refunds.payouts.invariants import verify
from tests.owner import as_owner, two_accounts_of_one_person
from tests.refunds import make

PAY_ON = "2026-01-22"
BEFORE, CUT_OFF = "2026-01-20T17:00+09:00", "2026-01-20T18:00+09:00"


def user(name: str, *roles: str, person: str = "") -> User:
    """A member of staff; `person` is who they are, their own name unless given."""
    if account := User.objects.filter(username=name).first():
        return account
    index = crypto.blind_index(person or name, "ci")
    with two_accounts_of_one_person() if User.objects.filter(person_index=index).exists() else nullcontext():
        return User.objects.create(username=name, roles=list(roles), person_index=index, is_staff=True)


def maker() -> User:
    return user("maker", "maker")


def checker() -> User:
    return user("checker", "checker")


def due(won: int = 160_130, *, number: str = "", name: str = "홍길동", **line) -> Application:
    """An approved application of a November leaver who applied on 16 January."""
    holder = make.customer(name=name)
    of = make.line(holder, refundable_krw=won, expected_penalty_krw=won, **line)
    to = make.account(holder, number=number or f"110{of.pk[1:]:0>8}")
    return make.application(of, to=to)


def billed(row: Application, more: int) -> Application:
    """A later bill: the penalty was `more` won larger, or smaller if negative; all of it was paid."""
    Bill.objects.filter(line=row.line_id).update(billed_krw=F("billed_krw") + more, paid_krw=F("paid_krw") + more)
    Line.objects.filter(pk=row.line_id).update(refundable_krw=F("refundable_krw") + more)
    return row


def spell(account: Account, written: str) -> None:
    """Keep how the bank spells the holder of an account."""
    check = account.holder_check
    check.bank_spelling = written
    check.save(update_fields=["bank_spelling_enc"])


def frozen(count: int = 3) -> Batch:
    """The round of 22 January, frozen with `count` more applications."""
    for n in range(count):
        due(100_000 + n)
    return batches.freeze(pay_on=_day(), user=maker())


def approved(count: int = 3) -> Batch:
    batch = frozen(count)
    return batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)


def filed(count: int = 3) -> tuple[Batch, list[BankFile]]:
    batch = approved(count)
    made = files.create_files(batch_id=batch.pk, user=maker())
    batch.refresh_from_db()
    return batch, made


def count_figures() -> int:
    """Carry out the counts of figures that are due; returns their number."""
    due_batches = list(batch_figures.due_figures().values_list("pk", flat=True))
    for pk in due_batches:
        tasks.count_batch(pk)
    return len(due_batches)


def handed_over(count: int = 3) -> tuple[Batch, BankFile]:
    batch, made = filed(count)
    for file in made:
        hand_over(file)
    batch.refresh_from_db()
    return batch, BankFile.objects.get(pk=made[0].pk)


def hand_over(file: BankFile, user: User | None = None) -> BankFile:
    """A maker hands a part over and confirms its sum."""
    return files.hand_over(file_id=file.pk, user=user or maker(), typed_total=file.won, funds_confirmed=True)


def approve_part(file: BankFile) -> BankFile:
    """Another person approves a part that was made again."""
    return files.approve_part(file_id=file.pk, user=checker(), typed_total=file.won, sha256=file.sha256)


def _day():
    return dt.date.fromisoformat(PAY_ON)


def pain002(
    file: BankFile,
    answers: list[tuple[Item | str, str, str]],
    *,
    group: str = "PART",
    reason: str = "",
    count: int | None = None,
    won: int | None = None,
    amounts: dict[str, int] | None = None,
) -> bytes:
    """A pain.002.001.10 answer: (item or reference, status, reason code) for each payment."""
    rows = []
    for item, status, code in answers:
        reference = item if isinstance(item, str) else item.reference
        why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""
        amount = (amounts or {}).get(reference)
        ref = f'<OrgnlTxRef><Amt><InstdAmt Ccy="KRW">{amount}</InstdAmt></Amt></OrgnlTxRef>' if amount else ""
        rows.append(
            f"<TxInfAndSts><OrgnlEndToEndId>{escape(reference)}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}{ref}"
            "</TxInfAndSts>"
        )
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn><AddtlInf>no</AddtlInf></StsRsnInf>" if reason else ""
    batch = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file.message_id}</OrgnlPmtInfId>\n"
        + "\n".join(rows)
        + "\n</OrgnlPmtInfAndSts>"
        if rows
        else ""
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>\n'
        "<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>2026-01-22T10:00:00+09:00</CreDtTm></GrpHdr>\n"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{file.message_id}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
        f"<OrgnlNbOfTxs>{file.count if count is None else count}</OrgnlNbOfTxs>"
        f"<OrgnlCtrlSum>{file.won if won is None else won}</OrgnlCtrlSum><GrpSts>{group}</GrpSts>{why}"
        f"</OrgnlGrpInfAndSts>\n{batch}</CstmrPmtStsRpt></Document>\n"
    ).encode()


def staged(content: bytes, name: str = "answer.xml", by: User | None = None, *, wait: bool = True) -> BankAnswer:
    """An answer that the maker staged and a worker read; with `wait`, not before the day of the transfer."""
    if wait:
        to_pay_day()
    answer = answers.stage(content=io.BytesIO(content), name=name, user=by or maker())
    tasks.read_answer(answer.pk)
    answer.refresh_from_db()
    return answer


def to_pay_day() -> None:
    """Move business time on to the morning of the last transfer that was handed over."""
    last = BankFile.objects.filter(handed_over_at__isnull=False).order_by("execution_on").last()
    if last and clock.today() < last.execution_on:
        clock._write(clock.kst(last.execution_on, dt.time(9)) - dt.datetime.now(dt.UTC))


def confirmed(answer: BankAnswer, by: User | None = None) -> BankAnswer:
    """The answer, confirmed by the checker and applied by a worker."""
    answers.confirm(
        answer_id=answer.pk,
        user=by or checker(),
        typed=answers.number_to_type(answer),
        asked_whom="영업부 김 과장",
        bank_said="맞습니다",
    )
    tasks.apply_answer(answer.pk)
    answer.refresh_from_db()
    return answer


def load(content: bytes, name: str = "answer.xml", *, wait: bool = True) -> BankAnswer:
    """Stage, read, confirm and apply an answer of the bank. Raises AnswerRefused for one that cannot be taken in."""
    answer = staged(content, name, wait=wait)
    if answer.faults:
        raise AnswerRefused(answers.faults_of(answer), answer.notes[0]["count"])
    return confirmed(answer)


def items(batch: Batch) -> list[Item]:
    return list(batch.items.standing().order_by("id"))


def refused(code: str, act: Callable[..., object], **given: object) -> None:
    """The act does not take place, for this reason."""
    with pytest.raises(guards.Refused) as caught:
        act(**given)
    assert caught.value.code == code


def tamper(table: str, statement: str, *params: object) -> None:
    """A change past the triggers of a table, as somebody with the owner's password could make it."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, params)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def broken() -> dict[str, int]:
    """The invariants of the money that do not hold now, with the number of rows that break each."""
    return {finding.code: finding.count for finding in verify() if finding.count}
