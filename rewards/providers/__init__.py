"""Providers of perks (제공처): one class for each kind of hand-off, independent of the others.

A hand-off is a CSV file of one shard. A new kind of hand-off is a new class in `PROVIDERS`. The keys of a perk in the
programme file decide which provider serves it.
"""

import datetime as dt
from typing import ClassVar

from kt_remedy.core import programme
from kt_remedy.core.programme import Perk
from rewards.models import HandOff, Shard
from rewards.perks.periods import add_months, ends_on, last_day

_RANGE = "b.contract_no >= %(from)s AND (%(to)s = '' OR b.contract_no < %(to)s) AND %(perk)s = ANY(b.perks)"
# A perk by person is listed once, under the first qualifying line (D-56), while one of these lines is in service or has
# another holder by now (D-57). Both subqueries find a person by the index; joins would read the whole base for each
# shard.
_FIRST = """b.contract_no = (SELECT min(o.contract_no) FROM rewards_baseline o
                            WHERE o.person_index = b.person_index AND %(perk)s = ANY(o.perks))"""
_ALIVE = """(SELECT bool_or(l.terminated_on IS NULL OR l.terminated_on >= %(day)s
                             OR l.customer_no <> o.customer_no AND c.person_index <> o.person_index)
              FROM rewards_baseline o JOIN eligibility_line l USING (contract_no)
              JOIN eligibility_customer c ON c.customer_no = l.customer_no
              WHERE o.person_index = b.person_index AND %(perk)s = ANY(o.perks))"""

# A person whose every line was told late has a perk from the day of the first addition (D-77).
_SINCE = """greatest(%(starts)s, (SELECT min(coalesce(o.added_on, %(starts)s)) FROM rewards_baseline o
                      WHERE o.person_index = b.person_index AND %(perk)s = ANY(o.perks)))"""


class Provider:
    """Destination of one kind of perk. `columns` is the header of the file; the first column is the key of a row."""

    code: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    # True if changes of a day are sent on the next day.
    daily: ClassVar[bool] = False
    # True if the database writes the rows as CSV by COPY; otherwise `decode` converts each row.
    plain: ClassVar[bool] = True

    def serves(self, perk: Perk) -> bool:
        """True if this provider delivers the perk."""
        raise NotImplementedError

    def list_days(self, perk: Perk) -> list[dt.date]:
        """The days of a full list: the start of the perk, then the first of each month while it runs."""
        last = ends_on(perk) or perk.starts
        days, day = [perk.starts], add_months(perk.starts.replace(day=1), 1)
        while day <= last:
            days.append(day)
            day = add_months(day, 1)
        return days

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        """The SELECT for the rows of a shard in file order, and its own parameters."""
        raise NotImplementedError

    def decode(self, row: tuple) -> tuple:
        """A row for the file, for values that the database cannot write itself."""
        return row


class DataProvider(Provider):
    """Monthly data: the lines with a grant in the month, and those that a correction granted after the fact."""

    code, columns = "DATA", ("contract_no",)

    def serves(self, perk: Perk) -> bool:
        return bool(perk.monthly_gb)

    def list_days(self, perk: Perk) -> list[dt.date]:
        return []

    def select(self, shard: Shard, perk: Perk) -> tuple[str, dict]:
        if shard.kind == Shard.Kind.FIX:
            return (
                "SELECT c.contract_no FROM rewards_correctedline c WHERE c.correction_id = %(correction)s"
                " AND c.result = 'GRANTED' AND c.contract_no >= %(from)s"
                " AND (%(to)s = '' OR c.contract_no < %(to)s) ORDER BY c.contract_no",
                {"correction": shard.correction_id},
            )
        return (
            "SELECT b.contract_no FROM rewards_grant b WHERE b.month = %(month)s AND b.perk = %(perk)s"
            " AND b.state = 'GRANTED' AND b.contract_no >= %(from)s AND (%(to)s = '' OR b.contract_no < %(to)s)"
            " ORDER BY b.contract_no",
            {},
        )


class RoamingProvider(Provider):
    """More roaming data: a full list of all lines with the perk. A line that is missing in it has lost the perk."""

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
    """Membership discounts: a full list of persons, by customer number."""

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
    """Insured persons: by age unless they opted out, others by application. Full list each month, changes each day.

    The file has no name and no birth date, because the insurer has them under the group policy by customer number.
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
            SELECT b.customer_no, coalesce(e.starts_on, {_SINCE}), coalesce(e.ends_on, %(ends)s),
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
    """Video services: codes issued on a day, and children who took the substitute (D-53).

    The key is the contract number, because RefusedRow stores keys unencrypted and must not contain codes.
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

        contract_no, key, ciphertext, *others = row
        return (contract_no, Voucher(id=key, code_enc=ciphertext).code if ciphertext else "", *others)


PROVIDERS: tuple[Provider, ...] = (
    DataProvider(),
    RoamingProvider(),
    VideoProvider(),
    MembershipProvider(),
    InsuranceProvider(),
)


def provider_of(perk: Perk) -> Provider | None:
    """The provider of a perk, or None if no file is needed."""
    return next((provider for provider in PROVIDERS if provider.serves(perk)), None)


def create_hand_off(shard: Shard, perk: Perk, *, rows: int = 0) -> None:
    """Create the hand-off of a shard once, in the transaction of its work, if the perk has a provider."""
    provider = provider_of(perk)
    if provider is None:
        return
    assert shard.month is not None, "a shard with a hand-off has a day"
    suffix = {"GRANT": "", "LIST": "-list", "DAY": "-day", "FIX": f"-fix{shard.correction_id}"}[shard.kind]
    HandOff.objects.get_or_create(
        shard=shard,
        part=1,
        defaults={
            "provider": provider.code,
            "name": f"{perk.code}{suffix}-{shard.month:%Y%m%d}-{shard.number:04d}.csv",
            "rows": rows,
        },
    )
