"""The lock after wrong passwords and codes: one name in one browser, for half an hour; nobody else is touched."""

import datetime as dt
import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.urls import reverse

from kt_remedy.core.models import LimitCounter
from kt_remedy.devtools import demo_accounts, demo_staff
from kt_remedy.devtools.sandbox.phone import totp
from kt_remedy.staff import lockout
from tests.sessions import as_staff
from tests.staff.test_sign_in import quick_hashes, second, sign_in, staff  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db

IN = reverse("mfa_authenticate")


def fail(client: Client, username: str, times: int = 5) -> list[int]:
    return [sign_in(client, username, "wrong").status_code for _ in range(times)]


def let_pass(seconds: int) -> None:
    """Move every running window that much nearer to its end."""
    LimitCounter.objects.update(window_ends=F("window_ends") - dt.timedelta(seconds=seconds))


def known_browser(username: str) -> Client:
    """A browser that passed the second factor of the account once, signed out again."""
    client = Client()
    sign_in(client, username)
    assert second(client, username).status_code == 302
    assert client.post(reverse("account_logout")).status_code == 302
    return client


def test_five_failures_lock_for_half_an_hour_and_the_lock_ends(staff):  # noqa: F811
    client = Client()
    assert fail(client, "clerk") == [200] * 5
    refused = sign_in(client, "clerk")
    assert refused.status_code == 429, "the right password while locked"
    assert "30분 동안 로그인할 수 없습니다" in refused.content.decode()
    let_pass(lockout.SECONDS - 1)
    assert sign_in(client, "clerk").status_code == 429
    let_pass(2)
    assert sign_in(client, "clerk")["Location"] == IN, "one second after"


def test_four_failures_lock_nothing_and_a_success_forgets_them(staff):  # noqa: F811
    for _ in range(2):
        client = Client()
        assert fail(client, "clerk", 4) == [200] * 4
        assert sign_in(client, "clerk")["Location"] == IN


def test_the_half_hour_begins_with_the_last_failure(staff):  # noqa: F811
    client = Client()
    fail(client, "clerk", 4)
    let_pass(lockout.SECONDS - 5)
    fail(client, "clerk", 1)
    let_pass(lockout.SECONDS - 5)
    assert sign_in(client, "clerk").status_code == 429
    let_pass(6)
    assert sign_in(client, "clerk")["Location"] == IN


def test_tries_while_locked_do_not_lengthen_the_lock(staff):  # noqa: F811
    client = Client()
    fail(client, "clerk")
    let_pass(lockout.SECONDS - 5)
    assert fail(client, "clerk", 3) == [429] * 3
    let_pass(6)
    assert sign_in(client, "clerk")["Location"] == IN


def test_failures_of_one_touch_no_other_behind_the_same_address(staff):  # noqa: F811
    """A call centre behind one address: one browser fails for A, B signs in from another, then from the same."""
    first, second_browser = Client(), Client()
    fail(first, "agent", 9)
    assert sign_in(second_browser, "auditor")["Location"] == IN
    assert sign_in(first, "maker")["Location"] == IN
    wrong = sign_in(Client(), "reviewer", "wrong")
    assert wrong.status_code == 200
    assert "로그인이 잠겼습니다" not in wrong.content.decode()


def test_sixty_sign_ins_a_minute_from_one_address_are_let_in(staff):  # noqa: F811
    """Allauth would have stopped at 10 failures or 30 requests of an address."""
    for _ in range(6):
        for name in ("clerk", "agent", "maker", "auditor", "reviewer"):
            assert sign_in(Client(), name, "wrong").status_code in (200, 429)
            assert sign_in(Client(), name).status_code in (302, 429)
    assert sign_in(Client(), "supervisor")["Location"] == IN


def test_a_stranger_cannot_keep_a_named_clerk_out_of_their_own_browser(staff):  # noqa: F811
    own = known_browser("clerk")
    fail(Client(), "clerk", 20)  # the same address, another browser
    fail(Client(REMOTE_ADDR="203.0.113.7"), "clerk", 20)
    assert sign_in(Client(), "clerk").status_code == 429
    assert sign_in(own, "clerk")["Location"] == IN


def test_a_known_browser_has_a_counter_of_its_own(staff):  # noqa: F811
    own = known_browser("clerk")
    fail(own, "clerk")
    assert sign_in(own, "clerk").status_code == 429
    assert sign_in(Client(), "clerk")["Location"] == IN, "its failures lock no other browser"


def test_throwing_cookies_away_gives_no_more_tries(staff):  # noqa: F811
    assert [sign_in(Client(), "clerk", "wrong").status_code for _ in range(7)] == [200] * 5 + [429] * 2


