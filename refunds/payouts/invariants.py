"""Invariants of the money (docs/trust.md#1-4): each is a query that finds nothing while the money is right.

Each is a view of the database, made by a migration, so that a reader with SQL alone sees it too; the batch holds the
programme it was frozen by. The bytes of files need a key and are checked here.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from refunds.models.bank_files import BankFile, Chunk
from refunds.payouts import files

EVERY = dt.timedelta(minutes=10)
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Breaches of one invariant: their number, and the first few."""

    code: str
    title: Any
    count: int
    examples: tuple[str, ...]


def verify() -> list[Finding]:
    """Check every invariant and return what each found; reads only, in one snapshot."""
    with transaction.atomic(), connection.cursor() as cursor:
        # In a test the transaction has begun already; there is nobody else to see then.
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
    """I4: stored bytes that are not the ones that were made."""
    for file in BankFile.objects.order_by("id"):
        if not Chunk.objects.filter(key=file.message_id).exists():
            continue  # wiped after settlement; its digest stays
        whole = hashlib.sha256()
        for piece in files.stored(file.message_id):
            whole.update(piece)
        if whole.hexdigest() != file.sha256:
            yield f"file {file.name}"


def _figures() -> list[str]:
    return [*_view("money_i4")(), *_changed_bytes()]


INVARIANTS: tuple[tuple[str, Any, Callable[[], Iterable[str]]], ...] = (
    ("I1", _("한 신청에 살아 있는 지급이 둘 이상"), _view("money_i1")),
    ("I2", _("마감 전에 승인됐는데 회차에도 없고 이유도 없음"), _view("money_i2")),
    ("I3", _("기록을 다시 밟은 결과와 다른 상태나 금액"), _view("money_i3")),
    ("I4", _("회차나 파일의 건수, 합계, 확인값이 담긴 건과 다름"), _figures),
    ("I5", _("돈의 합이 맞지 않거나, 끝난 신청의 돈이 나감"), _view("money_i5")),
    ("I6", _("없는 길로 움직였거나 기록과 다른 상태"), _view("money_i6")),
    ("I7", _("한 사람이 준비하고 승인했거나 승인 없이 나감"), _view("money_i7")),
    ("I12", _("청구 자료가 주는 금액과 다른 지급"), _view("money_i12")),
)
