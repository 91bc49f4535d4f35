"""The queue of the reviewers: who gets which case, parking, questions, second looks, letters, pages of documents."""

import datetime as dt
import io

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from eligibility.models import Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.notices.models import Message
from refunds.applications import documents, letters, queue, recheck, reviews
from refunds.applications.transitions import Refused
from refunds.models.applications import Decision, Evidence, Filing
from refunds.models.reviews import Letter, ReviewCase
from refunds.views import console
from tests.refunds import make, reviewing
from tests.refunds.applications.test_documents import PDF
from tests.refunds.applications.test_late import late_one
from tests.refunds.applications.test_reviews import in_review
from tests.sessions import as_staff, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january", "no_sample")]


@pytest.fixture
def reviewer():
    return staff_user("reviewer")


@pytest.fixture
def other():
    return staff_user("reviewer", username="other")


def refusal(attempt, **values) -> str:
    with pytest.raises(Refused) as refused:
        attempt(**values)
    return refused.value.code


def case_of(row) -> ReviewCase:
    queue.describe_new()
    return ReviewCase.objects.get(application=row)


def test_each_case_is_described_by_its_question_and_its_promised_day() -> None:
    moved = in_review()
    by_proxy = in_review(outcome="ELIGIBLE", reasons="")
    Filing.objects.filter(pk=by_proxy.filing_id).update(representation="PROXY")
    changed = make.application(make.line(make.customer()))
    Line.objects.filter(pk=changed.line_id).update(outcome="REVIEW", reasons="REVIEW_UNKNOWN_ITEM")
    recheck.recheck_after_feed()
    found = {row.pk: (case_of(row).kind, str(case_of(row).due_on)) for row in (moved, by_proxy, changed)}
    # The earlier of six business days and the cut-off of the round the case would be in (D-89).
    assert found == {
        moved.pk: ("TRANSFER", "2026-01-20"),
        by_proxy.pk: ("REPRESENTED", "2026-01-20"),
        changed.pk: ("CHANGED", "2026-01-20"),
    }


def test_the_home_counts_a_case_that_just_came(reviewer) -> None:
    case_of(in_review())
    ReviewCase.objects.update(due_on=dt.date(2026, 1, 30))
    in_review()
    assert [act.until.date() for act in console.acts(reviewer)] == [dt.date(2026, 1, 20)]
    assert console.acts(reviewer)[0].text == "심사 2건"


def test_a_case_leaves_the_queue_with_its_state_whoever_changes_it(reviewer) -> None:
    row = in_review()
    assert ReviewCase.objects.count() == 1
    type(row).objects.filter(pk=row.pk).update(status="WITHDRAWN")
    assert not ReviewCase.objects.exists()
    assert queue.take_next(reviewer=reviewer) is None


def test_the_next_case_is_another_one_each_time_the_earliest_first(reviewer) -> None:
    rows = [in_review() for _ in range(3)]
    queue.describe_new()
    ReviewCase.objects.filter(application=rows[2]).update(due_on=dt.date(2026, 1, 10))
    got = [reviewing.take_next(reviewer=reviewer) for _ in range(4)]
    assert got == [rows[2], rows[0], rows[1], None]
    ReviewCase.objects.update(held_until=queue.wall() - dt.timedelta(minutes=1))  # twenty minutes without an act
    assert reviewing.take_next(reviewer=reviewer) == rows[2]


def test_one_kind_at_a_time(reviewer) -> None:
    in_review()
    item = in_review(reasons="REVIEW_UNKNOWN_ITEM")
    assert reviewing.take_next(reviewer=reviewer, kind="ITEM") == item
    assert reviewing.take_next(reviewer=reviewer, kind="ITEM") is None


def test_hardship_goes_to_a_supervisor_only(reviewer, at) -> None:
    row = late_one(at)
    supervisor = staff_user("supervisor")
    assert reviewing.take_next(reviewer=reviewer) is None
    assert reviewing.take_next(reviewer=supervisor) == row


