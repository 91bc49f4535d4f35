"""Tries are counted per key in a window of the wall clock, also when they come at the same time."""

import datetime as dt

import pytest

from kt_remedy.core import ratelimit
from kt_remedy.core.models import LimitCounter
from tests.threads import together

pytestmark = pytest.mark.django_db


def test_so_many_tries_are_allowed_and_then_none_until_the_window_ends():
    verdicts = [ratelimit.consume("a", limit=2, seconds=60) for _ in range(3)]
    assert [(v.allowed, v.left) for v in verdicts] == [(True, 1), (True, 0), (False, 0)]
    assert verdicts[0].retry_at == verdicts[2].retry_at
    assert ratelimit.consume("b", limit=2, seconds=60).allowed
    LimitCounter.objects.update(window_ends=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    assert ratelimit.consume("a", limit=2, seconds=60).left == 1


def test_the_key_is_stored_as_a_hash_and_can_be_forgotten():
    ratelimit.consume("code:01012345678", limit=1, seconds=60)
    assert "01012345678" not in LimitCounter.objects.get().key
    ratelimit.clear("code:01012345678")
    assert ratelimit.consume("code:01012345678", limit=1, seconds=60).allowed


def test_the_business_clock_does_not_end_a_window(at):
    at("2026-01-20T10:00+09:00")
    ratelimit.consume("a", limit=1, seconds=60)
    at("2026-03-20T10:00+09:00")
    assert not ratelimit.consume("a", limit=1, seconds=60).allowed


def test_old_counters_are_swept():
    ratelimit.consume("a", limit=1, seconds=60)
    ratelimit.consume("b", limit=1, seconds=60)
    LimitCounter.objects.filter(hits=1).update(window_ends=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    ratelimit.consume("c", limit=1, seconds=60)
    assert ratelimit.sweep() == 2
    assert LimitCounter.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_time_are_all_counted():
    allowed = []

    def tries() -> None:
        for _ in range(10):
            allowed.append(ratelimit.consume("a", limit=7, seconds=60).allowed)

    together(*[tries] * 4)
    assert (len(allowed), sum(allowed)) == (40, 7)
