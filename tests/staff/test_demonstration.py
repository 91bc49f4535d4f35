"""The database of a try-out in production: no process begins on it; and `make run` on a database in use."""

import subprocess
import sys

import pytest

from kt_remedy.core import roles
from kt_remedy.devtools import demo_accounts
from tests.conftest import ROOT, environment
from tests.project.test_settings_refusals import GOOD
from tests.sessions import staff_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

TOLD = "The database holds accounts of the demonstration."
BEGIN = {
    "web": ("-c", "import kt_remedy.wsgi"),
    "worker": ("-m", "celery", "-A", "kt_remedy", "worker", "-Q", "money", "-c", "1"),
    "beat": ("-m", "celery", "-A", "kt_remedy", "beat"),
    "command": ("manage.py", "verify_money"),
    "command of the owner": ("manage.py", "rotate_keys"),
    "migrate": ("manage.py", "migrate"),
    "shell": ("manage.py", "shell", "-c", "print('began')"),
}


def begin(*argv: str, **changes: str) -> subprocess.CompletedProcess:
    env = environment(roles.WORKER)
    addresses = {name: env[name] for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL", "PATH")}
    return subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env={**GOOD, **addresses, **changes},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("process", BEGIN)
def test_no_process_begins_in_production_on_the_database_of_a_try_out(process):
    demo_accounts.create()
    # The web server must not hold the audit's key, so that is not its only fault.
    without = {"AUDIT_KEYS": ""} if process == "web" else {}
    done = begin(*BEGIN[process], **without)
    assert done.returncode != 0
    assert TOLD in done.stdout + done.stderr
    assert "began" not in done.stdout


def test_a_database_without_them_is_taken():
    staff_user("agent")
    assert begin("manage.py", "shell", "-c", "print('began')").stdout.strip().endswith("began")
    assert begin("-c", "import kt_remedy.wsgi", AUDIT_KEYS="").returncode == 0


def test_make_run_leaves_a_database_in_use_alone():
    staff_user("agent")
    done = begin("-c", IN_USE, REMEDY_ENV="development")
    assert "was made by no try-out" in done.stderr
    demo_accounts.create()
    assert begin("-c", IN_USE, REMEDY_ENV="development").returncode == 0


IN_USE = """
import django, os
os.environ["DJANGO_SETTINGS_MODULE"] = "kt_remedy.settings"
django.setup()
from kt_remedy.devtools.management.commands import run
run._refuse_database_in_use()
"""
