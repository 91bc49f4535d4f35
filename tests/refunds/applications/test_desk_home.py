"""The home of clerks and agents, and what agents do on the telephone: drafts, codes to confirmed numbers, calls."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock
from kt_remedy.notices.models import Message
from kt_remedy.portal import desk_code
from kt_remedy.staff.models import Store
from refunds.applications import call_backs, call_checks, continuing, desk_sessions, drafts, objections
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Decision, Filing, Objection
from refunds.models.desk import DeskSession
from tests.desk import at_desk, file, find, key_of, prove, url
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample", "january")]
DESK = reverse("portal:desk")


@pytest.fixture
def line():
    return make.line(make.customer(name="이정순", birth="1954-04-02", ci="lee"))


@pytest.fixture
def clerk() -> Client:
    return as_staff(Client(), staff_user("clerk", store=Store.objects.create(code="A", name="광화문점")))


@pytest.fixture
def agent() -> Client:
    return as_staff(Client(), staff_user("agent"))


def text(answer) -> str:
    return answer.content.decode().replace("\u2060", "").replace("\xa0", " ").replace("&nbsp;", " ")


# The home


def test_the_home_is_empty_at_first_and_begins_with_the_search(clerk, agent) -> None:
    for client in (clerk, agent):
        page = text(client.get(DESK))
        assert page.index("autofocus") < page.index("걸 전화")
        assert "어제부터 바뀐 것이 없습니다." in page
        assert "쓰다 만 신청서" not in page
        assert "상급자에게 올린 것" not in page
    assert "쓰던 신청서 이어받기" not in text(clerk.get(DESK))


def test_a_draft_is_opened_again_from_the_home_and_its_person_proven_anew(clerk, line, bank) -> None:
    prove(clerk, line)
    file(clerk, line, number="123")
    old = key_of(clerk)
    assert "쓰다 만 신청서" not in text(clerk.get(DESK))  # the customer is still at the desk
    clerk.post(url(clerk, "desk-leave"))
    assert "쓰다 만 신청서" in text(clerk.get(DESK))
    answer = clerk.post(reverse("portal:desk-again", args=[old]))
    assert answer["Location"] == url(clerk, "desk-customer") != reverse("portal:desk-customer", args=[old])
    row = DeskSession.objects.get(pk=key_of(clerk))
    assert (row.is_proven, desk_sessions.draft_of(row)["number"]) == (False, ["123"])
    assert "쓰다 만 신청서" not in text(clerk.get(DESK))
    # Pressed twice, after midnight, or by a colleague: the search.
    assert clerk.post(reverse("portal:desk-again", args=[old]))["Location"] == DESK
    other = as_staff(Client(), staff_user("agent"))
    assert other.post(reverse("portal:desk-again", args=[old]))["Location"] == DESK
    assert not DeskSession.objects.filter(staff_id=other.session["_auth_user_id"]).exists()


def test_what_others_decided_on_own_filings_stands_on_the_home(clerk, line) -> None:
    row = make.application(line)
    me = clerk.session["_auth_user_id"]
    Filing.objects.filter(pk=row.filing_id).update(filed_by=me, store=Store.objects.get())
    Decision.objects.create(
        application=row,
        from_status="REVIEW",
        to_status="NEED_DOCS",
        actor="staff:0",
        code="DOCS",
        decided_at=clock.now(),
    )
    Application.objects.filter(pk=row.pk).update(documents_due_on=dt.date(2026, 1, 23))
    page = text(clerk.get(DESK))
    assert row.filing.reference in page
    assert "이*순" in page
    assert "서류는 1월 23일(금)까지" in page
    other = as_staff(Client(), staff_user("clerk", username="other", store=Store.objects.get()))
    assert "서류는" not in text(other.get(DESK))


def test_what_was_handed_to_a_supervisor_is_followed(agent, line) -> None:
    staff = staff_user("agent")
    call_backs.escalate(
        customer=line.customer,
        staff=staff,
        reason="AMOUNT",
        text="",
        answer_at=clock.now() + dt.timedelta(hours=4),
        call_to="01055557720",
    )
    page = text(agent.get(DESK))
    assert "상급자에게 올린 것" in page
    assert "금액을 계속 다르다고 하심" in page


# Going on by telephone (D-88)


def test_an_agent_goes_on_with_the_draft_and_sees_nothing_else(agent, line, bank) -> None:
    filed = make.application(make.line(line.customer))
    drafts.save(drafts.Answers(lines=[line.pk]), person_index=line.customer.person_index)
    digits = continuing.give(person_index=line.customer.person_index, name="이정순", contact="01055557720")
    go = reverse("portal:desk-continue")
    assert agent.get(go)["Location"] == DESK
    assert agent.post(go, {"go-code": "12", "go-name": ""}).status_code == 422
    wrong = agent.post(go, {"go-code": digits, "go-name": "김철수"})
    assert wrong.status_code == 422
    assert "숫자와 이름이 모두 맞는" in text(wrong)
    assert agent.post(go, {"go-code": digits, "go-name": "이정순"})["Location"] == url(agent, "desk-file")
    page = text(agent.get(url(agent, "desk-file")))
    assert "이 신청서만 열었습니다" in page
    assert line.pk in page
    assert filed.line_id not in page
    closed = ["desk-customer", "desk-perks"]
    for name in closed:
        assert agent.get(url(agent, name))["Location"] == url(agent, "desk-file")
    assert agent.get(url(agent, "desk-application", filed.pk))["Location"] == url(agent, "desk-file")
    assert agent.get(url(agent, "desk-receipt", filed.filing.reference)).status_code == 404
    done = file(agent, line)
    assert "/receipt/" in done["Location"]
    assert "고객에게 돌아가기" not in text(agent.get(done["Location"]))
    # Nothing is left to file: the session ends.
    assert agent.get(url(agent, "desk-file"))["Location"] == DESK
    assert DeskSession.objects.get().ended_at is not None
    assert Filing.objects.filter(channel="CALL_CENTRE").count() == 1


def test_the_whole_of_the_customer_needs_the_proof(agent, line) -> None:
    drafts.save(drafts.Answers(lines=[line.pk]), person_index=line.customer.person_index)
    digits = continuing.give(person_index=line.customer.person_index, name="이정순", contact="01055557720")
    agent.post(reverse("portal:desk-continue"), {"go-code": digits, "go-name": "이정순"})
    agent.post(url(agent, "desk-who"), {"another": "1"})
    row = DeskSession.objects.get()
    assert (row.is_proven, row.draft_of, row.came_as) == (False, None, "")
    assert desk_sessions.draft_of(row) == {"lines": [line.pk]}


def test_a_customer_found_again_after_the_draft_was_filed_is_asked_who_came(agent, line, bank) -> None:
    drafts.save(drafts.Answers(lines=[line.pk]), person_index=line.customer.person_index)
    digits = continuing.give(person_index=line.customer.person_index, name="이정순", contact="01055557720")
    agent.post(reverse("portal:desk-continue"), {"go-code": digits, "go-name": "이정순"})
    facts = {"number": line.msisdn, "fact": "19540402"}
    agent.post(DESK, facts)  # before the filing the draft stays open
    assert DeskSession.objects.get().draft_of is not None
    file(agent, line)
    page = agent.post(DESK, facts, follow=True)
    assert "누가 전화하셨나요" in text(page)
    assert DeskSession.objects.get().draft_of is None


def test_the_question_fits_the_way_a_customer_came(agent, clerk, line) -> None:
    facts = {"number": line.msisdn, "fact": "19540402"}
    called = text(agent.post(DESK, facts, follow=True))
    assert "이*순 님 일로 누가 전화하셨나요" in " ".join(called.split())
    assert "전화하신 분" in called
    assert "오셨나요" not in called
    came = text(clerk.post(DESK, facts, follow=True))
    assert "이*순 님 일로 누가 오셨나요" in " ".join(came.split())
    assert "전화하셨나요" not in came


# A caller without the app (D-86)


def test_a_code_to_the_confirmed_number_proves_a_caller(agent, line) -> None:
    row = make.application(line)
    find(agent, line)
    page = text(agent.get(url(agent, "desk-customer")))
    assert f"010-****-{row.filing.contact[-4:]}" in page
    agent.post(url(agent, "desk-prove-number"))
    sent = Message.objects.get(kind=desk_code.KIND_CALL)
    assert sent.to == row.filing.contact
    code = sent.body.split("확인번호 ")[1][:6]
    agent.post(url(agent, "desk-prove-code"), {"code": code})
    session = DeskSession.objects.get()
    assert (session.is_proven, session.proof["method"], session.contact) == (True, "NUMBER", row.filing.contact)
    assert "확인된 번호로 보낸 숫자 확인" in text(agent.get(url(agent, "desk-customer")))


@pytest.mark.parametrize("who", ["nobody filed", "a proxy filed", "in a store"])
def test_no_code_goes_to_another_number(request, agent, line, who) -> None:
    client = request.getfixturevalue("clerk") if who == "in a store" else agent
    if who != "nobody filed":
        row = make.application(line)
        if who == "a proxy filed":
            Filing.objects.filter(pk=row.filing_id).update(representation="PROXY")
    find(client, line)
    assert "앱이 없는 분" not in text(client.get(url(client, "desk-customer")))
    client.post(url(client, "desk-prove-number"))
    assert not Message.objects.filter(kind=desk_code.KIND_CALL).exists()


# Placed calls (D-87)


def test_without_a_confirmed_number_nobody_is_called(agent, line) -> None:
    when = clock.now() + dt.timedelta(hours=1)
    note = call_backs.write_note(customer=line.customer, text="설명", staff=staff_user("agent"), call_back_at=when)
    page = reverse("portal:desk-called", args=[note.pk])
    assert "확인된 번호가 없습니다" in text(agent.get(page))
    assert "먼저 말할 두 낱말" not in text(agent.post(page, {"act": "number"}))


def test_digits_and_words_stand_on_every_page_while_the_call_is_made(agent, line) -> None:
    staff = staff_user("agent")
    note = call_backs.write_note(
        customer=line.customer,
        text="설명",
        staff=staff,
        call_back_at=clock.now() + dt.timedelta(hours=1),
        call_to="01055557720",
    )
    page = reverse("portal:desk-called", args=[note.pk])
    assert "먼저 말할 두 낱말" not in text(agent.get(page))
    shown = text(agent.post(page, {"act": "number"}))
    _note, check = call_checks.placed_by(staff)
    for place in (shown, text(agent.get(page)), text(agent.get(DESK))):
        assert "먼저 말할 두 낱말" in place
        assert check.digits in place
        assert check.words[0][0] in place
    asked = {"number": "010-5555-7720", "digits": check.digits, "address": "192.0.2.1"}
    assert call_checks.words_for(**asked).words
    agent.post(page, {"outcome": "REACHED"})
    assert "먼저 말할 두 낱말" not in text(agent.get(DESK))
    assert call_checks.words_for(**asked).words is None


# Objections


def test_a_clerk_adds_to_an_objection_and_takes_it_back(clerk, line) -> None:
    prove(clerk, line)
    page = url(clerk, "desk-object", line.pk)
    clerk.post(page, {"kind": "AMOUNT", "wanted_krw": "60000", "words": "금액이 다릅니다"})
    shown = text(clerk.get(page))
    assert "금액이 다릅니다" in shown
    assert "덧붙여 보내기" in shown
    assert clerk.post(page, {"words": ""}).status_code == 422
    clerk.post(page, {"words": "청구서를 찾았습니다"})
    clerk.post(page, {"words": "청구서를 찾았습니다"})  # pressed twice
    row = Objection.objects.get()
    assert [each.words for each in row.additions.all()] == ["청구서를 찾았습니다"]
    assert "청구서를 찾았습니다" in text(clerk.get(page))
    assert page in text(clerk.get(url(clerk, "desk-customer")))
    clerk.post(page, {"take_back": "1"})
    clerk.post(page, {"take_back": "1"})  # a second tab
    row.refresh_from_db()
    assert row.status == "WITHDRAWN"
    assert "덧붙여 보내기" not in text(clerk.get(page))


def test_an_objection_of_an_absent_customer_is_left_alone(line) -> None:
    agent = staff_user("agent")
    row = objections.object_to(
        contract_no=line.pk, person_index=line.customer.person_index, text="다릅니다", contact="01055557720"
    )
    with pytest.raises(Refused, match="고객을 먼저 찾고"):
        objections.add_to(objection_id=row.pk, text="더", staff=agent)
    with pytest.raises(Refused, match="고객을 먼저 찾고"):
        objections.take_back(objection_id=row.pk, staff=agent)


# The panel


def test_the_panel_names_the_account_that_was_given(agent, line) -> None:
    row = make.application(line, to=make.account(line.customer, number="11022033044"))
    at_desk(staff_user("agent"), row)
    page = text(agent.get(f"{url(agent, 'desk-customer')}?ask=4"))
    assert "예금주는 본인 이*순 님이고, 2026년 1월" in page
    assert "예금주를 확인했습니다" in page
    assert "3044" in page
    assert "11022033044" not in page
