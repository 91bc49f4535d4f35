"""Keys, tables and rights change while people read and file: no error, nothing lost (docs/operations.md)."""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse

from eligibility import rotation
from kt_remedy.core import crypto
from refunds.models.applications import Application
from tests.concurrency.test_filing_races import filing
from tests.eligibility.test_register_upkeep import keys
from tests.owner import as_owner
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db(transaction=True)

# The settings of the processes one after another, as docs/operations.md says. The first key encrypts.
STEPS = ((1,), (1, 2), (2, 1), (2,))


@pytest.fixture(autouse=True)
def january(at, settings) -> Iterator[None]:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    yield
    settings.FIELD_KEYS = keys(1)
    crypto.forget_keys()


def use(settings, numbers: tuple[int, ...]) -> None:
    settings.FIELD_KEYS = keys(*numbers)
    crypto.forget_keys()


@contextmanager
def traffic(*acts: Callable[[], object]) -> Iterator[list[int]]:
    """Repeat each act in a thread until the block ends; an error of an act fails the test. Yields runs of each act."""
    over, errors, runs = threading.Event(), [], [0] * len(acts)

    def repeat(number: int, act: Callable[[], object]) -> None:
        try:
            while not over.is_set():
                act()
                runs[number] += 1
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=repeat, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    try:
        yield runs
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert errors == []
    assert all(runs), runs


def reader() -> Callable[[], object]:
    """A customer who opens their lines again and again."""
    holder = make.customer(name="홍길동", ci="hong")
    make.line(holder)
    client = as_customer(Client(raise_request_exception=True), person("hong", name="홍길동"))

    def act() -> None:
        assert client.get(reverse("portal:my-lines")).status_code == 200

    return act


def filer(number: int) -> Callable[[], object]:
    """Customers who file one after another; each has a line and an account already."""
    waiting = []
    for _ in range(number):
        holder = make.customer()
        waiting.append(filing(holder, make.line(holder), make.account(holder), key=uuid.uuid4().hex))
    left = iter(waiting)

    def act() -> None:
        if (one := next(left, None)) is not None:
            assert one()

    return act


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise(STEPS[:3])))
def test_processes_before_and_after_a_restart_read_what_the_other_wrote(settings, before, after) -> None:
    use(settings, before)
    old = crypto.encrypt_bytes("예".encode(), "t:c:1")
    use(settings, after)
    assert crypto.decrypt_bytes(old, "t:c:1").decode() == "예"
    new = crypto.encrypt_bytes("예".encode(), "t:c:1")
    use(settings, before)
    assert crypto.decrypt_bytes(new, "t:c:1").decode() == "예"


def test_the_key_changes_while_people_read_and_file(settings) -> None:
    read, file = reader(), filer(40)
    with traffic(read, file, read):
        for numbers in STEPS[1:3]:
            use(settings, numbers)
        with as_owner():
            call_command("rotate_keys", verbosity=0)
            assert rotation.remaining() == 0
    with as_owner():  # what was written with the old key while the command ran
        rotation.rotate()
        assert rotation.remaining() == 0
    read()
    use(settings, STEPS[3])
    # A session from before the new key ends; nothing else needs the old one.
    assert as_customer(Client(), person("hong", name="홍길동")).get(reverse("portal:my-lines")).status_code == 200
    assert Application.objects.count() > 0


def test_tables_and_rights_are_set_anew_while_people_read_and_file() -> None:
    read, file = reader(), filer(40)
    with traffic(read, file, read) as runs:
        while min(runs) < 3:
            with as_owner():
                call_command("migrate", verbosity=0)
    assert Application.objects.count() > 0
