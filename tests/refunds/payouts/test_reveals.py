"""The whole account number: who sees it, for how long, how often, and what is left behind."""

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import reveals
from kt_remedy.audit.models import AuditEntry, AuditSubject
from kt_remedy.core.errors import Refused
from tests.refunds.payouts import money
from tests.sessions import as_staff, staff_user
from tests.threads import together

pytestmark = pytest.mark.django_db
NUMBER = "110123459876"


@pytest.fixture
def row(cut_off):
    return money.due(number=NUMBER)


def address(row):
    return reverse("admin:payouts:account_show", args=[row.pk])


@pytest.mark.parametrize("role", ["maker", "checker", "auditor"])
def test_a_reason_shows_the_number_for_half_a_minute(row, role):
    client = as_staff(Client(), staff_user(role))
    page = client.get(reverse("admin:payouts:application", args=[row.pk])).content.decode()
    assert address(row) in page
    assert NUMBER not in page
    assert NUMBER not in client.get(address(row)).content.decode()
    assert not AuditEntry.objects.filter(action="reveal.account").exists()
    refused = client.post(address(row), {"reason": " "})
    assert refused.status_code == 422
    assert NUMBER not in refused.content.decode()
    shown = client.post(address(row), {"reason": "은행이 번호를 물었습니다"})
    assert NUMBER in shown.content.decode()
    assert f'content="30;url=/admin/payouts/applications/{row.pk}/"' in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    entry = AuditEntry.objects.get(action="reveal.account")
    assert (entry.subject, entry.role, entry.reason) == (row.line.customer_id, role, "은행이 번호를 물었습니다")
    assert AuditSubject.objects.filter(entry=entry, customer=row.line.customer_id).exists()
    assert NUMBER not in str(entry.__dict__)


@pytest.mark.parametrize("role", ["agent", "reviewer", "supervisor", "administrator", "clerk"])
def test_nobody_else_sees_it(row, role):
    assert as_staff(Client(), staff_user(role)).post(address(row), {"reason": "x"}).status_code == 403


def test_nobody_sees_an_account_of_their_own_case(row):
    own = staff_user("maker")
    own.person_index = row.filing.person_index
    own.save()
    assert as_staff(Client(), own).post(address(row), {"reason": "x"}).status_code == 403


def test_a_day_has_an_end(row, monkeypatch):
    monkeypatch.setattr(reveals, "MOST_A_DAY", 2)
    client = as_staff(Client(), staff_user("maker"))
    for _n in range(2):
        assert client.post(address(row), {"reason": "확인"}).status_code == 200
    refused = client.post(address(row), {"reason": "확인"})
    assert refused.status_code == 422
    assert NUMBER not in refused.content.decode()
    assert AuditEntry.objects.filter(action="reveal.account").count() == 2
    with pytest.raises(Refused, match="이유를 적어"):
        reveals.record(user=staff_user("maker"), kind="account", object="x", subject="", reason=" ")


@pytest.mark.django_db(transaction=True)
def test_the_cap_of_reveals_holds_at_the_same_moment(monkeypatch):
    monkeypatch.setattr(reveals, "MOST_A_DAY", 3)
    user = staff_user("maker")

    def reveal() -> None:
        reveals.record(user=user, kind="account", object="account:1", subject="C1", reason="확인")

    results = together(*[reveal] * 8)
    assert sorted(getattr(result, "code", "") for result in results) == ["", "", "", *["MANY"] * 5]
    assert AuditEntry.objects.filter(action="reveal.account").count() == 3
