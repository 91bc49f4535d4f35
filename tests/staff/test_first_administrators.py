"""A first deployment: an empty database, `migrate` and nothing else, in production, until a right is given."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from tests.conftest import ROOT
from tests.project.test_settings_refusals import GOOD

NAME = "remedy_first_deployment"


@pytest.fixture
def run() -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """Run Python with the environment of production on an empty database of its own, dropped at the end."""
    server, _, query = os.environ["DATABASE_URL"].partition("?")
    control = psycopg2.connect(os.environ["DATABASE_URL"])
    control.autocommit = True
    address = f"{server.rpartition('/')[0]}/{NAME}" + (f"?{query}" if query else "")
    env = {**GOOD, "PATH": os.environ["PATH"], "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "kt_remedy.settings"}
    env |= {"ALLOWED_HOSTS": "customers.test", "STAFF_HOST": "testserver", "LOG_LEVEL": "ERROR"}

    def python(*argv: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *argv], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
        )

    with control.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {NAME}")
        yield python
        cursor.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    control.close()


def test_two_people_are_invited_and_only_then_a_right_is_given(run):
    def done(*argv: str) -> str:
        ended = run(*argv)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def code(username: str, name: str) -> str:
        output = done("manage.py", "invite_administrator", username, name)
        return next(line.strip() for line in output.splitlines() if line.startswith("    "))

    done("manage.py", "migrate", "--verbosity=0")
    codes = code("first", "조은별"), code("second", "서하람")
    results = json.loads(done("-m", "tests.staff.first_deployment", *codes))
    assert results["production"]
    assert set(results["readyz"].values()) == {"ok"}
    assert "cache" in results["readyz"]
    for username in ("first", "second"):
        assert results[f"{username} invitation"] == "/staff/login/"
        assert results[f"{username} password alone"] == "/staff/second-factor/totp/activate/"
        assert results[f"{username} admin"] == 200
    assert results["before the proof"] == "/staff/person/"
    assert results["ask"] == [[422, True, 0], [422, True, 0], [302, False, 1]]
    assert results["approve"] == [[302, False, None], [200, True, ["agent"]]], "not by the one who asked"

    late = run("manage.py", "invite_administrator", "third", "남기태")
    assert late.returncode == 1
    assert late.stderr.strip() == (
        "CommandError: Two administrators have signed in already: ask one of them for the account."
    )
    refused = run("manage.py", "createsuperuser", "--username", "root", "--noinput")
    assert refused.returncode != 0
    assert "invite_administrator" in refused.stderr
