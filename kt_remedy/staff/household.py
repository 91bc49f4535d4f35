"""Cases that are closed to a member of staff: their own and those of their household (D-90).

The packages that know customers register how one person is found to live with another: guardian links, a shared account
or number. What staff declare themselves is kept here, as the index of a mobile number.
"""

import datetime as dt
from collections.abc import Callable, Iterable

from django.db import transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import crypto
from kt_remedy.staff.models import HouseholdMember, User

# The persons who belong to the household of one: `source(own person, indexes of declared numbers)`.
Source = Callable[[bytes, list[bytes]], Iterable[bytes]]
_sources: list[Source] = []


def register_source(source: Source) -> None:
    """Add a way to find a household."""
    _sources.append(source)


def persons(user: User) -> frozenset[bytes]:
    """Keys of the persons whose cases are closed to the member of staff: their own and those of the household."""
    if not user.person_index:
        return frozenset()
    own = bytes(user.person_index)
    declared = [bytes(index) for index in user.household.values_list("number_index", flat=True)]
    return frozenset({own, *(bytes(person) for source in _sources for person in source(own, declared))})


def is_closed(user: User, person_index: bytes) -> bool:
    """True if the case of this person is closed to the member of staff.

    While the member of staff is not proven, every case is: nobody knows which would be their own.
    """
    return not user.person_index or bytes(person_index) in persons(user)


@transaction.atomic
def declare(*, user: User, phone: str) -> None:
    """Record that the owner of a mobile number (digits) belongs to the household of this member of staff."""
    index = crypto.blind_index(phone, "msisdn")
    _row, made = HouseholdMember.objects.get_or_create(
        user=user, number_index=index, defaults={"declared_at": dt.datetime.now(dt.UTC)}
    )
    if made:
        audit.record(actor=audit.actor(user), action="staff.household_declared", object=f"user:{user.pk}")
