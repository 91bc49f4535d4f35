"""Time, peak memory and disk of a stage, measured from beside it."""

import datetime as dt
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import harness
from kt_remedy.devtools.processes import ProcessGroup

EVERY_SECONDS = 1.0


class Meter:
    """Looks at the memory of every process once a second, and keeps the peak of each until it is asked."""

    def __init__(self, processes: ProcessGroup, *, beside: Callable[[], None] = lambda: None) -> None:
        self.processes, self.beside = processes, beside
        self.peaks: dict[str, float] = {}
        self.began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self.look()
            self.beside()

    def look(self) -> None:
        """Measure now. Workers count together; the driver stands for the people, so what it starts counts with it."""
        now: dict[str, float] = {}
        own = 0.0
        for child in list(self.processes.children):
            name = child.name.partition("-")[0] if child.name.startswith("worker-") else child.name
            size = harness.memory_mb(child.process.pid)
            now[name], own = now.get(name, 0.0) + size, own + size
        now["people"] = max(harness.memory_mb(os.getpid()) - own, 0.0)
        for name, size in now.items():
            self.peaks[name] = max(self.peaks.get(name, 0.0), size)

    def begin(self) -> None:
        """A new stage begins."""
        self.peaks, self.began = {}, time.monotonic()

    def end(self) -> dict[str, Any]:
        """Seconds and peaks in MB since `begin`."""
        self.look()
        return {
            "seconds": round(time.monotonic() - self.began, 1),
            "memory_mb": {name: round(size) for name, size in sorted(self.peaks.items())},
            "ended": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }


def folder_bytes(folder: Path) -> int:
    """Bytes of disk that the files below a folder take; one that vanishes meanwhile counts nothing."""
    total = 0
    for path, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except OSError:
                continue
    return total
