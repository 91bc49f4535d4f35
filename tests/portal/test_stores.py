"""Stores as customers find them: by place, open ones alone."""

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.staff.models import Store

pytestmark = pytest.mark.django_db
PAGE = reverse("portal:stores")


@pytest.fixture(autouse=True)
def two_stores():
    Store.objects.create(
        code="S-1",
        name="광화문점",
        region="서울",
        address="서울 종로구 세종대로 178",
        hours="10:00~20:00",
        telephone="02-000-0101",
    )
    Store.objects.create(code="S-2", name="닫은점", region="부산", address="부산 해운대구", closed=True)


@pytest.mark.parametrize("words", ["종로", "광화문", "서울 세종대로", "서울"])
def test_a_store_is_found_by_place(words) -> None:
    text = Client().get(PAGE, {"q": words}).content.decode()
    assert "찾은 매장 1곳" in text
    assert "10:00~20:00" in text
    assert 'href="tel:020000101"' in text


@pytest.mark.parametrize("words", ["해운대", "닫은점", "없는동네", "%", "종로 부산"])
def test_none_fits(words) -> None:
    text = Client().get(PAGE, {"q": words}).content.decode()
    assert "찾는 매장이 없습니다" in text


def test_regions_of_open_stores_are_offered() -> None:
    text = Client().get(PAGE).content.decode()
    assert "?q=%EC%84%9C%EC%9A%B8" in text
    assert "부산" not in text
    assert "찾은 매장" not in text
