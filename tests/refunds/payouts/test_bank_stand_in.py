"""The stand-in bank reads what we write and answers what we read, over HTTP as a browser would use it."""

import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from refunds.payouts import files, inquiry
from tests.refunds.payouts import money
from tests.refunds.payouts.money import CUT_OFF, maker


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
