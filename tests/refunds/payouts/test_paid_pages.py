"""The pages of a customer who was paid: the day of the bank, and corrections beside the refund they follow."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from refunds.applications import presenters
from refunds.models.applications import Application
from refunds.payouts import batches, files
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, due, maker
from tests.refunds.payouts.test_balance import Rounds, corrected
from tests.refunds.promise.reading import plain
from tests.sessions import as_customer, person

pytestmark = pytest.mark.usefixtures("cut_off")


def view(row: Application) -> presenters.ApplicationView:
    return presenters.present([Application.objects.get(pk=row.pk)])[0]


def proof(row: Application) -> str:
    holder = row.line.customer
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    page = plain(client.get(reverse("refunds:proof", args=[row.pk])).content.decode())
    return " ".join(page.split())  # as a browser shows it


def test_the_day_of_a_payment_is_that_of_the_bank(at):
    row = due(100_000)
    batch = batches.freeze(pay_on=dt.date(2026, 1, 22), user=maker())
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    at("2026-01-23T10:00+09:00")
    (file,) = files.create_files(batch_id=batch.pk, user=maker())
    money.hand_over(file)
    (item,) = money.items(batch)
    assert item.value_on == file.execution_on > batch.pay_on
    money.load(money.pain002(file, [(item, "ACSC", "")]))
    shown = view(row)
    assert shown.timeline[-1].date == shown.promise.day == file.execution_on
    assert f"2026년 1월 {file.execution_on.day}일" in proof(row)
    page = proof(row)
    assert "1월 22일" not in page
    assert f"{row.line.customer.holder_name} 님의 위약금 환급" in page  # one's own name in full (D-83)


def test_what_was_paid_later_is_added_to_what_was_received(at):
    rounds = Rounds(at)
    row = due(100_000)
    rounds.paid()
    money.billed(row, 20_000)
    corrected(row, 20_000)
    shown = view(row)
    assert (shown.label, shown.won) == ("받으신 금액", 100_000)
    assert shown.timeline[-1].title == "더 드릴 20,000원 입금"
    rounds.paid()
    shown = view(row)
    assert (shown.label, shown.won, shown.promise.won) == ("받으신 금액", 120_000, 120_000)
    assert [step.title for step in shown.timeline[-2:]] == ["입금", "더 드린 20,000원 입금"]
    page = proof(row)
    assert "1월 22일 · 100,000원" in page
    assert "2월 5일 · 20,000원" in page
