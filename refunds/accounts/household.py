"""The household of a member of staff by a shared account (D-90)."""

from refunds.models.accounts import Account


def persons(own: bytes, _numbers: list[bytes]) -> set[bytes]:
    """Keys of the persons who gave an account number that this person gave too."""
    numbers = Account.objects.filter(person_index=own).values("number_index")
    return set(Account.objects.filter(number_index__in=numbers).values_list("person_index", flat=True))
