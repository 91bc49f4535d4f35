"""The register's part of the calendar: each delivery found in the folder is loaded when its day comes."""

from django.utils.translation import gettext_lazy as _

from eligibility.feed import deliveries
from kt_remedy import clock, schedule
from kt_remedy.models import Act


def register() -> None:
    """Put the deliveries on the calendar."""
    schedule.register(
        "eligibility.delivery",
        title=_("청구 데이터 받기"),
        task=load_delivery,
        due=lambda rules: deliveries.moments(),
    )


def load_delivery(act: Act) -> str:
    """Load the delivery of the act's day. At-least-once: a delivery that is loaded already changes nothing."""
    day = clock.kst_date(act.due_at)
    feed = deliveries.load_day(day)
    if feed is None:
        return f"{day}: a delivery of this day or a later one is loaded already"
    return (
        f"{day}: {feed.lines_new} new lines, {feed.lines_changed} changed, {feed.bills_new} new bills,"
        f" {feed.bills_changed} changed, {feed.lines_rejected + feed.bills_rejected} rows rejected,"
        f" {feed.verdicts_changed} verdicts changed"
    )
