"""Answers of the bank between two people: what is staged, what a confirmation changes, what the database forbids."""

import io
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import chain
from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds import tasks
from refunds.models.bank_answers import ANSWER_EDGES, AnswerLine, BankAnswer
from refunds.models.cases import Hold
from refunds.models.items import Item
from refunds.payouts import answers, batches, exceptions, files, inquiry
from tests.conftest import ROOT
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import execution_day
from tests.refunds.payouts.money import broken, checker, maker, refused
from tests.refunds.promise import telling
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")

CASES = ROOT / "tests" / "golden" / "answers"


def case(name: str, batch: Any, file: Any) -> bytes:
    """A file of the bank as it came, about our own payments: references, message and sums are those of the batch."""
    content = (CASES / name).read_bytes()
    for n, item in enumerate(money.items(batch), 1):
        content = content.replace(b">R%d-1<" % n, f">{item.reference}<".encode())
    for old in (b"KT-2026-20260122-01", b"KT-2026-20260219-01"):
        content = content.replace(old, file.message_id.encode())
    return content


def states(batch: Any) -> list[tuple[str, str]]:
    return [(item.status, item.code) for item in money.items(batch)]


def sheet(file: Any, *results: str) -> bytes:
    """Our sheet with its result columns filled in, one code for each payment in turn."""
    content = b"".join(files.stored_bytes(file.message_id))
    for result in results:
        content = content.replace(b"\t  \t", f"\t{result:<2}\t".encode(), 1)
    return content


# The files of the findings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["500-amount-20-digits.xml", "500-count-5000-digits.xml"])
def test_a_number_of_any_length_is_a_named_fault(name):
    batch, file = money.handed_over(3)
    answer = money.staged(case(name, batch, file))
    assert (answer.status, answer.discarded_because) == ("DISCARDED", answers.FAULTY)
    (fault,) = answers.faults_of(answer)
    assert (fault.line, fault.code) == (2, "FORMAT")
    assert "너무 깁니다" in fault.text
    assert {status for status, _code in states(batch)} == {"FILED"}
    assert AuditEntry.objects.filter(action="answer.refused").count() == 1


@pytest.mark.parametrize("name", ["ack-group-only-ACCP.xml", "pain002-ack-group-only.xml"])
def test_a_group_alone_says_that_the_bank_took_the_file(name):
    batch, file = money.handed_over(3)
    answer = money.load(case(name, batch, file))
    file.refresh_from_db()
    assert (answer.kind, answer.status, file.status) == ("ACCEPTED", "CONFIRMED", "ACCEPTED")
    assert {status for status, _code in states(batch)} == {"FILED"}
    assert not Message.objects.filter(kind="payout.paid").exists()
    money.load(money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)]))
    assert {status for status, _code in states(batch)} == {"PAID"}


@pytest.mark.parametrize("group", ["ACSC", "ACCC"])
def test_a_group_that_was_executed_pays_everybody(group):
    batch, file = money.handed_over(2)
    answer = money.load(money.pain002(file, [], group=group))
    assert (answer.kind, answer.paid, answer.paid_won) == ("EXECUTED", 2, file.won)
    assert states(batch) == [("PAID", ""), ("PAID", "")]
    batch.refresh_from_db()
    assert batch.status == "SETTLED"
    assert not broken()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("whole-refusal-reason-only-at-payment-AM04.xml", "AM04"),
        ("whole-refusal-reason-only-at-payment-FF01.xml", "FF01"),
    ],
)
def test_a_refused_group_is_a_refused_file_whatever_its_payments_say(name, why):
    batch, file = money.handed_over(3)
    answer = money.load(case(name, batch, file))
    file.refresh_from_db()
    assert (answer.kind, file.status, file.refused_because) == ("REFUSED", "REFUSED", why)
    assert {status for status, _code in states(batch)} == {"FILED"}
    assert not Message.objects.filter(kind__in=["payout.returned", "payout.again"]).exists()


