"""The public pages tell what the programme file excludes, refunds and gives, in both languages, and nothing else."""

import dataclasses
import datetime as dt
import re

import pytest

from eligibility import presenters
from kt_remedy.core import programme
from kt_remedy.core.programme import Perk
from tests.eligibility.test_rules import facts

pytestmark = pytest.mark.django_db

KT = programme.load(programme.DEFAULT_FILE)
# Tablets, lines without a ported number and renewed contracts are out, budget carriers are in.
OTHER = dataclasses.replace(
    KT,
    waiver=dataclasses.replace(
        KT.waiver,
        excluded_networks=(),
        excluded_products=("TABLET",),
        excluded_termination_reasons=("CANCEL",),
        excluded_events=("AUTO_RENEWAL",),
        refundable_items=("DISCOUNT_CLAWBACK",),
        non_refundable_items=("USAGE",),
        exclude_rejoined=True,
    ),
    applications=dataclasses.replace(KT.applications, channels=("WEB", "STORE")),
    payouts=(),
    perks=(
        Perk("DATA_50GB", "AUTOMATIC", "LINE", dt.date(2026, 2, 1), months=5, monthly_gb=50),
        Perk("CHEER", "AUTOMATIC", "LINE", dt.date(2026, 2, 1), "응원 쿠폰", "Cheer coupon", months=1),
    ),
)
KOREAN = {
    "/": (
        [
            "할인반환금",
            "돌려드리지 않는 것: 이용요금",
            "해지한 회선(휴대폰, 워치)",
            "번호를 없애고 해지한 회선",
            "자동 연장",
            "태블릿 회선",
            "2026년 1월 13일까지 다시 가입하신",
            "데이터 매월 50GB, 5개월",
            "응원 쿠폰",
            "매주 목요일",
        ],
        ["알뜰폰 회선", "직권해지", "사물인터넷", "공시지원금", "단말기 할부금", "DATA_50GB", "CHEER", "기기변경"],
    ),
    "/help/": (
        [
            "휴대폰, 워치)을 해지",
            "다른 통신사로 번호를 옮기신 경우만",
            "알뜰폰 회선이라는 이유로는 빠지지 않습니다",
            "돌려받는 것: 할인반환금",
            "저절로 시작됩니다: 데이터 매월 50GB, 응원 쿠폰.",
        ],
        ["직권해지", "공시지원금", "골라 주셔야", "그냥 해지하셨든", "기기만 바꾸셨다면"],
    ),
    "/help/words/": (
        ["요금 할인을 돌려 달라고 청구한 돈입니다. 돌려받으실 수 있습니다."],
        ["추가지원금)을 돌려 달라고 청구한 돈입니다. 돌려받으실", "돌려드리지 않습니다", "이번 면제에서 빠집니다"],
    ),
}
ENGLISH = {
    "/": (
        ["Discount clawback", "Lines ended without keeping the number", "Cheer coupon", "next Thursday"],
        ["MVNO) carriers", "IoT", "DATA_50GB", "CHEER"],
    ),
    "/help/": (
        ["Only those who moved their number", "A budget line is not left out", "start by themselves: "],
        ["wait for your choice", "terminated by the carrier", "Termination by the carrier"],
    ),
    "/help/words/": (
        ["discounts of a contract. You can get it back."],
        ["subsidy for a phone. You can", "is not refunded", "not part of this waiver"],
    ),
}


@pytest.mark.parametrize(("language", "expected"), [("ko", KOREAN), ("en", ENGLISH)])
@pytest.mark.parametrize("address", ["/", "/help/", "/help/words/"])
def test_the_pages_tell_the_rules_of_the_file(client, monkeypatch, at, address, language, expected):
    monkeypatch.setattr(programme, "current", lambda: OTHER)
    at("2026-01-20T10:00+09:00")
    page = client.get(address, HTTP_ACCEPT_LANGUAGE=language).content.decode()
    main = page[page.index("<main") : page.index("</main>")]
    told = " ".join(re.sub(r"<[^>]+>", " ", main).replace("\u2060", "").split())
    there, absent = expected[address]
    assert [words for words in there if words not in told] == []
    assert [words for words in absent if words in told] == []


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("TABLET", "태블릿 회선입니다."),
        ("CANCEL_TERMINATION", "해지한 방법: 직접 해지."),
        ("FORCED_TERMINATION", "회사가 해지한(직권해지) 회선입니다."),
    ],
)
def test_a_reason_of_another_programme_is_a_sentence(code, fact):
    assert presenters.reason(code, facts(product="TABLET"), OTHER).fact == fact
