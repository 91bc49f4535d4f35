"""Wrong codes are counted over all persons: an attack on many numbers is seen although each stays in its limit."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core.models import worded
from kt_remedy.core.tasks import schedule
from kt_remedy.identity import alarm, provider, service
from kt_remedy.identity.models import CodeCount
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


def counted(*, wrong: int, right: int, ago: dt.timedelta = dt.timedelta(0)) -> None:
    CodeCount.objects.create(slot=dt.datetime.now(dt.UTC) - ago, wrong=wrong, right=right)


@pytest.mark.parametrize(
    ("now", "before", "rings"),
    [
        ((29, 0), (0, 0), False),  # too few for an alarm
        ((30, 0), (0, 0), True),
        ((30, 170), (0, 0), False),  # 15 of 100 is exactly three times the usual share
        ((31, 169), (0, 0), True),
        ((30, 70), (150, 850), False),  # a week in which 15 of 100 were wrong
        ((50, 50), (150, 850), True),
        ((40, 260), (5, 2_000), False),  # few mistakes in a week do not lower the usual share below one in twenty
        ((400, 1_600), (100, 900), False),
        ((700, 1_300), (100, 900), True),
    ],
)
def test_it_rings_when_far_more_are_wrong_than_usual(now, before, rings):
    counted(wrong=now[0], right=now[1])
    counted(wrong=before[0], right=before[1], ago=dt.timedelta(days=2))
    assert (alarm.current_alarm() is not None) is rings


def test_it_ends_by_itself():
    counted(wrong=500, right=0, ago=alarm.RECENT + dt.timedelta(seconds=1))
    assert alarm.current_alarm() is None


def test_each_code_is_counted_once_and_the_app_is_no_code(monkeypatch):
    def answers(key, code):
        if code == "000000":
            raise provider.WrongCode
        return provider.Verified("홍시험", dt.date(1985, 3, 15), "01091115001", False, "ci")

    monkeypatch.setattr(provider, "confirm", answers)
    by_sms = service.PendingVerification("k", "SMS", "", "alarm-n", "alarm-p", 0)
    for code in ("000000", "000000", "123456"):
        if code == "000000":
            with pytest.raises(provider.WrongCode):
                service.confirm(by_sms, code)
        else:
            service.confirm(by_sms, code)
    service.confirm(service.PendingVerification("k", "APP", "", "alarm-n", "alarm-p", 0))
    count = CodeCount.objects.get()
    assert (count.wrong, count.right) == (2, 1)


def test_staff_are_told_and_old_counts_are_forgotten():
    counted(wrong=60, right=40)
    counted(wrong=1, right=1, ago=alarm.HISTORY + dt.timedelta(days=1))
    assert worded([list(alarm.report_wrong_codes(None))]) == "틀린 번호 60개, 적힌 번호 100개"
    assert CodeCount.objects.count() == 1
    assert schedule.entry("identity.wrong_codes").period == dt.timedelta(minutes=1)

    page = as_staff(Client(), staff_user("auditor")).get(reverse("portal:calendar")).content.decode()
    assert "지난 20분 동안 적힌 인증번호 100개 가운데 60개(60%)가 틀렸습니다" in page
    CodeCount.objects.all().delete()
    page = as_staff(Client(), staff_user("auditor")).get(reverse("portal:calendar")).content.decode()
    assert "틀린 인증번호가 갑자기 늘었습니다" not in page
