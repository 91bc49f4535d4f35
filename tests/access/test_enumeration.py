"""Nobody learns from an answer or its time who is known: look-up, sign-in of staff, first password and reset.

The short run compares every answer; the long one, a thousand known and a thousand unknown, also the times. The area
under the curve is the chance that a known name takes longer than an unknown one: 0.5 says nothing.
"""

import difflib
import random
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import product

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from kt_remedy.core import crypto
from kt_remedy.devtools.sandbox import inbox, portone
from kt_remedy.identity import provider
from kt_remedy.staff import invitations
from kt_remedy.staff.models import User
from tests.refunds import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox")]

SHORT, LONG = 20, 1_000
SIZES = [SHORT, pytest.param(LONG, marks=pytest.mark.soak)]
LEAST, MOST = 0.45, 0.55
# What is drawn anew for each answer, and what was typed.
VARYING = (
    re.compile(r"\b[A-Za-z0-9]{64}\b"),  # a token of a form
    re.compile(r"\b[A-Za-z0-9_-]{43}\b"),  # the challenge of a passkey
    re.compile(r"\b\d{10,13}\b"),  # an instant
    re.compile(r'nonce="[^"]*"'),
    re.compile(r"010-\*+-\d{4}"),
    re.compile(r"(known|other)-\d{4}"),
    re.compile(r"<strong>\d+월\s\d+일\u2060\(.\)\s\d\d:\d\d</strong>"),  # the clock of a try-out
)
UNLIKE = {"X-Request-ID", "Date", "Expires", "Content-Security-Policy"}


def area(known: list[int], unknown: list[int]) -> float:
    """Area under the curve of two samples; ties count half."""
    ordered = sorted(unknown)
    below = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in known)
    return below / (2 * len(known) * len(unknown))


def shape(answer: HttpResponse) -> tuple[object, ...]:
    """All that a stranger can read of an answer, without what is drawn anew each time and what they typed."""
    text = answer.content.decode()
    for varying in VARYING:
        text = varying.sub("", text)
    headers = {name: value for name, value in answer.headers.items() if name not in UNLIKE}
    return (answer.status_code, tuple(sorted(headers.items())), tuple(sorted(answer.cookies)), text)


def compare(size: int, act: Callable[[bool, int], list[HttpResponse]], record: Callable[[str, object], None]) -> None:
    """Try `act(known, number)` in a drawn order; all answers are alike, and in the long run the times too."""
    tries = list(product((True, False), range(size)))
    random.Random(5).shuffle(tries)
    for known in (True, False):  # imports and caches of the first request are no part of the measure
        act(known, size)
    times: dict[bool, list[int]] = {True: [], False: []}
    shapes: dict[bool, set[object]] = {True: set(), False: set()}
    for known, number in tries:
        begun = time.perf_counter_ns()
        answers = act(known, number)
        times[known].append(time.perf_counter_ns() - begun)
        shapes[known].add(tuple(shape(answer) for answer in answers))
    found = area(times[True], times[False])
    record("auc", f"{found:.3f}")
    print(f"{size} + {size}: area {found:.3f}")
    first, *others = (repr(one).replace("\\n", "\n").splitlines() for one in shapes[True] | shapes[False])
    differ = [line for other in others[:3] for line in difflib.unified_diff(first, other, n=0, lineterm="")]
    assert not differ, "\n".join(differ)[:4000]
    if size == LONG:
        assert LEAST <= found <= MOST


def client_of(number: int, known: bool) -> Client:
    """A browser in a network of its own, so that limits of a network are no part of the measure."""
    return Client(REMOTE_ADDR=f"10.{number // 256 % 256}.{number % 256}.{1 if known else 2}")


def name_of(known: bool, number: int) -> str:
    return f"{'known' if known else 'other'}-{number:04}"


@pytest.mark.parametrize("size", SIZES)
def test_the_look_up_tells_no_customer_from_a_stranger(size, record_property, january):
    provider._client.cache_clear()
    hangul = [chr(0xAC00 + n * 28) for n in range(100)]
    for n in range(size + 1):
        holder = make.customer(
            name=f"김{hangul[n // 100]}{hangul[n % 100]}",
            birth="1985-03-15",
            ci=portone.ci_of(f"김{hangul[n // 100]}{hangul[n % 100]}", "1985-03-15"),
        )
        make.line(holder)

    def act(known: bool, number: int) -> list[HttpResponse]:
        phone = f"010{31 if known else 32}{number:06}"
        client = client_of(number, known)
        name = f"{'김' if known else '박'}{hangul[number // 100]}{hangul[number % 100]}"
        begun = client.post(
            reverse("identity:who", args=["sms"]),
            {"carrier": "KT", "name": name, "phone": phone, "born": "850315", "digit": "1"},
        )
        code = re.search(r"\d{6}", inbox.messages(to=phone)[0]["text"])
        assert code
        return [
            begun,
            client.get(reverse("identity:code")),
            client.post(reverse("identity:code"), {"code": code.group()}),
        ]

    compare(size, act, record_property)


@pytest.mark.parametrize("size", SIZES)
def test_the_sign_in_tells_no_member_of_staff_from_a_stranger(size, record_property):
    assert "Argon2" in settings.PASSWORD_HASHERS[0]
    password = make_password("sea-lamp-river-42")  # one hash for all: each costs a twentieth of a second
    User.objects.bulk_create(
        User(
            username=name_of(True, n),
            roles=["agent"],
            is_staff=True,
            password=password,
            person_index=crypto.blind_index(f"staff-{n}", "ci"),
        )
        for n in range(size + 1)
    )

    def act(known: bool, number: int) -> list[HttpResponse]:
        client = client_of(number, known)
        return [client.post(reverse("account_login"), {"login": name_of(known, number), "password": "wrong-lamp-42"})]

    compare(size, act, record_property)


@pytest.mark.parametrize("size", SIZES)
def test_first_password_and_reset_tell_no_invited_person_from_a_stranger(size, record_property):
    for n in range(size + 1):
        user = User.objects.create(
            username=name_of(True, n), roles=["agent"], is_staff=True, person_index=crypto.blind_index(f"s-{n}", "ci")
        )
        invitations.new_code(user)

    def act(known: bool, number: int) -> list[HttpResponse]:
        data = {"username": name_of(known, number), "code": "0000-0000-0000-0000-0000"}
        data |= {"password1": "sea-lamp-river-42", "password2": "sea-lamp-river-42"}
        return [client_of(number, known).post(reverse("staff-invitation"), data)]

    compare(size, act, record_property)


@pytest.mark.parametrize(
    ("known", "unknown", "wanted"), [([1, 2], [3, 4], 0.0), ([3, 4], [1, 2], 1.0), ([1, 2], [1, 2], 0.5)]
)
def test_the_area_is_what_it_says(known, unknown, wanted):
    assert area(known, unknown) == wanted
