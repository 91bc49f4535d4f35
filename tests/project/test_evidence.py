"""The tables of evidence are complete, and each file and test they name exists."""

import ast
import csv
import re
from collections import Counter
from functools import cache

from django.core.management import get_commands

from tests.conftest import ROOT

# OWASP ASVS 5.0.0, levels 1 and 2: the highest number of each section, and the items that belong to level 3.
SECTIONS = {
    "1.1": 2, "1.2": 10, "1.3": 12, "1.4": 3, "1.5": 3, "2.1": 3, "2.2": 3, "2.3": 5, "2.4": 2, "3.1": 1, "3.2": 3,
    "3.3": 5, "3.4": 8, "3.5": 8, "3.6": 1, "3.7": 5, "4.1": 5, "4.2": 5, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 6,
    "5.3": 3, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4, "7.1": 3,
    "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2, "8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2, "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 3, "10.3": 5, "10.4": 16, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 4, "11.2": 5, "11.3": 5,
    "11.4": 4, "11.5": 2, "11.6": 2, "11.7": 2, "12.1": 5, "12.2": 2, "12.3": 5, "13.1": 4, "13.2": 6, "13.3": 4,
    "13.4": 7, "14.1": 2, "14.2": 8, "14.3": 3, "15.1": 5, "15.2": 5, "15.3": 7, "15.4": 4, "16.1": 1, "16.2": 5,
    "16.3": 4, "16.4": 3, "16.5": 4, "17.1": 2, "17.2": 8, "17.3": 2,
}  # fmt: skip
LEVEL_3 = set(
    """
    1.2.10 1.3.12 1.5.3 2.3.5 2.4.2 3.1.1 3.2.3 3.3.5 3.4.7 3.4.8 3.5.6 3.5.7 3.5.8 3.6.1 3.7.3 3.7.4 3.7.5 4.1.4 4.1.5
    4.2.2 4.2.3 4.2.4 4.2.5 5.2.4 5.2.5 5.2.6 5.3.3 6.3.5 6.3.6 6.3.7 6.3.8 6.4.5 6.4.6 6.5.6 6.5.7 6.5.8 6.6.4 6.7.1
    6.7.2 7.5.3 8.1.3 8.1.4 8.2.4 8.3.2 8.3.3 8.4.2 10.2.3 10.3.5 10.4.12 10.4.13 10.4.14 10.4.15 10.4.16 11.1.3 11.1.4
    11.2.4 11.2.5 11.3.4 11.3.5 11.5.2 11.6.2 11.7.1 11.7.2 12.1.4 12.1.5 12.3.5 13.1.2 13.1.3 13.1.4 13.2.6 13.3.3
    13.3.4 13.4.6 13.4.7 14.2.5 14.2.6 14.2.7 14.2.8 15.1.4 15.1.5 15.2.4 15.2.5 15.4.1 15.4.2 15.4.3 15.4.4 16.5.4
    17.1.2 17.2.5 17.2.6 17.2.7 17.2.8
    """.split()
)
ITEMS = {f"{section}.{n}" for section, last in SECTIONS.items() for n in range(1, last + 1)} - LEVEL_3


@cache
def functions(path: str) -> set[str]:
    """Names of the functions of a module."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def missing(evidence: str) -> str:
    """A word if the file or the test that is named does not exist; else nothing."""
    path, _, test = evidence.partition("::")
    if not (ROOT / path).exists():
        return f"no file {path}"
    return f"no test {test} in {path}" if test and test not in functions(path) else ""


def asvs() -> list[dict[str, str]]:
    with (ROOT / "docs/asvs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_items_of_levels_1_and_2_are_answered() -> None:
    rows = asvs()
    assert len(ITEMS) == 253
    assert {row["item"] for row in rows} == ITEMS
    assert len(rows) == len(ITEMS)
    assert Counter(row["level"] for row in rows) == {"1": 70, "2": 183}


def test_each_answer_names_its_evidence_or_its_reason() -> None:
    for row in asvs():
        assert row["status"] in ("met", "not applicable"), row
        if row["status"] == "not applicable":
            assert row["note"], row
            assert not row["evidence"], row
        else:
            assert row["evidence"], row
            for named in [row["evidence"], *re.findall(r"tests/[\w/]+\.py(?:::\w+)?", row["note"])]:
                assert not missing(named), (row["item"], missing(named))
                _file, _, test = named.partition("::")
                assert not test or test.startswith("test_"), (row["item"], named)


def test_evidence_that_does_not_exist_is_found() -> None:
    assert missing("docs/nothing.csv")
    assert missing("tests/project/test_evidence.py::test_nothing")


def test_kwcag_answers_all_33_items() -> None:
    page = (ROOT / "docs/kwcag.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\.\d\.\d) \|(.+)\|(.+)\|$", page, re.MULTILINE)
    per_guideline = Counter(number.rpartition(".")[0] for number, _item, _evidence in rows)
    assert per_guideline == {
        "5.1": 1, "5.2": 1, "5.3": 3, "5.4": 4, "6.1": 4, "6.2": 2, "6.3": 1, "6.4": 4, "6.5": 4, "7.1": 1, "7.2": 2,
        "7.3": 4, "8.1": 1, "8.2": 1,
    }  # fmt: skip
    for number, _item, evidence in rows:
        for path in re.findall(r"`([\w./]+/[\w./]+(?:::\w+)?)`", evidence):
            assert not missing(path), (number, path)


def test_what_the_page_about_security_names_exists() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w./]+(?:::\w+)?)`", page) + re.findall(r"\]\((docs/[\w./-]+)", page)
    assert len(named) >= 6
    assert [path for path in named if missing(path)] == []
    commands = re.findall(r"`manage\.py (\w+)", page)
    assert commands
    assert set(commands) <= get_commands().keys()
    targets = re.findall(r"`make (\w+)`", page)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
