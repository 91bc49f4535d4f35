"""The desk finds people as their names, numbers and birth dates are written in Korea (cases/desk-find.csv)."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from eligibility import search
from kt_remedy.core import dates
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from tests.desk import url
from tests.refunds import make
from tests.sessions import as_staff, staff_user

CASES = list(csv.DictReader((Path(__file__).parent.parent / "cases/desk-find.csv").read_text("utf-8").splitlines()))
TODAY = dt.date(2026, 1, 20)
DESK = "portal:desk"


@pytest.fixture
def clerk() -> Client:
    return as_staff(Client(), staff_user("clerk", username="clerk-a", store=Store.objects.create(code="A", name="A")))


@pytest.mark.django_db
@pytest.mark.usefixtures("january")
@pytest.mark.parametrize("case", CASES, ids=[f"{case['number']} {case['fact']}" for case in CASES])
def test_a_clerk_finds(clerk: Client, case: dict[str, str]) -> None:
    holder = make.customer(name=case["register_name"], birth=case["register_born"], kind="FOREIGNER")
    make.line(holder, contract_no=case["register_contract"])

    answer = clerk.post(reverse(DESK), {"number": case["number"], "fact": case["fact"]})

    page = answer.content.decode()
    assert (answer.status_code == 302) == (case["found"] == "yes")
    assert ("두 가지가 모두 맞는 고객이 없습니다" in page) == (case["found"] == "no")
    assert ("19850315나 850315처럼 적어 주세요" in page) == (case["found"] == "wrong")


@pytest.mark.django_db
@pytest.mark.usefixtures("january")
@pytest.mark.parametrize(
    "number", ["+82 (0)10-2345-6789", "\u202a010–2345–6789\u202c", "０１０　２３４５　６７８９", "010·2345·6789"]
)
def test_a_telephone_number_in_any_spelling(clerk: Client, number: str) -> None:
    line = make.line(make.customer(name="이정순", birth="1954-04-02"))
    line.msisdn, line.msisdn_index = "01023456789", search.msisdn_index("01023456789")
    line.save()
    assert clerk.post(reverse(DESK), {"number": number, "fact": "이정순"}).status_code == 302


@pytest.mark.django_db
@pytest.mark.usefixtures("january")
@pytest.mark.parametrize(("kind", "words"), [("FOREIGNER", "[KT] Code"), ("PERSON", "[KT] 확인번호")])
def test_the_code_is_in_the_language_of_the_customer(clerk: Client, kind: str, words: str) -> None:
    line = make.line(make.customer(name="TRAN THI LAN", birth="1990-01-01", kind=kind))
    clerk.post(reverse(DESK), {"number": line.pk, "fact": "900101"})
    clerk.post(url(clerk, "desk-who"), {"came_as": "SELF"})
    clerk.post(url(clerk, "desk-prove-card"), {"kind": "DRIVER", "contact": "010-5555-7720"})
    assert Message.objects.get(kind="desk.code").body.startswith(words)


@given(
    st.dates(dt.date(1927, 1, 1), TODAY),
    st.sampled_from(["%Y%m%d", "%Y년 %m월 %d일", "%Y.%m.%d.", "%Y/%m/%d", "%d %B %Y"]),
)
def test_a_day_is_read_as_it_is_written(day: dt.date, pattern: str) -> None:
    assert dates.days_of(day.strftime(pattern), today=TODAY) == [day]


@given(st.dates(dt.date(1927, 1, 1), TODAY), st.sampled_from(["%y%m%d", "%y년%m월%d일생", "%y-%m-%d"]))
def test_a_year_of_two_digits_is_in_one_of_two_centuries_and_not_to_come(day: dt.date, pattern: str) -> None:
    days = dates.days_of(day.strftime(pattern), today=TODAY)
    assert day in days
    assert all(found <= TODAY for found in days)


@given(st.text())
def test_any_other_text_is_no_day(text: str) -> None:
    assert len(dates.days_of(text, today=TODAY)) <= 2


@given(st.lists(st.text("ABCXYZ", min_size=1, max_size=5), min_size=1, max_size=7))
def test_a_family_name_may_stand_first_or_last(words: list[str]) -> None:
    typed = " ".join([*words[1:], words[0]])
    assert search.name_index(" ".join(words)) in search.name_indexes(typed)
    assert len(search.name_indexes(typed)) <= 24
