"""docs/access-matrix.md is what tests/cases/access.csv gives."""

from tests.access.matrix_page import PAGE, page


def test_the_page_is_written_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.access.matrix_page"
