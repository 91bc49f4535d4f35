"""The stand-in bank reads what we write and answers what we read, over HTTP as a browser would use it."""

import datetime as dt
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from kt_remedy.devtools.sandbox.bank_answers import WAYS
from refunds.models.statements import BankStatement, MoneyBack
from refunds.payouts import files, inquiry, reconciliation
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import confirm, stage
from tests.refunds.payouts.money import CUT_OFF, broken, maker


def upload(address: str, content: bytes) -> str:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: application/octet-stream'
        b"\r\n\r\n" + content + b"\r\n--x--\r\n"
    )
    request = urllib.request.Request(
        f"{address}/bank/", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    with urllib.request.urlopen(request) as response:
        assert b"R" in response.read()
        return response.url


def post(url: str, **fields: str) -> bytes:
    with urllib.request.urlopen(url, data=urllib.parse.urlencode(fields or {"x": ""}).encode()) as response:
        assert "attachment" in response.headers["Content-Disposition"]
        return response.read()


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_a_file_goes_there_and_its_answer_comes_back(at, settings, sandbox, layout):
    at(CUT_OFF)
    settings.BANK_FILE_FORMAT = layout
    batch, file = money.handed_over(5)
    first, second, third, fourth, fifth = money.items(batch)
    url = upload(sandbox, b"".join(files.stored_bytes(file.message_id)))
    chosen = {second: "closed", third: "pending", fifth: "down"}
    answer = post(url, **{f"answer:{item.reference}": word for item, word in chosen.items()})
    result = money.load(answer)
    assert (result.paid, result.returned, result.unknown, result.absent) == (2, 2, 1, 0)
    assert [item.status for item in money.items(batch)] == ["PAID", "RETURNED", "UNKNOWN", "PAID", "RETURNED"]
    assert [item.code for item in money.items(batch) if item.status == "RETURNED"] == ["CLOSED", "BANK_DOWN"]
    assert first.pk != fourth.pk


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_the_bank_refuses_a_file_whole(at, settings, sandbox, layout):
    at(CUT_OFF)
    settings.BANK_FILE_FORMAT = layout
    batch, file = money.handed_over(2)
    url = upload(sandbox, b"".join(files.stored_bytes(file.message_id)))
    money.load(post(url, refused="yes"))
    batch.refresh_from_db()
    assert batch.stage == "REFUSED"


def test_the_bank_answers_what_it_is_asked(at, sandbox):
    at(CUT_OFF)
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    money.load(money.pain002(file, [(first, "ACSC", "")]))
    inquiry_list = inquiry.create_inquiry(file_id=file.pk, user=maker())
    url = upload(sandbox, b"".join(files.stored_bytes(inquiry_list.name)))
    answer = post(url, **{f"answer:{third.reference}": "name"})
    money.load(answer)
    assert [(item.status, item.code) for item in money.items(batch)][1:] == [("PAID", ""), ("RETURNED", "NAME")]
    assert second.pk != first.pk


def test_what_is_no_payment_file_is_turned_away(sandbox):
    with pytest.raises(urllib.error.HTTPError) as caught:
        upload(sandbox, b"hello")
    assert caught.value.code == 400
    assert re.search("role=.alert", caught.value.read().decode())


def taken(at, settings, sandbox, layout: str = "pain001", count: int = 4):
    """A part at the stand-in bank; the portal's clock stands after the statements of these days have come."""
    at(CUT_OFF)
    settings.BANK_FILE_FORMAT = layout
    (Path(os.environ["SANDBOX_DIR"]) / "book.json").unlink(missing_ok=True)
    batch, file = money.handed_over(count)
    at("2026-01-26T10:00+09:00")
    return batch, file, upload(sandbox, b"".join(files.stored_bytes(file.message_id)))


def statement(sandbox: str, day: str, *, form: str = "camt053", fault: str = "none") -> BankStatement:
    content = post(f"{sandbox}/bank/statements/", day=day, form=form, fault=fault)
    return stage(content)


def test_it_takes_a_file_at_once_and_answers_on_the_transfer_day(at, settings, sandbox):
    _batch, file, url = taken(at, settings, sandbox)
    money.load(post(url, ack="yes"))
    file.refresh_from_db()
    assert file.status == "ACCEPTED"
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(url, today="2026-01-21")
    assert "이체일" in caught.value.read().decode()


@pytest.mark.parametrize(("layout", "form"), [("pain001", "camt053"), ("sheet", "sheet")])
def test_it_gives_statements_that_close_to_zero(at, settings, sandbox, layout, form):
    batch, _file, url = taken(at, settings, sandbox, layout)
    first, second, *_rest = money.items(batch)
    money.load(post(url, **{f"answer:{second.reference}": "down"}))
    confirm(statement(sandbox, "2026-01-22", form=form))
    assert MoneyBack.objects.get().item_id == second.pk  # it was never debited
    found = reconciliation.of(dt.date(2026, 1, 22))
    assert found is not None
    assert found.clean
    assert first.pk != second.pk
    assert not broken()


def test_a_late_return_comes_back_by_the_next_statement(at, settings, sandbox):
    batch, _file, url = taken(at, settings, sandbox)
    money.load(post(url, way="late-return"))
    first, *others = money.items(batch)
    confirm(statement(sandbox, "2026-01-22"))
    row = statement(sandbox, "2026-01-23")
    assert row.preview["after_paid"][0] == 1
    confirm(row)
    first.refresh_from_db()
    assert (first.status, first.money_back.statement_line.code) == ("RETURNED", "AC04")
    assert {item.status for item in money.items(batch)} == {"PAID", "RETURNED"}
    assert len(others) == 3


def faults_of(row: BankStatement) -> str:
    """What the portal makes of a statement: its fault, its suspense, or its gap."""
    if row.fault_code:
        return row.fault_code
    confirm(row)
    gaps = [alarm.code for alarm in reconciliation.alarms() if alarm.code == "GAP"]
    return " ".join([*row.preview["suspense"], *gaps])


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("none", ""),
        ("number", "GAP"),
        ("balance", "GAP"),
        ("unknown-credit", "CREDIT"),
        ("unknown-debit", "DEBIT"),
        ("double", "DOUBLE"),
        ("amount", "AMOUNT"),
        ("sum", "BALANCE"),
    ],
)
def test_each_fault_of_a_statement_is_seen(at, settings, sandbox, fault, seen):
    _batch, _file, url = taken(at, settings, sandbox)
    post(url)
    confirm(statement(sandbox, "2026-01-21"))
    assert faults_of(statement(sandbox, "2026-01-22", fault=fault)) == seen


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("chosen", "late-return", "early")])
def test_each_way_to_answer_badly_is_answered(at, settings, sandbox, way):
    """Each bad answer is read to its end: its faults are named, or its preview says what is odd; nothing is told."""
    batch, file, url = taken(at, settings, sandbox)
    answer = money.staged(post(url, way=way))
    file.refresh_from_db()
    assert {item.status for item in money.items(batch)} == {"FILED"}
    if way in ("amount-20", "count-5000"):
        assert answer.status == "DISCARDED"
        assert answer.faults
        return
    assert (answer.status, answer.faults) == ("STAGED", [])
    expected = {
        "refuse-payments": ("REFUSED", 0),
        "payer": ("PAYMENTS", 4),
        "one-reason": ("PAYMENTS", 4),
        "unknown": ("PAYMENTS", 0),
        "contradict": ("PAYMENTS", 4),
        "missing": ("PAYMENTS", 0),
    }
    assert (answer.kind, answer.returned) == expected[way]
    assert answer.absent == (2 if way == "missing" else 0)
    assert file.count == 4
