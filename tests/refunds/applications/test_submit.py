"""Filing: what one submission writes, what it refuses, what it answers the second time."""

import uuid

import pytest

from eligibility.models import Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import programme
from kt_remedy.notices.models import Message
from refunds import calendar
from refunds.applications import change, facts, presenters, queries, recheck
from refunds.applications import submit as submitting
from refunds.applications.submit import CONSENTS, Submission
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Channel, Decision, Filing
from refunds.models.states import Status
from refunds.payouts import selection
from tests.refunds import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample")]


def submit(holder, *lines, account=None, key=None, **values):
    account = account or make.account(holder)
    return submitting.submit(
        Submission(
            **{
                "key": key or uuid.uuid4().hex,
                "channel": Channel.WEB,
                "person_index": holder.person_index,
                "contract_nos": [line.pk for line in lines],
                "account_id": account.pk,
                "consents": CONSENTS,
                "contact": "010-5555-1234",
                "proof": {"method": "IDENTITY"},
                **values,
            }
        )
    )


def test_one_submission_writes_everything_in_one_go(at, django_assert_max_num_queries) -> None:
    at("2026-01-16T23:59:30+09:00")
    holder = make.customer()
    phone, watch = make.line(holder), make.line(holder, terminated="2026-01-08T09:00+09:00", reasons="NOT_BILLED_YET")
    account = make.account(holder)
    with django_assert_max_num_queries(24):
        done = submit(holder, phone, watch, account=account)
    assert done.new
    rows = {row.line_id: row for row in Application.objects.all()}
    assert (rows[phone.pk].status, rows[watch.pk].status) == (Status.APPROVED, Status.WAITING_FOR_BILL)
    assert str(rows[phone.pk].applied_on) == "2026-01-16"  # the date in Seoul
    steps = Decision.objects.order_by("id")
    assert list(steps.values_list("application__line", "from_status", "to_status", "actor")) == [
        (phone.pk, "", "SUBMITTED", "customer"),
        (watch.pk, "", "SUBMITTED", "customer"),
        (phone.pk, "SUBMITTED", "APPROVED", "system"),
        (watch.pk, "SUBMITTED", "WAITING_FOR_BILL", "system"),
    ]
    assert AuditEntry.objects.get(action="filing.submitted").subject == holder.pk
    message = Message.objects.get()
    # Two lines with two pay days: no day in the text.
    assert message.kind == "filing.received_open"
    assert done.filing.contact == "010-5555-1234"
    assert set(done.filing.reference[3:].replace("-", "")) <= set(submitting.REFERENCE_ALPHABET)


