"""A message is sent once for every fault of the gateway; the gateway's own log proves it."""

import dataclasses
import datetime as dt
import itertools
import time

import pytest
from django.db import connection
from django.db.models.functions import Now

from kt_remedy.core import crypto
from kt_remedy.core.tasks import dispatch, upkeep
from kt_remedy.notices import batches, following, sender, service, tasks, texts
from kt_remedy.notices.models import Mailing, Message, MessageBatch, OptOut, Pace
from tests.background import run_due
from tests.notices.gateway_stand_in import calls, control, received, texts_to
from tests.notices.sending import ask_unclear, end_pauses, follow_accepted, form, send_due

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


def test_a_message_is_sent_once_and_followed_to_its_delivery(gateway):
    number = next(numbers)
    message = queue(f"+82 {number[1:3]}-{number[3:7]}-{number[7:]}")
    queue(f"+82 {number[1:3]}-{number[3:7]}-{number[7:]}")
    assert Message.objects.count() == 1
    assert message.to == number
    assert number.encode() not in bytes(message.to_enc)
    assert send_due() == 1
    assert send_due() == 0
    assert state(message) == "ACCEPTED"
    assert texts_to(gateway, number) == ["[KT] 접수되었습니다. 지급 예정일 1/22(목). 문의 080-470-7790(무료)"]
    end_pauses()
    follow_accepted()
    assert state(message) == "ACCEPTED", "the carrier has it"
    end_pauses()
    time.sleep(1.1)
    assert follow_accepted() == 1
    assert state(message) == "DELIVERED"
    end_pauses()
    assert follow_accepted() == 0


@pytest.mark.parametrize("mode", ["accept_hang", "accept_500", "garbled"])
def test_accepted_without_a_clear_answer_is_found_and_never_sent_again(gateway, mode):
    number = next(numbers)
    message = queue(number)
    control(gateway, mode, 1)
    send_due()
    assert state(message) == "SENDING"
    send_due()
    assert ask_unclear() == 1
    assert state(message) == "ACCEPTED"
    send_due()
    assert received(gateway, [number]) == {number: 1}


@pytest.mark.parametrize("mode", ["hang", "500"])
def test_what_the_gateway_does_not_know_becomes_unknown_and_is_never_sent_again(gateway, mode):
    number = next(numbers)
    message = queue(number)
    control(gateway, mode, 1)
    send_due()
    assert ask_unclear() == 0
    assert state(message) == "SENDING"
    Message.objects.update(tried_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=11))
    end_pauses()
    ask_unclear()
    assert (state(message), message.reason) == ("UNKNOWN", "NOT_FOUND")
    send_due()
    assert received(gateway, [number]) == {}


def test_nobody_is_given_up_while_the_gateway_does_not_even_answer_questions(gateway):
    message = queue(next(numbers))
    control(gateway, "blind")
    send_due()
    Message.objects.update(tried_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    assert ask_unclear() == 0
    assert state(message) == "SENDING"
    batch = MessageBatch.objects.get()
    assert (batch.state, batch.attempts) == ("SENT", 1)
    assert batch.retry_at > dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10), "it asks less and less often"


def test_an_unclear_message_is_asked_about_by_the_number_it_went_to(gateway):
    """The register may hold another number meanwhile; a search by that number would find nothing."""
    now = {"number": next(numbers)}
    service.register("round", text=BULK, label="", optional=True, address=lambda message: now["number"])
    select = "SELECT 'x'::bytea AS person_index, 'L1' AS recipient, 'ko' AS language"
    service.queue_all(kind="round", subject="1", select=select)
    message, number = Message.objects.get(), now["number"]
    control(gateway, "accept_500", 1)
    send_due()
    now["number"] = None
    assert ask_unclear() == 1
    assert state(message) == "ACCEPTED"
    assert received(gateway, [number]) == {number: 1}
    assert message.to == number
    assert number.encode() not in bytes(message.to_enc)


