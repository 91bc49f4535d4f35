"""The check of a call: words for the one number that somebody calls now, and for nobody else (D-87)."""

import datetime as dt

import pytest
from django.utils import translation

from kt_remedy.core import clock
from refunds.applications import call_backs, call_checks
from refunds.applications.transitions import Refused
from refunds.models.applications import CallOutcome, Note
from tests.refunds import make
from tests.sessions import staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january")]
NUMBER = "010-5555-7720"


def words_for(number: str, digits: str, address: str = "192.0.2.1") -> list[str] | None:
    return call_checks.words_for(number=number, digits=digits, address=address).words


@pytest.fixture
def agent():
    return staff_user("agent")


@pytest.fixture
def note(agent):
    holder = make.customer(name="이정순", ci="lee")
    when = clock.now() + dt.timedelta(hours=1)
    return call_backs.write_note(customer=holder, text="설명", staff=agent, call_back_at=when, call_to="01055557720")


def test_the_customer_reads_the_words_that_the_agent_says(note, agent) -> None:
    call_checks.place(note, staff=agent, number=NUMBER)
    placed, check = call_checks.placed_by(agent)
    assert placed == note
    assert len(check.digits) == 4
    assert check.words[0] != check.words[1]
    assert words_for("010 5555 7720", check.digits) == [ko for ko, _en in check.words]
    with translation.override("en"):
        assert words_for(NUMBER, check.digits) == [en for _ko, en in check.words]


def test_nobody_else_reads_them(note, agent) -> None:
    assert words_for(NUMBER, "0000") is None
    call_checks.place(note, staff=agent, number=NUMBER)
    _note, check = call_checks.placed_by(agent)
    wrong = f"{(int(check.digits) + 1) % 10_000:04}"
    assert words_for(NUMBER, wrong) is None
    assert words_for("010-5555-7721", check.digits) is None
    assert call_checks.placed_by(staff_user("agent", username="other")) is None
    # The third try for the number is the last one from an address, right or wrong.
    assert words_for(NUMBER, check.digits)
    with pytest.raises(Refused, match="여러 번"):
        words_for(NUMBER, check.digits)


def test_a_stranger_uses_up_nobody_elses_tries(note, agent) -> None:
    call_checks.place(note, staff=agent, number=NUMBER)
    _note, check = call_checks.placed_by(agent)
    wrong = f"{(int(check.digits) + 1) % 10_000:04}"
    left = [call_checks.words_for(number=NUMBER, digits=wrong, address="203.0.113.9").left for _turn in range(3)]
    assert left == [2, 1, 0]
    with pytest.raises(Refused):
        words_for(NUMBER, check.digits, "203.0.113.9")
    assert words_for(NUMBER, check.digits, "192.0.2.1")


def test_digits_of_another_script_are_wrong_and_no_fault(note, agent) -> None:
    call_checks.place(note, staff=agent, number=NUMBER)
    assert words_for(NUMBER, "٠٠٠٠") is None


def test_one_address_does_not_walk_through_numbers() -> None:
    for last in range(call_checks.TRIES_BY_ADDRESS):
        assert words_for(f"010-5555-{last:04}", "1234") is None
    with pytest.raises(Refused):
        words_for("010-5555-9999", "1234")


@pytest.mark.parametrize("how", ["minutes", "finished", "another call"])
def test_words_end_with_their_call(note, agent, how) -> None:
    call_checks.place(note, staff=agent, number=NUMBER)
    _note, before = call_checks.placed_by(agent)
    if how == "minutes":
        ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=call_checks.MINUTES)
        Note.objects.filter(pk=note.pk).update(calling_at=ago)
    elif how == "finished":
        call_backs.finish(note_id=note.pk, staff=agent, outcome=CallOutcome.NO_ANSWER)
    else:
        call_checks.place(note, staff=agent, number="010-5555-7721")
    assert words_for(NUMBER, before.digits) is None
