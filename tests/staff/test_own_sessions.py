"""Sessions of staff: listed, limited, ended by their owner; cases of the household."""

import datetime as dt
import time

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.staff import household, sessions
from kt_remedy.staff.models import HouseholdMember, StaffSession
from tests.background import run_due
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db

PAGE, HOME = reverse("staff-sessions"), reverse("portal:calendar")
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
EDGE = CHROME + " Edg/130.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1"


def browser(user, agent: str = CHROME, address: str = "203.0.113.7") -> Client:
    client = as_staff(Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=address), user)
    assert client.get(HOME).status_code == 200
    return client


def inside(client: Client) -> bool:
    return client.get(HOME).status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [(CHROME, "Chrome, Windows"), (EDGE, "Edge, Windows"), (IPHONE, "Safari, iOS"), ("", ""), ("curl/8", "")],
)
def test_a_browser_has_a_name_that_people_know(agent, name):
    assert sessions.browser_name(agent) == name


def test_ones_own_sessions_are_listed_and_nobody_elses():
    user = staff_user("auditor")
    here, there = browser(user), browser(user, IPHONE, "198.51.100.4")
    browser(staff_user("maker"), EDGE, "192.0.2.9")
    page = here.get(PAGE).content.decode()
    assert page.count("지금 이 브라우저") == 1
    for text in ("Chrome, Windows", "203.0.113.7", "Safari, iOS", "198.51.100.4"):
        assert text in page
    assert "Edge" not in page
    assert "192.0.2.9" not in page
    assert inside(there)


def test_one_session_is_ended_and_the_others_stay():
    user = staff_user("auditor")
    here, there, third = browser(user), browser(user, IPHONE), browser(user, EDGE)
    row = StaffSession.objects.get(browser="Safari, iOS")
    here.post(PAGE, {"end": str(row.pk)})
    assert [inside(client) for client in (here, there, third)] == [True, False, True]


def test_the_others_or_all_are_ended():
    user = staff_user("auditor")
    here, there = browser(user), browser(user, IPHONE)
    here.post(PAGE, {"end": "others"})
    assert (inside(here), inside(there)) == (True, False)
    there = browser(user, IPHONE)
    answer = here.post(PAGE, {"end": "all"})
    assert answer["Clear-Site-Data"] == '"cache"'
    assert (inside(here), inside(there)) == (False, False)
    assert StaffSession.objects.count() == 0
    assert AuditEntry.objects.filter(action="staff.sessions_ended").count() == 2


def test_sessions_are_ended_with_a_fresh_second_factor_only():
    user = staff_user("auditor")
    here, there = browser(user), browser(user, IPHONE)
    session = here.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time() - 301, "type": "totp"}]
    session.save()
    assert here.post(PAGE, {"end": "others"})["Location"].startswith(reverse("mfa_reauthenticate"))
    assert inside(there)


def test_no_table_names_the_key_of_a_browser():
    client = browser(staff_user("auditor"))
    key = client.session.session_key
    assert key
    tables = [*StaffSession.objects.values(), *Session.objects.values()]
    assert key not in str(tables) + str([row.get_decoded() for row in Session.objects.all()])
    row = StaffSession.objects.get()
    thief = Client()
    thief.cookies["sessionid"] = row.session_key
    assert not inside(thief)
    assert inside(client)


def test_nobody_ends_a_session_of_somebody_else():
    here, other = browser(staff_user("auditor")), browser(staff_user("maker"))
    row = StaffSession.objects.get(user__username="maker")
    for wanted in (str(row.pk), "x", "", "9" * 30):
        here.post(PAGE, {"end": wanted})
    assert inside(other)


def test_a_fourth_session_ends_the_one_that_was_used_least_recently():
    user = staff_user("auditor")
    clients = [browser(user) for _ in range(sessions.MOST)]
    first = StaffSession.objects.order_by("pk").first()
    now = dt.datetime.now(dt.UTC)
    StaffSession.objects.filter(pk=first.pk).update(seen_at=now - dt.timedelta(minutes=3))
    fourth = browser(user)
    assert [inside(client) for client in clients] == [False, True, True]
    assert inside(fourth)
    assert len(sessions.live(user)) == sessions.MOST
    other = browser(staff_user("maker"))
    assert inside(other), "a limit of each account"


def test_a_page_costs_no_row_of_the_session_within_a_minute(django_assert_num_queries):
    client = browser(staff_user("auditor"))
    before = StaffSession.objects.get().seen_at
    client.get(HOME)
    assert StaffSession.objects.get().seen_at == before


def test_rows_of_sessions_that_are_over_are_forgotten():
    browser(staff_user("auditor"))
    Session.objects.all().delete()
    browser(staff_user("maker"))
    assert sessions.live(staff_user("auditor")) == []
    run_due("rest")
    assert StaffSession.objects.get().user.username == "maker"


def test_a_member_of_staff_declares_a_number_of_the_household():
    user = staff_user("agent")
    client = browser(user)
    page = reverse("staff-household")
    assert client.post(page, {"phone": "02-123"}).status_code == 422
    for _ in range(2):
        assert client.post(page, {"phone": "010-1234-5678"}).status_code == 302
    row = HouseholdMember.objects.get()
    assert row.user == user
    assert b"1234" not in bytes(row.number_index)
    entry = AuditEntry.objects.get(action="staff.household_declared")
    assert "1234" not in str(entry.detail) + entry.object


def test_ones_own_case_is_closed_and_every_case_to_the_unproven():
    user = staff_user("agent", ci="me")
    assert household.is_closed(user, bytes(user.person_index))
    assert not household.is_closed(user, b"2" * 32)
    user.person_index = None
    assert household.is_closed(user, b"2" * 32)
