"""Hand-over by file: one CSV a shard in the provider's folder under HAND_OFF_DIR; it answers with `<name>.ack`.

At-least-once, and safe: the name is fixed by perk, day and shard, so the provider drops a file it already has, and a
file that is there with the right bytes is not written again. The answer's first line is the SHA-256 of what arrived; a
line `key,code` follows for each row that could not be delivered.
"""

import csv
import datetime as dt
import hashlib
import io
import os
import re
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import leases
from kt_remedy.staff.models import User
from rewards import providers
from rewards.models import HandOff, RefusedRow

LEASE_SECONDS = 300
LONGEST_PAUSE = 3600
ANSWER_TIMEOUT = dt.timedelta(
    hours=24
)  # without an answer for so long, the file is looked at and, where gone, written again
DRAFT, DRAFT_SECONDS = ".draft-", 3600  # a draft nobody wrote to for so long has no writer any more
_DIGEST = re.compile(r"[0-9a-f]{64}")


def provider_folder(provider: str) -> Path:
    """Where a provider's files are left and its answers found: a folder of its own, so that a full or dead one is
    nobody else's trouble."""
    return Path(settings.HAND_OFF_DIR) / provider.lower()


def deliver_open(provider: str, limit: int = 20) -> int:
    """Write the files of a provider's hand-offs that wait; returns how many were written.

    A fault is kept with its row and tried again after a pause that doubles, up to an hour.
    """
    waiting = HandOff.objects.filter(provider=provider, state=HandOff.State.WAITING).order_by("id")
    claimed = leases.claim(waiting, limit=limit, lease_seconds=LEASE_SECONDS)
    written = 0
    for hand_off in HandOff.objects.filter(pk__in=claimed).select_related("shard").order_by("id"):
        ours = HandOff.objects.filter(pk=hand_off.pk, state=HandOff.State.WAITING)
        try:
            digest, rows = _write(hand_off)
        except OSError as error:
            pause = dt.timedelta(seconds=min(15 * 2**hand_off.attempts, LONGEST_PAUSE))
            ours.update(fault=f"the file could not be written: {error.strerror}", lease_until=Now() + pause)
            continue
        written += ours.update(
            state=HandOff.State.SENT, sha256=digest, rows=rows, sent_at=clock.now(), lease_until=None, fault=""
        )
    return written


def collect_acknowledgements(provider: str) -> int:
    """Mark the hand-offs whose answer names the right digest; returns how many. A wrong one is kept as a fault."""
    found = 0
    for hand_off in HandOff.objects.filter(provider=provider, state=HandOff.State.SENT).order_by("id").iterator():
        try:
            answer = (provider_folder(provider) / f"{hand_off.name}.ack").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if not answer or not _DIGEST.fullmatch(answer[0].strip()):
            continue  # half written: it is read again
        if answer[0].strip() != hand_off.sha256:
            HandOff.objects.filter(pk=hand_off.pk).update(fault="the provider acknowledged other bytes")
            continue
        refused = [RefusedRow(hand_off=hand_off, key=key, code=code) for key, code in _parse_refused(answer[1:])]
        with transaction.atomic():
            RefusedRow.objects.bulk_create(refused, ignore_conflicts=True, batch_size=5000)
            found += HandOff.objects.filter(pk=hand_off.pk, state=HandOff.State.SENT).update(
                state=HandOff.State.ACKNOWLEDGED,
                acknowledged_at=clock.now(),
                fault="",
                refused=RefusedRow.objects.filter(hand_off=hand_off).count(),
            )
    return found


def resend_lost(provider: str) -> int:
    """Write again the files that have no answer for a day and are gone from the folder; returns how many."""
    silent = HandOff.objects.filter(
        provider=provider, state=HandOff.State.SENT, sent_at__lt=clock.now() - ANSWER_TIMEOUT
    )
    lost = [row.pk for row in silent.order_by("id")[:200] if not (provider_folder(provider) / row.name).exists()]
    return HandOff.objects.filter(pk__in=lost).update(state=HandOff.State.WAITING, attempts=0)


