"""One settings file: what production refuses, in one sentence and with an exit status."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # each test starts processes

GOOD = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "Qm7" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
    "FIELD_KEYS": os.environ.get("FIELD_KEYS", ""),
    "INDEX_KEY": os.environ.get("INDEX_KEY", ""),
    "ALLOWED_HOSTS": "remedy.example.kr",
    "PORTONE_API_SECRET": "a-secret",
    "PORTONE_STORE_ID": "store-1",
    "PORTONE_CHANNEL_KEY": "channel-1",
    "SOLAPI_API_KEY": "key",
    "SOLAPI_API_SECRET": "a-secret",
    "PAYER_NAME": "KT",
    "PAYER_BANK": "020",
    "PAYER_ACCOUNT": "1005000000000",
    "UPLOADS_DIR": "/srv/uploads",
}


def check(**changes: str | None) -> subprocess.CompletedProcess:
    env = {"PATH": os.environ["PATH"], **GOOD}
    for name, value in changes.items():
        if value is None:
            env.pop(name)
        else:
            env[name] = value
    argv = [sys.executable, "manage.py", "diffsettings", "--output=unified"]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_a_complete_production_environment_is_taken():
    done = check()
    assert done.returncode == 0, done.stderr
    assert "+ SESSION_COOKIE_SECURE = True" in done.stdout
    assert "+ DEBUG = True" not in done.stdout


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is missing or weak"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is missing or weak"),
        ({"SECRET_KEY": "django-insecure-" + GOOD["SECRET_KEY"]}, "SECRET_KEY is missing or weak"),
        ({"FIELD_KEYS": None}, "FIELD_KEYS"),
        ({"FIELD_KEYS": "1:c2hvcnQ="}, "FIELD_KEYS"),
        ({"INDEX_KEY": None}, "INDEX_KEY"),
        ({"REMEDY_NOW": "2026-01-20T10:00+09:00"}, "REMEDY_NOW is set"),
        ({"REMEDY_NOW": "yesterday"}, "REMEDY_NOW is no time"),
        ({"REMEDY_NOW": "2026-01-20T10:00"}, "REMEDY_NOW names no offset"),
        ({"PORTONE_API_URL": "http://127.0.0.1:8001/portone"}, "PORTONE_API_URL is http://127.0.0.1:8001/portone"),
        ({"SOLAPI_API_URL": "https://localhost/solapi"}, "SOLAPI_API_URL is https://localhost/solapi"),
        ({"PORTONE_API_SECRET": "sandbox"}, "PORTONE_API_SECRET is missing"),
        ({"PAYER_ACCOUNT": None}, "PAYER_ACCOUNT is missing"),
        ({"UPLOADS_DIR": None}, "UPLOADS_DIR is missing"),
        ({"REDIS_URL": None}, "DATABASE_URL and REDIS_URL are needed"),
        ({"DEBUG": "perhaps"}, "The setting DEBUG cannot be read"),
        ({"STATEMENT_TIMEOUT": "15s", "BANK_FILE_MAX_ROWS": "many"}, "The setting BANK_FILE_MAX_ROWS cannot be read"),
    ],
)
def test_a_wrong_production_environment_is_refused_in_one_sentence(changes, sentence):
    done = check(**changes)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_database_that_does_not_answer_is_told_in_one_sentence():
    argv = [sys.executable, "manage.py", "migrate"]
    env = {"PATH": os.environ["PATH"], **GOOD}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "The database does not answer" in done.stderr
    assert "Traceback" not in done.stderr
