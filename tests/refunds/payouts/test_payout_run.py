"""From frozen batch to bank result: each step, who may take it, and what voids it."""

import datetime as dt
import hashlib

import pytest
from django.db import Error, connection, transaction
from lxml import etree

from eligibility.models import Bill
from kt_remedy.audit import chain, heads
from kt_remedy.audit.models import AuditEntry, AuditSeal
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message
from refunds.applications import change, transitions
from refunds.bankfiles import iso20022
from refunds.models.applications import Application
from refunds.models.bank_files import BankFile, Download
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import batches, cases, files, independent_check, inquiry
from refunds.payouts.answer_checks import AnswerRefused
from refunds.payouts.sms import announce_hand_over
from tests.notices.gateway_stand_in import texts_to
from tests.notices.sending import send_due
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import execution_day
from tests.refunds.payouts.money import BEFORE, CUT_OFF, broken, checker, due, maker, refused, tamper
from tests.refunds.promise import telling

pytestmark = pytest.mark.usefixtures("cut_off")

DAY = dt.date(2026, 1, 22)


def test_freeze_copies_amount_account_and_digest():
    first, second = due(100_000), due(60_130)
    batch = batches.freeze(pay_on=DAY, user=maker())
    assert (batch.status, batch.count, batch.won, batch.number) == ("FROZEN", 2, 160_130, 1)
    assert batch.prepared_by == maker()
    item = Item.objects.get(application=first)
    assert (item.amount_krw, item.account_id, item.attempt, item.reference, item.status) == (
        100_000,
        first.account_id,
        1,
        f"R{first.pk}-1",
        "QUEUED",
    )
    bill = Bill.objects.get(line=first.line)
    row = f"SUBSIDY_CLAWBACK|{bill.billed_on}|100000|100000|0|0"
    assert bytes(item.bills_digest) == hashlib.sha256(row.encode()).digest()
    assert AuditEntry.objects.filter(action="batch.frozen", object="batch:2026-01-22").count() == 1
    assert second.items.live().get().amount_krw == 60_130


def test_freeze_waits_for_the_cut_off_and_for_a_maker(at):
    due()
    refused("ROLE", batches.freeze, pay_on=DAY, user=checker())
    refused("ROUND", batches.freeze, pay_on=dt.date(2026, 1, 23), user=maker())
    at("2026-01-20T17:59:59+09:00")
    refused("CUT_OFF", batches.freeze, pay_on=DAY, user=maker())
    assert Item.objects.count() == 0


def test_freeze_twice_and_an_empty_round_are_refused():
    refused("EMPTY", batches.freeze, pay_on=DAY, user=maker())
    assert Batch.objects.count() == 0
    money.frozen(1)
    refused("STATE", batches.freeze, pay_on=DAY, user=maker())


def test_the_checker_counts_bills_of_any_item_the_same(at):
    """A billed item is whatever billing wrote: tabs, quotes, backslashes and line breaks included."""
    odd = money.due()
    for n, item in enumerate(["A\\tB", "A\tB", "\\N", 'A"B,C', "A\nB", "가 나"]):
        Bill.objects.create(
            line=odd.line,
            item=item,
            billed_on=dt.date(2025, 12, 1 + n),
            billed_krw=10,
            paid_krw=10,
            waived_krw=0,
            refunded_krw=0,
            as_of=dt.date(2026, 1, 14),
        )
    batch = money.frozen(1)
    counted = independent_check.check(batch)
    assert counted.differences == []
    assert counted.agrees(batch)


