"""Acts of reviewers: permissions, cases they may decide, and the rows that the database keeps."""

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import LineDecision
from kt_remedy.notices.models import Message
from refunds.applications import objections, queue, recheck, reviews
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Decision, Objection
from tests.desk import at_desk
from tests.refunds import make, reviewing
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january", "no_sample")]


@pytest.fixture
def reviewer():
    return staff_user("reviewer")


def in_review(holder=None, **facts) -> Application:
    facts = {"outcome": "REVIEW", "reasons": "REVIEW_NAME_TRANSFER", **facts}
    return make.application(make.line(holder or make.customer(), **facts), status="REVIEW")


def test_a_yes_settles_the_line_and_asks_the_rest_of_the_table(reviewer) -> None:
    row, unpaid = in_review(), in_review(reasons="REVIEW_NAME_TRANSFER;UNPAID")
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="APPROVE", reason="계약을 이어받음")
    reviewing.review(application_id=unpaid.pk, reviewer=reviewer, act="APPROVE", reason="계약을 이어받음")
    row.refresh_from_db()
    unpaid.refresh_from_db()
    assert (row.status, unpaid.status) == ("APPROVED", "ON_HOLD_UNPAID")
    assert LineDecision.objects.get(line=row.line_id).outcome == "ELIGIBLE"
    assert Message.objects.filter(kind="application.approved").count() == 1
    assert row.decisions.get().words == "계약을 이어받음"


def test_a_no_can_be_undone_and_then_become_a_yes(reviewer) -> None:
    row = in_review()
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT", reason="새 계약")
    reviews.undo(application_id=row.pk, reviewer=reviewer, reason="서류를 다시 봄")
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="APPROVE", reason="이어받은 계약")
    row.refresh_from_db()
    assert row.status == "APPROVED"
    assert list(Decision.objects.values_list("to_status", flat=True)) == ["REJECTED", "REVIEW", "APPROVED"]


def test_documents_are_asked_for_with_a_date_and_come_back(reviewer) -> None:
    row = in_review()
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="ASK_DOCUMENTS", reason="가족관계증명서")
    row.refresh_from_db()
    assert (row.status, str(row.documents_due_on)) == ("NEED_DOCS", "2026-01-27")
    at_desk(staff_user("clerk"), row)
    reviews.documents_shown(application_id=row.pk, staff=staff_user("clerk"), documents=["FAMILY"])
    row.refresh_from_db()
    assert (row.status, row.documents_due_on) == ("REVIEW", None)


def test_what_reviewers_may_not(reviewer) -> None:
    mine = in_review(make.customer(ci="reviewer-ci"))
    self_reviewer = staff_user("reviewer", username="self", ci="reviewer-ci")
    row = in_review()
    for code, attempt in {
        "OWN_CASE": lambda: reviewing.review(application_id=mine.pk, reviewer=self_reviewer, act="APPROVE", reason="x"),
        "ROLE": lambda: reviewing.review(
            application_id=row.pk, reviewer=staff_user("clerk"), act="APPROVE", reason="x"
        ),
        "REASONS": lambda: reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT", codes=[]),
        "UNKNOWN": lambda: reviewing.review(application_id=0, reviewer=reviewer, act="APPROVE", reason="x"),
    }.items():
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == code
    assert reviewing.take_next(reviewer=self_reviewer) == row


def test_the_next_case_is_the_oldest_that_nobody_has(reviewer) -> None:
    first, second = in_review(), in_review()
    other = staff_user("reviewer", username="other")
    assert reviewing.take_next(reviewer=reviewer) == first
    assert reviewing.take_next(reviewer=other) == second
    assert reviewing.take_next(reviewer=staff_user("reviewer", username="third")) is None
    with pytest.raises(Refused) as refused:
        reviewing.review(application_id=first.pk, reviewer=other, act="REJECT", reason="x")
    assert refused.value.code == "TAKEN"


def test_a_bulk_decision_applies_to_all_or_none(reviewer) -> None:
    rows = [in_review() for _ in range(3)]
    done = make.application(make.line(make.customer()))
    with pytest.raises(reviews.Conflicts) as conflicts:
        reviews.decide_all(
            application_ids=[*(r.pk for r in rows), done.pk], reviewer=reviewer, verdict=reviewing.verdict("REJECT")
        )
    assert [pk for pk, _why in conflicts.value.conflicts] == [done.pk]
    assert Application.objects.filter(status="REVIEW").count() == 3
    assert LineDecision.objects.count() == Message.objects.count() == 0
    ids = [r.pk for r in rows]
    assert reviews.decide_all(application_ids=ids, reviewer=reviewer, verdict=reviewing.verdict("REJECT")) == 3


