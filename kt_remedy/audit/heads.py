"""Heads of the chain that are given out, so that somebody else holds them: once a day and with each approval of money.

`give` keeps the head of the day in a row, which the auditor's desk and the public page show, and writes it to a folder
that the operator copies elsewhere. Applications that store a head beside an act register how it is read back.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import transaction

from kt_remedy.audit import chain
from kt_remedy.audit.chain import Head
from kt_remedy.audit.models import AuditHead
from kt_remedy.core import clock, file_stores

COLUMNS = ("day", "position", "digest")

_sources: list[Callable[[], Iterable[Head]]] = []


def register_source(source: Callable[[], Iterable[Head]]) -> None:
    """Add heads that an application stores beside its acts; `verify_audit` compares them."""
    _sources.append(source)


def latest() -> AuditHead | None:
    """The head that was given out last; None before the first day. The public page shows it."""
    return AuditHead.objects.first()


def stored() -> Iterator[Head]:
    """Every head that this database keeps: of each day, and those of the registered sources."""
    for row in AuditHead.objects.order_by("day"):
        yield Head(row.position, row.digest, f"of {row.day}", row.day)
    for source in _sources:
        yield from source()


def give() -> AuditHead | None:
    """Seal what is not sealed, and give out the head of today (KST): a row and a file. Safe to repeat; None without
    any entry."""
    while chain.seal_entries():
        pass
    with transaction.atomic():
        end = chain.end()
        if end is None:
            return None
        values = {"at": clock.now(), "position": end.position, "digest": end.digest}
        head, _made = AuditHead.objects.get_or_create(day=clock.today(), defaults=values)
    if settings.AUDIT_HEADS_DIR:
        store = file_stores.at(settings.AUDIT_HEADS_DIR, mode=0o644)  # somebody else copies the files
        store.put_bytes(f"audit-head-{head.day}.csv", as_csv([head]).encode())
    return head


def as_csv(heads: Iterable[AuditHead]) -> str:
    """Heads as the file that `verify_audit --heads` reads, oldest first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.day.isoformat(), row.position, row.digest) for row in heads)
    return text.getvalue()


def read(path: Path) -> list[Head]:
    """The heads of a file in the form of `as_csv`. Raises ValueError naming the row that cannot be read."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    heads = []
    for number, row in enumerate(rows, start=2):
        try:
            head = chain.parse(f"{row['position']}:{row['digest']}", f"of {row['day']}")
            heads.append(replace(head, day=dt.date.fromisoformat(row["day"])))
        except (KeyError, ValueError, TypeError):
            raise ValueError(f"line {number} of {path.name} is no head") from None
    return heads
