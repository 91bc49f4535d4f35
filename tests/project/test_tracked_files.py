"""The repository holds sources only: nothing compiled, left by a merge or written by a run."""

import re
import subprocess

from tests.conftest import ROOT

STRAY = re.compile(r"(^|/)(\.merge_file|nohup|__pycache__|\.local/|\.venv/)|\.(mo|pyc|orig|rej|swp|log)$")
TOP_LEVEL = {"manage.py", "kt_remedy", "eligibility", "refunds", "rewards", "templates", "static", "tests"}
TOP_LEVEL |= {"requirements.txt", "README.md", "docs", "locale", "benchmarks"}
# Expected by tools or maintainers under exactly these names.
TOP_LEVEL |= {"requirements-dev.txt", "requirements-test.txt", "Makefile", "pyproject.toml", "SECURITY.md", ".ci"}
TOP_LEVEL |= {".gitignore", "Dockerfile", "compose.yaml", ".dockerignore"}
TOP_LEVEL |= {"requirements-watching.txt"}
TOP_LEVEL |= {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", ".editorconfig", ".pre-commit-config.yaml"}


def tracked() -> list[str]:
    """Names of all files git tracks."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_no_stray_file_is_tracked():
    assert [name for name in tracked() if STRAY.search(name)] == []


def test_the_top_level_is_the_agreed_one():
    assert {name.partition("/")[0] for name in tracked()} - TOP_LEVEL == set()
