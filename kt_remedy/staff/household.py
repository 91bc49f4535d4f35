"""Cases that are closed to a member of staff: their own and those of their household (D-90).

The packages that know customers register how one person is found to live with another: guardian links, a shared account
or number. What staff declare themselves is kept here, as the index of a mobile number.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from itertools import islice

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto
from kt_remedy.staff.models import HouseholdMember, User

_NAMED, _ASKED = 3, 20  # so many colleagues are named, of so many who are asked about

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


class CaseClosed(PermissionDenied):
    """The page of a case that is closed to its reader; its text says who can take the case."""


def closed_sentence(user: User, person_index: bytes) -> str:
    """Why a case is closed to a member of staff, and who can take it."""
    if not user.person_index:
        return _("본인 확인을 마친 다음에 고객님의 건을 열 수 있습니다.")
    why = _("본인이나 가족의 신청은 다른 직원이 처리해야 합니다.")
    if names := takers(user, person_index):
        return f"{why} " + _("맡을 수 있는 분: %(names)s.") % {"names": ", ".join(names)}
    return f"{why} " + _("맡을 수 있는 직원이 아직 없습니다. 관리자에게 말씀해 주세요.")


def takers(user: User, person_index: bytes) -> list[str]:
    """Names of up to three colleagues with a role of this member of staff, of the same store, who may take the case."""
    today = clock.kst_date(dt.datetime.now(dt.UTC))
    colleagues = User.objects.filter(
        is_active=True,
        roles__overlap=user.roles,
        store=user.store,
        person_index__isnull=False,
        certified_until__gte=today,
    )
    colleagues = colleagues.exclude(pk=user.pk).exclude(person_index=user.person_index).order_by("first_name", "pk")
    free = (one.first_name or one.username for one in colleagues[:_ASKED] if not is_closed(one, person_index))
    return list(islice(free, _NAMED))


@transaction.atomic
def declare(*, user: User, phone: str) -> None:
    """Record that the owner of a mobile number (digits) belongs to the household of this member of staff."""
    index = crypto.blind_index(phone, "msisdn")
    _row, made = HouseholdMember.objects.get_or_create(
        user=user, number_index=index, defaults={"declared_at": dt.datetime.now(dt.UTC)}
    )
    if made:
        audit.record(actor=audit.actor(user), action="staff.household_declared", object=f"user:{user.pk}")
