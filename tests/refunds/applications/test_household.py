"""Cases of one's household are closed (D-90): guardians and wards, a shared account, a declared number."""

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from eligibility import service as register
from eligibility.models import Customer
from kt_remedy.core import crypto
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from refunds.applications import access
from refunds.applications.transitions import Refused
from tests.refunds import make, reviewing
from tests.sessions import as_staff, staff_user

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


def test_a_number_confirmed_in_two_filings_is_one_household(reviewer):
    own, partner, relative, stranger = (make.customer() for _ in range(4))
    Customer.objects.filter(pk=own.pk).update(person_index=reviewer.person_index)
    own.refresh_from_db()
    for holder, number in ((own, "01011112222"), (partner, "01011112222"), (relative, "01033334444"), (stranger, "")):
        filing = make.application(make.line(holder)).filing
        if number:
            filing.set_contact(number)
            filing.save(update_fields=["contact_enc", "contact_index"])
    assert [closed(reviewer, one) for one in (partner, relative, stranger)] == [True, False, False]
    household.declare(user=reviewer, phone="01033334444")
    assert [closed(reviewer, one) for one in (partner, relative, stranger)] == [True, True, False]


def test_filings_without_a_number_make_no_household(reviewer):
    own, stranger = make.customer(), make.customer()
    Customer.objects.filter(pk=own.pk).update(person_index=reviewer.person_index)
    own.refresh_from_db()
    for holder in (own, stranger):
        filing = make.application(make.line(holder)).filing
        filing.set_contact("")
        filing.save(update_fields=["contact_enc", "contact_index"])
        assert (filing.contact, filing.contact_index) == ("", None)
    assert not closed(reviewer, stranger)


def test_filing_and_a_changed_number_are_known_by_it(reviewer):
    filing = make.application(make.line(make.customer())).filing
    filing.set_contact("01011112222")
    assert filing.contact_index == crypto.blind_index("01011112222", "msisdn")
    assert filing.contact == "01011112222"


def test_a_closed_case_names_who_can_take_it(reviewer):
    relative = make.customer()
    Customer.objects.filter(pk=relative.pk).update(guardian_ci_index=reviewer.person_index)
    relative.refresh_from_db()
    assert "맡을 수 있는 직원이 아직 없습니다" in household.closed_sentence(reviewer, relative.person_index)
    free, gone, unproven = (staff_user("reviewer", username=name) for name in ("free", "gone", "unproven"))
    also_near, other_role = staff_user("reviewer", username="near"), staff_user("maker")
    for user in (free, gone, unproven, also_near, other_role):
        User.objects.filter(pk=user.pk).update(first_name=f"이름-{user.username}")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    User.objects.filter(pk=unproven.pk).update(person_index=None)
    User.objects.filter(pk=also_near.pk).update(person_index=relative.person_index)
    assert household.takers(reviewer, relative.person_index) == ["이름-free"]
    with pytest.raises(Refused, match="맡을 수 있는 분: 이름-free"):
        access.close_to_own_case(reviewer, relative.person_index)


def test_the_page_of_a_closed_case_names_who_can_take_it(january):
    maker, other = staff_user("maker", ci="me"), staff_user("maker", username="other")
    User.objects.filter(pk=other.pk).update(first_name="나윤서")
    row = make.application(make.line(make.customer()))
    type(row.filing).objects.filter(pk=row.filing_id).update(person_index=maker.person_index)
    page = as_staff(Client(), maker).get(reverse("admin:payouts:application", args=[row.pk]))
    assert page.status_code == 403
    assert "맡을 수 있는 분: 나윤서" in page.content.decode()


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
