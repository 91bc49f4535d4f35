"""Who runs the site stands on every page and on the privacy page, and the consent names the periods of that page."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client

from kt_remedy.core import programme

pytestmark = pytest.mark.django_db
NUMBER = "102-81-42945"


@pytest.fixture
def client(at) -> Client:
    at("2026-01-20T10:00+09:00")
    return Client()


@pytest.mark.parametrize(("language", "address"), [("ko", "불정로 90"), ("en", "90 Buljeong-ro")])
@pytest.mark.parametrize("path", ["/", "/check/", "/help/privacy/", "/no-such-page/"])
def test_the_foot_names_address_and_number(client, language, address, path) -> None:
    page = client.get(path, headers={"accept-language": language}).content.decode()
    foot = page[page.index("<footer") :].replace("\u2060", "")
    assert address in foot
    assert NUMBER in foot


def test_the_privacy_page_names_the_operator(client) -> None:
    page = client.get("/help/privacy/").content.decode()
    part = page[page.index("누가 운영하나요") : page.index("<footer")]
    assert "주식회사 케이티" in part
    assert "경기도 성남시 분당구 불정로 90" in part
    assert NUMBER in part


@pytest.mark.parametrize("number", ["1028142945", "102-81-4294", "가나다-81-42945", ""])
def test_a_number_that_is_none_is_refused(tmp_path, number) -> None:
    text = programme.DEFAULT_FILE.read_text(encoding="utf-8").replace(NUMBER, number)
    (tmp_path / "programme.toml").write_text(text, encoding="utf-8")
    with pytest.raises(programme.ProgrammeError, match="must be a business registration number"):
        programme.load(tmp_path / "programme.toml")


def test_consent_and_privacy_page_name_one_period(client, settings) -> None:
    settings.ACCOUNT_WIPE_DAYS = 123
    kept = "은행과 확인 회사도 돈을 보내 드리고 123일까지만 쓰고, 그 뒤에는 법이 정한 송금 기록만 5년 동안 둡니다."
    consent = render_to_string("refunds/_privacy.html", {"kept_days": 123, "checking_company": "코리아포트원"})
    page = client.get("/help/privacy/").content.decode()
    assert kept in consent
    assert page.count(kept) == 2
    for text in (consent, page):
        assert "코리아포트원" in text
        assert not re.search(r"확인이 끝날 때까지|법이 정한 동안만", text)
