"""No spreadsheet runs a cell of our CSV files."""

import pytest

from kt_remedy.core.csv import guarded


@pytest.mark.parametrize(("cell", "kept"), [("=1+1", "'=1+1"), ("-5", "'-5"), ("@x", "'@x"), ("가", "가"), (7, "7")])
def test_no_cell_runs(cell, kept):
    assert guarded(cell) == kept


@pytest.mark.parametrize(("cell", "kept"), [("-5", "-5"), ("+1.5", "+1.5"), ("-5+1", "'-5+1"), ("-1-1", "'-1-1")])
def test_plain_numbers_may_stay(cell, kept):
    assert guarded(cell, keep_numbers=True) == kept
