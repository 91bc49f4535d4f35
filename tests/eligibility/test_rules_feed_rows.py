"""Good and bad rows of a delivery, and their place in the report."""

import csv
import io
import tempfile
from pathlib import Path

import pytest

from eligibility.feed import delivery, records
from eligibility.feed.judging import JudgedDelivery
from eligibility.feed.records import FeedError
from eligibility.feed.rows import BILL_COLUMNS, LINE_COLUMNS, LINE_OPTIONAL_COLUMNS, LineFile
from kt_remedy.core import programme

KT = programme.load(programme.DEFAULT_FILE)
CASES = Path(__file__).resolve().parent.parent / "cases" / "feed_rows.csv"
LINE = {
    "contract_no": "F1",
    "customer_no": "U1",
    "holder_kind": "PERSON",
    "holder_name": "홍길동",
    "birth_date": "1980-01-15",
    "msisdn": "01012345678",
    "network": "KT",
    "product": "HANDSET",
    "opened_at": "2024-05-01T10:00+09:00",
    "contract_type": "DISCOUNT",
    "contract_event": "NEW",
    "contract_started_at": "2024-05-01T10:00+09:00",
    "commitment_started_at": "2024-05-01T10:00+09:00",
    "contract_months": "24",
    "subsidy_krw": "0",
    "extra_subsidy_krw": "0",
    "discount_krw": "100000",
    "suspended_days": "0",
    "status": "TERMINATED",
    "terminated_at": "2025-11-01T12:00+09:00",
    "termination_reason": "PORT_OUT",
}
BILL = {
    "contract_no": "F1",
    "item": "DISCOUNT_CLAWBACK",
    "billed_on": "2026-01-10",
    "billed_krw": "32727",
    "paid_krw": "32727",
    "waived_krw": "0",
    "refunded_krw": "0",
}
Rows = list[dict[str, str]]


def text_of(columns: tuple[str, ...], rows: Rows, quoting: int = csv.QUOTE_MINIMAL, end: str = "\n") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def judged(folder: Path, lines: str | bytes, bills: str | bytes, processes: int = 1) -> tuple[list[str], Rows]:
    """Printed verdicts and parsed rejects of two files with these contents."""
    for name, content in (("lines.csv", lines), ("bills.csv", bills)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    judging = JudgedDelivery(folder / "lines.csv", folder / "bills.csv", KT, processes=processes)
    rejects = list(csv.DictReader(io.StringIO("".join(judging.rejects()), newline="")))
    return "".join(judging.verdicts()).splitlines()[1:], rejects


def lines_of(*rows: dict[str, str]) -> str:
    return text_of(LINE_COLUMNS, [{**LINE, **row} for row in rows])


def bills_of(*rows: dict[str, str]) -> str:
    return text_of(BILL_COLUMNS, [{**BILL, **row} for row in rows])


def where(rejects: Rows) -> list[tuple[str, int, str, str]]:
    return [(Path(row["file"]).name, int(row["line"]), row["column"], row["value"]) for row in rejects]


with open(CASES, encoding="utf-8", newline="") as _file:
    FEED_ROWS = list(csv.reader(_file))[1:]


@pytest.mark.parametrize("row", FEED_ROWS, ids=[f"{row[0]} {row[2][:40]}" for row in FEED_ROWS])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["plain", "quoted"])
def test_a_row_is_bad_exactly_where_the_feed_says_so(row: list[str], quoting: int, tmp_path: Path) -> None:
    _, file, _, changes, column, value = (cell.replace("\\0", "\0").replace("\\n", "\n") for cell in row)
    changed = dict(change.split("=", 1) for change in changes.split("|") if change)
    line, bill = ({**LINE, **changed}, BILL) if file == "lines.csv" else (LINE, {**BILL, **changed})
    bills = [{**bill, "contract_no": line["contract_no"]}] if file == "lines.csv" else [bill]
    _, rejects = judged(tmp_path, text_of(LINE_COLUMNS, [line], quoting), text_of(BILL_COLUMNS, bills, quoting))
    own = [place for place in where(rejects) if place[0] == file]
    assert own == ([] if column == "good" else [(file, 2, column, value)])


