"""The chain over the audit: a worker seals committed entries with a key that the web does not hold; `verify` checks it.

Each digest is an HMAC of the digest before it, the entry and the entry's customers. A change, deletion or insertion
breaks the chain from there on, and nobody without the key can build another one. Somebody with the key and the rights
of the owner could: only the heads that were given out (`heads`) show a chain that was cut or built anew.
"""

import base64
import datetime as dt
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Count, Exists, Min, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from kt_remedy.audit.models import AuditEntry, AuditSeal, AuditSubject
from kt_remedy.core import clock, crypto

REMOVED = "audit.part_removed"  # the act of `parts.remove`
# The reason as it is stored, so that a value that cannot be decrypted is a fault and no error.
_FIELDS = ("id", "at", "actor", "action", "object", "subject", "stored_reason", "ip", "role", "store", "detail")
_REASON = 6  # its place
_REASON_PLACE = "audit_entry:reason:text"
_LOCK = 0x6B742D6175646974  # one chain, one writer
# If this many later acts commit before an act, only `verify_audit`, which reads every entry, seals it.
_LOOK_BACK = 100_000
_AT_ONCE = 5_000
YEARS = 2  # standard of the commission on personal data, article 8: more than 50,000 people
_LONGEST_MONTH = 31


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain at some time, as it was written down elsewhere; `source` says where, for the report.

    `day` (KST) is when it was given out, where that is known.
    """

    position: int
    digest: str
    source: str = ""
    day: dt.date | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.position}:{self.digest}"


@dataclass(frozen=True)
class Proof:
    """Result of `verify`: numbers of valid sealed and of unsealed entries, head of the chain, and the faults."""

    entries: int
    unlinked: int
    head: str
    faults: list[str] = field(default_factory=list)


def seal_entries(*, limit: int = 10_000, everything: bool = False) -> int:
    """Seal committed entries without a seal and return their number. Safe to run twice.

    Entries are sealed after the commit, because sealing inside the transaction would make all acts wait for each other.
    A seal is a row of its own, so no database role needs to update the audit. Without `everything` only the newest
    entries are read, because older ones are sealed already. Raises ImproperlyConfigured without AUDIT_KEYS.
    """
    keys = _keys()
    number = next(iter(keys))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        position, digest = _end()
        seals = []
        fresh = _unsealed(after=0 if everything else _last_surely_sealed(position))
        rows = list(_with_reason(fresh).order_by("id").values_list(*_FIELDS)[:limit])
        customers = _customers([row[0] for row in rows])
        for row in rows:
            position += 1
            digest = _digest(keys[number], digest, row, customers.get(row[0], []))
            seals.append(AuditSeal(entry_id=row[0], position=position, digest=digest, key_number=number))
        AuditSeal.objects.bulk_create(seals, batch_size=1000)
    return len(seals)


def verify(heads: Iterable[Head] = ()) -> Proof:
    """Recompute the chain from its beginning and compare it with heads that are kept elsewhere.

    The first broken entry ends the walk and is named: missing (a gap), changed, or sealed with another key. Each head
    must stand in the chain at its position: a head beyond the end says that the tail was cut off, another digest at
    its position says that the chain was built anew. A range that was removed after its period (`parts`) is passed over:
    its entry must stand in the chain, and no head that was given out after its month may lie in it. Raises
    ImproperlyConfigured without AUDIT_KEYS.
    """
    wanted: dict[int, list[Head]] = {}
    for head in heads:
        wanted.setdefault(head.position, []).append(head)
    faults: list[str] = []
    gone = _removed()
    count, digest = 0, b""
    for position, entry_id, expected, stored in _walk(gone):
        while (part := gone.get(count + 1)) and position > part.last:
            within = [head for place in list(wanted) if count < place <= part.last for head in wanted.pop(place)]
            faults += _of_part(part, within)
            count = part.last
        if fault := _fault_of(count + 1, position, entry_id, expected, stored):
            faults.append(fault)
            break
        count, digest = position, stored
        faults += _of_heads(wanted.pop(position, []), digest.hex())
    for head in sorted((head for rest in wanted.values() for head in rest), key=lambda head: head.position):
        if not faults or head.position > _end()[0]:
            faults.append(f"the chain was cut off before entry {head.position}, the head {head.source}".rstrip())
    return Proof(count, _unsealed(after=0).count(), digest.hex(), faults)


def parse(text: str, source: str = "") -> Head:
    """The head that `str(head)` wrote. Raises ValueError for another text."""
    position, _, digest = text.strip().partition(":")
    if len(digest) != 64:
        raise ValueError("a head is a position, a colon and 64 hexadecimal digits")
    bytes.fromhex(digest)
    return Head(int(position), digest.lower(), source)


def end() -> Head | None:
    """The head of the chain now; None while nothing is sealed."""
    position, digest = _end()
    return Head(position, digest.hex()) if position else None


def unsealed() -> tuple[int, dt.datetime | None]:
    """The number of newest acts without a seal, and when the oldest of them was recorded. Two queries."""
    found = _unsealed(after=_last_surely_sealed(_end()[0])).aggregate(number=Count("pk"), since=Min("at"))
    return found["number"], found["since"]


def _keys() -> Mapping[int, bytes]:
    if not settings.AUDIT_KEYS:
        raise ImproperlyConfigured("AUDIT_KEYS is not set: only a process that holds it seals or verifies the audit.")
    return settings.AUDIT_KEYS


@dataclass(frozen=True, slots=True)
class _Part:
    """A range of the chain that was removed with its month: up to which position, and the digest there."""

    month: dt.date
    removed_at: dt.datetime
    last: int
    digest: bytes


def _removed() -> dict[int, _Part]:
    """The removed ranges by their first position, of sealed entries alone: the walk proves them."""
    found: dict[int, _Part] = {}
    for at, detail in AuditEntry.objects.filter(action=REMOVED, seal__isnull=False).values_list("at", "detail"):
        month = dt.date.fromisoformat(detail["month"])
        found |= {first: _Part(month, at, last, bytes.fromhex(digest)) for first, last, digest in detail["ranges"]}
    return found


def _of_part(part: _Part, heads: list[Head]) -> Iterator[str]:
    """Faults of a removed range: removed too early, or holding a head that is younger than its month."""
    removed_on = clock.kst_date(part.removed_at)
    if (removed_on.year - part.month.year) * 12 + removed_on.month - part.month.month <= 12 * YEARS:
        yield f"the month {part.month:%Y-%m} of the record was removed before its period was over"
    for head in heads:
        if head.day is not None and (head.day - part.month).days > _LONGEST_MONTH:
            what = f"entry {head.position} of the chain, the head {head.source}"
            yield f"{what}, was removed as one of {part.month:%Y-%m}"


def _walk(gone: Mapping[int, _Part]) -> Iterator[tuple[int, int, bytes | None, bytes]]:
    """(position, id of the entry, digest as recomputed, digest as stored) in the order of the chain.

    The recomputed digest is None for a seal whose key is unknown or older than that of the seal before. An entry behind
    a range in `gone` continues from the digest at the end of the range.
    """
    ends = {part.last: part.digest for part in gone.values()}
    keys = _keys()
    ages = {number: age for age, number in enumerate(reversed(list(keys)))}
    digest, age = b"", 0
    rows = (
        _with_reason(AuditEntry.objects.filter(seal__isnull=False))
        .order_by("seal__position")
        .values_list(*_FIELDS, "seal__position", "seal__digest", "seal__key_number")
    )
    stream = rows.iterator(chunk_size=_AT_ONCE)
    while part := list(islice(stream, _AT_ONCE)):
        customers = _customers([row[0] for row in part])
        for *row, position, stored, number in part:
            digest = ends.get(position - 1, digest)
            expected = None
            if ages.get(number, -1) >= age:
                age = ages[number]
                expected = _digest(keys[number], digest, row, customers.get(row[0], []))
            digest = bytes(stored)
            yield position, row[0], expected, digest


def _fault_of(due: int, position: int, entry_id: int, expected: bytes | None, stored: bytes) -> str:
    if position != due:
        last = "" if position == due + 1 else f" to {position - 1}"
        return f"entry {due}{last} of the chain is missing"
    if expected is None:
        return f"entry {due} of the chain (id {entry_id}) has a key that is not in AUDIT_KEYS, or an earlier one"
    if not hmac.compare_digest(expected, stored):
        return f"entry {due} of the chain (id {entry_id}) is not what was recorded"
    return ""


def _of_heads(heads: list[Head], digest: str) -> list[str]:
    return [
        f"the chain was built anew: entry {head.position} is not the head {head.source}".rstrip()
        for head in heads
        if head.digest != digest
    ]


def _with_reason(entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    return entries.annotate(stored_reason=Cast("reason", TextField()))


def _opened(stored: str) -> str:
    """The reason of an entry in clear; as it stands where nobody encrypted it, so that its digest is another."""
    try:
        return crypto.decrypt(base64.b64decode(stored, validate=True), _REASON_PLACE) if stored else ""
    except (crypto.DecryptError, ValueError):
        return stored


def _end() -> tuple[int, bytes]:
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


def _customers(entries: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = AuditSubject.objects.filter(entry_id__in=entries).values_list("entry_id", "customer", "at")
    for entry_id, customer, at in rows.order_by("entry_id", "customer"):
        found.setdefault(entry_id, []).append(f"{customer} {at.astimezone(dt.UTC).isoformat()}")
    return found


def _digest(key: bytes, previous: bytes, row: tuple | list, customers: list[str]) -> bytes:
    number, at, *columns, detail = row
    columns[_REASON - 2] = _opened(columns[_REASON - 2])
    entry = [number, at.astimezone(dt.UTC).isoformat(), *columns, detail, customers]
    text = json.dumps(entry, ensure_ascii=False, sort_keys=True)
    return hmac.digest(key, previous + text.encode(), "sha256")