def test_one_question_without_an_answer_does_not_hold_up_the_others(gateway, monkeypatch, settings):
    settings.SMS_ASK_AFTER_SECONDS = 5
    first, second = queue(next(numbers)), queue(next(numbers))
    control(gateway, "accept_500", 1)
    send_due()
    for message, seconds in ((first, 20), (second, 10)):
        tried_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
        Message.objects.filter(pk=message.pk).update(tried_at=tried_at, retry_at=tried_at + dt.timedelta(seconds=5))
    MessageBatch.objects.update(retry_at=None)
    real = sender.gateway.find_messages

    def find_messages(*, to, **window):
        if to == first.to:
            raise sender.gateway.TemporaryFailure("no answer")
        return real(to=to, **window)

    monkeypatch.setattr(sender.gateway, "find_messages", find_messages)
    assert ask_unclear() == 0
    MessageBatch.objects.update(retry_at=None)  # the pause of the batch, not that of the message
    assert ask_unclear() == 1
    assert (state(first), state(second)) == ("SENDING", "ACCEPTED")


def test_receipts_that_come_again_or_contradict_the_last_one_change_nothing(gateway):
    number = next(numbers)
    message = queue(number)
    send_due()
    state(message)
    receipt = sender.gateway.GatewayMessage(
        sender.attempt_key(message), message.provider_id, message.provider_group, "4000"
    )
    late = dataclasses.replace(receipt, status="3047")
    again = dataclasses.replace(receipt, status="3043")
    batch = MessageBatch.objects.get()
    following._take_receipts(batch, [receipt, receipt])
    assert state(message) == "DELIVERED"
    settled_at = message.settled_at
    for reported in (receipt, late, again):
        following._take_receipts(batch, [reported])
    assert (state(message), message.settled_at) == ("DELIVERED", settled_at)
    end_pauses()
    send_due()
    assert received(gateway, [number]) == {number: 1}


def test_a_busy_or_missing_gateway_only_delays(gateway, settings):
    number = next(numbers)
    message = queue(number)
    control(gateway, "busy", 1)
    send_due()
    assert (state(message), message.attempts) == ("QUEUED", 0)
    end_pauses()
    settings.SOLAPI_API_URL = "http://127.0.0.1:9"
    send_due()
    assert state(message) == "QUEUED"
    end_pauses()
    settings.SOLAPI_API_URL = f"{gateway}/solapi"
    assert send_due() == 1
    assert received(gateway, [number]) == {number: 1}


def test_one_bad_number_does_not_hold_up_the_others(gateway):
    good = [next(numbers) for _ in range(3)]
    messages = [queue(number) for number in good]
    bad = queue("021234567")
    send_due()
    assert {state(message) for message in messages} == {"ACCEPTED"}
    assert (state(bad), bad.reason) == ("FAILED", "ValidationError")
    assert received(gateway, good) == dict.fromkeys(good, 1)


def test_a_message_without_a_number_is_on_the_list_of_the_undeliverable(gateway):
    person = crypto.blind_index("x", "ci")
    service.queue(kind="received", subject="1", person=person, to="", context={"pay_on": "1/22"})
    assert Message.objects.values_list("state", "reason").get() == ("FAILED", "NO_NUMBER")


def test_final_and_passing_faults_of_the_carrier_are_told_apart(gateway):
    refused, off = queue("01079999021"), queue("01079999022")
    send_due()
    time.sleep(1.1)
    end_pauses()
    follow_accepted()
    assert (state(refused), refused.reason) == ("FAILED", "3047")
    assert (state(off), off.reason) == ("FAILED_TEMPORARY", "3043")
    assert send_due() == 0, "it pauses"
    end_pauses()
    assert send_due() == 1
    Message.objects.filter(pk=off.pk).update(attempts=sender.TRIES)
    time.sleep(1.1)
    end_pauses()
    follow_accepted()
    assert (state(off), off.reason) == ("FAILED", "3043")


@pytest.mark.parametrize(
    ("hour", "leaves"), [("08:59", 0), ("09:00", 1), ("19:59", 1), ("20:00", 0), ("23:30", 0), ("03:00", 0)]
)
def test_nothing_leaves_outside_the_hours(gateway, at, hour, leaves):
    queue(next(numbers))
    at(f"2026-01-21T{hour}+09:00")
    assert send_due() == leaves


