"""docs/operations.md is typed as it stands: first deployment, upgrade, backup and drill, with what production installs.

Blocks marked as root's are left out: they install programs and start units. The web server is then started as its unit
says, and answers.
"""

import http.client
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kt_remedy.core import roles
from kt_remedy.devtools import devservers
from tests.conftest import ROOT, Process, free_port, wait_until
from tests.project.test_tracked_files import tracked
from tests.recovery.conftest import restart

pytestmark = pytest.mark.soak  # starts servers, a minute for each file

LEFT_OUT = ("tests/", "benchmarks/", "kt_remedy/devtools/", "requirements-dev.txt", "requirements-test.txt", ".ci/")


def blocks(anchor: str) -> str:
    """The commands of the section with this anchor, without those of root, an empty line between two blocks."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = page.split(f'<a id="{anchor}"></a>\n## ', 1)[1].split("\n## ", 1)[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


class Machine:
    """The folders of a machine, its servers, and the variables that the document names."""

    def __init__(self, servers: devservers.Servers, folder: Path) -> None:
        self.servers, self.folder = servers, folder
        host = str(servers.sockets).replace("/", "%2F")
        self.word = devservers.secrets(servers.home)["POSTGRES_PASSWORD"]
        places = {"ETC": "etc", "VAR": "var", "RELEASES": "releases", "BACKUPS": "backups"}
        for name in places.values():
            (folder / name).mkdir()
        self.env = {
            "PATH": f"{servers._postgres_binaries()}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "VERSION": "2026.12.1",
            "ESCROW": str(folder / "escrow"),
            "ADMIN_URL": f"postgres://postgres:{self.word}@{host}/postgres",
            "DATABASE": f"{host}/remedy",
            "REDIS_URL": servers.redis_url,
            "PORTONE_API_SECRET": "a-secret",
            "PORTONE_STORE_ID": "store-1",
            "PORTONE_CHANNEL_KEY": "channel-1",
            "SOLAPI_API_KEY": "key",
            "SOLAPI_API_SECRET": "a-secret",
            "PAYER_NAME": "KT",
            "PAYER_BANK": "020",
            "PAYER_ACCOUNT": "1005000000000",
            **{name: str(folder / place) for name, place in places.items()},
        }

    def unpack(self, version: str) -> None:
        """Put a release where the document wants it, with the libraries of this interpreter."""
        release = self.folder / "releases" / version
        for name in tracked():
            if not name.startswith(LEFT_OUT):
                target = release / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        (release / ".venv/bin").mkdir(parents=True)
        for program in ("python", "python3", "gunicorn", "celery"):
            there = Path(sys.executable).with_name(program)
            (release / ".venv/bin" / program).write_text(f'#!/bin/sh\nexec {there} "$@"\n')
            (release / ".venv/bin" / program).chmod(0o755)

    def type(self, script: str, **more: str) -> str:
        """Type a script in one shell that ends with the first command that fails."""
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n{script}"], cwd=self.folder, env=self.env | more,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def settings(self, *names: str) -> dict[str, str]:
        """What the files of settings hold together."""
        lines = [line for name in names for line in (self.folder / "etc" / name).read_text().splitlines()]
        return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-deployment-"))
    folder.chmod(0o755)
    try:
        with devservers.Servers(folder / ".local") as servers:
            made = Machine(servers, folder)
            made.unpack("2026.12.1")
            # The servers of the tests come with a database and its roles; production's come empty.
            made.type(
                'psql "$ADMIN_URL" -qc "DROP DATABASE remedy"\n'
                + "".join(f'psql "$ADMIN_URL" -qc "DROP OWNED BY {name}"\n' for name in roles.ALL)
                + f'psql "$ADMIN_URL" -qc "DROP ROLE {", ".join(roles.ALL)}"\n'
            )
            made.type(blocks("first-deployment"))
            yield made
    finally:
        devservers.reset(folder / ".local")
        shutil.rmtree(folder, ignore_errors=True)


def test_each_file_of_settings_is_private_and_holds_its_own_secrets(machine: Machine) -> None:
    files = sorted((machine.folder / "etc").iterdir())
    assert [file.name for file in files] == ["backup.env", "common.env", "owner.env", "web.env", "worker.env"]
    for file in [*files, machine.folder / "escrow"]:
        assert file.stat().st_mode & 0o077 == 0, file.name
    assert "AUDIT_KEYS" not in machine.settings("common.env", "web.env")
    assert "BACKUP_IDENTITY" not in machine.settings(*(file.name for file in files))
    escrow = (machine.folder / "escrow").read_text()
    for name, value in machine.settings("common.env", "worker.env").items():
        if name in {"FIELD_KEYS", "INDEX_KEY", "AUDIT_KEYS"}:
            assert f"{name}={value}\n" in escrow


def test_the_web_server_starts_as_its_unit_says(machine: Machine) -> None:
    unit = (ROOT / "docs/systemd/kt-remedy-web.service").read_text()
    command = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)[0]
    current = machine.folder / "releases/current"
    argv = shlex.split(command.replace("/opt/kt-remedy", str(current)))
    port = free_port()
    env = {"PATH": machine.env["PATH"], "PORT": str(port), **machine.settings("common.env", "web.env")}
    web = Process(["sh", "-c", 'cd "$0" && exec "$@"', str(current), *argv], env=env)
    asked = {"Host": "remedy.example.kr", "X-Forwarded-Proto": "https"}

    def answer() -> tuple[int, str]:
        assert web.process.poll() is None, web.log
        site = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            site.request("GET", "/readyz", headers=asked)
            given = site.getresponse()
            return given.status, given.read().decode()
        except OSError:
            return 0, ""
        finally:
            site.close()

    try:
        wait_until(lambda: answer()[0] == 200, what=f"the site: {answer()} {web.log}")
        assert '"migrations": "ok"' in answer()[1]
    finally:
        web.stop()


def test_the_link_moves_with_a_release_and_remembers_the_one_before(machine: Machine) -> None:
    machine.type(blocks("upgrade"), VERSION="2026.12.2")
    releases = machine.folder / "releases"
    assert os.readlink(releases / "current").endswith("2026.12.2")
    assert os.readlink(releases / "previous").endswith("2026.12.1")
    machine.type("ln -sfn $(readlink $RELEASES/previous) $RELEASES/current")  # the runbook's way back
    assert os.readlink(releases / "current").endswith("2026.12.1")


def test_the_backup_is_made_and_restored_with_the_escrow(machine: Machine) -> None:
    wal = machine.folder / "backups/wal"
    wal.mkdir()
    if machine.servers.user is not None:
        os.chown(wal, machine.servers.user, machine.servers.group)
    archiving, made, drill = (part.strip() for part in blocks("backup").split("\n\n") if part.strip())
    machine.type(archiving)
    restart(machine.servers)
    # A start of the servers of the tests gives the roles a password of its own.
    owner = machine.settings("owner.env")
    for url in (owner["DATABASE_URL"], owner["MIGRATE_DATABASE_URL"]):
        user, word = urlsplit(url).username, urlsplit(url).password
        machine.type(f"""psql "$ADMIN_URL" -qc "ALTER ROLE {user} PASSWORD '{word}'" """)
    said = machine.type(f"{archiving.splitlines()[0]}\n{made}\n{drill}")
    assert "Money, audit and documents hold." in said
