"""Who a perk by person, or a choice, belongs to: the holder of the line on the base date (D-56, D-57).

A person is known by `Customer.person_index`. The base keeps the one of its day: of the customer number where billing
learned the CI only afterwards.
"""

import datetime as dt
from dataclasses import dataclass

from eligibility.models import Customer, HolderKind, Line
from kt_remedy.core import persons
from rewards.models import BaseLine


@dataclass(frozen=True)
class HeldLine:
    """A line of the base, as far as it concerns a person: theirs on the base date, theirs now, or both."""

    row: BaseLine
    line: Line
    then: bool
    now: bool

    @property
    def ended_on(self) -> dt.date | None:
        """When it ended for them. A line given to somebody else ends nothing: what is theirs stays (D-57)."""
        return self.line.terminated_on if self.now else None


@dataclass(frozen=True)
class PerkHolder:
    """A person with the lines that concern them. `keys` are all by which rows of theirs may be found."""

    key: bytes
    keys: tuple[bytes, ...]
    customer: Customer | None
    held: tuple[HeldLine, ...]
    outside: tuple[Line, ...]

    @property
    def birth_date(self) -> dt.date | None:
        """Theirs, also where the line has passed to somebody else."""
        return self.customer.birth_date if self.customer else None

    @property
    def is_company(self) -> bool:
        """Whether no natural person holds the lines."""
        return self.customer is not None and self.customer.holder_kind == HolderKind.CORPORATE

    def by_person(self, perk: str) -> list[HeldLine]:
        """The lines by which they qualify for a perk by person or a choice."""
        return [held for held in self.held if held.then and perk in held.row.perks]

    def ended_on(self, perk: str) -> dt.date | None:
        """The day a perk by person ended: when the last of the lines that gave it was terminated as theirs."""
        days = [held.ended_on for held in self.by_person(perk)]
        return max((day for day in days if day), default=None) if all(days) else None


def load_holder(person_index: bytes) -> PerkHolder:
    """The person known by `person_index` with every line that concerns them; at most five queries."""
    then = {row.pk: row for row in BaseLine.objects.filter(person_index=person_index)}
    customers = list(Customer.objects.filter(person_index=person_index))
    if not customers:
        numbers = {row.customer_no for row in then.values()}
        customers = [
            c
            for c in Customer.objects.filter(pk__in=numbers)
            if person_index in (c.person_index, persons.customer_index(c.pk))
        ]
    # A CI that billing learned after the base date: the base knows this person by the number.
    keys = (person_index, *(persons.customer_index(customer.pk) for customer in customers))
    now = {line.pk: line for line in Line.objects.filter(customer__in=customers).select_related("customer")}
    rows = dict(then)
    if missing := set(now) - set(rows):
        rows |= {row.pk: row for row in BaseLine.objects.filter(pk__in=missing)}
    lines = dict(now)
    if given := set(then) - set(now):
        lines |= {line.pk: line for line in Line.objects.filter(pk__in=given).select_related("customer")}
    held = tuple(
        HeldLine(rows[pk], line, belongs_to(rows[pk], keys), pk in now)
        for pk, line in sorted(lines.items())
        if pk in rows
    )
    outside = tuple(line for pk, line in sorted(now.items()) if pk not in rows)
    return PerkHolder(person_index, keys, customers[0] if customers else None, held, outside)


def belongs_to(row: BaseLine, keys: tuple[bytes, ...]) -> bool:
    """Whether the base saw the line as this person's."""
    return row.person_index is not None and bytes(row.person_index) in keys