def test_an_approval_whose_verdict_changed_is_confirmed_or_opened_again(reviewer) -> None:
    from eligibility.models import Line

    row = make.application(make.line(make.customer()))
    Line.objects.filter(pk=row.line_id).update(outcome="REVIEW", reasons="REVIEW_UNKNOWN_ITEM")
    recheck.recheck_after_feed()
    assert list(queue.waiting()) == [row]
    reviews.confirm(application_id=row.pk, reviewer=reviewer, reason="항목을 확인함")
    row.refresh_from_db()
    assert (row.status, row.flag) == ("APPROVED", "")
    assert recheck.recheck_after_feed() == 0


def test_an_objection_is_answered_by_the_date_that_was_shown(reviewer) -> None:
    holder = make.customer(ci="hong")
    line = make.line(holder, outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE")
    client = as_customer(Client(), person("hong"))
    page = reverse("refunds:object", args=[line.pk])
    assert "1월\xa030일\u2060(금)" in client.get(page).content.decode()
    text = client.post(
        page, {"kind": "ELIGIBILITY", "words": "기기를 바꾸지 않았습니다. 850302-1234567"}
    ).content.decode()
    assert "주민등록번호로 보이는" in text
    assert Objection.objects.count() == 0
    client.post(page, {"kind": "ELIGIBILITY", "words": "기기를 바꾸지 않았습니다."})
    client.post(page, {"words": "두 번째"})
    row = Objection.objects.get()
    assert (row.words, str(row.answer_by)) == ("기기를 바꾸지 않았습니다.", "2026-01-30")
    assert "바꾸지".encode() not in bytes(row.words_enc)
    assert "이의를 받았습니다" in client.get(page).content.decode()
    reviewing.answer_objection(objection_id=row.pk, reviewer=reviewer, uphold=True, answer="확인했습니다.")
    line.refresh_from_db()
    assert line.effective_outcome == "ELIGIBLE"
    assert Message.objects.filter(kind="objection.answered").count() == 1
    assert "말씀하신 내용이 맞습니다." in client.get(page).content.decode()
    stranger = as_customer(Client(), person("someone"))
    assert stranger.get(page).status_code == 404


def test_an_upheld_objection_opens_a_rejected_case(reviewer) -> None:
    holder = make.customer()
    row = in_review(holder)
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT", reason="새 계약")
    objection = objections.object_to(
        contract_no=row.line_id, person_index=holder.person_index, text="이어받았습니다", contact="01055550000"
    )
    reviewing.answer_objection(objection_id=objection.pk, reviewer=reviewer, uphold=True, answer="맞습니다")
    row.refresh_from_db()
    assert row.status == "REVIEW"


def test_the_reviewers_pages(reviewer) -> None:
    row = in_review()
    client = as_staff(Client(), reviewer)
    listed = client.get(reverse("refunds:review")).content.decode()
    assert row.filing.reference in listed
    assert "맡은 건은 20분 동안" in listed
    answer = client.post(reverse("refunds:review-next"))
    assert answer["Location"] == reverse("refunds:review-case", args=[row.pk])
    assert client.get(answer["Location"]).status_code == 200
    assert client.post(answer["Location"], {}).status_code == 422
    chosen = {"act": "APPROVE", "codes": "CONTRACT_CONTINUED", "send": "1"}
    seen = client.post(answer["Location"], chosen)  # not sent before it was read
    assert seen.status_code == 200
    assert "예전 약정을 그대로 이어받으신 것을" in seen.content.decode()
    assert client.post(answer["Location"], {**chosen, "seen": seen.context["seen"]}).status_code == 302
    row.refresh_from_db()
    assert row.status == "APPROVED"
    assert as_staff(Client(), staff_user("clerk")).get(reverse("refunds:review")).status_code == 403


def test_documents_have_a_reminder_and_an_end(reviewer, at) -> None:
    from refunds.applications import jobs

    row = in_review()
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="ASK_DOCUMENTS", reason="가족관계증명서")
    assert jobs.document_deadlines(None) is None
    at("2026-01-25T10:00+09:00")
    assert jobs.document_deadlines(None).values == {"n": 1, "ended": 0}
    jobs.document_deadlines(None)
    assert Message.objects.filter(kind="application.docs_reminder").count() == 1
    at("2026-01-28T10:00+09:00")
    jobs.document_deadlines(None)
    row.refresh_from_db()
    assert (row.status, row.decisions.order_by("id").last().code) == ("REVIEW", "DOCUMENTS_OVERDUE")
