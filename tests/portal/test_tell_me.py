"""Tell me when applications open: asked for once, sent once on that morning, taken back at any time, then forgotten."""

import datetime as dt

import pytest
from django.test import Client

from eligibility import opening, rotation
from eligibility.models import OpeningWish
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.notices.models import Message
from tests.notices.gateway_stand_in import received
from tests.notices.sending import send_due
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db

PAGE = "/my/tell-me/"
MORNING = "2026-01-14T09:00+09:00"


@pytest.fixture(autouse=True)
def before(at):
    at("2026-01-05T10:00+09:00")


def customer(ci: str = "wish", phone: str = "01091114001") -> Client:
    return as_customer(Client(), person(ci, phone=phone))


def tell() -> int | str:
    return opening.queue_messages(
        DatedTask(code="eligibility.opening", due_at=dt.datetime.fromisoformat(MORNING))
    ).values["n"]


def test_strangers_prove_who_they_are_first():
    answer = Client().get(PAGE)
    assert (answer.status_code, answer["Location"]) == (302, "/identity/?next=%2Fmy%2Ftell-me%2F")


def test_asked_shown_and_taken_back():
    client = customer()
    first = client.get(PAGE).content.decode()
    assert "010-****-4001" in first
    assert "01091114001" not in first
    assert "[KT] 위약금 환급 신청이 시작되었습니다." in first

    assert client.post(PAGE, {"want": "yes"})["Location"] == PAGE
    assert client.post(PAGE, {"want": "yes"}).status_code == 302  # the second click
    wish = OpeningWish.objects.get()
    assert wish.phone == "01091114001"
    assert b"01091114001" not in bytes(wish.phone_enc)
    assert "신청이 시작되면 알려 드립니다" in client.get(PAGE).content.decode()

    client.post(PAGE, {"want": "no"})
    assert not OpeningWish.objects.exists()
    assert "알림을 취소했습니다" in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"want": "no"}).status_code == 302
    acts = AuditEntry.objects.filter(action__startswith="opening.").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["opening.asked", "opening.stopped"]


def test_the_number_verified_last_and_the_language_count():
    customer().post(PAGE, {"want": "yes"})
    later = customer(phone="01091114002")
    assert "지금 확인하신 번호는" not in customer().get(PAGE).content.decode()
    page = later.get(PAGE).content.decode()
    assert "010-****-4001" in page
    assert "010-****-4002" in page
    later.cookies["django_language"] = "en"
    later.post(PAGE, {"want": "yes"})
    wish = OpeningWish.objects.get()
    assert (wish.phone, wish.language) == ("01091114002", "en")


def test_it_is_sent_once_on_the_morning_applications_open(at, sandbox):
    for ci, phone in (("a", "01091114011"), ("b", "01091114012"), ("c", "01091114013")):
        customer(ci, phone).post(PAGE, {"want": "yes"})
    customer("b").post(PAGE, {"want": "no"})
    assert programme.current().applications.opens == dt.date(2026, 1, 14)
    assert schedule.entry("eligibility.opening").moments() == [dt.datetime.fromisoformat(MORNING)]

    at(MORNING)
    assert tell() == 2
    assert tell() == 0, "run again it reaches nobody twice"
    customer("c").post(PAGE, {"want": "no"})  # after it was queued, before it left
    send_due()
    assert received(sandbox, ["01091114011", "01091114012", "01091114013"]) == {"01091114011": 1}
    assert Message.objects.get(state="CANCELLED").reason == "NO_LONGER_DUE"


def test_once_applications_are_open_nothing_is_left_to_ask(at):
    client = customer()
    at("2026-01-14T00:00+09:00")
    client.post(PAGE, {"want": "yes"})
    assert not OpeningWish.objects.exists()
    assert "환급 신청이 시작되었습니다" in client.get(PAGE).content.decode()
    at("2026-02-01T00:00+09:00")
    assert "환급 신청 기간이 지났습니다" in client.get(PAGE).content.decode()


def test_the_numbers_are_forgotten_when_the_window_has_closed(at):
    customer().post(PAGE, {"want": "yes"})
    assert schedule.entry("eligibility.forget_openings").moments() == [clock.kst(dt.date(2026, 2, 1))]
    opening.delete_wishes(DatedTask(code="eligibility.forget_openings"))
    assert not OpeningWish.objects.exists()


def test_the_number_moves_with_the_keys():
    assert OpeningWish in {column.model for column in rotation.columns()}


@pytest.mark.parametrize(
    "page", ["/", "/check/?how=PORT_OUT&ended=2025-12-20&line=HANDSET&event=NEW&contract=2024-05-01"]
)
def test_the_way_there_is_offered_only_before(at, client, page):
    assert PAGE in client.get(page).content.decode()
    at(MORNING)
    assert PAGE not in client.get(page).content.decode()
