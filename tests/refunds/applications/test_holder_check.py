"""The question to the bank through the official SDK, answered over HTTP; and how names compare."""

import json
import urllib.request

import pytest

from refunds import banks
from refunds.accounts import names, service
from refunds.models.accounts import HolderCheck
from tests.refunds import make


def tell(sandbox: str, **modes: object) -> None:
    request = urllib.request.Request(
        f"{sandbox}/portone/control", json.dumps(modes).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=5).close()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "bank_name", "outcome", "reason"),
    [
        ("11022033044", "홍길동", "MATCH", "EXACT"),
        ("11022033045", "홍 길동", "MATCH", "NORMALISED"),
        ("11022033046", "김다른", "MISMATCH", "MISMATCH"),
        ("11022039001", "", "NOT_FOUND", ""),
        ("11022039002", "", "CLOSED", ""),
        ("11022039003", "", "BANK_MAINTENANCE", ""),
        ("11022039007", "", "TIMEOUT", ""),
    ],
)
def test_every_outcome(sandbox: str, number: str, bank_name: str, outcome: str, reason: str) -> None:
    tell(sandbox, holders={number: bank_name} if bank_name else {})
    holder = make.customer(name="홍길동")
    line = make.line(holder)
    account = service.enter(
        person_index=holder.person_index,
        bank_code="088",
        number=number,
        holder_name="홍길동",
        holder_birth=holder.birth_date,
        owner_kind="SELF",
        contract_nos=[line.pk],
        actor="customer",
    )
    check = HolderCheck.objects.get(account=account)
    assert (check.outcome, check.reason) == (outcome, reason)
    assert account.number == number
    assert number.encode() not in bytes(account.number_enc)


@pytest.mark.django_db
def test_a_silent_bank_is_given_up_after_the_time_a_person_can_wait(sandbox: str, monkeypatch) -> None:
    import httpx

    from kt_remedy.core import portone

    client = portone.accounts()
    assert client._sync_client.timeout == httpx.Timeout(5.0)
    monkeypatch.setattr(client, "_sync_client", httpx.Client(timeout=0.3))
    outcome, _reason, _number = service.request_holder_check(make.account(make.customer(), number="11022039005"))
    assert outcome == "TIMEOUT"


@pytest.mark.parametrize(
    ("given", "answered", "result"),
    [
        ("홍길동", "홍길동", "EXACT"),
        ("홍길동", "홍 길 동", "NORMALISED"),
        ("주식회사 케이테크", "(주)케이테크", "NORMALISED"),
        ("㈜케이테크", "케이테크주식회사", "NORMALISED"),
        ("KIM MINSU", "Minsu Kim", "NORMALISED"),
        ("NGUYEN THI HONG NHUNG", "NGUYEN THI HONG N", "NORMALISED"),
        ("ＫＩＭ　ＭＩＮＳＵ", "KIM MINSU", "NORMALISED"),
        ("홍길동", "홍길순", "MISMATCH"),
        ("홍길동", "홍길", "MISMATCH"),
        ("KIM MINSU", "KIM MIN", "MISMATCH"),
        ("홍길동", "", "MISMATCH"),
    ],
)
def test_names(given: str, answered: str, result: str) -> None:
    assert names.compare_holder_names(given, answered) == result
    assert names.compare_holder_names(answered, given) == result


def test_the_bank_directory() -> None:
    codes = [bank.code for bank in banks.BANKS]
    assert len(codes) == len(set(codes))
    assert len({bank.portone for bank in banks.BANKS}) == len(codes)
    assert banks.find("021") == banks.find("088")  # merged into 신한
    assert banks.find("081").cms_code == "005"
    assert banks.find("999") is None
    assert "iM뱅크" in banks.name("031")
    assert banks.unusual_length("092", "1234567890123")
    assert not banks.unusual_length("092", "100012345678")


@pytest.mark.parametrize("text", ["１１０-２２０ 33044", "110–220—33044", " 110.220.33044 ", "110ー22033044"])
def test_numbers_in_any_spelling(text: str) -> None:
    assert banks.digits_of(text) == "11022033044"


@pytest.mark.parametrize("text", ["", "12345", "1" * 17, "110-220-33O44", "홍길동"])
def test_what_can_be_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        banks.digits_of(text)