def test_repeated_keys_the_first_stays_even_if_it_was_bad(tmp_path: Path) -> None:
    lines = lines_of({}, {"discount_krw": "9"}, {"contract_no": "F2", "status": "x"}, {"contract_no": "F2"})
    bills = bills_of({}, {"billed_krw": "x"}, {"item": ""}, {"item": ""}, {"billed_on": "2026-01-11"})
    verdicts, rejects = judged(tmp_path, lines, bills)
    assert [verdict.split(",")[0] for verdict in verdicts] == ["F1"]
    assert verdicts[0].endswith(",32727,65454")
    assert where(rejects) == [
        ("lines.csv", 3, "contract_no", "F1"),
        ("lines.csv", 4, "status", "x"),
        ("lines.csv", 5, "contract_no", "F2"),
        ("bills.csv", 3, "contract_no", "F1"),
        ("bills.csv", 4, "item", ""),
        ("bills.csv", 5, "contract_no", "F1"),
    ]


def test_a_bill_of_a_rejected_line_is_rejected(tmp_path: Path) -> None:
    assert where(judged(tmp_path, lines_of({"network": "x"}), bills_of({}))[1]) == [
        ("lines.csv", 2, "network", "x"),
        ("bills.csv", 2, "contract_no", "F1"),
    ]


def test_lines_are_counted_as_they_stand_in_the_file(tmp_path: Path) -> None:
    lines = lines_of({"holder_name": "Kim\nLee"}, {"contract_no": "F2", "network": "x"}).replace("\n", "\r\n")
    lines += "\r\n" + "a,b\r\n" + lines_of({"contract_no": "F3", "product": "x"}).split("\n", 1)[1].rstrip("\n")
    verdicts, rejects = judged(tmp_path, "\ufeff" + lines, "\ufeff" + bills_of({}).replace("\n", "\r\n"))
    assert verdicts == ["F1,ELIGIBLE,,32727,32727"]
    assert where(rejects) == [
        ("lines.csv", 4, "network", "x"),
        ("lines.csv", 5, "", ""),
        ("lines.csv", 6, "", ""),
        ("lines.csv", 7, "product", "x"),
    ]


def test_columns_stand_in_any_order(tmp_path: Path) -> None:
    lines, bills = text_of(LINE_COLUMNS[::-1], [LINE]), text_of(BILL_COLUMNS[::-1], [BILL])
    assert judged(tmp_path, lines, bills) == (["F1,ELIGIBLE,,32727,32727"], [])


PLAN = LINE | {"plan_name": "5G 넉넉한, 80", "plan_data": "UNLIMITED"}


@pytest.mark.parametrize(
    "columns",
    [
        LINE_COLUMNS,
        (*LINE_COLUMNS, "plan_name"),
        (*LINE_COLUMNS, "plan_data"),
        (*LINE_COLUMNS, *LINE_OPTIONAL_COLUMNS),
        ("plan_data", *LINE_COLUMNS[::-1], "plan_name"),
    ],
    ids=["neither", "name", "data", "both", "any order"],
)
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["plain", "quoted"])
def test_each_optional_column_may_be_missing_and_changes_no_verdict(columns, quoting, tmp_path: Path) -> None:
    sent = [{name: value for name, value in PLAN.items() if name in columns}]
    answer = judged(tmp_path, text_of(columns, sent, quoting), bills_of({}))
    assert answer == (["F1,ELIGIBLE,,32727,32727"], [])
    (row,) = next(LineFile(tmp_path / "lines.csv", KT.zone).batches())
    assert row.values[-2:] == tuple(PLAN[name] if name in columns else "" for name in LINE_OPTIONAL_COLUMNS)


@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"plan_name": "", "plan_data": ""}, "", ""),
        ({"plan_name": "가" * 60, "plan_data": "LIMITED"}, "", ""),
        ({"plan_name": "가" * 61}, "plan_name", "가" * 61),
        ({"plan_data": "unlimited"}, "plan_data", "unlimited"),
        ({"plan_data": "x", "rejoined_at": "y"}, "rejoined_at", "y"),  # values in the order of the table
        ({"plan_data": "x", "termination_reason": ""}, "plan_data", "x"),  # before the pairs
    ],
)
def test_optional_values_keep_their_rule(changes, column, value, tmp_path: Path) -> None:
    _, rejects = judged(
        tmp_path, text_of((*LINE_COLUMNS, *LINE_OPTIONAL_COLUMNS), [PLAN | changes]), bills_of({"contract_no": "F1"})
    )
    own = [place for place in where(rejects) if place[0] == "lines.csv"]
    assert own == ([("lines.csv", 2, column, value)] if column else [])


