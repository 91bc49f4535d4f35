"""Carry out due rows in this process: the work of beat and of the workers together, without a broker."""

from contextlib import suppress

from kt_remedy.core.tasks import dispatch, schedule
from kt_remedy.core.tasks.base import TaskFailed


def run_due(*queues: str) -> int:
    """Carry out what is due in `queues` (all by default) until nothing is; returns the number of runs."""
    schedule.plan()
    runs = 0
    while publications := due(*queues):
        for publication in publications:
            with suppress(TaskFailed):
                publication.task(publication.pk)
            runs += 1
    return runs


def due(*queues: str) -> list[dispatch.Publication]:
    """What beat would publish now for `queues`; rows of other queues stay unpublished."""
    ours = []
    for source in dispatch.due_sources():
        for publication in source.mark():
            if not queues or dispatch.queue_of(publication.task) in queues:
                ours.append(publication)
            else:
                publication.model._default_manager.filter(pk=publication.pk).update(published_at=None)
    return ours