@pytest.mark.parametrize("codes", [["AC04", "BE01", "MS03"], ["AC04", "BE01"], ["AC04", "BE01", ""]])
def test_one_payment_without_a_fault_of_the_customer_leaves_the_refusal_whole(codes):
    batch, file = money.handed_over(3)
    rows = [(item, "RJCT", code) for item, code in zip(money.items(batch), codes, strict=False)]
    assert money.staged(money.pain002(file, rows, group="RJCT")).kind == "REFUSED"


def test_payer_side_faults_write_to_nobody_and_wait_for_a_person(at):
    batch, file = money.handed_over(3)
    answer = money.load(case("payer-fault-per-payment-AM04-AM05-CANC.xml", batch, file))
    assert states(batch) == [("RETURNED", "FUNDS"), ("RETURNED", "DUPLICATE"), ("RETURNED", "CANCELLED")]
    assert {item.application.status for item in money.items(batch)} == {"APPROVED"}
    assert Hold.objects.filter(released_at=None).count() == 3
    assert not Message.objects.filter(kind__in=["payout.returned", "payout.again", "payout.called"]).exists()
    assert answer.preview["people"] == {"nothing": [3, 3]}
    at("2026-02-03T18:00+09:00")
    day = money._day().replace(month=2, day=5)
    refused("EMPTY", batches.freeze, pay_on=day, user=maker())
    again = {"answer_id": answer.pk, "reason_code": "FUNDS", "reason": "한도를 늘림"}
    refused("ROLE", answers.send_again, user=checker(), **again)
    assert answers.held(answer, "FUNDS") == 1
    assert answers.send_again(user=maker(), **again) == 1
    refused("EMPTY", batches.freeze, pay_on=day, user=maker())  # the money is not back yet
    execution_day(file)
    refused("STATE", answers.send_again, user=maker(), **again)
    assert [item.attempt for item in money.items(batches.freeze(pay_on=day, user=maker()))] == [2]
    assert not broken()


def test_a_status_outside_the_list_leaves_one_payment_unknown_and_says_so():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    answer = money.load(money.pain002(file, [(first, "BLCK", ""), (second, "ACSC", "")]))
    assert states(batch) == [("UNKNOWN", "UNLISTED"), ("PAID", "")]
    assert answer.preview["unlisted"] == [1, first.amount_krw]
    assert [item.pk for item in inquiry.unanswered()] == [first.pk]


def test_our_own_file_is_recognised_by_its_bytes(settings):
    settings.BANK_FILE_FORMAT = "sheet"
    _batch, file = money.handed_over(2)
    ours = b"".join(files.stored_bytes(file.message_id))
    refused("OWN_FILE", answers.stage, content=io.BytesIO(ours), name="own.txt", user=maker())
    assert not BankAnswer.objects.exists()


def test_paid_before_the_day_stays_with_the_bank_until_a_later_answer(at, settings):
    settings.BANK_FILE_FORMAT = "sheet"
    batch, file = money.handed_over(3)
    content = sheet(file, "00", "03", "00")
    early = money.load(content, wait=False)
    assert (early.early, early.status) == (True, "CONFIRMED")
    assert states(batch) == [("FILED", ""), ("RETURNED", "NAME"), ("FILED", "")]
    assert not Message.objects.filter(kind="payout.paid").exists()
    file.refresh_from_db()
    assert file.status == "ACCEPTED"
    # The bank sends the same bytes on the day itself.
    again = money.load(content)
    assert (again.early, again.preview["known"]) == (False, 1)
    assert states(batch) == [("PAID", ""), ("RETURNED", "NAME"), ("PAID", "")]
    assert Message.objects.filter(kind="payout.paid").count() == 2
    refused("SAME_FILE", answers.stage, content=io.BytesIO(content), name="r", user=maker())
    assert not broken()


# Two people ---------------------------------------------------------------------------------------------------------


