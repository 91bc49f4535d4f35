"""Records of promises and the texts that tell of them: history, one text a person, hours, kills, the stories."""

import csv
import datetime as dt
import re

import pytest
from django.db import InternalError, ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock, programme
from kt_remedy.notices import texts as message_texts
from kt_remedy.notices.models import Message
from refunds.applications import call_backs
from refunds.models.promises import PromiseNotice, PromiseRecord, PromiseShard
from refunds.models.states import Status
from refunds.payouts import batches, cases
from refunds.promise import calls, notices, service, texts
from refunds.promise.facts import DayKind, Last, Reason, Situation
from tests.conftest import ROOT
from tests.owner import as_owner
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.money import due, maker
from tests.refunds.promise import telling
from tests.refunds.promise.reading import moment, plain
from tests.sessions import as_customer, person

with (ROOT / "tests/cases/promise_hours.csv").open(newline="") as table:
    HOURS = list(csv.DictReader(table))
JAN_22, FEB_5, FEB_19 = dt.date(2026, 1, 22), dt.date(2026, 2, 5), dt.date(2026, 2, 19)


@pytest.mark.parametrize("case", HOURS, ids=[case["fact_at"] for case in HOURS])
def test_a_text_leaves_inside_the_hours(case):
    fact_at = moment(case["fact_at"])
    assert notices.leave_at(fact_at, programme.current()) == moment(case["leave_at"])


def test_each_text_is_short_in_both_languages():
    for kind, _label, korean, english in texts.KINDS:
        item = message_texts.kind(kind)
        for language, written in (("ko", korean), ("en", english)):
            assert not message_texts.is_long(message_texts.fill_and_check(item, language, written)), (kind, language)


def records(row) -> list[tuple[str, dt.date | None, dt.date | None, str]]:
    return [(one.situation, one.day, one.previous_day, one.cause) for one in row.promises.order_by("number")]


def test_each_change_is_a_record_with_its_cause_and_none_is_changed(at):
    at(money.BEFORE)
    row = money.due()
    service.refresh([row.pk], cause="FILED")
    assert service.refresh([row.pk], cause="AGAIN") == 0, "what did not change is no record"
    cases.hold(application_id=row.pk, user=maker(), reason="확인 중")
    cases.release(application_id=row.pk, user=maker(), reason="끝남")
    assert records(row) == [
        ("CHANGE_MOVES", JAN_22, None, "FILED"),
        ("RECHECK", dt.date(2026, 1, 20), JAN_22, "HELD"),
        ("CHANGE_MOVES", JAN_22, None, "RELEASED"),
    ]
    first = row.promises.get(number=1)
    assert plain(first.sentence) == "1월 22일(목)에 받습니다. 지금 계좌를 바꾸시면 2월 5일(목)에 받습니다."
    assert (first.language, first.version, first.won) == ("ko", "1", 160_130)
    with pytest.raises(ProgrammingError), transaction.atomic():
        PromiseRecord.objects.update(sentence="")
    with as_owner(), pytest.raises(InternalError), transaction.atomic():
        PromiseRecord.objects.all().delete()


def test_a_change_that_is_taken_back_in_time_is_not_told(at):
    at(money.BEFORE)
    row = money.due()
    service.refresh([row.pk], cause="FILED")
    cases.hold(application_id=row.pk, user=maker(), reason="확인 중")
    assert PromiseNotice.objects.get().kind == "promise.checking"
    cases.release(application_id=row.pk, user=maker(), reason="끝남")
    assert telling.tell() == []


def test_taken_out_after_the_freeze_the_page_says_so_at_once_and_a_text_in_the_morning(at):
    at(money.BEFORE)
    row = money.due()
    service.refresh([row.pk], cause="FILED")
    at("2026-01-20T18:00+09:00")
    batches.freeze(pay_on=JAN_22, user=maker())
    telling.record()
    assert service.of(row).situation == Situation.FROZEN
    at("2026-01-21T19:55+09:00")
    batches.take_out(item_ids=[row.items.get(status="QUEUED").pk], user=maker(), reason="계좌 확인")
    # The page, before any worker ran.
    page = plain(
        as_customer(Client(), person(row.line.customer.ci, name="홍길동"))
        .get(reverse("refunds:application", args=[row.pk]))
        .content.decode()
    )
    said = "받는 날이 <del>1월 22일(목)</del>에서 2월 5일(목)로 바뀌었습니다. 죄송합니다. 하실 일은 없습니다."
    assert said in page, "the old day is struck through in the first sentence"
    assert "이유: 이번 지급에서 빠져서" in page
    assert re.search(r'class="is-moved"\s*>\s*<span class="rail__date"><del\s*>1월 22일', page), "it keeps its place"
    assert telling.tell(minutes=60) == [], "not at 20:55"
    at("2026-01-22T08:59+09:00")
    assert telling.tell(minutes=0) == []
    (message,) = telling.tell(minutes=1)
    assert message.body == "[KT] 환급일이 1/22(목)에서 2/5(목)로 바뀌었습니다. 죄송합니다. 문의 080-470-7790"
    assert telling.tell() == [], "once"
    assert records(row)[-1] == ("MOVED", FEB_5, JAN_22, "OPENED_AGAIN")


