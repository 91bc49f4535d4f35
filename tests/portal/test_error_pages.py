"""Pages of last resort: what happened and where to turn; the 500 page needs neither database nor session."""

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.views.defaults import permission_denied

from kt_remedy.portal import views


@pytest.mark.django_db
def test_an_unknown_address_leads_home(at, client):
    at("2026-01-20T10:00+09:00")
    answer = client.get("/no-such-page/")
    assert answer.status_code == 404
    assert "페이지를 찾을 수 없습니다" in answer.content.decode()
    assert "080-470-7790" in answer.content.decode()


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
    answer = Client(enforce_csrf_checks=True).post("/language/", {"language": "en"})
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
