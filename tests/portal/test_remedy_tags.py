"""Dates and money are worded in one place, in both languages; partials hold what pages share."""

import datetime as dt

import pytest
from django import forms
from django.template.loader import render_to_string
from django.utils import translation

from kt_remedy.core.templatetags import remedy

DAY = dt.date(2026, 1, 22)
AT = dt.datetime(2026, 1, 21, 15, 12, tzinfo=dt.UTC)  # already the 22nd in Seoul


@pytest.mark.parametrize(
    ("tag", "value", "korean", "english"),
    [
        (remedy.kdate, DAY, "1월\xa022일\u2060(목)\u2060", "Thu\xa022\xa0Jan"),
        (remedy.kdate, AT, "1월\xa022일\u2060(목)\u2060", "Thu\xa022\xa0Jan"),
        (remedy.kday, DAY, "1월\xa022일", "22\xa0Jan"),
        (remedy.kdate_small, DAY, "1월\xa022일<small>\u2060(목)</small>", "<small>Thu</small>\xa022\xa0Jan"),
        (remedy.kdate_long, DAY, "2026년 1월\xa022일", "22\xa0Jan\xa02026"),
        (remedy.kdatetime, AT, "1월\xa022일\u2060(목)\xa000:12", "Thu\xa022\xa0Jan\xa000:12"),
        (remedy.kmonth, DAY, "1월", "Jan"),
        (remedy.kmonths, 6, "6개월", "6\xa0months"),
        (remedy.kmonths, 24, "2년", "2\xa0years"),
        (remedy.kmonths, 12, "1년", "1\xa0year"),
        (remedy.minutes, dt.timedelta(minutes=20), 20, 20),
        (remedy.krw, 160_130, "160,130원", "₩160,130"),
        (remedy.krw, 0, "0원", "₩0"),
        (remedy.won, 21_751_337_670, "21,751,337,670", "21,751,337,670"),
    ],
)
def test_words(tag, value, korean, english):
    with translation.override("ko"):
        assert tag(value) == korean
    with translation.override("en"):
        assert tag(value) == english


@pytest.mark.parametrize(
    "tag",
    [remedy.kdate, remedy.kday, remedy.kdate_small, remedy.kdate_long, remedy.kdatetime, remedy.kmonth, remedy.krw],
)
def test_nothing_gives_nothing(tag):
    assert tag(None) == ""


def test_an_icon_is_silent_and_one_address():
    html = remedy.icon("next")
    assert 'aria-hidden="true"' in html
    assert html.count("#i-next") == 1
    assert remedy.icon("") == ""


def test_every_icon_that_templates_name_is_drawn():
    import re
    from pathlib import Path

    from django.conf import settings

    drawn = set(re.findall(r'id="i-(\w+)"', (settings.BASE_DIR / "static" / "icons.svg").read_text()))
    named = set()
    for file in Path(settings.BASE_DIR / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "(\w+)"', file.read_text()))
        named |= set(re.findall(r'partials/icon.html" with name="(\w+)"', file.read_text()))
    assert named <= drawn


class _Form(forms.Form):
    bank = forms.ChoiceField(choices=[("004", "KB")], help_text="통장에 적힌 은행", label="은행")
    way = forms.ChoiceField(choices=[("a", "하나"), ("b", "둘")], widget=forms.RadioSelect, label="방법")
    agree = forms.BooleanField(label="동의합니다", error_messages={"required": "동의해 주세요"})


def test_a_field_reads_label_hint_error_control():
    from crispy_forms.utils import render_crispy_form

    html = render_crispy_form(_Form({"bank": "999", "way": "", "agree": ""}))
    places = [html.index(text) for text in ('for="id_bank"', "id_bank_helptext", "id_bank_error", "<select")]
    assert places == sorted(places)
    assert 'aria-invalid="true"' in html
    assert "<legend>방법</legend>" in html
    assert html.count('class="choice"') == 2
    assert "checked" not in html  # nothing is preselected
    assert "*" not in html


def test_error_summary_links_to_the_fields_in_the_same_words():
    html = render_to_string("partials/error_summary.html", {"form": _Form({"bank": "004", "way": "a"})})
    assert '<a href="#id_agree">동의해 주세요</a>' in html
    assert 'role="alert"' in html
    assert render_to_string("partials/error_summary.html", {"form": _Form()}).strip() == ""


def test_ledger_escapes_what_rows_say():
    html = render_to_string("partials/ledger.html", {"rows": [{"label": "<b>x</b>", "won": 1200, "kind": "sum"}]})
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "1,200원" in html


def test_a_masked_name_of_a_heading_is_joined() -> None:
    assert remedy.unbroken("남**수").replace("\u2060", "") == "남**수"
    assert remedy.unbroken("이*순") == "이\u2060*\u2060순"


def test_a_number_is_joined_behind_its_hyphens() -> None:
    assert remedy.unbroken("102-81-42945") == "102-\u206081-\u206042945"


def test_the_ending_of_a_word_stays_with_its_bracket() -> None:
    assert remedy.unbroken("7790(무료)로 거세요") == "7790(무료)\u2060로 거세요"
