"""The household of a member of staff by a shared account or a confirmed number (D-90)."""

from django.db.models import Q

from refunds.models.accounts import Account
from refunds.models.applications import Filing


def persons(own: bytes, numbers: list[bytes]) -> set[bytes]:
    """Keys of the persons who gave an account number that this person gave too, or who are reached by a mobile number
    that this person declared or is reached by."""
    accounts = Account.objects.filter(person_index=own).values("number_index")
    sharing = Account.objects.filter(number_index__in=accounts).values_list("person_index", flat=True)
    own_contacts = Filing.objects.filter(person_index=own, contact_index__isnull=False).values("contact_index")
    reached = Q(contact_index__in=own_contacts)
    if numbers:
        reached |= Q(contact_index__in=numbers)
    return {*sharing, *Filing.objects.filter(reached).values_list("person_index", flat=True)}
