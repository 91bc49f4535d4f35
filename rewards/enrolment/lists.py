"""Lists for providers: full lists on the days of the provider, and changes of a day on the next day."""

import datetime as dt

from django.db import connection, transaction

from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Perk
from rewards import providers
from rewards.enrolment import shards
from rewards.models import Shard


def plan_due() -> int:
    """Create the shards of due lists; returns the number of new shards. The base must be complete.

    Of full lists only the latest is created, because an earlier one that was missed is out of date.
    """
    before = Shard.objects.count()
    rules, today = programme.current(), clock.today()
    first = rules.rewards.base_date + dt.timedelta(days=1)
    for perk in rules.perks:
        provider = providers.provider_of(perk)
        if provider is None:
            continue
        # A perk that began before the base was complete is listed after the base.
        if days := [max(day, first) for day in provider.list_days(perk) if day <= today]:
            shards.plan_from_base(Shard.Kind.LIST, perk=perk.code, month=days[-1])
        if provider.daily:
            for day in _changed_days(perk, today):
                Shard.objects.get_or_create(kind=Shard.Kind.DAY, perk=perk.code, month=day, number=1)
    return Shard.objects.count() - before


def run(shard: Shard, perk: Perk) -> int:
    """Create the hand-off of a shard of a list. Its rows are read when the file is written."""
    with transaction.atomic():
        providers.create_hand_off(shard, perk)
        shards.finish(shard, rows=0, counts={})
    return 0


def _changed_days(perk: Perk, today: dt.date) -> list[dt.date]:
    """Days before today with changes of the perk and without a list.

    A choice counts on its start day, because it is final from then on.
    """
    day = "starts_on" if perk.choices else "(made_at AT TIME ZONE 'Asia/Seoul')::date"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {day} AS day FROM rewards_entitlement e WHERE e.perk = %(perk)s"  # noqa: S608
            f" AND {day} < %(today)s AND NOT EXISTS (SELECT FROM rewards_shard s WHERE s.kind = 'DAY'"
            f" AND s.perk = %(perk)s AND s.month = {day}) ORDER BY 1",
            {"perk": perk.code, "today": today},
        )
        return [row[0] for row in cursor.fetchall()]
