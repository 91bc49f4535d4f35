"""A waiting row is claimed by one worker, is passed over while leased, and comes back when the worker is gone."""

import datetime as dt
import threading

import pytest

from kt_remedy.core import clock
from kt_remedy.core.tasks import leases
from kt_remedy.notices.models import Message
from tests.threads import together

pytestmark = pytest.mark.django_db


def waiting(count: int) -> None:
    Message.objects.bulk_create(
        Message(kind="k", subject=str(n), person_index=b"p", created_at=clock.now()) for n in range(count)
    )


def queued():
    return Message.objects.filter(state="QUEUED").order_by("id")


def test_rows_come_in_the_order_asked_for_and_no_more_than_asked_for():
    waiting(5)
    claimed = leases.claim(queued(), limit=3, lease_seconds=60)
    assert sorted(claimed) == list(queued().values_list("pk", flat=True)[:3])
    assert set(Message.objects.filter(pk__in=claimed).values_list("worker", "attempts")) == {(leases.worker_name(), 1)}


def test_a_leased_row_is_passed_over_until_its_lease_ran_out():
    waiting(1)
    assert len(leases.claim(queued(), limit=5, lease_seconds=60)) == 1
    assert leases.claim(queued(), limit=5, lease_seconds=60) == []
    Message.objects.update(lease_until=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    assert len(leases.claim(queued(), limit=5, lease_seconds=60)) == 1
    assert Message.objects.get().attempts == 2


def test_a_row_given_back_is_free_at_once():
    waiting(1)
    leases.claim(queued(), limit=1, lease_seconds=60)
    assert leases.release(queued()) == 1
    assert len(leases.claim(queued(), limit=1, lease_seconds=60)) == 1


def test_only_the_rows_of_the_queryset_are_claimed():
    waiting(2)
    Message.objects.filter(subject="0").update(state="CANCELLED")
    assert leases.claim(queued(), limit=5, lease_seconds=60) == [Message.objects.get(subject="1").pk]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_never_get_the_same_row():
    waiting(60)
    got: list[int] = []
    guard = threading.Lock()

    def worker() -> None:
        while keys := leases.claim(queued(), limit=3, lease_seconds=60):
            with guard:
                got.extend(keys)

    together(*[worker] * 4)
    assert len(got) == len(set(got)) == 60
