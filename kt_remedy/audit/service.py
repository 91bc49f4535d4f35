"""Writing and proving the record of who saw or changed whose data."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from kt_remedy.audit import actions
from kt_remedy.audit.models import AuditEntry, AuditSeal
from kt_remedy.core import access, clock

_FIELDS = ("id", "at", "actor", "action", "object", "subject", "reason", "ip", "detail")
_LOCK = 0x6B742D6175646974  # one chain, one writer
# An act that commits later than this many acts behind it is sealed by `verify_audit`, which looks at every entry.
_LOOK_BACK = 100_000


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


def seal_entries(*, limit: int = 10_000, everything: bool = False) -> int:
    """Seal committed entries that have no seal yet; returns how many. At-least-once, safe to run twice.

    Each digest covers the one before it, so an entry that is changed, dropped or slipped in later breaks the chain
    from there on. Sealing follows the commit, because a chain inside the act would make every act wait for every other.
    A seal is a row of its own, so that no role of a process needs to update the record. Without `everything` only the
    newest entries are looked at, because the rest are sealed long since.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        position, digest = _head()
        seals = []
        fresh = _unsealed(after=0 if everything else _last_surely_sealed(position))
        for row in fresh.order_by("id").values_list(*_FIELDS)[:limit]:
            position += 1
            digest = _digest(digest, row)
            seals.append(AuditSeal(entry_id=row[0], position=position, digest=digest))
        AuditSeal.objects.bulk_create(seals, batch_size=1000)
    return len(seals)


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
        AuditEntry.objects.filter(seal__isnull=False)
        .order_by("seal__position")
        .values_list(*_FIELDS, "seal__position", "seal__digest")
    )
    for *row, position, stored in rows.iterator(chunk_size=10_000):
        count += 1
        digest = _digest(digest, row)
        if position != count:
            return Proof(count - 1, 0, "", f"entry {count} of the chain is missing")
        if digest != bytes(stored):
            return Proof(count - 1, 0, "", f"entry {count} of the chain (id {row[0]}) is not what was recorded")
        seen = seen or digest.hex() == head
    unlinked = _unsealed(after=0).count()
    fault = "" if seen else "the head written down earlier is not in the chain: entries were cut off or replaced"
    return Proof(count, unlinked, digest.hex(), fault)


def _head() -> tuple[int, bytes]:
    last = AuditSeal.objects.order_by("-position").values_list("position", "digest").first()
    return (last[0], bytes(last[1])) if last else (0, b"")


def _last_surely_sealed(position: int) -> int:
    """The entry up to which all are taken to be sealed, where the chain ends at `position`."""
    back = AuditSeal.objects.filter(position=position - _LOOK_BACK).values_list("entry_id", flat=True).first()
    return back or 0


def _unsealed(*, after: int) -> QuerySet[AuditEntry]:
    # The bound stands on both sides, so that neither index is read from its beginning.
    sealed = AuditSeal.objects.filter(entry_id=OuterRef("pk"), entry_id__gt=after)
    return AuditEntry.objects.filter(~Exists(sealed), pk__gt=after)


def _digest(previous: bytes, row: tuple | list) -> bytes:
    number, at, *words, detail = row
    text = json.dumps([number, at.astimezone(dt.UTC).isoformat(), *words, detail], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(previous + text.encode()).digest()
