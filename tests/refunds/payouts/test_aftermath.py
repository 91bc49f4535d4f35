"""After the bank answered: questions, corrections, evidence, the sheet for finance, who is called."""

import csv
import datetime as dt
import io
import json
import zipfile

import openpyxl
import pytest
from django.db import IntegrityError, connection, transaction

from eligibility.models import Bill
from kt_remedy.audit.models import AuditEntry
from refunds import balance, bankfiles
from refunds.applications import change, presenters, transitions
from refunds.bankfiles.records import FileFault
from refunds.models.accounts import Account
from refunds.models.batches import Roster
from refunds.models.cases import Adjustment
from refunds.models.items import Item
from refunds.payouts import (
    audit_bundle,
    batches,
    cases,
    exceptions,
    files,
    inquiry,
    overview,
    roster,
    settlement,
    shared_accounts,
    wipe,
)
from refunds.payouts.answer_checks import AnswerRefused
from tests.desk import at_desk
from tests.owner import as_owner
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import execution_day
from tests.refunds.payouts.money import broken, checker, due, maker, refused
from tests.refunds.promise import telling

pytestmark = pytest.mark.usefixtures("cut_off")

DAY, NEXT, NEXT_CUT_OFF = dt.date(2026, 1, 22), dt.date(2026, 2, 5), "2026-02-03T18:00+09:00"


def load(content: bytes):
    return money.load(content)


def auditor():
    return money.user("auditor", "auditor")


def answered(content: bytes, **codes: str) -> bytes:
    """An inquiry list with its result columns filled in: result code by reference."""
    lines = []
    for line in content.split(b"\r\n"):
        cells = line.split(b"\t")
        if cells[0] == b"Q" and (code := codes.get(cells[2].decode().strip().replace("-", "_"))):
            cells[7] = code.encode()
        lines.append(b"\t".join(cells))
    return b"\r\n".join(lines)


# Questions to the bank ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_what_the_bank_left_out_is_asked_and_settled_by_the_list_it_gives_back(settings, at, layout):
    settings.BANK_FILE_FORMAT = layout
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    if layout == "pain001":
        load(money.pain002(file, [(first, "ACSC", "")]))
    else:
        sheet = b"".join(files.stored_bytes(file.message_id)).split(b"\r\n")
        load(
            b"\r\n".join(
                line[:159] + b"00" + line[161:] if b"\t" + first.reference.encode() in line else line for line in sheet
            )
        )
    assert [row.pk for row in inquiry.unanswered()] == [second.pk, third.pk]
    (open_,) = inquiry.files()
    assert (open_.unknown, open_.unknown_won) == (2, second.amount_krw + third.amount_krw)

    refused("ROLE", inquiry.create_inquiry, file_id=file.pk, user=checker())
    made = inquiry.create_inquiry(file_id=file.pk, user=maker())
    assert (made.name, made.count, made.won) == (f"{file.message_id}-Q01", 2, open_.unknown_won)
    refused("REASON", inquiry.download, inquiry_id=made.pk, user=maker(), reason=" ")
    content = b"".join(inquiry.download(inquiry_id=made.pk, user=maker(), reason="은행에 물음"))
    # Names no account and no holder, and no bank could take it for an order to pay.
    text = content.decode("cp949")
    assert second.account.number not in text
    assert second.account.holder_name not in text
    assert text.startswith("I\t")
    with pytest.raises(FileFault):
        list(bankfiles.layout("sheet").read(content))

    answer = answered(content, **{second.reference.replace("-", "_"): "00", third.reference.replace("-", "_"): "02"})
    load(answer)
    assert [(row.status, row.code) for row in money.items(batch)] == [
        ("PAID", ""),
        ("PAID", ""),
        ("RETURNED", "CLOSED"),
    ]
    batch.refresh_from_db()
    assert batch.status == "SETTLED"
    refused("EMPTY", inquiry.create_inquiry, file_id=file.pk, user=maker())
    refused("SAME_FILE", load, content=answer)
    assert not broken()


