"""The Celery task that beat publishes for each queue."""

from celery import shared_task

from kt_remedy.core.tasks import schedule


@shared_task(name="kt_remedy.core.tasks.sweep")
def sweep(queue: str) -> None:
    """Carry out what is due in `queue`. At-least-once; a second run at the same time finds the locks taken."""
    schedule.sweep(queue)
