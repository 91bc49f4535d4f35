"""A message is sent once for every fault of the gateway; the gateway's own log proves it."""

import dataclasses
import datetime as dt
import itertools

import pytest
from django.db import connection

from kt_remedy.core import crypto
from kt_remedy.notices import sender, service, texts
from kt_remedy.notices.models import Message, OptOut
from tests.notices.gateway_stand_in import calls, control, received, texts_to

pytestmark = pytest.mark.django_db

numbers = (f"0107{n:07d}" for n in itertools.count(1000))
KO = "[KT] 접수되었습니다. 지급 예정일 {pay_on}. 문의 {hotline}(무료)"
EN = "[KT] Received. Pay day {pay_on}. Questions: {hotline} (free)"
BULK = {"ko": "[KT] 신청해 주세요. 문의 {hotline}(무료)", "en": "[KT] Please apply. Questions: {hotline} (free)"}


@pytest.fixture
def gateway(sandbox, settings, at):
    settings.SMS_ASK_AFTER_SECONDS = 0
    at("2026-01-20T10:00+09:00")
    yield sandbox
    control(sandbox, "ok")


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch):
    monkeypatch.setattr(texts, "_kinds", {})
    service.register("received", text={"ko": KO, "en": EN}, label="접수", example={"pay_on": dt.date(2026, 1, 22)})


def queue(number: str, subject: str = "1", **more) -> Message:
    person = crypto.blind_index(number, "ci")
    service.queue(
        kind="received", subject=subject, person=person, to=number, context={"pay_on": dt.date(2026, 1, 22)}, **more
    )
    return Message.objects.get(kind="received", subject=subject, person_index=person)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def due_again() -> None:
    """End every pause."""
    Message.objects.update(lease_until=None)


def test_a_message_is_sent_once_and_followed_to_its_delivery(gateway):
    number = next(numbers)
    message = queue(f"+82 {number[1:3]}-{number[3:7]}-{number[7:]}")
    queue(f"+82 {number[1:3]}-{number[3:7]}-{number[7:]}")
    assert Message.objects.count() == 1
    assert message.to == number
    assert number.encode() not in bytes(message.to_enc)
    assert sender.send_due() == 1
    assert sender.send_due() == 0
    assert state(message) == "ACCEPTED"
    assert texts_to(gateway, number) == ["[KT] 접수되었습니다. 지급 예정일 1/22(목). 문의 080-470-7790(무료)"]
    sender.follow_accepted()
    assert state(message) == "ACCEPTED", "the carrier has it"
    due_again()
    sender.time.sleep(1.1)
    assert sender.follow_accepted() == 1
    assert state(message) == "DELIVERED"
    due_again()
    assert sender.follow_accepted() == 0


@pytest.mark.parametrize("mode", ["accept_hang", "accept_500", "garbled"])
def test_accepted_without_a_clear_answer_is_found_and_never_sent_again(gateway, mode):
    number = next(numbers)
    message = queue(number)
    control(gateway, mode, 1)
    sender.send_due()
    assert state(message) == "SENDING"
    sender.send_due()
    assert sender.ask_unclear() == 1
    assert state(message) == "ACCEPTED"
    sender.send_due()
    assert received(gateway, [number]) == {number: 1}


@pytest.mark.parametrize("mode", ["hang", "500"])
def test_what_the_gateway_does_not_know_becomes_unknown_and_is_never_sent_again(gateway, mode):
    number = next(numbers)
    message = queue(number)
    control(gateway, mode, 1)
    sender.send_due()
    assert sender.ask_unclear() == 0
    assert state(message) == "SENDING"
    Message.objects.update(lease_until=None, tried_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=11))
    sender.ask_unclear()
    assert (state(message), message.reason) == ("UNKNOWN", "NOT_FOUND")
    sender.send_due()
    assert received(gateway, [number]) == {}