def test_an_answer_without_an_answer_changes_nothing_and_is_asked_again():
    batch, file = money.handed_over(2)
    load(money.pain002(file, [(money.items(batch)[0], "ACSC", "")]))
    first = inquiry.create_inquiry(file_id=file.pk, user=maker())
    content = b"".join(files.stored_bytes(first.name))
    refused("OWN_FILE", load, content=content)  # came back as it went
    load(answered(content, **{money.items(batch)[1].reference.replace("-", "_"): "98"}))
    assert money.items(batch)[1].status == "UNKNOWN"
    assert inquiry.create_inquiry(file_id=file.pk, user=maker()).number == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text[: text.rindex(b"E\t")], "잘린"),
        (lambda text: text.replace(b"Q\t000000001", b"X\t000000001"), "I, Q, E"),
    ],
)
def test_a_list_that_is_not_the_one_we_made_is_refused_by_line(change, why):
    batch, file = money.handed_over(2)
    load(money.pain002(file, [(money.items(batch)[0], "ACSC", "")]))
    content = b"".join(files.stored_bytes(inquiry.create_inquiry(file_id=file.pk, user=maker()).name))
    with pytest.raises(AnswerRefused) as caught:
        load(change(content))
    assert why in caught.value.faults[0].text


def test_the_result_code_of_a_refused_file_is_none_of_an_inquiry():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    load(money.pain002(file, [(first, "ACSC", "")]))
    content = b"".join(files.stored_bytes(inquiry.create_inquiry(file_id=file.pk, user=maker()).name))
    answer = load(answered(content, **{second.reference.replace("-", "_"): "99"}))
    assert answer.preview["unlisted"] == [1, second.amount_krw]
    assert money.items(batch)[1].status == "UNKNOWN"


# Corrections ----------------------------------------------------------------------------------------------------------


def paid(count: int = 1) -> list[Item]:
    batch, file = money.handed_over(count)
    load(money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)]))
    return money.items(batch)