def waiting(count: int = 2, code: str = "") -> tuple[Any, Any, BankAnswer]:
    """A batch, its file, and a staged answer that says it was paid, or returned for `code`."""
    batch, file = money.handed_over(count)
    status = "RJCT" if code else "ACSC"
    answer = money.staged(money.pain002(file, [(item, status, code) for item in money.items(batch)]))
    return batch, file, answer


def test_nothing_moves_before_another_person_confirms():
    batch, _file, answer = waiting()
    assert {status for status, _code in states(batch)} == {"FILED"}
    both = money.user("both", "checker", person="maker")
    refused("ROLE", answers.confirm, answer_id=answer.pk, user=maker(), typed=2)
    refused("SAME_PERSON", answers.confirm, answer_id=answer.pk, user=both, typed=2)
    refused("COUNT", answers.confirm, answer_id=answer.pk, user=checker(), typed=3)
    tasks.apply_answer(answer.pk)
    assert {status for status, _code in states(batch)} == {"FILED"}
    chain.seal_entries()
    money.confirmed(answer)
    refused("STATE", answers.confirm, answer_id=answer.pk, user=checker(), typed=2)
    refused("STATE", answers.discard, answer_id=answer.pk, user=maker(), reason="늦음")
    assert states(batch) == [("PAID", ""), ("PAID", "")]
    entry = AuditEntry.objects.get(action="answer.confirmed")
    assert entry.detail["audit_head"]
    answer.refresh_from_db()
    assert answer.confirmed_head == str(chain.end())
    assert (entry.detail["paid"], entry.detail["sha256"]) == (2, answer.sha256)


def test_one_person_cannot_pay_a_batch_twice():
    """M3: the maker uploads an invented refusal, makes the file again and hands it over."""
    batch, file = money.handed_over(2)
    money.to_pay_day()
    invented = money.staged(money.pain002(file, [], group="RJCT", reason="AM10"))
    refused("STATE", files.replace_refused_file, file_id=file.pk, user=maker())
    refused("ROLE", answers.confirm, answer_id=invented.pk, user=maker(), typed=2)
    second_account = money.user("maker-again", "checker", person="maker")
    refused("SAME_PERSON", answers.confirm, answer_id=invented.pk, user=second_account, typed=2)
    with pytest.raises(Error), transaction.atomic():
        BankAnswer.objects.filter(pk=invented.pk).update(
            confirmed_by=second_account, confirmed_person=second_account.person_index, confirmed_at=invented.staged_at
        )
    refused("STATE", files.replace_refused_file, file_id=file.pk, user=maker())
    # Even after a second person was deceived, the new part needs an approval of its own.
    money.confirmed(invented)
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    refused("STATE", money.hand_over, file=again)
    assert {item.file_id for item in money.items(batch)} == {again.pk}


@pytest.mark.parametrize(
    "change",
    [
        "status = 'CONFIRMED', applied_at = loaded_at",
        "confirmed_by_id = loaded_by_id, confirmed_person = '\\x01', confirmed_at = loaded_at",
        "confirmed_by_id = {checker}, confirmed_person = staged_person, confirmed_at = loaded_at",
        "status = 'DISCARDED'",
        "staged_person = '\\x01'",
        "sha256 = 'x'",
        "loaded_by_id = {checker}",
    ],
)
def test_what_the_database_forbids_of_a_staged_answer(change):
    _batch, _file, answer = waiting()
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE refunds_result_file SET {change.format(checker=checker().pk)}")
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM refunds_answer_line")
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE refunds_answer_line SET outcome = 'PAID'")
    answer.refresh_from_db()
    assert (answer.status, answer.confirmed_by) == ("STAGED", None)


@pytest.mark.parametrize(
    "change",
    [
        "status = 'STAGED'", "status = 'DISCARDED'", "paid = 0", "confirmed_by_id = NULL", "bank_said = 'x'",
        "preview = '{}'", "applied_at = NULL", "file_id = NULL",
    ],
)  # fmt: skip
def test_a_confirmed_answer_stays_as_it_is(change):
    _batch, _file, answer = waiting()
    money.confirmed(answer)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE refunds_result_file SET {change}")


