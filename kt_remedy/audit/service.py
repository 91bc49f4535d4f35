"""Writing and proving the record of who saw or changed whose data."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from kt_remedy.audit import actions
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import access, clock

_FIELDS = ("id", "at", "actor", "action", "object", "subject", "reason", "ip", "detail")
_LOCK = 0x6B742D6175646974  # one chain, one writer


def actor(user: AbstractBaseUser | AnonymousUser) -> str:
    """How the record names a member of staff: "staff:<id>"."""
    return f"staff:{user.pk}"


def record(
    *,
    actor: str,
    action: str,
    object: str,  # noqa: A002  the word of the record itself
    subject: str = "",
    reason: str = "",
    ip: str = "",
    detail: dict | None = None,
) -> AuditEntry:
    """Add one entry, in the transaction of the act itself. Never give it personal data in clear.

    `actor` is "customer", "system" or what the function `actor` gives for a member of staff; `action` a fixed word
    ("filing.submitted"); `object` what was touched ("application:7"); `subject` the customer number whose data it is.
    Without `ip` the address of the request being answered is taken. Raises LookupError for an action of a kind that no
    application registered (`actions`).
    """
    actions.kind_of(action)
    return AuditEntry.objects.create(
        at=clock.now(),
        actor=actor,
        action=action,
        object=object,
        subject=subject,
        reason=reason,
        ip=ip or access.current_address() or None,
        detail=detail or {},
    )


def chain(*, limit: int = 10_000) -> int:
    """Link committed entries that are not linked yet; returns how many. At-least-once, safe to run twice.

    Each digest covers the one before it, so an entry that is changed, dropped or slipped in later breaks the chain
    from there on. Linking follows the commit, because a chain inside the act would make every act wait for every other.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        position, digest = _head()
        linked = []
        fresh = AuditEntry.objects.filter(position__isnull=True).order_by("id").values_list(*_FIELDS)
        for row in fresh[:limit]:
            position += 1
            digest = _digest(digest, row)
            linked.append(AuditEntry(id=row[0], position=position, digest=digest))
        AuditEntry.objects.bulk_update(linked, ["position", "digest"], batch_size=1000)
    return len(linked)


@dataclass(frozen=True)
class Proof:
    """What `verify` found: how many linked entries hold, the head of the chain, and the first fault in words."""

    entries: int
    unlinked: int
    head: str
    fault: str = ""


def verify(*, head: str = "") -> Proof:
    """Recompute the chain from its beginning. `head`, a digest written down earlier, must still be part of it:
    only that proves that no entries were cut off at the end."""
    count, digest, seen = 0, b"", not head
    rows = (
        AuditEntry.objects.filter(position__isnull=False)
        .order_by("position")
        .values_list(*_FIELDS, "position", "digest")
    )
    for *row, position, stored in rows.iterator(chunk_size=10_000):
        count += 1
        digest = _digest(digest, row)
        if position != count:
            return Proof(count - 1, 0, "", f"entry {count} of the chain is missing")
        if digest != bytes(stored):
            return Proof(count - 1, 0, "", f"entry {count} of the chain (id {row[0]}) is not what was recorded")
        seen = seen or digest.hex() == head
    unlinked = AuditEntry.objects.filter(position__isnull=True).count()
    fault = "" if seen else "the head written down earlier is not in the chain: entries were cut off or replaced"
    return Proof(count, unlinked, digest.hex(), fault)


def _head() -> tuple[int, bytes]:
    linked = AuditEntry.objects.filter(position__isnull=False).order_by("-position")
    last = linked.values_list("position", "digest").first()
    return (last[0] or 0, bytes(last[1] or b"")) if last else (0, b"")


def _digest(previous: bytes, row: tuple | list) -> bytes:
    number, at, *words, detail = row
    text = json.dumps([number, at.astimezone(dt.UTC).isoformat(), *words, detail], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(previous + text.encode()).digest()
