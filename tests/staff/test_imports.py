"""Stores and their staff from a file: compared, approved by another administrator, undone whole."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InternalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from kt_remedy.audit.models import AuditEntry
from kt_remedy.staff import import_files, imports, leaving, service, stores, tasks
from kt_remedy.staff.models import StaffImport, Store, User
from tests.background import run_due
from tests.sessions import as_staff, staff_user, two_administrators
from tests.threads import together

pytestmark = pytest.mark.django_db

STORES = """매장 번호,매장 이름,지역,주소,여는 시간,전화
S-1,새봄점,서울,서울 종로구 새봄로 1,10:00~20:00,02-1234-5678
S-2,한빛점,부산,부산 해운대구 한빛로 2,10:00~19:00,051-123-4567
"""
STAFF = """아이디,이름,역할,매장 번호
kim,김새봄,매장 직원,S-1
lee,이한빛,store_manager,S-1
park,박솔,매장 직원,S-2
"""


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def pair():
    return two_administrators()


def check(pair, content: str, kind: str = "STAFF", *, complete: bool = False) -> StaffImport:
    row = imports.check(by=pair[0], kind=kind, content=content.encode(), file_name="list.csv", complete=complete)
    return carried_out(row)


def carried_out(row: StaffImport) -> StaffImport:
    """The import after the task of its row, which a message may name twice."""
    for _message in range(2):
        tasks.carry_out_import(row.pk)
    row.refresh_from_db()
    return row


def applied(pair, content: str, kind: str = "STAFF", *, complete: bool = False) -> StaffImport:
    row = check(pair, content, kind, complete=complete)
    assert row.faults == []
    imports.ask(by=pair[0], import_id=row.pk, reason="monthly list")
    imports.approve(by=pair[1], import_id=row.pk)
    assert carried_out(row).state == "APPLIED"
    return row


def acts(row: StaffImport) -> dict[str, str]:
    return {change["key"]: change["act"] for change in row.changes}


def refused(code: str, act, **values) -> None:
    with pytest.raises(service.NotAllowed) as error, transaction.atomic():
        act(**values)
    assert error.value.code == code
    assert error.value.message != code


@pytest.fixture
def manned(pair):
    """Two stores and three members of staff, imported."""
    applied(pair, STORES, "STORES")
    return applied(pair, STAFF)


def test_a_comparison_changes_nothing_until_another_administrator_approves(pair):
    row = check(pair, STORES, "STORES")
    assert acts(row) == {"S-1": "ADDED", "S-2": "ADDED"}
    assert not Store.objects.exists()
    refused("DECIDED", imports.approve, by=pair[1], import_id=row.pk)
    refused("REASON", imports.ask, by=pair[0], import_id=row.pk, reason=" ")
    imports.ask(by=pair[0], import_id=row.pk, reason="opening")
    refused("SAME_APPROVER", imports.approve, by=pair[0], import_id=row.pk)
    refused("ROLE", imports.approve, by=staff_user("supervisor"), import_id=row.pk)
    imports.approve(by=pair[1], import_id=row.pk)
    assert not Store.objects.exists()
    carried_out(row)
    assert Store.objects.get(code="S-2").telephone == "051-123-4567"
    refused("DECIDED", imports.approve, by=pair[1], import_id=row.pk)
    with pytest.raises(InternalError, match="Cannot"), transaction.atomic():
        StaffImport.objects.filter(pk=row.pk).update(changes=[])


def test_clerks_get_accounts_without_a_password_and_codes_store_by_store(pair, manned):
    kim = User.objects.get(username="kim")
    assert (kim.roles, kim.store.code, kim.first_name, kim.has_usable_password()) == (["clerk"], "S-1", "김새봄", False)
    assert User.objects.get(username="lee").roles == ["store_manager"]
    here = Store.objects.get(code="S-1")
    refused("SAME_APPROVER", imports.give_codes, by=pair[0], import_id=manned.pk, store=here)
    codes = imports.give_codes(by=pair[1], import_id=manned.pk, store=here)
    assert [user.username for user, _code in codes] == ["kim", "lee"]
    assert AuditEntry.objects.filter(action="staff.hired", object=f"user:{kim.pk}").count() == 1


def test_leavers_and_movers(pair, manned, monkeypatch):
    passed_on = []
    monkeypatch.setattr(leaving, "_handlers", [lambda user: passed_on.append(user.username)])
    kim, park = (User.objects.get(username=name) for name in ("kim", "park"))
    for user in (kim, park):
        as_staff(Client(), user).get(reverse("staff-sessions"))
    Authenticator.objects.create(user=park, type="totp", data={})
    row = applied(pair, STAFF.replace("S-1\nlee", "S-2\nlee").replace("park,박솔,매장 직원,S-2\n", ""), complete=True)
    assert acts(row) == {"kim": "MOVED", "park": "ENDED"}
    kim.refresh_from_db(), park.refresh_from_db()
    assert (kim.store.code, kim.is_active) == ("S-2", True)
    assert (park.is_active, park.roles, park.store) == (False, [], None)
    assert not Authenticator.objects.filter(user=park).exists()
    assert sorted(passed_on) == ["kim", "park"]
    for user in (kim, park):
        assert not user.sessions.exists()
    reverse_row = imports.undo(by=pair[0], import_id=row.pk, reason="wrong month")
    refused("UNDONE", imports.undo, by=pair[0], import_id=row.pk, reason="again")
    imports.approve(by=pair[1], import_id=reverse_row.pk)
    carried_out(reverse_row)
    kim.refresh_from_db(), park.refresh_from_db()
    assert (kim.store.code, park.store.code, park.is_active, park.roles) == ("S-1", "S-2", True, ["clerk"])
    assert park.person_index is None


def test_an_incomplete_list_closes_nobody(pair, manned):
    row = check(pair, STAFF.splitlines()[0] + "\nkim,김새봄,매장 직원,S-2\n")
    assert acts(row) == {"kim": "MOVED"}
    same = check(pair, STAFF, complete=True)
    assert same.changes == []
    refused("NOTHING", imports.ask, by=pair[0], import_id=same.pk, reason="x")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("han,한소라,심사 담당,S-1", "매장 직원이나 매장 관리자만"),
        ("han,한소라,administrator,S-1", "매장 직원이나 매장 관리자만"),
        ("han,한소라,매장 직원,S-9", "없거나 닫은 매장"),
        ("han,,매장 직원,S-1", "이름 칸이 비어 있습니다"),
        ("h n,한소라,매장 직원,S-1", "아이디에는"),
        ("kim,김다른,매장 직원,S-1", "이름이 계정과 다릅니다"),
        ("reviewer,심사원,매장 직원,S-1", "매장 밖의 역할"),
        ("gone,나간이,매장 직원,S-1", "닫힌 계정"),
        ("kim,김새봄,매장 직원,S-1\nkim,김새봄,매장 직원,S-2", "같은 줄이"),
    ],
)
def test_faults_are_named_by_their_line(pair, manned, line, words):
    staff_user("reviewer")
    gone = User.objects.create(username="gone", first_name="나간이", is_active=False)
    row = check(pair, STAFF.splitlines()[0] + "\n" + line)
    [(number, said)] = row.faults
    assert words in said
    assert number == 1 + len(line.splitlines())
    refused("FAULTS", imports.ask, by=pair[0], import_id=row.pk, reason="x")
    assert gone.roles == []


@pytest.mark.parametrize(
    "content",
    ["", "a,b\n1,2\n", "아이디,이름,역할,매장 번호\n", "아이디\0", '아이디,이름,역할,매장 번호\n"열림'],
    ids=repr,
)
def test_a_wrong_file_is_no_import(pair, content):
    with pytest.raises(import_files.WrongFile):
        check(pair, content)
    assert not StaffImport.objects.exists()


def test_something_that_changed_meanwhile_is_compared_again(pair, manned):
    row = check(
        pair,
        STAFF.replace("S-1\nlee", "S-2\nlee").replace("lee,이한빛,store_manager,S-1", "lee,이한빛,store_manager,S-2"),
    )
    imports.ask(by=pair[0], import_id=row.pk, reason="move")
    service.dismiss(by=pair[0], user=User.objects.get(username="kim"), reason="left")
    imports.approve(by=pair[1], import_id=row.pk)
    assert carried_out(row).state == "STOPPED"
    [(_line, said)] = row.faults
    assert said.startswith("kim: 비교한 뒤에")
    assert User.objects.get(username="lee").store.code == "S-1"
    refused("DECIDED", imports.approve, by=pair[1], import_id=row.pk)
    page = as_staff(Client(), pair[1]).get(reverse("admin:staff_staffimport_change", args=[row.pk])).content.decode()
    assert "반영하지 못한 이유" in page
    assert "kim: 비교한 뒤에" in page


def test_a_file_is_kept_until_it_is_compared(pair):
    row = imports.check(by=pair[0], kind="STORES", content=STORES.encode(), file_name="list.csv", complete=False)
    assert (row.state, row.rows, row.changes) == ("READING", 2, [])
    refused("DECIDED", imports.ask, by=pair[0], import_id=row.pk, reason="early")
    page = reverse("admin:staff_staffimport_change", args=[row.pk])
    first = as_staff(Client(), pair[0])
    waiting = first.get(page)
    assert waiting["Refresh"]
    assert "2줄을 지금 있는 것과 비교하고 있습니다." in waiting.content.decode()
    assert carried_out(row).content == ""
    assert "Refresh" not in first.get(page)
    given_up = imports.check(by=pair[0], kind="STORES", content=STORES.encode(), file_name="list.csv", complete=False)
    imports.decline(by=pair[0], import_id=given_up.pk)
    assert (carried_out(given_up).state, given_up.content) == ("DECLINED", "")


@pytest.mark.django_db(transaction=True)
def test_a_second_click_while_a_worker_carries_out_is_no_deadlock(pair, monkeypatch):
    row = check(pair, STORES, "STORES")
    imports.ask(by=pair[0], import_id=row.pk, reason="monthly list")
    imports.approve(by=pair[1], import_id=row.pk)
    lock, naps = service.lock_administrators, [0.5, 0.0]

    def late() -> None:
        time.sleep(naps.pop(0))
        lock()

    def click_again() -> None:
        time.sleep(0.1)  # the worker has begun
        imports.approve(by=pair[1], import_id=row.pk)

    monkeypatch.setattr(service, "lock_administrators", late)
    worker, click = together(lambda: tasks.carry_out_import(row.pk), click_again)
    assert worker is None
    assert click.code == "DECIDED"
    row.refresh_from_db()
    assert row.state == "APPLIED"


def test_faults_speak_the_language_of_the_upload(pair):
    with translation.override("en"):
        row = imports.check(by=pair[0], kind="STAFF", content=STAFF.encode(), file_name="list.csv", complete=False)
    assert "Unknown or closed store" in carried_out(row).faults[0][1]


def test_a_store_with_staff_does_not_close(pair, manned):
    row = check(pair, "\n".join(STORES.splitlines()[:2]), "STORES", complete=True)
    assert row.faults
    assert "S-2" in row.faults[0][1]
    applied(pair, STAFF.replace("S-2", "S-1"))
    applied(pair, "\n".join(STORES.splitlines()[:2]), "STORES", complete=True)
    assert Store.objects.get(code="S-2").closed
    assert [store.code for store in stores.search("점")] == ["S-1"]


def test_stores_by_place(pair, manned):
    assert [store.code for store in stores.search("부산 한빛")] == ["S-2"]
    assert not stores.search(" ").exists()
    assert stores.named("새봄점") == stores.named("s-1") == Store.objects.get(code="S-1")
    answer = as_staff(Client(), staff_user("agent")).get(reverse("staff-stores"), {"q": "점"})
    assert answer.json() == {"values": ["S-2 · 한빛점", "S-1 · 새봄점"]}


def test_the_pages_from_file_to_codes(pair):
    first, second = (as_staff(Client(), user) for user in pair)
    upload = reverse("admin:staff_staffimport_add")
    assert first.post(upload, {"kind": "STAFF"}).status_code == 422
    wrong = first.post(upload, {"kind": "STORES", "file": SimpleUploadedFile("x.csv", b"a,b\n")})
    assert "첫 줄에 이 열이 없습니다" in wrong.content.decode()
    for kind, content in (("STORES", STORES), ("STAFF", STAFF)):
        answer = first.post(upload, {"kind": kind, "file": SimpleUploadedFile("list.csv", content.encode())})
        page = answer["Location"]
        run_due("rest")
        assert "승인 요청하기" in first.get(page).content.decode()
        assert first.post(page, {"act": "ask", "reason": ""}).status_code == 422
        first.post(page, {"act": "ask", "reason": "monthly"})
        assert "승인하고 반영하기" not in first.get(page).content.decode()
        assert "승인하고 반영하기" in second.get(page).content.decode()
        second.post(page, {"act": "approve"})
        assert "하나도 반영되지 않습니다" in second.get(page).content.decode()
        run_due("rest")
    assert User.objects.filter(roles=["clerk"]).count() == 2
    assert "코드 2개 만들기" in second.get(page).content.decode()
    shown = second.post(reverse("admin:staff_staffimport_codes", args=[page.split("/")[-3]]), {"store": "S-1"})
    assert len(re.findall(r"<code>[0-9A-Z-]{24}</code>", shown.content.decode())) == 2
    assert as_staff(Client(), staff_user("auditor")).get(upload).status_code == 403


def test_an_account_changes_by_its_acts_and_has_nothing_to_save(pair):
    page = reverse("admin:staff_user_change", args=[staff_user("clerk").pk])
    text = as_staff(Client(), pair[0]).get(page).content.decode()
    assert 'name="_save"' not in text
    assert "150" not in text  # how to type a name that nobody types here
    assert reverse("admin:staff_user_act", args=["change"]) in text


def test_no_page_of_staff_lists_every_store(pair):
    Store.objects.bulk_create(Store(code=f"T-{n}", name=f"시험 {n}호점") for n in range(300))
    browser = as_staff(Client(), pair[0])
    clerk = staff_user("clerk", store=Store.objects.get(code="T-7"))
    pages = [
        reverse("admin:staff_user_changelist"),
        reverse("admin:staff_user_add"),
        reverse("admin:staff_user_act", args=["change"]) + f"?ids={clerk.pk}",
    ]
    for page in pages:
        text = browser.get(page).content.decode()
        assert text.count("호점") <= 2, page
    assert "T-7 · 시험 7호점" in browser.get(pages[2]).content.decode()
    found = browser.get(pages[0], {"q": "시험 7호점"}).content.decode()
    assert "clerk" in found
    answer = browser.post(pages[2], {"roles": ["clerk", "store_manager"], "store": "호점", "reason": "x"})
    assert "여러 곳이 맞습니다" in answer.content.decode()


def test_lists_speak_in_words():
    user = two_administrators()[0]
    Store.objects.create(code="S-77", name="닫힌점", closed=True)
    client = as_staff(Client(), user)
    empty = client.get(reverse("admin:staff_rightsrequest_changelist")).content.decode()
    assert "아직 없습니다." in empty
    assert 'name="action"' not in empty
    accounts = client.get(reverse("admin:staff_user_changelist")).content.decode()
    assert "할 일:" in accounts
    assert "개 가운데 0개 고름" in accounts
    stores = client.get(reverse("admin:staff_store_changelist")).content.decode()
    assert "닫은 매장</td>" in stores
    assert "icon-" not in stores.partition('id="result_list"')[2].partition("</table>")[0]
