"""The person of an account of staff: verified once by telephone; without it the account moves no money."""

import re
import unicodedata
import urllib.request

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.identity import provider
from kt_remedy.staff import rights, service
from kt_remedy.staff.models import RightsRequest, User
from tests.sessions import as_staff, hired, two_administrators

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox")]

PERSON, APPROVE = reverse("portal:staff-person"), reverse("portal:staff-person-approve")


@pytest.fixture(autouse=True)
def fresh_client():
    """Use the address of the stand-in of this run."""
    provider._client.cache_clear()
    yield
    provider._client.cache_clear()


def approve(phone: str) -> None:
    page = urllib.request.urlopen(f"{settings.SANDBOX_URL}/pass").read().decode()
    key = re.search(rf'{phone}.*?name="id" value="(.*?)"', page, re.S).group(1)
    urllib.request.urlopen(f"{settings.SANDBOX_URL}/pass", data=f"id={key}".encode())


def test_a_newcomer_proves_who_they_are_before_money():
    user, phone = hired(), "01091110001"
    client = as_staff(Client(), user)
    assert PERSON in client.get(reverse("admin:index")).content.decode()
    assert client.get(APPROVE).url == PERSON  # no verification is requested yet
    assert client.post(PERSON, {"carrier": "", "phone": "12"}).status_code == 422
    assert client.post(PERSON, {"carrier": "KT", "phone": phone}).url == APPROVE
    early = client.post(APPROVE)
    assert early.status_code == 422
    assert "아직 승인하지" in early.content.decode()
    approve(phone)
    assert client.post(APPROVE).url == reverse("admin:index")
    user.refresh_from_db()
    assert user.person_index
    assert AuditEntry.objects.filter(action="staff.person_known", object=f"user:{user.pk}").count() == 1
    assert PERSON not in client.get(reverse("admin:index")).content.decode()
    assert "이미 확인되었습니다" in client.get(PERSON).content.decode()
    # A sign-in as staff ends the session of a customer.
    assert client.get(reverse("portal:my-lines")).status_code == 302


def test_one_person_with_two_accounts_is_one_person():
    first, second = hired(), hired(username="newcomer-2")
    for user, phone in ((first, "01091110002"), (second, "01091110003")):
        client = as_staff(Client(), user)
        client.post(PERSON, {"carrier": "KT", "phone": phone})
        approve(phone)
        client.post(APPROVE)
        user.refresh_from_db()
    assert first.person_index
    # The CI of the stand-in depends on name and birth date, which are the same for every approval in the app.
    assert bytes(first.person_index) == bytes(second.person_index)


def test_a_second_account_with_a_role_apart_is_told_why_on_the_page():
    first, second = hired(), hired(username="newcomer-2", roles=("checker",))
    for user, phone, status in ((first, "01091110006", 302), (second, "01091110007", 422)):
        client = as_staff(Client(), user)
        client.post(PERSON, {"carrier": "KT", "phone": phone})
        approve(phone)
        answer = client.post(APPROVE)
        assert answer.status_code == status
    assert "한 사람이 함께 가질 수 없는 역할입니다" in answer.content.decode()
    second.refresh_from_db()
    assert second.person_index is None


def test_a_person_is_kept_once_and_only_under_the_name_of_the_account():
    user = hired()
    with pytest.raises(service.NotAllowed) as refused:
        service.record_person(user=user, person_index=b"1" * 32, name="다른이")
    assert refused.value.code == "NAME"
    service.record_person(user=user, person_index=b"1" * 32, name="강 새봄")
    with pytest.raises(service.NotAllowed) as refused:
        service.record_person(user=user, person_index=b"2" * 32, name="강새봄")
    assert refused.value.code == "KNOWN"
    first, second = two_administrators()
    with pytest.raises(service.NotAllowed):
        rights.ask(by=user, kind="PERSON", user=user, reason="again")
    asked = rights.ask(by=first, kind="PERSON", user=user, reason="a new CI at the carrier")
    assert rights.approve(by=second, request_id=asked.pk) is None
    user.refresh_from_db()
    assert user.person_index is None
    service.record_person(user=user, person_index=b"2" * 32, name="강새봄")


def test_a_name_that_was_pasted_or_sent_in_parts_is_the_same_name():
    user = hired(unicodedata.normalize("NFD", "강\u200b새봄\u00a0"))
    assert user.first_name == "강새봄"
    User.objects.filter(pk=user.pk).update(first_name="강새봄\ufeff")  # stored before names were cleaned
    service.record_person(user=user, person_index=b"1" * 32, name=unicodedata.normalize("NFD", "강새봄"))
    user.refresh_from_db()
    assert user.person_index == b"1" * 32


def test_the_administrator_must_give_a_name_to_prove():
    client = as_staff(Client(), two_administrators()[0])
    data = {"username": "nameless", "name": "", "roles": ["agent"], "reason": "hired"}
    answer = client.post(reverse("admin:staff_user_add"), data)
    assert "이름을 적어 주세요" in answer.content.decode()
    assert not RightsRequest.objects.exists()


def test_one_person_is_not_two_administrators():
    pair = two_administrators()
    User.objects.filter(pk__in=[user.pk for user in pair]).update(person_index=None, first_name="강새봄")
    for user, phone, status in zip(pair, ("01091110004", "01091110005"), (302, 422), strict=True):
        client = as_staff(Client(), user)
        client.post(PERSON, {"carrier": "KT", "phone": phone})
        approve(phone)
        answer = client.post(APPROVE)
        assert answer.status_code == status
    assert "다른 관리자 계정의 주인과 같은 분입니다" in answer.content.decode()
    user.refresh_from_db()
    assert user.person_index is None
