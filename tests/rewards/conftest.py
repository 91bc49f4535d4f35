"""Fixtures of the perks: a register and its base. Imports are inside, because Django must be set up first."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kt_remedy.core.tasks.schedule import ResultMessage


@pytest.fixture
def delivery(db):
    """The delivery of 14 January, which the base needs, and one that the grants of every month may use."""
    from eligibility.models import Feed
    from tests.refunds import make

    make.delivered()
    return Feed.objects.create(
        as_of=dt.date(2026, 1, 14), state=Feed.State.LOADED, started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC)
    )


@pytest.fixture
def make_line():
    """Returns a function that creates a line in service on 13 January, with the given facts."""
    from tests.refunds import make

    def build(holder=None, **facts):
        holder = holder or make.customer()
        facts = {"terminated": "", "outcome": "NOT_ELIGIBLE", "product": "HANDSET", "refundable_krw": 0, **facts}
        return make.line(holder, **facts)

    return build


@pytest.fixture
def take_base(at, delivery):
    """Returns a function that records the base of the current register."""

    def take() -> ResultMessage:
        from tests.rewards import running

        at("2026-01-14T09:00+09:00")
        return running.record_base()

    return take