def test_what_stays_behind_is_counted_by_reason(at):
    payable = due(100_000)
    late_leaver = due(50_000, terminated="2026-01-05T10:00+09:00")  # waits for 19 February: not this round's
    reviewed = due()
    Application.objects.filter(pk=reviewed.pk).update(status="REVIEW")
    held_application = due()
    cases.hold(application_id=held_application.pk, user=maker(), reason="확인 중")
    changed = due()
    Application.objects.filter(pk=changed.pk).update(hold_until=dt.datetime.fromisoformat("2026-01-20T18:00:01+09:00"))
    after = due()
    Application.objects.filter(pk=after.pk).update(status_since=dt.datetime.fromisoformat(CUT_OFF))
    flipped = due(outcome="NOT_ELIGIBLE")
    mismatch = due(70_000)
    Bill.objects.filter(line=mismatch.line).update(paid_krw=60_000)
    batch = batches.freeze(pay_on=DAY, user=maker())
    assert [item.application_id for item in money.items(batch)] == [payable.pk]
    assert {reason: count for reason, (count, _won) in batch.excluded.items()} == {
        "REVIEW": 1,
        "HELD": 1,
        "ACCOUNT_CHANGED": 1,
        "AFTER_CUT_OFF": 1,
        "VERDICT_CHANGED": 1,
        "AMOUNT_MISMATCH": 1,
    }
    assert late_leaver.pk not in [item.application_id for item in money.items(batch)]
    assert flipped.pk


def test_amount_is_what_is_still_the_customers_money():
    row = due(0)
    of = row.line
    for n, (item, billed, paid, refunded) in enumerate(
        [
            ("SUBSIDY_CLAWBACK", 300_000, 300_000, 100_000),
            ("DISCOUNT_CLAWBACK", 50_000, 60_000, 0),
            ("DISCOUNT_CLAWBACK", 10_000, 10_000, 20_000),
            ("DEVICE_INSTALMENT", 500_000, 500_000, 0),
        ]
    ):
        Bill.objects.create(
            line=of, item=item, billed_on=dt.date(2025, 12, 1 + n), billed_krw=billed, paid_krw=paid, waived_krw=0,
            refunded_krw=refunded, as_of=DAY,
        )  # fmt: skip
    type(of).objects.filter(pk=of.pk).update(refundable_krw=250_000)
    batch = batches.freeze(pay_on=DAY, user=maker())
    assert batch.won == 250_000
    assert independent_check.check(batch).agrees(batch)


def test_the_projection_is_what_the_freeze_takes(at):
    at(BEFORE)
    due(100_000)
    due(50_000, terminated="2026-01-05T10:00+09:00")
    waiting = due(30_000)
    Application.objects.filter(pk=waiting.pk).update(status="NEED_ACCOUNT")
    first, second, third, weekly = batches.projection()
    assert (first.round.pay_on, first.count, first.won, first.excluded) == (
        DAY,
        1,
        100_000,
        [("NEED_ACCOUNT", 1, 30_000)],
    )
    assert (second.count, third.count, third.won, weekly.count) == (0, 1, 50_000, 0)
    assert weekly.round.supplementary


def test_another_person_approves_what_they_saw():
    batch = money.frozen()
    good = {"batch_id": batch.pk, "user": checker(), "typed_total": batch.won, "digest": batch.digest}
    refused("ROLE", batches.approve, **{**good, "user": maker()})
    refused("TOTAL", batches.approve, **{**good, "typed_total": batch.won + 1})
    refused("CHANGED", batches.approve, **{**good, "digest": "0" * 64})
    chain.seal_entries()
    done = batches.approve(**good)
    entry = AuditEntry.objects.get(action="batch.approved")
    assert entry.detail["audit_head"] == AuditSeal.objects.latest("position").digest.hex()
    assert done.approved_head == str(chain.end())
    assert [head.source for head in heads.stored()] == [f"in the approval of batch {batch.pk}"]
    assert (done.status, done.approved_digest, done.approved_by) == ("APPROVED", batch.digest, checker())
    refused("STATE", batches.approve, **good)


def test_one_person_with_two_accounts_is_still_one_person():
    batch = money.frozen()
    both, both_again = money.user("both", "maker"), money.user("both again", "checker", person="both")
    other = money.user("second account", "checker", person="maker")
    for user in (other,):
        refused(
            "SAME_PERSON", batches.approve, batch_id=batch.pk, user=user, typed_total=batch.won, digest=batch.digest
        )
    batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")
    again = batches.freeze(pay_on=DAY, user=both)
    refused(
        "SAME_PERSON", batches.approve, batch_id=again.pk, user=both_again, typed_total=again.won, digest=again.digest
    )


