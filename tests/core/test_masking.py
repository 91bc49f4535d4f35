"""A masked name shows its beginning and never the name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt_remedy.core import masking

HANGUL = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=3, max_size=6)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("홍길동", "홍*동"),
        ("홍 길 동", "홍 ***"),
        ("홍길동(대표)", "홍 ***"),
        ("홍길동 외 1인", "홍 ***"),
        ("홍길동AB", "홍 ***"),
        ("김·철수", "김 ***"),
        ("李夢龍", "李 ***"),
        ("LEE", "L***"),
        ("KIM MINSU", "KIM ***"),
        ("NGUYỄN THỊ", "NGUY ***"),
        ("주식회사 케이", "주식회사 케***"),
        ("(사)한국협회", "(사) 한***"),
        ("케이피디㈜", "케 ***"),
        ("", ""),
        ("\u200b", "*"),
    ],
)
def test_names_as_people_have_them(name: str, masked: str) -> None:
    assert masking.name(name) == masked


@given(HANGUL, st.text(min_size=1, max_size=8))
def test_no_more_than_both_ends_of_a_korean_name_are_shown(name: str, behind: str) -> None:
    for written in (name, name + behind, f"{name} {behind}"):
        assert name[:2] not in masking.name(written)
