"""The main job from end to end, as people do it.

A customer, a clerk, a maker and a checker in browsers of their own, the calendar doing by itself what needs nobody, and
the stand-ins for telephone and bank.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import expect

from eligibility.models import Line
from kt_remedy.devtools import demo_accounts, demo_staff, sample_register
from kt_remedy.devtools.demo_vouchers import create_vouchers
from refunds.models.applications import Application
from refunds.models.bank_answers import BankAnswer
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.models.promises import PromiseNotice
from refunds.payouts import answers
from rewards.models import BaseLine, Grant
from tests import people
from tests.conftest import wait_until
from tests.journeys.test_pages_refunds import choose_bank

pytestmark = pytest.mark.django_db(transaction=True)


class Person:
    """Somebody with a browser window of their own."""

    def __init__(self, browser, site: str, sandbox: str) -> None:
        self.context = browser.new_context(base_url=site, locale="ko-KR", viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()
        self.sandbox = sandbox

    def beside(self, path: str) -> str:
        """The text of a page of the stand-ins, in a second window."""
        window = self.context.new_page()
        window.goto(self.sandbox + path)
        text = window.inner_text("body")
        window.close()
        return text

    def reads(self) -> str:
        """The page as a person reads it, with plain spaces."""
        return self.page.inner_text("main").replace("\u00a0", " ").replace("\u2060", "")

    def verify(self, key: str, next_page: str) -> None:
        """Prove to be one of the cast by a code on their telephone."""
        who = people.person(key)
        self.page.goto(f"/identity/sms/?next={next_page}")
        self.page.get_by_label("이름", exact=True).fill(who.name)
        self.page.get_by_label("통신사").select_option(who.carrier)
        self.page.get_by_label("휴대폰 번호").fill(who.phone)
        self.page.get_by_role("button", name="다음").click()
        self.page.get_by_label("생년월일 6자리").fill(str(who.birth_date)[2:].replace("-", ""))
        self.page.get_by_label("주민등록번호 뒤 첫 숫자 하나").fill("1")
        self.page.get_by_role("button", name="인증번호 받기").click()
        self.page.wait_for_url("**/identity/code/**")
        code = re.search(r"\b\d{6}\b", self.beside(f"/inbox?to={who.phone}")).group()
        self.page.get_by_label("인증번호").fill(code)
        self.page.get_by_role("button", name="확인하기").click()
        self.page.wait_for_url(f"**{next_page}")

    def sign_in(self, username: str, next_page: str) -> None:
        """Sign in as one of the demonstration's staff, second factor from the authenticator."""
        self.page.goto(f"/staff/login/?next={next_page}")
        self.page.locator("input[name=login]").fill(username)
        self.page.locator("input[name=password]").fill(demo_staff.PASSWORD)
        self.page.locator("main button[type=submit]").first.click()
        self.page.locator("input[name=code]").fill(self.code(username))
        self.page.locator("main button[type=submit]").first.click()
        self.page.wait_for_url(f"**{next_page}")

    def code(self, username: str) -> str:
        """The code the authenticator shows for a member of staff."""
        window = self.context.new_page()
        window.goto(f"{self.sandbox}/authenticator")
        digits = window.locator(f'[data-user="{username}"]').inner_text()
        window.close()
        return digits

    def move_clock(self, title: str) -> None:
        """Move the demonstration's clock forward to the next stop of this title, also over other ones."""
        self.page.goto("/clock/")
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=title).first.click()
        if (sure := self.page.get_by_role("button", name="그래도 건너뛰기")).count():
            with self.page.expect_navigation():
                sure.click()
        time.sleep(1.1)  # every other process reads the clock once a second


