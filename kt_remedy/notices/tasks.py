"""Tasks of the messages: put those that wait into batches, send a batch, follow a sent batch to its end."""

import datetime as dt

from celery import shared_task
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import switches
from kt_remedy.core.models import Switch
from kt_remedy.core.tasks import dispatch, schedule
from kt_remedy.notices import batches, following, preparing, sender
from kt_remedy.notices.models import MessageBatch

# A call to the gateway takes five seconds at most, and a task makes no new one after `sender.CALL_SECONDS`.
_LIMITS = {"soft_time_limit": 60, "time_limit": 70}


def register() -> None:
    """Let beat publish the pace that is due, and batches in their slots."""
    state = MessageBatch.State
    schedule.register(
        "notices.mailings",
        title=_("보낼 안내 준비하고 끝내기"),
        task=prepare_mailings,
        due=dt.timedelta(minutes=1),
    )
    dispatch.register_rows(form_batches, batches.open_paces)
    dispatch.register_rows(send, _unsent)
    # Each question to a gateway that is down takes five seconds, and messages leave through the same queue.
    dispatch.register_rows(
        follow, lambda: MessageBatch.objects.filter(state=state.SENT).order_by("retry_at"), at_once=30
    )


def _unsent() -> QuerySet[MessageBatch]:
    """Batches to send; none while messages are stopped."""
    return switches.running(MessageBatch.objects.filter(state=MessageBatch.State.WAITING), Switch.Code.MESSAGES)


@shared_task(soft_time_limit=900, time_limit=960)
def prepare_mailings(code: str) -> None:
    """Prepare and count the coming mailings, end the finished ones. Safe to run twice: a mailing is made once."""
    schedule.run_periodic_task(code, preparing.run)


@shared_task(**_LIMITS)
def form_batches(pace_id: str) -> None:
    """Put messages that wait into batches. Safe to run twice: a message gets one batch, a slot is given once."""
    dispatch.run(batches.open_paces(), pace_id, batches.form)


@shared_task(**_LIMITS)
def send(batch_id: int) -> None:
    """Send a batch. At-most-once for each message (`notices.sender`)."""
    dispatch.run(_unsent(), batch_id, sender.send)


@shared_task(**_LIMITS)
def follow(batch_id: int) -> None:
    """Ask the gateway about a sent batch. Safe to run twice: an answer is stored once."""
    dispatch.run(MessageBatch.objects.filter(state=MessageBatch.State.SENT), batch_id, following.follow)
