"""Going on by telephone: six digits and the spoken name open one draft, once, and nothing else (D-88)."""

import datetime as dt

import pytest

from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from refunds.applications import change, continuing, desk_sessions, drafts, submit
from refunds.applications.transitions import Refused
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Channel, Draft
from tests.refunds import make
from tests.sessions import staff_user
from tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample", "january")]


@pytest.fixture
def agent():
    return staff_user("agent")


@pytest.fixture
def line():
    return make.line(make.customer(name="이정순", birth="1954-04-02", ci="lee"))


def give(line) -> str:
    holder = line.customer
    drafts.save(drafts.Answers(lines=[line.pk]), person_index=holder.person_index)
    return continuing.give(person_index=holder.person_index, name="이정순", contact="01055557720")


def submission(line, agent, row, *lines):
    account = make.account(line.customer)
    return submit.Submission(
        key=str(row.draft_of),
        channel=Channel.CALL_CENTRE,
        person_index=row.person_index,
        contract_nos=[each.pk for each in lines or (line,)],
        account_id=account.pk,
        consents=dict(submit.CONSENTS),
        contact=row.contact,
        proof=row.proof,
        representation=OwnerKind(row.came_as),
        staff=agent,
    )


def test_an_agent_files_the_draft_of_the_caller(line, agent, bank) -> None:
    digits = give(line)
    row = continuing.take(staff=agent, digits=f"{digits[:3]} {digits[3:]}", name=" 이 정순")
    assert (row.came_as, row.contact, row.proof["method"]) == ("SELF", "01055557720", "DRAFT")
    assert desk_sessions.draft_of(row) == {"lines": [line.pk]}
    told = Message.objects.get(kind="desk.continued")
    assert told.to == "01055557720"
    filing = submit.submit(submission(line, agent, row)).filing
    assert filing.proof["method"] == "DRAFT"
    assert not Draft.objects.exists()
    # Pressed twice, or filed by the customer meanwhile: no second filing.
    with pytest.raises(Refused) as refused:
        submit.submit(submission(line, agent, row))
    assert refused.value.code == "DRAFT"


def test_the_proof_holds_for_the_draft_alone(line, agent, bank) -> None:
    filed = make.application(make.line(line.customer))
    other = make.line(line.customer)
    row = continuing.take(staff=agent, digits=give(line), name="이정순")
    with pytest.raises(Refused, match="고객을 먼저 찾고"):
        change.withdraw(application_id=filed.pk, staff=agent)
    with pytest.raises(Refused) as refused:
        submit.submit(submission(line, agent, row, line, other))
    assert refused.value.code == "DRAFT"


def test_digits_work_once_and_with_the_name_only(line, agent) -> None:
    digits = give(line)
    with pytest.raises(Refused, match="모두 맞는"):
        continuing.take(staff=agent, digits=digits, name="김철수")
    continuing.take(staff=agent, digits=digits, name="이정순")
    with pytest.raises(Refused, match="모두 맞는"):
        continuing.take(staff=agent, digits=digits, name="이정순")


@pytest.mark.parametrize("how", ["given anew", "ten minutes"])
def test_old_digits_open_nothing(line, agent, how) -> None:
    digits = give(line)
    if how == "given anew":
        give(line)
    else:
        Draft.objects.update(spoken_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=continuing.MINUTES))
    with pytest.raises(Refused, match="모두 맞는"):
        continuing.take(staff=agent, digits=digits, name="이정순")


def test_three_wrong_tries_are_all_that_an_agent_has_in_an_hour(line, agent) -> None:
    digits = give(line)
    for _try in range(continuing.TRIES):
        with pytest.raises(Refused, match="모두 맞는"):
            continuing.take(staff=agent, digits="", name="이정순")
    with pytest.raises(Refused) as refused:
        continuing.take(staff=agent, digits=digits, name="이정순")
    assert refused.value.code == "TOO_MANY"
    assert continuing.take(staff=staff_user("agent", username="other"), digits=digits, name="이정순")


def test_a_person_gets_no_digits_without_a_draft_and_not_without_end(line) -> None:
    person = line.customer.person_index
    with pytest.raises(Refused, match="회선을 먼저"):
        continuing.give(person_index=person, name="이정순", contact="01055557720")
    for _time in range(continuing.GIVEN - 1):
        give(line)
    with pytest.raises(Refused) as refused:
        give(line)
    assert refused.value.code == "TOO_MANY"


def test_a_store_sees_the_card_instead(line) -> None:
    clerk = staff_user("clerk", store=Store.objects.create(code="A", name="광화문점"))
    with pytest.raises(Refused, match="신분증"):
        continuing.take(staff=clerk, digits=give(line), name="이정순")


def test_a_session_proven_before_keeps_its_proof_and_takes_the_draft(line, agent) -> None:
    session = desk_sessions.open_session(staff=agent, customer=line.customer)
    desk_sessions.set_comer(session, "SELF", "")
    desk_sessions.prove(session, proof={"method": "CODE"}, contact="01011112222")
    row = continuing.take(staff=agent, digits=give(line), name="이정순")
    assert (row.pk, row.draft_of, row.contact) == (session.pk, None, "01011112222")
    assert desk_sessions.draft_of(row)["lines"] == [line.pk]


@pytest.mark.django_db(transaction=True)
def test_two_agents_with_the_same_digits_open_it_once(at) -> None:
    at("2026-01-16T10:00+09:00")
    line = make.line(make.customer(name="이정순", birth="1954-04-02", ci="lee"))
    digits = give(line)
    first, second = staff_user("agent"), staff_user("agent", username="other")

    def take(staff):
        return lambda: continuing.take(staff=staff, digits=digits, name="이정순")

    results = together(take(first), take(second))
    assert sorted(type(result).__name__ for result in results) == ["DeskSession", "Refused"]
    assert Message.objects.filter(kind="desk.continued").count() == 1


@pytest.mark.django_db(transaction=True)
def test_wrong_tries_at_the_same_moment_are_all_counted(at) -> None:
    at("2026-01-16T10:00+09:00")
    staff = staff_user("agent")
    results = together(*[lambda: continuing.take(staff=staff, digits="000000", name="이정순")] * 8)
    assert sorted(result.code for result in results) == ["TOO_MANY"] * 5 + ["UNKNOWN"] * 3
