"""Every row of docs/promise.md at every place where a customer or staff read it, in both languages: the same words."""

import csv
import html
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from kt_remedy.core import programme
from refunds.applications import drafts, submit
from refunds.models.applications import Application
from refunds.models.states import Status
from refunds.promise import gather, notices, rules
from refunds.promise.facts import Facts, Last, Promise
from refunds.promise.gather import Known
from tests.conftest import ROOT
from tests.desk import url
from tests.refunds import make
from tests.refunds.promise.reading import facts, moment, plain
from tests.rewards.test_pages import open_desk_session
from tests.sessions import as_customer, as_staff, person, staff_user

with (ROOT / "tests/cases/promise.csv").open(newline="") as table:
    CASES = list(csv.DictReader(table))
BEFORE = [case for case in CASES if "status=" not in case["facts"]]
AFTER = [case for case in CASES if "status=" in case["facts"]]
LATE = {"kind": "MILITARY", "ended_on": "2026-02-20", "words": ""}


@pytest.fixture
def facts_are(monkeypatch):
    """Let every application and line have the given facts."""

    def be(given: Facts) -> None:
        known = Known(given, b"", "ko", 1, "", None)
        monkeypatch.setattr(gather, "known_of", lambda ids, *, now: dict.fromkeys(ids, known))
        monkeypatch.setattr(gather, "facts_of_line", lambda *_given, **_named: given)

    return be


def text(client: Client, address: str, language: str) -> str:
    """What a page says, without its tags."""
    client.cookies["django_language"] = language
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code, response.headers.get("Location"))
    words = html.unescape(re.sub(r"<[^>]+>", "", response.content.decode()))
    return plain(re.sub(r"[ \n\t]+", " ", words))


def promised(case: dict[str, str], known: Facts) -> Promise:
    return rules.promise(known, now=moment(case["now"]), programme=programme.current())


@pytest.mark.parametrize("case", BEFORE, ids=[case["row"] for case in BEFORE])
def test_before_the_filing(at, facts_are, case):
    now = moment(case["now"])
    at(now.isoformat())
    holder = make.customer()
    line = make.line(holder)
    account = make.account(holder)
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name, birth_date=holder.birth_date))
    known = facts(case["facts"], now)
    facts_are(known)
    places = ["portal:my-lines"]
    window = programme.current().applications
    if window.opens <= now.date() <= window.late_accepted_until:
        places += ["refunds:apply", "refunds:apply-account", "refunds:apply-check"]
        answers = drafts.Answers(
            lines=[line.pk], account=str(account.pk), consents=dict(submit.CONSENTS), late=LATE, contact="01012345678"
        )
        drafts.save(answers, person_index=holder.person_index)
    for language in ("ko", "en"):
        for place in places:
            assert case[language] in text(client, reverse(place), language), (place, language)


def filed(holder, status: Status):
    if status != Status.REJECTED:
        return make.application(make.line(holder), status=status)
    row = make.application(make.line(holder), status=Status.REVIEW)
    Application.objects.filter(pk=row.pk).update(status=status)
    return row


@pytest.mark.parametrize("case", AFTER, ids=[case["row"] for case in AFTER])
def test_after_the_filing(at, facts_are, case):
    now = moment(case["now"])
    at(now.isoformat())
    known = facts(case["facts"], now)
    holder = make.customer()
    row, other = (filed(holder, Status(known.status)) for _n in range(2))
    facts_are(known)
    made = promised(case, known)
    customer = as_customer(Client(), person(holder.ci, name=holder.holder_name, birth_date=holder.birth_date))
    desk = open_desk_session(as_staff(Client(), staff_user("agent")), holder)
    reference = row.filing.reference
    places = {
        "card": (customer, reverse("portal:my-lines")),
        "status": (customer, reverse("refunds:status")),
        "application": (customer, reverse("refunds:application", args=[row.pk])),
        "receipt": (customer, reverse("refunds:receipt", args=[reference])),
        "desk": (desk, url(desk, "desk-application", row.pk)),
        "print": (desk, url(desk, "desk-receipt", reference)),
    }
    for language in ("ko", "en"):
        for place, (client, address) in places.items():
            page = text(client, address, language)
            assert case[language] in page, (place, language)
            # One day is promised, so it is said once for each line and never differently.
            expected = 2 if place in {"card", "status"} else 1
            assert page.count(case[language]) >= expected, (place, language)
    calendar_file(customer, row.pk, made)
    a_text_agrees(made)
    assert other.pk != row.pk


def calendar_file(client: Client, pk: int, made: Promise) -> None:
    """Unconditional days only, without an amount."""
    answer = client.get(reverse("refunds:pay-day", args=[pk]))
    if not made.pays or made.situation == "PAID":
        assert answer.status_code == 404
        return
    lines = answer.content.decode().split("\r\n")
    assert f"DTSTART;VALUE=DATE:{made.day:%Y%m%d}" in lines
    assert not re.search(r"\d원|₩", answer.content.decode())
    assert all(len(line.encode()) <= 75 for line in lines)


def a_text_agrees(made: Promise) -> None:
    """A text of this change names no other day than the promise, and neither an amount nor a name."""
    before = Last(made.situation, made.kind, None, None, made.reason, made.since)
    with translation.override("ko"):
        told = notices.text_for(before, made, programme.current())
    if told is not None:
        days = {made.day, made.previous_day, made.pay_by, made.values.get("was")}
        days |= {made.changeable_until.date()} if made.changeable_until else set()
        assert set(told[1].values()) <= days
