"""The desk of a store and of the call centre: what it shows to whom, and when it files."""

import datetime as dt
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import programme
from kt_remedy.identity import service as identity
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from refunds import calendar
from refunds.applications import change, queries
from refunds.models.applications import Application, Filing, Note, Objection
from refunds.payouts import selection
from tests.desk import file, find, prove, spoken, url
from tests.refunds import make, reviewing
from tests.refunds.applications.test_documents import PDF
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample", "january")]


@pytest.fixture
def holder():
    return make.customer(name="이정순", birth="1954-04-02", ci="lee")


def store(code: str) -> Store:
    return Store.objects.get_or_create(code=code, defaults={"name": code})[0]


@pytest.fixture
def clerk() -> Client:
    return as_staff(Client(), staff_user("clerk", username="clerk-a", store=store("A")))


@pytest.fixture
def agent() -> Client:
    return as_staff(Client(), staff_user("agent", username="agent"))


def test_a_clerk_finds_proves_files_and_prints(clerk, holder, bank) -> None:
    line = make.line(holder)
    assert find(clerk, line).status_code == 302
    text = clerk.get(url(clerk, "desk-customer")).content.decode()
    assert "이*순" in text
    assert "환급 대상입니다" not in text  # nothing of the lines before the person is proven
    prove(clerk, line)
    text = clerk.get(url(clerk, "desk-customer")).content.decode()
    assert "환급 대상입니다" in text
    assert "운전면허증 확인" in text
    answer = file(clerk, line)
    filing = Filing.objects.get()
    assert answer["Location"] == url(clerk, "desk-receipt", filing.reference)
    assert (filing.channel, filing.store.code, filing.proof["type"]) == ("STORE", "A", "DRIVER")
    assert filing.contact == "01055557720"
    assert filing.reference in clerk.get(answer["Location"]).content.decode()
    assert Application.objects.get().status == "APPROVED"
    file(clerk, line)
    assert Application.objects.count() == 1
    actions = set(AuditEntry.objects.filter(subject=holder.pk).values_list("action", flat=True))
    assert {"customer.searched", "customer.proven", "account.entered", "filing.submitted"} <= actions


def test_the_number_for_notices_is_confirmed_by_what_the_customer_reads_aloud(clerk, holder) -> None:
    line = make.line(holder)
    find(clerk, line)
    card = {"kind": "DRIVER", "contact": "010-5555-7720"}
    assert (
        "안내 문자 받을 번호를 적어"
        in clerk.post(url(clerk, "desk-prove-card"), card | {"contact": ""}).content.decode()
    )
    clerk.post(url(clerk, "desk-prove-card"), card)
    sent = Message.objects.get(kind="desk.code")
    assert (sent.to, sent.state) == ("01055557720", "QUEUED")
    text = clerk.get(url(clerk, "desk-customer")).content.decode()
    assert "010-****-7720" in text
    assert "환급 대상입니다" not in text  # not before the number is confirmed
    assert spoken() not in text
    assert spoken() not in str(dict(clerk.session))
    wrong = f"{(int(spoken()) + 1) % 10**6:06}"
    assert "숫자가 맞지 않습니다" in clerk.post(url(clerk, "desk-prove-code"), {"code": wrong}).content.decode()
    assert clerk.post(url(clerk, "desk-prove-code"), {"code": "12"}).status_code == 422
    clerk.post(url(clerk, "desk-prove-code"), {"code": " ".join(spoken())})
    assert "환급 대상입니다" in clerk.get(url(clerk, "desk-customer")).content.decode()
    assert clerk.post(url(clerk, "desk-prove-code"), {"code": spoken()})["Location"] == url(clerk, "desk-customer")


