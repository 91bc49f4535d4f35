"""Figure of the backups for Prometheus: how long ago one was restored and held."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from kt_remedy.core import clock
from kt_remedy.core.models import RestoreDrill


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the days since the last drill without a fault; no sample before the first one."""
    age = GaugeMetricFamily("remedy_restore_drill_age_days", "Days since a backup was restored and held")
    if (drill := RestoreDrill.objects.filter(faults=[]).first()) is not None:
        age.add_metric([], (clock.today() - clock.kst_date(drill.at)).days)
    yield age
