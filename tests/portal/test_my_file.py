"""The file of everything held: every table of customers is in it, and only after a fresh identity check."""

import datetime as dt
import json

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from eligibility.models import Customer
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import crypto
from kt_remedy.identity import service as identity
from kt_remedy.portal import held
from tests import people
from tests.project.test_retention import personal_models
from tests.sessions import as_customer

pytestmark = pytest.mark.django_db


def customer(client: Client, *, minutes: int = 0) -> Customer:
    """A customer of the cast with lines, verified so many minutes ago."""
    people.load_cast()
    row = Customer.objects.filter(lines__isnull=False, holder_kind="PERSON").order_by("pk").first()
    as_customer(
        client,
        identity.Person(
            ci_index=row.person_index,
            name=row.holder_name,
            birth_date=row.birth_date,
            phone="01012345678",
            foreigner=False,
            verified_at=timezone.now() - dt.timedelta(minutes=minutes),
        ),
    )
    return row


def test_every_table_with_personal_data_is_in_the_file_or_says_why_not() -> None:
    named = held.TABLES.keys() | held.NOT_OF_CUSTOMERS.keys()
    assert personal_models() <= named
    assert not held.TABLES.keys() & held.NOT_OF_CUSTOMERS.keys()
    assert named <= {model._meta.label for model in apps.get_models()}


def test_every_encrypted_value_of_those_tables_has_a_name() -> None:
    for label in held.TABLES:
        for owner in apps.get_model(label).__mro__:
            for name, attribute in vars(owner).items():
                if isinstance(attribute, crypto.Encrypted) and name != "file_key":
                    assert name in held.VALUES, f"{label}.{name}"


def test_the_page_and_the_file_show_what_is_held_in_clear() -> None:
    client = Client()
    row = customer(client)
    page = client.get(reverse("portal:my-file")).content.decode()
    assert row.holder_name in page
    answer = client.get(reverse("portal:my-file-download"))
    held_rows = json.loads(answer.content)
    assert held_rows["eligibility.Customer"][0]["holder_name"] == row.holder_name
    assert held_rows["eligibility.Line"][0]["msisdn"].startswith("01")
    assert "attachment" in answer["Content-Disposition"]
    assert AuditEntry.objects.filter(action="customer.file_taken", actor="customer").count() == 1


def test_nothing_of_another_customer_is_in_it() -> None:
    client = Client()
    row = customer(client)
    rows = json.loads(client.get(reverse("portal:my-file-download")).content)
    own = set(Customer.objects.filter(person_index=row.person_index).values_list("pk", flat=True))
    assert {found["customer_id"] for found in rows["eligibility.Line"]} <= own


@pytest.mark.parametrize("page", ["my-file", "my-file-download"])
def test_an_old_identity_check_is_asked_for_again(page: str) -> None:
    client = Client()
    customer(client, minutes=11)
    answer = client.get(reverse(f"portal:{page}"))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("identity:start"))


def test_somebody_of_whom_nothing_is_held_reads_so() -> None:
    client = Client()
    as_customer(
        client,
        identity.Person(b"n" * 32, "아무개", dt.date(1990, 1, 1), "01000000000", False, timezone.now()),
    )
    assert "보관하고 있는 것이 없습니다" in client.get(reverse("portal:my-file")).content.decode()