def test_the_database_refuses_one_person_as_maker_and_checker():
    batch = money.frozen()
    for column in ("approved_by = prepared_by", "approved_person = prepared_person"):
        by, person = ("prepared_by_id", "'x'::bytea") if "by =" in column else (str(checker().pk), "prepared_person")
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE refunds_batch SET status = 'APPROVED', approved_by_id = {by}, approved_person = {person},"
                " approved_at = now(), approved_digest = digest"
            )
    batch.refresh_from_db()
    assert batch.status == "FROZEN"


@pytest.mark.parametrize("what", ["bill", "paid", "new bill"])
def test_whatever_changes_after_the_freeze_voids_it(what):
    batch = money.frozen()
    line = money.items(batch)[0].application.line
    if what == "bill":
        Bill.objects.filter(line=line).update(refunded_krw=5)
    elif what == "paid":
        Bill.objects.filter(line=line).update(paid_krw=7_000)
    else:
        Bill.objects.create(
            line=line, item="USAGE", billed_on=DAY, billed_krw=1, paid_krw=1, waived_krw=0, refunded_krw=0, as_of=DAY
        )
    again = independent_check.check(batch)
    assert not again.agrees(batch)
    assert again.differences[0][0] == money.items(batch)[0].reference
    refused("DIFFERS", batches.approve, batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)


def test_sent_back_opens_the_batch_and_freezing_again_gives_the_same_digest():
    batch = money.approved()
    digest = batch.digest
    refused("REASON", batches.send_back, batch_id=batch.pk, user=checker(), reason=" ")
    opened = batches.send_back(batch_id=batch.pk, user=checker(), reason="한 번 더 보겠습니다")
    assert (opened.status, opened.approved_by, opened.digest, opened.count) == ("OPEN", None, "", None)
    assert set(opened.items.values_list("status", flat=True)) == {"VOID"}
    again = batches.freeze(pay_on=DAY, user=maker())
    assert (again.digest, again.status, again.approved_digest) == (digest, "FROZEN", "")


def test_one_taken_out_rides_with_the_next_round(at):
    batch = money.approved()
    out, *remaining = money.items(batch)
    opened = batches.take_out(item_ids=[out.pk], user=maker(), reason="고객 요청 확인")
    assert (opened.status, opened.approved_by) == ("OPEN", None)
    again = batches.freeze(pay_on=DAY, user=maker())
    assert again.count == len(remaining)
    assert again.excluded == {"TAKEN_OUT": [1, out.amount_krw]}
    assert again.digest != batch.digest
    at("2026-02-03T18:00+09:00")
    later = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    assert [item.application_id for item in money.items(later)] == [out.application_id]
    assert money.items(later)[0].attempt == 1


def test_the_file_is_made_once_valid_and_kept_as_it_was(pain001_schema):
    batch, (made,) = money.filed()
    content = b"".join(files.stored_bytes(made.message_id))
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (made.sha256, made.size)
    assert (made.count, made.won, made.execution_on) == (batch.count, batch.won, DAY)
    pain001_schema.assertValid(etree.fromstring(content))
    paid = [payment for _line, payment in iso20022.Pain001().read(content)]
    assert [(p.reference, p.amount) for p in paid] == [(i.reference, i.amount_krw) for i in money.items(batch)]
    assert paid[0].holder == "홍길동"
    assert paid[0].number == Item.objects.get(reference=paid[0].reference).account.number
    assert {item.status for item in money.items(batch)} == {"FILED"}
    refused("STATE", files.create_files, batch_id=batch.pk, user=maker())
    with connection.cursor() as cursor:
        cursor.execute("SELECT data_enc FROM refunds_chunk")
        assert b"CstmrCdtTrfInitn" not in bytes(cursor.fetchone()[0])


def test_no_file_without_approval_or_of_other_content():
    batch = money.frozen()
    refused("STATE", files.create_files, batch_id=batch.pk, user=maker())
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    refused("ROLE", files.create_files, batch_id=batch.pk, user=checker())
    tamper(
        "refunds_item", "UPDATE refunds_item SET amount_krw = amount_krw - 1 WHERE id = %s", money.items(batch)[0].pk
    )
    refused("CHANGED", files.create_files, batch_id=batch.pk, user=maker())
    assert BankFile.objects.count() == 0


