"""Recipients and numbers of reminders; a person who applied meanwhile gets none."""

import datetime as dt

import pytest
from django.test import Client, RequestFactory

from eligibility import search
from kt_remedy.core import crypto
from kt_remedy.core.models import DatedTask, worded
from kt_remedy.core.tasks import schedule
from kt_remedy.identity import service as identity
from kt_remedy.notices.models import Message
from refunds import reminders
from refunds.applications import sms
from refunds.payouts.sms import contact_of
from tests.notices.gateway_stand_in import received
from tests.notices.sending import send_due
from tests.refunds import make
from tests.sessions import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def first_round(at):
    at("2026-01-20T10:00:00+09:00")


def start(day: str = "2026-01-20") -> str:
    act = DatedTask(code="refunds.reminder", due_at=dt.datetime.fromisoformat(f"{day}T10:00+09:00"))
    return worded([list(reminders.start_reminder(act))])


def reminded() -> set[str]:
    return set(Message.objects.filter(kind="reminder").values_list("recipient", flat=True))


def contact(line, number: str):
    line.contact_msisdn = number
    line.save()
    return line


def test_those_who_could_apply_and_have_not_get_one_each(at):
    two = make.customer()
    left, also = make.line(two), make.line(two)
    review = make.line(make.customer(), outcome="REVIEW")
    unbilled = make.line(make.customer(), refundable_krw=0, reasons="NOT_BILLED_YET")
    make.line(make.customer(), outcome="REVIEW", refundable_krw=0, expected_penalty_krw=0)
    make.line(make.customer(), outcome="NOT_ELIGIBLE")
    make.line(make.customer(), outcome="NOTHING_DUE")
    make.line(make.customer(), terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED")
    decided = make.line(make.customer(), outcome="REVIEW", decided_outcome="NOT_ELIGIBLE")
    make.application(make.line(make.customer()))
    withdrawn = make.application(make.line(make.customer()), status="WITHDRAWN")
    assert start() == "새로 올린 안내 4명"
    assert reminded() == {min(left.pk, also.pk), review.pk, unbilled.pk, withdrawn.line_id}
    assert decided.pk not in reminded()
    assert start() == "새로 올린 안내 0명", "run again it reaches nobody twice"
    at("2026-01-26T10:00+09:00")
    assert start("2026-01-26") == "새로 올린 안내 4명"


def test_a_person_with_one_line_open_is_reminded_of_it():
    both = make.customer()
    make.application(make.line(both))
    open_line = make.line(both)
    start()
    assert reminded() == {open_line.pk}


def test_after_the_window_nothing_is_started_and_nothing_leaves(at, sandbox):
    line = contact(make.line(make.customer()), "01091110001")
    start()
    at("2026-02-01T09:30+09:00")
    assert start("2026-01-29") == "신청 기간이 지나 보내지 않음"
    send_due()
    assert Message.objects.get(recipient=line.pk).reason == "NO_LONGER_DUE"
    assert received(sandbox, ["01091110001"]) == {}


def test_who_applied_after_the_round_began_gets_none(sandbox):
    quick, slow = make.customer(), make.customer()
    applied, still = contact(make.line(quick), "01091110011"), contact(make.line(slow), "01091110012")
    start()
    make.application(applied)
    send_due()
    assert received(sandbox, ["01091110011", "01091110012"]) == {"01091110012": 1}
    assert Message.objects.get(recipient=applied.pk).state == "CANCELLED"
    assert Message.objects.get(recipient=still.pk).state == "ACCEPTED"


def number_of(line) -> str | None:
    start()
    return reminders.number_for(Message.objects.get(kind="reminder", recipient=line.pk))


def test_a_number_in_service_comes_first():
    holder = make.customer()
    line = contact(make.line(holder), "01091110021")
    active = make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED")
    assert number_of(line) == active.msisdn


def test_a_number_that_left_with_its_customer_is_theirs():
    line = make.line(make.customer(), termination_reason="PORT_OUT")
    assert number_of(line) == line.msisdn


def test_a_number_given_up_is_never_written_to():
    assert number_of(make.line(make.customer(), termination_reason="CANCEL")) is None


def test_a_number_that_somebody_else_has_by_now_is_never_written_to():
    line = make.line(make.customer(), termination_reason="PORT_OUT")
    other = make.line(
        make.customer(), terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", opened_on=dt.date(2026, 1, 5)
    )
    type(line).objects.filter(pk=other.pk).update(msisdn_index=line.msisdn_index)
    assert number_of(line) is None


def test_the_number_given_for_contact():
    line = contact(make.line(make.customer()), "01091110031")
    assert number_of(line) == "01091110031"


def test_a_contact_number_that_was_given_up_is_never_written_to():
    given_up = make.line(make.customer(), termination_reason="CANCEL")
    line = contact(make.line(make.customer()), given_up.msisdn)
    assert number_of(line) is None
    type(given_up).objects.filter(pk=given_up.pk).update(termination_reason="PORT_OUT")
    assert number_of(line) == given_up.msisdn, "it left with its customer, who is still reached on it"


def test_the_number_a_person_confirmed_when_applying_for_another_line_comes_first():
    holder = make.customer()
    filed = make.application(make.line(holder))
    line = contact(make.line(holder, termination_reason="PORT_OUT"), "01091110061")
    assert number_of(line) == filed.filing.contact


def test_a_number_confirmed_and_given_up_since_gets_no_message_of_any_kind():
    """D-44: the next holder of a number must not read about another refund; a later confirmation counts."""
    filed = make.application(make.line(make.customer()), applied="2026-01-16")
    filing = filed.filing
    filing.contact = make.line(make.customer(), terminated="2026-01-10T10:00+09:00").msisdn
    filing.save()
    paid = Message(recipient=str(filing.pk))
    other = make.line(filing.customer, termination_reason="PORT_OUT")
    assert contact_of(paid) == filing.contact == number_of(other), "the check on the 16th was on that number"
    type(other).objects.filter(msisdn_index=search.msisdn_index(filing.contact)).update(terminated_on="2026-01-18")
    assert contact_of(paid) == ""
    assert reminders.number_for(Message.objects.get(kind="reminder", recipient=other.pk)) == other.msisdn
    sms.notify(filed, "application.rejected", subject="application:1")
    message = Message.objects.get(kind="application.rejected")
    assert (message.state, message.reason) == ("FAILED", "NO_NUMBER")


def test_a_child_is_reached_through_the_guardian_once_with_the_guardians_own():
    guardian = make.customer()
    own_phone = make.line(guardian, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED")
    child = make.customer(birth="2012-05-01")
    child.guardian_ci = guardian.ci
    child.guardian_ci_index = guardian.person_index
    child.save()
    line = make.line(child, termination_reason="PORT_OUT")
    make.line(guardian)
    start()
    message = Message.objects.get(kind="reminder")
    assert message.person_index == guardian.person_index
    assert reminders.number_for(message) == own_phone.msisdn
    assert reminders.still_due(message)
    make.application(line)
    assert reminders.still_due(message), "the guardian's own line is still open"


def test_a_child_without_a_known_guardian_is_not_written_to_itself():
    line = make.line(make.customer(birth="2012-05-01"), termination_reason="PORT_OUT")
    assert number_of(line) is None
    contact(line, "01091110041")
    assert reminders.number_for(Message.objects.get()) == "01091110041"


def test_a_company_is_reached_through_its_contact():
    company = make.customer(name="주식회사 케이", birth=None, ci=None, kind="CORPORATE")
    line = make.line(company, termination_reason="PORT_OUT")
    make.line(company)
    assert number_of(line) is None
    contact(line, "01091110051")
    message = Message.objects.get()
    assert reminders.number_for(message) == "01091110051"
    assert reminders.still_due(message)


def test_a_foreigner_gets_english():
    make.line(make.customer(kind="FOREIGNER", name="KIM JOHN"))
    start()
    assert Message.objects.get().language == "en"


def test_the_day_the_look_up_opens_has_two_texts_and_one_message_a_person(at):
    at("2025-12-31T10:00+09:00")
    left = make.line(make.customer())
    may = make.line(make.customer(), terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    both = make.customer()
    also_left = make.line(both)
    make.line(both, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    make.line(
        make.customer(),
        terminated="",
        outcome="NOT_ELIGIBLE",
        reasons="NOT_TERMINATED;NEW_AFTER_BASE",
        refundable_krw=0,
    )
    reminders.start_campaign(
        DatedTask(code="refunds.campaign", due_at=dt.datetime.fromisoformat("2025-12-31T10:00+09:00"))
    )
    assert set(Message.objects.filter(kind="campaign.left").values_list("recipient", flat=True)) == {
        left.pk,
        also_left.pk,
    }
    recipients = {m.recipient for m in Message.objects.filter(kind="campaign.may_leave") if reminders.still_due(m)}
    assert recipients == {may.pk}


def test_the_rounds_stand_on_the_calendar(at):
    at("2026-01-19T10:00+09:00")
    schedule.plan()
    due_times = list(
        DatedTask.objects.filter(code="refunds.reminder").order_by("due_at").values_list("due_at", flat=True)
    )
    assert [moment.astimezone(dt.timezone(dt.timedelta(hours=9))).isoformat() for moment in due_times] == [
        "2026-01-20T10:00:00+09:00",
        "2026-01-26T10:00:00+09:00",
        "2026-01-29T10:00:00+09:00",
    ]


def test_somebody_without_ci_is_a_person_of_their_own():
    make.line(make.customer(ci=None))
    make.line(make.customer(ci=None))
    assert start() == "새로 올린 안내 2명"
    keys = {bytes(key) for key in Message.objects.values_list("person_index", flat=True)}
    assert len(keys) == 2
    assert crypto.blind_index("", "ci") not in keys


def test_the_funnel_of_a_round_counts_what_people_did_after_it(at):
    before, after, looked, never = (make.customer() for _ in range(4))
    lines = [make.line(holder) for holder in (before, after, looked, never)]
    start()
    sent_at = dt.datetime.fromisoformat("2026-01-20T10:01+09:00")
    Message.objects.update(state="DELIVERED", sent_at=sent_at)
    make.application(lines[0], applied="2026-01-19")
    make.application(lines[1], applied="2026-01-21")
    at("2026-01-19T10:00+09:00")
    verify(never)
    at("2026-01-21T10:00+09:00")
    verify(looked)
    verify(looked)
    assert [number for _, number in reminders.reminder_funnel("round-1")] == [2, 1, 0]


def test_a_company_that_applied_is_in_the_funnel():
    company = make.customer(name="주식회사 케이", birth=None, ci=None, kind="CORPORATE")
    line = make.line(company)
    start()
    Message.objects.update(state="DELIVERED", sent_at=dt.datetime.fromisoformat("2026-01-20T10:01+09:00"))
    make.application(line, applied="2026-01-21")
    assert [number for _, number in reminders.reminder_funnel("round-1")] == [1, 1, 0]


def verify(holder) -> None:
    """As the identity page does."""
    browser = Client()
    request = RequestFactory().get("/")
    request.session, request.person = browser.session, None
    identity.sign_in(request, person(holder.ci))