def remove_stale_drafts(provider: str) -> int:
    """Remove the drafts that killed writers left in the folder; returns how many. By the wall clock, as files have it.

    A writer that is only slow finds its draft gone, which is a fault that is tried again.
    """
    limit, gone = time.time() - DRAFT_SECONDS, 0
    for draft in provider_folder(provider).glob(f"{DRAFT}*"):
        with suppress(OSError):
            if draft.stat().st_mtime < limit:
                draft.unlink()
                gone += 1
    return gone


def resend_refused(*, hand_off: HandOff, by: User) -> HandOff | None:
    """Hand the rows that a provider could not deliver over once more, as a further part; None where there are none.

    Twice the same changes nothing: a part has one successor.
    """
    if hand_off.state != HandOff.State.ACKNOWLEDGED or not hand_off.refused:
        return None
    stem = re.sub(r"(-r\d+)?\.csv$", "", hand_off.name)
    with transaction.atomic():
        further, created = HandOff.objects.get_or_create(
            shard=hand_off.shard,
            part=hand_off.part + 1,
            defaults={
                "provider": hand_off.provider,
                "name": f"{stem}-r{hand_off.part + 1}.csv",
                "rows": hand_off.refused,
            },
        )
        if created:
            audit.record(actor=f"staff:{by.pk}", action="rewards.refused_sent_again", object=f"hand_off:{further.pk}")
    return further


def _parse_refused(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for row in csv.reader(lines):
        if row and row[0]:
            yield row[0][:40], (row[1] if len(row) > 1 else "")[:40]


def _write(hand_off: HandOff) -> tuple[str, int]:
    """Write whole and under its final name at once: a provider never sees half a file. Returns digest and rows."""
    where = provider_folder(hand_off.provider)
    where.mkdir(parents=True, exist_ok=True)
    target = where / hand_off.name
    if hand_off.sha256 and target.exists() and _digest(target) == hand_off.sha256:
        return hand_off.sha256, hand_off.rows
    handle, draft = tempfile.mkstemp(dir=where, prefix=DRAFT)
    try:
        with os.fdopen(handle, "wb") as file:
            rows = _write_rows(hand_off, file)
            file.flush()
            os.fsync(file.fileno())
        digest = _digest(Path(draft))
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)
    return digest, rows


def _write_rows(hand_off: HandOff, file: BinaryIO) -> int:
    shard = hand_off.shard
    perk = next(perk for perk in programme.current().perks if perk.code == shard.perk)
    provider = next(provider for provider in providers.PROVIDERS if provider.code == hand_off.provider)
    sql, more = provider.select(shard, perk)
    params = {
        "month": shard.month,
        "day": shard.month,
        "perk": shard.perk,
        "from": shard.from_contract,
        "to": shard.to_contract,
        "before": hand_off.part - 1,
        "shard": shard.pk,
        **more,
    }
    if hand_off.part > 1:
        key = provider.columns[0]
        sql = (
            f"SELECT t.* FROM ({sql}) AS t WHERE t.{key} IN (SELECT r.key FROM rewards_refusedrow r"  # noqa: S608
            " JOIN rewards_handoff h ON h.id = r.hand_off_id WHERE h.shard_id = %(shard)s AND h.part = %(before)s)"
            f" ORDER BY t.{key}"
        )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15min'; SET LOCAL random_page_cost = 1.1")
        file.write((",".join(provider.columns) + "\n").encode())
        if provider.plain:
            query = cursor.mogrify(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params)
            cursor.copy_expert(query.decode() if isinstance(query, bytes) else query, file)
            return cursor.rowcount
        cursor.execute(sql, params)
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer, rows = csv.writer(text, lineterminator="\n"), 0
        for row in cursor:
            writer.writerow(provider.decode(row))
            rows += 1
        text.detach()
        return rows


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
