"""The cast in front of a telephone of 360 px, in both languages: the looks at a page that the walks share.

`tests/cases/cast.csv` holds a row for each person and page: the first sentence of the promise (of a card without one,
its title), the amount in won and the next act. The day stands in the sentence.
"""

import csv
import os
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from tests import people
from tests.conftest import ROOT
from tests.journeys.test_pages_public import findings, overflow
from tests.portal.test_plain_words import CODE, STATES
from tests.refunds.promise.reading import plain
from tests.sessions import as_customer, person

LANGUAGES = ("ko", "en")
Case = dict[str, str]
# The elements that reach beyond the screen.
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter((part) => !part.closest('.visually-hidden') && part.getBoundingClientRect().right > innerWidth + 1)
  .map((part) => part.outerHTML.slice(0, 90))"""


def cases(walk: str) -> list[Case]:
    """The rows of one walk, in their order."""
    with (ROOT / "tests/cases/cast.csv").open(newline="", encoding="utf-8") as table:
        return [row for row in csv.DictReader(table) if row["walk"] == walk]


def won(amount: str, language: str) -> str:
    """An amount as a page writes it."""
    return f"{int(amount):,}원" if language == "ko" else f"₩{int(amount):,}"


class Visitor:
    """Somebody with a telephone: one page, whose session and language change."""

    def __init__(self, page: Page, address: str, subtests: pytest.Subtests) -> None:
        self.page, self.address, self.subtests = page, address, subtests
        page.set_viewport_size({"width": 360, "height": 800})

    def be(self, client: Client) -> None:
        """Go on in the session of this client."""
        self._cookie("sessionid", client.cookies["sessionid"].value)

    def be_cast(self, key: str) -> None:
        """Go on as one of the cast, just verified."""
        one = people.person(key)
        verified = person(one.ci, name=one.name, birth_date=people.born(key), phone=one.phone)
        self.be(as_customer(Client(), verified))

    def speak(self, language: str) -> None:
        self._cookie(settings.LANGUAGE_COOKIE_NAME, language)

    def _cookie(self, name: str, value: str) -> None:
        self.page.context.add_cookies([{"name": name, "value": value, "url": self.address}])

    def walk(self, walk: str, go: Callable[[Case], str]) -> None:
        """Read every row of a walk in each language; `go` makes the session and returns the address of the page."""
        for case in cases(walk):
            for language in LANGUAGES:
                with self.subtests.test(state=case["state"], language=language):  # a failure hides no other row
                    self.speak(language)
                    self.reads(case, language, go(case))

    def reads(self, case: Case, language: str, path: str) -> None:
        """Open the page of a row and find there all that it promises."""
        self.page.goto(path)
        part = self.page.locator(f"[aria-labelledby='{case['part']}']" if case["part"] else "main")
        promise = part.locator(".promise")
        first = promise if promise.count() else part.locator("h1, h2")
        said = plain(first.first.inner_text())
        assert said == case[language], said
        text = plain(part.inner_text()).replace("\n", "")
        assert not case["won"] or won(case["won"], language) in text, text
        acts = part.locator("a, button").filter(has_text=case[f"act_{language}"])
        assert acts.count(), part.locator("a, button").all_inner_texts()
        expect(acts.first).to_be_visible()
        self.looks(f"{case['walk']}-{case['state']}-{language}".replace(" ", "-"))

    def looks(self, state: str) -> None:
        """No code, no finding, nothing cut off at 320 px or with text twice as large; a picture where SHOTS asks."""
        page = self.page
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/cast-{state}.png", full_page=True)
        words = page.locator("body").inner_text()
        codes = CODE.findall(words) + sorted(STATES & set(words.split()))
        assert codes == []
        found = findings(page)
        assert found == []
        assert overflow(page, 320) <= 0, page.evaluate(TOO_WIDE)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert overflow(page, 360) <= 0, page.evaluate(TOO_WIDE)
        page.evaluate("document.documentElement.style.fontSize = ''")
        page.set_viewport_size({"width": 360, "height": 800})
