"""Statements byte by byte: golden files, the published schema, what cannot be read and why."""

import io
import tracemalloc
from pathlib import Path

import pytest
from lxml import etree

from refunds import bankfiles
from refunds.bankfiles import records, returns, sheet, sheet_statement
from refunds.bankfiles.statement import StatementEntry, StatementFault, StatementHead, fault_text
from tests.conftest import ROOT
from tests.refunds.statements import OPENING, Line, camt053, credit, debit
from tests.refunds.statements import sheet as sheet_file

GOLDEN = ROOT / "tests" / "golden"


def read(content: bytes) -> tuple[StatementHead, list[StatementEntry]]:
    reading = bankfiles.recognise_statement(content[:64]).read(io.BytesIO(content))
    return reading.head, list(reading.entries)


def fault(content: bytes) -> StatementFault:
    with pytest.raises(StatementFault) as caught:
        read(content)
    assert "%(" not in fault_text(caught.value.code, caught.value.values)
    return caught.value


def lines(code: str) -> list[Line]:
    return [
        debit(160_130, "R7-1"),
        debit(94_230, "R8-1", bank_reference="B-77"),
        credit(94_230, "R8-1", code=code, words="해지된 계좌"),
        debit(1_000_000, "SKT-20260122-01"),
        credit(500),
    ]


@pytest.mark.parametrize(
    ("name", "write", "code"), [("statement.camt053.xml", camt053, "AC04"), ("statement.sheet.txt", sheet_file, "02")]
)
def test_golden_files(name, write, code):
    content = (GOLDEN / name).read_bytes()
    assert content == write(lines(code), number=12)
    head, entries = read(content)
    assert (head.number, head.day.isoformat(), head.opening) == (12, "2026-01-22", OPENING)
    assert head.closing == OPENING - 160_130 - 1_000_000 + 500
    assert [(e.direction, e.won, e.reference, e.bank_reference, e.code, e.words) for e in entries] == [
        (line.direction, line.won, line.reference, line.bank_reference, line.code, line.words) for line in lines(code)
    ]
    assert bankfiles.recognise_statement(content[:64]).reason(code) == records.CLOSED


def test_the_message_is_one_of_the_published_schema():
    schema = etree.XMLSchema(etree.parse(GOLDEN / "camt.053.001.08.xsd"))
    schema.assertValid(etree.fromstring(camt053(lines("AC04"))))


def test_every_published_return_code_has_a_reason():
    layout = bankfiles.STATEMENTS["camt053"]
    assert all(layout.reason(code) in returns.RETURNS for code in returns.CODES[returns.RETURN])
    assert layout.reason("XX99") == records.OTHER


def test_the_page_about_bank_files_shows_the_sheet_of_statements():
    assert sheet.describe(sheet_statement.RECORDS) in (ROOT / "docs/bank-files.md").read_text()


def test_trimmed_blanks_and_a_byte_order_mark_change_nothing():
    content = sheet_file(lines("02"))
    trimmed = b"\n".join(line.rstrip(b" ") for line in content.split(b"\r\n"))
    assert read(b"\xef\xbb\xbf" + trimmed) == read(content)


def batch(amounts: list[str], *, total: int, reference: str = "") -> bytes:
    """One debit with several payments."""
    details = "".join(
        f"<TxDtls><Refs><EndToEndId>R{n}-1</EndToEndId></Refs>"
        f'{f"""<Amt Ccy="KRW">{amount}</Amt>""" if amount else ""}</TxDtls>'
        for n, amount in enumerate(amounts, 1)
    )
    about = f"<Btch><PmtInfId>{reference}</PmtInfId></Btch>" if reference else ""
    content = camt053([debit(total)]).decode()
    return content.replace("</Ntry>", f"<NtryDtls>{about}{details}</NtryDtls></Ntry>").encode()


def test_a_collective_debit_is_read_payment_by_payment_or_as_one():
    _head, entries = read(batch(["100", "200"], total=300))
    assert [(e.reference, e.won) for e in entries] == [("R1-1", 100), ("R2-1", 200)]
    _head, entries = read(batch([""], total=300))
    assert [(e.reference, e.won) for e in entries] == [("R1-1", 300)]
    _head, entries = read(batch([], total=300, reference="SKT-20260122-01"))
    assert [(e.reference, e.won) for e in entries] == [("SKT-20260122-01", 300)]


def test_an_announced_entry_does_not_count():
    content = camt053([debit(5)]).decode()
    pending = content[content.index("<Ntry>") : content.index("</Ntry>") + 7].replace("BOOK", "PDNG")
    _head, entries = read(content.replace("</Stmt>", pending + "</Stmt>").encode())
    assert len(entries) == 1


