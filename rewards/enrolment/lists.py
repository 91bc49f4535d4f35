"""Lists for providers: whole ones on their days, and what people changed, the day after."""

import datetime as dt

from django.db import connection, transaction

from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Perk
from rewards import providers
from rewards.enrolment import shards
from rewards.models import Shard


def plan_due() -> int:
    """Plan the lists that are due and not planned yet; returns how many shards are new. The base must be complete.

    Of whole lists only the latest is made: an earlier one that was missed would tell what is no longer so.
    """
    before = Shard.objects.count()
    rules, today = programme.current(), clock.today()
    first = rules.rewards.base_date + dt.timedelta(days=1)
    for perk in rules.perks:
        provider = providers.provider_of(perk)
        if provider is None:
            continue
        # A perk that ran before the base was taken is listed as soon as it is.
        if days := [max(day, first) for day in provider.list_days(perk) if day <= today]:
            shards.plan_from_base(Shard.Kind.LIST, perk=perk.code, month=days[-1])
        if provider.daily:
            for day in _changed_days(perk, today):
                Shard.objects.get_or_create(kind=Shard.Kind.DAY, perk=perk.code, month=day, number=1)
    return Shard.objects.count() - before


def run(shard: Shard, perk: Perk) -> int:
    """Leave the hand-off of a list's shard; its rows are read when the file is written."""
    with transaction.atomic():
        providers.create_hand_off(shard, perk)
        shards.finish(shard, rows=0, counts={})
    return 0


def _changed_days(perk: Perk, today: dt.date) -> list[dt.date]:
    """Days before today on which somebody acted on the perk, that have no list yet. A choice counts once it is final,
    from the day it starts."""
    day = "starts_on" if perk.choices else "(made_at AT TIME ZONE 'Asia/Seoul')::date"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {day} AS day FROM rewards_entitlement e WHERE e.perk = %(perk)s"  # noqa: S608
            f" AND {day} < %(today)s AND NOT EXISTS (SELECT FROM rewards_shard s WHERE s.kind = 'DAY'"
            f" AND s.perk = %(perk)s AND s.month = {day}) ORDER BY 1",
            {"perk": perk.code, "today": today},
        )
        return [row[0] for row in cursor.fetchall()]
