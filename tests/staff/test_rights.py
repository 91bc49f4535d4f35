"""Rights: asked by one administrator, approved by another; pairs apart; codes in person; leave, return, a new name."""

import datetime as dt
import re
import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, InternalError, ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from kt_remedy import checks
from kt_remedy.audit.models import AuditEntry
from kt_remedy.devtools import demo_accounts
from kt_remedy.staff import invitations, rights, service
from kt_remedy.staff.models import RightsRequest, User, certified_until
from kt_remedy.staff.roles import ROLES, forbidden
from tests.sessions import as_staff, hired, staff_user, two_administrators
from tests.threads import together

pytestmark = pytest.mark.django_db

PASSWORD = "hill-cup-window-17"
LIST, DECIDE = reverse("admin:staff_rightsrequest_changelist"), reverse("admin:staff_rightsrequest_decide")


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    """Argon2 is slow on purpose; these tests are not about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def pair():
    return two_administrators()


def ask(pair, kind: str, user: User | None = None, **values) -> RightsRequest:
    return rights.ask(by=pair[0], kind=kind, user=user, reason="as the form says", **values)


def approved(pair, kind: str, user: User | None = None, **values):
    return rights.approve(by=pair[1], request_id=ask(pair, kind, user, **values).pk)


def refused(code: str, act, **values) -> None:
    with pytest.raises(service.NotAllowed) as error, transaction.atomic():
        act(**values)
    assert error.value.code == code
    assert error.value.message != code, "a sentence for the person"


def act_page(kind: str, *users: User) -> str:
    return reverse("admin:staff_user_act", args=[kind]) + "?ids=" + ",".join(str(user.pk) for user in users)


# Two people --------------------------------------------------------------------------------------------------------


def test_a_request_changes_nothing_until_another_administrator_approves_it(pair):
    user = staff_user("agent")
    asked = ask(pair, "CHANGE", user, roles=["agent", "reviewer"])
    user.refresh_from_db()
    assert user.roles == ["agent"]
    refused("SAME_APPROVER", rights.approve, by=pair[0], request_id=asked.pk)
    rights.approve(by=pair[1], request_id=asked.pk)
    user.refresh_from_db()
    assert user.roles == ["agent", "reviewer"]
    refused("DECIDED", rights.approve, by=pair[1], request_id=asked.pk)
    entries = AuditEntry.objects.filter(object=f"user:{user.pk}").order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("staff.right_asked", f"staff:{pair[0].pk}"),
        ("staff.right_approved", f"staff:{pair[1].pk}"),
        ("staff.role_granted", f"staff:{pair[1].pk}"),
    ]
    assert {entry.reason for entry in entries} == {"as the form says"}


def test_one_person_with_two_administrators_accounts_is_one_person(pair):
    asked = ask(pair, "CHANGE", staff_user("agent"), roles=["agent", "reviewer"])
    User.objects.filter(pk=pair[1].pk).update(person_index=pair[0].person_index)
    pair[1].refresh_from_db()
    refused("SAME_APPROVER", rights.approve, by=pair[1], request_id=asked.pk)


def test_nobody_asks_or_decides_for_themselves(pair):
    for kind in RightsRequest.Kind.values:
        refused("OWN", rights.ask, by=pair[0], kind=kind, user=pair[0], reason="mine")
    asked = ask(pair, "CHANGE", pair[1], roles=["administrator", "supervisor"])
    refused("OWN", rights.approve, by=pair[1], request_id=asked.pk)
    refused("OWN", service.dismiss, by=pair[0], user=pair[0], reason="mine")


@pytest.mark.parametrize("role", [role for role in ROLES if role != "administrator"])
def test_no_other_role_asks_or_decides(pair, role):
    user, other = staff_user("agent", username="target"), staff_user(role)
    asked = ask(pair, "PASSWORD", user)
    for act, values in (
        (rights.ask, {"kind": "CERTIFY", "user": user, "reason": "x"}),
        (rights.approve, {"request_id": asked.pk}),
        (rights.decline, {"request_id": asked.pk}),
        (service.dismiss, {"user": user, "reason": "x"}),
        (service.revoke, {"user": user, "roles": [], "reason": "x"}),
    ):
        refused("ROLE", act, by=other, **values)


def test_the_database_wants_two_people_and_one_decision(pair):
    asked = ask(pair, "CERTIFY", staff_user("agent"))
    row = RightsRequest.objects.filter(pk=asked.pk)
    now = dt.datetime.now(dt.UTC)
    by = {"decided_by": pair[0], "decided_person": b"9" * 32, "decided_at": now}
    same = {"decided_by": pair[1], "decided_person": pair[0].person_index, "decided_at": now}
    for change in ({"state": "APPROVED", **by}, {"state": "APPROVED", **same}, {"state": "APPROVED"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.update(**change)
    rights.decline(by=pair[1], request_id=asked.pk)
    for change in (lambda: row.update(state="OPEN"), lambda: row.update(reason="another"), row.delete):
        with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
            change()


def test_whoever_asked_may_take_it_back_and_ask_again(pair):
    user = staff_user("agent")
    asked = ask(pair, "CERTIFY", user)
    refused("OPEN", rights.ask, by=pair[1], kind="CERTIFY", user=user, reason="twice")
    rights.decline(by=pair[0], request_id=asked.pk)
    ask(pair, "CERTIFY", user)


def test_a_reason_is_needed(pair):
    with pytest.raises((ValueError, IntegrityError)), transaction.atomic():
        rights.ask(by=pair[0], kind="CERTIFY", user=staff_user("agent"), reason=" ")
    assert not RightsRequest.objects.exists()


# Roles apart -------------------------------------------------------------------------------------------------------

APART = [
    ["maker", "checker"],
    ["administrator", "maker"],
    ["administrator", "checker"],
    *(["auditor", role] for role in ROLES if role != "auditor"),
]


@pytest.mark.parametrize("roles", APART, ids="+".join)
def test_roles_apart_are_refused_by_the_service_and_by_the_database(pair, roles):
    user = staff_user("agent")
    store = staff_user("clerk").store
    refused("TOGETHER", rights.ask, by=pair[0], kind="CHANGE", user=user, roles=roles, store=store, reason="x")
    refused(
        "TOGETHER", rights.ask, by=pair[0], kind="HIRE", username="n", name="강", roles=roles, store=store, reason="x"
    )
    for order in (roles, roles[::-1], [*roles, "supervisor"]):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=user.pk).update(roles=order, store=store)


def test_every_other_pair_is_allowed():
    store = staff_user("clerk").store
    user = staff_user("agent")
    for first in ROLES:
        for second in ROLES:
            if first < second and not forbidden([first, second]):
                User.objects.filter(pk=user.pk).update(roles=[first, second], store=store)


def test_one_person_holds_nothing_apart_over_two_accounts(pair):
    maker, second = staff_user("maker", ci="one"), staff_user("agent", ci="one")
    refused("TOGETHER", rights.ask, by=pair[0], kind="CHANGE", user=second, roles=["checker"], reason="x")
    User.objects.filter(pk=second.pk).update(roles=["checker"], person_index=None)
    second = named(second)
    refused("TOGETHER", service.record_person, user=second, person_index=maker.person_index, name="강새봄")


TOGETHER = [("maker", "checker"), ("administrator", "checker"), ("auditor", "agent")]


@pytest.mark.parametrize(("first", "other"), TOGETHER)
def test_the_database_refuses_one_person_with_roles_apart_over_two_accounts(first, other):
    one, two = staff_user(first, ci="one"), staff_user(other)
    person = User.objects.filter(pk=two.pk)
    for change in (
        lambda: person.update(person_index=one.person_index),
        lambda: User.objects.create(username="third", roles=[other], person_index=one.person_index),
    ):
        with pytest.raises(IntegrityError, match="one person holds roles"), transaction.atomic():
            change()
    User.objects.filter(pk=one.pk).update(is_active=False)  # a leaver's account stands in nobody's way
    person.update(person_index=one.person_index)
    with pytest.raises(IntegrityError, match="one person holds roles"), transaction.atomic():
        User.objects.filter(pk=one.pk).update(is_active=True)


@pytest.mark.django_db(transaction=True)
def test_two_accounts_of_one_person_are_refused_also_at_the_same_moment():
    users = [staff_user("maker"), staff_user("checker")]

    def prove(user: User) -> Callable[[], object]:
        def act() -> None:
            with transaction.atomic():
                User.objects.filter(pk=user.pk).update(person_index=b"1" * 32)
                time.sleep(0.3)

        return act

    results = together(*(prove(user) for user in users))
    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "NoneType"]
    assert User.objects.filter(person_index=b"1" * 32).count() == 1


def test_the_accounts_of_the_demonstration_obey_and_can_do_nothing_in_production(settings):
    demo_accounts.create()
    assert not any(forbidden(user.roles) for user in User.objects.all())
    maker = User.objects.get(username="maker")
    assert maker.has_perm("payouts.freeze_batch")
    assert checks.check_accounts(databases=["default"]) == []
    settings.DEVELOPMENT = False
    assert not maker.has_perm("payouts.freeze_batch")
    assert not maker.has_perm("staff.view_user")
    assert [fault.id for fault in checks.check_accounts(databases=["default"])] == ["remedy.E017"]


# Codes in person -----------------------------------------------------------------------------------------------------


def named(user: User) -> User:
    User.objects.filter(pk=user.pk).update(first_name="강새봄")
    user.refresh_from_db()
    return user


def use(code, user: User, password: str = PASSWORD) -> None:
    invitations.accept(username=user.username, code=code.code, password=password)
    user.refresh_from_db()


def test_a_new_account_opens_by_code_and_an_identity_check_of_the_same_name(pair):
    user = hired("강새봄", roles=("agent",))
    browser = as_staff(Client(), user)
    assert browser.get(reverse("portal:desk"))["Location"] == reverse("portal:staff-person")
    assert not any(user.has_perm(code) for code in ("portal.serve_customer", "portal.view_calendar"))
    refused("NAME", service.record_person, user=user, person_index=b"1" * 32, name="남모름")
    assert browser.get(reverse("portal:desk")).status_code == 302
    service.record_person(user=user, person_index=b"1" * 32, name="강새봄")
    assert browser.get(reverse("portal:desk")).status_code == 200


@pytest.mark.parametrize("kind", ["PASSWORD", "SECOND_FACTOR"])
def test_a_reset_ends_what_was_and_opens_for_the_same_person_only(pair, kind):
    demo_accounts.create()
    user = User.objects.get(username="agent")
    person = user.person_index
    own, second = as_staff(Client(), user), as_staff(Client(), user)
    assert own.get(reverse("portal:desk")).status_code == 200
    assert second.get(reverse("portal:desk")).status_code == 200
    code = approved(pair, kind, user)
    for browser in (own, second):
        assert browser.get(reverse("portal:desk"))["Location"].startswith(reverse("account_login"))
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert Authenticator.objects.filter(user=user).exists() is (kind == "PASSWORD")
    use(code, user)
    assert user.check_password(PASSWORD)
    thief = as_staff(Client(), user)
    assert thief.get(reverse("portal:desk"))["Location"] == reverse("portal:staff-person")
    refused("OTHER_PERSON", service.record_person, user=user, person_index=b"7" * 32, name=user.first_name)
    service.record_person(user=user, person_index=person, name=user.first_name)
    assert thief.get(reverse("portal:desk")).status_code == 200
    with pytest.raises(invitations.InvitationRefused):
        use(code, user, "another-password-3")


def test_a_new_code_keeps_asking_for_the_same_person(pair):
    """Two resets in a row, or a reset before the proof, do not open the account to somebody else."""
    user = named(staff_user("agent"))
    person = user.person_index
    for kind in ("PASSWORD", "SECOND_FACTOR", "PASSWORD"):
        use(approved(pair, kind, user), user)
    refused("OTHER_PERSON", service.record_person, user=user, person_index=b"7" * 32, name="강새봄")
    assert user.expected_person == person


def test_the_code_is_shown_once_to_the_one_who_approved_and_kept_nowhere(pair):
    asked = ask(pair, "PASSWORD", staff_user("agent"))
    client = as_staff(Client(), pair[1])
    page = client.post(f"{DECIDE}?ids={asked.pk}", {"decision": "approve"})
    code = re.search(r"<code>((?:[0-9A-Z]{4}-){4}[0-9A-Z]{4})</code>", page.content.decode()).group(1)
    assert page.headers["Cache-Control"].find("no-store") >= 0
    again = client.get(f"{DECIDE}?ids={asked.pk}").content.decode()
    assert code not in again
    stored = str(list(AuditEntry.objects.values())) + str(list(RightsRequest.objects.values()))
    assert code not in stored
    assert code.replace("-", "") not in stored


def test_a_fresh_second_factor_is_asked_for_before_asking_and_deciding(pair):
    asked = ask(pair, "PASSWORD", user := staff_user("agent"))
    client = as_staff(Client(), pair[1])
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time() - 301, "type": "totp"}]
    session.save()
    for page in (f"{DECIDE}?ids={asked.pk}", act_page("dismiss", user), reverse("admin:staff_user_add")):
        answer = client.post(page, {"decision": "approve", "reason": "x"})
        assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    asked.refresh_from_db()
    assert (asked.state, User.objects.get(pk=user.pk).is_active) == ("OPEN", True)


# Leave, return, a new name --------------------------------------------------------------------------------------------


def test_a_leaver_is_out_in_every_browser_with_the_next_click(pair):
    user = staff_user("agent")
    browsers = [as_staff(Client(), user) for _ in range(2)]
    assert {browser.get(reverse("portal:desk")).status_code for browser in browsers} == {200}
    admin = as_staff(Client(), pair[0])
    admin.post(act_page("dismiss", user), {"reason": "left on Friday"})
    assert {browser.get(reverse("portal:desk")).status_code for browser in browsers} == {302}
    user.refresh_from_db()
    assert (user.is_active, user.roles, user.sessions.count()) == (False, [], 0)
    assert AuditEntry.objects.get(action="staff.dismissed").reason == "left on Friday"


def test_closing_asks_first_and_for_a_reason_also_for_many(pair):
    users = [staff_user("agent", username=f"agent-{number}") for number in range(50)]
    admin = as_staff(Client(), pair[0])
    chosen = {"action": "ask_dismiss", "_selected_action": [user.pk for user in users]}
    page = admin.post(reverse("admin:staff_user_changelist"), chosen, follow=True)
    assert all(user.username in page.content.decode() for user in users)
    assert admin.post(page.redirect_chain[-1][0], {"reason": " "}).status_code == 422
    assert User.objects.filter(is_active=False).count() == 0
    admin.post(page.redirect_chain[-1][0], {"reason": "the store closed"})
    assert User.objects.filter(is_active=False).count() == 50


def test_a_closed_account_is_reopened_by_two_for_the_same_person(pair):
    user = named(staff_user("agent"))
    person = user.person_index
    service.dismiss(by=pair[0], user=user, reason="left")
    refused("CLOSED", rights.ask, by=pair[0], kind="PASSWORD", user=user, reason="x")
    code = approved(pair, "REOPEN", user, roles=["reviewer"])
    use(code, user)
    assert (user.is_active, user.roles, user.person_index) == (True, ["reviewer"], None)
    refused("OTHER_PERSON", service.record_person, user=user, person_index=b"7" * 32, name="강새봄")
    assert user.expected_person == person
    refused("ACTIVE", rights.ask, by=pair[0], kind="REOPEN", user=user, reason="x")


def test_a_name_is_corrected_by_two_and_proven_by_the_same_person(pair):
    user = hired("강새봄", roles=("agent",))
    service.record_person(user=user, person_index=b"1" * 32, name="강새봄")
    approved(pair, "RENAME", user, name="강가람")
    user.refresh_from_db()
    assert (user.first_name, user.has_perm("portal.serve_customer")) == ("강가람", False)
    refused("NAME", service.record_person, user=user, person_index=b"1" * 32, name="강새봄")
    refused("OTHER_PERSON", service.record_person, user=user, person_index=b"2" * 32, name="강가람")
    service.record_person(user=user, person_index=b"1" * 32, name="강가람")
    assert user.has_perm("portal.serve_customer")


def test_taking_a_role_away_waits_for_nobody(pair):
    user = staff_user("reviewer", "supervisor")
    admin = as_staff(Client(), pair[0])
    admin.post(act_page("change", user), {"roles": ["reviewer"], "reason": "moved"})
    user.refresh_from_db()
    assert user.roles == ["reviewer"]
    admin.post(act_page("change", user), {"roles": ["reviewer", "agent"], "reason": "back"})
    user.refresh_from_db()
    assert user.roles == ["reviewer"]
    assert RightsRequest.objects.get().roles == ["agent", "reviewer"]


# A date ---------------------------------------------------------------------------------------------------------------


def test_rights_end_on_their_date_and_two_people_confirm_them(pair):
    user = staff_user("agent")
    assert user.certified_until == certified_until()
    browser = as_staff(Client(), user)
    today = certified_until() - dt.timedelta(days=90)
    for day, status in ((today, 200), (today - dt.timedelta(days=1), 403)):
        User.objects.filter(pk=user.pk).update(certified_until=day)
        assert browser.get(reverse("portal:desk")).status_code == status
    approved(pair, "CERTIFY", user)
    assert browser.get(reverse("portal:desk")).status_code == 200


def test_an_administrator_out_of_date_decides_nothing(pair):
    asked = ask(pair, "CERTIFY", staff_user("agent"))
    User.objects.filter(pk=pair[1].pk).update(certified_until="2020-01-01")
    pair[1].refresh_from_db()
    refused("ROLE", rights.approve, by=pair[1], request_id=asked.pk)
    assert service.count_administrators() == 1, "the shell may invite again"


# Pages ----------------------------------------------------------------------------------------------------------------


def test_accounts_are_asked_for_and_approved_in_the_admin(pair):
    first, second = (as_staff(Client(), user) for user in pair)
    data = {"username": "newcomer", "name": "강새봄", "roles": ["agent"], "reason": "hired"}
    assert first.post(reverse("admin:staff_user_add"), data)["Location"] == LIST
    assert not User.objects.filter(username="newcomer").exists()
    asked = RightsRequest.objects.get()
    assert "강새봄" in second.get(f"{DECIDE}?ids={asked.pk}").content.decode()
    own = first.post(f"{DECIDE}?ids={asked.pk}", {"decision": "approve"}, follow=True)
    assert "다른 관리자가 승인해야 합니다" in own.content.decode()
    assert second.post(f"{DECIDE}?ids={asked.pk}", {"decision": "approve"}).status_code == 200
    user = User.objects.get(username="newcomer")
    assert (user.roles, user.is_staff, user.is_superuser, user.has_usable_password()) == (["agent"], True, False, False)


def test_several_requests_are_decided_together(pair):
    users = [staff_user("agent", username=f"agent-{number}") for number in range(3)]
    as_staff(Client(), pair[0]).post(act_page("password", *users), {"reason": "a new start"})
    ids = ",".join(str(key) for key in RightsRequest.objects.values_list("pk", flat=True))
    page = as_staff(Client(), pair[1]).post(f"{DECIDE}?ids={ids}", {"decision": "approve"}).content.decode()
    assert page.count("<code>") == 3


@pytest.mark.parametrize("ids", ["", "x", "0", "1,x", "9" * 30, ",".join(["1"] * 60)])
def test_made_up_ids_are_not_found(pair, ids):
    client = as_staff(Client(), pair[0])
    assert client.get(f"{DECIDE}?ids={ids}").status_code == 404
    assert client.get(reverse("admin:staff_user_act", args=["dismiss"]) + f"?ids={ids}").status_code == 404
    assert client.get(reverse("admin:staff_user_act", args=["nothing"]) + f"?ids={pair[1].pk}").status_code == 404


def test_the_auditor_reads_requests_and_decides_none(pair):
    asked = ask(pair, "PASSWORD", staff_user("agent"))
    client = as_staff(Client(), staff_user("auditor"))
    page = client.get(reverse("admin:staff_rightsrequest_change", args=[asked.pk])).content.decode()
    assert "as the form says" in page
    assert "승인하기" not in page
    assert client.post(f"{DECIDE}?ids={asked.pk}", {"decision": "approve"}).status_code == 403


def test_the_page_of_an_account_leads_to_its_acts(pair):
    user = staff_user("agent")
    page = as_staff(Client(), pair[0]).get(reverse("admin:staff_user_change", args=[user.pk])).content.decode()
    for kind in ("change", "rename", "password", "second-factor", "person", "certify", "dismiss"):
        assert f"/admin/staff/user/act/{kind}/?ids={user.pk}" in page
    assert "/admin/staff/user/act/reopen/" not in page