def test_what_one_filed_oneself_is_for_others(reviewer, other) -> None:
    row = in_review()
    Filing.objects.filter(pk=row.filing_id).update(filed_by=reviewer)
    assert reviewing.take_next(reviewer=reviewer) is None
    assert refusal(reviewing.review, application_id=row.pk, reviewer=reviewer, act="APPROVE") == "OWN_FILING"
    assert reviewing.take_next(reviewer=other) == row


def test_given_back_comes_to_others_first(reviewer, other) -> None:
    first, second = in_review(), in_review()
    case = queue.take_next(reviewer=reviewer)
    queue.give_back(case_id=case.pk, reviewer=reviewer)
    assert reviewing.take_next(reviewer=reviewer) == second
    assert reviewing.take_next(reviewer=other) == first
    queue.give_back(case_id=case.pk, reviewer=other)
    assert queue.take_next(reviewer=other, other_than=[case.pk]) is None
    assert reviewing.take_next(reviewer=reviewer) == first  # nothing else is left


def test_parked_until_its_day(reviewer, other, at) -> None:
    row = in_review()
    case = case_of(row)
    assert refusal(queue.park, case_id=case.pk, reviewer=reviewer, until=dt.date(2026, 1, 16), note="x") == "DAY"
    assert refusal(queue.park, case_id=case.pk, reviewer=reviewer, until=dt.date(2026, 2, 27), note="x") == "DAY"
    assert refusal(queue.park, case_id=case.pk, reviewer=reviewer, until=dt.date(2026, 1, 19), note=" ") == "WORDS"
    queue.park(case_id=case.pk, reviewer=reviewer, until=dt.date(2026, 1, 19), note="통장 사본")
    assert queue.take_next(reviewer=reviewer) is None
    home = as_staff(Client(), reviewer).get(reverse("admin:index")).content.decode()
    assert "통장 사본" in home
    at("2026-01-19T09:00+09:00")
    assert reviewing.take_next(reviewer=other) == row


def test_a_leaver_frees_what_was_parked(reviewer, other) -> None:
    row = in_review()
    queue.park(case_id=case_of(row).pk, reviewer=reviewer, until=dt.date(2026, 1, 19), note="통장 사본")
    assert queue.pass_on(reviewer) == 1
    assert reviewing.take_next(reviewer=other) == row


def test_a_question_goes_up_and_the_answer_comes_back_to_who_asked(reviewer, other) -> None:
    row, supervisor = in_review(), staff_user("supervisor")
    case = queue.take_next(reviewer=reviewer)
    queue.ask(case_id=case.pk, reviewer=reviewer, question="상속인이 네 명입니다")
    assert queue.take_next(reviewer=other) is None
    page = reverse("refunds:review-case", args=[row.pk])
    chief = as_staff(Client(), supervisor)
    assert chief.post(reverse("refunds:review-next"))["Location"] == page
    assert "상속인이 네 명입니다" in chief.get(page).content.decode()
    aside = reverse("refunds:review-aside", args=[case.pk, "answer"])
    assert chief.post(aside, {"reply": ""})["Location"] == page
    assert chief.post(aside, {"reply": "모두의 동의서를 받으세요"})["Location"] == reverse("refunds:review")
    assert queue.take_next(reviewer=other) is None  # kept for who asked
    assert "답이 왔습니다" in as_staff(Client(), reviewer).get(reverse("admin:index")).content.decode()
    assert reviewing.take_next(reviewer=reviewer) == row
    assert "모두의 동의서를 받으세요" in as_staff(Client(), reviewer).get(page).content.decode()


# Letters --------------------------------------------------------------------------------------------------------