@pytest.mark.parametrize("hour", ["10:00", "20:00", "23:30", "03:00"])
def test_codes_and_warnings_leave_at_any_hour(gateway, at, hour):
    service.register("alarm", text=BULK, label="", urgent=True)
    queue(next(numbers))
    service.queue(kind="alarm", subject="1", person=b"p" * 32, to=next(numbers))
    at(f"2026-01-21T{hour}+09:00")
    assert send_due() == (2 if hour == "10:00" else 1)
    waiting = Message.objects.filter(state="QUEUED").values_list("kind", flat=True)
    assert "alarm" not in waiting


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
    first, *_later = form()
    tasks.send(first.pk)
    assert state(single) == "ACCEPTED"
    assert received(gateway, crowd) == {}
    settings.SMS_PER_SECOND = 50
    send_due()
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
    send_due()
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
    assert send_due() == 0
    assert (state(message), message.reason) == ("CANCELLED", "WITHDRAWN")


def test_a_message_that_cannot_be_made_does_not_hold_up_the_others(gateway):
    def broken(message):
        raise OSError

    service.register("broken", text=BULK, label="", recheck=broken)
    person = crypto.blind_index("y", "ci")
    service.queue(kind="broken", subject="1", person=person, to=next(numbers))
    message = queue(next(numbers))
    before = calls(gateway)
    send_due()
    assert state(message) == "ACCEPTED"
    assert calls(gateway) == before + 1
    assert Message.objects.get(kind="broken").state == "FAILED_TEMPORARY"


def test_the_pace_is_kept(gateway, settings):
    settings.SMS_PER_SECOND = 5
    for _ in range(11):
        queue(next(numbers))
    began = time.monotonic()
    assert send_due() == 11
    assert time.monotonic() - began >= 2
    assert list(MessageBatch.objects.order_by("pk").values_list("size", flat=True)) == [5, 5, 1]


def test_slots_follow_each_other_however_often_batches_are_formed(settings, at):
    at("2026-01-20T10:00+09:00")
    settings.SMS_PER_SECOND = 5
    for _ in range(40):
        queue(next(numbers))
    began = dt.datetime.now(dt.UTC)
    for _ in range(5):
        form()
        Pace.objects.update(retry_at=None)
    slots = list(MessageBatch.objects.order_by("retry_at").values_list("retry_at", flat=True))
    assert [round((slot - slots[0]).total_seconds(), 3) for slot in slots] == [0, 1], (
        "a full batch that fits no more waits"
    )
    assert slots[0] >= began
    assert Pace.objects.get().next_at == slots[1] + dt.timedelta(seconds=1)


def test_a_slot_never_lies_in_the_past_and_late_batches_make_no_heap(settings, at):
    """Workers that come back find a few seconds' worth of messages, not all that could have left meanwhile."""
    at("2026-01-20T10:00+09:00")
    settings.SMS_PER_SECOND = 5
    for _ in range(40):
        queue(next(numbers))
    hour_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    for _ in range(5):
        form()
        MessageBatch.objects.update(retry_at=hour_ago)
        Pace.objects.update(retry_at=None, next_at=hour_ago)
    assert MessageBatch.objects.count() == 2
    MessageBatch.objects.update(state="SENT")
    began = dt.datetime.now(dt.UTC)
    form()
    assert MessageBatch.objects.filter(state="WAITING", retry_at__gte=began).count() == 2


def test_messages_that_may_not_leave_make_no_work(settings, at):
    """The tick finds no pace due: for a held round, in the night, during a pause."""
    settings.ROUNDS_NEED_APPROVAL = True
    Pace.objects.update(waiting_since=Now())  # not one that nobody has looked at for long
    service.register("round", text=BULK, label="", optional=True, address=lambda message: message.recipient)
    at("2026-01-20T10:00+09:00")
    select = "SELECT 'x'::bytea AS person_index, 'L1' AS recipient, 'ko' AS language"
    service.queue_all(kind="round", subject="1", select=select)
    assert not batches.open_paces().exists()
    Mailing.objects.update(state="OPEN")
    assert batches.open_paces().exists()
    at("2026-01-20T20:00+09:00")
    assert not batches.open_paces().exists()
    at("2026-01-21T09:00+09:00")
    assert batches.open_paces().exists()
    Message.objects.update(retry_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5))
    assert not batches.open_paces().exists()


