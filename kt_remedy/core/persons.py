"""Natural persons: full years of age, majority, and the stable key by which a person is known in every table."""

import calendar
import datetime as dt

from kt_remedy.core import crypto

ADULT_AGE = 19  # 성년: below it a legal guardian acts (Civil Act art. 4, D-16)


def age_on(birth_date: dt.date, day: dt.date) -> int:
    """Full years (만 나이) of a person born on `birth_date`, on `day`, both KST dates (D-55; Civil Act art. 158)."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def is_minor(birth_date: dt.date | None, day: dt.date) -> bool:
    """True if a legal guardian has to act on `day` (D-16). False where no birth date is known, as for a company."""
    return birth_date is not None and age_on(birth_date, day) < ADULT_AGE


def turns_on(birth_date: dt.date, years: int) -> dt.date:
    """The day a person becomes `years` old. Born on 29 February: 1 March of a common year, as `age_on` counts."""
    year = birth_date.year + years
    if (birth_date.month, birth_date.day) == (2, 29) and not calendar.isleap(year):
        return dt.date(year, 3, 1)
    return birth_date.replace(year=year)


def born_on_or_before(day: dt.date, years: int) -> dt.date:
    """The last birth date of those who are `years` old on `day`: 65 on 2026-01-13 gives 1961-01-13."""
    year = day.year - years
    return dt.date(year, day.month, min(day.day, calendar.monthrange(year, day.month)[1]))


def ci_index(ci: str) -> bytes:
    """Key of a person with connecting information (CI): 32 bytes, the same at every carrier."""
    return crypto.blind_index(ci, "ci")


def customer_index(customer_no: str) -> bytes:
    """Key of a holder whose CI billing does not know: 32 bytes from the customer number."""
    return crypto.blind_index(customer_no, "customer")


def person_index(ci: str, customer_no: str) -> bytes:
    """Stable key of a customer's person: of the CI, or of the customer number where billing has no CI.

    The feed writes it to `Customer.person_index`; all other tables copy it from there.
    """
    return ci_index(ci) if ci else customer_index(customer_no)
