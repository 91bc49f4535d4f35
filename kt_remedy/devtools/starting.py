"""Steps that every start of a try-out takes: tell each with its time, make the tables, collect static files, wait."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError, OutputWrapper

from kt_remedy.devtools import devservers
from kt_remedy.devtools.processes import Process, ProcessError

# The variants of Bootstrap that no page loads.
UNUSED_FILES = ["bootstrap-*", "*.rtl.*", "bootstrap.esm*", "bootstrap.css*", "bootstrap.js*", "bootstrap.bundle.js*"]
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(Exception):
    """Somebody asked the command to stop."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """Let Ctrl-C and the other signals to stop raise Stop inside; afterwards they are ignored, so that nothing
    interrupts the stopping."""
    for number in _STOPS:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def step(stdout: OutputWrapper, name: str, work: Callable[[], Any]) -> Any:
    """Do one step and write its name and the seconds that it took; returns the result of `work`."""
    began = time.monotonic()
    stdout.write(f"  {name} … ", ending="")
    stdout.flush()
    try:
        result = work()
    except Exception:
        stdout.write("failed")
        raise
    stdout.write(f"{time.monotonic() - began:.1f} s")
    return result


def migrate() -> None:
    """Make the tables as their owner, in a process of its own. Raises ProcessError with what it said."""
    argv = [sys.executable, "manage.py", "migrate", "--verbosity=0", "--no-input"]
    env = {"REMEDY_ENV": "development", **os.environ}
    done = subprocess.run(argv, cwd=devservers.ROOT, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ProcessError(f"The tables could not be made: {done.stderr.strip()}")


def collect_static() -> None:
    """Collect when a file changed: hashing and compressing all of them takes longer than everything else."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = os.stat(storage.path(path))
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    devservers.HOME.mkdir(exist_ok=True)
    mark = devservers.HOME / "static.sha256"
    made = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not made.exists() or not mark.exists() or mark.read_text() != digest.hexdigest():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=UNUSED_FILES)
        mark.write_text(digest.hexdigest())


def port_of(name: str, default: str) -> int:
    """A port from the environment. Raises CommandError for anything else."""
    text = os.environ.get(name, default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CommandError(f"{name} is {text!r}: set it to a port number between 1 and 65535.")
    return int(text)


def refuse_taken(port: int, name: str, *, command: str) -> None:
    """Raise CommandError where something listens on this port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}): stop what listens there, or choose another one, as in"
                f" `{command} {name}={port + 10}`."
            ) from None


def until(child: Process, done: Callable[[], bool], what: str, *, seconds: float = 180) -> None:
    """Wait until `done()`; raises ProcessError where the child ends before or never is."""
    deadline = time.monotonic() + seconds
    while not done():
        if child.process.poll() is not None:
            raise ProcessError(f"{child.name} did not start: {child.last_line()} (log: {child.log})")
        if time.monotonic() > deadline:
            raise ProcessError(f"{child.name} {what} within {seconds:.0f} seconds (log: {child.log})")
        time.sleep(0.05)


def answers(child: Process, url: str) -> None:
    """Wait until an address answers without a fault of the server."""

    def asked() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own address)
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False

    until(child, asked, "did not answer")


def says(child: Process, text: str) -> None:
    """Wait until a child wrote `text`."""
    until(child, lambda: text in child.written(), f"did not say {text!r}")
