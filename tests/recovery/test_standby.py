"""One synchronous standby: the primary dies under load, the standby takes over, and no acknowledged filing is lost."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from kt_remedy.core import roles
from kt_remedy.devtools import devservers
from tests.conftest import ROOT
from tests.recovery.conftest import Place
from tests.recovery.standby import kill_primary, send, standby_of

pytestmark = pytest.mark.soak  # starts servers, a minute for each file
LINES = 400


@pytest.fixture
def standby(place: Place) -> Iterator[Path]:
    with standby_of(place) as sockets:
        yield sockets


def test_no_acknowledged_filing_is_lost(place: Place, standby: Path) -> None:
    rows = [":".join(row.split()) for row in place.step("prepare", str(LINES)).splitlines()]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.recovery.steps", "file", *rows],
        cwd=ROOT, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as filing:  # fmt: skip
        assert filing.stdout is not None
        acknowledged = [filing.stdout.readline() for _ in range(150)]
        killed = time.monotonic()
        kill_primary(place)
        acknowledged += filing.stdout.readlines()
    references = {line.strip() for line in acknowledged if line.strip()}
    assert 150 <= len(references) < LINES, "the primary died before the first or after the last filing"

    assert place.ask("SELECT pg_promote()", standby) is True
    taken_over = time.monotonic() - killed
    address = f"postgres://{roles.WORKER}:{quote(devservers.secrets(place.servers.home)['POSTGRES_PASSWORD'], safe='')}"
    address += f"@{quote(str(standby), safe='')}/remedy"
    listed = ", ".join(f"'{reference}'" for reference in references)
    kept = place.ask(f"SELECT count(*) FROM refunds_filing WHERE reference IN ({listed})", standby)
    print(f"{len(references)} acknowledged, {kept} kept, writing again after {taken_over:.1f} s")
    assert kept == len(references)

    place.ask("ALTER SYSTEM RESET synchronous_standby_names", standby, "postgres")
    place.ask("SELECT pg_reload_conf()", standby)
    assert len(place.step("file", *rows[-20:-10], DATABASE_URL=address).splitlines()) == 10
    verified = place.run("manage.py", "verify_money", DATABASE_URL=address)
    assert verified.returncode == 0, verified.stdout


def test_a_commit_waits_for_the_standby(place: Place, standby: Path) -> None:
    """Without the standby no commit is acknowledged: losing it stops filings rather than losing one later."""
    child = next(child for child in place.servers.processes.children if child.name == "standby")
    send(child, signal.SIGSTOP)
    write = "INSERT INTO limit_counter VALUES ('standby', 1, now())"
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(
                ["psql", "--dbname", place.env["DATABASE_URL"], "--command", write],
                env=place.env, timeout=3, check=True, capture_output=True,
            )  # fmt: skip
    finally:
        send(child, signal.SIGCONT)
