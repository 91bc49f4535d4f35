"""A genuine message is recognised however it was copied, and with any visible change it is not."""

import datetime as dt
import json
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kt_remedy.core import text
from kt_remedy.notices import texts
from tests.conftest import ROOT

pytestmark = pytest.mark.django_db

HOTLINE = "080-470-7790"
DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31))
UNSEEN = st.sampled_from(
    [" ", "\n", "\r\n", "\t", "\u00a0", "\u200b", "\ufeff", "\u2060", "\u3000", "\u202d", "\u2028"]
)
BEFORE = st.sampled_from(
    [
        "",
        "[Web발신]\n",
        "[WEB발신]\n",
        "[국제발신]\n",
        "Fwd: ",
        "[FW] ",
        "전달: ",
        f"보낸사람: {HOTLINE}\n2026년 1월 22일 (목) 오후 3:12\n",
        f"From: KT {HOTLINE}\nThu, Jan 22, 2026 at 3:12 PM\n",
        "0804707790\n",
        "[2026-01-22 15:12:01] ",
        "2026. 1. 22. 오후 3:12\n",
        "1월 22일 목요일 오후 3:12\n",
        "MMS\nKT 안내\n",
        "KT 안내\n",
        "제목: KT 안내\n",
        "<KT notice>\n",
        "KT notice\n",
    ]
)
AFTER = st.sampled_from(["", "\n오후 3:12", "\n3:12 PM", "\n2026-01-22 15:12", f"\n{HOTLINE}", "\nMMS"])
VISIBLE = st.sampled_from("가나다의는0123456789abkKT./:-[]()!,")
LINKS = st.sampled_from([" https://kt.example", " kt.help/x", " bit.ly/abc", " 010-1234-5678", " 카톡 상담", "1", "."])
WHO = st.sampled_from([(item, language) for item in texts.kinds() for language in texts.LANGUAGES])


def pieces(draw, item: texts.MessageKind, language: str) -> list[tuple[str, bool]]:
    """The parts of a message with new values in its fields; True for a part that is the same in each message."""
    parts: list[tuple[str, bool]] = []
    for literal, name, _spec, _conversion in string.Formatter().parse(item.text[language]):
        parts.append((literal, True))
        if name in texts.fixed_fields():
            parts.append((texts.fixed_fields()[name], True))
        elif name is not None:
            is_day = isinstance(item.example[name], dt.date)
            value = texts.day(draw(DAYS), language) if is_day else str(draw(st.integers(100_000, 999_999)))
            parts.append((value, False))
    return parts


@st.composite
def genuine(draw) -> tuple[tuple[str, str], str]:
    item, language = draw(WHO)
    return (item.code, language), "".join(part for part, _same in pieces(draw, item, language))


@st.composite
def copied(draw) -> tuple[set[tuple[str, str]], str]:
    """One or two messages with what telephones and messengers put around and between."""
    which, whole = set(), ""
    for _turn in range(draw(st.integers(1, 2))):
        name, body = draw(genuine())
        which.add(name)
        whole += draw(BEFORE) + body + draw(AFTER) + "\n"
    for place in draw(st.lists(st.integers(0, len(whole)), max_size=8)):
        whole = whole[:place] + draw(UNSEEN) + whole[place:]
    return which, unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), whole)


@st.composite
def altered(draw) -> str:
    """A message with one visible change outside of the values of its fields, or something added at an end."""
    item, language = draw(WHO)
    parts = pieces(draw, item, language)
    whole = "".join(part for part, _same in parts)
    if draw(st.booleans()):
        added = draw(LINKS)
        return draw(st.sampled_from([whole + added, added + whole]))
    # A sign beside a value could be one more sign of the value.
    fixed, start = [], 0
    for number, (part, same) in enumerate(parts):
        after_value = number > 0 and not parts[number - 1][1]
        before_value = number + 1 < len(parts) and not parts[number + 1][1]
        if same:
            fixed += range(start + after_value, start + len(part) - before_value)
        start += len(part)
    place = draw(st.sampled_from([place for place in fixed if not whole[place].isspace()]))
    change, sign = draw(st.sampled_from(["replace", "insert", "delete"])), draw(VISIBLE)
    if change == "delete":
        sign = ""
    changed = whole[:place] + sign + whole[place + (change != "insert") :]
    return changed if text.clean(changed) != text.clean(whole) else changed + "!"


@settings(max_examples=400, deadline=None)
@given(copied())
def test_a_genuine_message_is_recognised_however_it_was_copied(case):
    which, whole = case
    assert which <= {(item.code, language) for item, language in texts.matching(whole)}


@settings(max_examples=600, deadline=None)
@given(altered(), BEFORE)
def test_a_message_with_a_visible_change_is_never_called_genuine(changed, before):
    assert texts.matching(before + changed) == []


@settings(max_examples=200, deadline=None)
@given(genuine(), altered(), st.booleans())
def test_a_swindle_beside_a_genuine_message_is_never_called_genuine(known, changed, first):
    parts = [known[1], changed] if first else [changed, known[1]]
    assert texts.matching("\n".join(parts)) == []


@pytest.mark.parametrize(
    "value",
    ["오늘카톡으로신청", "kt.help/x", "010-1234-5678", "110-123-456789", "오늘", "1/22(목)KAKAO", "KT", "12/345(목)"],
)
def test_words_an_address_or_a_number_in_the_place_of_a_date_are_not_ours(value):
    body = texts.kind("filing.received").text["ko"].replace("{hotline}", HOTLINE).replace("{prefix}", "[KT]")
    assert texts.matching(body.replace("{pay_on}", "1/22(목)"))
    assert texts.matching(body.replace("{pay_on}", value)) == []


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("lms with its subject line", {"look.answered"}),
        ("two genuine messages at once", {"payout.paid", "filing.received"}),
        ("english with subject", {"payout.paid"}),
    ],
)
def test_messages_that_people_pasted(name, kinds):
    pasted = json.loads((ROOT / "tests/cases/messages-to-check.json").read_text(encoding="utf-8"))[name]
    assert {item.code for item, _language in texts.matching(pasted)} == kinds


def test_a_strange_sender_number_is_not_ignored():
    body = texts.sample(texts.kind("payout.paid"), "ko")
    assert texts.matching(f"보낸사람: {HOTLINE}\n{body}")
    assert texts.matching(f"보낸사람: 010-1234-5678\n{body}") == []


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (f"보낸사람: {HOTLINE}\n2026년 1월 22일 (목) 오후 3:12\n", "]"),
        ("[2026-01-22 15:12:01] ", "]"),
        ("KT 안내\n", "]"),
        ("KT 안내\n", ">"),
        ("0804707790\n", ")"),
        ("[FW] ", ":"),
        ("1월 22일 목)\n", ""),
    ],
)
def test_half_a_pair_of_brackets_or_a_lone_sign_is_not_of_a_telephone(before, added):
    body = texts.sample(texts.kind("payout.paid"), "ko")
    assert texts.matching(body)
    assert texts.matching(before + added + body) == []
