"""After the window: who is let in, by whom, and what a second application after a no keeps (D-30 to D-32)."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from refunds.applications import queries, reviews
from refunds.applications.submit import LateReasonInput
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, LateReason
from tests.desk import at_desk
from tests.refunds import make, reviewing
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_staff, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample")]


def late_one(at, *, kind: str = "HOSPITAL", ended: str | None = "2026-03-01", on: str = "2026-03-10") -> Application:
    at(f"{on}T10:00+09:00")
    holder = make.customer()
    day = dt.date.fromisoformat(ended) if ended else None
    return submit(
        holder, make.line(holder), late_reason=LateReasonInput(kind, day, "입원했습니다")
    ).filing.applications.get()


def refusal(row: Application, roles: tuple[str, ...] = ("supervisor",), **values) -> str:
    with pytest.raises(Refused) as refused:
        reviewing.review(application_id=row.pk, reviewer=staff_user(*roles), act="APPROVE", reason="확인함", **values)
    return refused.value.code


def approve(row: Application, *roles: str, **values) -> Application:
    reviewing.review(application_id=row.pk, reviewer=staff_user(*roles), act="APPROVE", reason="확인함", **values)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("kind", "ended", "code"),
    [
        ("HOSPITAL", "2026-02-24", ""),  # the fourteenth day after it
        ("HOSPITAL", "2026-02-23", "HARDSHIP"),
        ("MILITARY", None, ""),  # it goes on
        ("PRISON", "2026-03-10", ""),
        ("OTHER", "2026-03-09", "HARDSHIP"),
    ],
)
def test_a_hardship_counts_for_fourteen_days(at, kind: str, ended: str | None, code: str) -> None:
    row = late_one(at, kind=kind, ended=ended)
    assert (row.status, row.lateness) == ("LATE", "LATE")
    assert refusal(row, ("reviewer",)) == "SUPERVISOR"
    if code:
        assert refusal(row) == code
        assert Application.objects.get().status == "LATE"  # kept: other reasons wait for a policy
    else:
        assert approve(row, "supervisor").status == "APPROVED"


def test_the_supervisor_puts_the_reason_right(at) -> None:
    row = late_one(at, kind="OTHER", ended=None, on="2026-03-10")
    assert refusal(row, late=LateReasonInput("OVERSEAS", dt.date(2026, 3, 11))) == "HARDSHIP"  # tomorrow
    approve(row, "supervisor", late=LateReasonInput("OVERSEAS", dt.date(2026, 3, 8)))
    why = LateReason.objects.get()
    assert (why.kind, str(why.ended_on), why.words) == ("OVERSEAS", "2026-03-08", "입원했습니다")


def test_documents_do_not_lead_round_the_supervisor(at) -> None:
    row = late_one(at)
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="ASK_DOCUMENTS", reason="확인서")
    at_desk(staff_user("clerk"), row)
    reviews.documents_shown(application_id=row.pk, staff=staff_user("clerk"), documents=["확인서"])
    row.refresh_from_db()
    assert row.status == "LATE"
    assert refusal(row, ("reviewer",)) == "SUPERVISOR"
    with pytest.raises(Refused) as refused:  # nor does a reviewer refuse alone
        reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
    assert refused.value.code == "SUPERVISOR"
    reviewing.review(application_id=row.pk, reviewer=staff_user("supervisor"), act="REJECT", codes=["NO_HARDSHIP"])
    reviews.undo(application_id=row.pk, reviewer=staff_user("reviewer"), reason="다시 봄")
    assert refusal(row, ("reviewer",)) == "SUPERVISOR"
    assert approve(row, "supervisor").status == "APPROVED"


def test_a_late_one_without_a_reason_is_kept_and_judged(at) -> None:
    at("2026-03-10T10:00+09:00")
    holder = make.customer()
    row = submit(holder, make.line(holder)).filing.applications.get()
    assert refusal(row) == "HARDSHIP"
    assert approve(row, "supervisor", late=LateReasonInput("ISLAND", None)).status == "APPROVED"


def test_a_supervisor_alone_decides_nothing_else(at) -> None:
    at("2026-02-02T10:00+09:00")
    holder = make.customer()
    cured = submit(holder, make.line(holder)).filing.applications.get()
    assert (cured.status, cured.lateness) == ("LATE", "CURED")
    assert refusal(cured) == "ROLE"
    assert approve(cured, "reviewer").status == "APPROVED"
    assert not LateReason.objects.exists()


def rejected_and_again(at, *, again: str) -> Application:
    at("2026-01-28T10:00+09:00")
    holder = make.customer()
    line = make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER")
    first = submit(holder, line).filing.applications.get()
    at("2026-02-03T10:00+09:00")
    reviewing.review(application_id=first.pk, reviewer=staff_user("reviewer"), act="ASK_DOCUMENTS", reason="증명서")
    at("2026-02-13T10:00+09:00")
    reviews.end_document_requests()
    reviewing.review(application_id=first.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="서류 없음")
    type(line).objects.filter(pk=line.pk).update(decided_outcome="REVIEW")
    line.refresh_from_db()
    at(f"{again}T10:00+09:00")
    return submit(holder, line).filing.applications.get()


@pytest.mark.parametrize(("again", "lateness"), [("2026-02-27", "CURED"), ("2026-02-28", "LATE")])
def test_a_defect_is_cured_within_fourteen_days_of_the_no(at, again: str, lateness: str) -> None:
    row = rejected_and_again(at, again=again)
    assert (row.status, row.lateness) == ("LATE", lateness)
    assert row.previous.status == "REJECTED"


def test_a_no_that_was_our_error_gives_the_earlier_date_back(at) -> None:
    row = rejected_and_again(at, again="2026-02-20")
    page = reverse("refunds:review-case", args=[row.pk])
    reviewer = as_staff(Client(), staff_user("reviewer"))
    assert "우리 잘못" in reviewer.get(page).content.decode()
    reviewing.send(reviewer, page, {"act": "APPROVE", "words": "우리가 잘못 봄", "earlier_date": "on"})
    row.refresh_from_db()
    assert (row.status, str(row.applied_on), row.lateness) == ("APPROVED", "2026-01-28", "IN_TIME")
    fresh = late_one(at, on="2026-03-10")
    assert refusal(fresh, earlier_date=True) == "EARLIER"


def test_the_pages_of_reviewer_and_supervisor(at) -> None:
    row = late_one(at)
    page = reverse("refunds:review-case", args=[row.pk])
    reviewer, supervisor = (as_staff(Client(), staff_user(role)) for role in ("reviewer", "supervisor"))
    text = reviewer.get(page).content.decode()
    assert "심사 책임자만 결정" in text
    assert 'value="APPROVE"' not in text
    assert 'value="REJECT"' not in text
    assert reviewer.post(page, {"act": "APPROVE", "words": "x"}).status_code == 422
    assert reviewer.post(reverse("refunds:review-next"))["Location"] == reverse("refunds:review")  # nothing for them
    other = as_staff(Client(), staff_user("supervisor", username="second"))
    assert other.post(reverse("refunds:review-next"))["Location"] == page
    response = supervisor.get(page)
    assert "맡고 있습니다" in response.content.decode()
    assert "다른 심사자가 보고 있는" in response.content.decode()
    answers = {"act": "APPROVE", "words": "확인", "kind": "HOSPITAL", "ended_on": "2026-03-01"}
    assert supervisor.post(page, answers).status_code == 422
    supervisor.post(reverse("refunds:review-release", args=[row.pk]))
    assert "끝나고 14일 안에 한 신청만" in supervisor.get(page).content.decode()
    reviewing.send(supervisor, page, answers)
    row.refresh_from_db()
    assert row.status == "APPROVED"


def test_the_list_is_filtered_by_state_door_and_age(at) -> None:
    old = late_one(at, on="2026-02-24")
    at("2026-03-05T23:59+09:00")  # the sixth business day after it: 1 and 2 March are holidays
    reviewer = as_staff(Client(), staff_user("reviewer"))

    def shown(**filters: str) -> bool:
        return old.filing.reference in reviewer.get(reverse("refunds:review"), filters).content.decode()

    assert shown()
    assert shown(kind="LATE", door="WEB")
    assert not shown(kind="TRANSFER")
    assert not shown(door="STORE")
    assert not shown(due="late")
    at("2026-03-06T00:00+09:00")
    assert shown(due="late")
    assert queries.live_applications([old.line_id])
