"""Processes that one command starts, watches and stops.

Every child leads a session of its own, so that Ctrl-C in the terminal reaches the command alone and the command stops
its children in order. A command that is killed cannot do that: on Linux the kernel then passes the stop signal to its
children, and everywhere a record of them lets the next start find and stop what is left.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG_LIMIT_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1


class ProcessError(Exception):
    """A child did not start or did not stop; the message is one sentence for a person."""


@dataclass(frozen=True)
class Process:
    """One running child: its name for people, its process, how it is asked to stop, and where its log begins."""

    name: str
    process: "subprocess.Popen[bytes]"
    stop_signal: signal.Signals
    log: Path
    log_start: int = 0

    def written(self) -> str:
        """The output of this process so far."""
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def last_line(self) -> str:
        """The last line the child wrote, for an error message."""
        return next((line.strip() for line in reversed(self.written().splitlines()) if line.strip()), "")


def start_time(pid: int) -> str:
    """Start time of process `pid`, which differs from that of a later process with the same number.

    Empty when the process is gone or a zombie.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], check=False, capture_output=True, text=True
    ).stdout.strip()
    return "" if not shown or shown.startswith("Z") else shown.partition(" ")[2].strip()


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of the session that `pid` leads; silent when none is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return ask


class ProcessGroup:
    """The children of one command, in the order they were started; stopped in reverse."""

    def __init__(self, *, record: Path, logs: Path) -> None:
        self.record = record
        self.logs = logs
        self.children: list[Process] = []

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        group: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Process:
        """Start `argv` as a direct child that writes to `<logs>/<name>.log`. Raises ChildError when it cannot."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        mode = "ab" if log.exists() and log.stat().st_size < LOG_LIMIT_BYTES else "wb"
        drop: dict[str, Any] = {} if user is None else {"user": user, "group": group, "extra_groups": []}
        with log.open(mode) as output:
            start = output.tell()
            try:
                process = subprocess.Popen(
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                    preexec_fn=_die_with_parent(stop_signal),  # noqa: PLW1509  (the commands here run no threads)
                    **drop,
                )
            except OSError as error:
                raise ProcessError(f"{name} could not be started: {argv[0]}: {error.strerror}.") from error
        child = Process(name, process, stop_signal, log, start)
        self.children.append(child)
        self._write_record()
        return child

    def dead(self) -> Process | None:
        """The first child that has ended by itself, or None."""
        return next((child for child in self.children if child.process.poll() is not None), None)

    def stop(self, child: Process, *, grace: float = 20) -> None:
        """Ask one child to stop, wait, and kill its whole session if it does not."""
        if child.process.poll() is None:
            child.process.send_signal(child.stop_signal)
            try:
                child.process.wait(grace)
            except subprocess.TimeoutExpired:
                signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()
        signal_group(child.process.pid, signal.SIGKILL)
        if child in self.children:
            self.children.remove(child)
        self._write_record()

    def stop_all(self, *, on_progress: Callable[[str], None] | None = None) -> None:
        """Stop all children, the last started first; `on_progress` is called with each name."""
        for child in reversed(list(self.children)):
            if on_progress:
                on_progress(child.name)
            self.stop(child)

    def _write_record(self) -> None:
        rows = [
            {
                "name": c.name,
                "pid": c.process.pid,
                "born": start_time(c.process.pid),
                "signal": int(c.stop_signal),
            }
            for c in self.children
        ]
        draft = self.record.with_suffix(".new")
        draft.write_text(json.dumps(rows))
        draft.replace(self.record)


def stop_orphans(record: Path, *, grace: float = 20) -> list[str]:
    """Stop the children that a killed command left running; returns their names, last started first."""
    try:
        rows = json.loads(record.read_text())
    except (OSError, ValueError):
        return []
    stopped = []
    for row in reversed(rows):
        pid, born = row["pid"], row["born"]
        if not born or start_time(pid) != born:
            continue
        os.kill(pid, row["signal"])
        deadline = time.monotonic() + grace
        while start_time(pid) == born and time.monotonic() < deadline:
            time.sleep(0.05)
        signal_group(pid, signal.SIGKILL)
        stopped.append(row["name"])
    record.unlink(missing_ok=True)
    return stopped
