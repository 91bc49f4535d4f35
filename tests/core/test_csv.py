"""No spreadsheet runs a cell of our CSV files, and those of others are read in their encoding."""

import pytest

from kt_remedy.core.csv import decoded, guarded


@pytest.mark.parametrize(("cell", "kept"), [("=1+1", "'=1+1"), ("-5", "'-5"), ("@x", "'@x"), ("가", "가"), (7, "7")])
def test_no_cell_runs(cell, kept):
    assert guarded(cell) == kept


@pytest.mark.parametrize(("cell", "kept"), [("-5", "-5"), ("+1.5", "+1.5"), ("-5+1", "'-5+1"), ("-1-1", "'-1-1")])
def test_plain_numbers_may_stay(cell, kept):
    assert guarded(cell, keep_numbers=True) == kept


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_the_encoding_of_a_file_is_recognised(encoding):
    assert decoded("번호,사유\r\n12,이용 정지\r\n".encode(encoding)) == "번호,사유\r\n12,이용 정지\r\n"


@pytest.mark.parametrize("content", [b"\x00\x01", "번호".encode("utf-16-le") + b"\x00", b"\xff\xff\xff", b"a\x00b"])
def test_other_bytes_are_no_text(content):
    with pytest.raises(ValueError, match="no text in UTF-8, UTF-16 or CP949"):
        decoded(content)