def test_parts_where_the_bank_limits_rows(settings):
    settings.BANK_FILE_MAX_ROWS = 2
    batch, made = money.filed(5)
    assert [(f.part, f.count, f.name) for f in made] == [
        (1, 2, "KT-2026-20260122-01.xml"),
        (2, 2, "KT-2026-20260122-02.xml"),
        (3, 1, "KT-2026-20260122-03.xml"),
    ]
    assert sum(f.won for f in made) == batch.won
    for part in made:
        batch.refresh_from_db()
        assert (batch.status, batch.stage, batch.handed_over) == ("FILED", "FILED", False)
        money.hand_over(part)
    batch.refresh_from_db()
    assert (batch.status, batch.stage, batch.handed_over) == ("FILED", "HANDED_OVER", True)


def test_a_download_is_logged_and_gives_the_same_bytes():
    _batch, (made,) = money.filed()
    refused("REASON", files.download, file_id=made.pk, user=maker(), reason="")
    refused("ROLE", files.download, file_id=made.pk, user=checker(), reason="보려고")
    first = b"".join(files.download(file_id=made.pk, user=maker(), reason="은행 창구에 올림"))
    second = b"".join(files.download(file_id=made.pk, user=maker(), reason="한 번 더"))
    assert first == second
    assert hashlib.sha256(first).hexdigest() == made.sha256
    assert list(Download.objects.values_list("reason", flat=True).order_by("id")) == ["은행 창구에 올림", "한 번 더"]


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_an_uploaded_copy_is_compared_by_row(settings, layout):
    settings.BANK_FILE_FORMAT = layout
    batch, (made,) = money.filed(4)
    content = b"".join(files.stored_bytes(made.message_id))
    comparison = files.compare(file_id=made.pk, content=content, user=checker())
    assert (comparison.same, comparison.identical) == (True, True)
    # Another account to pay from is in no row: the rows are the same, the file is not.
    elsewhere = content.replace(b"1005000000000", b"1005000000009", 1)
    comparison = files.compare(file_id=made.pk, content=elsewhere, user=checker())
    assert (comparison.same, comparison.identical) == (True, False)
    first, second, third, _four = money.items(batch)
    lines = content.split(b"\n")
    where = {
        item.reference: n
        for n, line in enumerate(lines)
        for item in (first, second, third)
        if item.reference.encode() in line
    }
    changed = lines.copy()
    amount, other = (b">100000<", b">100009<") if layout == "pain001" else (b"\t0000000100000\t", b"\t0000000100009\t")
    assert amount in changed[where[first.reference]]
    changed[where[first.reference]] = changed[where[first.reference]].replace(amount, other)
    changed[where[second.reference]] = lines[where[third.reference]]
    extra = lines[where[third.reference]].replace(third.reference.encode(), b"R0" + third.reference.encode()[2:])
    changed.insert(where[third.reference] + 1, extra)
    comparison = files.compare(file_id=made.pk, content=b"\n".join(changed), user=checker())
    assert [(reference, names) for _line, reference, names in comparison.changed] == [(first.reference, ["amount"])]
    assert comparison.dropped == [second.reference]
    assert [reference for _line, reference in comparison.doubled] == [third.reference]
    assert [reference for _line, reference in comparison.added] == ["R0" + third.reference[2:]]


def test_hand_over_checks_the_seal_and_happens_once():
    _batch, (made,) = money.filed()
    tamper("refunds_bank_file", "UPDATE refunds_bank_file SET sha256 = repeat('0', 64)")
    refused("SEAL", money.hand_over, file=made)
    tamper("refunds_bank_file", "UPDATE refunds_bank_file SET sha256 = %s", made.sha256)
    money.hand_over(made)
    refused("STATE", money.hand_over, file=made)


def test_a_customer_may_not_change_what_is_frozen():
    batch = money.frozen(1)
    row = money.items(batch)[0].application
    with pytest.raises(transitions.Refused):
        change.withdraw(application_id=row.pk, person_index=bytes(row.filing.person_index))
    assert Application.objects.get(pk=row.pk).status == "APPROVED"