def test_a_code_is_good_for_five_minutes_five_tries_and_one_sitting(clerk, holder, monkeypatch) -> None:
    line = make.line(holder)
    card = {"kind": "DRIVER", "contact": "010-5555-7720"}
    find(clerk, line)
    clerk.post(url(clerk, "desk-prove-card"), card)
    right = spoken()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    answers = [clerk.post(url(clerk, "desk-prove-code"), {"code": wrong}).content.decode() for _ in range(5)]
    assert ["5번 틀렸습니다" in answer for answer in answers] == [False] * 4 + [True]
    assert clerk.post(url(clerk, "desk-prove-code"), {"code": right}).status_code == 422
    clerk.post(url(clerk, "desk-prove-code"), {"again": "1"})
    fresh = spoken()
    with monkeypatch.context() as later:
        now = time.time()
        later.setattr("kt_remedy.portal.desk_code.time.time", lambda: now + 301)
        assert "5분이 지났거나" in clerk.post(url(clerk, "desk-prove-code"), {"code": fresh}).content.decode()
    # Another customer at the same desk: what was sent before is worth nothing.
    other = make.line(make.customer(name="김철수", birth="1970-01-01"))
    find(clerk, other, "1970-01-01")
    assert clerk.post(url(clerk, "desk-prove-code"), {"code": fresh})["Location"] == url(clerk, "desk-customer")
    assert "환급 대상입니다" not in clerk.get(url(clerk, "desk-customer")).content.decode()
    find(clerk, line)
    for _ in range(3):
        assert clerk.post(url(clerk, "desk-prove-card"), card).status_code == 302
    assert "더 보낼 수 없습니다" in clerk.post(url(clerk, "desk-prove-card"), card).content.decode()
    assert Message.objects.filter(kind="desk.code").count() == 5


def test_a_code_that_waited_too_long_is_not_sent(clerk, holder, at) -> None:
    find(clerk, make.line(holder))
    clerk.post(url(clerk, "desk-prove-card"), {"kind": "DRIVER", "contact": "010-5555-7720"})
    recheck = texts.kind("desk.code").recheck
    assert recheck(Message.objects.get())
    at("2026-01-16T10:06+09:00")
    assert not recheck(Message.objects.get())


def test_whoever_has_no_mobile_is_served_and_stands_on_the_list_of_the_unreachable(clerk, holder, bank) -> None:
    line = make.line(holder)
    find(clerk, line)
    clerk.post(url(clerk, "desk-prove-card"), {"kind": "DRIVER", "contact": "", "no_mobile": "on"})
    assert "문자 받을 번호 없음" in clerk.get(url(clerk, "desk-customer")).content.decode()
    assert "접수증을 꼭 드리세요" in clerk.get(url(clerk, "desk-file")).content.decode()
    file(clerk, line)
    filing = Filing.objects.get()
    assert (filing.contact or "", filing.proof["contact"]) == ("", "NONE")
    assert set(Message.objects.values_list("state", "reason")) == {("FAILED", "NO_NUMBER")}


def test_one_fact_or_a_wrong_one_finds_nobody(clerk, holder) -> None:
    line = make.line(holder)
    assert clerk.post(reverse("portal:desk"), {"number": line.msisdn, "fact": ""}).status_code == 422
    assert "모두 맞는 고객이 없습니다" in find(clerk, line, "1954-04-03").content.decode()
    assert "모두 맞는 고객이 없습니다" in find(clerk, line, "김철수").content.decode()
    assert find(clerk, line, "이정순").status_code == 302
    assert AuditEntry.objects.filter(action="customer.searched").count() == 3


def test_nothing_is_filed_for_somebody_unproven(clerk, holder, bank) -> None:
    line = make.line(holder)
    find(clerk, line)
    assert file(clerk, line)["Location"] == url(clerk, "desk-customer")
    assert Filing.objects.count() == 0


def test_a_store_sees_its_own_filings_only(clerk, agent, holder, bank) -> None:
    line = make.line(holder)
    prove(clerk, line)
    file(clerk, line)
    row = Application.objects.get()
    other = as_staff(Client(), staff_user("clerk", username="clerk-b", store=store("B")))
    page = reverse("portal:desk-store-filing", args=[row.pk])
    assert clerk.get(url(clerk, "desk-application", row.pk)).status_code == 200
    assert clerk.get(page).status_code == 200
    assert agent.get(page).status_code == 404  # an agent opens nothing without the customer
    assert other.get(page).status_code == 404
    # The customer goes to the other store and tells the reference.
    prove(other, line)
    other.post(url(other, "desk-take"), {"reference": "KT-2222-3333"})
    assert other.get(url(other, "desk-application", row.pk)).status_code == 404
    other.post(url(other, "desk-take"), {"reference": row.filing.reference.lower()})
    assert other.get(url(other, "desk-application", row.pk)).status_code == 200
    assert clerk.get(url(clerk, "desk-application", row.pk)).status_code == 404


