"""One spelling of a telephone number, however it was typed."""

import pytest

from kt_remedy.core import phones


@pytest.mark.parametrize(
    "typed",
    [
        "010-2026-0101",
        "010 2026 0101",
        "+82 10-2026-0101",
        "82 010 2026 0101",
        "０１０－２０２６－０１０１",
        "01020260101",
    ],
)
def test_every_way_to_write_a_mobile_number_is_one(typed):
    assert phones.key(typed) == phones.mobile(typed) == "01020260101"


@pytest.mark.parametrize("typed", ["", "080-470-7790", "011-234-5678", "010-123-4567", "010-1234-56789", "1588-0000"])
def test_other_numbers_are_not_written_to(typed):
    with pytest.raises(ValueError, match="mobile"):
        phones.mobile(typed)


def test_an_old_number_of_a_line_still_has_a_key():
    assert phones.key("+82 11-234-5678") == "0112345678"
    assert phones.key("no number") == ""
