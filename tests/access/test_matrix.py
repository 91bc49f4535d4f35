"""Access to pages: `tests/cases/access.csv`, every route and method by every kind of visitor.

In a cell, `x` is let in and empty is kept out: 403, or led to the page where one proves who one is. Objects of other
people are asked for by numbers that do not exist: "not found" betrays nothing and fits both. A route that is not
in the table fails, so a new one is thought about.
"""

import csv
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import access
from kt_remedy.staff.models import Store, User
from kt_remedy.staff.roles import ROLES
from tests.access.routes import routes
from tests.owner import emptying
from tests.sessions import as_customer, as_staff, person, staff_user

CASES = Path(__file__).resolve().parent.parent / "cases"
VISITORS = ("anonymous", "customer", "password_only", *ROLES)
ARGUMENTS = {
    "way": "sms",
    "object_id": "0",
    "content_type_id": "0",
    "app_label": "staff",
    "url": "nothing-here",
    "reference": "R-0",
    "contract_no": "NONE-0",
    "code": "none",
    "digest": "0" * 64,
    "name": "none",
    "kind": "none",
    "word": "none",
    "act": "none",
    "list_name": "none",
}
KEPT_OUT = ("/staff/login/", "/identity/?", "/identity/", "/staff/second-factor/totp/activate/")

BROWSER = Client(
    raise_request_exception=False
)  # one for all: each reads the static files and loads the middleware anew


# Refused by the view to those who hold the permission: an autocomplete that names no field, and a POST to a page of
# money, whose rows nobody edits.
NARROWER = {("admin:autocomplete", "GET")}
NARROWER |= {
    (f"admin:payouts:{page}", "POST")
    for page in (
        "answer",
        "batch",
        "item",
        "adjustment",
        "offline_payment",
        "statements",
        "statement",
        "day",
        "suspense",
        "suspense_entry",
    )
}
# Change pages whose POST needs no permission of its own at the door; the act that is posted checks its own.
POSTED_ALIKE = {"admin:eligibility_line_change", "admin:password_change"}
# The kinds of route that differ from access_before.csv, the table before permissions were data. These three used to
# answer "no such act" before they checked a role; history pages used to lead any staff to the index.
ACTS_ANSWERED_FIRST = {"admin:refunds_hold_act", "admin:refunds_adjustment_act", "admin:refunds_manualpayment_act"}
# Supervisors are handed the cases that reviewers asked them about, and those of hardship (D-82).
ALSO_FOR_SUPERVISORS = {"refunds:review-next"}


def cases(name: str = "access.csv") -> list[dict[str, str]]:
    with (CASES / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def insiders(case: dict[str, str]) -> set[str]:
    """The visitors whom a row lets in."""
    return {visitor for visitor in VISITORS if case[visitor] == "x"}


def test_the_table_names_every_route_and_no_other():
    named = {route.name for route in routes() if not route.name.endswith(":")}
    in_table = {case["route"] for case in cases()}
    assert named - in_table == set(), "routes without a row: say who may use them"
    assert in_table - named == set(), "rows of routes that are gone"


_ROUTES = {route.name: route for route in routes()}


def holders(*codes: str) -> set[str]:
    """Roles that hold one of these permissions."""
    return {role for code in codes if code for role in access.roles_of(code)}


def test_the_table_follows_from_the_registry():
    wrong = []
    for case in cases():
        name, method, policy = case["route"], case["method"], _ROUTES[case["route"]].policy
        if policy in (access.PUBLIC, access.CUSTOMER) or (name, method) in NARROWER:
            continue
        expected = holders(*policy)
        if name.startswith("admin:") and name.endswith("_change") and method == "POST" and name not in POSTED_ALIKE:
            expected = holders(_ROUTES[name].callback.model_admin.change_permission)
        if insiders(case) != expected:
            wrong.append((name, method, insiders(case) ^ expected))
    assert wrong == []


def test_nobody_gained_or_lost_a_page_when_permissions_became_data():
    renamed = {row["old"]: row["new"] for row in cases("route_renames.csv")}
    now = {(case["route"], case["method"]): insiders(case) for case in cases()}
    changed = set()
    for case in cases("access_before.csv"):
        # The model of the bank's answers has another name since.
        name = renamed.get(case["route"], case["route"]).replace("refunds_resultfile_", "refunds_bankanswer_")
        if now[name, case["method"]] != insiders(case):
            changed.add(name)
    acts = {renamed.get(name, name) for name in ACTS_ANSWERED_FIRST}
    assert {name for name in changed if not name.endswith("_history")} == acts | ALSO_FOR_SUPERVISORS


def address(name: str, **given: str) -> str:
    """The address of a route, with arguments that name nothing unless they are given."""
    route = _ROUTES[name]
    nobody = "00000000-0000-0000-0000-000000000000"
    arguments = {
        arg: nobody if f"<uuid:{arg}>" in route.pattern else ARGUMENTS.get(arg, "0") for arg in route.arguments
    }
    return reverse(name, kwargs=arguments | given)


@pytest.fixture(scope="module")
def visitors(django_db_setup, django_db_blocker):
    """Session cookies of every kind of visitor; made once, because signing in is slow."""
    with django_db_blocker.unblock():
        cookies = {"anonymous": None}
        cookies["customer"] = as_customer(Client(), person("matrix")).cookies
        cookies["password_only"] = as_staff(
            Client(), staff_user("maker", username="matrix-half"), second_factor=False
        ).cookies
        store, _ = Store.objects.get_or_create(code="S-0001", defaults={"name": "시험점"})
        for role in ROLES:
            cookies[role] = as_staff(Client(), staff_user(role, username=f"matrix-{role}", store=store)).cookies
        yield {
            visitor: cookie[settings.SESSION_COOKIE_NAME].value if cookie else "" for visitor, cookie in cookies.items()
        }
        # These rows were committed; other tests count from nothing.
        tables = ", ".join(model._meta.db_table for model in (User, Store, Session, AuditEntry))
        with emptying(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {tables} CASCADE")


def let_in(answer, *, everybody: bool) -> bool:
    if answer.status_code == 403:
        return False
    if everybody:  # who comes too early is led to the first step, as anybody is
        return True
    return not (answer.status_code == 302 and answer["Location"].startswith(KEPT_OUT))


@pytest.mark.django_db
@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['route']} {case['method']}")
def test_who_gets_in(case, visitors):
    wrong = []
    target = address(case["route"])
    everybody = all(case[visitor] == "x" for visitor in VISITORS)
    for visitor in VISITORS[:4] if everybody else VISITORS:  # one of each kind will do
        BROWSER.cookies.clear()
        if visitors[visitor]:
            BROWSER.cookies[settings.SESSION_COOKIE_NAME] = visitors[visitor]
        answer = BROWSER.generic(case["method"], target, HTTP_X_STAY="1")
        # /pulsez says 503 once the database is some minutes old, because no worker runs here.
        served = answer.status_code < 500 or (case["route"] == "pulsez" and answer.status_code == 503)
        assert served, f"{visitor}: {answer.status_code} {answer.content[:300]!r}"
        if answer.status_code == 404 and _ROUTES[case["route"]].arguments:
            continue
        if let_in(answer, everybody=everybody) is not (case[visitor] == "x"):
            wrong.append((visitor, answer.status_code, answer.get("Location", "")))
    assert wrong == []
