"""The figures on the page of a batch: counted by the worker, kept with their time, void when an input changes.

Adding up half a million items takes longer than a page may. The page reads one stored row with the fingerprint of its
inputs; while the fingerprint is out of date, the page says that the figures are being counted and the worker counts.
Each act voids the row in its own transaction (`guards.void_figures`); `void_outdated` finds every other change.
No decision about money relies on these rows: an approval counts again by itself (`batches.approve`).
"""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from eligibility.models import Feed
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.models.batches import Batch, BatchFigures
from refunds.payouts import guards, independent_check, overview


def fingerprints(batch_id: int | None = None) -> dict[int, str]:
    """Fingerprint of the inputs of a batch's figures, by batch; it changes whenever the figures may have changed.

    The inputs are the freeze and the last delivery of billing before the file is made, afterwards the files and the
    answers of the bank. Two queries, independent of the number of items.
    """
    batches = Batch.objects.exclude(status=Batch.Status.OPEN)
    if batch_id is not None:
        batches = batches.filter(pk=batch_id)
    last_feed = Feed.objects.aggregate(last=Max("pk"), finished=Max("finished_at"))
    texts = {}
    for batch in batches.annotate(file=Max("files__pk"), result=Max("files__answers__applied_at")):
        if batch.status in Batch.BEFORE_FILE:
            inputs = f"bills|{last_feed['last']}|{last_feed['finished']}"
        else:
            inputs = f"bank|{batch.file}|{batch.result}"
        texts[batch.pk] = f"{batch.digest}|{batch.prepared_at}|{inputs}"
    return texts


def current_figures(batch: Batch) -> tuple[BatchFigures | None, dt.datetime | None]:
    """The stored figures of a batch if they are up to date, else None and the start of the running count, if any."""
    row = BatchFigures.objects.filter(batch=batch).first()
    if row is None:
        return None, None
    holds = row.counted_at is not None and not row.asked and row.fingerprint == fingerprints(batch.pk).get(batch.pk)
    return (row, None) if holds else (None, row.began_at)


def request_count(*, batch_id: int, user: User) -> None:
    """Ask the worker to count a frozen batch again, within seconds. Raises Refused: ROLE, STATE."""
    guards.require_permission(user, "payouts.recount_batch")
    with transaction.atomic():
        batch = guards.lock_batch(batch_id)
        if batch.status == Batch.Status.OPEN:
            raise guards.Refused("STATE", _("확정된 회차만 다시 셀 수 있습니다."))
        guards.record_act(user, "batch.count_asked", batch)
        guards.void_figures(batch.pk)


def due_figures() -> QuerySet[BatchFigures]:
    """Figures that a worker has to count: void ones, and those whose count did not come to its end."""
    return BatchFigures.objects.filter(Q(asked=True) | Q(fingerprint="")).exclude(batch__status=Batch.Status.OPEN)


def void_outdated() -> int:
    """Void the figures whose inputs changed without an act on the batch, as by a delivery; returns their number."""
    stored = {row.batch_id: row for row in BatchFigures.objects.all()}
    outdated = [
        pk
        for pk, fingerprint in fingerprints().items()
        if (row := stored.get(pk)) is None or (not row.asked and row.fingerprint not in ("", fingerprint))
    ]
    for pk in outdated:
        guards.void_figures(pk)
    return len(outdated)


def count(row: BatchFigures) -> None:
    """Count the figures of a frozen batch. Safe to run twice.

    A worker that dies leaves an empty fingerprint, so the next one counts. An act during the count sets `asked` again,
    and the batch is counted again.
    """
    own = BatchFigures.objects.filter(pk=row.pk)
    # Before the inputs are read, so that no change of them is missed. The page sees the start at once.
    own.update(began_at=clock.now(), asked=False, fingerprint="")
    batch = Batch.objects.get(pk=row.batch_id)
    fingerprint = fingerprints(batch.pk).get(batch.pk)
    if fingerprint is None:  # it was opened again
        return
    with transaction.atomic():
        guards.raise_timeouts()
        recount: dict[str, Any] = {}
        if batch.status in Batch.BEFORE_FILE:
            result = independent_check.check(batch)
            recount = {
                "count": result.count,
                "won": result.won,
                "hash_total": result.hash_total,
                "digest": result.digest,
                "differences": result.differences,
                "agrees": result.agrees(batch),
            }
        figures = overview.stored_figures(batch)
        # `asked` stays as it is: it may have been set during the count.
        own.update(
            fingerprint=fingerprint,
            counted_at=clock.now(),
            began_at=None,
            again=recount,
            figures=figures,
            attempts=0,
        )
