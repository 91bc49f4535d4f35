"""What a browser runs: scripts that write text, keep nothing of a person and take no message from elsewhere."""

import ast
import re

import pytest

from tests.conftest import ROOT

SCRIPTS = sorted((ROOT / "static/js").glob("*.js"))
# Both put in a part of a page that a template of ours wrote, and templates escape.
PUT_IN_A_PART = {"review.js", "feed.js"}
# Whether the keys of frequent acts are on.
KEEPS_A_SETTING = {"keys.js"}
RUNS_TEXT = r"\beval\(|new Function|document\.write|insertAdjacentHTML|outerHTML|setTimeout\(\s*[\"'`]|javascript:"
# Patterns that are put together from words of ours, or from texts of messages that are escaped.
OWN_WORDS = {
    "kt_remedy/staff/sessions.py",
    "kt_remedy/staff/passwords.py",
    "kt_remedy/notices/pasted.py",
    "eligibility/feed/rows.py",
    "refunds/accounts/name_masks.py",
}


def of(pattern: str) -> set[str]:
    return {path.name for path in SCRIPTS if re.search(pattern, path.read_text())}


def test_a_script_writes_text_and_runs_none() -> None:
    assert len(SCRIPTS) >= 6
    assert of(RUNS_TEXT) == set()
    assert of(r"innerHTML") == PUT_IN_A_PART


def test_a_script_keeps_nothing_of_a_person() -> None:
    assert of(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.") == KEEPS_A_SETTING
    assert of(r"postMessage|addEventListener\([\"']message") == set()
    assert of(r"__proto__|\.prototype\b") == set()


@pytest.mark.parametrize("room", ["kt_remedy", "eligibility", "refunds", "rewards"])
def test_no_expression_is_built_from_what_somebody_typed(room: str) -> None:
    built = set()
    for path in (ROOT / room).glob("**/*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                built |= {str(path.relative_to(ROOT)) for call in ast.walk(function) if takes_a_variable(call)}
    assert built <= OWN_WORDS


def takes_a_variable(call: ast.AST) -> bool:
    """True for `re.search(words, …)`: a pattern that is no literal."""
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
        return False
    of_re = isinstance(call.func.value, ast.Name) and call.func.value.id == "re"
    return of_re and call.func.attr != "escape" and not isinstance(call.args[0], ast.Constant)
