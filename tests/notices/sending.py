"""The work of beat and of the workers on messages, in this process and in the slots of the batches."""

import datetime as dt
import time

from django.db.models.functions import Now

from kt_remedy.core.tasks import rows
from kt_remedy.notices import batches, tasks
from kt_remedy.notices.models import Message, MessageBatch, Pace

State = Message.State


def send_due() -> int:
    """Form and send batches until no message may leave; returns how many the gateway took or may have taken."""
    began = dt.datetime.now(dt.UTC)
    while form():
        for batch in _due(MessageBatch.State.WAITING):
            tasks.send(batch.pk)
        time.sleep(0.01)
    return Message.objects.filter(tried_at__gte=began, state__in=(State.SENDING, State.ACCEPTED)).count()


def form() -> list[MessageBatch]:
    """Form batches where messages wait for one; returns all that wait for their slot, the earliest first."""
    for pace in rows.due(batches.open_paces()):
        tasks.form_batches(pace.pk)
    return list(MessageBatch.objects.filter(state=MessageBatch.State.WAITING).order_by("retry_at", "pk"))


def ask_unclear() -> int:
    """Follow the sent batches whose time has come; returns how many unclear messages were settled."""
    return _followed(State.SENDING)


def follow_accepted() -> int:
    """Follow the sent batches whose time has come; returns how many accepted messages came to an end."""
    return _followed(State.ACCEPTED)


def end_pauses() -> None:
    """Let everything that pauses go on."""
    Message.objects.update(retry_at=Now())
    MessageBatch.objects.update(retry_at=Now())
    Pace.objects.update(retry_at=None)


def _followed(state: str) -> int:
    before = set(Message.objects.filter(state=state).values_list("pk", flat=True))
    for batch in _due(MessageBatch.State.SENT):
        tasks.follow(batch.pk)
    return Message.objects.filter(pk__in=before).exclude(state__in=(state, State.FAILED_TEMPORARY)).count()


def _due(state: str) -> list[MessageBatch]:
    return list(rows.due(MessageBatch.objects.filter(state=state)).order_by("retry_at", "pk"))