@pytest.mark.parametrize("before", BankAnswer.Status.values)
@pytest.mark.parametrize("after", BankAnswer.Status.values)
def test_every_edge(before, after):
    _batch, _file, answer = waiting()
    if before == "CONFIRMED":
        money.confirmed(answer)
    elif before == "DISCARDED":
        answers.discard(answer_id=answer.pk, user=maker(), reason="잘못 올림")
    act = {"CONFIRMED": answers.confirm, "DISCARDED": answers.discard}.get(after)
    given = {"CONFIRMED": {"user": checker(), "typed": 2}, "DISCARDED": {"user": checker(), "reason": "이상함"}}
    if (before, after) in ANSWER_EDGES:
        assert act is not None
        act(answer_id=answer.pk, **given[after])
        tasks.apply_answer(answer.pk)
        answer.refresh_from_db()
        assert answer.status == after
    elif act is not None:
        refused("STATE", act, answer_id=answer.pk, **given[after])


def test_a_discarded_answer_changes_nothing_and_may_be_staged_again():
    batch, file, answer = waiting()
    refused("REASON", answers.discard, answer_id=answer.pk, user=checker(), reason=" ")
    refused("ROLE", answers.discard, answer_id=answer.pk, user=money.user("agent", "agent"), reason="x")
    answers.discard(answer_id=answer.pk, user=checker(), reason="은행이 잘못 보냄")
    assert {status for status, _code in states(batch)} == {"FILED"}
    again = money.load(money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)]))
    assert (again.sha256, again.status) == (answer.sha256, "CONFIRMED")


def test_a_confirmation_covers_only_the_figures_that_were_shown():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    one = money.staged(money.pain002(file, [(first, "ACSC", ""), (second, "ACSC", "")]))
    other = money.staged(money.pain002(file, [(first, "ACSC", ""), (second, "ACSC", "")], group="ACSP"))
    for answer in (one, other):
        answers.confirm(answer_id=answer.pk, user=checker(), typed=2)
    tasks.apply_answer(one.pk)
    tasks.apply_answer(other.pk)
    other.refresh_from_db()
    assert (other.status, other.confirmed_by, other.notes) == ("STAGED", None, [{"code": "CHANGED"}])
    assert other.preview["known"] == 2
    assert money.confirmed(other).status == "CONFIRMED"
    assert Message.objects.filter(kind="payout.paid").count() == 2


def test_an_answer_that_became_impossible_is_discarded_with_its_fault():
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    paid = money.staged(money.pain002(file, [(item, "ACSC", "")]))
    back = money.staged(money.pain002(file, [(item, "RJCT", "AC04")]))
    answers.confirm(answer_id=paid.pk, user=checker(), typed=1)
    money.confirmed(back)
    tasks.apply_answer(paid.pk)
    paid.refresh_from_db()
    assert (paid.status, [fault.code for fault in answers.faults_of(paid)]) == ("DISCARDED", ["PAID_AFTER_RETURN"])
    assert states(batch) == [("RETURNED", "CLOSED")]


def test_who_lost_the_role_confirms_nothing():
    batch, _file, answer = waiting()
    answers.confirm(answer_id=answer.pk, user=checker(), typed=2)
    User.objects.filter(pk=checker().pk).update(roles=[])
    tasks.apply_answer(answer.pk)
    answer.refresh_from_db()
    assert (answer.status, answer.confirmed_by, answer.notes) == ("STAGED", None, [{"code": "ROLE"}])
    assert {status for status, _code in states(batch)} == {"FILED"}