def test_the_letter_is_the_one_that_was_seen_and_is_kept_in_both_languages(reviewer) -> None:
    row = in_review(contract_started_at=dt.datetime(2025, 10, 15, 10, tzinfo=dt.UTC))
    verdict = reviews.Verdict(
        "REJECT", ["NEW_CONTRACT_ON_TRANSFER"], {"NEW_CONTRACT_ON_TRANSFER": dt.date(2025, 10, 15)}
    )
    seen = reviews.preview(application_id=row.pk, reviewer=reviewer, verdict=verdict)
    row.refresh_from_db()
    assert (row.status, Letter.objects.count(), Message.objects.count()) == ("REVIEW", 0, 0)  # nothing happened
    reviews.review(application_id=row.pk, reviewer=reviewer, verdict=verdict)
    kept = Letter.objects.get()
    assert (kept.body_ko, kept.body_en) == (seen.letter.body_ko, seen.letter.body_en)
    assert kept.body_ko.startswith("2025년 10월\xa015일에 명의를 바꾸며 약정을 새로 맺으셨습니다.")
    assert "6월\xa030일(화)까지 이의를" in kept.body_ko.replace("\u2060", "")
    assert "you signed a new contract" in kept.body_en
    assert (kept.decision.to_status, kept.codes) == ("REJECTED", ["NEW_CONTRACT_ON_TRANSFER"])
    assert seen.text.startswith("[KT]")
    assert kept.body_ko.split("\n")[0] in _timeline(row)


def _timeline(row) -> str:
    from refunds.applications import presenters

    return "\n".join(step.text for step in presenters.present([row])[0].timeline)


def test_reasons_are_asked_for_and_belong_to_the_act(reviewer) -> None:
    row = in_review()
    values = {"application_id": row.pk, "reviewer": reviewer}
    assert refusal(reviews.review, **values, verdict=reviews.Verdict("REJECT")) == "REASONS"
    assert refusal(reviews.review, **values, verdict=reviews.Verdict("REJECT", ["FAMILY"])) == "REASONS"
    assert refusal(reviews.review, **values, verdict=reviews.Verdict("REJECT", ["NEW_CONTRACT_ON_TRANSFER"])) == "DAY"
    row.refresh_from_db()
    assert row.status == "REVIEW"


def test_every_reason_has_both_texts_and_names_known_kinds() -> None:
    known = {*ReviewCase.Kind.values, "ELIGIBILITY", "AMOUNT", "DATE", "OTHER"}
    for act in ("APPROVE", "REJECT", "ASK_DOCUMENTS", "UPHOLD", "DECLINE"):
        for reason in letters.reasons_for(act):
            assert set(reason.kinds) <= known, reason.code
            assert all(reason.texts[language] and reason.labels[language] for language in ("ko", "en"))
            assert bool(reason.asks) == ("{day}" in reason.texts["ko"]) == ("{day}" in reason.texts["en"])


def test_another_letter_than_the_seen_one_is_not_sent(reviewer) -> None:
    row = in_review()
    client, page = as_staff(Client(), reviewer), reverse("refunds:review-case", args=[row.pk])
    shown = client.post(page, {"act": "REJECT", "codes": "OTHER_PERSONS_LINE"})
    other_reason = {"act": "REJECT", "codes": "DOCUMENT_UNTRUE", "seen": shown.context["seen"], "send": "1"}
    assert client.post(page, other_reason).status_code == 200
    assert not Letter.objects.exists()
    part = client.post(page, {"act": "REJECT", "codes": "OTHER_PERSONS_LINE"}, headers={"X-Part": "letter"})
    assert "<html" not in part.content.decode()
    assert "이 회선은 신청하신 분의 회선이 아닙니다." in part.content.decode()


def test_a_decision_leads_to_the_next_case_in_one_step(reviewer) -> None:
    rows = [in_review() for _ in range(2)]
    client = as_staff(Client(), reviewer)
    page = client.post(reverse("refunds:review-next"))["Location"]
    answer = reviewing.send(client, page, {"act": "APPROVE", "codes": "CONTRACT_CONTINUED"})
    assert answer["Location"] == reverse("refunds:review-case", args=[rows[1].pk])


# Second looks ---------------------------------------------------------------------------------------------------


