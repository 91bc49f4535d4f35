"""Cases of one's household are closed (D-90): guardians and wards, a shared account, a declared number."""

import pytest
from django.core.exceptions import PermissionDenied

from eligibility import service as register
from eligibility.models import Customer
from kt_remedy.core import crypto
from kt_remedy.staff import household
from refunds.applications import access
from refunds.applications.transitions import Refused
from tests.refunds import make, reviewing
from tests.sessions import staff_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviewer(january):
    return staff_user("reviewer", ci="me")


def closed(user, customer) -> bool:
    try:
        access.close_to_own_case(user, customer.person_index)
    except Refused as refused:
        return refused.code == "OWN_CASE"
    return False


def test_guardian_and_ward_are_one_household(reviewer):
    ward, guardian, stranger = make.customer(), make.customer(), make.customer()
    own = make.customer()
    Customer.objects.filter(pk=own.pk).update(
        person_index=reviewer.person_index, guardian_ci_index=guardian.person_index
    )
    Customer.objects.filter(pk=ward.pk).update(guardian_ci_index=reviewer.person_index)
    assert [closed(reviewer, one) for one in (ward, guardian, stranger)] == [True, True, False]


def test_a_declared_number_closes_the_case_of_its_owner(reviewer):
    relative, stranger = make.customer(), make.customer()
    line = make.line(relative)
    make.line(stranger)
    assert not closed(reviewer, relative)
    type(line).objects.filter(pk=line.pk).update(msisdn_index=crypto.blind_index("01044445555", "msisdn"))
    household.declare(user=reviewer, phone="01044445555")
    assert [closed(reviewer, one) for one in (relative, stranger)] == [True, False]


def test_a_shared_account_is_one_household(reviewer):
    partner, stranger = make.customer(), make.customer()
    own = make.customer()
    Customer.objects.filter(pk=own.pk).update(person_index=reviewer.person_index)
    own.refresh_from_db()
    for holder, number in ((own, "110123456789"), (partner, "110123456789"), (stranger, "110987654321")):
        make.account(holder, number=number)
    assert [closed(reviewer, one) for one in (partner, stranger)] == [True, False]


def test_every_case_is_closed_to_the_unproven(reviewer):
    reviewer.person_index = None
    assert closed(reviewer, make.customer())
    assert household.persons(reviewer) == frozenset()


def test_the_next_case_is_none_of_the_household(reviewer):
    relative = make.customer()
    Customer.objects.filter(pk=relative.pk).update(guardian_ci_index=reviewer.person_index)
    relative.refresh_from_db()
    row = make.application(make.line(relative), status="REVIEW")
    assert reviewing.take_next(reviewer=reviewer) is None
    assert row.status == "REVIEW"


def test_lines_of_the_household_are_decided_by_somebody_else(reviewer):
    relative = make.customer()
    Customer.objects.filter(pk=relative.pk).update(guardian_ci_index=reviewer.person_index)
    line = make.line(relative)
    with pytest.raises(PermissionDenied):
        register.record_decision(contract_no=line.pk, outcome="ELIGIBLE", reason="x", decided_by=reviewer)
