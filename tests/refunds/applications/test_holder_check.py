"""The question to the bank through the official SDK, answered over HTTP; and how names compare."""

import csv
import json
import re
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portone_server_sdk._generated.common import bank as portone_bank

from kt_remedy.devtools.sandbox import portone as portone_stand_in
from refunds import banks
from refunds.accounts import names, numbers, service
from refunds.models.accounts import HolderCheck
from refunds.views.forms import AccountForm
from tests.refunds import make


def cases(name: str) -> list[dict[str, str]]:
    """A table of cases; a cell writes a character that nobody sees as \\u200b, \\n, \\r or \\t."""
    path = Path(__file__).parents[2] / "cases" / name

    def seen(cell: str) -> str:
        cell = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), cell)
        return cell.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")

    return [{key: seen(cell) for key, cell in row.items()} for row in csv.DictReader(path.open(encoding="utf-8"))]


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
    assert check.bank_spelling == (bank_name if outcome == "MATCH" else None)  # a stranger's name is not kept
    assert account.number == number
    assert number.encode() not in bytes(account.number_enc)


@pytest.mark.django_db
def test_a_silent_bank_is_given_up_after_the_time_a_person_can_wait(sandbox: str, monkeypatch) -> None:
    import httpx

    from kt_remedy.core import portone

    client = portone.accounts()
    assert client._sync_client.timeout == httpx.Timeout(5.0)
    monkeypatch.setattr(client, "_sync_client", httpx.Client(timeout=0.3))
    answer = service.request_holder_check(make.account(make.customer(), number="11022039005"))
    assert answer == ("TIMEOUT", "", "", "")


@pytest.mark.parametrize("row", cases("holder-names.csv"), ids=lambda row: row["case"])
def test_names(row: dict[str, str]) -> None:
    answered = portone_stand_in.as_kept(row["written"])
    assert names.compare_holder_names(row["entered"], answered) == row["result"]


_HANGUL = st.text(st.sampled_from("가나다라마바사아자차카타파하한국정보통신시스템"), min_size=1, max_size=14)
_FORMS = st.sampled_from(["주식회사", "(주)", "㈜"])


@given(_HANGUL, _FORMS, _FORMS, st.booleans(), st.sampled_from(["", " "]))
def test_a_company_is_itself_in_every_spelling_cut_or_not(name, ours, theirs, behind, space) -> None:
    written = f"{name}{space}{theirs}" if behind else f"{theirs}{space}{name}"
    answered = portone_stand_in.as_kept(written)
    assert names.compare_holder_names(f"{ours} {name}", answered) != "MISMATCH"
    assert names.compare_holder_names(f"유한회사 {name}", portone_stand_in.as_kept(f"{theirs}{name}")) == "MISMATCH"


@given(_HANGUL, st.data())
def test_a_start_that_is_no_cut_is_another_name(name, data) -> None:
    start = name[: data.draw(st.integers(0, len(name) - 1))]
    if len(start) < 10:  # 20 bytes
        assert names.compare_holder_names(name, start) == "MISMATCH"
    assert names.compare_holder_names(start, name) == "MISMATCH"


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_names_compare(entered, answered) -> None:
    assert names.compare_holder_names(entered, answered) in {"EXACT", "NORMALISED", "MISMATCH"}
    assert names.compare_holder_names(entered, entered) == "EXACT"


def test_the_bank_directory() -> None:
    known = banks.BANKS + banks.SECURITIES
    codes = [bank.code for bank in known]
    assert len(codes) == len(set(codes))
    assert len({bank.portone for bank in known}) == len(codes)
    assert {bank.portone for bank in known} <= set(get_args(get_args(portone_bank.Bank)[0]))
    assert banks.find("021") == banks.find("088")  # merged into 신한
    assert banks.find("081").cms_code == "005"
    assert banks.find("999") is None
    assert "iM뱅크" in banks.name("031")
    assert banks.unusual_length("092", "1234567890123")
    assert not banks.unusual_length("092", "100012345678")


def test_securities_firms_are_offered_where_the_bank_pays_them(settings) -> None:
    firm = banks.find("264")
    assert firm is not None
    assert firm not in banks.offered()
    assert [label for label, _options in AccountForm().fields["bank"].choices[1:]] == [
        "많이 고르는 은행",
        "그 밖의 은행",
    ]
    settings.SECURITIES_ACCOUNTS = True
    assert firm in banks.offered()
    groups = dict(AccountForm().fields["bank"].choices[1:])
    assert ("264", "키움증권") in groups["증권사"]
    assert AccountForm({"bank": "264", "number": "5000-1234-01"}).is_valid()


@pytest.mark.parametrize(
    ("code", "words"),
    [("088", "신한 shinhan 088 021 026"), ("031", "im뱅크 대구 dgb"), ("264", "키움증권 kiwoomsecurities")],
)
def test_a_bank_is_searched_by_names_and_codes(code, words) -> None:
    assert set(words.split()) <= set(banks.search_words(code).split())


@pytest.mark.parametrize("text", ["１１０-２２０ 33044", "110–220—33044", " 110.220.33044 ", "110ー22033044"])
def test_numbers_in_any_spelling(text: str) -> None:
    assert numbers.read(text).digits == "11022033044"


@pytest.mark.parametrize("text", ["", "12345", "1" * 17, "110-220-33O44", "홍길동"])
def test_what_can_be_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        numbers.read(text)


@pytest.mark.parametrize("row", cases("account-numbers.csv"), ids=lambda row: row["case"])
def test_numbers_as_people_paste_them(row: dict[str, str]) -> None:
    typed = numbers.read(row["text"], [row["holder"]])
    assert (typed.digits, " ".join(sorted(typed.banks or ()))) == (row["digits"], row["banks"])


@pytest.mark.parametrize("row", cases("account-numbers-refused.csv"), ids=lambda row: row["case"])
def test_what_remains_is_quoted(row: dict[str, str]) -> None:
    with pytest.raises(numbers.NumberFault) as refused:
        numbers.read(row["text"], [row["holder"]])
    assert (refused.value.code, refused.value.quoted) == (row["code"], row["quoted"])


def test_every_name_of_a_bank_chooses_it() -> None:
    for bank in banks.BANKS:
        for name in (bank.name_ko, bank.name_en):
            assert numbers.read(f"{name} 110-123-456789").banks == {bank.code}
            assert numbers.read(f"110-123-456789 ({name})").banks == {bank.code}
    for name in banks.names():
        assert banks.called(name) <= {bank.code for bank in banks.BANKS}


_UNSEEN_OR_SEPARATING = st.characters(categories=["Zs", "Zl", "Zp", "Cc", "Cf", "Pd", "Ps", "Pe", "Pc", "Po"]).filter(
    lambda char: char not in "*⁎•＊"
)


@given(st.lists(st.text("0123456789", min_size=1, max_size=4), min_size=3, max_size=4), st.data())
def test_no_separator_of_unicode_is_in_the_way(parts, data) -> None:
    digits = "".join(parts)
    if not banks.SHORTEST <= len(digits) <= banks.LONGEST:
        return
    text = "".join(part + data.draw(st.text(_UNSEEN_OR_SEPARATING, max_size=3)) for part in parts)
    assert numbers.read(text).digits == digits


@given(st.text(max_size=60))
def test_any_text_is_digits_or_refused(text) -> None:
    with suppress(numbers.NumberFault):
        typed = numbers.read(text)
        assert typed.digits.isascii()
        assert typed.digits.isdecimal()
        assert banks.SHORTEST <= len(typed.digits) <= banks.LONGEST