def test_the_message_names_the_day(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    submit(holder, make.line(holder))
    assert "1/22(목)" in Message.objects.get().body


def test_the_same_key_is_the_same_filing(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    line, account, key = make.line(holder), make.account(holder), uuid.uuid4().hex
    first = submit(holder, line, account=account, key=key)
    second = submit(holder, line, account=account, key=key)
    assert (second.filing, second.new) == (first.filing, False)
    assert (Filing.objects.count(), Application.objects.count(), Message.objects.count()) == (1, 1, 1)


def test_another_door_is_told_the_reference_that_exists(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    one, two = make.line(holder), make.line(holder)
    first = submit(holder, one)
    again = submit(holder, one, channel=Channel.CALL_CENTRE)
    assert (again.filing, again.new) == (first.filing, False)
    both = submit(holder, one, two, channel=Channel.STORE)
    assert both.new
    assert [row.filing for row in both.elsewhere] == [first.filing]
    assert Application.objects.count() == 2


@pytest.mark.parametrize(
    ("moment", "lateness", "status"),
    [
        ("2026-01-14T00:00+09:00", "IN_TIME", "APPROVED"),
        ("2026-01-31T23:59:59+09:00", "IN_TIME", "APPROVED"),
        ("2026-02-01T00:00+09:00", "CURED", "LATE"),
        ("2026-02-02T23:59+09:00", "CURED", "LATE"),
        ("2026-02-03T00:00+09:00", "LATE", "LATE"),
        ("2026-06-30T23:59+09:00", "LATE", "LATE"),
    ],
)
def test_the_window_is_judged_in_seoul(at, moment: str, lateness: str, status: str) -> None:
    at(moment)
    holder = make.customer()
    submit(holder, make.line(holder))
    row = Application.objects.get()
    assert (row.lateness, row.status) == (lateness, status)


@pytest.mark.parametrize(
    ("moment", "code"), [("2026-01-13T23:59:59+09:00", "NOT_OPEN"), ("2026-07-01T00:00+09:00", "CLOSED")]
)
def test_nothing_before_the_first_and_after_the_last_day(at, moment: str, code: str) -> None:
    at(moment)
    holder = make.customer()
    with pytest.raises(Refused) as refused:
        submit(holder, make.line(holder))
    assert refused.value.code == code
    assert Filing.objects.count() == 0


def test_what_is_refused(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder, stranger = make.customer(), make.customer(name="김철수")
    theirs, no = make.line(stranger), make.line(holder, outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE")
    for code, attempt in {
        "LINES": lambda: submit(holder, theirs),
        "NO_CLAIM": lambda: submit(holder, no),
        "ACCOUNT": lambda: submit(holder, make.line(holder), account=make.account(stranger)),
        "CONSENT": lambda: submit(holder, make.line(holder), consents={"privacy": "2026-01-14"}),
    }.items():
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == code
    assert Filing.objects.count() == Message.objects.count() == 0


def test_a_person_decides_for_review_and_strange_accounts(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    submit(holder, make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"))
    submit(holder, make.line(holder), account=make.account(holder, outcome="MISMATCH"))
    submit(holder, make.line(holder), account=make.account(holder, outcome="BANK_MAINTENANCE"))
    assert [row.status for row in Application.objects.order_by("id")] == ["REVIEW", "NEED_ACCOUNT", "SUBMITTED"]


def test_the_fourth_person_on_one_account_is_looked_at(at) -> None:
    at("2026-01-16T10:00+09:00")
    for _ in range(4):
        holder = make.customer()
        submit(holder, make.line(holder), account=make.account(holder, number="99999999991"))
    rows = Application.objects.order_by("id")
    assert [row.status for row in rows] == ["APPROVED"] * 3 + ["REVIEW"]
    assert rows[3].flag == "SHARED_ACCOUNT"
    assert AuditEntry.objects.filter(action="account.shared").count() == 1


def test_a_sample_is_the_same_every_time(at, settings) -> None:
    settings.QA_SAMPLE_PERCENT = 2
    drawn = [number for number in range(20_000) if facts.in_sample(f"L{number}", programme.current())]
    assert 300 < len(drawn) < 500
    assert all(facts.in_sample(f"L{number}", programme.current()) for number in drawn)


def test_a_feed_that_brings_payment_releases_by_itself(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    unpaid = make.line(holder, reasons="UNPAID", refundable_krw=0)
    unbilled = make.line(holder, terminated="2026-01-08T09:00+09:00", reasons="NOT_BILLED_YET", refundable_krw=0)
    submit(holder, unpaid, unbilled)
    assert recheck.recheck_after_feed() == 0
    Line.objects.filter(pk=unpaid.pk).update(reasons="", refundable_krw=50_000)
    Line.objects.filter(pk=unbilled.pk).update(reasons="UNPAID")
    at("2026-01-21T10:00+09:00")
    assert recheck.recheck_after_feed() == 2
    assert {row.line_id: row.status for row in Application.objects.all()} == {
        unpaid.pk: "APPROVED",
        unbilled.pk: "ON_HOLD_UNPAID",
    }
    assert Message.objects.filter(kind="application.approved").count() == 1
    # The application keeps the date on which it was made (D-29).
    assert {str(row.applied_on) for row in Application.objects.all()} == {"2026-01-16"}
    assert recheck.recheck_after_feed() == 0


def test_what_is_paid_in_part_is_released_before_the_last_round_only(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    part = make.line(holder, reasons="UNPAID", refundable_krw=50_000, expected_penalty_krw=160_130)
    nothing = make.line(holder, reasons="UNPAID", refundable_krw=0)
    submit(holder, part, nothing)
    at("2026-06-16T17:59+09:00")  # the cut-off of the last round but one is not over yet
    assert recheck.recheck_after_feed() == 0
    at("2026-06-16T18:00+09:00")
    assert recheck.recheck_after_feed() == 1
    row, waiting = Application.objects.get(line=part), Application.objects.get(line=nothing)
    assert (row.status, waiting.status) == ("APPROVED", "ON_HOLD_UNPAID")
    assert row.decisions.last().code == "PART_PAID"
    assert presenters.amount(row) == ("돌려받을 금액", 50_000)
    approved = Message.objects.filter(kind="application.approved")
    assert ["6/25" in message.body for message in approved] == [True]
    last = calendar.payout_rounds(programme.current())[-1]
    chosen = selection.Selection(last.pay_on, last.cut_off, last=True)
    assert set(selection.counts(chosen, programme.current())) == {(None, 1, 50_000), ("ON_HOLD_UNPAID", 1, 0)}
    assert recheck.recheck_after_feed() == 0


def test_an_approval_whose_verdict_changes_waits_for_a_person(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    line = make.line(holder)
    submit(holder, line)
    Line.objects.filter(pk=line.pk).update(outcome="NOT_ELIGIBLE", reasons="REJOINED")
    assert recheck.recheck_after_feed() == 1
    row = Application.objects.get()
    assert (row.status, row.flag) == ("APPROVED", "VERDICT_CHANGED")
    Line.objects.filter(pk=line.pk).update(outcome="ELIGIBLE", reasons="")
    assert recheck.recheck_after_feed() == 1
    assert Application.objects.get().flag == ""


@pytest.mark.parametrize("reason", ["NOT_BILLED_YET", "UNPAID"])
def test_what_waits_on_a_line_that_is_out_by_now_goes_to_a_person(at, reason: str) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    line = make.line(holder, reasons=reason, refundable_krw=0)
    submit(holder, line)
    Line.objects.filter(pk=line.pk).update(outcome="NOT_ELIGIBLE", reasons=f"MVNO;{reason}")
    assert recheck.recheck_after_feed() == 1
    assert Application.objects.get().status == "REVIEW"
    assert recheck.recheck_after_feed() == 0


def test_withdrawing_and_applying_again(at) -> None:
    at("2026-01-16T10:00+09:00")
    holder, stranger = make.customer(), make.customer()
    line = make.line(holder)
    first = submit(holder, line).filing.applications.get()
    with pytest.raises(Refused) as refused:
        change.withdraw(application_id=first.pk, person_index=stranger.person_index)
    assert refused.value.code == "UNKNOWN"
    change.withdraw(application_id=first.pk, person_index=holder.person_index)
    with pytest.raises(Refused) as refused:
        change.withdraw(application_id=first.pk, person_index=holder.person_index)
    assert refused.value.code == "OVER"
    second = submit(holder, line).filing.applications.get()
    assert second.previous == first
    assert Message.objects.filter(kind="application.withdrawn").count() == 1


def test_mending_a_first_account_holds_nothing_and_changing_it_holds_the_money_for_a_day(at) -> None:
    now = at("2026-01-16T10:00+09:00")
    holder = make.customer()
    me = holder.person_index
    row = submit(holder, make.line(holder), account=make.account(holder, outcome="NOT_FOUND")).filing.applications.get()
    assert row.status == "NEED_ACCOUNT"
    mended = change.change_account(
        application_id=row.pk, account_id=make.account(holder, number="22223333444").pk, person_index=me
    )
    # No account of this application was confirmed before, so there is none to be taken over (D-84).
    assert (mended.status, mended.hold_until) == ("APPROVED", None)
    changed = change.change_account(
        application_id=row.pk, account_id=make.account(holder, number="22223333555").pk, person_index=me
    )
    assert 86_399 < (changed.hold_until - now).total_seconds() < 86_420
    with pytest.raises(Refused) as refused:
        change.change_account(
            application_id=row.pk, account_id=make.account(holder, outcome="TIMEOUT").pk, person_index=me
        )
    assert refused.value.code == "NOT_CONFIRMED"
    assert Message.objects.filter(kind="application.account_changed").count() == 2


def test_a_change_to_an_account_of_many_goes_to_a_reviewer(at) -> None:
    at("2026-01-16T10:00+09:00")
    for _number in range(3):
        other = make.customer()
        submit(other, make.line(other), account=make.account(other, number="99998888777"))
    holder = make.customer()
    me = holder.person_index
    row = submit(holder, make.line(holder)).filing.applications.get()
    assert row.status == "APPROVED"
    changed = change.change_account(
        application_id=row.pk, account_id=make.account(holder, number="99998888777").pk, person_index=me
    )
    assert (changed.status, changed.flag, changed.reviewed) == ("REVIEW", "SHARED_ACCOUNT", False)
    assert AuditEntry.objects.filter(action="account.shared").count() == 1
    assert [d.code for d in row.decisions.order_by("id")][-2:] == ["ACCOUNT_CHANGED", "SHARED_ACCOUNT"]
    rail = presenters.present([changed])[0].timeline
    assert "받을 계좌를 바꿈" in [step.title for step in rail]
    back = change.change_account(application_id=row.pk, account_id=make.account(holder).pk, person_index=me)
    assert (back.status, back.flag) == ("REVIEW", "")


def test_a_returned_payment_asks_for_another_account(at) -> None:
    at("2026-01-23T10:00+09:00")
    row = make.application(make.line(make.customer()))
    assert recheck.mark_returned(application_ids=[row.pk], code="CLOSED", actor="staff:1") == 1
    assert recheck.mark_returned(application_ids=[row.pk], code="CLOSED", actor="staff:1") == 0
    row.refresh_from_db()
    assert row.status == "NEED_ACCOUNT"
    assert row.decisions.get().code == "RETURNED_CLOSED"


def test_references_are_read_back_in_any_spelling() -> None:
    reference = submitting.new_reference()
    assert submitting.find_reference(reference.lower().replace("-", " ")) == reference
    assert submitting.find_reference(reference[3:]) == reference
    assert submitting.find_reference("KT-0000-1111") == ""


def test_the_news_of_lines_is_that_of_their_newest_application(at, django_assert_num_queries) -> None:
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    first, second, none = make.line(holder), make.line(holder), make.line(holder)
    make.application(first, status=Status.WITHDRAWN)
    newest = make.application(first)
    make.application(second, status=Status.NEED_ACCOUNT)
    with django_assert_num_queries(1):
        news = queries.summaries_of([first.pk, second.pk, none.pk])
    with django_assert_num_queries(1):
        assert queries.summaries_of([none.pk]) == {}
    assert set(news) == {first.pk, second.pk}
    assert (news[first.pk].status, news[first.pk].reference) == ("APPROVED", newest.filing.reference)
    assert (news[second.pk].status, news[second.pk].item_status) == ("NEED_ACCOUNT", None)
    assert queries.for_lines([first.pk, none.pk]) == {first.pk: newest}
