"""A cut-off that passed and nobody froze, a pay day that came and no file at the bank: shown, warned of, and over."""

import datetime as dt

import pytest
import structlog
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock, programme
from kt_remedy.core.models import worded
from refunds.calendar import payout_rounds
from refunds.payouts import batches, jobs
from refunds.payouts.overdue import late_rounds
from tests.refunds.payouts import money
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 1, 22)


def late() -> list[tuple[str, int, str, int]]:
    return [(row.code, row.number, row.pay_on.isoformat(), row.count) for row in late_rounds()]


def page() -> str:
    client = as_staff(Client(), staff_user("auditor", username="auditor"))
    return client.get(reverse("portal:calendar")).content.decode()


def test_a_round_nobody_froze_is_late_from_its_cut_off_until_a_later_one_took_it_along(at):
    at("2026-01-19T10:00+09:00")
    money.due(), money.due()
    at("2026-01-20T17:59:59+09:00")
    assert late() == []
    at("2026-01-20T18:00:00+09:00")
    assert late() == [("FREEZE", 1, "2026-01-22", 2)]
    shown = page()
    assert "지급이 늦어지고 있습니다" in shown
    assert "마감이 지났는데" in shown
    at("2026-01-22T00:00:00+09:00")
    assert late() == [("HAND_OVER", 1, "2026-01-22", 2)]
    assert "입금일이 되었는데" in page()
    at("2026-02-03T18:00:00+09:00")
    assert late() == [("FREEZE", 2, "2026-02-05", 2)]
    batches.freeze(pay_on=dt.date(2026, 2, 5), user=money.maker())
    assert late() == []
    assert "지급이 늦어지고 있습니다" not in page()


def refuse(file) -> None:
    money.load(money.pain002(file, [], group="RJCT", reason="FF01"))


@pytest.mark.parametrize("step", ["frozen", "approved", "filed"])
def test_a_batch_is_late_from_its_pay_day_while_the_bank_has_no_file(at, step):
    at(money.CUT_OFF)
    getattr(money, step)(2)
    at("2026-01-21T23:59:59+09:00")
    assert late() == []
    at("2026-01-22T00:00:00+09:00")
    assert late() == [("HAND_OVER", 1, "2026-01-22", 2)]
    assert "입금일이 되었는데 은행에 전달한 파일이 없습니다. 기다리는 신청 2건" in page()


def test_a_batch_the_bank_has_is_not_late_and_one_it_refused_is(at):
    at(money.CUT_OFF)
    _batch, file = money.handed_over(2)
    at("2026-01-22T10:00+09:00")
    assert late() == []
    refuse(file)
    assert late() == [("HAND_OVER", 1, "2026-01-22", 2)]


def test_an_empty_round_is_not_late(at):
    at("2026-03-05T10:00+09:00")
    assert late() == []


def test_the_job_warns_of_each_and_says_so_in_words(at):
    at("2026-01-19T10:00+09:00")
    money.due()
    assert jobs.watch_rounds(None) == []
    at("2026-01-22T10:00+09:00")
    with structlog.testing.capture_logs() as log:
        result_messages = jobs.watch_rounds(None)
    assert log == [
        {
            "event": "payout round late",
            "log_level": "warning",
            "what": "HAND_OVER",
            "pay_on": "2026-01-22",
            "waiting": 1,
        }
    ]
    assert worded([list(message) for message in result_messages]) == "1차 은행 전달이 늦음, 1건"


def test_the_weekly_rounds_stand_on_the_calendar(at):
    at("2026-01-20T10:00+09:00")
    shown = page()
    weekly = [row for row in payout_rounds(programme.current()) if row.supplementary]
    assert len(weekly) > 10
    for row in weekly:
        assert f"{row.number}차 지급 명단 확정 (매주 하는 추가 지급)" in shown
        assert f"{row.number}차 입금 (매주 하는 추가 지급)" in shown
    assert clock.kst_date(weekly[0].cut_off) < weekly[0].pay_on
