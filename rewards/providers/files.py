"""Hand-over by file: one CSV file a shard in the provider's folder under HAND_OFF_DIR, answered by `<name>.ack`.

Delivery is at-least-once. Perk, day and shard determine the name, so the provider ignores a file that it has already,
and an existing file with the right bytes is not written again. The first line of the answer is the SHA-256 of the
received file. A line `key,code` follows for each row that the provider could not deliver.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable
from typing import IO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, file_stores, programme, text
from kt_remedy.core.csv import decoded
from kt_remedy.core.tasks import rows as task_rows
from kt_remedy.staff.models import User
from rewards import providers
from rewards.models import HandOff, RefusedRow

LONGEST_PAUSE = 3600  # seconds
ANSWER_TIMEOUT = dt.timedelta(
    hours=24
)  # after this time without an answer, a file that is missing in the folder is written again
DRAFT_SECONDS = 3600  # an unchanged draft of this age has no writer any more
_DIGEST = re.compile(r"[0-9a-f]{64}")


def store() -> file_stores.FileStore:
    """Where the files for providers and their answers lie, below a folder for each provider."""
    return file_stores.at(settings.HAND_OFF_DIR)


def name_of(hand_off: HandOff) -> str:
    """The name of a file in `store`. Each provider has a folder of its own."""
    return f"{hand_off.provider.lower()}/{hand_off.name}"


def waiting() -> QuerySet[HandOff]:
    """The hand-offs whose file has to be written."""
    return HandOff.objects.filter(state=HandOff.State.WAITING)


def next_of_each_provider() -> QuerySet[HandOff]:
    """The first waiting hand-off of each provider that is due.

    A provider's files are written one after the other, so that a folder that hangs costs one worker, not all.
    """
    due = task_rows.due(waiting()).order_by("provider", "id").distinct("provider")
    return HandOff.objects.filter(pk__in=due.values("pk"))


def write(hand_off: HandOff) -> None:
    """Write the file of a waiting hand-off.

    A file that cannot be written is stored as a fault of the hand-off. The next attempt follows after a pause that
    doubles up to an hour.
    """
    waiting_row = waiting().filter(pk=hand_off.pk)
    try:
        digest, rows = _write(hand_off)
    except OSError as error:
        pause = dt.timedelta(seconds=min(15 * 2**hand_off.attempts, LONGEST_PAUSE))
        waiting_row.update(fault=f"the file could not be written: {error.strerror}", retry_at=Now() + pause)
        return
    waiting_row.update(state=HandOff.State.SENT, sha256=digest, rows=rows, sent_at=clock.now(), retry_at=None, fault="")


def collect_acknowledgements(provider: str) -> int:
    """Mark hand-offs whose answer has the right digest as acknowledged; returns the count.

    A wrong digest and an answer that cannot be read are faults of the hand-off.
    """
    acknowledged = 0
    for hand_off in HandOff.objects.filter(provider=provider, state=HandOff.State.SENT).order_by("id").iterator():
        row = HandOff.objects.filter(pk=hand_off.pk)
        try:
            content = store().read(f"{name_of(hand_off)}.ack")
        except OSError:
            continue
        try:
            answer = decoded(content).splitlines()
            digest = text.clean(answer[0]).lower() if answer else ""
            refused_rows = list(_parse_refused(answer[1:]))
        except (ValueError, csv.Error) as error:
            row.update(fault=f"the answer of the provider cannot be read: {error}")
            continue
        if not _DIGEST.fullmatch(digest):
            continue  # incomplete: the next run reads it again
        if digest != hand_off.sha256:
            row.update(fault="the provider acknowledged other bytes")
            continue
        refused = [RefusedRow(hand_off=hand_off, key=key, code=code) for key, code in refused_rows]
        with transaction.atomic():
            RefusedRow.objects.bulk_create(refused, ignore_conflicts=True, batch_size=5000)
            acknowledged += HandOff.objects.filter(pk=hand_off.pk, state=HandOff.State.SENT).update(
                state=HandOff.State.ACKNOWLEDGED,
                acknowledged_at=clock.now(),
                fault="",
                refused=RefusedRow.objects.filter(hand_off=hand_off).count(),
            )
    return acknowledged


def resend_lost(provider: str) -> int:
    """Queue files again that have no answer after ANSWER_TIMEOUT and are missing in the folder; returns the count."""
    unanswered = HandOff.objects.filter(
        provider=provider, state=HandOff.State.SENT, sent_at__lt=clock.now() - ANSWER_TIMEOUT
    )
    lost = [row.pk for row in unanswered.order_by("id")[:200] if not store().exists(name_of(row))]
    return HandOff.objects.filter(pk__in=lost).update(state=HandOff.State.WAITING, **task_rows.as_new())


def remove_stale_drafts(provider: str) -> int:
    """Delete drafts of killed writers; returns their number. Uses the wall clock, like the times of files.

    A slow writer whose draft was deleted gets a fault and tries again.
    """
    return store().remove_drafts(provider.lower(), older_than_seconds=DRAFT_SECONDS)


def resend_refused(*, hand_off: HandOff, by: User) -> HandOff | None:
    """Create a further part with the rows that the provider could not deliver; None if there are none.

    A second call changes nothing, because a part has one successor.
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
            audit.record(actor=audit.actor(by), action="rewards.refused_sent_again", object=f"hand_off:{further.pk}")
    return further


def _parse_refused(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for row in csv.reader(lines):
        key, code, *_ = [*(text.clean(cell) for cell in row), "", ""]
        if key:
            yield key[:40], code[:40]


def _write(hand_off: HandOff) -> tuple[str, int]:
    """Write the file, which the provider sees only when it is complete. Returns digest and rows."""
    name = name_of(hand_off)
    if hand_off.sha256 and store().exists(name) and store().digest(name) == hand_off.sha256:
        return hand_off.sha256, hand_off.rows
    return store().put(name, lambda file: _write_rows(hand_off, file))


def _write_rows(hand_off: HandOff, file: IO[bytes]) -> int:
    shard = hand_off.shard
    perk = next(perk for perk in programme.current().perks if perk.code == shard.perk)
    provider = next(provider for provider in providers.PROVIDERS if provider.code == hand_off.provider)
    sql, own_params = provider.select(shard, perk)
    params = {
        "month": shard.month,
        "day": shard.month,
        "perk": shard.perk,
        "from": shard.from_contract,
        "to": shard.to_contract,
        "before": hand_off.part - 1,
        "shard": shard.pk,
        **own_params,
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
        wrapped = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer, rows = csv.writer(wrapped, lineterminator="\n"), 0
        for row in cursor:
            writer.writerow(provider.decode(row))
            rows += 1
        wrapped.detach()
        return rows
