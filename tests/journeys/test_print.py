"""The receipt and the certificate fill one sheet of A4, in both languages, with the longest names and several lines."""

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.content.models import Place
from rewards import service
from tests.journeys.test_pages_refunds import enter
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.rewards import running
from tests.rewards.test_pages import publish
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db(transaction=True)
LONGEST = {"ko": "남궁가나다라마바사아자차카타파하", "en": "WOLFESCHLEGELSTEINHAUSENBERGERDORFF CHRISTOPHER MAXIMILIAN"}
A4 = (595, 842)  # points


def pages(page) -> list[tuple[int, int]]:
    """Width and height, in points, of the sheets that this page is printed on."""
    document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True, print_background=False))
    return [tuple(round(side) for side in sheet.get_size()) for sheet in document]


def open_as(page, live_server, language: str, address: str, *, name: str) -> None:
    enter(page, live_server, as_customer(Client(), person("hong", name=name)))
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("language", LONGEST)
@pytest.mark.parametrize("count", [1, 4])
def test_the_receipt_is_one_sheet(at, page, live_server, settings, language, count) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    holder = make.customer(name=LONGEST[language], ci="hong")
    lines = [make.line(holder) for _each in range(count)]
    done = submit(holder, *lines, account=make.account(holder), language=language)
    open_as(
        page, live_server, language, reverse("refunds:receipt", args=[done.filing.reference]), name=LONGEST[language]
    )
    assert pages(page) == [A4]


@pytest.mark.parametrize("language", LONGEST)
def test_the_certificate_is_one_sheet(at, page, live_server, language) -> None:
    at("2026-01-14T09:00+09:00")
    adult = make.customer(name=LONGEST[language], ci="hong", birth="1950-01-01")
    make.line(adult, terminated="", outcome="NOT_ELIGIBLE", product="HANDSET", refundable_krw=0, status="ACTIVE")
    make.delivered("2026-01-14")
    running.record_base()
    publish(Place.INSURER, "insurer", "보험사", "가나다라마바사손해보험 주식회사\n" * 4, english="Insurer")
    at("2026-03-02T10:00+09:00")
    assert service.certificate(perk_code="INSURANCE", person_index=bytes(adult.person_index))
    open_as(page, live_server, language, reverse("rewards:certificate", args=["INSURANCE"]), name=LONGEST[language])
    assert pages(page) == [A4]
