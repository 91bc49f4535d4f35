"""Requests that are too large: refused before they are read, with nothing on the disk."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january")]

MB = 1 << 20
HEAD = (
    b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    b"\xff\xd8\xff"
)


class Body(io.RawIOBase):
    """The input stream of a server: a form with one file of `size` bytes, made while it is read."""

    def __init__(self, size: int) -> None:
        self.size, self.given = size, 0

    def read(self, count: int = -1) -> bytes:
        count = self.size - self.given if count < 0 else min(count, self.size - self.given)
        part = (HEAD[self.given :] + bytes(max(count, 0)))[:count] if self.given < len(HEAD) else bytes(count)
        self.given += len(part)
        return part


@pytest.fixture
def temporary(monkeypatch, settings, tmp_path) -> list[Path]:
    """The temporary files that were made for uploads, those that are gone again too."""
    from django.core.files import uploadedfile

    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    made: list[Path] = []
    create = uploadedfile.TemporaryUploadedFile.__init__

    def counted(self, *args, **kwargs):
        create(self, *args, **kwargs)
        made.append(Path(self.temporary_file_path()))

    monkeypatch.setattr(uploadedfile.TemporaryUploadedFile, "__init__", counted)
    return made


def send(client: Client, page: str, body: Body, *, length: str | None, **headers: str):
    """Post a body as the web server hands it over, with the length that the sender names, or none."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": page,
        "CONTENT_TYPE": "multipart/form-data; boundary=edge",
        "wsgi.input": body,
        **headers,
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    return client.request(**environ)


def browser() -> Client:
    """A browser that has seen a form. With its cookie, the body is read in search of the token."""
    client = Client(enforce_csrf_checks=True)
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    return client


def hong() -> Client:
    return as_customer(browser(), person("hong"))


def documents_page() -> str:
    row = make.application(make.line(make.customer(ci="hong"), outcome="REVIEW"), status="REVIEW")
    return reverse("refunds:documents", args=[row.pk])


def test_200_megabytes_of_documents_are_refused_unread(temporary) -> None:
    page, body = documents_page(), Body(200 * MB)
    answer = send(hong(), page, body, length=str(body.size))
    assert (answer.status_code, body.given, temporary) == (413, 0, [])
    words = answer.content.decode()
    assert f"한 번에 {settings.DOCUMENT_MAX_TOTAL_MB}MB까지 받습니다" in words
    assert f'href="{page}"' in words
    english = send(hong(), page, Body(200 * MB), length=str(body.size), HTTP_ACCEPT_LANGUAGE="en")
    assert "None of the files you sent was stored." in english.content.decode()


@pytest.mark.parametrize("name", ["account_login", "portal:home", "admin:payouts:rounds", "admin:index"])
def test_no_page_takes_so_much_from_a_stranger(name: str, temporary) -> None:
    body = Body(200 * MB)
    assert send(browser(), reverse(name), body, length=str(body.size)).status_code == 413
    assert (body.given, temporary) == (0, [])


def test_the_desk_takes_no_more_than_customers_may_send(temporary) -> None:
    row = make.application(make.line(make.customer(ci="hong"), outcome="REVIEW"), status="REVIEW")
    agent, body = as_staff(browser(), staff_user("agent")), Body(200 * MB)
    page = reverse("portal:desk-application", args=["0" * 22, row.pk])
    assert send(agent, page, body, length=str(body.size)).status_code == 413
    assert (body.given, temporary) == (0, [])


@pytest.mark.parametrize("length", [None, "", "0", "2000", "-1", "many"])
def test_a_length_that_is_not_true_does_not_let_more_in(length: str | None, temporary) -> None:
    """A body in chunks names no length; a false one names less than is sent."""
    body = Body(200 * MB)
    assert send(hong(), documents_page(), body, length=length).status_code in {400, 403}
    assert body.given <= 2000
    assert temporary == []


def test_what_is_within_the_limit_is_read(temporary, settings) -> None:
    """Shows that the stream and the temporary files above are counted; the limit is a setting."""
    settings.DOCUMENT_MAX_TOTAL_MB = 4
    page = documents_page()
    small, large = Body(5 * MB), Body(5 * MB + 1)
    assert send(hong(), page, small, length=str(small.size)).status_code == 403  # it has no token
    assert (small.given, len(temporary)) == (small.size, 1)
    assert not any(path.exists() for path in temporary)
    assert send(hong(), page, large, length=str(large.size)).status_code == 413
    assert (large.given, len(temporary)) == (0, 1)


def test_the_files_of_a_bank_may_be_larger(temporary, settings) -> None:
    settings.DOCUMENT_MAX_TOTAL_MB = 1
    maker = as_staff(browser(), staff_user("maker"))
    body = Body(3 * MB)
    assert send(maker, reverse("admin:payouts:rounds"), body, length=str(body.size)).status_code == 403
    assert (body.given, len(temporary)) == (body.size, 1)