def test_a_refusal_of_the_sample_waits_for_another_person(reviewer, other, settings) -> None:
    settings.SECOND_LOOK_PERCENT = 100
    row = in_review()
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT", codes=["OTHER_PERSONS_LINE"])
    row.refresh_from_db()
    assert (row.status, Letter.objects.count(), Message.objects.count()) == ("REVIEW", 0, 0)
    assert queue.take_next(reviewer=reviewer) is None
    assert refusal(reviewing.review, application_id=row.pk, reviewer=reviewer, act="APPROVE") == "OWN_DECISION"
    assert reviewing.take_next(reviewer=other) == row
    page = reverse("refunds:review-case", args=[row.pk])
    client = as_staff(Client(), other)
    assert "다른 사람의 회선" in client.get(page).content.decode()
    reviewing.send(client, page, {"act": "AGREE"})
    row.refresh_from_db()
    assert (row.status, Letter.objects.get().codes) == ("REJECTED", ["OTHER_PERSONS_LINE"])


def test_the_second_person_may_decide_otherwise(reviewer, other, settings) -> None:
    settings.SECOND_LOOK_PERCENT = 100
    row = in_review()
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT")
    reviewing.review(application_id=row.pk, reviewer=other, act="APPROVE")
    row.refresh_from_db()
    assert row.status == "APPROVED"


def test_an_unread_approval_of_the_sample_counts_before_the_cut_off(reviewer, settings, at) -> None:
    settings.QA_SAMPLE_PERCENT = 100
    row = in_review()
    sampled = make.application(make.line(make.customer()), status="REVIEW")
    type(sampled).objects.filter(pk=sampled.pk).update(qa_sample=True)
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="APPROVE")
    row.refresh_from_db()
    assert row.status == "REVIEW"
    at("2026-01-20T15:59+09:00")
    assert reviews.count_unread() == 0
    at("2026-01-20T16:00+09:00")  # the cut-off of the round is at 18:00
    assert reviews.count_unread() == 2
    row.refresh_from_db()
    sampled.refresh_from_db()
    assert (row.status, sampled.status) == ("APPROVED", "APPROVED")
    assert reviews.count_unread() == 0
    assert Message.objects.filter(kind="application.approved").count() == 2


# Documents ------------------------------------------------------------------------------------------------------


