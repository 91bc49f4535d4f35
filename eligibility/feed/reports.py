"""The report of rejected rows as CSV: to standard error or to a file that appears whole or not at all."""

import contextlib
import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from kt_remedy.core import csv as csv_cells

HEADER = ("file", "line", "column", "value", "reason")


class Rejected(Protocol):
    """What a rejected row tells."""

    file: str
    line: int
    column: str
    value: str
    reason: str


@contextlib.contextmanager
def report_file(path: str | None) -> Iterator[IO[str]]:
    """Standard error, or a new file that takes the place of `path` once the block has ended well."""
    if path is None:
        yield sys.stderr
        return
    place = Path(path)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=place.parent, prefix=f".{place.name}.", delete=False
    ) as file:
        try:
            yield file
            file.flush()
            os.replace(file.name, place)
        except BaseException:
            os.unlink(file.name)
            raise


def write(stream: IO[str], rejects: Iterable[Rejected]) -> None:
    """Write the header and a line for each rejected row."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for reject in rejects:
        value = csv_cells.guarded(reject.value)
        writer.writerow((reject.file, reject.line, reject.column, value, reject.reason))
