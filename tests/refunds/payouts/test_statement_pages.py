"""The pages of statements, days and suspense: the whole way by two people, in both languages, each act by post."""

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from refunds.models.statements import BankStatement, ClosedDay, MoneyBack, Suspense
from refunds.payouts import reconciliation
from tests.background import run_due
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount, confirm, stage
from tests.refunds.payouts.money import broken, checker, maker, refused
from tests.refunds.statements import OPENING, camt053, credit, debit
from tests.sessions import as_staff

DAY, NEXT = "2026-01-22", "2026-01-23"
ON, AFTER = dt.date(2026, 1, 22), dt.date(2026, 1, 23)


def signed_in(user) -> Client:
    return as_staff(Client(), user)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def url(name: str, *args: object) -> str:
    return reverse(f"admin:payouts:{name}", args=args)


@pytest.fixture
def at_bank(cut_off, at):
    batch, file = money.handed_over(3)
    at("2026-01-26T10:00+09:00")
    return batch, file, money.items(batch)


def test_the_whole_way(at_bank):
    _batch, file, (a, b, c) = at_bank
    money.load(money.pain002(file, [(a, "RJCT", "AC04"), (b, "ACSC", ""), (c, "ACSC", "")]))
    make, check = signed_in(maker()), signed_in(checker())
    content = camt053([*(debit(i.amount_krw, i.reference) for i in (a, b, c)), credit(777, "WHO")])
    upload = make.post(url("statement_load"), {"file": SimpleUploadedFile("day.xml", content)})
    row = BankStatement.objects.get()
    here = url("statement", row.pk)
    assert upload["Location"] == here
    waiting = make.get(here)
    assert "읽는 중" in text(waiting)
    assert waiting["Refresh"]
    run_due("money")
    mine = text(make.get(here))
    assert "1번 · 1월 22일(목)" in mine.replace("\u2060", "").replace("\u00a0", " ")
    assert "올린 사람은 확인할 수 없습니다" in mine
    theirs = text(check.get(here))
    assert "모르는 입금" in theirs
    wrong = check.post(url("statement_confirm", row.pk), {"typed_closing": "1"})
    assert (wrong.status_code, "끝 잔액과 다릅니다" in text(wrong)) == (400, True)
    assert make.post(url("statement_confirm", row.pk), {"typed_closing": f"{row.closing}"}).status_code == 403
    row.refresh_from_db()
    assert check.post(url("statement_confirm", row.pk), {"typed_closing": f"{row.closing:,}원"})["Location"] == here
    assert "정하는 중" in text(check.get(here))
    run_due("money")
    assert "다른 사람이 확인해 정해졌습니다" in text(check.get(here))

    day = url("day", DAY)
    shown = text(check.get(day))
    assert "되돌아왔는데 돈이 아직 들어오지 않은 지급 건" in shown
    assert f"-{file.won:,}" in shown
    assert check.post(url("day_close", DAY), {"note": ""})["Location"] == day  # a day with differences needs a note
    assert not ClosedDay.objects.exists()
    check.post(url("day_close", DAY), {"note": "되돌아온 돈은 내일 들어옵니다"})
    assert ClosedDay.objects.get().closed_by == checker()
    assert "마감했습니다" in text(check.get(day))

    entry = Suspense.objects.get()
    assert "모르는 입금" in text(make.get(url("suspense")))
    make.post(url("suspense_settle", entry.pk), {"outcome": "FINANCE", "reason": "재무에 넘김", "reference": ""})
    assert "정리한 사람은 승인할 수 없습니다" not in text(check.get(url("suspense_entry", entry.pk)))
    assert make.post(url("suspense_decide", entry.pk, "approve")).status_code == 403
    check.post(url("suspense_decide", entry.pk, "give-back"), {"reason": "누구에게?"})
    make.post(url("suspense_settle", entry.pk), {"outcome": "FINANCE", "reason": "재무 김 대리", "reference": ""})
    check.post(url("suspense_decide", entry.pk, "approve"), {"confirmed": "yes"})
    entry.refresh_from_db()
    assert entry.status == "SETTLED"
    english = signed_in(checker())
    english.cookies["django_language"] = "en"
    for page in (url("statements"), here, day, url("suspense"), url("suspense_entry", entry.pk)):
        assert english.get(page).status_code == 200
    assert "Reconciliation" in text(english.get(day))
    assert not broken()


def test_a_statement_that_cannot_be_read_says_why(at_bank):
    row = stage(camt053([credit(5)], closing=1))
    page = text(signed_in(checker()).get(url("statement", row.pk)))
    assert "시작 잔액에 거래를 더하면 10,000,000,005원인데" in page
    assert "확인하기" not in page
    client = signed_in(maker())
    client.post(url("statement_discard", row.pk), {"reason": "잘렸음"})
    row.refresh_from_db()
    assert (row.status, row.discarded_because) == ("DISCARDED", "잘렸음")
    refused_page = client.post(url("statement_load"), {"file": SimpleUploadedFile("x", b"hello")})
    assert (refused_page.status_code, "camt.053 전문도" in text(refused_page)) == (400, True)