def two_lines_of_one_person(at):
    at(money.BEFORE)
    holder = make.customer()
    rows = [make.application(make.line(holder)) for _line in range(2)]
    service.refresh([row.pk for row in rows], cause="FILED")
    return rows


def test_several_changes_of_one_person_are_one_text(at):
    rows = two_lines_of_one_person(at)
    for row in rows:
        cases.hold(application_id=row.pk, user=maker(), reason="확인 중")
    (message,) = telling.tell()
    assert (message.kind, "1/20(화)까지" in message.body) == ("promise.checking", True)
    assert set(PromiseNotice.objects.values_list("subject", flat=True)) == {message.subject}


def test_different_changes_of_one_person_are_one_text_that_says_so(at):
    one, two = two_lines_of_one_person(at)
    cases.hold(application_id=one.pk, user=maker(), reason="확인 중")
    type(two).objects.filter(pk=two.pk).update(status=Status.NEED_ACCOUNT)
    service.refresh([two.pk], cause="RETURNED")
    assert [message.kind for message in telling.tell()] == ["promise.several"]


def test_the_day_that_was_told_stays_the_old_day_of_an_untold_change(at):
    row, _other = two_lines_of_one_person(at)
    for hold_until in ("2026-02-04T10:00+09:00", "2026-02-13T10:00+09:00"):
        type(row).objects.filter(pk=row.pk).update(hold_until=dt.datetime.fromisoformat(hold_until))
        service.refresh([row.pk], cause="ACCOUNT_CHANGED")
    (message,) = telling.tell()
    assert "1/22(목)에서 2/26(목)로" in message.body


def test_a_killed_teller_tells_each_change_once(at, monkeypatch):
    rows = two_lines_of_one_person(at)
    cases.hold(application_id=rows[0].pk, user=maker(), reason="확인 중")
    clock._write(clock.now() + dt.timedelta(minutes=11) - dt.datetime.now(dt.UTC))

    class Killed(BaseException):
        pass

    def die(*_given, **_named):
        raise Killed

    monkeypatch.setattr(PromiseNotice.objects.__class__, "bulk_update", die)
    with pytest.raises(Killed), transaction.atomic():
        notices.tell_due()
    assert not Message.objects.filter(kind="promise.checking").exists(), "neither told nor marked"
    monkeypatch.undo()
    assert notices.tell_due() == 1
    assert notices.tell_due() == 0
    assert Message.objects.filter(kind="promise.checking").count() == 1


def test_a_shard_that_runs_twice_records_once(at):
    at(money.BEFORE)
    row = money.due()
    shard = PromiseShard.objects.create(application_ids=[row.pk], cause="FIRST")
    copy = PromiseShard.objects.get(pk=shard.pk)
    service.refresh_shard(shard)
    service.refresh_shard(copy)
    assert len(records(row)) == 1
    assert not PromiseShard.objects.exists()


def test_a_batch_is_refreshed_in_shards_with_those_it_left_out(at, monkeypatch):
    monkeypatch.setattr(service, "SHARD", 2)
    at(money.BEFORE)
    rows = [money.due(100_000 + n) for n in range(4)]
    cases.hold(application_id=rows[0].pk, user=maker(), reason="확인 중")
    at("2026-01-20T18:00+09:00")
    batches.freeze(pay_on=JAN_22, user=maker())
    shards = [shard.application_ids for shard in service.open_shards().order_by("pk")]
    assert sorted(map(len, shards)) == [2, 2]
    assert {pk for shard in shards for pk in shard} == {row.pk for row in rows}