GOOD = camt053([debit(160_130, "R7-1")])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (GOOD.replace(b"camt.053.001.08", b"camt.054.001.08"), "LAYOUT"),
        (GOOD.replace(b"<ElctrncSeqNb>1</ElctrncSeqNb>", b""), "MISSING"),
        (GOOD.replace(b"<ElctrncSeqNb>1<", b"<ElctrncSeqNb>" + b"9" * 5000 + b"<"), "NUMBER"),
        (GOOD.replace(b">160130<", b">" + b"1" * 20 + b"<"), "WON"),
        (GOOD.replace(b">160130<", b">160130.50<"), "WON"),
        (GOOD.replace(b">160130<", b">-5<"), "WON"),
        (GOOD.replace(b">160130<", b">0<"), "WON"),
        (GOOD.replace(b'Ccy="KRW">160130', b'Ccy="USD">160130'), "CURRENCY"),
        (GOOD.replace(b"DBIT", b"WHAT"), "DIRECTION"),
        (GOOD.replace(b"R7-1", b"R" * 36), "LONG"),
        (GOOD.replace(b"<Dt>2026-01-22</Dt>", b"<Dt>2026-02-30</Dt>"), "DATE"),
        (GOOD.replace(b"CLBD", b"XXXX"), "MISSING"),
        (GOOD.replace(b">160130<", b">160131<"), "BALANCE"),
        (GOOD[: GOOD.index(b"<Stmt>")] + b"</BkToCstmrStmt></Document>", "MISSING"),
        (
            GOOD.replace(
                b"</BkToCstmrStmt>", GOOD[GOOD.index(b"<Stmt>") : GOOD.index(b"</BkTo")] + b"</BkToCstmrStmt>"
            ),
            "MANY",
        ),
        (GOOD.replace(b"<Document", b'<!DOCTYPE d [<!ENTITY a "x">]><Document', 1), "DOCTYPE"),
        (batch(["100", "201"], total=300), "DETAILS"),
        (batch(["", ""], total=300), "DETAILS"),
        (GOOD[:-30], "XML"),
        (b"<", "XML"),
    ],
)
def test_a_message_that_cannot_be_read(content, code):
    assert fault(content).code == code


SHEET = sheet_file([debit(160_130, "R7-1"), credit(5)])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SHEET.replace(b"\tD\t", b"\tX\t"), "DIRECTION"),
        (SHEET.replace(b"0000000160130\t", b"000000016013x\t"), "NUMBER"),
        (SHEET.replace(b"0000000160130\t", b"0000000000000\t"), "WON"),
        (SHEET.replace(b"20260122\tD", b"20260230\tD"), "DATE"),
        (SHEET.replace(b"R7-1", b"R7\x00-"), "ENCODING"),
        (SHEET.replace(b"R7-1", b"R7\xff1"), "ENCODING"),
        (SHEET.replace(b"L\t000000001\t", b"L 000000001\t"), "LINE"),
        (SHEET.replace(b"L\t000000001\t", b"L\t0000000001\t"), "LINE"),
        (SHEET.replace(b"Z\t000000001", b"Z\t000000002"), "TOTALS"),
        (SHEET + SHEET, "ORDER"),
        (SHEET[SHEET.index(b"L\t") :], "LAYOUT"),
        (SHEET[: SHEET.index(b"Z\t")], "CUT"),
        (SHEET.replace(b"L\t000000002", b"L" * 10_000), "LINE"),
    ],
)
def test_a_sheet_that_cannot_be_read(content, code):
    assert fault(content).code == code


HEAD = GOOD[: GOOD.index(b"<Ntry>")]
LAUGHS = b"".join(b"<!ENTITY e%d '%s'>" % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<?xml version='1.0'?><!DOCTYPE a [" + LAUGHS + b"]><Document>&e9;</Document>", "DOCTYPE"),
        (HEAD + b"<Ntry>" + b"<a>" * 100_000, "XML"),  # deeper than any message
        (HEAD + b"<Ntry>" + b"<a/>" * 100_000, "SHAPE"),
        (HEAD + b"<Ntry><AddtlNtryInf>" + b"a" * 11_000_000, "XML"),
    ],
    ids=["entities", "depth", "elements", "text"],
)
def test_hostile_messages_end_early(content, code):
    tracemalloc.start()
    assert fault(content).code == code
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20


def test_a_large_statement_is_read_in_bounded_memory(tmp_path: Path):
    path = tmp_path / "statement.xml"
    path.write_bytes(camt053([debit(1, f"R{n}-1") for n in range(20_000)]))
    tracemalloc.start()
    with path.open("rb") as stream:
        reading = bankfiles.recognise_statement(b"<").read(stream)
        assert sum(1 for _entry in reading.entries) == 20_000
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
