"""Statement, day, suspense, funds and trial balance with data: no accessibility finding, nothing cut off at 360 px."""

import os

import pytest
from django.test import Client
from django.urls import reverse

from refunds.models.statements import Suspense
from refunds.payouts import suspense
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount, confirm, stage
from tests.refunds.payouts.money import checker, maker
from tests.refunds.statements import credit, debit
from tests.sessions import as_staff

pytestmark = pytest.mark.django_db(transaction=True)
DAY = "2026-01-22"


def test_no_finding_and_nothing_cut_off(page, at, live_server):
    at(money.CUT_OFF)
    batch, file = money.handed_over(3)
    at("2026-01-26T10:00+09:00")
    first, second, third = money.items(batch)
    money.load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04"), (third, "PDNG", "")]))

    def look(name: str, *args: object) -> None:
        page.goto(reverse(f"admin:payouts:{name}", args=args))
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            if folder := os.environ.get("SHOTS"):
                page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
            assert findings(page) == [], (name, width)
            assert overflow(page, width) <= 0, (name, width)
        # At 360 px no table needs to be scrolled sideways.
        hidden = "[...document.querySelectorAll('.table-scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
        assert page.evaluate(hidden) == 0, name

    cookie = as_staff(Client(), checker()).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    bank = BankAccount()
    lines = [*(debit(item.amount_krw, item.reference) for item in (first, third)), debit(77_777, "FEE"), credit(5, "X")]
    statement = stage(bank.content(DAY, *lines))
    look("statement", statement.pk)
    look("statement_confirm", statement.pk)
    confirm(statement)
    look("statement", statement.pk)
    look("statements")
    look("day", DAY)
    look("suspense")
    entry = Suspense.objects.order_by("pk").first()
    suspense.propose(suspense_id=entry.pk, user=maker(), outcome="FINANCE", reason="재무에 넘김")
    look("suspense_entry", entry.pk)
    look("funds")
    look("trial_balance")
    gap = BankAccount()
    gap.number, gap.balance = 7, bank.balance
    look("statement", stage(gap.content("2026-01-26", credit(1, "Y"))).pk)
