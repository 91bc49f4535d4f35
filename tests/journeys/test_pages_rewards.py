"""The rewards page in a browser, in every state a card can be in: no finding at both ends of the scale."""

import datetime as dt
import re

import pytest
from django.test import Client
from playwright.sync_api import expect

from eligibility.models import Customer, Feed, Line
from kt_remedy.content.models import Place
from kt_remedy.core import clock
from rewards import service
from rewards.enrolment import working
from tests.desk import url
from tests.journeys.test_pages_refunds import enter, look
from tests.refunds import make
from tests.rewards import running
from tests.rewards.test_pages import open_desk_session, publish
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


def kept(holder, **facts):
    return make.line(
        holder, terminated="", outcome="NOT_ELIGIBLE", product="HANDSET", refundable_krw=0, status="ACTIVE", **facts
    )


def test_the_rewards_page_in_its_states(at, page, live_server) -> None:
    at("2026-01-14T09:00+09:00")
    adult, minor = make.customer(ci="hong"), make.customer(ci="kong", birth="2011-07-20")
    Customer.objects.filter(pk=minor.pk).update(guardian_ci_index=adult.person_index)
    chooses, gets = kept(adult), kept(adult)
    make.line(adult, product="HANDSET")
    kept(minor)
    enter(page, live_server, as_customer(Client(), person("hong")))
    page.goto("/rewards/")
    look(page)  # before the base
    Feed.objects.create(as_of=dt.date(2026, 1, 14), state="LOADED", started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
    running.record_base()
    page.goto("/rewards/")
    look(page)  # before the start
    at("2026-02-02T10:00+09:00")
    make.delivered("2026-02-01")
    running.grant_month(dt.date(2026, 2, 1))
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-0001"])
    for line in (chooses, gets):
        service.choose(perk_code="OTT", contract_no=line.pk, choice_code="TVING", person_index=adult.person_index)
    service.issue_code(perk_code="OTT", contract_no=gets.pk, person_index=adult.person_index)
    service.apply(perk_code="INSURANCE", person_index=adult.person_index)
    page.goto("/rewards/")
    expect(page.locator("body")).to_contain_text("TV-0001")
    look(page)  # chosen, code in hand, insured, months running, a line outside the base, a child to act for
    expect(page.get_by_role("link", name="가입 확인서")).to_have_count(0)  # no insurer is published
    publish(Place.INSURER, "insurer", "보험사", "가나손해보험")
    at("2026-03-02T10:00+09:00")  # the cover runs
    page.goto("/rewards/")
    look(page)
    page.get_by_role("link", name="가입 확인서").click()
    look(page)
    expect(page.get_by_role("heading", name="안심 보험 가입 확인서")).to_be_visible()
    enter(page, live_server, as_customer(Client(), person("kong", birth_date=dt.date(2011, 7, 20))))
    page.goto("/rewards/")
    look(page)  # a minor: with the guardian


def test_the_desk_and_the_figures(at, page, live_server) -> None:
    at("2026-01-14T09:00+09:00")
    adult = make.customer(ci="hong")
    line = kept(adult)
    Feed.objects.create(as_of=dt.date(2026, 1, 14), state="LOADED", started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
    running.record_base()
    at("2026-02-02T10:00+09:00")
    make.delivered("2026-02-01")
    running.grant_month(dt.date(2026, 2, 1))
    clerk = open_desk_session(as_staff(Client(), staff_user("clerk")), line.customer)
    enter(page, live_server, clerk)
    page.goto(url(clerk, "desk-perks"))
    look(page)
    page.get_by_label("TVING").check()
    page.get_by_role("button", name="이 서비스로 고르기").click()
    look(page)
    expect(page.get_by_role("button", name="TVING 이용권 번호 받기")).to_be_visible()
    enter(page, live_server, as_staff(Client(), staff_user("administrator")))
    page.goto("/rewards/report/")
    look(page)
    expect(page.locator("body")).to_contain_text("100%")
    page.goto("/admin/rewards/shard/")
    expect(page.locator("body")).to_contain_text("100%")


def test_a_correction_is_proposed_and_approved(at, page, live_server) -> None:
    at("2026-01-14T09:00+09:00")
    line = kept(make.customer(ci="hong"))
    Feed.objects.create(as_of=dt.date(2026, 1, 14), state="LOADED", started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
    running.record_base()
    at("2026-02-02T10:00+09:00")
    Line.objects.filter(pk=line.pk).update(status="TERMINATED", terminated_on=dt.date(2026, 1, 20))
    make.delivered("2026-02-01")
    running.grant_month(dt.date(2026, 2, 1))
    Line.objects.filter(pk=line.pk).update(status="ACTIVE", terminated_on=None)
    at("2026-02-03T10:00+09:00")
    Feed.objects.create(as_of=dt.date(2026, 2, 3), state="LOADED", started_at=clock.now(), finished_at=clock.now())
    working.sweep()
    running.run_shards()
    enter(page, live_server, as_staff(Client(), staff_user("supervisor", username="one")))
    page.goto("/admin/rewards/grantcorrection/")
    look(page)
    page.get_by_role("link", name=re.compile("2월")).first.click()
    look(page)
    page.get_by_role("button", name="올리기").click()
    look(page)  # without a reason
    page.get_by_label("이유").fill("해지가 취소되었습니다")
    page.get_by_role("button", name="올리기").click()
    expect(page.locator("main")).to_contain_text("올린 사람은 정할 수 없습니다")
    address = page.url
    enter(page, live_server, as_staff(Client(), staff_user("supervisor", username="two")))
    page.goto(address)
    page.get_by_label("이유").fill("확인했습니다")
    look(page)
    page.get_by_role("button", name="승인").click()
    expect(page.locator("main")).to_contain_text("바로잡는 중")
    running.run_shards()
    page.reload()
    expect(page.locator("main")).to_contain_text("나중에 드림")
    look(page)


def test_staff_look_at_a_list_and_then_import_it_without_choosing_it_again(page, live_server, tmp_path):
    listed = tmp_path / "codes.csv"
    codes = [f"TVX-{number:04d}-AB{number:02d}" for number in range(30)]
    listed.write_text("\n".join(["code", *codes, "TVX-1", codes[1].lower()]))
    enter(page, live_server, as_staff(Client(), staff_user("administrator")))
    page.goto("/admin/rewards/voucher/upload/")
    page.locator("input[value='OTT:TVING']").check()
    page.set_input_files("input[type=file]", str(listed))
    page.get_by_label("이유").fill("2월 구매분")
    page.get_by_role("button", name="먼저 확인만 하기").click()
    expect(page.locator("main")).to_contain_text("번호 32개 가운데 새 번호가 31개")
    look(page)
    page.get_by_role("button", name="번호 올리기").click()
    expect(page.locator("main")).to_contain_text("이상한 줄을 확인하고 표시해 주세요")
    look(page)
    page.get_by_label("이상한 줄을 확인했고").check()
    page.get_by_role("button", name="번호 올리기").click()
    expect(page.locator("body")).to_contain_text("새 번호 31개를 올렸습니다")