def test_nobody_is_given_up_while_the_gateway_does_not_even_answer_questions(gateway):
    message = queue(next(numbers))
    control(gateway, "blind")
    sender.send_due()
    Message.objects.update(tried_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    assert sender.ask_unclear() == 0
    assert state(message) == "SENDING"


def test_an_unclear_message_is_asked_about_by_the_number_it_went_to(gateway):
    """The register may hold another number meanwhile; a search by that number would find nothing."""
    now = {"number": next(numbers)}
    service.register("round", text=BULK, label="", optional=True, address=lambda message: now["number"])
    select = "SELECT 'x'::bytea AS person_index, 'L1' AS recipient, 'ko' AS language"
    service.queue_all(kind="round", subject="1", select=select)
    message, number = Message.objects.get(), now["number"]
    control(gateway, "accept_500", 1)
    sender.send_due()
    now["number"] = None
    assert sender.ask_unclear() == 1
    assert state(message) == "ACCEPTED"
    assert received(gateway, [number]) == {number: 1}
    assert message.to == number
    assert number.encode() not in bytes(message.to_enc)


def test_one_question_without_an_answer_does_not_hold_up_the_others(gateway, monkeypatch, settings):
    settings.SMS_ASK_AFTER_SECONDS = 5
    first, second = queue(next(numbers)), queue(next(numbers))
    control(gateway, "accept_500", 1)
    sender.send_due()
    Message.objects.filter(pk=first.pk).update(tried_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=20))
    Message.objects.filter(pk=second.pk).update(tried_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=10))
    real = sender.gateway.find_messages

    def find_messages(*, to, **window):
        if to == first.to:
            raise sender.gateway.TemporaryFailure("no answer")
        return real(to=to, **window)

    monkeypatch.setattr(sender.gateway, "find_messages", find_messages)
    assert [sender.ask_unclear(), sender.ask_unclear()] == [0, 1]
    assert (state(first), state(second)) == ("SENDING", "ACCEPTED")


def test_receipts_that_come_again_or_contradict_the_last_one_change_nothing(gateway):
    number = next(numbers)
    message = queue(number)
    sender.send_due()
    state(message)
    receipt = sender.gateway.GatewayMessage(
        sender._attempt_key(message), message.provider_id, message.provider_group, "4000"
    )
    late = dataclasses.replace(receipt, status="3047")
    again = dataclasses.replace(receipt, status="3043")
    assert sender._take_receipts([receipt, receipt]) == 1
    settled_at = Message.objects.get(pk=message.pk).settled_at
    assert [sender._take_receipts([reported]) for reported in (receipt, late, again)] == [0, 0, 0]
    assert (state(message), message.settled_at) == ("DELIVERED", settled_at)
    due_again()
    sender.send_due()
    assert received(gateway, [number]) == {number: 1}


def test_a_busy_or_missing_gateway_only_delays(gateway, settings):
    number = next(numbers)
    message = queue(number)
    control(gateway, "busy", 1)
    sender.send_due()
    assert (state(message), message.attempts) == ("QUEUED", 0)
    due_again()
    settings.SOLAPI_API_URL = "http://127.0.0.1:9"
    sender.send_due()
    assert state(message) == "QUEUED"
    due_again()
    settings.SOLAPI_API_URL = f"{gateway}/solapi"
    assert sender.send_due() == 1
    assert received(gateway, [number]) == {number: 1}


def test_one_bad_number_does_not_hold_up_the_others(gateway):
    good = [next(numbers) for _ in range(3)]
    messages = [queue(number) for number in good]
    bad = queue("021234567")
    sender.send_due()
    assert {state(message) for message in messages} == {"ACCEPTED"}
    assert (state(bad), bad.reason) == ("FAILED", "ValidationError")
    assert received(gateway, good) == dict.fromkeys(good, 1)


def test_a_message_without_a_number_is_on_the_list_of_the_undeliverable(gateway):
    person = crypto.blind_index("x", "ci")
    service.queue(kind="received", subject="1", person=person, to="", context={"pay_on": "1/22"})
    assert Message.objects.values_list("state", "reason").get() == ("FAILED", "NO_NUMBER")


def test_final_and_passing_faults_of_the_carrier_are_told_apart(gateway):
    refused, off = queue("01079999021"), queue("01079999022")
    sender.send_due()
    sender.time.sleep(1.1)
    sender.follow_accepted()
    assert (state(refused), refused.reason) == ("FAILED", "3047")
    assert (state(off), off.reason) == ("FAILED_TEMPORARY", "3043")
    assert sender.send_due() == 0, "it pauses"
    due_again()
    assert sender.send_due() == 1
    Message.objects.filter(pk=off.pk).update(attempts=sender.TRIES)
    sender.time.sleep(1.1)
    due_again()
    sender.follow_accepted()
    assert (state(off), off.reason) == ("FAILED", "3043")


@pytest.mark.parametrize(
    ("hour", "leaves"), [("08:59", 0), ("09:00", 1), ("19:59", 1), ("20:00", 0), ("23:30", 0), ("03:00", 0)]
)
def test_nothing_leaves_outside_the_hours(gateway, at, hour, leaves):
    queue(next(numbers))
    at(f"2026-01-21T{hour}+09:00")
    assert sender.send_due() == leaves


