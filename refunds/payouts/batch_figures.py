"""The figures on the page of a batch: counted by the worker, kept with their time, void when an input changes.

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
    for batch in batches.annotate(file=Max("files__pk"), result=Max("files__results__pk")):
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
        BatchFigures.objects.filter(batch=batch).update(asked=True)
        guards.record_act(user, "batch.count_asked", batch)


def count_outdated() -> int:
    """Count every frozen batch whose figures are out of date; returns their number.

    A worker that dies leaves the old fingerprint, so the next one counts. A change during the count leaves a
    fingerprint that is out of date already, and the batch is counted again.
    """
    current = fingerprints()
    stored = {row.batch_id: row for row in BatchFigures.objects.all()}
    done = 0
    for batch in Batch.objects.filter(pk__in=current).order_by("-pay_on"):
        row = stored.get(batch.pk)
        if row is None or row.asked or row.fingerprint != current[batch.pk]:
            _count(batch, current[batch.pk])
            done += 1
    return done


def _count(batch: Batch, fingerprint: str) -> None:
    # The page sees this at once; a request from now on is answered by the next count.
    BatchFigures.objects.update_or_create(
        batch=batch, defaults={"began_at": clock.now(), "asked": False, "fingerprint": ""}
    )
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
        BatchFigures.objects.filter(batch=batch).update(
            fingerprint=fingerprint, counted_at=clock.now(), began_at=None, again=recount, figures=figures
        )
