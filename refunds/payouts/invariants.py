"""Invariants of the money (docs/trust.md#1-4): each is a query without rows while the money is right.

Each is a view of the database, created after every migration from its file in `sql`, so that SQL alone shows it too.
The views read the programme snapshot of the batch. The bytes of files need a key, so this module checks them.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, connections, transaction
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import grants
from refunds.models.bank_files import BankFile, Chunk
from refunds.payouts import files

EVERY = dt.timedelta(minutes=10)
_EXAMPLES = 5
_TITLE = "-- title: "
# The other side of the trial balance, which I14 and `trial_balance` read.
MOVEMENT, MOVEMENT_FILE = "refunds_movement", Path(__file__).parent / "sql" / "movement.sql"
FILES = sorted((Path(__file__).parent / "sql").glob("i*.sql"))


@dataclass(frozen=True, slots=True)
class Finding:
    """Breaches of one invariant: their number, and the first few."""

    code: str
    title: Any
    count: int
    examples: tuple[str, ...]


def verify() -> list[Finding]:
    """Check every invariant and return the findings; reads only, in one snapshot."""
    with transaction.atomic(), connection.cursor() as cursor:
        # A test is in a transaction already, and nothing changes concurrently.
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL statement_timeout = 0")
        return [_finding(code, title, find) for code, title, find in INVARIANTS]


def _finding(code: str, title: Any, find: Callable[[], Iterable[str]]) -> Finding:
    breaches = list(find())
    return Finding(code, title, len(breaches), tuple(breaches[:_EXAMPLES]))


def _view(name: str) -> Callable[[], list[str]]:
    return lambda: _ask(f"SELECT what FROM {name} ORDER BY what")  # noqa: S608  (a name of this module)


def _ask(text: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return [str(row[0]) for row in cursor.fetchall()]


def _changed_bytes() -> Iterable[str]:
    """I4: files whose stored bytes differ from the ones that were made."""
    for file in BankFile.objects.order_by("id"):
        if not Chunk.objects.filter(key=file.message_id).exists():
            continue  # wiped after settlement; its digest stays
        if files.stored_digest(file.message_id) != file.sha256:
            yield f"file {file.name}"


def title_of(file: Path) -> str:
    """The title of an invariant in the source language, from the first line of its file."""
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith(_TITLE), f"{file} begins with no title"
    return first.removeprefix(_TITLE)


def _number(file: Path) -> int:
    return int(file.stem.removeprefix("i"))


def _find_by(file: Path) -> Callable[[], Iterable[str]]:
    view = _view(f"money_i{_number(file)}")
    return (lambda: [*view(), *_changed_bytes()]) if _number(file) == 4 else view


# (code, title, query of the breaches) of each file.
INVARIANTS: tuple[tuple[str, Any, Callable[[], Iterable[str]]], ...] = tuple(
    (f"I{_number(file)}", _(title_of(file)), _find_by(file)) for file in FILES
)


def drop_views(using: str, plan: list[Any], **_signal: Any) -> None:
    """Drop the views before a migration, because a view blocks changes of the columns it reads."""
    if plan:
        _drop_views(using)


def _drop_views(using: str) -> None:
    with connections[using].cursor() as cursor:
        for file in FILES:
            cursor.execute(f"DROP VIEW IF EXISTS money_i{_number(file)}")
        cursor.execute(f"DROP VIEW IF EXISTS {MOVEMENT}")


def make_views(using: str, **signal: Any) -> None:
    """Create the views after a migration, if the database has every table they read."""
    if not grants.is_migrated(using, signal):
        return
    with transaction.atomic(using), connections[using].cursor() as cursor:
        _drop_views(using)
        for file in (MOVEMENT_FILE, *FILES):
            cursor.execute(file.read_text(encoding="utf-8"))
        grants.let_read(using, [MOVEMENT, *(f"money_i{_number(file)}" for file in FILES)])
