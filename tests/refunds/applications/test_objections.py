"""Objections: typed, added to, taken back, answered by reasons; answer days that pass; until when one may object."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.notices.models import Message
from refunds.applications import jobs, objection_answers, objections, queue
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Objection
from refunds.models.reviews import Letter, ReviewCase
from refunds.promise import service as promise
from tests.refunds import make, reviewing
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january", "no_sample")]


@pytest.fixture
def line():
    return make.line(make.customer(ci="hong"), outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE")


def objected(line, **values) -> Objection:
    return objections.object_to(
        contract_no=line.pk, person_index=line.customer.person_index, text="아닙니다", contact="01055550000", **values
    )


def code(act, **values) -> str:
    with pytest.raises(Refused) as refused:
        act(**values)
    return refused.value.code


def test_a_customer_says_what_is_wrong_adds_to_it_and_takes_it_back(line) -> None:
    client, page = as_customer(Client(), person("hong")), reverse("refunds:object", args=[line.pk])
    assert "무엇이 다른지 골라 주세요" in client.post(page, {"words": "x"}).content.decode()
    client.post(page, {"kind": "AMOUNT", "words": "60,000원이 맞습니다", "wanted_krw": "60,000원"})
    row = Objection.objects.get()
    assert (row.kind, row.wanted_krw, ReviewCase.objects.get().kind) == ("AMOUNT", 60_000, "OBJECTION")
    assert client.post(page, {"words": ""}).status_code == 422
    assert client.post(page, {"words": "12월 청구서에 있습니다"}).status_code == 302
    client.post(page, {"words": "12월 청구서에 있습니다"})  # twice
    assert [one.words for one in row.additions.all()] == ["12월 청구서에 있습니다"]
    reading = as_staff(Client(), staff_user("reviewer")).get(reverse("refunds:review-objection", args=[row.pk]))
    assert "12월 청구서에 있습니다" in reading.content.decode()
    assert "청구서와 계산" in reading.content.decode()
    client.post(page, {"take_back": "1"})
    row.refresh_from_db()
    assert (row.status, ReviewCase.objects.count()) == ("WITHDRAWN", 0)
    assert "이의를 거두셨습니다" in client.get(page).content.decode()
    assert code(objections.take_back, objection_id=row.pk, person_index=row.person_index) == "STATE"
    assert code(objections.add_to, objection_id=row.pk, text="더", person_index=b"x" * 32) == "UNKNOWN"
    client.post(page, {"kind": "OTHER", "words": "다시 냅니다"})
    assert Objection.objects.filter(status="OPEN").count() == 1


def test_a_line_without_a_refund_is_told_nothing_that_reads_as_a_promise_of_money() -> None:
    line = make.line(make.customer(ci="hong"), outcome="NOT_ELIGIBLE", reasons="FORCED_TERMINATION;UNPAID")
    page = as_customer(Client(), person("hong")).get(reverse("refunds:object", args=[line.pk])).content.decode()
    assert "회사가 해지한(직권해지) 회선입니다" in page
    assert "청구된 위약금을 아직 다 내지 않으셨습니다" not in page


def test_an_answer_day_that_passes_is_told_with_the_new_one(line, at) -> None:
    row = objected(line)
    assert str(row.answer_by) == "2026-01-30"
    at("2026-01-30T23:00+09:00")
    assert jobs.review_days(None) is None
    at("2026-01-31T09:00+09:00")
    assert jobs.review_days(None).values == {"n": 0, "counted": 0, "moved": 1}
    assert jobs.review_days(None) is None
    row.refresh_from_db()
    assert [str(one.day) for one in row.days.order_by("id")] == ["2026-01-30", "2026-02-04"]
    assert str(row.answer_by) == "2026-02-04"
    assert Message.objects.filter(kind="promise.answer_passed").count() == 1
    page = as_customer(Client(), person("hong")).get(reverse("refunds:object", args=[line.pk])).content.decode()
    assert "1월\xa030일(금)까지 답해 드리지 못해 죄송합니다" in page.replace("\u2060", "")
    assert str(ReviewCase.objects.get().due_on) == "2026-01-30"  # what is late comes first


def test_objections_end_ninety_days_after_the_decision_but_not_before_late_applications(line, at) -> None:
    assert str(objections.possible_until(line)) == "2026-06-30"
    at("2026-05-20T10:00+09:00")
    row = objected(line)
    reviewing.answer_objection(objection_id=row.pk, reviewer=staff_user("reviewer"), uphold=False)
    assert str(objections.possible_until(line)) == "2026-08-18"
    at("2026-08-19T00:00+09:00")
    assert code(objected, line=line) == "CLOSED"
    page = as_customer(Client(), person("hong")).get(reverse("refunds:object", args=[line.pk])).content.decode()
    assert "이의를 내실 수 있는 날이 지났습니다" in page
    assert "<textarea" not in page


def test_an_upheld_amount_asks_for_the_sum_and_says_by_when_it_is_sent() -> None:
    line = make.line(make.customer(ci="hong"))
    make.application(line)
    row = objected(line, kind="AMOUNT", wanted_krw=184_790)
    values = {"objection_id": row.pk, "reviewer": staff_user("reviewer"), "uphold": True, "codes": ["AMOUNT_WAS_MORE"]}
    assert code(objection_answers.answer_objection, **values) == "AMOUNT"
    objection_answers.answer_objection(**values, difference_krw=24_660)
    letter = Letter.objects.get()
    assert "더 드릴 24,660원은" in letter.body_ko.replace("\u2060", "")
    page = as_customer(Client(), person("hong")).get(reverse("refunds:object", args=[line.pk])).content.decode()
    assert "더 드릴 24,660원을 준비하고 있습니다" in page.replace("\u2060", "")


@pytest.mark.parametrize(
    ("now", "filed", "offered"),
    [
        ("2026-01-22T10:00+09:00", False, True),
        ("2026-01-22T10:00+09:00", True, False),
        ("2026-06-30T23:59+09:00", False, True),
        ("2026-07-01T00:00+09:00", False, False),
    ],
)
def test_an_upheld_objection_offers_to_apply_while_it_is_possible(line, at, now, filed, offered) -> None:
    row = objected(line)
    reviewing.answer_objection(objection_id=row.pk, reviewer=staff_user("reviewer"), uphold=True)
    if filed:
        make.application(line)
    at(now)
    client = as_customer(Client(), person("hong"))
    for address in (reverse("refunds:status"), reverse("refunds:object", args=[line.pk])):
        page = client.get(address).content.decode()
        assert (f'name="lines" value="{line.pk}"' in page) == offered, address
    if offered and now.startswith("2026-01"):
        started = client.post(reverse("refunds:apply"), {"lines": line.pk})
        assert started["Location"] == reverse("refunds:apply-consent")


def test_a_declined_objection_offers_nothing(line) -> None:
    row = objected(line)
    reviewing.answer_objection(objection_id=row.pk, reviewer=staff_user("reviewer"), uphold=False)
    page = as_customer(Client(), person("hong")).get(reverse("refunds:status")).content.decode()
    assert 'name="lines"' not in page


def test_an_objection_is_handed_out_and_its_answer_is_seen_before_it_is_sent(line) -> None:
    row, reviewer = objected(line), staff_user("reviewer")
    client = as_staff(Client(), reviewer)
    page = client.post(reverse("refunds:review-next"))["Location"]
    assert page == reverse("refunds:review-objection", args=[row.pk])
    other = staff_user("reviewer", username="other")
    assert code(
        reviewing.answer_objection, objection_id=row.pk, reviewer=other, uphold=False
    ) == "TAKEN"  # fmt: skip
    assert queue.take_next(reviewer=other) is None
    assert client.post(page, {"act": "UPHOLD", "codes": "RECORDS_SAY_SO"}).status_code == 422
    reviewing.send(client, page, {"act": "DECLINE", "codes": "RECORDS_SAY_SO"})
    row.refresh_from_db()
    assert (row.status, row.answer) == ("DECLINED", Letter.objects.get().body_ko)


@pytest.mark.parametrize(
    ("status", "applied", "right", "then", "lateness"),
    [
        ("APPROVED", "2026-01-20", "2026-01-14", "APPROVED", "IN_TIME"),
        ("LATE", "2026-02-03", "2026-01-30", "APPROVED", "IN_TIME"),
        ("LATE", "2026-02-05", "2026-02-02", "LATE", "CURED"),
        ("REJECTED", "2026-02-03", "2026-01-30", "REVIEW", "IN_TIME"),
        ("ON_HOLD_UNPAID", "2026-01-20", "2026-01-16", "APPROVED", "IN_TIME"),
    ],
)
def test_an_upheld_day_is_stored_and_the_application_judged_by_it(status, applied, right, then, lateness, at) -> None:
    at("2026-02-09T10:00+09:00")
    line = make.line(make.customer(ci="hong"))
    application = make.application(line, status="REVIEW" if status == "REJECTED" else status, applied=applied)
    Application.objects.filter(pk=application.pk).update(
        status=status, lateness="LATE" if status == "LATE" else "IN_TIME"
    )
    row = objected(line, kind="DATE")
    queue.describe_new()
    values = {"objection_id": row.pk, "reviewer": staff_user("reviewer"), "uphold": True, "codes": ["DAY_WAS_WRONG"]}
    assert code(objection_answers.answer_objection, **values) == "DAY"
    assert code(objection_answers.answer_objection, **values, applied_on=dt.date(2026, 2, 10)) == "DAY"
    assert code(objection_answers.answer_objection, **values, applied_on=dt.date(2026, 1, 1)) == "NOT_OPEN"
    objection_answers.answer_objection(**values, applied_on=dt.date.fromisoformat(right))
    application.refresh_from_db()
    assert (str(application.applied_on), application.status, application.lateness) == (right, then, lateness)
    assert application.decisions.get(actor__startswith="staff:").words == "알려 드린 날이 틀렸음"
    if then == "LATE":  # the day of an extension is for a reviewer, not for a supervisor
        queue.describe_new()
        assert ReviewCase.objects.get(application=application).level == "REVIEWER"


def test_a_day_is_asked_where_it_can_change_something_and_moves_the_day_of_payment(at) -> None:
    at("2026-01-19T10:00+09:00")
    line = make.line(make.customer(ci="hong"))
    row = objected(line, kind="DATE")
    reviewer = staff_user("reviewer")
    page = reverse("refunds:review-objection", args=[row.pk])
    assert "받아들이면 맞는 신청일" not in as_staff(Client(), reviewer).get(page).content.decode()
    application = make.application(line, applied="2026-01-19")
    assert str(promise.of(application).day) == "2026-02-05"
    client = as_staff(Client(), reviewer)
    shown = client.get(page).content.decode()
    assert "받아들이면 맞는 신청일" in shown
    assert "받아들이면 더 드릴 금액" not in shown
    answers = {"act": "UPHOLD", "codes": "DAY_WAS_WRONG"}
    assert "맞는 신청일을 적어 주세요" in client.post(page, answers).content.decode()
    reviewing.send(client, page, answers | {"applied_on": "2026.01.15"})
    application.refresh_from_db()
    assert str(application.applied_on) == "2026-01-15"
    assert str(promise.of(application).day) == "2026-01-22"
    row.refresh_from_db()
    assert row.status == "UPHELD"


def test_a_declined_day_changes_nothing() -> None:
    line = make.line(make.customer(ci="hong"))
    application = make.application(line, applied="2026-01-20")
    row = objected(line, kind="DATE")
    reviewing.answer_objection(
        objection_id=row.pk, reviewer=staff_user("reviewer"), uphold=False, applied_on=dt.date(2026, 1, 15)
    )
    application.refresh_from_db()
    assert (str(application.applied_on), application.decisions.count()) == ("2026-01-20", 0)
