"""The website, page by page, as a browser without scripts sees it."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import persons
from refunds.models.accounts import HolderCheck
from refunds.models.applications import Application, Draft, Filing
from tests.background import due, run_due
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample")]


@pytest.fixture
def holder():
    return make.customer(name="홍길동", ci="hong")


@pytest.fixture
def hong(holder) -> Client:
    return as_customer(Client(), person("hong", name="홍길동"))


def url(name: str, *args) -> str:
    return reverse(f"refunds:{name}", args=args)


def fill(client: Client, line, number: str = "110-220-33044") -> str:
    """Answer everything up to the check; returns the key of its form."""
    client.post(url("apply"), {"lines": [line.pk]})
    client.post(url("apply-consent"), {"privacy": "on", "provision": "on"})
    client.post(url("apply-account"), {"bank": "088", "number": number})
    return client.get(url("apply-check")).context["key"]


def test_from_the_first_page_to_the_status(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    line = make.line(holder)
    page = hong.get(url("apply"))
    assert "160,130원" in page.content.decode()
    assert hong.post(url("apply"), {"lines": [line.pk]})["Location"] == url("apply-consent")
    text = hong.get(url("apply-consent")).content.decode()
    assert "예금주 확인 회사(코리아포트원)" in text, "the recipient by name (D-71)"
    assert "180일이 지나면 지웁니다" in text, "the period (D-71)"
    assert hong.post(url("apply-consent"), {"privacy": "on", "provision": "on"})["Location"] == url("apply-account")
    answer = hong.post(url("apply-account"), {"bank": "088", "number": "１１０ー220 33044"})
    assert answer["Location"] == url("apply-check")
    page = hong.get(url("apply-check"))
    text = page.content.decode()
    assert "160,130원 환급 신청하기" in text
    assert "11022033044" in text, "proof-read in full (D-83)"
    assert "11022033044" not in hong.get(url("apply-account")).content.decode()
    assert Filing.objects.count() == 0
    answer = hong.post(url("apply-check"), {"key": page.context["key"]})
    filing = Filing.objects.get()
    assert answer["Location"] == url("receipt", filing.reference)
    text = hong.get(answer["Location"]).content.decode()
    assert filing.reference in text
    assert "1월\xa022일\u2060(목)" in text
    assert "지급 예정일 1/22(목)" in text
    text = hong.get(url("status")).content.decode()
    assert "승인되었습니다" in text
    assert Draft.objects.count() == 0
    assert bank.asked == 1


def test_no_bank_is_asked_before_the_consent(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    hong.post(url("apply"), {"lines": [make.line(holder).pk]})
    answer = hong.post(url("apply-account"), {"bank": "088", "number": "110-220-33044"})
    assert (answer["Location"], bank.asked) == (url("apply-consent"), 0)


def test_sending_twice_and_going_back_make_one_application(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    key = fill(hong, make.line(holder))
    first = hong.post(url("apply-check"), {"key": key})
    second = hong.post(url("apply-check"), {"key": key})
    assert first["Location"] == second["Location"]
    assert Application.objects.count() == 1
    # The back button leads to the check page, which no longer has anything to send.
    again = hong.get(url("apply-check"), follow=True)
    assert again.request["PATH_INFO"] == url("status")
    assert "이미 신청하셨습니다" in again.content.decode()


def test_a_change_returns_to_the_check_with_everything_else_kept(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    line = make.line(holder)
    fill(hong, line)
    answer = hong.post(url("apply-account"), {"bank": "004", "number": "12345678901"})
    assert answer["Location"] == url("apply-check")
    assert "KB국민은행" in hong.get(url("apply-check")).content.decode()
    assert hong.post(url("apply"), {"lines": [line.pk]})["Location"] == url("apply-check")


def test_the_draft_is_there_on_another_device(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    key = fill(hong, make.line(holder))
    other = as_customer(Client(), person("hong", name="홍길동"))
    page = other.get(url("apply-check"))
    assert page.context["key"] == key
    other.post(url("apply-check"), {"key": key})
    hong.post(url("apply-check"), {"key": key})
    assert Application.objects.count() == 1


def test_slips_are_named_beside_their_field_and_input_is_kept(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    hong.post(url("apply"), {"lines": [make.line(holder).pk]})
    hong.post(url("apply-consent"), {"privacy": "on", "provision": "on"})
    page = hong.post(url("apply-account"), {"bank": "", "number": "123-456"})
    text = page.content.decode()
    assert page.status_code == 422
    assert text.count("은행을 골라 주세요") == 2  # summary and field
    assert text.count("계좌번호가 너무 짧습니다. 지금 6자리입니다") == 2
    assert 'value="123-456"' in text
    assert "<title>오류:" in text
    assert bank.asked == 0
    assert "환급받을 회선을 골라 주세요" in hong.post(url("apply"), {}).content.decode()
    page = hong.post(url("apply-consent"), {"privacy": "on"})
    assert (page.status_code, "은행에 알려야 돈을 보낼 수 있습니다" in page.content.decode()) == (422, True)


def test_a_strange_account_can_be_kept_and_mended_later(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    hong.post(url("apply"), {"lines": [make.line(holder).pk]})
    hong.post(url("apply-consent"), {"privacy": "on", "provision": "on"})
    bank.outcome = "MISMATCH"
    page = hong.post(url("apply-account"), {"bank": "088", "number": "11022033044"})
    text = page.content.decode()
    assert "예금주가 신청하는 분과 다릅니다" in text
    assert "이 계좌로 접수해 두기" in text
    assert hong.post(url("apply-account"), {"anyway": "1"})["Location"] == url("apply-check")
    key = hong.get(url("apply-check")).context["key"]
    hong.post(url("apply-check"), {"key": key})
    row = Application.objects.get()
    assert row.status == "NEED_ACCOUNT"
    assert "계좌를 고쳐 주세요" in hong.get(url("status")).content.decode()
    bank.outcome = "MATCH"
    hong.post(url("change-account", row.pk), {"bank": "004", "number": "12345678901"})
    row.refresh_from_db()
    assert row.status == "APPROVED"
    assert row.account.bank_code == "004"


def test_five_tries_a_day(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    hong.post(url("apply"), {"lines": [make.line(holder).pk]})
    hong.post(url("apply-consent"), {"privacy": "on", "provision": "on"})
    bank.outcome = "NOT_FOUND"
    for number in range(5):
        hong.post(url("apply-account"), {"bank": "088", "number": f"1102203304{number}"})
    page = hong.post(url("apply-account"), {"bank": "088", "number": "11022033049"})
    assert (bank.asked, page["Location"]) == (5, url("apply-check")), "the sixth is asked by us, tomorrow"
    check = hong.get(page["Location"])
    assert "내일 저희가 확인하고" in check.content.decode()
    assert "접수한 뒤 내일 저희가 예금주를 확인합니다" in check.content.decode()
    hong.post(url("apply-check"), {"key": check.context["key"]})
    row = Application.objects.get()
    assert (row.status, str(row.applied_on)) == ("SUBMITTED", "2026-01-16")
    wait = HolderCheck.objects.get(account=row.account).retry_at - dt.datetime.now(dt.UTC)
    assert abs(wait - dt.timedelta(hours=14)) < dt.timedelta(minutes=1), "from the midnight that follows"
    run_due("money")
    assert bank.asked == 5
    bank.outcome = "MATCH"
    HolderCheck.objects.filter(account=row.account).update(retry_at="2026-01-01T00:00Z")
    run_due("money")
    row.refresh_from_db()
    assert (bank.asked, row.status) == (6, "APPROVED")


def test_no_number_of_tries_ends_the_way(at, hong, holder, bank) -> None:
    at("2026-01-31T10:00+09:00")
    hong.post(url("apply"), {"lines": [make.line(holder).pk]})
    hong.post(url("apply-consent"), {"privacy": "on", "provision": "on"})
    bank.outcome = "NOT_FOUND"
    for number in range(10):
        hong.post(url("apply-account"), {"bank": "088", "number": f"1102203304{number}"})
    page = hong.post(url("apply-account"), {"bank": "088", "number": "11022033055"})
    assert (page.status_code, bank.asked) == (422, 5)
    assert "오늘은 계좌를 더 적으실 수 없습니다" in page.content.decode()
    assert hong.post(url("apply-account"), {"anyway": "1"})["Location"] == url("apply-check")


def test_a_bank_that_sleeps_is_asked_later(at, hong, holder, bank) -> None:
    at("2026-01-16T23:45+09:00")
    bank.outcome = "BANK_MAINTENANCE"
    key = fill(hong, make.line(holder))
    hong.post(url("apply-check"), {"key": key})
    assert Application.objects.get().status == "SUBMITTED"
    asked = bank.asked
    run_due("money")
    assert bank.asked == asked
    HolderCheck.objects.update(retry_at="2026-01-01T00:00Z")
    run_due("money")
    assert bank.asked == asked + 1
    assert Application.objects.get().status == "SUBMITTED"
    bank.outcome = "MATCH"
    HolderCheck.objects.update(retry_at="2026-01-01T00:00Z")
    run_due("money")
    row = Application.objects.get()
    assert (row.status, str(row.applied_on)) == ("APPROVED", "2026-01-16")
    run_due("money")
    assert bank.asked == asked + 2


def test_an_application_that_missed_the_answer_of_its_bank_is_released(at, hong, holder, bank) -> None:
    at("2026-01-16T23:45+09:00")
    bank.outcome = "BANK_MAINTENANCE"
    key = fill(hong, make.line(holder))
    hong.post(url("apply-check"), {"key": key})
    HolderCheck.objects.update(outcome="MATCH", reason="EXACT")
    run_due("money")
    assert Application.objects.get().status == "APPROVED"


def test_banks_that_do_not_answer_leave_room_for_other_tasks(at, hong, holder, bank) -> None:
    from refunds import tasks

    for number in range(tasks.BANKS_ASKED_AT_ONCE + 2):
        make.account(holder, outcome="TIMEOUT", number=f"1102203{number:04}")
    first = HolderCheck.objects.latest("pk")
    HolderCheck.objects.filter(pk=first.pk).update(retry_at="2026-01-01T00:00Z")

    def asked() -> list[int]:
        return [publication.pk for publication in due("money") if publication.task.name == tasks.ask_bank.name]

    published = asked()
    assert len(published) == tasks.BANKS_ASKED_AT_ONCE
    assert first.pk in published, "the check that waits longest comes first"
    assert asked() == []
    for pk in published[:3]:
        tasks.ask_bank(pk)
    assert len(asked()) == 2


def test_what_is_not_mine_does_not_exist(at, hong, holder, bank) -> None:
    at("2026-01-16T10:00+09:00")
    theirs = make.application(make.line(make.customer(name="김철수")))
    for name, argument in (
        ("application", theirs.pk),
        ("withdraw", theirs.pk),
        ("change-account", theirs.pk),
        ("proof", theirs.pk),
        ("receipt", theirs.filing.reference),
    ):
        assert hong.get(url(name, argument)).status_code == 404
    assert hong.post(url("withdraw", theirs.pk)).status_code == 404
    assert hong.post(url("apply"), {"lines": [theirs.line_id]}).status_code == 422


def test_a_stranger_is_led_to_the_identity_page(at) -> None:
    for name in ("apply", "apply-account", "apply-consent", "apply-check", "status"):
        answer = Client().get(url(name))
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("identity:start"))


def test_outside_the_window(at, hong, holder, bank) -> None:
    line = make.line(holder)
    at("2026-01-13T23:59+09:00")
    assert "1월\xa014일\u2060(수)" in hong.get(url("apply")).content.decode()
    at("2026-02-03T10:00+09:00")
    assert "늦은 신청으로 받아" in hong.get(url("apply")).content.decode()
    assert hong.post(url("apply"), {"lines": [line.pk]})["Location"] == url("apply-late")
    assert hong.get(url("apply-consent"))["Location"] == url("apply-late")
    assert hong.post(url("apply-late"), {"kind": ""}).status_code == 422
    assert hong.post(url("apply-late"), {"kind": "HOSPITAL", "ended_on": "2026-02-04"}).status_code == 422  # tomorrow
    answer = hong.post(url("apply-late"), {"kind": "HOSPITAL", "ended_on": "2026-02-01", "words": "한 달 입원"})
    assert answer["Location"] == url("apply-consent")
    key = fill(hong, line)
    assert "입원" in hong.get(url("apply-check")).content.decode()
    hong.post(url("apply-check"), {"key": key})
    row = Application.objects.get()
    assert row.status == "LATE"
    why = row.filing.late_reason
    assert (why.kind, str(why.ended_on), why.words) == ("HOSPITAL", "2026-02-01", "한 달 입원")
    assert "신청 기간이 지나" in hong.get(url("status")).content.decode()
    assert url("documents", row.pk) in hong.get(url("receipt", row.filing.reference)).content.decode()
    at("2026-07-01T10:00+09:00")
    assert "모두 끝났습니다" in hong.get(url("apply")).content.decode()


def test_withdrawing_asks_once(at, hong, holder) -> None:
    at("2026-01-16T10:00+09:00")
    row = make.application(make.line(holder))
    assert hong.get(url("withdraw", row.pk)).status_code == 200
    row.refresh_from_db()
    assert row.status == "APPROVED"
    hong.post(url("withdraw", row.pk))
    row.refresh_from_db()
    assert row.status == "WITHDRAWN"
    assert AuditEntry.objects.filter(action="application.withdrawn", subject=holder.pk).exists()


def test_a_guardian_applies_for_a_child_and_a_minor_cannot(at, bank) -> None:
    at("2026-01-16T10:00+09:00")
    child = make.customer(name="홍아이", birth="2012-05-05", ci="child")
    from eligibility.models import Customer

    Customer.objects.filter(pk=child.pk).update(guardian_ci_index=persons.ci_index("parent"))
    line = make.line(child)
    minor = as_customer(Client(), person("child", name="홍아이", birth_date=dt.date(2012, 5, 5)))
    assert "보호자가 신청해" in minor.get(url("apply")).content.decode()
    parent = as_customer(Client(), person("parent", name="홍부모"))
    parent.post(url("apply"), {"lines": [line.pk]})
    assert "자녀 홍*이" in parent.get(url("apply")).content.decode()
    assert "자녀 홍*이 님의 환급입니다" in parent.get(url("apply-consent")).content.decode()
    parent.post(url("apply-consent"), {"privacy": "on", "provision": "on"})
    assert "자녀 홍*이 님이나 보호자 홍부모 님" in parent.get(url("apply-account")).content.decode()
    parent.post(url("apply-account"), {"bank": "088", "number": "11022033044", "whose": "GUARDIAN"})
    check = parent.get(url("apply-check"))
    assert "자녀 홍*이 님의 회선" in check.content.decode()
    parent.post(url("apply-check"), {"key": check.context["key"]})
    row = Application.objects.get()
    receipt = parent.get(url("receipt", row.filing.reference)).content.decode()
    assert ("홍부모" in receipt, "홍*이" in receipt) == (True, True)
    assert (row.status, row.filing.representation) == ("REVIEW", "GUARDIAN")
    assert bytes(row.filing.person_index) != child.person_index
    assert parent.get(url("application", row.pk)).status_code == 200


def test_the_pages_ask_the_database_little(at, hong, holder, bank, django_assert_max_num_queries) -> None:
    at("2026-01-16T10:00+09:00")
    for _ in range(3):
        make.application(make.line(holder))
    with django_assert_max_num_queries(9):
        hong.get(url("status"))
    with django_assert_max_num_queries(9):
        hong.get(url("apply"))