def test_pages_are_pictures_with_a_mark_and_each_look_is_recorded(reviewer) -> None:
    row = in_review()
    documents.add(application_id=row.pk, files=documents.read([("a.pdf", PDF)]), person_index=row.filing.person_index)
    document = Evidence.objects.get()
    client = as_staff(Client(), reviewer)
    address = reverse("refunds:evidence-page", args=[document.pk, 1])
    assert address in client.get(reverse("refunds:review-case", args=[row.pk])).content.decode()
    answer = client.get(address)
    assert answer["Content-Type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.content)).convert("L")
    assert picture.getextrema()[0] < 250  # an empty page but for the mark
    assert client.get(reverse("refunds:evidence-page", args=[document.pk, 2])).status_code == 404
    seen = AuditEntry.objects.filter(action="evidence.page_seen", object=f"evidence:{document.pk}")
    assert [(entry.actor, entry.subject) for entry in seen] == [(f"staff:{reviewer.pk}", row.line.customer_id)]
    assert as_staff(Client(), staff_user("agent")).get(address).status_code == 403


# Several at once ------------------------------------------------------------------------------------------------


def test_a_bulk_decision_says_first_what_each_person_will_read(reviewer) -> None:
    rows = [in_review() for _ in range(2)]
    client, page = as_staff(Client(), reviewer), reverse("refunds:review-bulk")
    chosen = {"case": [row.pk for row in rows], "act": "REJECT", "codes": "OTHER_PERSONS_LINE"}
    assert client.post(page, {**chosen, "case": []})["Location"] == reverse("refunds:review")
    shown = client.post(page, chosen)
    text = shown.content.decode()
    assert text.count("이 회선은 신청하신 분의 회선이 아닙니다.") == 2
    assert all(row.filing.reference in text.replace("\u2060", "") for row in rows)
    assert not Letter.objects.exists()
    assert client.post(page, {**chosen, "send": "1", "seen": "x"}).status_code == 200
    done = client.post(page, {**chosen, "send": "1", "seen": shown.context["seen"]})
    assert done["Location"] == reverse("refunds:review")
    assert Letter.objects.count() == 2
    again = client.post(page, {**chosen, "send": "1", "seen": shown.context["seen"]})
    assert again.status_code == 422
    assert "이미 다른 상태로" in again.content.decode()


def test_the_home_says_what_came_was_answered_and_was_taken_back(reviewer, other, at) -> None:
    row, waits = in_review(), in_review()
    queue.describe_new()
    # Taken back by the customer at a desk: no answer.
    Decision.objects.create(
        application=waits, from_status="REVIEW", to_status="WITHDRAWN", actor="staff:9", code="", decided_at=clock.now()
    )
    home = reverse("admin:index")
    assert "새로 온 심사 2건, 직원들이 답한 심사 0건" in as_staff(Client(), reviewer).get(home).content.decode()
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT", reason="다른 사람의 회선")
    assert "새로 온 심사 1건, 직원들이 답한 심사 1건" in as_staff(Client(), other).get(home).content.decode()
    reviews.undo(application_id=row.pk, reviewer=other, reason="잘못 봄")
    assert "다른 사람이 되돌렸습니다" in as_staff(Client(), reviewer).get(home).content.decode()
    assert "다른 사람이 되돌렸습니다" not in as_staff(Client(), other).get(home).content.decode()
    at("2026-01-19T10:00+09:00")
    assert "새로 온 심사 0건, 직원들이 답한 심사 0건" in as_staff(Client(), reviewer).get(home).content.decode()


def test_a_decision_from_an_old_tab_takes_nothing_back(reviewer) -> None:
    row = in_review()
    client, page = as_staff(Client(), reviewer), reverse("refunds:review-case", args=[row.pk])
    reviewing.review(application_id=row.pk, reviewer=reviewer, act="REJECT", reason="다른 사람의 회선")
    again = {"act": "REJECT", "codes": "OTHER_PERSONS_LINE", "words": "메모", "send": "1"}
    for headers in ({}, {"X-Part": "letter"}):
        answer = client.post(page, again, headers=headers)
        assert "이미 다른 상태로 바뀐 신청입니다." in answer.content.decode()
        row.refresh_from_db()
        assert row.status == "REJECTED"
    client.post(page, {"words": "잘못 봄", "undo": "1"})
    row.refresh_from_db()
    assert row.status == "REVIEW"


def test_the_reasons_of_a_decision_stand_in_the_language_of_the_reader(reviewer) -> None:
    row = in_review()
    verdict = reviews.Verdict("REJECT", ["OTHER_PERSONS_LINE"], {}, "전화로 확인함")
    reviews.review(application_id=row.pk, reviewer=reviewer, verdict=verdict)
    client, page = as_staff(Client(), reviewer), reverse("refunds:review-case", args=[row.pk])
    assert "다른 사람의 회선. 전화로 확인함" in client.get(page).content.decode()
    client.cookies["django_language"] = "en"
    text = client.get(page).content.decode()
    assert "Another person’s line. 전화로 확인함" in text.replace("&#x27;", "’")
    assert "다른 사람의 회선." not in text


def test_those_who_only_look_get_no_boxes_and_an_empty_queue_no_button(reviewer) -> None:
    page, button = reverse("refunds:review"), reverse("refunds:review-next")
    assert button not in as_staff(Client(), reviewer).get(page).content.decode()
    assert button not in as_staff(Client(), reviewer).get(reverse("admin:index")).content.decode()
    in_review()
    text = as_staff(Client(), reviewer).get(page).content.decode()
    assert 'name="case"' in text
    assert button in text
    assert button in as_staff(Client(), reviewer).get(reverse("admin:index")).content.decode()
    text = as_staff(Client(), staff_user("supervisor")).get(page).content.decode()
    assert 'name="case"' not in text
    assert "이 쪽 모두 고르기" not in text
