"""The named cast of the sample deliveries as every test may use them.

`load_cast()` puts them into the register the way a delivery comes, in the test's own transaction.
"""

import datetime as dt
import tempfile
from functools import cache
from pathlib import Path

from eligibility.feed import load
from eligibility.models import Feed
from kt_remedy.core import persons
from kt_remedy.devtools import sample_contracts, sample_people, sample_register

SEED = 1


@cache
def _folder() -> tempfile.TemporaryDirectory:
    folder = tempfile.TemporaryDirectory(prefix="remedy-cast-")
    sample_register.write(Path(folder.name), lines=sample_register.smallest(), seed=SEED)
    return folder


def deliveries() -> Path:
    """A folder with the smallest sample: the cast, and one line of each story."""
    return Path(_folder().name)


def load_cast(*, until: dt.date = dt.date(2026, 1, 20), after: dt.date = dt.date.min) -> list[Feed]:
    """Load every delivery of the smallest sample up to a day, of those later than `after`."""
    return [
        load.load(lines=deliveries() / str(day) / "lines.csv", bills=deliveries() / str(day) / "bills.csv", as_of=day)
        for day in sample_contracts.DELIVERIES
        if after < day <= until
    ]


def person(key: str) -> sample_people.Person:
    """One of the cast, as "hong" or "mong"."""
    return next(person for person in sample_people.CAST if person.key == key)


def born(key: str) -> dt.date:
    """Date of birth of one of the cast; a company has none."""
    return dt.date.fromisoformat(person(key).birth_date)


def index_of(key: str) -> bytes:
    """The blind index by which one of the cast is found."""
    return persons.ci_index(person(key).ci)