def test_an_agent_proves_by_the_customers_phone(agent, holder, bank, monkeypatch) -> None:
    line = make.line(holder)
    find(agent, line)
    # On the telephone nobody sees a card.
    assert agent.post(url(agent, "desk-prove-card"), {"kind": "DRIVER", "contact": "01055557720"}).status_code == 422
    pending = identity.PendingVerification("k", "APP", "010-****-7720", "", "", 0)
    monkeypatch.setattr(identity, "begin", lambda **_values: pending)
    someone = {"lee": person("lee", name="이정순"), "kim": person("kim", name="김철수")}
    agent.post(url(agent, "desk-prove-phone"), {"carrier": "SKT", "phone": "010-5555-7720"})
    monkeypatch.setattr(identity, "confirm", lambda _pending, _code="": someone["kim"])
    assert "이 고객이 아닙니다" in agent.post(url(agent, "desk-approve")).content.decode()
    monkeypatch.setattr(identity, "confirm", lambda _pending, _code="": someone["lee"])
    agent.post(url(agent, "desk-prove-phone"), {"carrier": "SKT", "phone": "010-5555-7720"})
    assert agent.post(url(agent, "desk-approve"))["Location"] == url(agent, "desk-customer")
    file(agent, line)
    assert Filing.objects.get().channel == "CALL_CENTRE"
    # After saving nobody reads the number again.
    text = agent.get(url(agent, "desk-application", Application.objects.get().pk)).content.decode()
    assert "11022033044" not in text
    assert "*******3044" in text


def test_a_proxy_needs_every_document(clerk, holder, bank) -> None:
    line = make.line(holder)
    prove(clerk, line, came_as="PROXY", came_name="이아들")
    values = {"owner": "이정순", "owner_born": "19540402"}
    page = file(clerk, line, **values, documents=["POWER"])
    assert "서류를 모두 확인해야" in page.content.decode()
    file(clerk, line, **values, documents=["POWER", "SEAL", "HOLDER_ID", "PROXY_ID"])
    row = Application.objects.get()
    assert (row.status, row.filing.representation, len(row.filing.documents)) == ("REVIEW", "PROXY", 4)
    assert row.filing.representative == "이아들"


def test_a_company_is_served_at_the_desk(clerk, bank) -> None:
    company = make.customer(name="주식회사 케이테크", birth=None, ci=None, kind="CORPORATE")
    line = make.line(company)
    prove(clerk, line, "㈜케이테크", came_as="COMPANY", came_name="박담당", card="COMPANY")
    codes = ["REGISTRATION", "COMPANY_SEAL", "EMPLOYEE", "PASSBOOK", "AGENT_ID"]
    file(clerk, line, documents=codes)
    assert Application.objects.get().status == "REVIEW"


def test_the_clerk_mends_a_slip_and_withdraws_with_the_customer(clerk, holder, bank) -> None:
    line = make.line(holder)
    prove(clerk, line)
    bank.outcome = "NOT_FOUND"
    page = file(clerk, line)
    assert "없는 계좌번호" in page.content.decode()
    file(clerk, line, anyway="1")
    row = Application.objects.get()
    assert row.status == "NEED_ACCOUNT"
    bank.outcome = "MATCH"
    clerk.post(url(clerk, "desk-application", row.pk), {"act": "account", "bank": "004", "number": "12345678901"})
    row.refresh_from_db()
    assert (row.status, row.account.bank_code) == ("APPROVED", "004")
    page = url(clerk, "desk-application", row.pk)
    clerk.post(url(clerk, "desk-leave"))
    clerk.post(page, {"act": "withdraw"})
    row.refresh_from_db()
    assert row.status == "APPROVED"
    prove(clerk, line)
    clerk.post(url(clerk, "desk-application", row.pk), {"act": "withdraw"})
    row.refresh_from_db()
    assert row.status == "WITHDRAWN"


