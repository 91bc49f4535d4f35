"""The documents say what the code relies on: every decision, page, anchor and setting that is named exists.

The checks are functions of a mapping from file name to text, so that each is shown a planted fault as well.
"""

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

import pytest

from tests.conftest import ROOT
from tests.project.test_tracked_files import tracked

Files = Mapping[str, str]

TEXT = (".css", ".csv", ".html", ".js", ".md", ".po", ".py", ".sql", ".toml", ".txt", ".yaml", "Makefile")
DECISION = re.compile(r"\bD-\d{2}\b")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
PAGE = re.compile(r"(?<![\w./-])((?:[\w-]+/)*[\w-]+\.md)(?:#([\w-]+))?")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
# Names that pages had before they stood under docs, and the folder they lay in.
ELSEWHERE = re.compile(r"\b(?:DOMAIN|DESIGN|TRUST|FEED|PROMISE|EXEMPLARS)\b|(?<![\w/-])shared/")
THIS = "tests/project/test_documents.py"


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The text files of the repository, without files for banks and without this one, which plants faults."""
    names = [name for name in tracked() if name.endswith(TEXT) and not name.startswith("tests/golden/")]
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in names if name != THIS}


def slug(heading: str) -> str:
    """The anchor that a heading gets on its own: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """All anchors of a page: explicit ones and those of its headings."""
    return {*ANCHOR.findall(text), *(slug(heading) for heading in HEADING.findall(CODE.sub("", text)))}


def undecided(files: Files) -> Iterator[str]:
    """Decisions that are named somewhere and have no heading with its anchor in docs/decisions.md."""
    page = files["docs/decisions.md"]
    headed = set(re.findall(r'^<a id="d-(\d{2})"></a>\n### D-\1 \S', page, re.MULTILINE))
    for name, text in files.items():
        for decision in sorted(set(DECISION.findall(text))):
            if decision.removeprefix("D-") not in headed:
                yield f"{name}: {decision}"


def pages_elsewhere(files: Files) -> Iterator[str]:
    """Mentions of pages that are not in the repository, under any spelling, and of anchors they do not have."""
    for name, text in files.items():
        for match in ELSEWHERE.finditer(text):
            yield f"{name}: {match[0]}"
        # Links of a page have a check of their own.
        plain = LINK.sub("", CODE.sub("", text)) if name.endswith(".md") else text
        for page, anchor in PAGE.findall(plain):
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), page))
            there = next((path for path in (page, beside) if path in files), "")
            if not there:
                yield f"{name}: {page}"
            elif anchor and anchor not in anchors(files[there]):
                yield f"{name}: {page}#{anchor}"


def broken_links(files: Files, others: Iterable[str] = ()) -> Iterator[str]:
    """Relative links of the Markdown pages that lead to no file or no anchor; `others` are files without text."""
    for name in files:
        if not name.endswith(".md"):
            continue
        for target in LINK.findall(CODE.sub("", files[name])):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            lost = there not in files and there not in others
            if lost or (anchor and anchor not in anchors(files.get(there, ""))):
                yield f"{name}: {target}"


def names_read(source: str) -> set[str]:
    """Environment variables that a module reads: `env.<type>(name, …)`, `os.environ.get(name, …)`, or through one of
    the settings' own readers, `_read…(type, name, …)`, `_number(name, …)`, `_duration(name, …)`, `given(name)`."""
    found = set()
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        function = ast.unparse(call.func)
        if function.startswith("env.") or function in {"os.environ.get", "_number", "_duration", "given"}:
            found.add(call.args[0])
        elif function.startswith("_read") and len(call.args) > 1:
            found.add(call.args[1])
    return {argument.value for argument in found if isinstance(argument, ast.Constant)}


def names_in_table(page: str, heading: str) -> set[str]:
    """The names in the first column of the table below a heading."""
    section = re.split(r"^#+ ", page.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_decision_that_is_named_has_a_heading(files):
    assert list(undecided(files)) == []


def test_every_page_that_is_mentioned_is_in_the_repository(files):
    assert list(pages_elsewhere(files)) == []


def test_every_link_of_a_page_leads_somewhere(files):
    assert list(broken_links(files, tracked())) == []


@pytest.mark.parametrize(
    ("modules", "heading"),
    [
        (("kt_remedy/settings.py", "kt_remedy/checks.py", "kt_remedy/core/programme.py"), "Settings"),
        (("kt_remedy/gunicorn_conf.py",), "Settings of the web server"),
    ],
)
def test_every_setting_is_documented_and_no_other(files, modules, heading):
    read = {name for module in modules for name in names_read(files[module])}
    assert names_in_table(files["docs/operations.md"], heading) == read


@pytest.mark.parametrize(
    ("check", "planted", "finding"),
    [
        (undecided, {"a.py": "# as D-00 says"}, "a.py: D-00"),
        (undecided, {"docs/decisions.md": '<a id="d-01"></a>\n### D-02 Wrong\n'}, "docs/decisions.md: D-02"),
        (pages_elsewhere, {"a.py": "# (DESIGN 5)"}, "a.py: DESIGN"),
        (pages_elsewhere, {"a.toml": "# see FEED.md"}, "a.toml: FEED"),
        (pages_elsewhere, {"a.py": "# docs/money.md"}, "a.py: docs/money.md"),
        (pages_elsewhere, {"a.py": "# docs/decisions.md#d-99"}, "a.py: docs/decisions.md#d-99"),
        (broken_links, {"docs/a.md": "[there](b.md)"}, "docs/a.md: b.md"),
        (broken_links, {"docs/a.md": "[there](decisions.md#d-99)"}, "docs/a.md: decisions.md#d-99"),
        (broken_links, {"a.md": "## One\n[two](#two)"}, "a.md: #two"),
    ],
)
def test_a_planted_fault_is_found(check, planted, finding):
    sound = {"docs/decisions.md": '<a id="d-01"></a>\n### D-01 Time zone\n', "a.md": "[D-01](docs/decisions.md#d-01)"}
    assert list(check(sound)) == []
    assert finding in list(check(sound | planted))


def test_a_setting_that_only_one_side_knows_is_found():
    source = 'A = env.str("A", "")\nB = _read(env.int, "B", 2)\nC = os.environ.get("C")\nD = _number("D", 3)\n'
    page = "# Operations\n\n## Settings\n\n| name | meaning |\n|---|---|\n| `A`, `B` | two |\n\n## Next\n| `D` | |\n"
    assert names_read(source) == {"A", "B", "C", "D"}
    assert names_in_table(page, "Settings") == {"A", "B"}