def walk(someone: Callable[[], Person], folder: Path, between: Callable[[], None] = lambda: None) -> None:
    """The whole way in the windows that `someone` opens, on a site that holds the sample and stands at the opening.

    `folder` takes the files of the bank. `between` is called before acts of many kinds, to let something happen.
    """
    # By themselves: the deliveries that have come, then the base of 13 January.
    wait_until(BaseLine.objects.exists, seconds=120, what="deliveries and the base")

    between()
    customer = someone()
    page = customer.page
    page.goto("/")
    page.get_by_role("link", name="내 회선 확인하기").click()
    page.wait_for_url("**/identity/**")
    customer.verify("hong", "/my/")
    expect(page.locator("article.verdict")).to_have_count(3)
    page.get_by_role("button", name="이 회선 환급 신청하기").click()
    page.locator("input[name=privacy]").check()
    page.locator("input[name=provision]").check()
    page.get_by_role("button", name="계속").click()
    choose_bank(page, "신한", "신한은행")
    page.get_by_label("계좌번호").fill("110-123-456789")
    page.get_by_role("button", name="계속").click()
    assert "아직 신청되지 않았습니다" in customer.reads()
    between()
    page.get_by_role("button", name=re.compile("환급 신청하기")).click()
    page.wait_for_url("**/receipt/**")
    between()
    hong = Application.objects.get()
    assert hong.filing.reference in customer.reads()
    assert "1월 22일(목)" in customer.reads()
    phone = people.person("hong").phone
    wait_until(lambda: "접수" in customer.beside(f"/inbox?to={phone}"), what="the message about the application")

    between()
    clerk = someone()
    clerk.sign_in("clerk", "/desk/")
    desk = clerk.page
    wolmae = people.person("wolmae")
    desk.get_by_label("접수번호, 휴대폰 번호, 계약번호 가운데 하나").fill("CAST-102-1")
    desk.get_by_label("생년월일 또는 이름").fill(wolmae.name)
    desk.get_by_role("button", name="찾아서 열기").click()
    desk.get_by_label("본인:").check()
    desk.get_by_role("button", name="이분을 확인하기").click()
    desk.get_by_label("본 신분증").select_option("DRIVER")
    desk.get_by_label("안내 문자 받을 번호").fill(wolmae.phone)
    desk.get_by_role("button", name="신분증을 보았습니다").click()
    heard = f"/inbox?to={wolmae.phone}"
    wait_until(lambda: "확인번호" in customer.beside(heard), what="the code for the number")
    desk.get_by_label("고객이 읽어 준 숫자").fill(re.search(r"확인번호 (\d{6})", customer.beside(heard)).group(1))
    desk.get_by_role("button", name="확인", exact=True).click()
    desk.get_by_role("link", name="신청서 쓰기").first.click()
    desk.locator("input[name=lines]").first.check()
    desk.get_by_label("은행", exact=True).select_option("004")
    desk.get_by_label("계좌번호").fill("123402123456")
    desk.locator("input[name=privacy]").check()
    between()
    desk.get_by_role("button", name="신청하기").click()
    desk.wait_for_url("**/receipt/**")
    assert set(Application.objects.values_list("line", "status")) == {
        ("CAST-101-1", "WAITING_FOR_BILL"),
        ("CAST-102-1", "APPROVED"),
    }

    between()
    # The first reminder leaves by itself to those who have not applied, and to nobody who has.
    customer.move_clock("신청 안내 문자")
    lan = people.person("lan").phone
    wait_until(lambda: "받은 문자가 없습니다" not in customer.beside(f"/inbox?to={lan}"), what="the first reminder")
    # His bill, and that it is paid, came with the delivery of that morning, which released what waited for it.
    wait_until(lambda: Application.objects.filter(status="APPROVED").count() == 2, what="the bill to release it")
    customer.move_clock("1차 지급 명단 확정")

    between()
    maker = someone()
    maker.sign_in("maker", "/admin/payouts/")
    admin = maker.page
    admin.get_by_role("link", name=re.compile("확정")).and_(admin.locator(".btn-primary")).first.click()
    admin.get_by_role("button", name=re.compile("확정")).click()
    batch = Batch.objects.get(pay_on="2026-01-22")
    assert (batch.status, batch.count) == ("FROZEN", 2)

    checker = someone()
    checker.sign_in("checker", f"/admin/payouts/batches/{batch.pk}/")
    desk = checker.page
    assert f"{batch.won:,}" in desk.content()
    desk.locator("input[name=total]").fill(f"{batch.won:,}")
    desk.get_by_role("button", name="이 금액을 승인하기").click()
    desk.wait_for_load_state()
    batch.refresh_from_db()
    assert batch.status == "APPROVED"

    admin.goto(f"/admin/payouts/batches/{batch.pk}/")
    between()
    admin.get_by_role("link", name="은행 파일 만들기").click()
    admin.locator("form button.btn-primary").click()
    wait_until(batch.files.exists, what="the ordered file")
    file = batch.files.get()
    admin.goto(f"/admin/payouts/batches/{batch.pk}/")
    admin.get_by_role("link", name=re.compile("^내려받기")).first.click()
    admin.locator("[name=reason]").fill("은행에 전달하려고")
    with admin.expect_download() as download:
        admin.locator("form button.btn-primary").click()
    sent = folder / file.name
    download.value.save_as(sent)
    admin.goto(f"/admin/payouts/batches/{batch.pk}/")
    admin.get_by_role("link", name=re.compile("은행에 전달함")).first.click()
    admin.locator("input[name=total]").fill(f"{batch.won:,}")
    admin.locator("input[name=funds_confirmed]").check()
    admin.locator("form button.btn-primary").click()

    bank = someone().page
    bank.goto(f"{customer.sandbox}/bank/")
    bank.locator("input[type=file]").set_input_files(sent)
    bank.get_by_role("button", name=re.compile("올리기")).click()
    returned = Item.objects.get(application__line="CAST-102-1")
    bank.locator("tr", has_text=returned.reference).locator("select").select_option("closed")
    with bank.expect_download() as download:
        bank.get_by_role("button", name=re.compile("결과 파일 받기")).first.click()
    result = folder / "result.xml"
    download.value.save_as(result)

    between()
    # The bank pays on the day itself: an answer before it would settle nothing.
    customer.move_clock("1차 입금")
    admin.goto("/admin/payouts/answers/load/")
    admin.locator("input[type=file]").set_input_files(result)
    admin.locator("form button.btn-primary").click()
    admin.wait_for_url(re.compile(r"/answers/\d+/$"))
    # Nothing has moved: a worker reads the answer, and the checker confirms it after a word with the bank.
    wait_until(lambda: not answers.unread().exists(), what="the answer to be read")
    answer = BankAnswer.objects.get()
    assert answer.staged_by.username == "maker"
    assert set(Item.objects.values_list("status", flat=True)) == {"FILED"}
    desk.goto(f"/admin/payouts/answers/{answer.pk}/")
    expect(desk.locator("main")).to_contain_text("먼저 은행에 물어보세요")
    desk.locator("input[name=asked_whom]").fill("기업영업부 김 과장")
    desk.locator("input[name=bank_said]").fill("보낸 것과 같습니다")
    desk.locator("input[name=typed]").fill("1")
    between()
    desk.get_by_role("button", name="이 답을 확인하기").click()
    wait_until(
        lambda: (
            dict(Item.objects.values_list("application__line", "status"))
            == {"CAST-101-1": "PAID", "CAST-102-1": "RETURNED"}
        ),
        what="the confirmed answer to be applied",
    )
    page.goto("/refunds/status/")
    expect(page.locator("main")).to_contain_text(re.compile("받으셨습니다|입금"))
    # A change of the promise is told after ten minutes, so that several make one text.
    wait_until(lambda: PromiseNotice.objects.filter(kind="payout.returned").exists(), what="the changed promise")
    customer.move_clock("안심 보험 자동 가입 알림")
    wait_until(
        lambda: "계좌" in customer.beside(f"/inbox?to={wolmae.phone}"),
        seconds=150,
        what="the message about the returned payment",
    )

    between()
    # A month's grants wait for the delivery of their day (D-67).
    customer.move_clock("월 혜택 지급")
    customer.move_clock("청구 데이터 받기")
    wait_until(lambda: Grant.objects.filter(contract_no="CAST-101-3").exists(), seconds=120, what="the first grant")
    between()
    page.goto("/rewards/")
    page.get_by_label(re.compile("TVING")).check()
    page.get_by_role("button", name="이 서비스로 고르기").click()
    page.get_by_role("button", name=re.compile("이용권 번호 받기")).click()
    expect(page.locator("body")).to_contain_text("DEMO-TVING-")
    # It is before the hours of messages: the message to that line waits for the hours in which messages leave.
    number = Line.objects.get(pk="CAST-101-3").msisdn
    assert "이용권" not in customer.beside(f"/inbox?to={number}")
    customer.move_clock("2차 지급 명단 확정")
    wait_until(lambda: "이용권" in customer.beside(f"/inbox?to={number}"), what="the message about the code")


@pytest.fixture
def someone(browser, live_server, sandbox):
    """Open browser windows; all close with the test."""
    opened = []

    def open_one() -> Person:
        opened.append(Person(browser, live_server.url, sandbox))
        return opened[-1]

    yield open_one
    for one in opened:
        one.context.close()


def test_the_whole_way(at, someone, celery_worker_process, celery_beat_process, tmp_path):
    sample_register.write(Path(settings.DELIVERIES_DIR), lines=sample_register.smallest(), seed=people.SEED)
    demo_accounts.create()
    create_vouchers()
    at("2026-01-15T10:00+09:00")
    walk(someone, tmp_path)