def test_the_cookie_of_one_person_is_worth_nothing_for_another(staff):  # noqa: F811
    own = known_browser("agent")
    fail(own, "clerk")
    assert sign_in(Client(), "clerk").status_code == 429, "an unknown browser for that name"
    assert sign_in(own, "agent")["Location"] == IN


def test_a_forged_cookie_is_an_unknown_browser(staff, settings):  # noqa: F811
    client = Client()
    for number in range(6):
        client.cookies[settings.KNOWN_BROWSER_COOKIE_NAME] = f'{{"id": "{number}", "names": ["clerk"]}}:x:y'
        status = sign_in(client, "clerk", "wrong").status_code
    assert status == 429


def test_the_cookie_is_not_for_scripts_and_names_nobody_else(staff, settings):  # noqa: F811
    cookie = known_browser("clerk").cookies[settings.KNOWN_BROWSER_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


@pytest.mark.parametrize("name", ["clerk", "Clerk ", "\u200bclerk", "nobody-of-this-name"])
def test_spellings_and_unknown_names_count_alike(staff, name):  # noqa: F811
    client = Client()
    assert fail(client, name) == [200] * 5
    assert sign_in(client, name.strip().lower()).status_code in (200, 429)
    assert sign_in(client, name, "wrong").status_code == 429


def test_no_name_is_kept_in_clear(staff):  # noqa: F811
    fail(Client(), "clerk", 2)
    keys = list(LimitCounter.objects.values_list("key", flat=True))
    assert hashlib.sha256(b"lock:password:clerk:127.0.0.1").hexdigest() in keys
    assert not any("clerk" in key for key in keys)


def test_wrong_codes_lock_the_account_wherever_they_come_from(staff):  # noqa: F811
    """Whoever is asked for a code knows the password, so an address buys no further tries."""
    for number in range(5):
        client = Client(REMOTE_ADDR=f"203.0.113.{number}")
        sign_in(client, "maker")
        assert second(client, "maker", at=time.time() - 3600).status_code == 200
    late = Client(REMOTE_ADDR="203.0.113.99")
    sign_in(late, "maker")
    assert second(late, "maker").status_code == 429
    let_pass(lockout.SECONDS + 1)
    assert second(late, "maker").status_code == 302


def test_guessed_codes_elsewhere_keep_nobody_out_of_their_own_browser(staff):  # noqa: F811
    own, thief = known_browser("maker"), Client()
    sign_in(thief, "maker")
    for _ in range(6):
        second(thief, "maker", at=time.time() - 3600)
    sign_in(own, "maker")
    assert second(own, "maker", at=time.time() + 30).status_code == 302


def test_the_second_factor_again_is_counted_too(staff):  # noqa: F811
    client = as_staff(Client(), _user("maker"))
    page = reverse("mfa_reauthenticate")
    codes = [client.post(page, {"code": "000000"}).status_code for _ in range(5)]
    assert codes == [200] * 5
    right = totp(demo_staff.totp_secret("maker"), time.time())
    assert client.post(page, {"code": right}).status_code == 429


def test_the_password_again_is_counted_too(staff):  # noqa: F811
    client = as_staff(Client(), _user("maker"))
    page = reverse("account_reauthenticate")
    assert [client.post(page, {"password": "wrong"}).status_code for _ in range(5)] == [200] * 5
    assert client.post(page, {"password": demo_staff.PASSWORD}).status_code == 429


def _user(name: str):
    from kt_remedy.staff.models import User

    return User.objects.get(username=name)


def test_security_keys_are_offered_first_and_never_lock(staff):  # noqa: F811
    client = Client()
    page = client.get(reverse("account_login")).content.decode()
    assert page.index("passkey_login") < page.index('name="password"')
    fail(client, "clerk", 6)
    nonsense = {"credential": "{}"}
    statuses = [client.post(reverse("mfa_login_webauthn"), nonsense).status_code for _ in range(25)]
    assert set(statuses) == {302}, "told on the sign-in page, never locked"
    options = client.get(reverse("mfa_login_webauthn"), headers={"x-requested-with": "XMLHttpRequest"})
    assert options.status_code == 200
    assert options.json()["request_options"]


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_are_no_more_than_five():
    demo_accounts.create()

    def guess(number: int) -> int:
        try:
            return sign_in(Client(), "clerk", f"wrong-{number}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(guess, range(16)))
    assert (statuses.count(200), statuses.count(429)) == (5, 11)


def test_a_known_and_an_unknown_name_are_told_the_same_when_locked(staff):  # noqa: F811
    pages = []
    for name in ("clerk", "clark"):
        fail(Client(), name)
        page = sign_in(Client(), name).content.decode()
        pages.append(re.sub(r'value="[^"]*"', "", page))
    assert pages[0] == pages[1]