# What the database itself refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refunds_item SET amount_krw = 1",
        "UPDATE refunds_item SET account_id = account_id, digest = 'x'",
        "UPDATE refunds_item SET status = 'PAID'",
        "DELETE FROM refunds_item",
        "DELETE FROM refunds_batch",
        "UPDATE refunds_batch SET won = won + 1",
        "UPDATE refunds_batch SET status = 'FILED'",
        "UPDATE refunds_batch SET pay_on = '2026-01-23'",
        "INSERT INTO refunds_item (batch_id, kind, application_id, account_id, contract_no, amount_krw, attempt,"
        " reference, bills_digest, digest, status, status_at, taken_out_because, code, words)"
        " SELECT batch_id, kind, application_id, account_id, contract_no, amount_krw, 2, 'other', bills_digest, digest,"
        " 'QUEUED', status_at, '', '', '' FROM refunds_item",
    ],
)
def test_a_statement_typed_offline_is_refused(statement):
    money.frozen(1)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refunds_chunk SET data_enc = 'x'",
        "DELETE FROM refunds_chunk",
        "UPDATE refunds_bank_file SET sha256 = 'x'",
        "DELETE FROM refunds_bank_file",
        "UPDATE refunds_batch SET status = 'OPEN'",
        "UPDATE refunds_batch SET approved_by_id = NULL",
        "UPDATE refunds_item SET status = 'QUEUED', file_id = NULL",
        "UPDATE refunds_item SET status = 'VOID', file_id = NULL",
    ],
)
def test_what_was_filed_stays(statement):
    money.filed(1)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


# Results -------------------------------------------------------------------------------------------------------------


def load(content: bytes, name: str = "answer.xml"):
    return money.load(content)


def faults(content: bytes) -> list[tuple[str, str]]:
    before = list(Item.objects.order_by("id").values_list("status", "code"))
    with pytest.raises(AnswerRefused) as caught:
        load(content)
    assert list(Item.objects.order_by("id").values_list("status", "code")) == before
    return [(fault.code, fault.reference) for fault in caught.value.faults]


def test_paid_and_returned():
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    telling.record()
    result = load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04"), (third, "ACCC", "")]))
    assert (result.paid, result.paid_won, result.returned, result.returned_won, result.absent) == (
        2,
        first.amount_krw + third.amount_krw,
        1,
        second.amount_krw,
        0,
    )
    assert [item.status for item in money.items(batch)] == ["PAID", "RETURNED", "PAID"]
    batch.refresh_from_db()
    assert batch.status == "SETTLED"
    second.application.refresh_from_db()
    assert second.application.status == "NEED_ACCOUNT"
    assert money.items(batch)[1].code == "CLOSED"
    assert [message.kind for message in telling.tell()] == ["payout.returned"]
    assert Message.objects.filter(kind="payout.paid").count() == 2


def test_whoever_is_in_a_batch_hears_the_day_when_it_goes_to_the_bank(sandbox, at):
    batch, _file = money.handed_over(3)
    messages = Message.objects.filter(kind="payout.at_bank", subject=f"batch:{batch.pk}")
    assert messages.count() == 3
    number = money.items(batch)[0].application.filing.contact
    while send_due():
        pass
    assert {text for text in texts_to(sandbox, number) if "은행에 보냈습니다" in text} == {
        f"[KT] 위약금 환급금을 은행에 보냈습니다. {texts.day(batch.pay_on, 'ko')}에 입금됩니다. 문의 080-470-7790(무료)"
    }


def test_nothing_is_promised_for_a_day_that_has_passed(at):
    batch, _file = money.handed_over(1)
    Message.objects.all().delete()
    at(f"{batch.pay_on + dt.timedelta(days=1)}T10:00+09:00")
    announce_hand_over(batch)
    assert not Message.objects.exists()


def test_a_returned_payment_is_tried_again_in_the_next_round(at):
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    load(money.pain002(file, [(item, "RJCT", "AC01")]))
    execution_day(file)
    row = item.application
    better = make.account(row.line.customer, number="3020000001")
    change.change_account(application_id=row.pk, account_id=better.pk, person_index=bytes(row.filing.person_index))
    row.refresh_from_db()
    assert row.status == "APPROVED"
    at("2026-02-03T18:00+09:00")
    later = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    (second,) = money.items(later)
    assert (second.attempt, second.reference, second.account_id) == (2, f"R{row.pk}-2", better.pk)


