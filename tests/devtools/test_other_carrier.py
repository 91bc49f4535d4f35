"""`make run` on another carrier's programme file: home, quick check, an application, a month of data, a payment."""

import json
import os
import re
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import expect

from kt_remedy.core import programme
from tests.conftest import ROOT, wait_until
from tests.devtools.test_run import Copy, run_copy
from tests.journeys.test_pages_refunds import choose_bank
from tests.refunds.payouts.test_bank_stand_in import post, upload

pytestmark = pytest.mark.slow  # each test starts processes

FILE = ROOT / "tests" / "cases" / "skt-2025.toml"
SKT = programme.load(FILE)
# Two people bring the second round to the bank, after its cut-off and the delivery of that day.
TO_THE_BANK = """
import datetime, pathlib, time
from eligibility import register_clock
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.payouts import batches, files
pay_on, cut_off = datetime.date(2025, 8, 28), datetime.date(2025, 8, 25)
maker, checker = (User.objects.get(username=name) for name in ("maker", "checker"))
clock.move_to(clock.kst(cut_off, datetime.time(18, 5)))
for _ in range(240):
    if register_clock.covers(cut_off):
        break
    time.sleep(1)
batch = batches.freeze(pay_on=pay_on, user=maker)
batch = batches.approve(batch_id=batch.pk, user=checker, typed_total=batch.won, digest=batch.digest)
(file,) = files.create_files(batch_id=batch.pk, user=maker)
pathlib.Path("payment").write_bytes(b"".join(files.stored_bytes(file.message_id)))
files.hand_over(file_id=file.pk, user=maker, typed_total=file.won, funds_confirmed=True)
clock.move_to(clock.kst(pay_on, datetime.time(10)))
"""
# The worker of the copy reads the bank's answer and carries it out.
FROM_THE_BANK = """
import time
from kt_remedy.staff.models import User
from refunds.models.bank_answers import BankAnswer
from refunds.payouts import answers
with open("answer", "rb") as content:
    answer = answers.stage(content=content, name="answer", user=User.objects.get(username="maker"))
def wait(done):
    for _ in range(240):
        answer.refresh_from_db()
        if done():
            return
        time.sleep(1)
    raise SystemExit("the worker did not end")
wait(lambda: answer.read_at)
typed = answers.number_to_type(answer)
answers.confirm(answer_id=answer.pk, user=User.objects.get(username="checker"), typed=typed)
wait(lambda: answer.applied_at)
print("paid", answer.paid)
"""
OURS = re.compile(r"(?<![A-Za-z])KT(?![A-Za-z])|080-470-7790")


class OtherCopy(Copy):
    """A copy of the source that runs the other carrier's programme."""

    def env(self, **more: str) -> dict[str, str]:
        return super().env(PROGRAMME_FILE=str(FILE), **more)

    def work(self, code: str) -> str:
        """What the code prints that runs beside the portal."""
        done = self.once("manage.py", "shell", "--no-imports", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def copy():
    yield from run_copy(OtherCopy)


def reads(page) -> str:
    """The page as a person reads it who opens all that folds, with plain spaces."""
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    return page.inner_text("body").replace("\u00a0", " ").replace("\u2060", "")


def sound(page) -> None:
    """The page fits a narrow screen, and axe finds no fault."""
    page.set_viewport_size({"width": 360, "height": 780})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, f"{page.url} is {wide} px wide"
    found = Axe().run(page).response["violations"]
    assert found == [], f"{page.url}: {[(one['id'], one['nodes'][0]['html']) for one in found]}"
    if folder := os.environ.get("SHOTS"):
        pictures(page, folder)
    page.set_viewport_size({"width": 1280, "height": 900})


def pictures(page, folder: str) -> None:
    """Keep a picture of the page in each language; the visitor goes on in Korean."""
    name = re.sub(r"\W+", "-", page.url.partition("?")[0].partition("//")[2].partition("/")[2]).strip("-") or "home"
    for language in ("en", "ko"):
        cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "domain": "127.0.0.1", "path": "/"}
        page.context.add_cookies([cookie])
        page.reload()
        page.screenshot(path=f"{folder}/other-{name}-{language}.png", full_page=True)