def test_a_day_that_passed_without_payment_is_told(at):
    at(money.BEFORE)
    row = money.due()
    service.refresh([row.pk], cause="FILED")
    at("2026-01-21T23:59+09:00")
    assert service.refresh_passed() == 0
    at("2026-01-23T00:00+09:00")
    assert service.refresh_passed() == 1
    telling.record()
    assert service.refresh_passed() == 0
    assert records(row)[-1] == ("MOVED", FEB_5, JAN_22, "PASSED")
    at("2026-01-23T09:00+09:00")
    assert ["1/22(목)에서 2/5(목)로" in message.body for message in telling.tell(minutes=0)] == [True]


def test_an_answer_that_did_not_come_is_told_with_the_next_day(at):
    at("2026-01-19T10:00+09:00")
    row = make.application(make.line(make.customer()), status=Status.REVIEW, applied="2026-01-19")
    service.refresh([row.pk], cause="REVIEW")
    assert records(row) == [("REVIEW", dt.date(2026, 1, 27), None, "REVIEW")]
    at("2026-01-28T09:30+09:00")
    assert service.refresh_passed() == 1
    (message,) = telling.tell()
    assert "1/30(금)까지 알려 드립니다" in message.body


def test_a_person_whom_no_text_reaches_is_called_by_a_time(at, monkeypatch):
    row, _other = two_lines_of_one_person(at)
    cases.hold(application_id=row.pk, user=maker(), reason="확인 중")
    monkeypatch.setattr(notices.eligibility, "confirmed_numbers", lambda known: ["" for _one in known])
    (message,) = telling.tell()
    assert (message.state, message.reason) == (Message.State.FAILED, "NO_NUMBER")
    assert (calls.call_unreached(), calls.call_unreached()) == (1, 0), "one call for each text"
    (note,) = call_backs.due(money.user("agent", "agent"), until=clock.now() + dt.timedelta(days=2))
    assert (note.customer, note.call_back_at, note.words) == (
        row.line.customer,
        moment("2026-01-21T18:00"),
        message.body,
    )
    call_backs.finish(note_id=note.pk, staff=money.user("agent", "agent"), outcome="REACHED")
    message.refresh_from_db()
    assert (message.reached_how, calls.call_unreached()) == (Message.Channel.CALL, 0)


@pytest.mark.parametrize(
    ("found", "due"),
    [
        ("2026-01-21T14:59", "2026-01-21T18:00"),
        ("2026-01-21T15:00", "2026-01-22T18:00"),
        ("2026-01-23T15:00", "2026-01-26T18:00"),
        ("2026-02-14T09:00", "2026-02-19T18:00"),
    ],
)
def test_a_call_is_due_on_a_business_day(found, due):
    assert calls.due_at(moment(found)) == moment(due)


WEEKLY = Last(Situation.UNPAID, DayKind.IF, dt.date(2026, 2, 26), None, Reason.NONE, moment("2026-02-20"))


def test_a_weekly_round_that_is_missed_again_is_shown_and_not_told(at):
    at("2026-02-25T10:00+09:00")
    line = make.line(make.customer(), reasons="UNPAID", refundable_krw=0)
    make.bill(line, billed=84_500, paid=40_000)
    row = make.application(line, status=Status.ON_HOLD_UNPAID)
    made = service.of(row)
    assert (made.situation, made.day, made.values["open"]) == ("UNPAID", dt.date(2026, 3, 5), 44_500)
    assert notices.text_for(WEEKLY, made, programme.current()) is None
    fixed = Last(Situation.UNPAID, DayKind.IF, FEB_19, None, Reason.NONE, moment("2026-02-10"))
    kind, dates = notices.text_for(fixed, made, programme.current())
    assert (kind, dates) == ("promise.pay_bill", {"pay_by": dt.date(2026, 3, 2), "pay_on": dt.date(2026, 3, 5)})


def test_texts_of_many_people_are_queued_at_once(at, django_assert_max_num_queries):
    at("2026-01-20T17:00+09:00")
    rows = [due(10_000 + n) for n in range(6)]
    service.refresh([row.pk for row in rows], cause="APPROVED")
    for row in rows:
        cases.hold(application_id=row.pk, user=maker(), reason="확인 중")
    at("2026-01-21T09:30+09:00")
    with django_assert_max_num_queries(14):
        assert notices.tell_due() == 6
    told = Message.objects.filter(kind__startswith="promise.")
    assert {message.person_index for message in told} == {bytes(row.filing.person_index) for row in rows}
    assert {message.state for message in told} == {Message.State.QUEUED}
