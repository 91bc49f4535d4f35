"""The stand-in for the providers of perks: acknowledges each hand-off file with the digest of its bytes."""

import contextlib
import hashlib
import os
import time
from pathlib import Path

SECONDS = 1.0


def folder() -> Path:
    """Folder of the portal's hand-off files (HAND_OFF_DIR, else `.local/hand-off`)."""
    return Path(os.environ.get("HAND_OFF_DIR") or Path(__file__).resolve().parents[3] / ".local" / "hand-off")


def acknowledge(where: Path) -> int:
    """Write `<file>.ack` beside each file that has none, in the folder of each provider; returns how many."""
    done = 0
    for file in sorted(where.rglob("*")):
        answer = file.with_name(f"{file.name}.ack")
        if file.name.startswith(".") or file.suffix == ".ack" or not file.is_file() or answer.exists():
            continue
        answer.write_text(hashlib.sha256(file.read_bytes()).hexdigest())
        done += 1
    return done


def acknowledge_forever() -> None:
    """Look once a second, until the process ends."""
    while True:
        with contextlib.suppress(OSError):  # a file moved away in between is found, or gone, at the next look
            acknowledge(folder())
        time.sleep(SECONDS)
