"""Figures of the waiting room for staff and for Prometheus, read from its row: one machine answers for all."""

from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _
from prometheus_client.core import GaugeMetricFamily

from kt_remedy.portal.waiting import admission


def sentence() -> str:
    """How many wait and how many go in, for staff; empty while the room is closed."""
    queue = admission.read()
    if queue is None:
        return ""
    return _("기다리는 분 %(waiting)s명, 들어가는 번호 %(serving)s, 지금 1분에 %(pace)s명(최대 %(capacity)s명)") % {
        "waiting": f"{queue.waiting:,}",
        "serving": f"{queue.serving:,}",
        "pace": f"{queue.pace:,}",
        "capacity": f"{settings.WAITING_ROOM_PER_MINUTE:,}",
    }


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield whether the room is open, who waits, the number that goes in, and the pace beside the capacity."""
    queue = admission.read()
    values = {
        "open": ("1 while people wait before the look-up", int(queue is not None)),
        "waiting": ("People who wait", queue.waiting if queue else 0),
        "serving": ("The last number that may go in, since the room was opened", queue.serving if queue else 0),
        "pace": ("People let in a minute at present, 0 while it pauses or is closed", queue.pace if queue else 0),
        "capacity": ("People let in a minute at most", settings.WAITING_ROOM_PER_MINUTE),
    }
    for name, (text, value) in values.items():
        gauge = GaugeMetricFamily(f"remedy_waiting_room_{name}", text)
        gauge.add_metric([], value)
        yield gauge
