"""What the page of a batch shows of its items: counted by the worker, kept with its time, void when anything changes.

Adding up half a million items takes longer than a page may. The page reads one stored row with the fingerprint of its
inputs; while the fingerprint is out of date, the page says that the figures are being counted and the worker counts.
No decision about money relies on these rows: an approval counts again by itself (`batches.approve`).
"""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from eligibility.models import Feed
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.models.batches import Batch, BatchFigures
from refunds.payouts import overview, service


def fingerprints(batch_id: int | None = None) -> dict[int, str]:
    """What the figures of each frozen batch, or of one, come from: whatever may change them gives another text.

    Before the file that is the freeze and the last delivery of billing, then the files and the bank's answers. Two
    queries, however many items.
    """
    batches = Batch.objects.exclude(status=Batch.Status.OPEN)
    if batch_id is not None:
        batches = batches.filter(pk=batch_id)
    fed = Feed.objects.aggregate(last=Max("pk"), finished=Max("finished_at"))
    found = {}
    for batch in batches.annotate(file=Max("files__pk"), result=Max("files__results__pk")):
        if batch.status in Batch.BEFORE_FILE:
            rest = f"bills|{fed['last']}|{fed['finished']}"
        else:
            rest = f"bank|{batch.file}|{batch.result}"
        found[batch.pk] = f"{batch.digest}|{batch.prepared_at}|{rest}"
    return found


def current(batch: Batch) -> tuple[BatchFigures | None, dt.datetime | None]:
    """The stored count of a batch where it still holds, else None; and since when the worker is at it, if it is."""
    kept = BatchFigures.objects.filter(batch=batch).first()
    if kept is None:
        return None, None
    holds = kept.counted_at is not None and not kept.asked and kept.fingerprint == fingerprints(batch.pk).get(batch.pk)
    return (kept, None) if holds else (None, kept.began_at)


def ask(*, batch_id: int, user: User) -> None:
    """Have a frozen batch counted again; the worker does within seconds. Raises Refused: ROLE, STATE."""
    service._need(user, "maker", "checker")
    with transaction.atomic():
        batch = service._lock(batch_id)
        if batch.status == Batch.Status.OPEN:
            raise service.Refused("STATE", _("확정된 회차만 다시 셀 수 있습니다."))
        BatchFigures.objects.filter(batch=batch).update(asked=True)
        service._note(user, "batch.count_asked", batch)


def count_due() -> int:
    """Count every frozen batch whose stored count does not hold; returns how many were counted.

    A worker that dies leaves the old fingerprint, so the next one counts. A change during the count leaves a
    fingerprint that is out of date already, and the batch is counted again.
    """
    wanted = fingerprints()
    kept = {row.batch_id: row for row in BatchFigures.objects.all()}
    done = 0
    for batch in Batch.objects.filter(pk__in=wanted).order_by("-pay_on"):
        row = kept.get(batch.pk)
        if row is None or row.asked or row.fingerprint != wanted[batch.pk]:
            _count(batch, wanted[batch.pk])
            done += 1
    return done


def _count(batch: Batch, fingerprint: str) -> None:
    # Seen by the page at once; whoever asks from now on is answered by the next count.
    BatchFigures.objects.update_or_create(
        batch=batch, defaults={"began_at": clock.now(), "asked": False, "fingerprint": ""}
    )
    with transaction.atomic():
        service._patiently()
        again: dict[str, Any] = {}
        if batch.status in Batch.BEFORE_FILE:
            result = service.count_again(batch=batch)
            again = {
                "count": result.count,
                "won": result.won,
                "hash_total": result.hash_total,
                "digest": result.digest,
                "differences": result.differences,
                "agrees": result.agrees(batch),
            }
        figures = overview.raw(batch)
        # The hour of the figures; `asked` stays as it is, for it may have been set since.
        BatchFigures.objects.filter(batch=batch).update(
            fingerprint=fingerprint, counted_at=clock.now(), began_at=None, again=again, figures=figures
        )
