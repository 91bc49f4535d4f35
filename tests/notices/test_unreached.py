"""Undelivered messages: the proposed channel, the steps that take a message off the list, and the audit of them."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import crypto
from kt_remedy.notices import service, staff_views, unreached
from kt_remedy.notices.models import Message
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db

OWN, OTHERS = "filing.received_open", "rewards.applied"  # to a number the customer confirmed; to one of billing


def failed(who: str, *, kind: str = OWN, subject: str = "1", to: str = "01012345678", reason: str = "3014") -> Message:
    service.queue(kind=kind, subject=subject, person=crypto.blind_index(who, "ci"), to=to)
    message = Message.objects.latest("pk")
    if to:
        Message.objects.filter(pk=message.pk).update(state="FAILED", reason=reason)
    return message


@pytest.mark.parametrize(
    ("kind", "to", "reason", "way"),
    [
        (OWN, "", "NO_NUMBER", "POST"),
        (OWN, "01012345678", "3014", "CALL"),
        (OTHERS, "01012345678", "3014", "POST"),
        (OTHERS, "01012345678", "3040", "CALL"),
        (OTHERS, "01012345678", "NOT_FOUND", "CALL"),
        (OTHERS, "01012345678", "NO_RECEIPT", "CALL"),
        (OTHERS, "", "NO_NUMBER", "POST"),
    ],
)
def test_the_way_is_proposed_from_what_is_known(kind, to, reason, way):
    failed("kim", kind=kind, to=to, reason=reason)
    assert unreached.counts() == [(way, reason, 1)]


def test_a_later_message_of_the_same_kind_that_arrived_takes_a_person_off():
    first, other = failed("kim"), failed("lee")
    service.queue(kind=OTHERS, subject="2", person=bytes(first.person_index), to="01012345678")
    Message.objects.filter(kind=OTHERS).update(state="DELIVERED")
    assert unreached.rows().count() == 2, "a message of another kind has no effect"
    service.queue(kind=OWN, subject="2", person=bytes(first.person_index), to="01012345678")
    Message.objects.filter(subject="2").update(state="DELIVERED")
    assert list(unreached.rows()) == [other]
    later = failed("kim", subject="3")
    assert set(unreached.rows()) == {other, later}, "a later failed message is on the list again"


def test_who_was_reached_leaves_the_list_with_all_of_the_kind_and_only_once(at):
    ten = at("2026-01-21T10:00+09:00")
    message, second = failed("kim"), failed("kim", subject="2")
    remaining = {failed("kim", kind=OTHERS), failed("lee")}
    agent = staff_user("agent")
    assert unreached.mark_reached(message_id=message.pk, channel="CALL", by=agent) == 2
    with pytest.raises(unreached.ReachedError):
        unreached.mark_reached(message_id=second.pk, channel="POST", by=agent)
    with pytest.raises(ValueError):
        unreached.mark_reached(message_id=message.pk, channel="PIGEON", by=agent)
    second.refresh_from_db()
    assert (second.state, second.reached_by, second.reached_how) == ("FAILED", agent, "CALL")
    assert ten <= second.reached_at < ten + dt.timedelta(minutes=5)
    assert set(unreached.rows()) == remaining
    entry = AuditEntry.objects.get(action="notices.reached")
    assert (entry.actor, entry.detail) == (f"staff:{agent.pk}", {"channel": "CALL", "messages": 2})


def test_a_long_list_says_how_many_it_shows(monkeypatch):
    failed("kim", reason="3040")
    failed("lee", reason="3040")
    agent = as_staff(Client(), staff_user("agent"))
    assert "전부는 파일로" not in agent.get(reverse("notices:sent")).content.decode()
    monkeypatch.setattr(staff_views, "SHOWN", 1)
    assert "최근 1건입니다" in agent.get(reverse("notices:sent")).content.decode()


def test_staff_call_and_note_it_on_the_page():
    message = failed("kim", reason="3040")
    failed("lee", to="")
    agent = as_staff(Client(), staff_user("agent"))
    shown = agent.get(reverse("notices:sent")).content.decode()
    page = reverse("notices:reach", args=[message.pk])
    assert page in shown
    assert "전화기가 꺼져 있거나 닿지 않음" in shown
    assert "01012345678" not in shown
    only = agent.get(reverse("notices:sent"), {"channel": "POST", "reason": "NO_NUMBER"}).content.decode()
    assert page not in only
    assert "모두 보기" in only
    assert page in agent.get(reverse("notices:sent"), {"channel": "POST", "reason": "\x01"}).content.decode()
    shown = agent.get(page).content.decode()
    assert "01012345678" not in shown
    assert "확인한 뒤 알려 드립니다" in shown, "the text of the message"
    refused = agent.post(page, {"reveal": "yes", "reason": ""})
    assert refused.status_code == 422
    assert "01012345678" not in refused.content.decode()
    shown = agent.post(page, {"reveal": "yes", "reason": "전화로 알리려고"}).content.decode()
    assert "01012345678" in shown
    assert f'content="30;url={page}"' in shown
    entry = AuditEntry.objects.get(action="reveal.phone", object=f"message:{message.pk}")
    assert entry.reason == "전화로 알리려고"
    assert "알린 방법을 골라 주세요" in agent.post(page, {"channel": "PIGEON"}).content.decode()
    shown = agent.post(page, {"channel": "CALL"}, follow=True).content.decode()
    assert "알린 것으로 적었습니다" in shown
    assert page not in shown
    assert "이미 알린 분이거나" in agent.post(page, {"channel": "CALL"}, follow=True).content.decode()
    supervisor = as_staff(Client(), staff_user("supervisor"))
    answer = supervisor.post(reverse("notices:sent"), {"reason": "우편"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [line.split(",")[3] for line in lines[1:]] == ["POST"]


def test_letters_to_a_whole_list_are_noted_at_once_and_only_to_who_was_on_it():
    first, second = failed("kim", to=""), failed("lee", to="")
    others = {failed("park"), failed("choi", kind=OTHERS)}
    client = as_staff(Client(), staff_user("supervisor"))
    selection = {"channel": "POST", "reason": "NO_NUMBER"}
    shown = client.get(reverse("notices:sent"), selection).content.decode()
    assert "편지 보낸 것으로 적기" in shown
    assert "편지 보낸 것으로 적기" not in client.get(reverse("notices:sent")).content.decode()
    assert f'name="until" value="{second.pk}"' in shown
    later = failed("jung", to="")
    answer = {"why": "NO_NUMBER", "until": second.pk}
    address = reverse("notices:letters")
    assert "표시해 주세요" in client.post(address, answer, follow=True).content.decode()
    assert "2건을 편지로" in client.post(address, {**answer, "sure": "on"}, follow=True).content.decode()
    assert set(unreached.rows()) == {*others, later}
    assert set(Message.objects.filter(reached_how="POST")) == {first, second}
    assert "이미 적혀 있습니다" in client.post(address, {**answer, "sure": "on"}, follow=True).content.decode()
    assert AuditEntry.objects.get(action="notices.letters_sent").detail["messages"] == 2
    agent = as_staff(Client(), staff_user("agent"))
    assert "편지 보낸 것으로 적기" not in agent.get(reverse("notices:sent"), selection).content.decode()
