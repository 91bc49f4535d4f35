"""`make dev` notices each file of the code that is saved; development alone serves templates and styles uncached."""

import os
import subprocess
import sys

import pytest

from kt_remedy.devtools.sources import Sources
from tests.conftest import ROOT


@pytest.fixture
def tree(tmp_path):
    for name in ("kt_remedy/a.py", "refunds/views/b.py", "templates/c.html"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1\n")
    return tmp_path


def test_nothing_is_told_while_nothing_is_saved(tree):
    sources = Sources(tree)
    assert (sources.saved(), sources.saved()) == ("", "")


def test_each_save_is_told_once(tree):
    sources = Sources(tree)
    (tree / "refunds/views/b.py").write_text("22\n")
    assert (sources.saved(), sources.saved()) == ("refunds/views/b.py", "")
    (tree / "kt_remedy/new.toml").write_text("")
    assert sources.saved() == "kt_remedy/new.toml"
    (tree / "kt_remedy/a.py").unlink()
    assert sources.saved() == "kt_remedy/a.py"


def test_what_each_request_reads_anyway_is_not_told(tree):
    sources = Sources(tree)
    (tree / "templates/c.html").write_text("22\n")
    assert sources.saved() == ""


def shown(**env: str) -> str:
    """The settings in force, of a child with this environment."""
    code = "from django.conf import settings as s; print(s.TEMPLATES[0]['OPTIONS'], s.STORAGES['staticfiles'])"
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_styles_and_templates_are_uncached_only_where_it_was_asked():
    assert "cached.Loader" not in shown(REMEDY_RELOAD="true")
    assert "CompressedManifest" not in shown(REMEDY_RELOAD="true")
    assert "cached.Loader" in shown()
    assert "CompressedManifest" in shown()
