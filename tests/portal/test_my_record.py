"""Who looked at my data: the page of a customer, a question about one look, and the answer."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import looks, questions
from kt_remedy.audit import service as audit
from kt_remedy.audit import unusual as rules
from kt_remedy.audit.models import AuditEntry, AuditSubject, LookMark, LookQuestion
from kt_remedy.core.errors import Refused
from kt_remedy.notices.models import Message
from kt_remedy.portal import my_record
from kt_remedy.staff.models import Store
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db
PAGE = "/my/record/"


@pytest.fixture
def holder(january):
    """A customer whose CI the session below has."""
    return make.customer(ci="ci-holder")


@pytest.fixture
def browser(holder):
    return as_customer(Client(), person("ci-holder"))


def looked(customer, *, role="agent", store="", user=None, subjects=(), action="look.desk", area="desk"):
    """A look as a page writes it."""
    user = user or staff_user(role)
    token = audit.reader.set(lambda: (audit.actor(user), role, store))
    try:
        return audit.record(
            actor=audit.actor(user),
            action=action,
            object="page",
            subject="" if subjects else customer.pk,
            customers=[customer.pk, *subjects],
            detail={"area": area},
            reason="고객 이름을 적은 자유로운 글",
        )
    finally:
        audit.reader.reset(token)


def page(browser, address=PAGE):
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_nobody_looked(browser):
    assert "지난 30일 동안 내 정보를 본 직원이 없습니다" in page(browser)


def test_role_and_place_and_purpose_are_shown_and_no_name_and_no_free_text(browser, holder):
    Store.objects.get_or_create(code="S-0001", defaults={"name": "새봄로점"})
    looked(holder)
    looked(holder, role="clerk", store="S-0001")
    looked(holder, role="reviewer", area="review")
    text = page(browser)
    assert "지난 30일 동안 직원이 내 정보를 3번 보았습니다" in text
    assert "상담사 · 고객센터" in text
    assert "매장 직원 · 새봄로점" in text
    assert "심사 담당 · 본사" in text
    assert "고객님의 신청이나 이의를 심사하려고" in text
    for hidden in ("자유로운 글", "staff:", ">agent<"):
        assert hidden not in text


def test_lists_of_a_day_are_one_folded_line(browser, holder):
    other = make.customer()
    for _n in range(3):
        looked(holder, role="maker", area="payouts", subjects=[other.pk])
    text = page(browser)
    assert "지난 30일 동안 직원이 내 정보를 1번 보았습니다" in text
    assert "여러 고객이 함께 있는 목록이나 파일에서 3번 보였습니다." in text
    assert "이 조회에 대해 묻기" not in text


def test_the_looks_at_others_and_acts_of_customers_are_not_shown(browser, holder):
    looked(make.customer())
    audit.record(actor="customer", action="customer.searched", object="x", subject=holder.pk)
    assert "본 직원이 없습니다" in page(browser)


def test_a_guardian_reads_the_looks_at_a_ward_without_the_store(browser, holder):
    Store.objects.get_or_create(code="S-0001", defaults={"name": "새봄로점"})
    ward = make.customer(birth="2015-01-01")
    ward.guardian_ci_index = holder.person_index
    ward.save(update_fields=["guardian_ci_index"])
    looked(ward, role="clerk", store="S-0001")
    text = page(browser)
    assert "매장 직원 · 매장" in text
    assert "새봄로점" not in text


def test_older_looks_stand_on_an_earlier_page(browser, holder, at):
    looked(holder)
    at("2026-03-01T10:00+09:00")
    assert "본 직원이 없습니다" in page(browser)
    assert "상담사 · 고객센터" in page(browser, PAGE + "?until=2026-01-30")
    page(browser, PAGE + "?until=nonsense")


def test_what_is_unusual_shows_once_the_auditor_checked_it(browser, holder):
    entry = looked(holder)
    assert "평소와 다름" not in page(browser)
    LookMark.objects.create(entry=entry, kind="night", at=entry.at, by="staff:1")
    assert "평소와 다름" in page(browser)


@pytest.mark.parametrize(("role", "store", "offered"), [("agent", "", False), ("clerk", "S-0001", True)])
def test_a_question_about_a_store_is_offered_where_the_look_was_in_one(browser, holder, role, store, offered):
    looked(holder, role=role, store=store)
    text = page(browser)
    assert "이 시간에 상담한 적이 없습니다" in text
    assert ("이 매장에 간 적이 없습니다" in text) is offered


def test_a_question_is_asked_once_and_answered_by_a_message(browser, holder, at):
    entry = looked(holder, role="clerk", store="S-0001")
    address = reverse("portal:my-record-ask", args=[entry.pk])
    empty = browser.post(address, {})
    assert empty.status_code == 422
    assert "무엇이 궁금하신지 골라 주세요." in empty.content.decode()
    asked = {f"look-{entry.pk}-kind": "NEVER_THERE", f"look-{entry.pk}-words": "간 적이 없어요"}
    for _n in range(2):
        assert browser.post(address, asked).status_code == 302
    question = LookQuestion.objects.get()
    assert (question.answer_by, question.words) == (dt.date(2026, 1, 26), "간 적이 없어요")
    assert b"\xea\xb0\x84" not in bytes(question.words_enc)
    assert "1월" in page(browser)
    auditor = as_staff(Client(), staff_user("auditor"))
    assert "답할 고객 질문 1건" in auditor.get(reverse("portal:audit-questions")).content.decode()
    target = reverse("portal:audit-question", args=[question.pk])
    assert "간 적이 없어요" in auditor.get(target).content.decode()
    assert auditor.post(target, {"words": ""}).status_code == 422
    assert auditor.post(target, {"words": "번호를 잘못 눌렀습니다."}).status_code == 302
    assert auditor.post(target, {"words": "다시"}).status_code == 422  # a second tab
    text = page(browser)
    assert "번호를 잘못 눌렀습니다." in text
    assert "답해 드렸습니다" in text
    message = Message.objects.get(kind="look.answered")
    assert message.body.startswith("[KT] 내 정보 조회에 대해")
    assert AuditEntry.objects.filter(action="question.answered", subject=holder.pk).exists()


def test_nobody_asks_about_a_look_at_somebody_else(browser):
    entry = looked(make.customer())
    answer = browser.post(reverse("portal:my-record-ask", args=[entry.pk]), {f"look-{entry.pk}-kind": "WHY"})
    assert answer.status_code == 404
    assert not LookQuestion.objects.exists()


def test_nobody_answers_for_a_look_of_their_own(holder):
    auditor = staff_user("auditor")
    entry = looked(holder, role="auditor", user=auditor)
    question = questions.ask(
        entry_id=entry.pk,
        customer=holder.pk,
        person=holder.person_index,
        kind="WHY",
        words="",
        contact="",
        language="ko",
    )
    with pytest.raises(Refused) as refused:
        questions.answer(question_id=question.pk, user=auditor, words="x")
    assert refused.value.code == "OWN"


def test_an_english_reader_reads_english(browser, holder):
    looked(holder)
    browser.cookies["django_language"] = "en"
    text = page(browser)
    assert "to help you with your application or question" in text
    assert "상담사" not in text


def test_the_page_of_a_person_without_lines_works(january):
    browser = as_customer(Client(), person("ci-nobody"))
    assert "본 직원이 없습니다" in page(browser)
    assert my_record.looks_at(b"x" * 32, since=dt.date(2026, 1, 1), until=dt.date(2026, 1, 31)) == []


def test_a_marked_finding_counts_its_looks_once(holder):
    for _n in range(2):
        looked(holder)
    ids = tuple(AuditSubject.objects.values_list("entry_id", flat=True))
    found = rules.Finding("night", audit.actor(staff_user("agent")), dt.date(2026, 1, 16), 2, ids)
    auditor = staff_user("auditor")
    assert rules.mark(finding=found, user=auditor, reason="확인") == 2
    assert rules.mark(finding=found, user=auditor, reason="확인") == 0
    assert looks.purpose(AuditEntry.objects.get(pk=ids[0]))
