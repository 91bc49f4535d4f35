"""A freeze needs the delivery of its cut-off day; two people may do without it, with a reason."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import Feed
from kt_remedy.audit.models import AuditEntry
from refunds.models.batches import FreezeException
from refunds.payouts import batches, freeze_needs, guards
from tests.refunds import make
from tests.refunds.payouts.money import checker, due, maker, refused, user
from tests.sessions import as_staff

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 1, 22)


@pytest.fixture(autouse=True)
def without_delivery(cut_off):
    due()
    Feed.objects.all().delete()
    make.delivered("2026-01-19")


def test_a_delivery_of_the_cut_off_day_is_enough():
    refused("DELIVERY", batches.freeze, pay_on=DAY, user=maker())
    make.delivered("2026-01-20")
    assert batches.freeze(pay_on=DAY, user=maker()).count == 1


def test_two_people_may_freeze_without_it():
    refused("REASON", freeze_needs.ask, pay_on=DAY, user=maker(), reason=" ")
    refused("ROLE", freeze_needs.ask, pay_on=DAY, user=checker(), reason="청구 시스템 장애")
    freeze_needs.ask(pay_on=DAY, user=maker(), reason="청구 시스템 장애")
    refused("STATE", freeze_needs.ask, pay_on=DAY, user=maker(), reason="다시")
    refused("DELIVERY", batches.freeze, pay_on=DAY, user=maker())
    refused("ROLE", freeze_needs.allow, pay_on=DAY, user=maker())
    same = user("other-account", "checker", person="maker")
    refused("SAME_PERSON", freeze_needs.allow, pay_on=DAY, user=same)
    freeze_needs.allow(pay_on=DAY, user=checker())
    refused("STATE", freeze_needs.allow, pay_on=DAY, user=checker())
    assert batches.freeze(pay_on=DAY, user=maker()).count == 1
    row = FreezeException.objects.get()
    assert (row.register_as_of, row.reason) == (dt.date(2026, 1, 19), "청구 시스템 장애")
    acts = AuditEntry.objects.filter(action__startswith="batch.exception").order_by("pk")
    assert list(acts.values_list("action", flat=True)) == ["batch.exception_asked", "batch.exception_allowed"]


def test_no_exception_is_asked_for_where_none_is_needed(at):
    make.delivered("2026-01-20")
    refused("STATE", freeze_needs.ask, pay_on=DAY, user=maker(), reason="미리")
    with pytest.raises(guards.Refused):
        freeze_needs.ask(pay_on=dt.date(2026, 1, 23), user=maker(), reason="지급일 아님")


def test_the_pages_lead_there():
    rounds, address = reverse("admin:payouts:rounds"), reverse("admin:payouts:freeze_exception", args=[DAY])
    first = as_staff(Client(), maker())
    shown = first.get(rounds).content.decode()
    assert address in shown
    assert "1월\u00a019일 기준" in shown
    assert first.post(address, {"reason": "", "confirmed": "yes"}).status_code == 400
    answer = first.post(address, {"reason": "청구 시스템 장애", "confirmed": "yes"}, follow=True).content.decode()
    assert "청했습니다" in answer
    assert "허락을 기다립니다" in first.get(address, follow=True).content.decode()
