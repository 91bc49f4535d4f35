"""The gate for text from outside keeps its rules for every character of Unicode (D-73)."""

import sys
import unicodedata

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from kt_remedy.core import text

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ODD_TEXT = st.text(
    st.sampled_from("홍길A\u0301ᄒ\u1161\u11ab \t\n\r\u2028\u200b\u00ad\u00a0\u3000\u3164・ㆍ－‑ㅡ。\ufe0f\ud800")
)
NFC_LEAVES_CP949 = "\u212b\uf92c\uf9b8"  # of the 270 that it alters; a bank's own spelling is kept for them
EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1)]


def _is_clean(value: str) -> bool:
    return (
        unicodedata.is_normalized("NFC", value)
        and not {unicodedata.category(char) for char in value} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and value == " ".join(value.split())
        and not set(value) & {*text.DOTS, *text.DASHES}
    )


def test_every_character_is_cleaned_once_and_for_all() -> None:
    for char in EVERY_CHARACTER:
        for value in (char, f"가{char}나"):
            cleaned = text.clean(value)
            assert _is_clean(cleaned), f"U+{ord(char):04X}"
            assert text.clean(cleaned) == cleaned, f"U+{ord(char):04X}"
            assert cleaned or not char.strip() or text.invisible(char), f"U+{ord(char):04X}"


@given(ANY_TEXT | ODD_TEXT)
def test_any_text_is_cleaned_once_and_for_all(value: str) -> None:
    cleaned = text.clean(value)
    assert _is_clean(cleaned)
    assert text.clean(cleaned) == cleaned
    assert cleaned or not value.strip(" ") or text.invisible(value)


@given(ANY_TEXT | ODD_TEXT)
def test_lines_are_cleaned_once_and_for_all(value: str) -> None:
    cleaned = text.clean_lines(value)
    assert all(_is_clean(line) for line in cleaned.split("\n"))
    assert text.clean_lines(cleaned) == cleaned


@given(ANY_TEXT | ODD_TEXT)
def test_a_clean_text_has_nothing_invisible(value: str) -> None:
    assert text.invisible(text.clean(value)) == []


def test_what_cp949_can_hold_it_can_hold_afterwards() -> None:
    for char in EVERY_CHARACTER:
        if _in_cp949(char) and char not in NFC_LEAVES_CP949:
            assert _in_cp949(text.clean(char)), f"U+{ord(char):04X}"


def _in_cp949(value: str) -> bool:
    try:
        value.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("홍길\n동", "홍길동"),
        ("홍길\r\n동", "홍길동"),
        ("홍\t길동", "홍길동"),
        ("홍길\u2028동", "홍길동"),
        ("이몽\u200b룡", "이몽룡"),
        ("\u1100\u1175\u11b7\u1112\u1161\u1102\u1173\u11af", "김하늘"),
        ("안나・마리", "안나·마리"),
        ("한ㆍ일건설", "한·일건설"),
        ("NGUYE\u0302\u0303N\tTHI\u0323\r\nHU\u031bO\u031bNG", "NGUYỄN THỊ HƯƠNG"),
        ("TRAN\u200b\n\u200bTHI", "TRAN THI"),
        ("TRAN\u00a0THI\u3000 LAN ", "TRAN THI LAN"),
        ("\u3164홍길동\u3164", "홍길동"),
        ("F‑10", "F-10"),
        ("ㅡㅡ", "ㅡㅡ"),
        ("ラーメン", "ラーメン"),
        ("kt。com", "kt.com"),
        ("\u200b\u3164\ufeff", ""),
    ],
)
def test_what_is_kept(sent: str, kept: str) -> None:
    assert text.clean(sent) == kept


def test_lines_stay_lines() -> None:
    assert text.clean_lines("\r\n첫\t줄\u00a0\r\n\u200b\n둘째\u2028셋째\n") == "첫 줄\n\n둘째\n셋째"


def test_a_number_without_what_stands_between_its_digits() -> None:
    assert text.without_separators("\u202a110ㅡ123–4567~89 (0)/1・2\u202c") == "110123456789012"


def test_what_nobody_sees_is_named_in_the_language_of_the_reader() -> None:
    with translation.override("en"):
        assert text.invisible("홍\u200b길\u00a0동 \x07") == [
            (2, "U+200B", "zero-width space"),
            (4, "U+00A0", "no-break space"),
            (7, "U+0007", "invisible character"),
        ]
    with translation.override("ko"):
        assert text.invisible("\u3164") == [(1, "U+3164", "한글 채움 문자")]
