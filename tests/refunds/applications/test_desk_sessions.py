"""Several customers at one desk: nothing mixes, nothing is done for somebody who is not there (D1, D2, D-78, D-85)."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from refunds.applications import change, desk_sessions
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Filing, Note
from refunds.models.desk import DeskSession
from tests.desk import at_desk, file, find, key_of, prove, spoken, url
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample", "january")]
PROXY = ["POWER", "SEAL", "HOLDER_ID", "PROXY_ID"]


@pytest.fixture
def shop():
    return Store.objects.create(code="A", name="광화문점")


@pytest.fixture
def clerk(shop) -> Client:
    return as_staff(Client(), staff_user("clerk", username="clerk-a", store=shop))


@pytest.fixture
def lee():
    return make.line(make.customer(name="이정순", birth="1954-04-02", ci="lee"))


@pytest.fixture
def kim():
    return make.line(make.customer(name="김철수", birth="1970-01-01", ci="kim"))


def test_two_tabs_never_mix_two_people(clerk, lee, kim) -> None:
    find(clerk, lee)
    first = key_of(clerk)
    find(clerk, kim, "1970-01-01")
    second = key_of(clerk)
    page = clerk.get(reverse("portal:desk-customer", args=[first])).content.decode()
    assert page.count("sess-mark") >= 3  # both tabs, and the heading
    assert "이*순" in page
    # The form of the first tab, sent to the address of the second, saves nothing and names both.
    card = {"kind": "DRIVER", "contact": "", "no_mobile": "on", "desk": first}
    answer = clerk.post(reverse("portal:desk-prove-card", args=[second]), card)
    assert answer.status_code == 409
    assert {"이*순", "김*수"} <= set(answer.content.decode().replace("\u2060", "").split()) | {"이*순", "김*수"}
    assert not DeskSession.objects.filter(proven_at__isnull=False).exists()
    # In the first tab it proves the first customer, whatever was opened since.
    clerk.post(reverse("portal:desk-prove-card", args=[first]), card)
    assert DeskSession.objects.get(pk=first).is_proven
    assert not DeskSession.objects.get(pk=second).is_proven


def test_a_key_is_worth_nothing_to_another_member_of_staff(clerk, lee, shop) -> None:
    prove(clerk, lee)
    other = as_staff(Client(), staff_user("clerk", username="clerk-b", store=shop))
    assert other.get(url(clerk, "desk-customer")).status_code == 404
    assert other.post(url(clerk, "desk-note"), {"words": "x"}).status_code == 404


def test_nothing_about_a_customer_stands_in_the_browser_session(clerk, lee) -> None:
    prove(clerk, lee)
    kept = str(dict(clerk.session))
    assert lee.customer_id not in kept
    assert key_of(clerk) not in kept


def test_a_session_ends_by_itself_and_what_was_typed_stays(clerk, lee, bank) -> None:
    prove(clerk, lee)
    old = url(clerk, "desk-file")
    DeskSession.objects.update(touched_at=dt.datetime.now(dt.UTC) - desk_sessions.IDLE)
    answer = file(clerk, lee, number="110 220 33044")
    assert answer["Location"] == reverse("portal:desk")
    assert not Filing.objects.exists()
    assert clerk.get(old)["Location"] == reverse("portal:desk")
    prove(clerk, lee)
    page = clerk.get(url(clerk, "desk-file")).content.decode()
    assert "110 220 33044" in page
    row = DeskSession.objects.get(pk=key_of(clerk))
    assert b"33044" not in bytes(row.draft_enc)


def test_nothing_typed_or_confirmed_at_the_desk_outlives_its_day(clerk, lee, bank) -> None:
    prove(clerk, lee)
    file(clerk, lee, number="110 220 33044")
    row = DeskSession.objects.get()
    desk_sessions.save_draft(row, {"number": "110 220 33044"})
    assert desk_sessions.forget_drafts() == 0
    DeskSession.objects.update(touched_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    assert desk_sessions.forget_drafts() == 1
    row.refresh_from_db()
    assert (row.draft_enc, row.check_enc, row.contact_enc) == (None, None, None)
    assert row.customer == lee.customer


@pytest.mark.parametrize(
    ("column", "ago"), [("touched_at", desk_sessions.IDLE), ("proven_at", desk_sessions.LIFE), ("ended_at", None)]
)
def test_a_service_refuses_an_act_without_the_live_session(column, ago, lee) -> None:
    row = make.application(lee)
    agent = staff_user("agent")
    with pytest.raises(Refused, match="고객을 먼저 찾고"):
        change.withdraw(application_id=row.pk, staff=agent)
    session = at_desk(agent, row)
    now = dt.datetime.now(dt.UTC)
    DeskSession.objects.filter(pk=session.pk).update(**{column: now - ago if ago else now})
    with pytest.raises(Refused, match="고객을 먼저 찾고"):
        change.withdraw(application_id=row.pk, staff=agent)


def test_signing_out_ends_every_session(clerk, lee) -> None:
    prove(clerk, lee)
    clerk.post(reverse("account_logout"))
    assert not DeskSession.objects.filter(ended_at=None).exists()


def test_eight_customers_and_no_more(clerk) -> None:
    for number in range(9):
        line = make.line(make.customer(name=f"김철{'가나다라마바사아자'[number]}", birth="1970-01-01"))
        answer = find(clerk, line, "1970-01-01")
    assert "8명까지" in answer.content.decode()
    assert DeskSession.objects.count() == 8
    assert sorted(DeskSession.objects.values_list("place", flat=True)) == list(range(8))


def test_no_other_persons_application_opens_in_a_session(clerk, lee, kim, bank) -> None:
    prove(clerk, kim, "1970-01-01")
    file(clerk, kim)
    row = Application.objects.get()
    prove(clerk, lee)
    assert clerk.get(url(clerk, "desk-application", row.pk)).status_code == 404
    assert clerk.get(url(clerk, "desk-receipt", row.filing.reference)).status_code == 404


def test_the_person_who_came_is_proven_and_the_holder_is_told(clerk, lee, bank) -> None:
    prove(clerk, lee)
    file(clerk, lee)
    row = Application.objects.get()
    clerk.post(url(clerk, "desk-leave"))
    prove(clerk, lee, contact="010-5555-1111", came_as="PROXY", came_name="이아들")
    proven = AuditEntry.objects.filter(action="customer.proven").latest("pk")
    assert proven.detail["who"] == "PROXY"
    assert not Message.objects.filter(kind="desk.acted_for").exists()
    clerk.post(url(clerk, "desk-application", row.pk), {"act": "withdraw"})
    row.refresh_from_db()
    assert row.status == "WITHDRAWN"
    assert Message.objects.get(kind="desk.acted_for").to == "01055557720"


def test_the_account_of_a_filing_changes_with_a_code_to_its_number(clerk, lee, bank) -> None:
    prove(clerk, lee)
    file(clerk, lee)
    row = Application.objects.get()
    clerk.post(url(clerk, "desk-leave"))
    prove(clerk, lee, contact="010-5555-1111")
    page = url(clerk, "desk-application", row.pk)
    other = {"act": "account", "bank": "004", "number": "12345678901"}
    clerk.post(page, other)
    row.refresh_from_db()
    assert row.account.bank_code == "088"
    clerk.post(page, {"act": "send-number"})
    sent = Message.objects.filter(kind="desk.code").latest("pk")
    assert sent.to == "01055557720"
    wrong = f"{(int(spoken()) + 1) % 10**6:06}"
    assert clerk.post(page, {"act": "number", "code": wrong}).status_code == 422
    clerk.post(page, {"act": "number", "code": spoken()})
    clerk.post(page, other)
    row.refresh_from_db()
    assert row.account.bank_code == "004"


def test_without_that_number_a_second_clerk_sees_the_card(clerk, lee, bank, shop) -> None:
    prove(clerk, lee)
    file(clerk, lee)
    row = Application.objects.get()
    clerk.post(url(clerk, "desk-leave"))
    find(clerk, lee)
    clerk.post(url(clerk, "desk-prove-card"), {"kind": "DRIVER", "contact": "", "no_mobile": "on"})
    key = key_of(clerk)
    clerk.post(url(clerk, "desk-ask-second"))
    clerk.post(reverse("portal:desk-second", args=[key]))  # not by oneself
    assert DeskSession.objects.get(pk=key).second_by is None
    second = as_staff(Client(), staff_user("clerk", username="clerk-b", store=shop))
    assert "함께 보아 달라고" in second.get(reverse("portal:desk")).content.decode()
    second.post(reverse("portal:desk-second", args=[key]))
    clerk.post(url(clerk, "desk-application", row.pk), {"act": "account", "bank": "004", "number": "12345678901"})
    row.refresh_from_db()
    assert row.account.bank_code == "004"


def test_the_account_on_the_screen_is_the_one_filed(clerk, lee, bank) -> None:
    prove(clerk, lee)
    bank.outcome = "NOT_FOUND"
    file(clerk, lee, number="11022039004")
    page = file(clerk, lee, number="555666777888", anyway="1")
    assert page.status_code == 422  # the bank is asked about what was typed now
    assert not Filing.objects.exists()
    file(clerk, lee, number="555666777888", anyway="1")
    assert Application.objects.get().account.last4 == "7888"


def test_a_customer_is_found_by_the_reference(clerk, lee, bank) -> None:
    prove(clerk, lee)
    file(clerk, lee)
    reference = Filing.objects.get().reference
    clerk.post(url(clerk, "desk-leave"))
    for typed, fact, found in (
        (reference, "540402", True),
        (reference.lower().replace("-", " "), "이정순", True),
        (reference, "1954년 4월 2일", True),
        (reference, "김철수", False),
        ("KT-2222-3333", "540402", False),
    ):
        answer = clerk.post(reverse("portal:desk"), {"number": typed, "fact": fact})
        assert (answer.status_code == 302) == found
        if not found:
            assert "KT-7F3K-92QD처럼" in answer.content.decode()


def test_two_who_fit_are_told_apart_without_showing_either(clerk) -> None:
    rows = [make.line(make.customer(name=name, birth="1970-01-01")) for name in ("김하나", "김두리")]
    type(rows[0]).objects.update(msisdn_index=rows[0].msisdn_index)
    page = clerk.post(reverse("portal:desk"), {"number": rows[0].msisdn, "fact": "700101"})
    text = page.content.decode()
    assert "하나를 더 적어 주세요" in text
    assert "김*" not in text
    answer = clerk.post(reverse("portal:desk"), {"number": rows[0].msisdn, "fact": "700101", "third": "김두리"})
    assert answer.status_code == 302
    assert DeskSession.objects.get().customer.holder_name == "김두리"


def test_walking_through_numbers_alarms_the_supervisors_once(clerk, lee) -> None:
    for _try in range(23):
        clerk.post(reverse("portal:desk"), {"number": lee.msisdn, "fact": "김철수"})
    assert AuditEntry.objects.filter(action="customer.searched_too_often").count() == 1


def test_an_escalated_call_is_the_supervisors(lee) -> None:
    user = staff_user("agent")
    agent = as_staff(Client(), user)
    session = desk_sessions.open_session(staff=user, customer=lee.customer)
    desk_sessions.set_comer(session, "SELF", "")
    desk_sessions.prove(session, proof={"method": "CODE"}, contact="01055557720")
    agent.post(url(agent, "desk-escalate"), {"up-reason": "AMOUNT", "up-words": "청구서를 보고 있음"})
    note = Note.objects.get()
    assert (note.escalated_for, note.owner, note.call_to) == ("AMOUNT", None, "01055557720")
    page = reverse("portal:desk-called", args=[note.pk])
    assert agent.get(page).status_code == 404
    assert "청구서를 보고 있음" in as_staff(Client(), staff_user("supervisor")).get(page).content.decode()
