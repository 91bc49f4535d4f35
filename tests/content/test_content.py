"""Texts that staff edit: in force from a date, in two languages, never changed."""

import datetime as dt

import pytest
from django.db import transaction
from django.db.utils import DatabaseError
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import translation

from kt_remedy.audit.models import AuditEntry
from kt_remedy.content import service
from kt_remedy.content.models import Entry, Place
from tests.owner import as_owner
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


def write(key: str, title: str, day: str, **more) -> Entry:
    entry = Entry(place=Place.FAQ, key=key, title_ko=title, shown_from=dt.date.fromisoformat(day), **more)
    return service.add_version(by=staff_user("administrator"), entry=entry)


@pytest.fixture(autouse=True)
def twentieth(at):
    at("2026-01-20T10:00+09:00")


def titles(day: str) -> list[str]:
    return [entry.title_ko for entry in service.current(Place.FAQ, on=dt.date.fromisoformat(day))]


def test_a_later_version_takes_over_on_its_day_and_an_empty_one_ends_it():
    write("fee", "옛 글", "2026-01-20")
    write("fee", "새 글", "2026-01-25")
    write("fee", "", "2026-02-01")
    assert titles("2026-01-19") == []
    assert titles("2026-01-24") == ["옛 글"]
    assert titles("2026-01-25") == ["새 글"]
    assert titles("2026-02-01") == []


def test_midnight_is_seouls(at):
    write("fee", "새 글", "2026-01-21")
    at("2026-01-20T14:59:59+00:00")
    assert service.current(Place.FAQ) == []
    at("2026-01-20T15:00:00+00:00")
    assert [entry.title for entry in service.current(Place.FAQ)] == ["새 글"]


def test_order_then_key():
    write("b", "둘", "2026-01-20", order=1)
    write("a", "셋", "2026-01-20", order=2)
    write("c", "하나", "2026-01-20", order=0)
    assert titles("2026-01-20") == ["하나", "둘", "셋"]


def test_english_where_there_is_some():
    entry = write("fee", "수수료", "2026-01-20", title_en="Fees", body_ko="없습니다")
    with translation.override("en"):
        assert (entry.title, entry.body) == ("Fees", "없습니다")
    with translation.override("ko"):
        assert entry.title == "수수료"


def test_the_past_is_closed_and_versions_do_not_change():
    with pytest.raises(ValueError, match="past"):
        write("fee", "글", "2026-01-19")
    write("fee", "글", "2026-01-20")
    with pytest.raises(DatabaseError), transaction.atomic(), as_owner():
        Entry.objects.update(title_ko="다른 글")


def test_writing_is_recorded_and_shown_by_the_tag():
    entry = write("fee", "수수료가 있나요?", "2026-01-20")
    assert AuditEntry.objects.filter(action="content.written", object=f"content:{entry.pk}").count() == 1
    shown = Template('{% load content %}{% entries "FAQ" as all %}{% for q in all %}{{ q.title }}{% endfor %}')
    assert shown.render(Context()) == "수수료가 있나요?"


def test_the_administrator_adds_in_the_admin():
    client = as_staff(Client(), staff_user("administrator"))
    data = {"place": "FAQ", "key": "fee", "order": "0", "title_ko": "수수료", "shown_from": "2026-01-19"}
    address = reverse("admin:content_entry_add")
    assert client.post(address, data).status_code == 200
    assert client.post(address, data | {"shown_from": "2026-01-20"}).status_code == 302
    assert titles("2026-01-20") == ["수수료"]
