"""No carrier's name stands in code, templates or catalogue: the programme file alone says whose programme it is."""

import re
import tomllib
from pathlib import Path

import polib
import pytest

from kt_remedy.core import programme
from tests.conftest import ROOT
from tests.project.test_figures import messages_in_code

FOLDERS = ("kt_remedy", "eligibility", "refunds", "rewards", "templates", "static", "locale")
SUFFIXES = {".py", ".html", ".txt", ".po", ".js", ".css", ".svg", ".xml", ".toml"}
NAMES = re.compile(
    r"(?<![A-Za-z0-9_])(?:KT|SKT|LGU\+?|LG U\+)(?![A-Za-z0-9_])|케이티|에스케이텔레콤|SK텔레콤|유플러스|kt\.com|tworld"
)
# The carriers that verify who somebody is, and the code of a feed whose programme file names none.
ALLOWED = {
    'CARRIER_NAMES = {"KT": "KT", "SKT": "SKT", "LGU": "LG U+"}',
    'DEFAULT_NETWORK = "KT"',
}
# Particles whose form depends on how the digit before them is read: "7790으로", "1004로". "에" fits every number.
PARTICLES = re.compile(r"hotline(?:\)s|\})(?:으로|로|은|는|이|가|을|를|과|와)(?!\w)")


def sources() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return [path for path in found if path != programme.DEFAULT_FILE]


def test_no_source_names_a_carrier():
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if NAMES.search(line) and line.strip() not in ALLOWED
    ]
    assert named == []


def test_no_translation_names_a_carrier():
    """An entry may be wrapped in the file, so that it is read as a whole."""
    entries = polib.pofile(str(ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"))
    assert [entry.msgid for entry in entries if NAMES.search(entry.msgid + entry.msgstr)] == []


def test_no_particle_behind_the_hotline_depends_on_its_last_digit():
    entries = polib.pofile(str(ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"))
    sentences = [entry.msgid for entry in entries] + list(messages_in_code())
    shown = [text for text in sentences if "%(hotline)s" in text or text.startswith("{prefix}")]
    assert len(shown) > 40
    assert [text for text in shown if PARTICLES.search(text)] == []


@pytest.mark.parametrize("name", ["[KT] 안내", "KT가 냅니다", "a KT store", "SKT 알뜰폰", "LG U+", "KT위약금환급"])
def test_a_name_is_found(name):
    assert NAMES.search(name)


@pytest.mark.parametrize("name", ["kt_remedy", "KT_MVNO", "CONTRACT", "UKTV"])
def test_other_words_are_not(name):
    assert NAMES.search(name) is None


def test_a_file_without_the_table_is_named_by_its_code():
    text = programme.DEFAULT_FILE.read_text(encoding="utf-8")
    start, end = text.index("[carrier]"), text.index("[waiver]")
    assert programme.load(programme.DEFAULT_FILE).carrier.home_page == "www.kt.com"
    old = programme.parse(tomllib.loads((text[:start] + text[end:]).replace('"KT-2026"', '"SKT-2025"')))
    assert (old.carrier.short_name, old.carrier.message_prefix, old.carrier.reference_prefix) == ("SKT", "[SKT]", "SKT")
    assert (old.carrier.network, old.carrier.home_page) == ("KT", "")