def test_single_messages_pass_the_round_that_waits(gateway, settings):
    service.register("round", text=BULK, label="", optional=True, address=lambda message: message.recipient)
    crowd = [next(numbers) for _ in range(3)]
    select = (
        "SELECT decode(md5(n), 'hex') AS person_index, n AS recipient, 'ko' AS language FROM unnest(%(crowd)s) AS n"
    )
    assert service.queue_all(kind="round", subject="1", select=select, params={"crowd": crowd}) == 3
    assert service.queue_all(kind="round", subject="1", select=select, params={"crowd": crowd}) == 0
    single = queue(next(numbers))
    settings.SMS_PER_SECOND = 1
    sender._send(sender._claim(1))
    assert state(single) == "ACCEPTED"
    assert received(gateway, crowd) == {}
    settings.SMS_PER_SECOND = 50
    sender.send_due()
    assert received(gateway, crowd) == dict.fromkeys(crowd, 1)
    assert texts_to(gateway, crowd[0]) == ["[KT] 신청해 주세요. 문의 080-470-7790(무료)"]


def test_a_round_is_written_by_a_plan_that_bears_half_a_million():
    """A nested loop takes hours; the planner would choose it by the statistics of an empty table."""
    service.register("round", text=BULK, label="", address=lambda message: message.recipient)
    select = "SELECT '\\x01'::bytea AS person_index, current_setting('enable_nestloop') AS recipient, 'ko' AS language"
    service.queue_all(kind="round", subject="1", select=select)
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_nestloop")
        assert (Message.objects.get().recipient, cursor.fetchone()[0]) == ("off", "on")


def test_each_is_looked_at_again_just_before_it_leaves(gateway):
    applied = set()
    service.register(
        "round",
        text=BULK,
        label="",
        optional=True,
        address=lambda message: message.recipient or None,
        recheck=lambda message: message.recipient not in applied,
    )
    crowd = [next(numbers) for _ in range(4)]
    select = (
        "SELECT decode(md5(n), 'hex') AS person_index, n AS recipient, 'en' AS language FROM unnest(%(crowd)s) AS n"
    )
    service.queue_all(kind="round", subject="1", select=select, params={"crowd": crowd})
    applied.add(crowd[0])
    service.opt_out(actor="customer", number=crowd[1])
    service.opt_out(actor="customer", number=crowd[1])
    Message.objects.filter(recipient=crowd[2]).update(recipient="x")
    sender.send_due()
    assert received(gateway, crowd) == {crowd[3]: 1}
    assert dict(Message.objects.values_list("recipient", "reason")) == {
        crowd[0]: "NO_LONGER_DUE",
        crowd[1]: "OPTED_OUT",
        "x": "NO_NUMBER",
        crowd[3]: "",
    }
    assert OptOut.objects.count() == 1
    assert texts_to(gateway, crowd[3]) == ["[KT] Please apply. Questions: 080-470-7790 (free)"]


def test_a_message_taken_back_does_not_leave(gateway):
    message = queue(next(numbers), "7")
    assert service.cancel(kind="received", subject="7", reason="WITHDRAWN") == 1
    assert sender.send_due() == 0
    assert (state(message), message.reason) == ("CANCELLED", "WITHDRAWN")


def test_a_message_that_cannot_be_made_does_not_hold_up_the_others(gateway):
    def broken(message):
        raise OSError

    service.register("broken", text=BULK, label="", recheck=broken)
    person = crypto.blind_index("y", "ci")
    service.queue(kind="broken", subject="1", person=person, to=next(numbers))
    message = queue(next(numbers))
    before = calls(gateway)
    sender.send_due()
    assert state(message) == "ACCEPTED"
    assert calls(gateway) == before + 1
    assert Message.objects.get(kind="broken").state == "FAILED_TEMPORARY"


def test_the_pace_is_kept(gateway, settings):
    settings.SMS_PER_SECOND = 5
    for _ in range(11):
        queue(next(numbers))
    began = sender.time.monotonic()
    assert sender.send_due() == 11
    assert sender.time.monotonic() - began >= 2


def test_nothing_of_a_failing_call_is_logged_but_its_kind(gateway, caplog):
    number = next(numbers)
    queue(number)
    control(gateway, "accept_500", 1)
    sender.send_due()
    queue("0211112222")
    sender.send_due()
    assert caplog.records
    assert number not in caplog.text
    assert "0211112222" not in caplog.text
