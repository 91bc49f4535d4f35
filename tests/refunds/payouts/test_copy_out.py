"""Rows of a large query come as they stand in the database, whatever their texts hold."""

import pytest

from refunds.payouts.copy_out import copy_rows

ODD = [
    "",
    " ",
    ",",
    '"',
    '""',
    "a\nb",
    "a\r\nb",
    "a\rb",
    "\n",
    '"\n",\n"',
    "\\",
    "\\.",
    "\t",
    "가,나",
    "a\u2028b",
    "NULL",
]


@pytest.mark.django_db
def test_rows_with_any_text_between_plain_rows() -> None:
    rows = list(
        copy_rows(
            "SELECT n, t, 'plain', NULL, '\\x00ff'::bytea FROM unnest(%s::text[]) WITH ORDINALITY AS r (t, n)"
            " CROSS JOIN generate_series(1, 2) UNION ALL SELECT 0, 'x', 'y', 'z', '' ORDER BY 1",
            [ODD],
        )
    )

    assert rows[0] == ["0", "x", "y", "z", "\\x"]
    assert rows[1:] == [[str(n), t, "plain", "", "\\x00ff"] for n, t in enumerate(ODD, 1) for _twice in range(2)]


@pytest.mark.django_db
def test_no_rows() -> None:
    assert list(copy_rows("SELECT 1 WHERE false", [])) == []
