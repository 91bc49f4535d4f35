"""The 25 likeliest questions to an agent are answered from the one page (cases/desk-questions.csv)."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.portal import my_record
from kt_remedy.staff.models import Store
from refunds.applications import call_backs, desk_sessions, objections
from tests.desk import at_desk, url
from tests.refunds import make
from tests.sessions import as_staff, staff_user

CASES = list(csv.DictReader((Path(__file__).parents[2] / "cases/desk-questions.csv").open(encoding="utf-8")))


@pytest.mark.django_db
@pytest.mark.usefixtures("no_sample", "january")
def test_each_question_is_answered_from_the_panel(bank) -> None:
    Store.objects.create(code="A", name="광화문점")
    holder = make.customer(name="이정순", birth="1954-04-02", ci="lee")
    paid = make.line(holder)
    make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER")
    no = make.line(holder, outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE", refundable_krw=0)
    row = make.application(paid, to=make.account(holder))
    agent = staff_user("agent")
    session = at_desk(agent, row)
    objections.object_to(contract_no=no.pk, person_index=holder.person_index, text="아닙니다", contact="01055557720")
    call_backs.write_note(
        customer=holder, text="다시 설명", staff=agent, call_back_at=clock.now() + dt.timedelta(hours=3)
    )
    client = as_staff(Client(), agent)
    assert desk_sessions.is_live(session)
    assert [case["number"] for case in CASES] == [str(number) for number in range(1, 26)]
    missing = []
    for case in CASES:
        page = client.get(f"{url(client, 'desk-customer')}?{case['get']}").content.decode()
        if case["words"] not in page.replace("\u2060", "").replace("&nbsp;", " "):
            missing.append((case["number"], case["question"]))
    assert missing == []
    shown = client.get(url(client, "desk-customer")).context["looks"]
    assert max(look.times for look in shown) > 1  # alike in one minute: one line
    assert len({(look.who, look.why, look.at) for look in shown}) == len(shown)


@pytest.mark.django_db
@pytest.mark.usefixtures("no_sample", "january")
def test_the_panel_tells_of_looks_what_the_customer_reads(bank) -> None:
    holder = make.customer(name="이정순", birth="1954-04-02", ci="lee")
    row = make.application(make.line(holder), to=make.account(holder))
    reviewer, agent = staff_user("reviewer"), staff_user("agent")
    said_by = audit.actor(reviewer)
    audit.record(actor=said_by, action="application.reviewed", object="application:1", subject=holder.pk)
    audit.record(actor=said_by, action="look.review", object="page", subject=holder.pk, detail={"area": "review"})
    audit.record(actor=said_by, action="look.review", object="page", customers=[holder.pk], detail={"area": "review"})
    session = at_desk(agent, row)
    context = as_staff(Client(), agent).get(reverse("portal:desk-customer", args=[session.key])).context
    [day] = my_record.looks_at(holder.person_index, since=clock.today(), until=clock.today())
    assert [look.why for look in context["looks"]] == [str(look.why) for look in day.looks[1:]]  # the page itself last
    assert context["looks"][0].why == "고객님의 신청이나 이의를 심사하려고"
    assert context["listed"] == 1
