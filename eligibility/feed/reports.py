"""Write the rejected rows as CSV to standard error or to a file. The file appears completely or not at all."""

import contextlib
import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from eligibility.models import Reject
from kt_remedy.core import csv as csv_cells

HEADER = ("file", "line", "column", "value", "reason")


@contextlib.contextmanager
def report_file(path: str | None) -> Iterator[IO[str]]:
    """Yield standard error, or a temporary file that replaces `path` after the block ended without an exception."""
    if path is None:
        yield sys.stderr
        return
    target = Path(path)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        try:
            yield file
            file.flush()
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def write(stream: IO[str], rejects: Iterable[Reject]) -> None:
    """Write the header and one CSV line for each rejected row."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for reject in rejects:
        value = csv_cells.guarded(reject.value, keep_numbers=True)
        writer.writerow((reject.file, reject.line, reject.column, value, reject.reason))
