"""Amounts and addresses are found however they are written, and what the editor tidies or refuses is named."""

import csv
import json

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.notices import guards, texts, versions
from kt_remedy.notices.models import Text
from tests.conftest import ROOT
from tests.sessions import as_staff, staff_user

CASES = ROOT / "tests" / "cases"
TABLE = list(csv.DictReader((CASES / "text_guards.csv").open(encoding="utf-8")))
VERSIONS = json.loads((CASES / "text-versions.json").read_text(encoding="utf-8"))
EN = "[KT] Your refund is in your account. Questions: {hotline} (free)"
KO = "[KT] 위약금 환급금이 입금되었습니다. 통장을 보세요. 문의 {hotline}(무료)"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["written"])
def test_amounts_and_addresses_are_found_and_words_that_look_alike_are_not(row):
    body = f"[KT] 안내 {row['written']} 안내. 문의 080-470-7790(무료)"
    found = {"AMOUNT": guards.holds_amount(body), "URL": guards.holds_address(body)}
    assert [name for name, held in found.items() if held] == ([row["guard"]] if row["guard"] else [])


def save(**changed: str):
    """The answer of the editor to a new version."""
    client = as_staff(Client(), staff_user("administrator"))
    data = {"kind": "payout.paid", "ko": KO, "en": EN, "reason": "더 쉬운 말", **changed}
    return client.post(reverse("admin:notices_text_add"), data, follow=True)


def newest() -> Text:
    return Text.objects.filter(kind="payout.paid").order_by("-id")[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (VERSIONS["nbsp"].replace("확인하세요", "보세요"), "보통 빈칸으로 바꾼 특수한 빈칸 1개"),
        (VERSIONS["nfd"].replace("통장", "은행 통장"), "하나로 합친 풀어쓴 자모"),
        (KO.replace("통장", "통\u200b장\ufeff"), "지운 폭이 없는 글자 2개"),
        (KO.replace("통장", "통장 – 앱 — 전화"), "보통 점과 줄표로 바꾼 비슷한 기호 2개"),
    ],
)
def test_the_editor_tidies_what_it_can_and_says_so(typed, said):
    page = save(ko=typed).content.decode()
    assert said in page
    kept = newest().ko
    assert texts.tidy(kept).text == kept
    assert not set(kept) & set("\u00a0\u200b\ufeff–—")
    assert kept.startswith("[KT] 위약금 환급금이 입금되었습니다.")


@pytest.mark.django_db
def test_an_amount_in_words_is_refused_and_nothing_typed_is_lost():
    page = save(ko=VERSIONS["amount in words"]).content.decode()
    assert "금액을 넣을 수 없습니다" in page
    assert VERSIONS["amount in words"] in page
    assert EN in page
    assert not Text.objects.filter(written_by__isnull=False).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (KO.replace("[KT] 위", "[KT] \u202e위"), "보이지 않는 문자 U+202E(6번째 글자)"),
        (KO.replace("[KT] 위", "[KT] \u3164위"), "한글 채움 문자 U+3164(6번째 글자)"),
        (KO.replace("[KT] 위", "[KT] \u00a0🙂위"), "🙂(7번째 글자)"),
        (KO.replace("위약금", "위\u200b약\u202d금"), "보이지 않는 문자 U+202D(8번째 글자)"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_place_in_the_text_that_is_shown(typed, named):
    page = save(ko=typed).content.decode()
    assert named in page
    assert texts.tidy(typed).text in page
    assert not Text.objects.filter(written_by__isnull=False).exists()


@pytest.mark.django_db
def test_a_text_that_is_written_without_the_editor_is_held_to_the_same():
    from kt_remedy.notices import service

    with pytest.raises(texts.TextError, match=r"U\+00A0 at 5"):
        service.write_text(
            by=staff_user("administrator"), kind="payout.paid", ko=KO.replace("[KT] ", "[KT]\u00a0"), en=EN, reason="x"
        )


@pytest.mark.django_db
def test_a_stored_version_that_is_forbidden_now_is_not_sent_but_still_recognised():
    versions.clear_cache()
    old = KO.replace("환급금이", "환급금 십이만원이")
    Text.objects.create(
        kind="payout.paid", ko=old, en=EN, since="2026-01-01T00:00Z", written_by=staff_user("administrator")
    )
    item = texts.kind("payout.paid")
    assert texts.in_force(item) == item.text
    assert texts.render("payout.paid", "ko", {}) == texts.sample(item, "ko")
    assert texts.matching(old.replace("{hotline}", "080-470-7790"))
    versions.clear_cache()
