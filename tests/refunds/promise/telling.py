"""The work of the workers on promises, in this process: record what a batch changed, and tell of what is due."""

import datetime as dt

from kt_remedy.core import clock
from kt_remedy.notices.models import Message
from refunds.promise import notices, service


def record() -> None:
    """Refresh every shard that waits, as the worker does within a second of the act."""
    for shard in list(service.open_shards().order_by("pk")):
        service.refresh_shard(shard)


def tell(*, minutes: int = 11) -> list[Message]:
    """Let some minutes pass and queue the texts that are due then; returns the new messages."""
    record()
    before = set(Message.objects.values_list("pk", flat=True))
    clock._write(clock.now() + dt.timedelta(minutes=minutes) - dt.datetime.now(dt.UTC))
    notices.tell_due()
    return list(Message.objects.exclude(pk__in=before).order_by("pk"))
