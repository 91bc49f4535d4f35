"""Objects of somebody else, by their true numbers: every route, every role, in the path and in the form.

An object of another person answers as one that does not exist, shows nothing and changes nothing.
"""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import service as audit
from kt_remedy.core import access, masking
from kt_remedy.staff.models import Store
from kt_remedy.staff.roles import ROLES
from refunds.applications import desk_sessions
from refunds.models.applications import Application
from refunds.models.desk import DeskSession
from rewards.models import Entitlement
from tests.access.routes import Route, routes
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january")]

MINE, OTHER = "ci-mine", "ci-other"
# Arguments of customer routes that name no object of a person.
NO_OBJECT = {"portal:my-consent": "code of a consent", "rewards:certificate": "code of a perk"}
# Names under which a form may carry the number of an object.
FORM_FIELDS = ("lines", "contract_no", "contract", "line", "application", "pk", "reference", "entry", "customer")


class World:
    """Everything of one person, with the numbers by which it is asked for."""

    def __init__(self) -> None:
        self.holder = make.customer(name="류별하늘", ci=MINE)
        self.line = make.line(self.holder)
        self.row = make.application(self.line)
        Store.objects.get_or_create(code="S-OWN", defaults={"name": "우리점"})
        self.clerk = staff_user("clerk", username="own-clerk", store=Store.objects.get(code="S-OWN"))
        self.row.filing.store = self.clerk.store
        self.row.filing.save(update_fields=["store"])
        self.session = desk_sessions.open_session(staff=self.clerk, customer=self.holder)
        self.entry = audit.record(
            actor="staff:1", action="look.desk", object="page", subject=self.holder.pk, detail={"area": "desk"}
        )

    def arguments(self, route: Route) -> dict[str, object]:
        """The true numbers of this person for the arguments of a route."""
        known: dict[str, object] = {
            "key": self.session.key,
            "reference": self.row.filing.reference,
            "contract_no": self.line.pk,
            "entry_id": self.entry.pk,
            "pk": self.row.pk,
        }
        return {name: known[name] for name in route.arguments}

    def marks(self) -> tuple[str, ...]:
        """What a page about this person shows."""
        return (
            self.row.filing.reference, "류별하늘", "류**늘", str(self.row.account), self.line.msisdn,
            masking.phone(self.line.msisdn),
        )  # fmt: skip

    def state(self) -> tuple[object, ...]:
        """What an act on this person would change."""
        row = Application.objects.get(pk=self.row.pk)
        session = DeskSession.objects.get(pk=self.session.pk)
        return (
            row.status, row.account_id, row.hold_until, session.ended_at, session.came_as, session.draft_enc,
            Entitlement.objects.count(), Application.objects.count(), DeskSession.objects.count(),
        )  # fmt: skip


@pytest.fixture
def world() -> World:
    return World()


def of_customers() -> list[Route]:
    return [route for route in routes() if route.policy == access.CUSTOMER]


def at_the_desk() -> list[Route]:
    return [route for route in routes() if "key" in route.arguments or route.name == "portal:desk-store-filing"]


def answers(client: Client, route: Route, arguments: dict[str, object], form: dict[str, object]) -> Iterator[object]:
    for method in (client.get, client.post):
        yield method(reverse(route.name, kwargs=arguments), form if method == client.post else None)


def visible(answer: object, marks: tuple[str, ...]) -> list[str]:
    """The marks on a page that did not stand in its own address, which the links of a page repeat."""
    address = answer.request["PATH_INFO"]  # type: ignore[attr-defined]
    text = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return [mark for mark in marks if mark not in address and mark.encode() in text]


def test_a_customer_reaches_no_object_of_another_by_its_number(world):
    make.line(make.customer(ci=OTHER, name="오다른"))
    stranger = as_customer(Client(raise_request_exception=False), person(OTHER, name="오다른", phone="01000000000"))
    before, tried = world.state(), 0
    for route in of_customers():
        if not route.arguments or route.name in NO_OBJECT:
            continue
        for answer in answers(stranger, route, world.arguments(route), {"act": "withdraw", "sure": "on"}):
            assert answer.status_code in (404, 405), route.name
            assert visible(answer, world.marks()) == [], route.name
            tried += 1
    assert tried >= 16
    assert world.state() == before


def test_a_customer_names_nothing_of_another_in_a_form(world):
    make.line(make.customer(ci=OTHER, name="오다른"))
    stranger = as_customer(Client(raise_request_exception=False), person(OTHER, name="오다른", phone="01000000000"))
    form = dict.fromkeys(FORM_FIELDS, world.line.pk) | {
        "application": world.row.pk, "pk": world.row.pk, "reference": world.row.filing.reference,
        "key": world.row.filing.idempotency_key, "account": world.row.account_id, "entry": world.entry.pk,
        "privacy": "on", "provision": "on", "perk": "choice", "choice": "a", "sure": "on",
    }  # fmt: skip
    before, tried = world.state(), 0
    for route in of_customers():
        if route.arguments:
            continue
        for answer in answers(stranger, route, {}, form):
            assert answer.status_code < 500, route.name
            assert visible(answer, world.marks()) == [], route.name
            assert world.row.filing.reference not in answer.headers.get("Location", ""), route.name
            tried += 1
    assert tried >= 20
    assert world.state() == before


@pytest.mark.parametrize("role", ROLES)
def test_no_role_of_staff_reaches_the_desk_of_a_colleague(world, role):
    store, _new = Store.objects.get_or_create(code="S-ELSE", defaults={"name": "다른점"})
    in_store = store if role in {"clerk", "store_manager"} else None
    colleague = staff_user(role, username=f"other-{role}", store=in_store)
    client = as_staff(Client(raise_request_exception=False), colleague)
    before = world.state()
    for route in at_the_desk():
        allowed = any(role in access.roles_of(code) for code in route.policy or ())
        arguments = world.arguments(route)
        for answer in answers(client, route, arguments, {"came_as": "SELF", "kind": "DRIVER", "code": "000000"}):
            # A second look at a card that is none of theirs leads back to the own desk.
            led_back = answer.status_code == 302 and answer["Location"] == reverse("portal:desk")
            allowed_codes = (404, 405) if allowed else (403, 404, 405)
            assert answer.status_code in allowed_codes or (allowed and led_back), (route.name, answer.status_code)
            assert visible(answer, world.marks()) == [], route.name
    assert world.state() == before


def test_the_owner_reaches_them(world):
    owner = as_customer(Client(), person(MINE, name="류별하늘"))
    for name in ("refunds:application", "refunds:withdraw", "refunds:change-account"):
        assert owner.get(reverse(name, args=[world.row.pk])).status_code == 200, name
    assert owner.get(reverse("refunds:receipt", args=[world.row.filing.reference])).status_code == 200
    clerk = as_staff(Client(), world.clerk)
    assert clerk.get(reverse("portal:desk-customer", args=[world.session.key])).status_code in (200, 302)
