"""Documents are read in a child process: how it is started, bounded and believed (docs/trust.md#2-6).

Two children at most run on one machine, whichever portal started them, so that a flood of documents leaves the web
processes their memory. Who finds both places taken waits some seconds and is then asked to try again.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from refunds.applications import reading_child
from refunds.applications.file_types import WrongFile

PLACES = 2
WAIT_SECONDS = 5  # a thread of the web server waits too, and there are few
CHILD_SECONDS = 10
CHILD_MEGABYTES = 256
LARGEST_ANSWER = 64 << 20
# The lock of a place ends with the processes that hold it, so a killed one leaves nothing behind.
FOLDER = Path(tempfile.gettempdir()) / f"remedy-reading-{os.getuid()}"
_STARTS = {"jpg": b"\xff\xd8\xff", "pdf": b"%PDF-"}


class Drawing(NamedTuple):
    """What is kept of a document: its kind ("jpg", "pdf"), bytes, number of pages; whether the original was signed."""

    kind: str
    data: bytes
    pages: int
    signed: bool


def draw(data: bytes, kind: str) -> Drawing:
    """Have a document of a recognised kind drawn anew. Takes up to WAIT_SECONDS and CHILD_SECONDS.

    Raises WrongFile: BUSY, TIME, MEMORY, BROKEN, PIXELS, and for a PDF LOCKED, ACTIVE, PAGES, FONTS.
    """
    limits = {
        "megabytes": CHILD_MEGABYTES,
        "seconds": CHILD_SECONDS,
        "pixels": settings.DOCUMENT_MAX_MEGAPIXELS * 1_000_000,
        "pages": settings.DOCUMENT_MAX_PAGES,
    }
    with _place() as place:
        answer, timed_out = _ask([reading_child.__file__, kind, json.dumps(limits)], data, place)
    if timed_out:
        raise WrongFile("TIME")
    head, _, kept = answer.partition(b"\n")
    # A child that was taken over could answer anything.
    try:
        facts = json.loads(head)
        code = facts.get("refused")
        if code in WrongFile.sentences:
            raise WrongFile(code)
        drawing = Drawing(str(facts["kind"]), kept, int(facts["pages"]), facts["signed"] is True)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WrongFile("BROKEN") from None
    if len(answer) > LARGEST_ANSWER or not kept.startswith(_STARTS.get(drawing.kind, b"\0none")):
        raise WrongFile("BROKEN")
    return drawing


def _ask(program: list[str], data: bytes, place: int) -> tuple[bytes, bool]:
    """The answer of a child and whether its time was over. It inherits nothing but its input, output and place."""
    process = subprocess.Popen(
        [sys.executable, "-I", *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a decoder's words could quote the document
        env={},
        cwd="/",
        pass_fds=(place,),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    # The kernel ends the child at its own bound; this ends one that got rid of the bound.
    watch = threading.Timer(CHILD_SECONDS + 2, process.kill)
    watch.start()
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(data)
            process.stdin.close()
        answer = process.stdout.read(LARGEST_ANSWER + 1)
    finally:
        watch.cancel()
        process.kill()
        ended = process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    return answer, ended in {-signal.SIGALRM, -signal.SIGXCPU} or (ended == -signal.SIGKILL and not answer)


@contextlib.contextmanager
def _place() -> Iterator[int]:
    """One of the places of this machine, as the descriptor that holds its lock. Raises WrongFile: BUSY."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    patience = time.monotonic() + WAIT_SECONDS
    while True:
        for number in range(PLACES):
            place = os.open(FOLDER / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(place)
                continue
            try:
                yield place
            finally:
                os.close(place)
            return
        if time.monotonic() >= patience:
            raise WrongFile("BUSY")
        time.sleep(0.05)
