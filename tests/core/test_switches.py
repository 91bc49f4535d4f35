"""Switches: who may move them, what waits meanwhile, and what people are told."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import switches
from kt_remedy.core.models import DatedTask, PeriodicTask, Switch
from kt_remedy.core.tasks import rows, schedule
from kt_remedy.notices import tasks as notice_tasks
from kt_remedy.notices.models import MessageBatch
from refunds.payouts import file_orders, files
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db

PAGE = "portal:switches"


def move(client: Client, code: str, act: str, reason: str = ""):
    return client.post(reverse(PAGE), {"code": code, "act": act, "reason": reason}, follow=True)


def test_one_person_stops_and_two_start_again() -> None:
    one, two = (as_staff(Client(), staff_user("administrator", username=name)) for name in ("one", "two"))
    move(one, "FILINGS", "stop", "연습")
    assert list(switches.stopped().values_list("code", "stopped_by", "confirmed_by")) == [("FILINGS", "one", "")]
    assert "다른 사람이 해야 합니다" in move(one, "FILINGS", "confirm").content.decode()
    move(two, "FILINGS", "confirm")
    assert Switch.objects.get().confirmed_by == "two"
    assert "요청한 사람이 아직 없습니다" in move(two, "FILINGS", "start").content.decode()
    move(two, "FILINGS", "ask_to_start", "끝남")
    assert "다른 사람이 해야 합니다" in move(two, "FILINGS", "start").content.decode()
    assert switches.stopped().exists()
    move(one, "FILINGS", "start")
    assert not switches.stopped().exists()
    acts = AuditEntry.objects.filter(action__startswith="switch.").order_by("pk").values_list("action", flat=True)
    assert list(acts) == ["switch.stop", "switch.confirm", "switch.ask_to_start", "switch.start"]


@pytest.mark.parametrize(
    ("code", "act", "reason", "sentence"),
    [
        ("FILINGS", "stop", " ", "이유를 적어 주세요"),
        ("FILINGS", "confirm", "", "이미 열려 있습니다"),
        ("FILINGS", "ask_to_start", "끝", "이미 열려 있습니다"),
        ("NOTHING", "stop", "연습", "이 화면의 단추로"),
        ("FILINGS", "drop", "연습", "이 화면의 단추로"),
    ],
)
def test_an_act_that_is_not_possible_changes_nothing(code: str, act: str, reason: str, sentence: str) -> None:
    client = as_staff(Client(), staff_user("supervisor"))
    assert sentence in move(client, code, act, reason).content.decode()
    assert not switches.stopped().exists()
    assert not AuditEntry.objects.filter(action__startswith="switch.").exists()


def test_a_second_stop_is_refused_and_keeps_the_first_reason() -> None:
    switches.stop("MESSAGES", by="one", reason="첫째")
    with pytest.raises(switches.SwitchRefused, match="STOPPED"):
        switches.stop("MESSAGES", by="two", reason="둘째")
    assert Switch.objects.get().reason == "첫째"


def test_a_stop_that_nobody_confirms_alarms_after_thirty_minutes(client: Client) -> None:
    schedule.plan()
    switches.stop("BANK_FILES", by="one", reason="연습")
    assert "switch:BANK_FILES" not in client.get("/pulsez").json()["jobs"]
    Switch.objects.update(stopped_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=31))
    assert "switch:BANK_FILES" in client.get("/pulsez").json()["jobs"]
    switches.confirm("BANK_FILES", by="two")
    assert "switch:BANK_FILES" not in client.get("/pulsez").json()["jobs"]


@pytest.mark.parametrize("code", ["FILINGS", "READ_ONLY"])
def test_no_application_is_filed_while_filings_are_stopped(at, code: str) -> None:
    at("2026-01-20T10:00+09:00")
    holder = make.customer()
    line = make.line(holder)
    switches.stop(code, by="one", reason="연습")
    with pytest.raises(switches.Stopped, match=code):
        submit(holder, line)
    switches.ask_to_start(code, by="one", reason="끝")
    switches.start(code, by="two")
    assert submit(holder, line).filing


def test_files_for_the_bank_wait() -> None:
    maker = staff_user("maker")
    switches.stop("BANK_FILES", by="one", reason="연습")
    for act in (
        lambda: files.create_files(batch_id=1, user=maker),
        lambda: files.hand_over(file_id=1, user=maker, typed_total=1, funds_confirmed=True),
        lambda: list(files.download(file_id=1, user=maker, reason="보냄")),
    ):
        with pytest.raises(switches.Stopped, match="BANK_FILES"):
            act()
    assert "switch" in str(file_orders.due_orders().query)


def test_batches_of_messages_wait() -> None:
    MessageBatch.objects.create(retry_at=dt.datetime.now(dt.UTC))
    assert notice_tasks._unsent().count() == 1
    switches.stop("MESSAGES", by="one", reason="연습")
    assert notice_tasks._unsent().count() == 0


def test_nothing_but_upkeep_falls_due_while_every_change_is_stopped(at) -> None:
    at("2026-01-14T09:00+09:00")
    schedule.plan()
    PeriodicTask.objects.update(due_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    before = set(schedule._due_periodic().values_list("code", flat=True))
    assert rows.due(schedule._due_dated(dt.datetime(2026, 9, 1, tzinfo=dt.UTC))).exists()
    switches.stop("READ_ONLY", by="one", reason="연습")
    assert not rows.due(DatedTask.objects.all()).exists()
    due = set(schedule._due_periodic().values_list("code", flat=True))
    assert "audit.seal" in due or any(code.startswith("audit") for code in due)
    assert "audit.chain" in due
    assert due < before


def test_a_page_can_be_read_but_nothing_can_be_sent(at) -> None:
    at("2026-01-20T10:00+09:00")
    client = as_customer(Client(), person("hong"))
    switches.stop("READ_ONLY", by="one", reason="연습")
    assert client.get("/").status_code == 200
    answer = client.post(reverse("portal:tell-me"))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "300"
    assert "지금은 보기만 할 수 있습니다" in answer.content.decode()
    english = client.post(reverse("portal:tell-me"), headers={"accept-language": "en"}).content.decode()
    assert "You can only read at the moment" in english


def test_identity_sign_in_and_the_switches_go_on_meanwhile() -> None:
    switches.stop("READ_ONLY", by="one", reason="연습")
    client = Client()
    for name in ("identity:start", "account_login", "set_language"):
        assert client.post(reverse(name)).status_code != 503, name
    staff = as_staff(Client(), staff_user("administrator", username="two"))
    move(staff, "READ_ONLY", "confirm")
    assert Switch.objects.get().confirmed_by == "two"