def test_absence_is_unknown_and_is_settled_by_the_answer(at):
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    result = load(money.pain002(file, [(first, "ACSC", "")]))
    assert result.absent == 1
    assert [item.status for item in money.items(batch)] == ["PAID", "UNKNOWN"]
    assert [item.pk for item in inquiry.unanswered()] == [second.pk]
    batch.refresh_from_db()
    assert batch.stage == "HANDED_OVER"
    at("2026-02-03T18:00+09:00")
    refused("EMPTY", batches.freeze, pay_on=dt.date(2026, 2, 5), user=maker())  # never sent again
    load(money.pain002(file, [(second, "ACSC", "")]))
    batch.refresh_from_db()
    assert batch.status == "SETTLED"


def test_money_under_way_is_no_answer_yet_and_takes_none_back():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    load(money.pain002(file, [(first, "ACSC", ""), (second, "PDNG", "")]))
    load(money.pain002(file, [(first, "ACSP", ""), (second, "ACSP", "")]))
    assert [item.status for item in money.items(batch)] == ["PAID", "UNKNOWN"]


def test_a_partial_answer_without_rows_says_nothing():
    batch, file = money.handed_over(1)
    assert faults(money.pain002(file, [], group="PART")) == [("EMPTY", "")]
    assert money.items(batch)[0].status == "FILED"


def test_the_same_file_twice_changes_nothing():
    batch, file = money.handed_over(1)
    content = money.pain002(file, [(money.items(batch)[0], "ACSC", "")])
    load(content)
    refused("SAME_FILE", load, content=content)


def test_each_fault_is_named_by_its_line_and_nothing_is_taken_in(at):
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    content = money.pain002(
        file,
        [
            (first, "ACSC", ""),
            (second, "ACSC", ""),
            (second, "RJCT", "AC01"),
            ("R999-1", "ACSC", ""),
            (third, "ACSC", ""),
        ],
        amounts={third.reference: 5},
    )
    with pytest.raises(AnswerRefused) as caught:
        load(content)
    assert [(f.line, f.code, f.reference) for f in caught.value.faults] == [
        (7, "DOUBLED", second.reference),
        (8, "DOUBLED", second.reference),
        (10, "AMOUNT", third.reference),
    ]
    assert {item.status for item in money.items(batch)} == {"FILED"}
    assert AuditEntry.objects.filter(action="answer.refused").count() == 1


def test_wrong_count_or_sum():
    batch, file = money.handed_over(1)
    item = money.items(batch)[0]
    assert faults(money.pain002(file, [(item, "ACSC", "")], won=1)) == [("SUM", "")]
    assert faults(money.pain002(file, [(item, "ACSC", "")], count=2)) == [("SUM", "")]


def test_an_item_of_another_file_and_an_unknown_file(settings):
    settings.BANK_FILE_MAX_ROWS = 1
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    assert faults(money.pain002(file, [(first, "ACSC", ""), (second, "ACSC", "")])) == [
        ("FOREIGN_ITEM", second.reference)
    ]
    file.message_id = "KT-2026-20990101-01"
    assert faults(money.pain002(file, [(first, "ACSC", "")])) == [("UNKNOWN_FILE", "")]


def test_a_result_before_the_hand_over():
    batch, (made,) = money.filed(1)
    assert faults(money.pain002(made, [(money.items(batch)[0], "ACSC", "")])) == [("STATE", "")]


def test_success_then_return_is_named_and_return_then_success_refused():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC01")]))
    result = load(money.pain002(file, [(first, "RJCT", "AC04")]))
    assert result.preview["after_paid"] == [1, first.amount_krw]
    assert money.items(batch)[0].status == "RETURNED"
    assert faults(money.pain002(file, [(second, "ACSC", "")])) == [("PAID_AFTER_RETURN", second.reference)]


