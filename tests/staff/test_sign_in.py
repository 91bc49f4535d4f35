"""Staff sign in with password and second factor; nothing opens before both, and sessions end."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    get_default_password_validators,
)
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from kt_remedy.devtools import demo_accounts, demo_staff
from kt_remedy.devtools.sandbox.phone import totp
from kt_remedy.staff import middleware, service
from kt_remedy.staff.models import User
from kt_remedy.staff.roles import ROLES, forbidden
from tests.sessions import as_staff, staff_user, two_administrators

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    """Argon2 is slow on purpose; these tests are not about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff():
    return {account.username: account for account in demo_accounts.create()}


def sign_in(client: Client, username: str, password: str = demo_staff.PASSWORD):
    return client.post(reverse("account_login"), {"login": username, "password": password})


def second(client: Client, username: str, *, at: float = 0):
    code = totp(demo_staff.totp_secret(username), at or time.time())
    return client.post(reverse("mfa_authenticate"), {"code": code})


def test_password_and_code_open_the_desk(staff):
    client = Client()
    assert sign_in(client, "clerk")["Location"] == reverse("mfa_authenticate")
    assert client.get(reverse("admin:index")).status_code == 302, "a password alone opens nothing"
    assert second(client, "clerk")["Location"] == settings.LOGIN_REDIRECT_URL
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_pasted_name_and_a_code_with_a_space_are_taken(staff):
    client = Client()
    assert sign_in(client, "\u200bclerk\u00a0")["Location"] == reverse("mfa_authenticate")
    code = totp(demo_staff.totp_secret("clerk"), time.time())
    wide = code[3:].translate({ord("0") + digit: ord("０") + digit for digit in range(10)})
    answer = client.post(reverse("mfa_authenticate"), {"code": f"\u202a{code[:3]} {wide}"})
    assert answer["Location"] == settings.LOGIN_REDIRECT_URL


def test_a_code_works_once(staff):
    first, again = Client(), Client()
    sign_in(first, "maker")
    sign_in(again, "maker")
    now = time.time()
    assert second(first, "maker", at=now).status_code == 302
    assert second(again, "maker", at=now).status_code == 200


def test_a_wrong_code_opens_nothing(staff):
    client = Client()
    sign_in(client, "maker")
    assert second(client, "maker", at=time.time() - 3600).status_code == 200
    assert client.get(reverse("admin:index")).status_code == 302


def test_codes_cannot_be_guessed_through(staff):
    client = Client()
    sign_in(client, "maker")
    for _ in range(5):
        second(client, "maker", at=time.time() - 3600)
    assert second(client, "maker").status_code == 429, "the right code comes too late"


def test_known_and_unknown_names_get_the_same_answer(staff):
    pages = [sign_in(Client(), name, "wrong") for name in ("clerk", "clark")]
    texts = {re.sub(r'(csrfmiddlewaretoken" value="|value=")[^"]*', r"\1", page.content.decode()) for page in pages}
    assert {page.status_code for page in pages} == {200}
    assert len(texts) == 1


def test_a_new_account_sets_up_its_second_factor_first():
    user = staff_user("auditor")
    user.set_password(demo_staff.PASSWORD)
    user.save()
    client = Client()
    sign_in(client, "auditor")
    assert client.get(reverse("admin:index"))["Location"] == reverse("mfa_activate_totp")
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    done = client.post(reverse("mfa_activate_totp"), {"code": totp(secret, time.time())})
    assert done.status_code == 302
    assert secret not in str(list(Authenticator.objects.values())), "kept encrypted"


@pytest.mark.django_db(transaction=True)
def test_setting_up_the_second_factor_counts_as_showing_it():
    user = staff_user("auditor")
    user.set_password(demo_staff.PASSWORD)
    user.save()
    client = Client()
    sign_in(client, "auditor")
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    client.post(reverse("mfa_activate_totp"), {"code": totp(secret, time.time())})
    assert client.get(reverse("admin:index")).status_code == 200


def test_the_last_second_factor_cannot_be_dropped(staff):
    client = Client()
    sign_in(client, "clerk")
    second(client, "clerk")
    client.post(reverse("mfa_deactivate_totp"))
    assert Authenticator.objects.filter(user__username="clerk", type="totp").exists()


def test_nobody_signs_up():
    assert Client().get("/staff/signup/").status_code == 404


@pytest.fixture
def wall(monkeypatch):
    class Wall:
        at = time.time()

        def time(self) -> float:
            return self.at

    wall = Wall()
    monkeypatch.setattr(middleware, "time", wall)
    monkeypatch.setattr(service, "time", wall)
    return wall


@pytest.mark.parametrize(
    ("steps", "inside"),
    [([14 * 60], True), ([15 * 60], False), ([14 * 60] * 42, True), ([14 * 60] * 43, False)],
    ids=["under 15 idle minutes", "15 idle minutes", "under ten hours", "over ten hours"],
)
def test_staff_sessions_end(wall, steps, inside):
    client = as_staff(Client(), staff_user("auditor"))
    client.get(reverse("admin:index"))
    status = 0
    for step in steps:
        wall.at += step
        status = client.get(reverse("admin:index")).status_code
    assert (status == 200) is inside


def test_the_second_factor_is_fresh_for_five_minutes(wall, rf):
    client = as_staff(Client(), user := staff_user("checker"))
    request = rf.get("/")
    request.session, request.user = client.session, user
    assert service.has_fresh_second_factor(request)
    wall.at += 299
    assert service.has_fresh_second_factor(request)
    wall.at += 2
    assert not service.has_fresh_second_factor(request)


