"""No page of a customer shows a code of the programme, of a state or of a decision (C8)."""

import re

import pytest
from django.test import Client

from eligibility.models import Bill
from refunds.models.states import Status
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db

# SUBSIDY_CLAWBACK, D-71; words that pages may hold are not among them.
CODE = re.compile(r"\b[A-Z]{2,}(?:_[A-Z0-9]+)+\b|\bD-\d{2,3}\b")
STATES = {value for value in Status.values if value.isascii()} | {"ELIGIBLE", "NOT_ELIGIBLE", "NOTHING_DUE"}
PAGES = [
    "/", "/help/", "/help/words/", "/help/bring/", "/help/stores/", "/help/privacy/", "/help/guard/", "/messages/",
    "/messages/call/", "/check/", "/my/", "/my/simple/", "/my/by-telephone/", "/refunds/status/", "/refunds/apply/",
    "/rewards/", "/my/record/",
]  # fmt: skip


def read(page: str) -> str:
    """The words of a page that a person reads: no addresses, values of forms or scripts."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", page)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_code_stands_on_a_page_of_a_customer(at, language) -> None:
    at("2026-01-20T10:00+09:00")
    holder = make.customer(name="홍길동", ci="hong")
    for outcome, reasons in [
        ("ELIGIBLE", ""),
        ("ELIGIBLE", "UNPAID"),
        ("ELIGIBLE", "NOT_BILLED_YET"),
        ("REVIEW", "REVIEW_UNKNOWN_ITEM"),
        ("NOT_ELIGIBLE", "DEVICE_CHANGE_AFTER_BASE"),
        ("NOTHING_DUE", "ALREADY_SETTLED"),
    ]:
        line = make.line(holder, outcome=outcome, reasons=reasons)
    odd = make.line(holder, outcome="REVIEW", reasons="REVIEW_UNKNOWN_ITEM")
    Bill.objects.filter(line=odd).update(item="OLD_CLAWBACK")
    filed = [make.application(make.line(holder), status=status) for status in ("APPROVED", "REVIEW", "SUBMITTED")]
    client = as_customer(Client(headers={"accept-language": language}), person("hong", name="홍길동"))
    pages = [
        *PAGES,
        f"/refunds/object/{line.pk}/",
        *(f"/refunds/status/{row.pk}/" for row in filed),
        *(f"/refunds/receipt/{row.filing.reference}/" for row in filed),
    ]
    shown = {}
    for path in pages:
        page = client.get(path, follow=True)
        assert page.status_code == 200, path
        words = read(page.content.decode())
        if codes := set(CODE.findall(words)) | (STATES & set(re.findall(r"\b[A-Z_]+\b", words))):
            shown[path] = codes
    assert shown == {}


def test_an_unknown_item_is_being_checked_and_has_no_code(at) -> None:
    at("2026-01-20T10:00+09:00")
    line = make.line(make.customer(name="홍길동", ci="hong"), outcome="REVIEW", reasons="REVIEW_UNKNOWN_ITEM")
    Bill.objects.filter(line=line).update(item="OLD_CLAWBACK")
    page = as_customer(Client(), person("hong", name="홍길동")).get("/my/").content.decode()
    assert "OLD_CLAWBACK" not in page
    assert "직원이 확인하고 있는 것" in page
    assert "돌려드리지 않는 것" not in page
