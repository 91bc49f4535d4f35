"""Lists for providers: full lists on the days of the provider, and changes of a day on the next day."""

import datetime as dt

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from eligibility import register_clock
from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Perk
from rewards import providers
from rewards.enrolment import base, shards
from rewards.models import Shard


def plan_due() -> int:
    """Create the shards of due lists; returns the number of new shards. The base must be complete.

    Of full lists only the latest is created, because an earlier one that was missed is out of date. It waits for a
    delivery as of its day.
    """
    before = Shard.objects.count()
    rules, today = programme.current(), clock.today()
    for perk in rules.perks:
        provider = providers.provider_of(perk)
        if provider is None:
            continue
        if (days := [day for day in _list_days(perk) if day <= today]) and register_clock.covers(days[-1]):
            shards.plan_from_base(Shard.Kind.LIST, perk=perk.code, month=days[-1])
        if provider.daily:
            for day in _changed_days(perk, today):
                Shard.objects.get_or_create(kind=Shard.Kind.DAY, perk=perk.code, month=day, number=1)
    return Shard.objects.count() - before


def needs(at: dt.datetime) -> list[register_clock.Need]:
    """The full lists that are not made at `at`, each with its delivery; an older one that was missed is out of date.

    Before the base is complete no list is made; the base names its own delivery.
    """
    if not base.is_complete():
        return []
    today = clock.kst_date(at)
    made = set(Shard.objects.filter(kind=Shard.Kind.LIST).values_list("perk", "month"))
    found = []
    for perk in programme.current().perks:
        days = _list_days(perk)
        begun = [day for day in days if day <= today]
        found += [
            register_clock.Need("rewards.lists", _("제공처에 줄 명단"), clock.kst(day), day)
            for day in [*begun[-1:], *days[len(begun) :]]
            if (perk.code, day) not in made
        ]
    return found


def _list_days(perk: Perk) -> list[dt.date]:
    """The days of the full lists of a perk; one that began before the base was complete is listed after the base."""
    provider = providers.provider_of(perk)
    first = programme.current().rewards.base_date + dt.timedelta(days=1)
    return sorted({max(day, first) for day in provider.list_days(perk)}) if provider else []


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