# What is odd --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "returned", "codes", "odd"),
    [
        (20, 1, ["AC04"], []),
        (20, 2, ["AC04", "BE01"], ["SHARE"]),
        (100, 5, ["AC04"], []),
        (100, 6, ["AC04"], ["SHARE"]),
        (2500, 99, ["AC04"], []),
        (2500, 100, ["AC04"], ["ONE_REASON"]),
        (2500, 100, ["AC04", "BE01"], []),
        (2500, 126, ["AM04"], ["SHARE", "ONE_REASON"]),
    ],
)
def test_which_returns_must_be_asked_about(count, returned, codes, odd):
    _batch, file = money.handed_over(1)
    file.count = count
    reasons = [["CLOSED", code, returned // len(codes), 1] for code in codes]
    answer = BankAnswer(file=file, returned=returned, paid=7, kind="PAYMENTS", preview={"reasons": reasons})
    assert answers.odd_returns(answer) == odd
    assert answers.number_to_type(answer) == (returned if odd else 7)


def test_odd_returns_need_a_word_with_the_bank():
    batch, _file, answer = waiting(2, "AC04")
    given = {"answer_id": answer.pk, "user": checker(), "typed": 2}
    refused("ASK_BANK", answers.confirm, **given)
    refused("ASK_BANK", answers.confirm, **given, asked_whom="김 과장", bank_said=" ")
    answers.confirm(**given, asked_whom="김 과장", bank_said="맞다고 함")
    answer.refresh_from_db()
    assert (answer.asked_whom, answer.bank_said) == ("김 과장", "맞다고 함")
    assert AuditEntry.objects.get(action="answer.confirmed").reason == "김 과장 / 맞다고 함"
    tasks.apply_answer(answer.pk)
    assert states(batch) == [("RETURNED", "CLOSED")] * 2


def test_a_return_after_the_payment_stands_among_the_exceptions():
    batch, file, answer = waiting()
    money.confirmed(answer)
    first, second = money.items(batch)
    back = money.staged(money.pain002(file, [(first, "RJCT", "AC04")]))
    assert back.preview["after_paid"] == [1, first.amount_krw]
    assert not exceptions.returned_after_paid().exists()
    money.confirmed(back)
    assert [item.pk for item in exceptions.returned_after_paid()] == [first.pk]
    other = money.staged(money.pain002(file, [(first, "RJCT", "BE01"), (second, "PDNG", "")]))
    assert other.preview["contradicts"] == 2


def test_payments_we_never_sent_go_to_suspense_and_hold_up_nobody():
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    answer = money.load(money.pain002(file, [(item, "ACSC", ""), ("R999-1", "ACSC", "")], amounts={"R999-1": 5_000}))
    assert answer.preview["strangers"] == [1, 5_000]
    assert states(batch) == [("PAID", "")]


def test_an_answer_full_of_strangers_is_none_to_our_file(monkeypatch):
    monkeypatch.setattr("refunds.payouts.answer_checks.MOST_STRANGERS", 1)
    batch, file = money.handed_over(1)
    (item,) = money.items(batch)
    answer = money.staged(money.pain002(file, [(item, "ACSC", ""), ("R998-1", "ACSC", ""), ("R999-1", "ACSC", "")]))
    assert [(fault.code, fault.reference) for fault in answers.faults_of(answer)] == [
        ("UNKNOWN_ITEM", "R998-1"),
        ("UNKNOWN_ITEM", "R999-1"),
    ]


def test_one_text_for_two_payments_of_one_person():
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    person = bytes(first.application.filing.person_index)
    type(first.application.filing).objects.filter(pk=second.application.filing_id).update(person_index=person)
    telling.record()
    answer = money.load(money.pain002(file, [(first, "RJCT", "AC04"), (second, "RJCT", "BE01")]))
    assert answer.preview["people"] == {"mend": [1, 2]}
    assert [message.kind for message in telling.tell()] == ["payout.returned"]


def test_a_restart_reads_the_lines_anew():
    batch, file = money.handed_over(2)
    money.to_pay_day()
    content = money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)])
    answer = answers.stage(content=io.BytesIO(content), name="r", user=maker())
    AnswerLine.objects.create(answer=answer, number=7, line=7, reference="R1-1", outcome="RETURNED")
    tasks.read_answer(answer.pk)
    tasks.read_answer(answer.pk)
    assert list(AnswerLine.objects.order_by("number").values_list("number", "outcome")) == [(1, "PAID"), (2, "PAID")]


