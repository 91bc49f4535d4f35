"""Mailings: approved before their hour, stopped when the list is too large, superseded, ended, sent again by two."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask
from kt_remedy.notices import mailings, preparing, recipients, resending, service, texts
from kt_remedy.notices.models import Mailing, Message
from refunds import reminders
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


def act(day: str) -> DatedTask:
    return DatedTask(code="refunds.reminder", due_at=dt.datetime.fromisoformat(f"{day}T10:00+09:00"))


@pytest.fixture
def prepared(at, settings) -> Mailing:
    """The first reminder to ten people, prepared on the day before."""
    settings.ROUNDS_NEED_APPROVAL = True
    at("2026-01-19T10:00+09:00")
    for _n in range(10):
        make.line(make.customer())
    preparing.prepare()
    return Mailing.objects.get(subject="round-1")


def release(item: Mailing) -> None:
    first, second = (staff_user("supervisor", username=name) for name in ("s1", "s2"))
    item.refresh_from_db()
    mailings.check(mailing_id=item.pk, user=first, seen=mailings.seal(item))
    mailings.approve(mailing_id=item.pk, user=second)


def test_it_is_approved_before_its_hour_and_drawn_at_it(prepared, at):
    assert (prepared.state, prepared.expected, Message.objects.count()) == ("HELD", 10, 0)
    release(prepared)
    left = make.line(make.customer())
    at("2026-01-20T10:00+09:00")
    reminders.start_reminder(act("2026-01-20"))
    assert Message.objects.filter(recipient=left.pk).exists(), "the list is that of the hour"
    assert Message.objects.count() == 11


def test_a_round_leaves_the_rounds_that_are_prepared_for_later_alone(prepared, at):
    release(prepared)
    at("2026-01-20T10:00+09:00")
    reminders.start_reminder(act("2026-01-20"))
    second = Mailing.objects.get(subject="round-2")
    assert (second.state, second.due_at) == ("HELD", dt.datetime.fromisoformat("2026-01-26T10:00+09:00"))
    release(second)
    at("2026-01-26T10:00+09:00")
    reminders.start_reminder(act("2026-01-26"))
    assert Message.objects.filter(subject="round-2").count() == 10
    prepared.refresh_from_db()
    assert prepared.ended_why == "SUPERSEDED"
    assert Mailing.objects.get(subject="round-3").state == "HELD"


def test_without_two_people_nothing_is_drawn_and_the_act_waits(prepared, at):
    at("2026-01-20T10:00+09:00")
    with pytest.raises(preparing.NotApproved):
        reminders.start_reminder(act("2026-01-20"))
    assert not Message.objects.exists()
    assert mailings.waiting_for_approval() == [prepared]
    release(prepared)
    reminders.start_reminder(act("2026-01-20"))
    assert Message.objects.count() == 10


def test_a_list_more_than_ten_per_cent_above_the_count_stops(prepared, at):
    release(prepared)
    for _n in range(2):
        make.line(make.customer())
    at("2026-01-20T10:00+09:00")
    with pytest.raises(preparing.TooMany):
        reminders.start_reminder(act("2026-01-20"))
    prepared.refresh_from_db()
    assert (prepared.state, prepared.too_many, Message.objects.count()) == ("HELD", 12, 0)
    assert (prepared.checked_by, prepared.approved_by) == (None, None)
    preparing.prepare()
    prepared.refresh_from_db()
    assert prepared.expected == 12
    release(prepared)
    reminders.start_reminder(act("2026-01-20"))
    assert Message.objects.count() == 12


def test_other_criteria_than_the_approved_ones_stop(prepared, at):
    release(prepared)
    Mailing.objects.update(criteria="0" * 64)
    at("2026-01-20T10:00+09:00")
    with pytest.raises(preparing.CriteriaChanged):
        reminders.start_reminder(act("2026-01-20"))
    assert not Message.objects.exists()


def test_a_count_that_changed_since_it_was_seen_is_refused(prepared):
    seen = mailings.seal(prepared)
    Mailing.objects.update(expected=9)
    with pytest.raises(mailings.MailingError) as refused:
        mailings.check(mailing_id=prepared.pk, user=staff_user("supervisor"), seen=seen)
    assert refused.value.code == "CHANGED"


def test_a_later_round_supersedes_an_open_earlier_one(at):
    at("2026-01-20T10:00+09:00")
    make.line(make.customer())
    reminders.start_reminder(act("2026-01-20"))
    at("2026-01-26T10:00+09:00")
    reminders.start_reminder(act("2026-01-26"))
    assert dict(Message.objects.values_list("subject", "state")) == {"round-1": "CANCELLED", "round-2": "QUEUED"}
    assert Mailing.objects.get(subject="round-1").ended_why == "SUPERSEDED"
    assert "대신함" in reminders.start_reminder(act("2026-01-20")).text
    at("2026-01-29T10:00+09:00")
    reminders.start_reminder(act("2026-01-29"))
    last = Mailing.objects.get(subject="round-3")
    assert last.kind == "reminder.last"
    assert "마지막" in last.ko
    assert "last" in last.en


@pytest.mark.parametrize(("sent_on", "due"), [("2026-01-23", True), ("2026-01-24", True), ("2026-01-25", False)])
def test_two_days_lie_between_reminders_to_one_person(at, sent_on, due):
    at("2026-01-26T10:00+09:00")
    make.line(make.customer())
    reminders.start_reminder(act("2026-01-26"))
    message = Message.objects.get()
    Message.objects.create(
        kind="reminder",
        subject="round-1",
        person_index=message.person_index,
        state="DELIVERED",
        created_at=clock.now(),
        sent_at=dt.datetime.fromisoformat(f"{sent_on}T19:00+09:00"),
    )
    assert reminders.still_due(message) is due


def test_a_hundred_people_are_looked_at_in_few_queries(at, django_assert_max_num_queries):
    at("2026-01-20T10:00+09:00")
    for _n in range(20):
        make.line(make.customer(), termination_reason="PORT_OUT")
    reminders.start_reminder(act("2026-01-20"))
    messages = list(Message.objects.all())
    with django_assert_max_num_queries(16):
        answers = recipients.look_again(messages)
    assert len(answers) == 20
    assert all(answer.due and answer.number for answer in answers.values())


def test_a_finished_mailing_ends_and_begins_again_with_new_people(at):
    at("2026-01-20T10:00+09:00")
    make.line(make.customer())
    reminders.start_reminder(act("2026-01-20"))
    assert mailings.end_finished() == 0
    Message.objects.update(state="DELIVERED")
    assert mailings.end_finished() == 1
    assert Mailing.objects.get().ended_why == "SENT"
    make.line(make.customer())
    reminders.start_reminder(act("2026-01-20"))
    assert Mailing.objects.get().state == "OPEN"


def test_lost_messages_are_sent_again_by_two_people(at):
    at("2026-01-20T10:00+09:00")
    for _n in range(3):
        make.line(make.customer())
    reminders.start_reminder(act("2026-01-20"))
    one, two, three = Message.objects.order_by("pk").values_list("pk", flat=True)
    Message.objects.filter(pk=one).update(state="DELIVERED")
    Message.objects.filter(pk=two).update(state="UNKNOWN", reason="NOT_FOUND", attempts=1)
    Message.objects.filter(pk=three).update(state="UNKNOWN", reason="NO_RECEIPT", attempts=1)
    mailings.end_finished()
    mailing = Mailing.objects.get()
    first, second = (as_staff(Client(), staff_user("supervisor", username=name)) for name in ("s1", "s2"))
    page = first.get(reverse("notices:sent")).content.decode()
    assert "다시 보내기" in page
    assert "끝난 안내" not in page, "a mailing with lost messages is not folded away"
    first.post(reverse("notices:resend"), {"mailing": mailing.pk})
    (asked,) = resending.open_requests().values()
    allow = reverse("notices:resend-allow", args=[asked.pk])
    assert "다른 사람이 허락해야" in first.post(allow, follow=True).content.decode()
    assert "1건을 다시 보냅니다" in second.post(allow, follow=True).content.decode()
    assert "먼저 처리했습니다" in second.post(allow, follow=True).content.decode()
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["DELIVERED", "QUEUED", "UNKNOWN"]
    mailing.refresh_from_db()
    assert mailing.state == "OPEN"


def test_a_message_that_may_have_arrived_is_never_sent_again():
    with pytest.raises(mailings.MailingError):
        resending.ask(by=staff_user("supervisor"), message_id=1)


def test_a_text_meant_as_sms_stays_one():
    kind = texts.kind("desk.code")
    with pytest.raises(service.TextError) as refused:
        texts.fill_and_check(kind, "ko", kind.text["ko"] + " 다시 한 번 알려 드립니다.")
    assert refused.value.code == "SMS"
    short = [item for item in texts.kinds() if item.sms]
    assert len(short) > 30