def test_a_customer_of_the_other_carrier_applies_has_data_and_is_paid(copy, browser):
    copy.start()
    site, sandbox = (f"http://127.0.0.1:{copy.ports[name]}" for name in ("PORT", "SANDBOX_PORT"))
    context = browser.new_context(base_url=site, locale="ko-KR")
    context.set_default_timeout(60_000)
    page = context.new_page()

    page.goto("/")
    expect(page.locator("h1")).to_contain_text("낸 위약금")
    told = reads(page)
    assert OURS.search(told) is None
    assert "SKT 회선을 해지하며 낸 위약금" in told
    assert "2025년 4월 19일부터 2025년 7월 14일 사이에 해지하신 분입니다." in told
    assert "데이터 매월 50GB, 5개월" in told
    assert "알뜰폰 회선" not in told
    sound(page)

    page.goto("/messages/")
    told = reads(page)
    assert OURS.search(told) is None
    assert "[SKT] 위약금 환급 신청이 접수되었습니다." in told
    sound(page)

    page.goto("/check/?how=PORT_OUT&ended=2025-07-01&line=HANDSET&event=NEW&contract=2024-07-01")
    expect(page.locator("h1").first).to_contain_text("환급 대상으로 보입니다")
    expect(page.locator("option", has_text="SKT 태블릿")).to_have_count(1)
    sound(page)

    people = json.loads((copy.folder / ".local" / "deliveries" / "people.json").read_text(encoding="utf-8"))
    hong = next(person for person in people if person["key"] == "hong")
    page.goto("/identity/sms/?next=/my/")
    page.get_by_label("이름", exact=True).fill(hong["name"])
    page.get_by_label("통신사").select_option(hong["carrier"])
    page.get_by_label("휴대폰 번호").fill(hong["phone"])
    page.get_by_role("button", name="다음").click()
    page.get_by_label("생년월일 6자리").fill(hong["birth_date"][2:].replace("-", ""))
    page.get_by_label("주민등록번호 뒤 첫 숫자 하나").fill("1")
    page.get_by_role("button", name="인증번호 받기").click()
    page.wait_for_url("**/identity/code/**")
    inbox = context.new_page()
    inbox.goto(f"{sandbox}/inbox?to={hong['phone']}")
    page.get_by_label("인증번호").fill(re.search(r"\b\d{6}\b", inbox.inner_text("body")).group())
    page.get_by_role("button", name="확인하기").click()
    page.wait_for_url("**/my/")
    expect(page.locator("article.verdict")).to_have_count(3)
    sound(page)
    page.get_by_role("button", name="이 회선 환급 신청하기").click()
    page.locator("input[name=privacy]").check()
    page.locator("input[name=provision]").check()
    page.get_by_role("button", name="계속").click()
    choose_bank(page, "신한", "신한은행")
    page.get_by_label("계좌번호").fill("110-123-456789")
    page.get_by_role("button", name="계속").click()
    page.get_by_role("button", name=re.compile("환급 신청하기")).click()
    page.wait_for_url("**/receipt/**")
    expect(page.locator("main")).to_contain_text(re.compile("SKT-[0-9A-Z]{4}-[0-9A-Z]{4}"))
    assert "8월 28일(목)" in reads(page)
    assert OURS.search(reads(page)) is None
    sound(page)

    def has_august() -> bool:
        page.goto("/rewards/")
        return page.locator(".months li.is-got").count() > 0

    wait_until(has_august, seconds=240, what="the data of August")
    told = reads(page)
    assert "데이터 매월 50GB" in told
    assert "8월 통신요금 반값" in told
    assert OURS.search(told) is None
    sound(page)

    copy.work(TO_THE_BANK)
    at_bank = upload(sandbox, (copy.folder / "payment").read_bytes())
    (copy.folder / "answer").write_bytes(post(at_bank))
    assert re.fullmatch(r"paid [1-9]\d*\n", copy.work(FROM_THE_BANK))
    for path in ("/my/", "/refunds/status/"):
        page.goto(path)
        expect(page.locator("main")).to_contain_text(re.compile(r"8월\s28일.*128,880원을\s보내\s드렸습니다"))
        assert OURS.search(reads(page)) is None
        sound(page)
    context.close()


def test_the_sample_register_lies_in_the_days_of_the_programme(tmp_path):
    """Every verdict of the other programme that its rules allow, and no row that its feed refuses."""
    env = {"PATH": "/usr/bin:/bin", "PROGRAMME_FILE": str(FILE)}

    def run(*argv: str) -> str:
        command = [sys.executable, "manage.py", *argv]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout

    run("sample_feed", "--lines", "600", str(tmp_path / "out"))
    days = sorted(folder.name for folder in (tmp_path / "out").iterdir() if folder.is_dir())
    assert days[0] == str(SKT.lookup_opens)
    assert "2025-07-16" in days  # the base
    assert "2025-08-11" in days  # the first cut-off
    first, rejects = tmp_path / "out" / days[0], tmp_path / "rejects.csv"
    verdicts = run("judge", f"{first}/lines.csv", f"{first}/bills.csv", "--programme", str(FILE), "--rejects", rejects)
    assert rejects.read_text().count("\n") == 1
    outcomes = {row.split(",")[1] for row in verdicts.splitlines()[1:]}
    assert outcomes == {"ELIGIBLE", "REVIEW", "NOT_ELIGIBLE", "NOTHING_DUE"}
    assert "CAST-101-1,ELIGIBLE" in verdicts
