"""Texts are checked before they can be used, and a pasted message is recognised."""

import datetime as dt

import pytest

from kt_remedy.notices import service, texts

KO = "[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 {pay_on}. 문의 {hotline}(무료)"
EN = "[KT] We received your refund application. Pay day {pay_on}. Questions: {hotline} (free)"


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch):
    monkeypatch.setattr(texts, "_kinds", {})


def register(ko=KO, en=EN, **more):
    service.register("filing.received", text={"ko": ko, "en": en}, label="접수", **more)


def test_the_example_of_the_rules_is_a_short_message():
    register()
    body = texts.render("filing.received", "ko", {"pay_on": dt.date(2026, 1, 22)})
    assert body == "[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 1/22(목). 문의 080-470-7790(무료)"
    assert len(body.encode("cp949")) == 85
    assert not texts.is_long(body)
    english = texts.render("filing.received", "en", {"pay_on": dt.date(2026, 1, 22)})
    assert "Thu 22 Jan" in english


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[KT] 확인: https://kt.example 문의 {hotline}", "web address"),
        ("[KT] 확인: kt-refund.com 문의 {hotline}", "web address"),
        ("[KT] 160,130원을 드립니다. 문의 {hotline}", "amount"),
        ("[KT] 16만 원을 드립니다. 문의 {hotline}", "amount"),
        ("[KT] ₩5000 문의 {hotline}", "CP949|amount"),
        ("[KT] \\5000 문의 {hotline}", "amount"),
        ("[KT] 안내 — 문의 {hotline}", "CP949"),
        ("[KT] 안내 🙂 문의 {hotline}", "CP949"),
        ("위약금 안내입니다. 문의 {hotline}", "begin with"),
        ("[KT] 위약금 안내입니다.", "hotline"),
        ("[KT] {name}님 안내입니다. 문의 {hotline}", "never holds name"),
        ("[KT] 900101-1234567 문의 {hotline}", "registration"),
        ("[KT] 국민은행 110-123-456789 문의 {hotline}", "account"),
        ("[KT] 010-1234-5678로 전화 주세요. 문의 {hotline}", "account"),
        ("[KT] 홍길동님 안내입니다. 문의 {hotline}", "a name"),
        ("[KT] 홍*동 님 안내입니다. 문의 {hotline}", "a name"),
        ("[KT] {pay_on.year} 문의 {hotline}", "plain names"),
        ("[KT] {0} 문의 {hotline}", "plain names"),
        ("[KT] {pay_on!r} 문의 {hotline}", "plain names"),
        ("[KT] {pay_on 문의 {hotline}", "braces"),
        ("[KT] " + "가" * 1000 + " 문의 {hotline}", "2000 at most"),
    ],
)
def test_a_text_that_must_not_be_sent_is_refused(text, why):
    with pytest.raises(texts.TextError, match=why):
        register(ko=text)
    assert texts.kinds() == []


def test_bytes_are_counted_as_the_telephone_network_does():
    register(ko="[KT] 똠방각하 문의 {hotline}")
    assert len(texts.render("filing.received", "ko", {}).encode("cp949")) == 31


def test_a_missing_field_and_an_amount_in_a_field_are_refused():
    register()
    with pytest.raises(texts.TextError, match="pay_on"):
        texts.render("filing.received", "ko", {})
    with pytest.raises(texts.TextError, match="amount"):
        texts.render("filing.received", "ko", {"pay_on": "1,000원"})


@pytest.mark.parametrize(
    ("pasted", "ours"),
    [
        ("[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 1/22(목). 문의 080-470-7790(무료)", True),
        ("[Web발신]\n[KT] 위약금 환급 신청이 접수되었습니다.\n지급 예정일 2/5(목). 문의 080-470-7790(무료)", True),
        ("[KT] We received your refund application. Pay day Thu 22 Jan. Questions: 080-470-7790 (free)", True),
        ("[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 kt.help/x. 문의 080-470-7790(무료)", False),
        ("[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 1/22(목). 문의 010-1234-5678(무료)", False),
        ("[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 1/22(목). 문의 080-470-7790(무료) http://x.kr", False),
        ("", False),
    ],
)
def test_a_pasted_message_is_recognised_only_whole(pasted, ours):
    register()
    assert bool(texts.matching(pasted)) is ours
