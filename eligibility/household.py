"""The household of a member of staff in the register: guardians, wards, and owners of declared numbers (D-90)."""

from django.db.models import Q

from eligibility.models import Customer


def persons(own: bytes, numbers: list[bytes]) -> set[bytes]:
    """Keys of the guardian and the wards of a person, and of holders whose line has one of the declared numbers."""
    near = Q(guardian_ci_index=own)
    if numbers:
        near |= Q(pk__in=Customer.objects.filter(lines__msisdn_index__in=numbers).values("pk"))
    found = set(Customer.objects.filter(near).values_list("person_index", flat=True))
    guardians = Customer.objects.filter(person_index=own).values_list("guardian_ci_index", flat=True)
    return found | {guardian for guardian in guardians if guardian is not None}