def test_the_number_of_fields_is_that_of_the_header(tmp_path: Path) -> None:
    short = text_of(LINE_COLUMNS, [LINE])
    long = text_of((*LINE_COLUMNS, *LINE_OPTIONAL_COLUMNS), [LINE | {"plan_name": "A", "plan_data": "LIMITED"}])
    mixed = long.splitlines()[0] + "\n" + short.splitlines()[1] + "\n"
    assert where(judged(tmp_path, mixed, bills_of({}))[1])[0] == ("lines.csv", 2, "", "")
    mixed = short.splitlines()[0] + "\n" + long.splitlines()[1] + "\n"
    assert where(judged(tmp_path, mixed, bills_of({}))[1])[0] == ("lines.csv", 2, "", "")


@pytest.mark.parametrize("columns", [(*LINE_COLUMNS, "plan_fee"), (*LINE_COLUMNS, "plan_name", "plan_name")])
def test_an_unknown_or_doubled_optional_column_refuses_the_file(columns, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="wrong header"):
        judged(tmp_path, ",".join(columns) + "\n", bills_of())


def test_a_stray_quotation_mark_swallows_what_follows_and_nothing_more(tmp_path: Path) -> None:
    lines = lines_of({}, {"contract_no": "F2"}, {"contract_no": "F3"})
    broken = lines.replace("F2,U1,,,PERSON,홍길동", 'F2,U1,,,PERSON,"홍길동')
    verdicts, rejects = judged(tmp_path, broken, bills_of({}))
    assert [verdict.split(",")[0] for verdict in verdicts] == ["F1"]
    assert where(rejects) == [("lines.csv", 3, "", "")]


def test_quotation_marks_inside_a_plain_value_stand_for_themselves(tmp_path: Path) -> None:
    lines = lines_of({}, {"contract_no": "F2"}).replace("홍길동", 'Kim "Q" Lee"')
    verdicts, rejects = judged(tmp_path, lines, bills_of({}))
    assert ([verdict[:2] for verdict in verdicts], rejects) == (["F1", "F2"], [])


@pytest.mark.parametrize("name", ['"' + "가" * 2_000_000 + '"', "가" * 2_000_000, '"' + "가\n" * 1_500_000 + '"'])
def test_a_value_of_any_length_is_a_bad_value_and_the_next_row_is_read(name: str, tmp_path: Path) -> None:
    lines = lines_of({}, {"contract_no": "F2"}).replace("홍길동", name, 1)
    verdicts, rejects = judged(tmp_path, lines, bills_of({"contract_no": "F2"}))
    assert [verdict[:2] for verdict in verdicts] == ["F2"]
    assert [(row["line"], row["column"]) for row in rejects] == [("2", "holder_name")]
    assert len(rejects[0]["value"]) <= 60


def test_the_same_rows_whatever_the_size_of_the_pieces_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"contract_no": f"F{n}", "holder_name": ('한 "이름",\n두 줄', "홍", "a")[n % 3]} for n in range(40)]
    lines, bills = lines_of(*rows, {"contract_no": "F9"}), bills_of({}, {}, {"contract_no": "NOBODY"})
    whole = judged(tmp_path, lines, bills)
    assert len(whole[0]) == 40
    for size, longest, processes, parts in ((7, 1 << 20, 1, 1 << 20), (64, 100, 2, 500), (1000, 10, 2, 999)):
        monkeypatch.setattr(records, "CHUNK_BYTES", size)
        monkeypatch.setattr(records, "LONGEST_LINE", longest)
        monkeypatch.setattr(delivery, "_PART_BYTES", parts)
        monkeypatch.setattr(delivery, "_WAITING_ROWS", 5)
        assert judged(tmp_path, lines, bills, processes) == whole


@pytest.mark.parametrize(
    ("lines", "bills", "sentence"),
    [
        (b"", bills_of({}), "lines.csv is empty"),
        (lines_of({}).replace("network", "netzwerk", 1), bills_of({}), "the column network is missing"),
        (lines_of({}).replace("network", "network,more", 1), bills_of({}), "'more' is not a known column"),
        (lines_of({}).replace("network", "network,network", 1), bills_of({}), "network stands there twice"),
        (lines_of({}), bills_of({}).encode() + b"\xff", "bills.csv is not UTF-8: line 3 holds the byte 0xFF"),
        (lines_of({}).encode("cp949"), bills_of({}), "lines.csv is not UTF-8: line 2"),
        (lines_of({}).encode("utf-16"), bills_of({}), "lines.csv is not UTF-8: line 1"),
        (lines_of({}).encode() + "홍".encode()[:2], bills_of({}), "lines.csv is not UTF-8: line 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    lines: str | bytes, bills: str | bytes, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(FeedError) as error:
        judged(tmp_path, lines, bills, processes=2)
    assert sentence in str(error.value)


def test_working_files_need_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(FeedError, match="TMPDIR"):
        judged(tmp_path, lines_of({}), bills_of({}))
