"""The console's whole way in three browsers: a bank that refuses, accepts, pays, returns and does not know.

The maker loads what the bank gives, the checker approves money, and a second checker confirms answers and statements.
"""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from refunds.models.bank_answers import BankAnswer
from refunds.models.batches import Batch
from refunds.models.statements import BankStatement, ClosedDay, Suspense
from refunds.models.states import Status
from refunds.payouts import answers
from tests.background import run_due
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken
from tests.sessions import as_staff

pytestmark = pytest.mark.django_db(transaction=True)
PAY_DAY, MORNING_AFTER = dt.date(2026, 1, 22), "2026-01-23T09:30+09:00"


def url(name: str, *args: object) -> str:
    return reverse(f"admin:payouts:{name}", args=args)


class Window:
    """A browser of one person."""

    def __init__(self, browser, site: str, user, folder) -> None:
        self.context = browser.new_context(base_url=site, locale="ko-KR", viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(15_000)
        self.page, self.folder = self.context.new_page(), folder
        if user is not None:
            cookie = as_staff(Client(), user).cookies["sessionid"].value
            self.context.add_cookies([{"name": "sessionid", "value": cookie, "url": site}])

    def open(self, address: str) -> None:
        """Go to a page in a new tab: one that waits for the worker loads itself again, and would come in between."""
        self.page.close()
        self.page = self.context.new_page()
        self.page.goto(address)

    def act(self, address: str, **fields: str) -> None:
        """Open the page of an act, fill it in and send it."""
        self.open(address)
        for name, value in fields.items():
            field = self.page.locator(f"main [name={name}]").first
            if value == "check":
                field.check()
            else:
                field.fill(value)
        with self.page.expect_navigation(url=lambda reached: not reached.endswith(address)):
            self.page.locator("main form button.btn-primary").first.click()

    def load(self, address: str, path) -> None:
        """Upload a file of the bank, and let the worker read it."""
        self.open(address)
        self.page.locator("input[type=file]").set_input_files(path)
        with self.page.expect_navigation():
            self.page.locator("main form button.btn-primary").first.click()
        run_due("money")

    def save(self, click) -> str:
        """The path of a file that the page gives."""
        with self.page.expect_download() as download:
            click()
        path = self.folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def reads(self, words: str | re.Pattern) -> None:
        """Wait until the page says this."""
        expect(self.page.locator("main")).to_contain_text(words)


@pytest.fixture
def windows(browser, live_server, tmp_path):
    opened: list[Window] = []

    def one(user=None) -> Window:
        opened.append(Window(browser, live_server.url, user, tmp_path))
        return opened[-1]

    yield one
    for window in opened:
        window.context.close()


def given_to_bank(maker: Window, bank: Window, batch: Batch, sandbox: str) -> str:
    """Download the newest part, hand it over and take it to the bank; returns the bank's page about it."""
    part = batch.files.order_by("-pk").first()
    maker.open(url("file_download", part.pk))
    maker.page.locator("main [name=reason]").fill("은행에 전달하려고")
    path = maker.save(maker.page.locator("main form button.btn-primary").first.click)
    maker.act(url("file_action", part.pk, "hand-over"), total=f"{part.won:,}", funds_confirmed="check")
    bank.open(f"{sandbox}/bank/")
    bank.page.locator("input[type=file]").set_input_files(path)
    with bank.page.expect_navigation():
        bank.page.get_by_role("button", name=re.compile("올리기")).click()
    return bank.page.url


def confirmed(maker: Window, other: Window, path: str) -> BankAnswer:
    """The maker loads an answer; another person sees what it will do and confirms it."""
    maker.load(url("answer_load"), path)
    row = BankAnswer.objects.order_by("-pk").first()
    maker.reads("본인이 올린 답은 승인 담당이 보고 확인합니다")
    fields = {"typed": str(answers.number_to_type(row))}
    other.open(url("answer_confirm", row.pk))
    if other.page.locator("main [name=asked_whom]").count():
        fields |= {"asked_whom": "기업영업부 김 과장", "bank_said": "보낸 것과 같습니다"}
    other.act(url("answer_confirm", row.pk), **fields)
    run_due("money")
    row.refresh_from_db()
    assert row.status == "CONFIRMED"
    return row


def test_three_people_and_a_bank_that_answers_in_every_way(at, windows, sandbox):
    at(money.CUT_OFF)
    for n in range(5):
        money.due(100_000 + n)
    maker, checker = windows(money.maker()), windows(money.checker())
    second, bank = windows(money.user("second", "checker")), windows()

    # Frozen by one, approved by another who types the sum.
    maker.act(url("freeze", "2026-01-22"))
    batch = Batch.objects.get()
    money.count_figures()
    checker.open(url("batch", batch.pk))
    checker.page.locator("input[name=total]").fill(f"{batch.won:,}")
    with checker.page.expect_navigation():
        checker.page.get_by_role("button", name="이 금액을 승인하기").click()
    checker.reads("승인")
    maker.act(url("batch_action", batch.pk, "file"))
    run_due("money")

    # The bank refuses the file whole: it is made again and approved anew.
    at_bank = given_to_bank(maker, bank, batch, sandbox)
    refused = bank.save(bank.page.get_by_role("button", name=re.compile("통째로 거절")).click)
    confirmed(maker, second, refused)
    first_part = batch.files.get()
    assert first_part.status == "REFUSED"
    maker.act(url("file_action", first_part.pk, "again"))
    run_due("money")
    part = batch.files.order_by("-pk").first()
    assert (part.replaces_id, part.status) == (first_part.pk, "MADE")
    checker.act(url("file_approve", part.pk), total=f"{part.won:,}")

    # The bank takes it, and on the day pays one, returns two by the two faults, and does not know one.
    at_bank = given_to_bank(maker, bank, batch, sandbox)
    taken = bank.save(bank.page.get_by_role("button", name=re.compile("파일을 받았다는 답")).click)
    confirmed(maker, second, taken)
    part.refresh_from_db()
    assert part.status == "ACCEPTED"
    at("2026-01-22T10:00+09:00")
    items = money.items(batch)
    bank.open(at_bank)
    for item, answer in zip(items, ["paid", "closed", "funds", "block", "paid"], strict=True):
        bank.page.locator("tr", has_text=item.reference).locator("select").select_option(answer)
    result = bank.save(bank.page.get_by_role("button", name=re.compile("결과 파일 받기")).first.click)
    confirmed(maker, second, result)
    assert [item.status for item in money.items(batch)] == ["PAID", "RETURNED", "RETURNED", "UNKNOWN", "PAID"]
    by_customer, by_payer = (items[n].application for n in (1, 2))
    for row in (by_customer, by_payer):
        row.refresh_from_db()
    assert (by_customer.status, by_payer.status) == (Status.NEED_ACCOUNT, Status.APPROVED)
    assert by_payer.holds.filter(released_at=None).exists(), "a person decides"

    # The statement of the day, with a credit that nobody expects.
    at(MORNING_AFTER)
    bank.open(f"{sandbox}/bank/statements/")
    bank.page.locator("#day").fill(PAY_DAY.isoformat())
    bank.page.locator("#fault").select_option("unknown-credit")
    statement = bank.save(bank.page.get_by_role("button", name=re.compile("거래내역 받기")).click)
    maker.load(url("statement_load"), statement)
    row = BankStatement.objects.get()
    second.open(url("statement", row.pk))
    second.reads("모르는 입금")
    second.act(url("statement_confirm", row.pk), typed_closing=f"{row.closing:,}")
    run_due("money")
    second.open(url("statement", row.pk))
    second.reads("다른 사람이 확인해 정해졌습니다")

    # It goes to suspense and is settled by two.
    entry = Suspense.objects.get(won=7_777)
    maker.open(url("suspense_settle", entry.pk))
    maker.page.locator("main [name=reason]").fill("재무에 넘김")
    maker.page.locator("main [name=outcome][value=FINANCE]").check()
    with maker.page.expect_navigation():
        maker.page.locator("main form button.btn-primary").first.click()
    checker.act(url("suspense_decide", entry.pk, "approve"))
    entry.refresh_from_db()
    assert entry.status == "SETTLED"

    # The day closes with its differences named.
    checker.act(url("day_close", PAY_DAY.isoformat()), note="모르는 건은 은행에 물었습니다")
    checker.reads("마감했습니다")
    assert ClosedDay.objects.get().day == PAY_DAY

    assert not broken()

    # A statement whose number leaves one out is an alarm on its page, once it is confirmed.
    bank.open(f"{sandbox}/bank/statements/")
    bank.page.locator("#day").fill("2026-01-23")
    bank.page.locator("#fault").select_option("number")
    gap = bank.save(bank.page.get_by_role("button", name=re.compile("거래내역 받기")).click)
    maker.load(url("statement_load"), gap)
    row = BankStatement.objects.order_by("-pk").first()
    second.act(url("statement_confirm", row.pk), typed_closing=f"{row.closing:,}")
    run_due("money")
    second.open(url("statement", row.pk))
    second.reads("거래내역이 이어지지 않습니다")
