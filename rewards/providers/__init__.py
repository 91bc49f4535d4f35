"""Delivery of perks to the outside: one class for each kind of delivery, each independent of the others.

A hand-off is a CSV file of one shard. A new kind of delivery is one class more in `PROVIDERS`; which perk goes where
follows from what the programme file says of it.
"""

import datetime as dt
from typing import ClassVar

from kt_remedy.core import programme
from kt_remedy.core.programme import Perk
from rewards.models import HandOff, Shard
from rewards.perks.periods import add_months, ends_on, last_day

_RANGE = "b.contract_no >= %(from)s AND (%(to)s = '' OR b.contract_no < %(to)s) AND %(perk)s = ANY(b.perks)"
# A perk by person is listed once, under the first line that gave it (D-56), for as long as one of those lines is in
# service or has passed to somebody else (D-57). Both look a person up by the index, row by row: as joins they would
# read the whole base for each shard.
_FIRST = """b.contract_no = (SELECT min(o.contract_no) FROM rewards_baseline o
                            WHERE o.person_index = b.person_index AND %(perk)s = ANY(o.perks))"""
_ALIVE = """(SELECT bool_or(l.terminated_on IS NULL OR l.terminated_on >= %(day)s
                             OR l.customer_no <> o.customer_no AND c.person_index <> o.person_index)
              FROM rewards_baseline o JOIN eligibility_line l USING (contract_no)
              JOIN eligibility_customer c ON c.customer_no = l.customer_no
              WHERE o.person_index = b.person_index AND %(perk)s = ANY(o.perks))"""


class Provider:
    """Where one kind of perk is delivered. `columns` head the file; the first is the row's key."""

    code: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    # Made when a shard of grants is done; else lists are made on the days `list_days` names.
    by_grant: ClassVar[bool] = False
    # Whether what people chose and declined goes out the day after.
    daily: ClassVar[bool] = False

    def serves(self, perk: Perk) -> bool:
        """Whether this is where `perk` is delivered."""
        raise NotImplementedError

    def list_days(self, perk: Perk) -> list[dt.date]:
        """The days on which a whole list is made anew: the start, then each first of a month while the perk runs."""
        last = ends_on(perk) or perk.starts
        days, day = [perk.starts], add_months(perk.starts.replace(day=1), 1)
        while day <= last:
            days.append(day)
            day = add_months(day, 1)
        return days

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        """The SELECT of a shard's rows, in the order of the file, with its parameters."""
        raise NotImplementedError

    def decode(self, row: tuple) -> tuple:
        """A row as it goes into the file, where the database cannot write it by itself."""
        return row

    plain: ClassVar[bool] = True


class DataProvider(Provider):
    """Monthly data: the lines granted this month."""

    code, columns, by_grant = "DATA", ("contract_no",), True

    def serves(self, perk: Perk) -> bool:
        return bool(perk.monthly_gb)

    def list_days(self, perk: Perk) -> list[dt.date]:
        return []

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        return (
            "SELECT b.contract_no FROM rewards_grant b WHERE b.month = %(month)s AND b.perk = %(perk)s"
            " AND b.state = 'GRANTED' AND b.contract_no >= %(from)s AND (%(to)s = '' OR b.contract_no < %(to)s)"
            " ORDER BY b.contract_no",
            {},
        )


class RoamingProvider(Provider):
    """More roaming data at purchase: every line that has it, so that a line no longer listed has it no more."""

    code, columns = "ROAMING", ("contract_no",)

    def serves(self, perk: Perk) -> bool:
        return bool(perk.bonus_percent)

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        return (
            "SELECT b.contract_no FROM rewards_baseline b JOIN eligibility_line l USING (contract_no)"  # noqa: S608
            f" WHERE {_RANGE} AND (l.terminated_on IS NULL OR l.terminated_on >= %(day)s) ORDER BY b.contract_no",
            {},
        )


class MembershipProvider(Provider):
    """Membership discounts: every person who has them, by customer number."""

    code, columns = "MEMBERSHIP", ("customer_no",)

    def serves(self, perk: Perk) -> bool:
        return bool(perk.categories)

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        return (
            f"SELECT b.customer_no FROM rewards_baseline b WHERE {_RANGE} AND {_FIRST} AND {_ALIVE}"  # noqa: S608
            " ORDER BY b.contract_no",
            {},
        )


