"""The cast whose case a person decides: objections, a soldier who is late, an heir, the officer of a company."""

import datetime as dt

import pytest
from django.test import Client

from eligibility.models import Line
from kt_remedy.staff.models import Store
from refunds.accounts import service as accounts
from refunds.applications import objections, representation
from refunds.applications.submit import LateReasonInput
from refunds.models.applications import Application
from tests import desk, people
from tests.journeys.cast import Case, Visitor
from tests.refunds import reviewing
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def bank(settings, monkeypatch) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


def objected(contract_no: str, text: str):
    line = Line.objects.select_related("customer").get(pk=contract_no)
    return objections.object_to(
        contract_no=contract_no, person_index=line.customer.person_index, text=text, contact="01020260101"
    )


def go_as_cast(visitor: Visitor):
    """Read a page as the person of the row."""

    def go(case: Case) -> str:
        visitor.be_cast(case["who"])
        return case["page"]

    return go


def test_an_objection_its_two_answers_and_a_bill_that_is_not_paid(visitor: Visitor, at) -> None:
    at("2026-01-20T10:00+09:00")
    people.load_cast()
    tablet, forced = objected("CAST-101-2", "기기를 바꾸지 않았습니다."), objected("CAST-116-1", "제가 해지했습니다.")
    unpaid = Line.objects.get(pk="CAST-104-1")
    submit(unpaid.customer, unpaid)
    visitor.walk("waiting", go_as_cast(visitor))
    reviewer = staff_user("reviewer")
    at("2026-01-22T10:00+09:00")
    reviewing.answer_objection(objection_id=tablet.pk, reviewer=reviewer, uphold=True)
    reviewing.answer_objection(objection_id=forced.pk, reviewer=reviewer, uphold=False)
    visitor.walk("answered", go_as_cast(visitor))


def test_a_soldier_who_is_late(visitor: Visitor, at) -> None:
    at("2026-02-20T10:00+09:00")
    people.load_cast(until=dt.date(2026, 2, 20))
    visitor.walk("late", go_as_cast(visitor))
    line = Line.objects.get(pk="CAST-103-1")
    submit(line.customer, line, late_reason=LateReasonInput("MILITARY", dt.date(2026, 2, 15), "군 복무"))
    visitor.walk("late-filed", go_as_cast(visitor))


def test_an_heir_and_the_officer_of_a_company_take_their_receipt_home(visitor: Visitor, at) -> None:
    at("2026-01-20T10:00+09:00")
    people.load_cast()
    store = Store.objects.create(code="A", name="광화문점")
    clerk = as_staff(Client(), staff_user("clerk", username="clerk-a", store=store))

    def served(contract_no: str, fact: str, came_as: str, came_name: str, card: str, **values) -> str:
        line = Line.objects.get(pk=contract_no)
        found = desk.find(clerk, line, fact, came_as, came_name)
        assert found.status_code == 302
        desk.prove(clerk, line, fact, came_as=came_as, came_name=came_name, card=card)
        papers = [code for code, _name in representation.DOCUMENTS[came_as]]
        answer = desk.file(clerk, line, documents=papers, **values)
        assert answer.status_code == 302
        return answer["Location"]

    own = {"owner": "심학규", "owner_born": "19550505"}
    receipts = {
        "heir": served("CAST-111-1", "2001-04-08", "HEIR", "심학규", "DRIVER", **own),
        "officer": served(
            "CAST-109-1", "주식회사 달빛물산", "COMPANY", "박담당", "COMPANY", key="c" * 32, number="11022033055"
        ),
    }
    assert set(Application.objects.values_list("status", flat=True)) == {"REVIEW"}
    visitor.be(clerk)
    visitor.walk("desk", lambda case: receipts[case["who"]])
