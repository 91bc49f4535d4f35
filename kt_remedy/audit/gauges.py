"""Figures of the audit for Prometheus and the page of the state: acts without a seal, and the age of the last head."""

import datetime as dt
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from kt_remedy.audit import chain, heads
from kt_remedy.core import clock


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield how many acts have no seal yet, how old the oldest is, and how old the last given head is."""
    number, since = chain.unsealed()
    now = clock.now()
    unsealed = GaugeMetricFamily("remedy_audit_unsealed_entries", "Recorded acts that are not in the chain yet")
    unsealed.add_metric([], number)
    oldest = GaugeMetricFamily("remedy_audit_oldest_unsealed_seconds", "Time since the oldest of them was recorded")
    oldest.add_metric([], _seconds(now, since) if since else 0)
    yield from (unsealed, oldest)
    age = GaugeMetricFamily("remedy_audit_head_age_seconds", "Time since the head of the chain was last given out")
    if (head := heads.latest()) is not None:
        age.add_metric([], _seconds(now, head.at))
    yield age


def _seconds(now: dt.datetime, since: dt.datetime) -> float:
    return max(0.0, (now - since).total_seconds())
