"""The English catalogue holds every string of the portal, translated, and the compiled one says the same."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

from tests.conftest import ROOT

CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES"
ROOMS = ["kt_remedy", "eligibility", "refunds", "rewards"]
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLACEHOLDER = re.compile(r"%\(\w+\)[-#0 +]*[\d.]*[a-zA-Z]|%%|%[sd]|\{\w*\}")
IN_TEMPLATE = re.compile(r"""gettext\((u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\)|_\(((?:'[^']*'|"[^"]*"))\)""")
ANY_TAG = re.compile(r"<[^>]+>")


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE / "django.po"))


def in_python(path: Path) -> Iterator[str]:
    """The literal first arguments of the translating calls of one module."""
    tree = ast.parse(path.read_text())
    named = {"_"} & {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if name not in CALLS - {"_"} | named:
            continue
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def in_template(path: Path) -> Iterator[str]:
    for plain, in_tag in IN_TEMPLATE.findall(templatize(path.read_text(), origin=str(path))):
        yield ast.literal_eval(plain or in_tag)


def in_sql(path: Path) -> list[str]:
    """The title of an invariant of the money, by the first line of its file."""
    return re.findall(r"\A-- title: (.+)", path.read_text())


def used() -> dict[str, Path]:
    """Every string the portal asks to have translated, and a file that does."""
    found = {text: path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py") for text in in_python(path)}
    found |= {text: path for path in ROOT.glob("refunds/payouts/sql/*.sql") for text in in_sql(path)}
    templates = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("kt_remedy/devtools/templates/**/*.html")]
    return found | {text: path for path in templates for text in in_template(path)}


def test_every_entry_is_translated(catalogue):
    assert len(catalogue) > 1000
    assert [entry.msgid for entry in catalogue if not entry.translated() or entry.fuzzy or entry.obsolete] == []
    assert [entry.msgid for entry in catalogue if re.search("[가-힣]", entry.msgstr)] == []


def test_the_compiled_catalogue_is_the_same(catalogue):
    compiled = polib.mofile(str(CATALOGUE / "django.mo"))
    assert {entry.msgid: entry.msgstr for entry in compiled} == {entry.msgid: entry.msgstr for entry in catalogue}


def test_placeholders_agree(catalogue):
    def differ(entry: polib.POEntry) -> bool:
        return Counter(PLACEHOLDER.findall(entry.msgid)) != Counter(PLACEHOLDER.findall(entry.msgstr))

    assert [entry.msgid for entry in catalogue if differ(entry)] == []


def test_links_and_emphasis_agree(catalogue):
    def tags(text: str) -> Counter[str]:
        """All but the spans that only keep Korean words on one line."""
        text = re.sub(r'<span class="nowrap">([^<]*)</span>', r"\1", text)
        return Counter(ANY_TAG.findall(text))

    assert [entry.msgid for entry in catalogue if tags(entry.msgid) != tags(entry.msgstr)] == []


def test_every_string_is_in_the_catalogue(catalogue):
    known = {entry.msgid for entry in catalogue}
    missing = {text: str(path.relative_to(ROOT)) for text, path in used().items() if text not in known}
    assert missing == {}


def test_the_catalogue_holds_nothing_else(catalogue):
    assert {entry.msgid for entry in catalogue} - used().keys() == set()
