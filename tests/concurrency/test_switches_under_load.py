"""Each switch is moved while people apply, staff fetch files for the bank and messages leave.

The only answer of 500 or above is that of a stopped act: the page of its switch, with the time to come again.
"""

import itertools
import re
import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from kt_remedy.core import switches
from kt_remedy.core.models import Switch
from kt_remedy.notices.models import Message
from refunds.models.applications import Filing
from tests.background import run_due
from tests.concurrency.test_changes_under_traffic import traffic
from tests.conftest import wait_until
from tests.refunds import make
from tests.refunds.payouts import money
from tests.sessions import as_customer, as_staff, person

pytestmark = pytest.mark.django_db(transaction=True)

# The switch of the waiting room is moved under load by its own tests.
CODES = (Switch.Code.FILINGS, Switch.Code.BANK_FILES, Switch.Code.MESSAGES, Switch.Code.READ_ONLY)
ROUNDS = 2
ERROR = re.compile(r'class="invalid-feedback[^>]*>(.*?)<', re.DOTALL)
_people = itertools.count(1)


class Visit:
    """A browser that comes again where a page tells it to, and counts the stopped acts by the sentence of the page."""

    def __init__(self, client: Client, stopped: Counter[str]) -> None:
        client.raise_request_exception = True
        self.client, self.stopped = client, stopped

    def read(self, path: str):
        """Reading is never stopped."""
        answer = self.client.get(path)
        assert answer.status_code in {200, 302}, (path, answer.status_code)
        return answer

    def send(self, path: str, answers: dict, *, again: bool = True):
        """Send a form until it is taken; once only without `again`."""
        deadline = time.monotonic() + 60
        while True:
            answer = self.client.post(path, answers)
            if answer.status_code < 500:
                return answer
            assert answer.status_code == 503, (path, answer.status_code)
            assert answer["Retry-After"] == str(switches.RETRY_AFTER_SECONDS)
            page = answer.content.decode()
            told = [code for code, sentence in SENTENCES.items() if sentence in page]
            assert told, page
            self.stopped.update(told)
            assert time.monotonic() < deadline, (path, told)
            if not again:
                return answer
            time.sleep(0.05)


with translation.override("ko"):
    SENTENCES = {code: switches.sentence(code) for code in CODES}


def applicant(stopped: Counter[str], receipts: list[str]) -> Callable[[], None]:
    """New people, one after another, who apply for their line and look at it afterwards."""

    def act() -> None:
        number = next(_people)
        holder = make.customer(name="홍길동", ci=f"load-{number}")
        line = make.line(holder)
        visit = Visit(as_customer(Client(), person(f"load-{number}", name="홍길동")), stopped)
        visit.read(reverse("portal:my-lines"))
        for page, answers in {
            "apply": {"lines": [line.pk]},
            "apply-consent": {"privacy": "on", "provision": "on"},
            "apply-account": {"bank": "088", "number": f"110220{number:05}"},
        }.items():
            taken = visit.send(reverse(f"refunds:{page}"), answers)
            assert taken.status_code == 302, (page, ERROR.findall(taken.content.decode()))
        check = reverse("refunds:apply-check")
        # The context of a page belongs to all threads of this test client, its text to one.
        (key,) = re.findall(r'name="key" value="([^"]+)"', visit.read(check).content.decode())
        filed = visit.send(check, {"key": key})
        assert filed.status_code == 302
        assert "/receipt/" in filed["Location"], filed["Location"]
        receipts.append(filed["Location"].split("/")[3])
        visit.read(filed["Location"])
        visit.read(reverse("refunds:status"))

    return act


def maker(stopped: Counter[str], file_id: int) -> Callable[[], None]:
    """A maker who looks at the rounds and fetches a file."""
    visit = Visit(as_staff(Client(), money.maker()), stopped)

    def act() -> None:
        visit.read(reverse("admin:payouts:rounds"))
        taken = visit.send(reverse("admin:payouts:file_download", args=[file_id]), {"reason": "연습"}, again=False)
        if taken.streaming:
            assert b"".join(taken.streaming_content)

    return act


def test_a_switch_is_moved_under_load_and_nobody_meets_a_fault(at, settings, sandbox) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    make.delivered()
    at(money.CUT_OFF)
    _batch, (file, *_more) = money.filed(2)
    holders = {f"110220{number:05}": "홍길동" for number in range(1, 2000)}
    httpx.post(f"{sandbox}/portone/control", json={"holders": holders}, timeout=10).raise_for_status()
    stopped: Counter[str] = Counter()
    receipts: list[str] = []
    before = Filing.objects.count()
    acts = [applicant(stopped, receipts), applicant(stopped, receipts), maker(stopped, file.pk)]
    with traffic(*acts, lambda: run_due("messages")):
        for code in CODES * ROUNDS:
            switches.stop(code, by="one", reason="연습")
            time.sleep(1.5)
            switches.confirm(code, by="two")
            switches.ask_to_start(code, by="one", reason="끝남")
            switches.start(code, by="two")
            time.sleep(0.5)
    print(f"{len(receipts)} applications, stopped acts: {dict(stopped)}")
    assert {"FILINGS", "READ_ONLY", "BANK_FILES"} <= set(stopped)
    # What was acknowledged is there, once, and each of them is told.
    assert len(set(receipts)) == len(receipts) == Filing.objects.count() - before
    assert set(receipts) <= set(Filing.objects.values_list("reference", flat=True))

    def all_sent() -> bool:
        run_due("messages")  # one turn sends a part of them
        return not Message.objects.filter(state__in=["QUEUED", "SENDING"]).exists()

    wait_until(all_sent, what="the messages have left")
    assert Message.objects.count() >= len(receipts)
    assert money.broken() == {}