def test_a_file_refused_whole_becomes_a_new_part_with_the_same_items():
    batch, file = money.handed_over(2)
    before = money.items(batch)
    load(money.pain002(file, [], group="RJCT", reason="AM10"))
    batch.refresh_from_db()
    file.refresh_from_db()
    assert (batch.status, batch.stage) == ("FILED", "REFUSED")
    assert (file.status, file.refused_because) == ("REFUSED", "AM10 no")
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    batch.refresh_from_db()
    assert (again.part, again.replaces_id, again.won, again.status) == (2, file.pk, file.won, "MADE")
    assert (batch.stage, batch.handed_over) == ("MADE", False)
    assert [(i.pk, i.file_id, i.status) for i in money.items(batch)] == [(i.pk, again.pk, "FILED") for i in before]
    refused("STATE", money.hand_over, file=again)
    money.approve_part(again)
    money.hand_over(again)
    late = load(money.pain002(file, [(before[0], "ACSC", "")]))
    assert (late.kind, late.preview["said"]) == ("SUSPENSE", {"PAID": [1, before[0].amount_krw]})
    assert {item.status for item in money.items(batch)} == {"FILED"}
    load(money.pain002(again, [(item, "ACSC", "") for item in before]))
    batch.refresh_from_db()
    assert batch.status == "SETTLED"


def test_a_refusal_of_the_batch_level_is_one_of_the_file():
    batch, file = money.handed_over(1)
    content = money.pain002(file, [], group="PART").replace(
        b"</OrgnlGrpInfAndSts>",
        b"</OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>x</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>"
        b"<StsRsnInf><Rsn><Cd>AG01</Cd></Rsn></StsRsnInf></OrgnlPmtInfAndSts>",
    )
    load(content)
    batch.refresh_from_db()
    assert batch.stage == "REFUSED"


def test_a_refused_group_whose_payments_name_their_own_reasons_is_returns():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    # The one reason of the file on every payment is still a refusal of the file.
    refused_whole = money.pain002(
        file, [(first, "RJCT", "AM10"), (second, "RJCT", "AM10")], group="RJCT", reason="AM10"
    )
    assert money.staged(refused_whole).kind == "REFUSED"
    result = load(money.pain002(file, [(first, "RJCT", "AC04"), (second, "RJCT", "BE01")], group="RJCT"))
    assert result.returned == 2
    assert [(i.status, i.code) for i in money.items(batch)] == [("RETURNED", "CLOSED"), ("RETURNED", "NAME")]


def test_a_refused_group_with_a_payment_that_was_paid_contradicts_itself():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    content = money.pain002(file, [(first, "RJCT", ""), (second, "ACSC", "")], group="RJCT", reason="AM10")
    with pytest.raises(AnswerRefused) as caught:
        load(content)
    assert [fault.line for fault in caught.value.faults] == [7]
    assert {item.status for item in money.items(batch)} == {"FILED"}


def test_an_amount_in_another_currency():
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    content = money.pain002(file, [(item, "ACSC", "")], amounts={item.reference: item.amount_krw})
    with pytest.raises(AnswerRefused):
        load(content.replace(b'Ccy="KRW"', b'Ccy="USD"'))
    load(content)
    assert money.items(batch)[0].status == "PAID"


def test_the_sheet_and_its_result_columns(settings):
    settings.BANK_FILE_FORMAT = "sheet"
    batch, file = money.handed_over(3)
    content = b"".join(files.stored_bytes(file.message_id))
    assert content.decode("cp949").count("홍길동") == 3
    blank = b"\t  \t" + b" " * 60
    answered = content.replace(blank, b"\t00\t" + b" " * 60, 1).replace(
        blank, b"\t03\t" + "예금주 다름".encode("cp949").ljust(60), 1
    )
    result = load(answered, "answer.txt")
    assert (result.paid, result.returned, result.unknown) == (1, 1, 1)
    assert [(i.status, i.code) for i in money.items(batch)] == [("PAID", ""), ("RETURNED", "NAME"), ("UNKNOWN", "")]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 0),
        (b"hello", 0),
        (b"<Document", 1),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"/>', 1),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>', 1),
        (b"H\tshort\r\n", 1),
    ],
)
def test_what_is_no_result_file(content, line):
    with pytest.raises(AnswerRefused) as caught:
        load(content)
    assert [fault.line for fault in caught.value.faults] == [line]


