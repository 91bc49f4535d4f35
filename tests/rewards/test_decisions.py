"""D-47 to D-57 by table: changes after the base date, actions of a person on a day, and the cards of their page."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from eligibility.models import Line
from kt_remedy.content import service as content
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import clock, programme
from rewards import service
from rewards.enrolment import grants
from rewards.models import BaseLine
from tests.refunds import make
from tests.rewards import running
from tests.sessions import staff_user

TABLE = list(csv.reader((Path(__file__).parent.parent / "cases" / "rewards.csv").open(encoding="utf-8")))[1:]
CASES = [row for row in TABLE if row[11]]
LETTERS = {"GRANTED": "G", "SUSPENDED": "S", "TERMINATED": "T", "COMING": "C", "NOW": "N", "OVER": "O"}


def happens(later: str, line: Line, at) -> None:
    """Apply a change after the base date: a termination, a transfer of name, or a published substitute."""
    word, _, state = later.rpartition(":")
    if later == "transfer":
        Line.objects.filter(pk=line.pk).update(customer=make.customer(ci="new-holder"))
    elif later == "substitute":
        entry = Entry(place=Place.PLAN, key="substitute", title_ko="데이터 쿠폰", shown_from=clock.today())
        content.add_version(by=staff_user("administrator"), entry=entry)
    elif state == "TERMINATED":
        Line.objects.filter(pk=line.pk).update(status="TERMINATED", terminated_on=dt.date.fromisoformat(word))


def grant(line: Line, later: list[str], day: dt.date, at) -> None:
    """Run the grants due until the day, each with the state of the line on the first of that month."""
    for _perk, month in grants.planned_grants(programme.current()):
        if month > day:
            return
        suspended = f"{month:%Y-%m}:SUSPENDED" in later
        gone = Line.objects.values_list("terminated_on", flat=True).get(pk=line.pk)
        state = "SUSPENDED" if suspended else "TERMINATED" if gone and gone < month else "ACTIVE"
        Line.objects.filter(pk=line.pk).update(status=state)
        at(f"{month}T00:05+09:00")
        running.grant_month(month)


def perform(action: str, line: Line, target: dict) -> str:
    word, _, choice = action.partition(":")
    actions = {
        "choose": lambda: service.choose(perk_code="OTT", contract_no=line.pk, choice_code=choice, **target),
        "code": lambda: service.issue_code(perk_code="OTT", contract_no=line.pk, person_index=target["person_index"]),
        "substitute": lambda: service.take_substitute(perk_code="OTT", contract_no=line.pk, **target),
        "apply": lambda: service.apply(perk_code="INSURANCE", **target),
        "opt-out": lambda: service.opt_out(perk_code="INSURANCE", **target),
    }
    try:
        actions[word]()
    except service.PerkRefused as refused:
        return refused.code
    return ""


def card_fact(card: service.PerkCard | None, fact: str) -> str:
    if card is None:
        return ""
    facts = {
        "state": card.state,
        "from": card.starts_on,
        "to": card.ends_on,
        "gb": card.perk.monthly_gb,
        "line": card.line.pk if card.line else "",
        "months": "".join(LETTERS[month.state] for month in card.months),
    }
    return str(facts[fact])


@pytest.mark.parametrize("case", CASES, ids=[f"{row[0]} {row[1]}" for row in CASES])
def test_decision(case, take_base, make_line, at):
    _id, _title, opened, terminated, network, product, holder, birth, why, perks, later, day, viewer, actions, shown = (
        case
    )
    line = make_line(
        make.customer(birth=birth or None, kind=holder),
        opened_on=dt.date.fromisoformat(opened),
        network=network,
        product=product,
        terminated=f"{terminated}T12:00+09:00" if terminated else "",
    )
    take_base()
    row = BaseLine.objects.get(pk=line.pk)
    assert (row.why, set(row.perks)) == (why, set(perks.split()))
    for word in later.split():
        happens(word, line, at)
    grant(line, later.split(), dt.date.fromisoformat(day), at)
    at(f"{day}T10:00+09:00")
    for choice in ("TVING", "DISNEY"):
        service.import_vouchers(perk_code="OTT", choice_code=choice, codes=[f"{choice}-1"])
    person = Line.objects.get(pk=line.pk).customer if viewer == "new holder" else line.customer
    target = {"person_index": person.person_index, "guardian": viewer == "guardian"}
    outcomes = [perform(action, line, target) for action in actions.split()]
    cards = {card.perk.code: card for card in service.overview(**target).cards}
    refused = ""
    for word in shown.split():
        name, _, expected = word.partition("=")
        code, _, fact = name.partition(".")
        if code == "refused":
            refused = expected
            assert outcomes[-1] == expected
        else:
            assert card_fact(cards.get(code), fact or "state") == expected, word
    assert outcomes[: -1 if refused else None] == [""] * (len(outcomes) - bool(refused))
    if not shown:
        assert not cards


def test_every_decision_has_its_cases():
    assert {f"D-{number}" for number in range(45, 58)} <= {row[0] for row in TABLE}