# Pages --------------------------------------------------------------------------------------------------------------


def signed_in(user: User) -> Client:
    return as_staff(Client(), user)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("kind", ["paid", "odd", "early", "refused", "accepted", "faulty", "replaced"])
def test_every_kind_of_answer_has_its_page_in_both_languages(kind, language):
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    paid = [(first, "ACSC", ""), (second, "ACSC", ""), (third, "ACSC", "")]
    if kind == "replaced":
        money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    content = {
        "odd": money.pain002(file, [(first, "RJCT", "AM04"), (second, "RJCT", "AB08"), (third, "RJCT", "AC04")]),
        "refused": money.pain002(file, [], group="RJCT", reason="FF01"),
        "accepted": money.pain002(file, [], group="ACTC"),
        "faulty": money.pain002(file, [*paid, (first, "ACSC", "")]),
    }.get(kind, money.pain002(file, paid))
    answer = money.staged(content, wait=kind != "early")
    said = {
        "paid": ("확인하면 3건이 입금으로 정해집니다", "settles 3 payments as paid"),
        "odd": ("먼저 은행에 물어보세요", "Ask the bank first"),
        "early": ("이체일 전에 온 답이라", "came before the transfer day"),
        "refused": ("은행이 파일 전체를 거절했다는 답입니다", "has refused the whole file"),
        "accepted": ("은행이 파일을 받았다는 답입니다", "has accepted the file"),
        "faulty": ("같은 관리번호가 두 번 나옵니다", "twice"),
        "replaced": ("은행이 거절했던 파일에 온 답입니다", "an answer to a file the bank had refused"),
    }[kind]
    for user in (maker(), checker()):
        client = signed_in(user)
        client.cookies["django_language"] = language
        response = client.get(reverse("admin:payouts:answer", args=[answer.pk]), headers={"accept-language": language})
        assert response.status_code == 200
        page = response.content.decode()
        assert said[language == "en"] in page
        if kind != "faulty":
            assert ("본인이 올린 답" in page or "You uploaded this answer" in page) is (user == maker())
            assert answer.sha256 in page


def test_the_page_of_a_confirmation_asks_for_a_recent_second_factor(monkeypatch):
    _batch, _file, answer = waiting()
    monkeypatch.setattr("refunds.payouts.admin.pages.has_fresh_second_factor", lambda request: False)
    late = signed_in(checker()).post(reverse("admin:payouts:answer_confirm", args=[answer.pk]), {"typed": "2"})
    assert late.url.startswith(reverse("mfa_reauthenticate"))
    answer.refresh_from_db()
    assert answer.confirmed_by is None


def test_an_answer_is_discarded_and_held_money_released_on_pages():
    _batch, _file, answer = waiting(2, "AM04")
    money.confirmed(answer)
    here = reverse("admin:payouts:answer", args=[answer.pk])
    client = signed_in(maker())
    assert "출금 계좌의 잔액 부족 · 2건" in client.get(here).content.decode()
    url = reverse("admin:payouts:answer_send_again", args=[answer.pk, "FUNDS"])
    assert client.post(url, {"reason": ""}).status_code == 400
    client.post(url, {"reason": "잔액을 채움"})
    assert answers.held(answer, "FUNDS") == 0
    assert client.get(reverse("admin:payouts:answer_send_again", args=[answer.pk, "CLOSED"])).status_code == 404
    assert "입금 뒤에 되돌아온 0건" in client.get(reverse("admin:payouts:unpaid_returns")).content.decode()


def test_a_large_upload_stays_out_of_memory_and_is_stored_once(monkeypatch):
    monkeypatch.setattr("refunds.payouts.files.CHUNK_BYTES", 1000)
    batch, file = money.handed_over(20)
    content = money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)])
    answer = money.staged(content)
    assert answer.size == len(content) == answer.progress
    assert b"".join(files.stored_bytes(answer.sha256)) == content
    assert Item.objects.filter(status="FILED").count() == 20