class InsuranceProvider(Provider):
    """The insured: by age unless they declined, by application for the rest; whole on the first, changes each day.

    No name and no birth date: the insurer holds them under the group policy, by customer number.
    """

    code, columns, daily = "INSURER", ("customer_no", "starts_on", "ends_on", "basis"), True

    def serves(self, perk: Perk) -> bool:
        return bool(perk.covers)

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        from kt_remedy.core.persons import born_on_or_before

        day = programme.current().rewards.base_date
        limit = born_on_or_before(day, perk.automatic_from_age) if perk.automatic_from_age is not None else None
        params = {"born": limit, "starts": perk.starts, "ends": last_day(perk.starts, perk.months or 1)}
        if shard.kind == Shard.Kind.DAY:
            return (
                "SELECT b.customer_no, e.starts_on, e.ends_on, e.kind FROM rewards_entitlement e CROSS JOIN LATERAL"
                " (SELECT customer_no FROM rewards_baseline b WHERE b.person_index = e.person_index"
                "  AND %(perk)s = ANY(b.perks) ORDER BY contract_no LIMIT 1) b WHERE e.perk = %(perk)s"
                " AND (e.made_at AT TIME ZONE 'Asia/Seoul')::date = %(day)s ORDER BY e.id",
                params,
            )
        return (
            f"""
            SELECT b.customer_no, coalesce(e.starts_on, %(starts)s), coalesce(e.ends_on, %(ends)s),
                   coalesce(e.kind, 'AUTOMATIC')
            FROM rewards_baseline b JOIN eligibility_customer h ON h.customer_no = b.customer_no
            LEFT JOIN rewards_entitlement e
                   ON e.perk = %(perk)s AND e.contract_no IS NULL AND e.person_index = b.person_index
            WHERE {_RANGE} AND {_FIRST} AND {_ALIVE}
              AND CASE WHEN e.kind IS NULL THEN h.birth_date <= %(born)s
                       ELSE e.kind = 'APPLICATION' AND e.ends_on >= %(day)s END
            ORDER BY b.contract_no
            """,  # noqa: S608
            params,
        )


class VideoProvider(Provider):
    """Video services: the codes handed out on a day, and the children who take what is given instead (D-53).

    The key is the contract, which has one choice: a code would stand in clear among the rows a provider refused.
    """

    code, daily, plain = "VIDEO", True, False
    columns = ("contract_no", "code", "service", "starts_on", "ends_on")

    def serves(self, perk: Perk) -> bool:
        return bool(perk.choices)

    def list_days(self, perk: Perk) -> list[dt.date]:
        return []

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        return (
            "SELECT e.contract_no, v.id, v.code_enc, CASE WHEN e.kind = 'SUBSTITUTE' THEN e.kind ELSE e.choice END,"
            " e.starts_on, e.ends_on FROM rewards_entitlement e LEFT JOIN rewards_voucher v ON v.id = e.voucher_id"
            " WHERE e.perk = %(perk)s AND e.starts_on = %(day)s ORDER BY e.contract_no",
            {},
        )

    def decode(self, row: tuple) -> tuple:
        from rewards.models import Voucher

        contract_no, key, sealed, *rest = row
        return (contract_no, Voucher(id=key, code_enc=sealed).code if sealed else "", *rest)


PROVIDERS: tuple[Provider, ...] = (
    DataProvider(),
    RoamingProvider(),
    VideoProvider(),
    MembershipProvider(),
    InsuranceProvider(),
)


def provider_of(perk: Perk) -> Provider | None:
    """Where a perk is delivered; None where nothing has to leave."""
    return next((provider for provider in PROVIDERS if provider.serves(perk)), None)


def create_hand_off(shard: Shard, perk: Perk, *, rows: int = 0) -> None:
    """Leave a shard's hand-off to the provider of its perk, once; in the transaction of the shard's work."""
    provider = provider_of(perk)
    if provider is None:
        return
    assert shard.month is not None, "what is handed over has a day"
    word = {"GRANT": "", "LIST": "-list", "DAY": "-day"}[shard.kind]
    HandOff.objects.get_or_create(
        shard=shard,
        part=1,
        defaults={
            "provider": provider.code,
            "name": f"{perk.code}{word}-{shard.month:%Y%m%d}-{shard.number:04d}.csv",
            "rows": rows,
        },
    )