def test_the_tick_reads_no_message_of_a_held_round(at):
    """A join would read half a million of them each second; the planner likes it while its statistics are old."""
    at("2026-01-20T10:00+09:00")
    with connection.cursor() as cursor:
        # Tests that were rolled back leave pages behind, which the planner counts.
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = batches.open_paces().explain()
    assert "message_bulk" in plan
    assert "Join" not in plan


def test_a_pace_is_looked_at_now_and_then_so_that_a_missing_worker_is_seen(at, client, caplog):
    at("2026-01-20T03:00+09:00")
    Pace.objects.update(waiting_since=Now())  # the row is as old as the database of this run
    run_due("rest")
    name = "kt_remedy.notices.tasks.form_batches"
    assert not dispatch.overdue()
    Pace.objects.update(waiting_since=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=3))
    assert dispatch.overdue() == [name]
    answer = client.get("/pulsez")
    assert (answer.status_code, name in answer.json()["jobs"]) == (503, True)
    assert upkeep.warn_of_overdue("").values == {"codes": name}
    assert f"task overdue: {name}" in caplog.text
    form()
    assert not dispatch.overdue()
    assert upkeep.warn_of_overdue("") is None


def test_a_batch_that_became_late_or_paused_gives_its_messages_back(gateway, at):
    service.register("round", text=BULK, label="", address=lambda message: message.recipient)
    select = "SELECT 'x'::bytea AS person_index, %(to)s AS recipient, 'ko' AS language"
    number = next(numbers)
    service.queue_all(kind="round", subject="1", select=select, params={"to": number})
    (batch,) = form()
    Mailing.objects.update(state="PAUSED")
    tasks.send(batch.pk)
    Mailing.objects.update(state="OPEN")
    (batch,) = form()
    at("2026-01-20T20:00+09:00")
    time.sleep(0.05)
    tasks.send(batch.pk)
    assert set(MessageBatch.objects.values_list("state", flat=True)) == {"DONE"}
    assert Message.objects.values_list("state", "batch", "attempts").get() == ("QUEUED", None, 0)
    at("2026-01-21T09:00+09:00")
    assert send_due() == 1
    assert received(gateway, [number]) == {number: 1}


def test_a_second_run_of_a_batch_sends_nothing_again(gateway):
    number = next(numbers)
    message = queue(number)
    (batch,) = form()
    tasks.send(batch.pk)
    tasks.send(batch.pk)
    MessageBatch.objects.update(state="WAITING", retry_at=None)  # as if its end had not been written
    tasks.send(batch.pk)
    Message.objects.update(state="SENDING")
    MessageBatch.objects.update(state="WAITING", retry_at=None)
    tasks.send(batch.pk)
    end_pauses()
    assert ask_unclear() == 1
    assert state(message) == "ACCEPTED"
    assert received(gateway, [number]) == {number: 1}


def test_calls_one_by_one_end_in_time(gateway, monkeypatch):
    """What was not called yet waits for another batch: the gateway has certainly not got it."""
    good = [next(numbers) for _ in range(3)]
    messages = [queue(number) for number in good]
    queue("021234567")
    monkeypatch.setattr(sender, "CALL_SECONDS", 0)
    before = calls(gateway)
    (batch,) = form()
    tasks.send(batch.pk)
    assert calls(gateway) == before
    assert {(state(message), message.attempts, message.batch) for message in messages} == {("QUEUED", 0, None)}


def test_nothing_of_a_failing_call_is_logged_but_its_kind(gateway, caplog):
    number = next(numbers)
    queue(number)
    control(gateway, "accept_500", 1)
    send_due()
    queue("0211112222")
    send_due()
    assert caplog.records
    assert number not in caplog.text
    assert "0211112222" not in caplog.text