def test_a_leaver_is_out_at_once_and_for_good():
    admin, leaver = staff_user("administrator"), staff_user("maker")
    client = as_staff(Client(), leaver)
    assert client.get(reverse("admin:index")).status_code == 200
    service.dismiss(by=admin, user=leaver, reason="left")
    assert client.get(reverse("admin:index")).status_code == 302
    User.objects.filter(pk=leaver.pk).update(is_active=True)
    assert client.get(reverse("admin:index")).status_code == 302, "an old session stays dead"


def test_a_revoked_role_closes_its_pages_at_once():
    (admin, _), user = two_administrators(), staff_user("supervisor", "administrator", username="two")
    client = as_staff(Client(), user)
    assert client.get(reverse("admin:staff_user_changelist")).status_code == 200
    service.revoke(by=admin, user=user, roles=["supervisor"], reason="moved")
    assert client.get(reverse("admin:staff_user_changelist")).status_code == 403


def test_demo_staff_are_for_development_only(monkeypatch):
    monkeypatch.setattr(settings, "DEVELOPMENT", False)
    with pytest.raises((service.NotAllowed, ImproperlyConfigured)):
        demo_accounts.create()


def test_demo_staff_hold_every_role_and_may_be_made_twice(staff):
    assert {role for account in staff.values() for role in account.roles} == set(ROLES)
    assert not any(forbidden(account.roles) for account in staff.values())
    demo_accounts.create()
    assert User.objects.count() == len(demo_staff.STAFF)


@pytest.mark.parametrize(
    "page",
    [
        "mfa_index",
        "mfa_list_webauthn",
        "mfa_add_webauthn",
        "mfa_generate_recovery_codes",
        "account_change_password",
        "mfa_reauthenticate",
        "account_reauthenticate",
        "account_logout",
        "mfa_deactivate_totp",
    ],
)
def test_pages_of_the_account_open(page, staff):
    client = Client()
    sign_in(client, "clerk")
    second(client, "clerk")
    assert client.get(reverse(page)).status_code == 200


def change(client: Client, old: str, new: str):
    return client.post(reverse("account_change_password"), {"oldpassword": old, "password1": new, "password2": new})


@pytest.fixture
def inside(staff):
    client = Client()
    sign_in(client, "clerk")
    second(client, "clerk")
    return client


def test_a_password_is_changed_by_who_knows_the_old_one(inside):
    new = "sea-lamp-river-42"
    assert change(inside, "not-the-old-one", new).status_code == 200
    assert User.objects.get(username="clerk").check_password(demo_staff.PASSWORD)
    assert change(inside, demo_staff.PASSWORD, new).status_code == 302
    assert User.objects.get(username="clerk").check_password(new)


@pytest.mark.parametrize(
    "password",
    [
        "seoullampriver",
        "강물이흐르는밤바다에서온바람",
        "!!! ???  ~~~ …",
        "  Blank before and behind  ",
        "x7" * 32 + "Z" * 64,
    ],
)
def test_a_password_of_any_signs_is_taken_as_it_was_typed(inside, password):
    assert change(inside, demo_staff.PASSWORD, password).status_code == 302
    user = User.objects.get(username="clerk")
    assert user.check_password(password)
    assert not user.check_password(password[:-1])
    assert not user.check_password(password.swapcase()) or password.swapcase() == password
    assert sign_in(Client(), "clerk", password)["Location"] == reverse("mfa_authenticate")


def test_a_password_that_many_people_use_is_refused(inside):
    common = CommonPasswordValidator().passwords
    long_enough = sorted(word for word in common if len(word) >= settings.PASSWORD_LEAST and not word.isdigit())
    assert len(common) > 3000
    assert len(long_enough) > 10
    for word in long_enough[:3]:
        answer = change(inside, demo_staff.PASSWORD, word)
        codes = [error.code for error in answer.context["form"].errors.as_data()["password1"]]
        assert "password_too_common" in codes, word


def test_a_field_of_a_password_hides_it_and_lets_programs_fill_it_in(inside):
    pages = [
        Client().get(reverse("account_login")),
        Client().get(reverse("staff-invitation")),
        inside.get(reverse("account_change_password")),
        inside.get(reverse("account_reauthenticate")),
    ]
    for page in pages:
        fields = re.findall(r'<input[^>]*name="\w*password\d?"[^>]*>', page.content.decode())
        assert fields
        for field in fields:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field), field
            assert "onpaste" not in field
            length = re.search(r'maxlength="(\d+)"', field)
            assert length is None or int(length[1]) >= 64


def test_signing_in_gives_staff_a_new_session(staff):
    client = Client()
    client.get(reverse("account_login"))
    session = client.session
    session["before"] = "of a stranger"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    sign_in(client, "clerk")
    second(client, "clerk")
    assert client.get(reverse("admin:index")).status_code == 200
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert thief.get(reverse("admin:index")).status_code == 302


def test_a_new_password_is_asked_for_by_the_length_that_is_checked(staff):
    client = Client()
    sign_in(client, "clerk")
    second(client, "clerk")
    validators = get_default_password_validators()
    least = next(item.min_length for item in validators if isinstance(item, MinimumLengthValidator))
    assert f"{least}자 이상이면 됩니다" in client.get(reverse("account_change_password")).content.decode()