def test_without_an_account_in_korea_the_money_goes_another_way(clerk, holder, bank) -> None:
    line = make.line(holder)
    prove(clerk, line)
    values = {"bank": "", "number": "", "way": "OFFLINE"}
    assert "은행을 골라 주세요" in file(clerk, line, **values | {"way": "ACCOUNT"}).content.decode()
    assert "서류를 모두 확인해야" in file(clerk, line, **values, offline_documents=["ABROAD_ID"]).content.decode()
    answer = file(clerk, line, **values, offline_documents=["ABROAD_ID", "ABROAD_ACCOUNT"])
    row = Application.objects.get()
    assert (row.status, row.decisions.last().code, bank.asked) == ("REVIEW", "OFFLINE", 0)
    assert str(row.account) == "한국 계좌 없음, 따로 보냄"
    assert "따로 보냄" in clerk.get(answer["Location"]).content.decode()
    reviewer = as_staff(Client(), staff_user("reviewer"))
    assert "여권 또는 외국인등록증" in reviewer.get(reverse("refunds:review-case", args=[row.pk])).content.decode()
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="APPROVE", reason="여권 확인")
    row.refresh_from_db()
    assert row.status == "APPROVED"
    assert Message.objects.filter(kind="application.approved_open").count() == 1
    assert "받는 방법과 날을 전화로 정합니다" in clerk.get(url(clerk, "desk-application", row.pk)).content.decode()
    # No round takes it along, and each says so.
    first = calendar.payout_rounds(programme.current())[0]
    chosen = selection.Selection(first.pay_on, first.cut_off)
    assert selection.counts(chosen, programme.current()) == [("OFFLINE", 1, 160_130)]
    # An account opened later goes the usual way.
    change.change_account(application_id=row.pk, account_id=make.account(holder).pk, person_index=holder.person_index)
    row.refresh_from_db()
    assert (row.status, row.account.is_offline) == ("APPROVED", False)


def test_a_misspelt_holder_is_put_right_and_looked_at_again(clerk, holder, bank) -> None:
    line = make.line(holder)
    prove(clerk, line, came_as="PROXY", came_name="이아들")
    papers = ["POWER", "SEAL", "HOLDER_ID", "PROXY_ID"]
    file(clerk, line, owner="이정슌", owner_born="19540402", documents=papers)
    row = Application.objects.get()
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="APPROVE", reason="위임장 확인")
    row.refresh_from_db()
    assert row.status == "APPROVED"
    change = {"act": "account", "bank": "088", "number": "11022033055", "owner": "이정순"}
    assert clerk.post(url(clerk, "desk-application", row.pk), change).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.account.holder_name, row.reviewed) == ("REVIEW", "이정순", False)
    assert row.decisions.last().code == "HOLDER_RENAMED"


def test_the_number_for_notices_moves_with_the_customer_there(clerk, holder, bank) -> None:
    line = make.line(holder)
    prove(clerk, line)
    file(clerk, line)
    row = Application.objects.get()
    page = url(clerk, "desk-application", row.pk)
    clerk.post(page, {"act": "contact"})  # nothing to change: the number is the one just confirmed
    assert not Message.objects.filter(kind="filing.contact_changed").exists()
    clerk.post(url(clerk, "desk-leave"))
    prove(clerk, line, contact="010-5555-9999")
    page = url(clerk, "desk-application", row.pk)
    assert "010-****-9999" in clerk.get(page).content.decode()
    clerk.post(page, {"act": "contact"})
    filing = Filing.objects.get()
    message = Message.objects.get(kind="filing.contact_changed")
    assert (filing.contact, message.to) == ("01055559999", "01055557720")
    clerk.post(url(clerk, "desk-leave"))
    clerk.post(page, {"act": "contact"})
    assert Message.objects.filter(kind="filing.contact_changed").count() == 1


