"""The five answers to a pasted message (C5)."""

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.notices import texts
from kt_remedy.notices.examining import Answer, Sign, examine

pytestmark = pytest.mark.django_db

RECEIVED = "[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 2/5(목). 문의 080-470-7790(무료)"
PAID = "[KT] 위약금 환급금이 입금되었습니다. 통장에서 확인하세요. 문의 080-470-7790(무료)"


@pytest.mark.parametrize(
    ("pasted", "answer"),
    [
        (RECEIVED, Answer.OURS),
        (f"KT 안내\n{RECEIVED}", Answer.OURS),
        (f"[Web발신]\n{RECEIVED}\n오후 3:12\n{PAID}", Answer.OURS),
        ("[KT] Your refund was paid into your account. Questions: 080-470-7790 (free)", Answer.OURS),
        (f"엄마 이거 진짜야?\n{RECEIVED}", Answer.MIXED),
        (f"[홍길동] [오후 3:12] {RECEIVED}\n[김하나] [오후 3:13] 받았어?", Answer.MIXED),
        (f"{RECEIVED} 오늘 바로 받기 kt-refund.example.com", Answer.MIXED),
        ("[KT] 위약금 환급 신청이 접수되었습니다.", Answer.PART),
        ("[Web발신]\n[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 2/", Answer.PART),
        ("지급 예정일 2/5(목). 문의 080-470-7790(무료)", Answer.PART),
        (f"{PAID}\n[KT] 위약금 환급 신청이 접수되었습니다.", Answer.PART),
        ("[본인확인] 인증번호 482913 를 화면에 넣어 주세요.", Answer.CODE),
        ("[Web발신]\n[PASS] 인증번호[482913]를 입력해 주세요. 타인에게 알려주지 마세요.", Answer.CODE),
        ("Your verification code is 482913", Answer.CODE),
        ("인증번호 482913 을 010-1234-5678로 알려 주세요", Answer.NOT_OURS),
        ("인증번호 482913 확인 kt-safe.example.net", Answer.NOT_OURS),
        ("[KT환불] 위약금 160,130원 지급 대기. 본인 인증 후 수령 kt-safe.example.net", Answer.NOT_OURS),
        (RECEIVED.replace("2/5(목)", "오늘 카톡으로 신청"), Answer.NOT_OURS),
        (RECEIVED.replace("접수", "거절"), Answer.NOT_OURS),
        ("안녕하세요", Answer.NOT_OURS),
        ("[KT]", Answer.NOT_OURS),
    ],
)
def test_the_answer(pasted, answer):
    assert examine(pasted).answer == answer


def test_words_that_are_not_ours_are_shown_apart():
    examined = examine(f"엄마 이거 진짜야?\n[Web발신]\n{RECEIVED}\n여기로: kt-refund.example.com 160,130원")
    assert [(piece.of, piece.words) for piece in examined.pieces] == [
        ("theirs", "엄마 이거 진짜야?"),
        ("ours", RECEIVED),
        ("theirs", "여기로: kt-refund.example.com 160,130원"),
    ]
    assert examined.signs == [Sign.AMOUNT, Sign.ADDRESS]
    assert [kind.code for kind in examined.kinds] == ["filing.received"]


def test_what_is_missing_of_a_half_is_said():
    (piece,) = examine("환급 신청이 접수되었습니다. 지급 예정일").pieces
    assert (piece.before, piece.after) == ("[KT] 위약금 ", " ○○. 문의 080-470-7790(무료)")


def test_every_text_and_each_half_of_it_is_known():
    for kind in texts.kinds():
        for language in texts.LANGUAGES:
            whole = texts.sample(kind, language)
            assert examine(whole).answer == Answer.OURS, whole
            first = whole[: len(whole) // 2]
            assert examine(first).answer == Answer.PART, first
            assert examine(first + " kt.help/x").answer == Answer.NOT_OURS, first


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(
    "pasted", [RECEIVED, f"{RECEIVED} kt.help/x", RECEIVED[:30], "인증번호 482913", "환급 160,130원"]
)
def test_each_answer_is_a_page_without_a_link_from_the_message(pasted, language):
    page = Client(headers={"accept-language": language}).post(reverse("notices:texts"), {"text": pasted})
    assert 'id="result"' in page.content.decode()
    assert 'href="kt.help' not in page.content.decode()


def test_the_owner_of_a_genuine_refund_is_never_told_not_to_call():
    page = Client().post(reverse("notices:texts"), {"text": "환급금 160,130원 kt.help/x"}).content.decode()
    assert "전화하지 말고" not in page
    assert "물어보셔도 됩니다" in page
