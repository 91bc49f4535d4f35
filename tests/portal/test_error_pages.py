"""Pages of last resort: what happened and where to turn; the 500 page needs neither database nor session."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.defaults import permission_denied

from kt_remedy.core import health
from kt_remedy.portal import views
from tests.conftest import free_port
from tests.sessions import as_staff, staff_user


@pytest.mark.django_db
def test_an_unknown_address_leads_home(at, client):
    at("2026-01-20T10:00+09:00")
    answer = client.get("/no-such-page/")
    assert answer.status_code == 404
    assert "페이지를 찾을 수 없습니다" in answer.content.decode()
    assert "080-470-7790" in answer.content.decode()


@pytest.mark.django_db
def test_staff_read_of_a_missing_page_in_their_own_frame(at):
    at("2026-01-20T10:00+09:00")
    client = as_staff(Client(), staff_user("clerk"))
    for address in ("/no-such-page/", reverse("mfa_view_recovery_codes")):  # nobody made codes yet
        answer = client.get(address)
        assert answer.status_code == 404
        page = answer.content.decode()
        assert "페이지를 찾을 수 없습니다" in page
        assert f'href="{reverse("staff-home")}"' in page
        assert "처음으로 가기" not in page


def test_a_fault_of_ours_is_answered_without_the_database():
    # No database mark: a query would fail this test.
    answer = views.server_error(RequestFactory().get("/my/"))
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "잠시 문제가 생겼습니다" in page
    assert "080-470-7790" in page
    assert "KT 위약금 면제 및 고객 보답 프로그램" in page


@pytest.mark.django_db
def test_a_fault_in_a_view_shows_that_page(at, client, monkeypatch):
    at("2026-01-20T10:00+09:00")

    def broken(*args):
        raise RuntimeError("broken")

    monkeypatch.setattr("kt_remedy.portal.timeline.overview", broken)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    assert "잠시 문제가 생겼습니다" in answer.content.decode()
    assert "RuntimeError" not in answer.content.decode()


@pytest.mark.django_db
def test_a_lost_form_token_explains_itself(at):
    at("2026-01-20T10:00+09:00")
    answer = Client(enforce_csrf_checks=True).post("/identity/leave/")
    assert answer.status_code == 403
    assert "다시 한 번 눌러 주세요" in answer.content.decode()


@pytest.mark.django_db
def test_a_page_of_somebody_else_is_refused_in_words(at, rf):
    at("2026-01-20T10:00+09:00")
    request = rf.get("/desk/")
    request.person, request.user = None, None
    answer = permission_denied(request, PermissionDenied())
    assert answer.status_code == 403
    assert "이 페이지를 볼 수 없습니다" in answer.content.decode()


class Driver(Exception):
    """An error of the driver with its SQLSTATE."""

    def __init__(self, pgcode: str | None) -> None:
        super().__init__("the database said so")
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("error", "pgcode", "gone"),
    [
        (OperationalError, None, True),  # refused, or the server closed the connection
        (InterfaceError, None, True),
        (OperationalError, "57P01", True),  # stops
        (OperationalError, "57P03", True),  # recovers
        (OperationalError, "08006", True),
        (OperationalError, "53300", True),  # no connection is free
        (OperationalError, "57014", False),  # a statement took too long
        (OperationalError, "55P03", False),  # a lock was not free
        (OperationalError, "40P01", False),
        (IntegrityError, None, False),
        (RuntimeError, None, False),
    ],
)
def test_what_says_that_the_database_is_gone(error, pgcode, gone):
    caught = error("x")
    caught.__cause__ = Driver(pgcode)
    assert health.database_is_gone(caught) == gone


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/", "/admin/payouts/", "/my/"])
def test_while_the_database_is_gone_pages_ask_to_come_back(client, path):
    client.raise_request_exception = False
    client.cookies["sessionid"] = "a" * 32
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = str(free_port())
    try:
        answer = client.get(path)
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "몇 분 뒤에 다시" in answer.content.decode()
