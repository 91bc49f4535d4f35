"""Every command of every card of the runbook is typed as it stands there, and what comes back is what the card says.

A block `sh` is typed in bash; a block `text` after it is what must come back, where `…` stands for anything. The
trouble of a card is made first. `systemctl` is a stand-in that restarts the real processes of this test.
"""

import http.server
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kt_remedy.core import roles
from kt_remedy.devtools.processes import Process
from tests.conftest import ROOT, free_port
from tests.recovery.conftest import Archive, Place, restart
from tests.recovery.standby import kill_primary, standby_of

pytestmark = pytest.mark.soak  # starts servers, a minute for each file

CARDS = sorted(path for path in (ROOT / "docs/runbook").glob("*.md") if path.name != "README.md")
SECTIONS = ["Symptom", "First look", "Command", "Over"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST_SECONDS = 120


def commands(card: str) -> list[tuple[str, str | None]]:
    """The commands of a card in their order, each with what must come back (None: anything)."""
    found: list[tuple[str, str | None]] = []
    for kind, text in BLOCK.findall(card):
        if kind == "sh":
            found.append((text, None))
        else:
            assert kind == "text", f"a block of a card is sh or text, not {kind}"
            command, expected = found[-1]
            assert expected is None, "two outputs follow one command"
            found[-1] = (command, text)
    return found


def fits(said: str, expected: str) -> bool:
    """True if the output is what the card says; spaces at the ends of lines and between columns are not compared."""

    def plain(text: str) -> str:
        return re.sub(r"\s+", " ", text).strip()

    pattern = ".*".join(re.escape(plain(part)) for part in expected.split("…"))
    return re.fullmatch(f"\\s*{pattern}\\s*", plain(said), re.DOTALL) is not None


class World:
    """The portal as processes of a test, with the folder of its settings and a `systemctl` that restarts them."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.folder = place, folder
        self.etc, self.bin = folder / "etc", folder / "bin"
        self.port = free_port()
        self.running: dict[str, Process] = {}
        database = place.servers.database_url().removesuffix("/remedy") + "/fresh"
        sockets = str(place.servers.sockets)
        self.quoted = sockets.replace("/", "%2F")
        (folder / "db1").symlink_to(sockets)
        self.address = database.replace(self.quoted, str(folder / "db1").replace("/", "%2F"))
        self._write_settings()
        self._write_programs()

    def _write_settings(self) -> None:
        self.etc.mkdir()
        (self.etc / "common.env").write_text(f"FIELD_KEYS={self.place.env['FIELD_KEYS']}\n")
        (self.etc / "worker.env").write_text(f"DATABASE_URL={self.address}\n")
        web = self.address.replace(roles.WORKER, roles.WEB, 1)
        (self.etc / "web.env").write_text(f"DATABASE_URL={web}\n")

    def _write_programs(self) -> None:
        self.bin.mkdir()
        venv = Path(sys.executable).parent
        desk = f"http://127.0.0.1:{self.desk()}"
        programs = {
            "manage.py": f'exec {sys.executable} {ROOT}/manage.py "$@"',
            "celery": f'cd {ROOT} && exec {venv}/celery "$@"',
            "systemctl": f"act=$1; shift; for unit; do said=$(curl -fsS -X POST {desk}/$act/$unit) || exit 1; "
            '[ "$act" = restart ] || echo "$said"; [ "$said" != inactive ] || exit 3; done',
        }
        for name, text in programs.items():
            (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
            (self.bin / name).chmod(0o755)

    def desk(self) -> int:
        """The port of the stand-in for systemd."""
        world = self

        class Desk(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                _, act, unit = self.path.split("/")
                said = world.systemd(act, unit)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(said.encode())

            def log_message(self, *_: object) -> None:
                pass

        # One thread that lives as long as the world: the kernel stops a child when the thread that started it ends.
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Desk)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server.server_address[1]

    def systemd(self, act: str, unit: str) -> str:
        """Restart a unit, or say whether it runs."""
        if act == "is-active":
            child = self.running.get(unit)
            return "active" if child is not None and child.process.poll() is None else "inactive"
        assert act == "restart", act
        servers = self.place.servers
        if unit in {"postgresql", "valkey-server"}:
            child = servers.postgres if unit == "postgresql" else servers.valkey
            servers.processes.stop(child)
            (servers.start_postgres if unit == "postgresql" else servers.start_valkey)()
        else:
            self.stop(unit)
            self.start(unit)
        return "restarted"

    def stop(self, unit: str) -> None:
        if child := self.running.pop(unit, None):
            child.process.send_signal(signal.SIGCONT)
            self.place.servers.processes.stop(child, grace=10)

    def start(self, unit: str) -> None:
        """Start a unit with the settings that its files hold now."""
        argv = {
            "kt-remedy-web": ["gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"],
            "kt-remedy-worker@money": [
                *("celery", "-A", "kt_remedy", "worker", "-Q", "money,messages,perks,rest", "-c", "2"),
                *("-n", "money@%h", "--without-gossip", "--without-mingle"),
            ],
            "kt-remedy-beat": ["celery", "-A", "kt_remedy", "beat", "--pidfile="],
        }[unit]
        own = "web.env" if unit == "kt-remedy-web" else "worker.env"
        env = self.env() | self.settings("common.env") | self.settings(own)
        if unit == "kt-remedy-web":
            env |= {"REMEDY_PROCESS": "web", "WEB_WORKERS": "1", "PORT": str(self.port)}
        self.running[unit] = self.place.servers.processes.spawn(unit, [sys.executable, "-m", *argv], env=env, cwd=ROOT)

    def settings(self, name: str) -> dict[str, str]:
        lines = (self.etc / name).read_text().splitlines()
        return {key: value for key, _, value in (line.partition("=") for line in lines)}

    def env(self) -> dict[str, str]:
        """What a person has after the first lines of the runbook."""
        place = self.place
        return place.env | {
            "PATH": f"{self.bin}:{place.env['PATH']}",
            "DATABASE_URL": self.address,
            "MIGRATE_DATABASE_URL": self.address.replace(roles.WORKER, roles.MIGRATE, 1),
            "SITE": f"http://127.0.0.1:{self.port}",
            "ETC": str(self.etc),
            "RELEASES": str(self.folder / "releases"),
            "DELIVERIES_DIR": str(self.folder / "deliveries"),
            "REMEDY_NOW": "2025-12-01T10:00+09:00",
        }

    def type(self, text: str, **more: str) -> str:
        """Type a command; what it said on both channels, whatever its exit status, which cards show themselves."""
        done = subprocess.run(
            ["bash", "-c", f"set -a\n{text}"], env=self.env() | more, cwd=self.folder, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=LONGEST_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="module")
def world(place: Place) -> Iterator[World]:
    folder = place.folder / "world"
    folder.mkdir()
    made = World(place, folder)
    for number in ("1.0", "1.1"):
        (folder / "releases" / number).mkdir(parents=True)
    (folder / "releases/current").symlink_to(folder / "releases/1.1")
    (folder / "releases/previous").symlink_to(folder / "releases/1.0")
    sample = place.run("manage.py", "sample_feed", str(folder / "deliveries"), "--lines", "300")
    assert sample.returncode == 0, sample.stderr
    try:
        for unit in ("kt-remedy-web", "kt-remedy-worker@money", "kt-remedy-beat"):
            made.start(unit)
        healthy(made)
        yield made
    finally:
        for unit in list(made.running):
            made.stop(unit)
        restart(place.servers)  # from this thread, which lives on
        place.servers.processes.stop(place.servers.valkey)
        place.servers.start_valkey()
        made.server.shutdown()


def healthy(world: World) -> None:
    """Wait until the site answers and no periodic task is silent."""
    world.type("until curl -fs $SITE/readyz && curl -fs $SITE/pulsez; do sleep 1; done")


# The trouble of each card, made before its commands are typed; the others need none.
def _kill_valkey(world: World) -> None:
    world.place.servers.valkey.process.kill()
    world.place.servers.valkey.process.wait()


def _kill_postgres(world: World) -> None:
    kill_primary(world.place)


def _kill_beat(world: World) -> None:
    world.running["kt-remedy-beat"].process.kill()
    world.running["kt-remedy-beat"].process.wait()


def _pause_worker(world: World) -> None:
    world.running["kt-remedy-worker@money"].process.send_signal(signal.SIGSTOP)


TROUBLES: dict[str, Callable[[World], None]] = {
    "redis-lost": _kill_valkey,
    "database-down": _kill_postgres,
    "worker-stuck": _pause_worker,
    "beat-silent": _kill_beat,
}


def card_of(name: str) -> str:
    return (ROOT / f"docs/runbook/{name}.md").read_text(encoding="utf-8")


def walk(world: World, name: str, **more: str) -> None:
    """Type the commands of a card one after the other."""
    for command, expected in commands(card_of(name)):
        said = world.type(command, **more)
        assert expected is None or fits(said, expected), f"{command}\nsaid:\n{said}\nnot:\n{expected}"


def test_there_are_at_most_fifteen_cards_of_one_shape() -> None:
    assert 1 <= len(CARDS) <= 15
    listed = (ROOT / "docs/runbook/README.md").read_text(encoding="utf-8")
    for path in CARDS:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS, path.name
        assert f"[{path.name}]({path.name})" in listed
        assert len(text.splitlines()) <= 80, f"{path.name} is longer than a page"
        assert commands(text)


SPECIAL = {"primary-lost", "restore"}


@pytest.mark.parametrize("name", [path.stem for path in CARDS if path.stem not in SPECIAL])
def test_the_commands_of_a_card_do_what_it_says(world: World, name: str) -> None:
    TROUBLES.get(name, lambda _: None)(world)
    walk(world, name, HEADS=str(heads_of(world)), DELIVERIES_DIR=str(world.folder / "deliveries"))
    healthy(world)


def heads_of(world: World) -> Path:
    """A file of heads as the auditor keeps it: empty before the first night."""
    path = world.folder / "heads.csv"
    path.write_text("day,position,digest\n")
    return path


def test_a_restore_is_tried_as_its_card_says(world: World, archive: Archive) -> None:
    address = world.place.env["DATABASE_URL"]
    walk(world, "restore", ESCROW=archive.place.escrow(), MOMENT=archive.half_way, DATABASE_URL=address)


def test_a_standby_takes_over_as_its_card_says(world: World) -> None:
    place = world.place
    with standby_of(place) as sockets:
        (world.folder / "db2").symlink_to(sockets)
        kill_primary(place)
        word = place.env["BACKUP_DATABASE_URL"].split(":")[2].split("@")[0]
        try:
            walk(
                world,
                "primary-lost",
                STANDBY_URL=f"postgres://postgres:{word}@{str(sockets).replace('/', '%2F')}/fresh",
            )
        finally:
            for file in world.etc.glob("*.env"):
                file.write_text(file.read_text().replace("db2", "db1"))
    for unit in list(world.running):
        world.systemd("restart", unit)


@pytest.mark.parametrize(
    ("said", "expected", "fitting"),
    [
        ("OK\n", "OK\n", True),
        ("  a |  b\n", "a | b\n", True),
        ("12 entries hold. Head: 12:ab\n", "…entries hold. Head: …\n", True),
        ("KO\n", "OK\n", False),
        ("OK and more\n", "OK\n", False),
    ],
)
def test_what_comes_back_is_compared(said: str, expected: str, fitting: bool) -> None:
    assert fits(said, expected) is fitting
