"""Cases that are closed to a member of staff: their own and those of their household (D-90).

The packages that know customers register how one person is found to live with another: guardian links, a shared account
or number. What staff declare themselves is kept here, as the index of a mobile number.
"""

import datetime as dt
from collections.abc import Callable

from django.db import transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import crypto
from kt_remedy.staff.models import HouseholdMember, User

# Says whether two persons belong to one household, or the numbers declared by the first name the second.
Link = Callable[[bytes, bytes, list[bytes]], bool]
_links: list[Link] = []


def register_link(link: Link) -> None:
    """Add a way to find a household: `link(own person, person of the case, declared numbers)`."""
    _links.append(link)


def is_closed(user: User, person_index: bytes) -> bool:
    """True if the case of this person is closed to the member of staff.

    While the member of staff is not proven, every case is: nobody knows which would be their own.
    """
    if not user.person_index:
        return True
    own = bytes(user.person_index)
    if own == person_index:
        return True
    declared = list(user.household.values_list("number_index", flat=True))
    return any(link(own, bytes(person_index), declared) for link in _links)


@transaction.atomic
def declare(*, user: User, phone: str) -> None:
    """Record that the owner of a mobile number (digits) belongs to the household of this member of staff."""
    index = crypto.blind_index(phone, "msisdn")
    _row, made = HouseholdMember.objects.get_or_create(
        user=user, number_index=index, defaults={"declared_at": dt.datetime.now(dt.UTC)}
    )
    if made:
        audit.record(actor=audit.actor(user), action="staff.household_declared", object=f"user:{user.pk}")