def test_an_objection_is_taken_at_the_desk_with_its_documents(clerk, holder) -> None:
    line = make.line(holder, outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE", refundable_krw=0)
    foreign = make.line(make.customer(), outcome="NOT_ELIGIBLE", reasons="IOT", refundable_krw=0)
    page = url(clerk, "desk-object", line.pk)
    assert clerk.get(page).status_code == 404  # nobody is found yet
    prove(clerk, line)
    page = url(clerk, "desk-object", line.pk)
    assert page in clerk.get(url(clerk, "desk-customer")).content.decode()
    assert clerk.get(url(clerk, "desk-object", foreign.pk)).status_code == 404
    assert clerk.post(page, {"words": ""}).status_code == 422
    sent = {"kind": "OTHER", "words": "기기를 바꾸지 않았다고 함", "files": SimpleUploadedFile("영수증.pdf", PDF)}
    assert clerk.post(page, sent)["Location"] == url(clerk, "desk-customer")
    row = Objection.objects.get()
    assert (row.words, row.contact, row.evidence.get().name) == (sent["words"], "01055557720", "영수증.pdf")


def test_a_late_customer_is_served_with_the_reason_and_papers(clerk, holder, bank, at) -> None:
    at("2026-03-10T10:00+09:00")
    line = make.line(holder)
    prove(clerk, line)
    assert "신청 기간이 지나 이유를 보고 정합니다" in clerk.get(url(clerk, "desk-customer")).content.decode()
    assert "늦으신 이유를" in file(clerk, line).content.decode()
    file(clerk, line, late_kind="OVERSEAS", late_ended_on="2026-03-05", late_words="파견")
    row = Application.objects.get()
    assert (row.status, row.filing.late_reason.kind) == ("LATE", "OVERSEAS")
    page = url(clerk, "desk-application", row.pk)
    bad = {"act": "files", "files": SimpleUploadedFile("a.exe", b"MZ")}
    assert "PDF, JPG, PNG" in clerk.post(page, bad).content.decode()
    clerk.post(page, {"act": "files", "files": SimpleUploadedFile("출입국.pdf", PDF)})
    assert "출입국.pdf" in clerk.get(page).content.decode()
    assert row.filing.evidence.get().added_by.startswith("staff:")


def test_a_filing_of_another_door_is_named_and_not_opened(clerk, holder, bank, monkeypatch) -> None:
    line = make.line(holder)
    prove(clerk, line)
    # Between the page and the click the customer applied on the website.
    monkeypatch.setattr(queries, "live_applications", lambda _contracts: {})
    filed = submit(holder, line).filing
    answer = file(clerk, line)
    assert answer["Location"] == url(clerk, "desk-customer")
    assert filed.reference in clerk.get(url(clerk, "desk-customer")).content.decode()
    assert Application.objects.count() == 1


def test_nobody_serves_themselves(holder) -> None:
    line = make.line(holder)
    self_clerk = as_staff(Client(), staff_user("clerk", username="lee", store=store("A"), ci="lee"))
    assert "다른 직원이 처리해야" in find(self_clerk, line).content.decode()


def test_an_outage_is_entered_by_a_supervisor_with_a_reason(holder, bank, at) -> None:
    at("2026-01-20T10:00+09:00")
    line = make.line(holder)
    supervisor = as_staff(Client(), staff_user("supervisor", username="boss", store=store("A")))
    prove(supervisor, line)
    page = file(supervisor, line, outage_on="2026-01-18", outage_reason="")
    assert "감독자가 사유를" in page.content.decode()
    file(supervisor, line, outage_on="2026-01-18", outage_reason="18일 저녁 접수 장애")
    row = Application.objects.get()
    assert row.applied_on == dt.date(2026, 1, 18)
    assert row.filing.received_at.date() == dt.date(2026, 1, 20)


def test_notes_and_promised_calls(agent, clerk, holder) -> None:
    line = make.line(holder)
    prove(clerk, line)
    clerk.post(url(clerk, "desk-note"), {"words": "850302-1234567 라고 하심"})
    assert Note.objects.count() == 0
    clerk.post(url(clerk, "desk-note"), {"words": "내일 통장을 가져오기로 함", "call_back": "2026-01-16T15:00"})
    assert "내일 통장을" in clerk.get(url(clerk, "desk-customer")).content.decode()
    note = Note.objects.get()
    page = reverse("portal:desk-called", args=[note.pk])
    assert agent.get(page).status_code == 404  # a store keeps its own promises (D7)
    assert "이*순" in clerk.get(reverse("portal:desk")).content.decode()
    assert "01055557720" not in clerk.get(page).content.decode()
    assert "01055557720" in clerk.post(page, {"act": "number"}).content.decode()
    clerk.post(page, {"outcome": "NO_ANSWER"})
    note.refresh_from_db()
    assert (note.tries, note.called_at) == (1, None)
    assert clerk.post(page, {"outcome": "MOVED", "again": ""}).status_code == 422
    clerk.post(page, {"outcome": "REACHED"})
    note.refresh_from_db()
    assert note.called_at is not None
    assert note.owner == note.written_by


def test_other_roles_have_no_desk() -> None:
    for role in ("maker", "auditor", "administrator"):
        assert as_staff(Client(), staff_user(role)).get(reverse("portal:desk")).status_code == 403
