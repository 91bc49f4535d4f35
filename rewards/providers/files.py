"""Hand-over by file: one CSV of contracts a shard, in a folder the provider collects; it answers with `<name>.ack`.

At-least-once, and safe: the name is fixed by perk, month and shard, so the provider drops a file it already has.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from kt_remedy import clock, work
from rewards.models import HandOff

LEASE_SECONDS = 300


def folder() -> Path:
    """Where files are left and acknowledgements found."""
    return Path(settings.HAND_OFF_DIR)


def deliver_open(limit: int = 20) -> int:
    """Write the files of hand-offs that wait; returns how many. A fault is kept with its row and tried again."""
    waiting = HandOff.objects.filter(state=HandOff.State.WAITING).order_by("id")
    claimed = work.claim(waiting, limit=limit, lease_seconds=LEASE_SECONDS)
    for hand_off in HandOff.objects.filter(pk__in=claimed).select_related("shard"):
        try:
            digest = _write(hand_off)
        except OSError as error:
            HandOff.objects.filter(pk=hand_off.pk).update(fault=f"the file could not be written: {error.strerror}")
            continue
        HandOff.objects.filter(pk=hand_off.pk, state=HandOff.State.WAITING).update(
            state=HandOff.State.SENT, sha256=digest, sent_at=clock.now(), lease_until=None, fault=""
        )
    return len(claimed)


def collect_acknowledgements() -> int:
    """Mark the hand-offs whose `.ack` file names the right digest; returns how many. A wrong one is kept as a fault."""
    found = 0
    for hand_off in HandOff.objects.filter(state=HandOff.State.SENT).order_by("id")[:200]:
        try:
            answer = (folder() / f"{hand_off.name}.ack").read_text().strip()
        except OSError:
            continue
        if answer != hand_off.sha256:
            HandOff.objects.filter(pk=hand_off.pk).update(fault="the provider acknowledged other bytes")
            continue
        HandOff.objects.filter(pk=hand_off.pk).update(
            state=HandOff.State.ACKNOWLEDGED, acknowledged_at=clock.now(), fault=""
        )
        found += 1
    return found


def _write(hand_off: HandOff) -> str:
    """Write whole and under its final name at once: a provider never sees half a file."""
    shard = hand_off.shard
    folder().mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder(), prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '15min'")
                query = cursor.mogrify(
                    "COPY (SELECT contract_no FROM rewards_grant WHERE month = %s AND perk = %s AND state = 'GRANTED'"
                    " AND contract_no >= %s AND (%s = '' OR contract_no < %s) ORDER BY contract_no)"
                    " TO STDOUT (FORMAT csv)",
                    [shard.month, shard.perk, shard.from_contract, shard.to_contract, shard.to_contract],
                )
                file.write(b"contract_no\n")
                cursor.copy_expert(query.decode() if isinstance(query, bytes) else query, file)
            file.flush()
            os.fsync(file.fileno())
        with open(draft, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        Path(draft).replace(folder() / hand_off.name)
    finally:
        Path(draft).unlink(missing_ok=True)
    return digest
