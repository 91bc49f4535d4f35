"""Holders of perks: a perk by person or a choice belongs to the holder of the line on the base date (D-56, D-57).

`Customer.person_index` identifies a person. The base has the index of the base date: if billing learned the CI later,
that is the index of the customer number.
"""

import datetime as dt
from dataclasses import dataclass

from eligibility.models import Customer, HolderKind, Line
from kt_remedy.core import persons
from rewards.models import BaseLine


@dataclass(frozen=True)
class HeldLine:
    """A line of the base that a person held on the base date, holds now, or both."""

    base_line: BaseLine
    line: Line
    held_on_base_date: bool
    held_now: bool

    @property
    def ended_on(self) -> dt.date | None:
        """The day of termination, or None. After a transfer of name the perks of the old holder stay (D-57)."""
        return self.line.terminated_on if self.held_now else None


@dataclass(frozen=True)
class PerkHolder:
    """A person with their lines. `person_indexes` are all indexes under which their rows may be stored."""

    person_index: bytes
    person_indexes: tuple[bytes, ...]
    customer: Customer | None
    held_lines: tuple[HeldLine, ...]
    lines_outside_base: tuple[Line, ...]

    @property
    def birth_date(self) -> dt.date | None:
        """Birth date of the person, also after a transfer of the line."""
        return self.customer.birth_date if self.customer else None

    @property
    def is_company(self) -> bool:
        """True if the holder is a company."""
        return self.customer is not None and self.customer.holder_kind == HolderKind.CORPORATE

    def qualifying_lines(self, perk: str) -> list[HeldLine]:
        """The lines that qualify the person for a perk by person or a choice."""
        return [held for held in self.held_lines if held.held_on_base_date and perk in held.base_line.perks]

    def added_on(self, perk: str) -> dt.date | None:
        """The day from which a person whose every qualifying line was told late has a perk (D-77), or None."""
        days = [held.base_line.added_on for held in self.qualifying_lines(perk)]
        return min((day for day in days if day), default=None) if all(days) else None

    def ended_on(self, perk: str) -> dt.date | None:
        """The day a perk by person ended: the termination of the last qualifying line, or None."""
        days = [held.ended_on for held in self.qualifying_lines(perk)]
        return max((day for day in days if day), default=None) if all(days) else None


def load_holder(person_index: bytes) -> PerkHolder:
    """The person with all lines that they hold or held on the base date, in at most five queries."""
    base_lines = {row.pk: row for row in BaseLine.objects.filter(person_index=person_index)}
    customers = list(Customer.objects.filter(person_index=person_index))
    if not customers:
        numbers = {row.customer_no for row in base_lines.values()}
        customers = [
            c
            for c in Customer.objects.filter(pk__in=numbers)
            if person_index in (c.person_index, persons.customer_index(c.pk))
        ]
    # If billing learned the CI after the base date, the base has the index of the customer number.
    person_indexes = (person_index, *(persons.customer_index(customer.pk) for customer in customers))
    lines_now = {line.pk: line for line in Line.objects.filter(customer__in=customers).select_related("customer")}
    rows = dict(base_lines)
    if missing := set(lines_now) - set(rows):
        rows |= {row.pk: row for row in BaseLine.objects.filter(pk__in=missing)}
    lines = dict(lines_now)
    if transferred := set(base_lines) - set(lines_now):
        lines |= {line.pk: line for line in Line.objects.filter(pk__in=transferred).select_related("customer")}
    held_lines = tuple(
        HeldLine(rows[pk], line, belongs_to(rows[pk], person_indexes), pk in lines_now)
        for pk, line in sorted(lines.items())
        if pk in rows
    )
    outside = tuple(line for pk, line in sorted(lines_now.items()) if pk not in rows)
    return PerkHolder(person_index, person_indexes, customers[0] if customers else None, held_lines, outside)


def belongs_to(row: BaseLine, person_indexes: tuple[bytes, ...]) -> bool:
    """True if one of these persons held the line on the base date."""
    return row.person_index in person_indexes