# Adjustments ---------------------------------------------------------------------------------------------------------


def test_an_adjustment_has_its_own_approval_and_rides_with_the_next_round(at):
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    row = item.application
    refused("STATE", cases.propose_adjustment, application_id=row.pk, amount_krw=500, user=maker(), reason="덜 냄")
    load(money.pain002(file, [(item, "ACSC", "")]))
    money.billed(row, 500)
    made = cases.propose_adjustment(application_id=row.pk, amount_krw=500, user=maker(), reason="청구 정정")
    same = money.user("same", "checker", person="maker")
    refused("SAME_PERSON", cases.decide_adjustment, adjustment_id=made.pk, user=same, approve=True)
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)
    at("2026-02-03T18:00+09:00")
    later = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    (extra,) = money.items(later)
    assert (extra.kind, extra.amount_krw, extra.reference) == ("ADJUSTMENT", 500, f"J{made.pk}-1")
    assert independent_check.check(later).agrees(later)


def test_an_adjustment_that_came_back_is_sent_to_the_mended_account(at):
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    row = item.application
    load(money.pain002(file, [(item, "ACSC", "")]))
    money.billed(row, 500)
    made = cases.propose_adjustment(application_id=row.pk, amount_krw=500, user=maker(), reason="청구 정정")
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)
    at("2026-02-03T18:00+09:00")

    def carried(pay_on: dt.date, status: str, code: str) -> Item:
        later = batches.freeze(pay_on=pay_on, user=maker())
        batches.approve(batch_id=later.pk, user=checker(), typed_total=later.won, digest=later.digest)
        (file,) = files.create_files(batch_id=later.pk, user=maker())
        money.hand_over(file)
        (extra,) = money.items(later)
        load(money.pain002(file, [(extra, status, code)]))
        execution_day(file)
        extra.refresh_from_db()
        assert not broken()
        return extra

    assert carried(dt.date(2026, 2, 5), "RJCT", "AC04").status == "RETURNED"
    row.refresh_from_db()
    assert row.status == "APPROVED"  # the refund stays paid; only the correction waits
    person = bytes(row.filing.person_index)
    with pytest.raises(transitions.Refused) as caught:
        change.withdraw(application_id=row.pk, person_index=person)  # its refund was paid
    assert caught.value.code == "FROZEN"
    better = make.account(row.line.customer, number="3020000001")
    change.change_account(application_id=row.pk, account_id=better.pk, person_index=person)
    row.refresh_from_db()
    assert row.status == "APPROVED"
    at("2026-02-12T18:00+09:00")
    again = carried(dt.date(2026, 2, 19), "ACSC", "")
    assert (again.status, again.attempt, again.account_id, again.kind) == ("PAID", 2, better.pk, "ADJUSTMENT")


def test_nobody_holds_their_own_case():
    row = due()
    own = money.user("own", "maker")
    type(own).objects.filter(pk=own.pk).update(person_index=row.filing.person_index)
    own.refresh_from_db()
    refused("OWN_CASE", cases.hold, application_id=row.pk, user=own, reason="내 것")
    cases.hold(application_id=row.pk, user=maker(), reason="확인")
    refused("STATE", cases.hold, application_id=row.pk, user=maker(), reason="확인")
    cases.release(application_id=row.pk, user=maker(), reason="확인 끝")
    assert batches.freeze(pay_on=DAY, user=maker()).count == 1


# Large rounds ---------------------------------------------------------------------------------------------------------


def test_no_history_is_planned_for_one_row_and_run_for_a_million():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, proconfig FROM pg_proc"
            " WHERE proname LIKE 'pgtrigger_%' AND prosrc LIKE '%JOIN new_values%'"
        )
        settings_by_function = dict(cursor.fetchall())
    assert len(settings_by_function) >= 4  # batch, file, adjustment, item
    assert {frozenset(configured or ()) for configured in settings_by_function.values()} == {
        frozenset({"enable_nestloop=off", "search_path=public, pg_temp"})
    }
