"""Opt-out from reminders: the messages it stops, the persons it covers, and the opt-in."""

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices import service, texts
from kt_remedy.notices.models import Message, OptOut
from tests.notices.gateway_stand_in import received
from tests.notices.sending import send_due
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db

PAGE, DESK = "/messages/opt-out/", "/messages/opt-outs/"
TEXT = {"ko": "[KT] 신청해 주세요. 문의 {hotline}(무료)", "en": "[KT] Please apply. Questions: {hotline} (free)"}


def reminders(monkeypatch, *people: tuple[str, bytes]) -> None:
    monkeypatch.setattr(texts, "_kinds", {})
    service.register("round", text=TEXT, label="", optional=True, address=lambda message: message.recipient)
    service.register("own", text=TEXT, label="")
    select = "SELECT i AS person_index, n AS recipient, 'ko' AS language FROM unnest(%(n)s, %(i)s) AS t (n, i)"
    numbers, indexes = [list(column) for column in zip(*people, strict=True)]
    service.queue_all(kind="round", subject="1", select=select, params={"n": numbers, "i": indexes})


def test_the_page_says_what_it_stops_and_what_not_and_goes_both_ways():
    client = as_customer(Client(), person("kim", phone="01071240001"))
    shown = client.get(PAGE).content.decode()
    assert "010-****-0001" in shown
    for kind in texts.kinds():
        assert (f"그만 받습니다: {kind.label}" in shown) is kind.optional
    assert "계속 받습니다" in shown
    assert "보내지 않습니다" in client.post(PAGE, {"act": "stop"}, follow=True).content.decode()
    assert client.post(PAGE, {"act": "stop"}).status_code == 302, "a second opt-out changes nothing"
    assert OptOut.objects.count() == 2
    assert "안내 문자 다시 받기" in client.get(PAGE).content.decode()
    assert "다시 보내 드립니다" in client.post(PAGE, {"act": "start"}, follow=True).content.decode()
    client.post(PAGE, {"act": "something"})
    assert OptOut.objects.count() == 0
    entries = AuditEntry.objects.filter(action__startswith="notices.opted").order_by("id")
    assert [entry.action for entry in entries] == ["notices.opted_out", "notices.opted_in"]
    assert all("0001" not in entry.object for entry in entries)


def test_it_needs_a_verified_person():
    assert reverse("identity:start") in Client().post(PAGE, {"act": "stop"})["Location"]
    assert not OptOut.objects.exists()


def test_it_stops_reminders_to_the_person_on_any_number_and_to_the_number_and_nothing_else(at, sandbox, monkeypatch):
    at("2026-01-20T10:00+09:00")
    kim, lee = person("kim", phone="01071240011"), person("lee", phone="01071240012")
    as_customer(Client(), kim).post(PAGE, {"act": "stop"})
    as_staff(Client(), staff_user("agent")).post(DESK, {"number": "010-7124-0013", "act": "stop"})
    everybody = [("01071240019", kim.ci_index), (lee.phone, lee.ci_index), ("01071240013", b"another")]
    reminders(monkeypatch, *everybody)
    service.queue(kind="own", subject="application:1", person=kim.ci_index, to=kim.phone)
    send_due()
    send_due()
    assert received(sandbox, [number for number, _ in everybody] + [kim.phone]) == {lee.phone: 1, kim.phone: 1}
    stopped = Message.objects.filter(reason="OPTED_OUT").values_list("recipient", flat=True)
    assert set(stopped) == {"01071240019", "01071240013"}


def test_an_agent_enters_it_for_a_caller():
    agent = as_staff(Client(), staff_user("agent"))
    page = agent.post(DESK, {"number": "+82 10-7124-0021", "act": "stop"}, follow=True).content.decode()
    assert "010-****-0021: 신청 안내 문자를 보내지 않습니다" in page
    assert service.has_opted_out(number="01071240021")
    assert "휴대폰 번호를 적어 주세요" in agent.post(DESK, {"number": "080-470-7790"}).content.decode()
    agent.post(DESK, {"number": "01071240021", "act": "start"})
    assert not service.has_opted_out(number="01071240021")
    entry = AuditEntry.objects.filter(action="notices.opted_out").get()
    assert entry.actor.startswith("staff:")