# The day --------------------------------------------------------------------------------------------------------


def test_a_day_closes_to_zero(at_bank):
    _batch, file, items = at_bank
    bank = BankAccount()
    bank.day(DAY, *(debit(i.amount_krw, i.reference) for i in items))
    found = reconciliation.of(ON)
    assert found is not None
    assert (found.opening, found.closing, found.difference, found.clean) == (OPENING, OPENING - file.won, 0, True)
    assert [(row.part, row.count, row.won) for row in found.debits] == [(file, 3, file.won)]
    closed = reconciliation.close(day=ON, user=checker())
    assert closed.figures["debits"] == {file.message_id: [3, file.won]}
    refused("STATE", reconciliation.close, day=ON, user=checker())
    refused("ROLE", reconciliation.close, day=ON, user=maker())


def test_each_difference_has_a_name(at_bank):
    _batch, file, (a, b, c) = at_bank
    money.load(money.pain002(file, [(a, "ACSC", ""), (b, "RJCT", "AC04"), (c, "PDNG", "")]))
    bank = BankAccount()
    bank.day(DAY, debit(b.amount_krw, b.reference), debit(5, "FEE"))
    found = reconciliation.of(ON)
    assert found is not None
    assert [(row.code, row.count, row.won) for row in found.differences] == [
        ("PAID_NOT_DEBITED", 1, a.amount_krw),
        ("RETURNED_NOT_BACK", 1, b.amount_krw),
        ("OPEN_NOT_DEBITED", 1, c.amount_krw),
        ("SUSPENSE", 1, -5),
    ]
    refused("REASON", reconciliation.close, day=ON, user=checker())


@pytest.mark.parametrize("gap", ["number", "balance"])
def test_a_gap_alarms_and_stops_the_closing(at_bank, gap):
    bank = BankAccount()
    bank.day("2026-01-21", credit(1))
    reconciliation.close(day=dt.date(2026, 1, 21), user=checker(), note="미결은 남김")
    if gap == "number":
        missing = bank.content("2026-01-21", credit(2))
    else:
        bank.balance += 2
    bank.day(DAY, credit(3))
    assert next(alarm.code for alarm in reconciliation.alarms()) == "GAP"
    refused("GAP", reconciliation.close, day=ON, user=checker(), note="x")
    assert "이어지지 않아 마감할 수 없습니다" in text(signed_in(checker()).get(url("day", DAY)))
    if gap == "number":
        confirm(stage(missing))
        # The day before got another statement: it is closed anew, and first.
        refused("EARLIER", reconciliation.close, day=ON, user=checker(), note="x")
        reconciliation.close(day=dt.date(2026, 1, 21), user=checker(), note="늦게 온 것까지")
        reconciliation.close(day=ON, user=checker(), note="미결은 남김")
        assert ClosedDay.objects.count() == 3


def test_a_missing_statement_alarms_at_noon_of_the_next_business_day(at_bank, at):
    bank = BankAccount()
    bank.day("2026-01-21")
    at("2026-01-23T11:59+09:00")
    assert [alarm.code for alarm in reconciliation.alarms()] == []
    at("2026-01-23T12:00+09:00")
    assert [alarm.code for alarm in reconciliation.alarms()] == ["MISSING"]
    bank.day(DAY)
    assert [alarm.code for alarm in reconciliation.alarms()] == []


def test_days_that_do_not_exist_are_not_found(at_bank):
    client = signed_in(checker())
    for day in ("2026-01-22", "yesterday", "2026-13-01"):
        assert client.get(url("day", day)).status_code == 404


@pytest.mark.parametrize(
    ("table", "sql"),
    [
        ("refunds_statement", "UPDATE refunds_statement SET closing = closing + 1"),
        ("refunds_statement_line", "UPDATE refunds_statement_line SET won = won + 1 WHERE match = 'SUSPENSE'"),
        ("refunds_statement_line", "UPDATE refunds_statement_line SET match = '' WHERE match = 'PAYMENT'"),
        ("refunds_suspense", "DELETE FROM refunds_suspense"),
        (
            "refunds_money_back",
            "INSERT INTO refunds_money_back (item_id, at) SELECT min(id), now() FROM refunds_item"
            " WHERE status = 'PAID'",
        ),
    ],
)  # fmt: skip
def test_the_invariant_finds_what_does_not_add_up(at_bank, table, sql):
    _batch, file, (a, b, c) = at_bank
    money.load(money.pain002(file, [(a, "RJCT", "AB08"), (b, "ACSC", ""), (c, "ACSC", "")]))
    BankAccount().day(DAY, debit(b.amount_krw, b.reference), debit(c.amount_krw, c.reference), credit(9))
    assert MoneyBack.objects.count() == 1
    assert not broken()
    money.tamper(table, sql)
    assert broken()["I15"] >= 1