def tampered(change: str) -> None:
    """A change of the corrections past the triggers, by somebody with the owner's password."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE refunds_adjustment DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE refunds_adjustment SET {change}")
        cursor.execute("ALTER TABLE refunds_adjustment ENABLE TRIGGER USER")


def corrected(item: Item, won: int = 500, reason: str = "정정") -> Adjustment:
    money.billed(item.application, won)
    made = cases.propose_adjustment(application_id=item.application_id, amount_krw=won, user=maker(), reason=reason)
    return cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)


def test_a_bill_that_was_corrected_shows_what_is_still_owed():
    (item,) = paid()
    assert balance.of(item.application_id).due == 0
    Bill.objects.update(billed_krw=120_000, paid_krw=120_000)
    left = balance.of(item.application_id)
    assert (left.owed, left.paid, left.due) == (120_000, 100_000, 20_000)
    Bill.objects.update(refunded_krw=90_000)  # given back outside the portal, as docs/feed.md defines it
    left = balance.of(item.application_id)
    assert (left.due, left.payable, left.claimable) == (-70_000, 0, 70_000)


def test_one_correction_at_a_time():
    (item,) = paid()
    proposal = {"application_id": item.application_id, "user": maker(), "reason": "정정"}
    money.billed(item.application, 1_000)
    cases.propose_adjustment(amount_krw=500, **proposal)
    refused("STATE", cases.propose_adjustment, amount_krw=500, **proposal)
    second = Adjustment.objects.get()
    second.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save(force_insert=True)


def test_what_was_paid_too_much_is_claimed_back_and_never_paid(at):
    (item,) = paid()
    proposal = {"application_id": item.application_id, "user": maker(), "reason": "더 나감", "cause": "OVERPAID"}
    refused("AMOUNT", cases.propose_adjustment, amount_krw=item.amount_krw + 1, **proposal)
    refused("BALANCE", cases.propose_adjustment, amount_krw=1, **proposal)
    money.billed(item.application, -700)
    refused("BALANCE", cases.propose_adjustment, amount_krw=701, **proposal)
    made = cases.propose_adjustment(amount_krw=700, **proposal)
    refused("STATE", cases.recovered, adjustment_id=made.pk, user=maker(), reason="들어옴")
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)
    at(NEXT_CUT_OFF)
    refused("EMPTY", batches.freeze, pay_on=NEXT, user=maker())
    with pytest.raises(IntegrityError), transaction.atomic():
        tampered("status = 'APPROVED'")
    refused("REASON", cases.recovered, adjustment_id=made.pk, user=maker(), reason="")
    cases.recovered(adjustment_id=made.pk, user=maker(), reason="2월 1일 고객 송금")
    made.refresh_from_db()
    assert made.status == "RECOVERED"
    left = balance.of(item.application_id)
    assert (left.due, left.claimed, left.recovered) == (0, 0, 700)
    refused("BALANCE", cases.propose_adjustment, amount_krw=1, **proposal)


def test_a_correction_that_comes_back_waits_for_another_account_and_leaves_the_refund_paid(at):
    (item,) = paid()
    row = item.application
    corrected(item)
    at(NEXT_CUT_OFF)
    later = batches.freeze(pay_on=NEXT, user=maker())
    batches.approve(batch_id=later.pk, user=checker(), typed_total=later.won, digest=later.digest)
    (file,) = files.create_files(batch_id=later.pk, user=maker())
    money.hand_over(file)
    (extra,) = money.items(later)
    load(money.pain002(file, [(extra, "RJCT", "AC04")]))
    execution_day(file)
    row.refresh_from_db()
    assert row.status == "APPROVED"
    assert not broken()
    (view,) = presenters.present([row])
    assert view.must_change_account
    assert "500원이 되돌아왔습니다" in view.headline
    at("2026-02-12T18:00+09:00")
    refused("EMPTY", batches.freeze, pay_on=dt.date(2026, 2, 19), user=maker())  # not to the same account again
    better = make.account(row.line.customer, number="22033344455")
    person = bytes(row.filing.person_index)
    change.change_account(application_id=row.pk, account_id=better.pk, person_index=person)
    with pytest.raises(transitions.Refused):
        change.withdraw(application_id=row.pk, person_index=person)
    at("2026-02-24T18:00+09:00")
    last = batches.freeze(pay_on=dt.date(2026, 2, 26), user=maker())
    (again,) = money.items(last)
    assert (again.attempt, again.account_id, again.amount_krw) == (2, better.pk, 500)
    assert not broken()


def test_a_doubtful_account_for_a_correction_leaves_what_was_paid_approved(at):
    (item,) = paid()
    row = item.application
    corrected(item)
    holder, number = row.line.customer, "22033344455"
    for name in ("가하나", "나두리", "다세찌"):
        other = make.customer(name=name)
        make.application(make.line(other), to=make.account(other, number=number), status="REVIEW")
    person = bytes(row.filing.person_index)
    shared, better = make.account(holder, number=number), make.account(holder)
    holder.holder_name = "홍길순"
    renamed = make.account(holder)
    agent = money.user("agent", "agent")
    at_desk(agent, row)
    for account, who in ((shared, {"person_index": person}), (renamed, {"staff": agent})):
        with pytest.raises(transitions.Refused) as refusal:
            change.change_account(application_id=row.pk, account_id=account.pk, **who)
        assert refusal.value.code == "DOUBT"
    change.change_account(application_id=row.pk, account_id=better.pk, person_index=person)
    row.refresh_from_db()
    assert (row.status, row.account_id) == ("APPROVED", better.pk)
    assert not broken()


def test_nobody_decides_their_own_case():
    (item,) = paid()
    money.billed(item.application, 1)
    made = cases.propose_adjustment(application_id=item.application_id, amount_krw=1, user=maker(), reason="정정")
    own = money.user("own-checker", "checker")
    type(own).objects.filter(pk=own.pk).update(person_index=item.application.filing.person_index)
    own.refresh_from_db()
    refused("OWN_CASE", cases.decide_adjustment, adjustment_id=made.pk, user=own, approve=True)


def test_an_account_nobody_is_known_behind_moves_no_money():
    due()
    nobody, nobody_else = money.user("nobody", "maker"), money.user("nobody else", "checker")
    for account in (nobody, nobody_else):
        type(account).objects.filter(pk=account.pk).update(person_index=None)
        account.refresh_from_db()
    refused("ROLE", batches.freeze, pay_on=DAY, user=nobody)
    batch = batches.freeze(pay_on=DAY, user=maker())
    refused("ROLE", batches.approve, batch_id=batch.pk, user=nobody_else, typed_total=batch.won, digest=batch.digest)


# Evidence -------------------------------------------------------------------------------------------------------------


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_the_bundle_holds_every_step_and_its_bytes_repeat():
    batch, file = money.handed_over(2)
    one, two = money.items(batch)
    telling.record()
    load(money.pain002(file, [(one, "RJCT", "AC04"), (two, "ACSC", "")]))
    row = one.application
    telling.tell()
    cases.hold(application_id=row.pk, user=maker(), reason="확인 중")
    b"".join(files.download(file_id=file.pk, user=maker(), reason="은행에 올림"))
    first = audit_bundle.build_bundle(application_id=row.pk, clear=True)
    assert first == audit_bundle.build_bundle(application_id=row.pk, clear=True)
    parts = opened(first)
    read = {name: json.loads(part) for name, part in parts.items() if name.endswith(".json")}
    assert [one["status"] for one in read["item-events.json"]] == ["QUEUED", "FILED", "RETURNED"]
    assert [one["status"] for one in read["batch-events.json"]][:2] == ["OPEN", "FROZEN"]
    assert [one["reason"] for one in read["holds.json"]] == ["확인 중"]
    assert [one["reason"] for one in read["downloads.json"]] == ["은행에 올림"]
    assert [one["reason"] for one in read["answers.json"]] == ["CLOSED"]
    assert [one["kind"] for one in read["messages.json"]] == ["payout.at_bank", "payout.returned"]
    assert {"batch.frozen", "batch.approved", "file.handed_over", "application.held"} <= {
        one["action"] for one in read["looks.json"]
    }
    line = parts[f"lines/{one.reference}-part01.txt"]
    assert line in b"".join(files.stored_bytes(file.message_id))
    assert one.account.number.encode() in line
    assert two.reference not in line.decode()
    # Nothing of the keyed indexes or ciphertexts.
    assert not any(name.endswith(("_enc", "_index")) for name in read["application.json"])


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_only_an_auditor_reads_it_in_clear(settings, layout):
    settings.BANK_FILE_FORMAT = layout
    written_otherwise = money.due(number="11000000999").account
    money.spell(written_otherwise, "홍 길 동")
    batch, _file = money.handed_over(1)
    item = batch.items.get(account=written_otherwise)
    secrets = [item.account.number, "홍 길 동", item.application.filing.contact]
    take = {"application_id": item.application_id, "reason": "감사"}
    clear = b"".join(opened(audit_bundle.download_bundle(user=auditor(), **take)).values())
    masked = opened(audit_bundle.download_bundle(user=checker(), **take))
    for secret in secrets:
        assert secret.encode() in clear or secret.encode("cp949") in clear
        for name, part in masked.items():
            assert secret.encode() not in part, name
            assert secret.encode("cp949") not in part, name
    assert masked[f"lines/{item.reference}-part01.txt"]
    refused("ROLE", audit_bundle.download_bundle, user=money.user("agent", "agent"), **take)
    refused("REASON", audit_bundle.download_bundle, user=auditor(), **{**take, "reason": ""})
    looked = AuditEntry.objects.filter(action="evidence.taken")
    assert [entry.detail["clear"] for entry in looked.order_by("id")] == [True, False]
    assert {entry.reason for entry in looked} == {"감사"}


# The sheet for finance ------------------------------------------------------------------------------------------------


def test_the_sheet_adds_up_to_what_sql_says_and_runs_no_formula(at):
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04")]))
    corrected_row = corrected(first, reason='=HYPERLINK("http://x")\x07')
    out = io.BytesIO()
    refused("ROLE", settlement.write_sheet, to=out, user=money.user("agent", "agent"), reason="정산")
    name = settlement.write_sheet(to=out, user=auditor(), reason="정산")
    assert name == "settlement-20260122.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(out.getvalue()))
    rounds, items, corrections, _offline = book.worksheets
    head, line, total = rounds.iter_rows(values_only=True)
    assert line[3:] == (3, batch.won, 1, first.amount_krw, 1, second.amount_krw, 1, third.amount_krw, 0, 0, 0, 0)
    assert total[3:] == line[3:]
    rows = list(items.iter_rows(values_only=True))
    assert [(row[1], row[6]) for row in rows[1:-1]] == [
        (row.reference, row.amount_krw) for row in (first, second, third)
    ]
    assert rows[-1][6] == batch.won
    assert corrections["H2"].data_type == "s"
    assert corrections["H2"].value == '=HYPERLINK("http://x")'
    assert corrections["D2"].value == corrected_row.amount_krw
    for page in book.worksheets:
        for row in page.iter_rows(values_only=True):
            assert first.account.number not in row
            assert first.account.holder_name not in row
    assert len(head) == len(line)


# Who is called, who shares --------------------------------------------------------------------------------------------


def test_what_came_back_is_listed_for_the_call_centre(at):
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    load(money.pain002(file, [(first, "RJCT", "AC04"), (second, "ACSC", "")]))
    (unpaid_return,), over = exceptions.unpaid_returns()
    assert (unpaid_return.reference, unpaid_return.code, unpaid_return.attempts, over) == (
        first.application.filing.reference,
        "CLOSED",
        1,
        False,
    )
    assert (unpaid_return.name, unpaid_return.contact) == ("홍*동", "010-****-0000")
    better = make.account(first.application.line.customer, number="22033344455")
    change.change_account(
        application_id=first.application_id,
        account_id=better.pk,
        person_index=bytes(first.application.filing.person_index),
    )
    assert exceptions.unpaid_returns()[0] == []  # rides with the next round
    at("2026-06-24T00:00+09:00")
    (unpaid_return,), over = exceptions.unpaid_returns()  # no round is left that could take it
    assert (over, unpaid_return.tried_again) == (True, True)
    refused("ROLE", exceptions.call_list, user=checker(), reason="전화")
    refused("REASON", exceptions.call_list, user=money.user("agent", "agent"), reason="")
    content = exceptions.call_list(user=money.user("agent", "agent"), reason="전화")
    head, line = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert line == [
        first.application.filing.reference,
        "홍*동",
        "010-5555-0000",
        "100000",
        "해지된 계좌",
        "1",
        "2026-01-22",
    ]
    assert [entry.reason for entry in AuditEntry.objects.filter(action="item.call_list")] == ["전화"]
    assert len(head) == 7


def test_shared_accounts_and_people_are_found_after_the_wipe(at, settings):
    settings.ACCOUNT_WIPE_DAYS = 30
    rows = [due(100_000 + n, number="11012345678", name=name) for n, name in enumerate(["홍길동", "김민수", "이영희"])]
    due()
    batch = batches.freeze(pay_on=DAY, user=maker())
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    (file,) = files.create_files(batch_id=batch.pk, user=maker())
    money.hand_over(file)
    load(money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)]))
    at("2026-03-01T00:00+09:00")
    wipe.wipe()
    assert not Account.objects.filter(wiped_at=None).exists()
    by_code = {report.code: report for report in shared_accounts.reports()}
    (shared,) = by_code["account"].groups
    assert (shared.people, shared.applications, shared.won) == (3, 3, 300_003)
    assert {row.pk for row in shared_accounts.applications_to_same_account(rows[0])} == {row.pk for row in rows[1:]}
    assert by_code["accounts"].groups == by_code["lines"].groups == by_code["staff"].groups == []
    own = money.user("own", "agent")
    type(own).objects.filter(pk=own.pk).update(person_index=rows[1].filing.person_index)
    (group,) = next(report for report in shared_accounts.reports() if report.code == "staff").groups
    assert group.application.pk == rows[1].pk


def test_one_person_with_several_accounts_and_many_lines():
    holder = make.customer()
    for _n in range(5):
        make.application(make.line(holder))
    by_code = {report.code: report for report in shared_accounts.reports()}
    (several,), (many,) = by_code["accounts"].groups, by_code["lines"].groups
    assert (several.accounts, many.applications, by_code["account"].count) == (5, 5, 0)
    first = several.application
    assert len(shared_accounts.applications_of_same_person(first)) == 4


def test_the_list_behind_a_projection_is_the_projection(at):
    for status in ("REVIEW", "NEED_ACCOUNT", "NEED_ACCOUNT"):
        holder = make.customer()
        make.application(make.line(holder), status=status)
    due()
    at("2026-01-19T10:00+09:00")
    for projected in batches.projection():
        for reason, count, won in projected.excluded:
            exclusions, all_of_them = exceptions.excluded(payout_round=projected.round, reason=reason)
            assert (all_of_them, sum(row.won for row in exclusions)) == (count, won)
        assert exceptions.excluded(payout_round=projected.round, limit=1)[1] == projected.excluded_count


# The wipe keeps what a correction still needs -------------------------------------------------------------------------


def test_an_account_is_kept_while_a_correction_is_to_be_paid(at, settings):
    settings.ACCOUNT_WIPE_DAYS = 30
    first, second = paid(2)
    money.billed(first.application, 5)
    made = cases.propose_adjustment(application_id=first.application_id, amount_krw=5, user=maker(), reason="정정")
    at("2026-03-01T00:00+09:00")
    money.spell(first.account, "홍 길 동")
    money.spell(second.account, "홍 길 동")
    assert wipe.wipe()[0] == 1
    assert Account.objects.get(pk=second.account_id).holder_check.bank_spelling is None
    assert Account.objects.get(pk=first.account_id).holder_check.bank_spelling == "홍 길 동"
    assert Account.objects.get(pk=first.account_id).number
    assert Account.objects.get(pk=second.account_id).number is None
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=False, reason="아님")
    assert wipe.wipe()[0] == 1


# Who does what --------------------------------------------------------------------------------------------------------


def named(duty: str, holder, deputy, by=None):
    return roster.assign(
        duty=duty, holder=holder, deputy=deputy, by=by or money.user("admin", "administrator"), reason="1월"
    )


def test_a_holder_and_a_deputy_for_each_duty():
    second = money.user("second-maker", "maker")
    both = money.user("both", "maker", person="maker")
    both_again = money.user("both again", "checker", person="maker")
    other = money.user("second-checker", "checker")
    refused("ROLE", named, duty="FREEZE", holder=maker(), deputy=second, by=maker())
    refused("UNFIT", named, duty="FREEZE", holder=maker(), deputy=other)
    refused("SAME_PERSON", named, duty="FREEZE", holder=maker(), deputy=both)
    named("FREEZE", maker(), second)
    refused("SAME_PERSON", named, duty="APPROVE", holder=both_again, deputy=checker())
    named("APPROVE", checker(), other)
    named("FREEZE", second, maker())
    assert Roster.objects.count() == 2
    assert AuditEntry.objects.filter(action="roster.named").count() == 3

    due()
    money.frozen(1)
    (approval,) = [duty for duty in overview.duties() if duty.duty == "APPROVE"]
    assert (approval.holder, approval.deputy, approval.unnamed) == ("checker", "second-checker", False)
    type(other).objects.filter(pk=checker().pk).update(roles=[])
    (approval,) = [duty for duty in overview.duties() if duty.duty == "APPROVE"]
    assert (approval.holder, approval.deputy) == ("", "second-checker")
