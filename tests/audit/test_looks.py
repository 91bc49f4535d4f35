"""Every page of staff that shows a customer leaves one entry that names the customer."""

import pytest
from django.db.models import Max
from django.test import Client
from django.urls import NoReverseMatch, reverse

from kt_remedy.audit import actions, looks
from kt_remedy.audit.models import AuditEntry, AuditSubject
from kt_remedy.core import access, crypto
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from refunds.models.applications import Application, Objection
from tests.access.routes import routes
from tests.desk import key_of, url
from tests.refunds import make
from tests.refunds.payouts import money
from tests.rewards.test_pages import open_desk_session
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db
NAME, MASKED = "남궁새봄", "남**봄"
"""A name that no label and no other row has."""


def test_a_page_is_one_entry_with_all_its_customers(cut_off):
    batch = money.frozen(3)
    checker = as_staff(Client(), staff_user("checker"))
    assert checker.get(reverse("admin:refunds_item_changelist")).status_code == 200
    entry = AuditEntry.objects.filter(action__in=actions.looks()).latest("id")
    customers = {item.application.line.customer_id for item in money.items(batch)}
    assert set(entry.customers.values_list("customer", flat=True)) == customers
    assert (entry.subject, entry.role, entry.detail["customers"]) == ("", "checker", 3)


def test_a_look_from_a_store_names_the_store(cut_off):
    row = money.due()
    store, _ = Store.objects.get_or_create(code="S-0001", defaults={"name": "시험점"})
    row.filing.store_id = store.pk
    row.filing.save()
    client = as_staff(Client(), staff_user("clerk", store=store))
    open_desk_session(client, row.line.customer)
    assert client.get(url(client, "desk-application", row.pk)).status_code == 200
    entry = AuditEntry.objects.filter(action="look.desk").get()
    assert (entry.subject, entry.role, entry.store) == (row.line.customer_id, "clerk", "S-0001")
    assert entry.object == f"application:{row.pk}"
    assert looks.purpose(entry) == actions.purpose_of("look.desk")


def test_a_customer_at_their_own_page_and_a_redirect_are_no_looks(cut_off):
    money.due()
    Client().get("/my/")
    as_staff(Client(), staff_user("supervisor")).get("/admin")
    assert not AuditSubject.objects.exists()


def test_every_page_of_staff_that_shows_a_customer_records_them(cut_off):
    """All routes of staff with all keys of rows of one customer: where their marks stand, their number is recorded."""
    row, keys = everything_of_one_customer()
    customer = row.line.customer_id
    marks = {MASKED, NAME, customer, row.line_id, row.filing.reference, "9876"}
    clients = {}
    shown, forgotten = set(), {}
    for route in routes():
        if not isinstance(route.policy, tuple) or not route.policy:
            continue
        role = sorted(access.roles_of(route.policy[0]))[0]
        if role not in clients:
            clients[role] = as_staff(Client(raise_request_exception=False), staff_user(role))
            open_desk_session(clients[role], row.line.customer)
        client = clients[role]
        for arguments in combinations(route.arguments, keys | {"key": [key_of(client)]}):
            before = AuditEntry.objects.aggregate(last=Max("id"))["last"] or 0
            try:
                target = reverse(route.name, kwargs=arguments)
            except NoReverseMatch:  # a key of another kind
                continue
            answer = client.get(target, follow=True)
            if answer.redirect_chain or answer.status_code != 200 or getattr(answer, "streaming", False):
                continue
            text = answer.content.decode("utf-8", "replace")
            found = {mark for mark in marks if mark in text}
            if not found:
                continue
            shown.add(route.name)
            entries = AuditEntry.objects.filter(pk__gt=before, action__in=actions.looks())
            if entries.count() != 1 or not AuditSubject.objects.filter(entry__in=entries, customer=customer).exists():
                forgotten[route.name] = (found, [entry.action for entry in entries])
    assert forgotten == {}
    assert len(shown) > 12, sorted(shown)
    desk = {"desk", "desk-customer", "desk-application", "desk-receipt", "desk-perks", "desk-file"}
    assert {f"portal:{name}" for name in desk} <= shown, sorted(shown)


def combinations(names: tuple[str, ...], keys: dict[str, list]) -> list[dict]:
    """Keyword arguments of a route: every key that fits when it has one argument, the first ones when it has more."""
    if len(names) != 1:
        return [{name: keys.get(name, ["none"])[0] for name in names}]
    return [{names[0]: key} for key in keys.get(names[0], ["none"])]


def everything_of_one_customer() -> tuple[Application, dict[str, list]]:
    """A paid application, an objection, a held one, a message and an open line of one customer; the keys of all."""
    row = money.due(name=NAME, number="110123459876")
    batch, file = money.handed_over(1)
    item = money.items(batch)[0]
    second = make.application(make.line(row.line.customer), to=row.account)
    make.line(row.line.customer)  # not applied for, so the desk shows its page of filing
    objection = Objection(line=second.line, application=second, person_index=row.line.customer.person_index)
    objection.words, objection.contact = "다릅니다", "01000009876"
    objection.verdict_outcome, objection.amount_seen_krw = "ELIGIBLE", 0
    objection.received_at, objection.answer_by = batch.cut_off, batch.pay_on
    objection.save(force_insert=True)
    message = Message.objects.create(
        kind="filing.received_open", subject=f"application:{row.pk}", person_index=row.line.customer.person_index,
        to_index=crypto.blind_index("01000009876", "msisdn"), created_at=batch.cut_off,
    )  # fmt: skip
    keys = [row.pk, second.pk, batch.pk, item.pk, file.pk, message.pk, objection.pk, row.account_id, row.filing_id]
    keys = list(dict.fromkeys(map(str, keys)))
    return row, {
        "pk": keys,
        "object_id": [*keys, row.line_id, row.line.customer_id],
        "application_id": [row.pk],
        "batch_id": [batch.pk],
        "item_id": [item.pk],
        "file_id": [file.pk],
        "message_id": [message.pk],
        "contract_no": [row.line_id, second.line_id],
        "reference": [row.filing.reference],
        "day": [str(batch.pay_on)],
        "pay_on": [str(batch.pay_on)],
        "list_name": ["applications"],
    }
