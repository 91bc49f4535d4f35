"""Write the audit, seal its entries into a chain of digests, and verify the chain."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
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
# If this many later acts commit before an act, only `verify_audit`, which reads every entry, seals it.
_LOOK_BACK = 100_000


def actor(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return the actor of a member of staff: "staff:<id>"."""
    return f"staff:{user.pk}"


def record(
    *,
    actor: str,
    action: str,
    object: str,  # noqa: A002  the name of the column
    subject: str = "",
    reason: str = "",
    ip: str = "",
    detail: dict | None = None,
) -> AuditEntry:
    """Add one entry in the transaction of the act. Never pass personal data in clear.

    `actor` is "customer", "system" or the result of `actor(user)` for a member of staff; `action` is a constant
    ("filing.submitted"); `object` is the row of the act ("application:7"); `subject` is the customer number of the
    data. `ip` defaults to the address of the current request. Raises LookupError for an action of an unregistered kind
    (`actions`).
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


def record_all(*, actor: str, action: str, subjects: Mapping[str, str], detail: dict) -> None:
    """Add one entry for each object of an act on many, by object: its subject. As `record` otherwise."""
    actions.kind_of(action)
    at, ip = clock.now(), access.current_address() or None
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(at=at, actor=actor, action=action, object=row, subject=subject, ip=ip, detail=detail)
            for row, subject in subjects.items()
        ],
        batch_size=1000,
    )


def seal_entries(*, limit: int = 10_000, everything: bool = False) -> int:
    """Seal committed entries without a seal and return their number. Safe to run twice.

    Each digest covers the previous one, so a later change, deletion or insertion breaks the chain from that entry on.
    Entries are sealed after the commit, because sealing inside the transaction would make all acts wait for each other.
    A seal is a row of its own, so no database role needs to update the audit. Without `everything` only the newest
    entries are read, because older ones are sealed already.
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
    """Result of `verify`: numbers of valid sealed and of unsealed entries, head of the chain, and the first fault."""

    entries: int
    unlinked: int
    head: str
    fault: str = ""


def verify(*, head: str = "") -> Proof:
    """Recompute the chain from its beginning.

    `head` is a digest that an earlier run printed. It must be part of the chain: only this proves that no entries were
    cut off at the end.
    """
    count, digest, head_found = 0, b"", not head
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
        head_found = head_found or digest.hex() == head
    unlinked = _unsealed(after=0).count()
    fault = "" if head_found else "the head written down earlier is not in the chain: entries were cut off or replaced"
    return Proof(count, unlinked, digest.hex(), fault)


def head() -> str:
    """Digest in hex at the end of the sealed chain; "" while nothing is sealed."""
    return _head()[1].hex()


def _head() -> tuple[int, bytes]:
    last = AuditSeal.objects.order_by("-position").values_list("position", "digest").first()
    return (last[0], bytes(last[1])) if last else (0, b"")


def _last_surely_sealed(position: int) -> int:
    """Return the id up to which all entries count as sealed if the chain ends at `position`."""
    entry_id = AuditSeal.objects.filter(position=position - _LOOK_BACK).values_list("entry_id", flat=True).first()
    return entry_id or 0


def _unsealed(*, after: int) -> QuerySet[AuditEntry]:
    # The bound applies to both tables, so neither index is read from its beginning.
    sealed = AuditSeal.objects.filter(entry_id=OuterRef("pk"), entry_id__gt=after)
    return AuditEntry.objects.filter(~Exists(sealed), pk__gt=after)


def _digest(previous: bytes, row: tuple | list) -> bytes:
    number, at, *columns, detail = row
    text = json.dumps([number, at.astimezone(dt.UTC).isoformat(), *columns, detail], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(previous + text.encode()).digest()
