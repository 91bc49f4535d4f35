"""People who apply over HTTP, as they do: on the website, by telephone with an agent, in a store with a clerk.

Each has a connection and a network of their own (127.x.y.1), reads codes from the telephone of the stand-ins and keeps
the receipt. A member of staff serves fewer customers than the desk lets one find in an hour.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx

from benchmarks.rehearse.filing import BANK, Applicant, account_number, parts, tell_holders
from benchmarks.rehearse.place import Place, Unfinished
from benchmarks.rehearse.receipts import Receipts
from eligibility.models import Customer
from kt_remedy.devtools import demo_accounts, demo_staff
from kt_remedy.devtools.sandbox.phone import totp

AT_ONCE = 48  # people whose browsers are open at a time
SERVED = 20  # customers of one member of staff; the desk lets one find 60 an hour
CODE_SECONDS = 120
CARRIER = "SKT"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A customer with what they know by heart, the lines they apply for, and the telephone in their hand."""

    number: int
    customer_no: str
    name: str
    born: str  # YYYY-MM-DD
    contracts: tuple[str, ...]

    @property
    def phone(self) -> str:
        """A number that no line of the register has; its end names none of the ways in which a stand-in fails."""
        return f"0109{self.number:06}0"

    @property
    def digit(self) -> str:
        """The digit behind the birth date of a resident registration number."""
        return "1" if self.born < "2000" else "3"


class Broken(Unfinished):
    """A page was not the one that the person expects; the message names the step, never the person."""


class Phones:
    """The messages that arrive at the stand-in's telephones, read from the end of its file as they come."""

    def __init__(self, inbox: Path) -> None:
        self.inbox = inbox
        self.place = inbox.stat().st_size if inbox.exists() else 0
        self.codes: dict[str, str] = {}
        self._lock = threading.Lock()

    def code(self, phone: str) -> str:
        """The six digits of the newest code to a number; waits until they come. Each is given once."""
        deadline = time.monotonic() + CODE_SECONDS
        while True:
            with self._lock:
                self._read()
                if code := self.codes.pop(phone, ""):
                    return code
            if time.monotonic() > deadline:
                raise Broken("no code came")
            time.sleep(0.1)

    def _read(self) -> None:
        if not self.inbox.exists():
            return
        with self.inbox.open("rb") as file:
            file.seek(self.place)
            block = file.read()
        end = block.rfind(b"\n") + 1
        self.place += end
        for line in block[:end].splitlines():
            message = json.loads(line)
            if found := re.search(r"(?:인증번호|확인번호) (\d{6})", message["text"]):
                self.codes[message["to"]] = found[1]


class Browser:
    """One person's browser: a connection, cookies, the page before their eyes."""

    _networks = count(1)

    def __init__(self, site: str) -> None:
        number = next(self._networks) % 60_000
        # No TLS here, whose certificates would cost each browser 44 ms of CPU to read.
        own = httpx.HTTPTransport(local_address=f"127.{1 + number // 250}.{number % 250}.1", verify=False)
        self.client = httpx.Client(base_url=site, transport=own, follow_redirects=True, timeout=120)
        self.page = httpx.Response(200, text="")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_error: object) -> None:
        self.client.close()

    def open(self, path: str) -> "Browser":
        """Open a page."""
        self.page = self.client.get(path)
        return self._seen(path)

    def send(self, path: str, /, **form: Any) -> "Browser":
        """Send a form to a page, with the token of the cookie."""
        token = {"csrfmiddlewaretoken": self.client.cookies.get("csrftoken", "")}
        self.page = self.client.post(path, data=token | form)
        return self._seen(path)

    def _seen(self, path: str) -> "Browser":
        if self.page.status_code >= 400:
            raise Broken(f"{_shape(path)} answers {self.page.status_code}")
        return self

    @property
    def path(self) -> str:
        """Where the browser is now."""
        return self.page.url.path

    def expect(self, part: str, step: str) -> None:
        """Raises Broken unless the address holds `part`."""
        if part not in self.path:
            raise Broken(f"{step} ends at {_shape(self.path)}")

    def value(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{name}"[^>]*value="([^"]+)"', self.page.text)
        return found[1] if found else ""


def _shape(path: str) -> str:
    """An address without keys and references."""
    return re.sub(r"/(?:[^/]*\d[^/]*)(?=/|$)", "/…", path)


class Channels:
    """The three ways over HTTP; each files for so many customers and keeps their receipts."""

    def __init__(self, place: Place, receipts: Receipts, *, start: int) -> None:
        self.place, self.receipts, self.start = place, receipts, start
        self.stand_ins = httpx.Client(base_url=place.sandbox, timeout=60)
        self.phones = Phones(place.folder / "sandbox" / "inbox.jsonl")

    def file(self, each: int, applicants: list[Applicant]) -> None:
        """So many customers file on the website, as many by telephone and as many in stores, all at the same time.

        Those who have a receipt from before a stop count. Raises Broken for a page that is not as it should be.
        """
        done = self.receipts.by_channel()
        people = self._visitors([one for one in applicants if not (one.minor or one.foreign)])
        groups = {
            channel: list(islice(people, max(each - done[channel], 0))) for channel in ("WEB", "CALL_CENTRE", "STORE")
        }
        staff: list[demo_staff.Member] = []
        work: list[Callable[[], None]] = []
        for channel, role, store in (("CALL_CENTRE", "agent", ""), ("STORE", "clerk", "S-0101")):
            for group in parts(groups[channel], SERVED):
                member = f"{role}-{self.start}-{len(staff)}"
                staff.append(demo_staff.Member(member, member, (role,), store))
                work.append(partial(self._at_desk, member, channel, group))
        demo_accounts.create(staff)
        work += [partial(self._on_website, one) for one in groups["WEB"]]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ended = [pool.submit(one) for one in work]
            try:
                for one in as_completed(ended):
                    one.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _visitors(self, applicants: list[Applicant]) -> Iterator[Visitor]:
        """The customers behind applicants; the stand-ins are told whose telephone and whose account is whose."""
        number = count(self.start * 50_000)
        for chunk in parts(applicants, 100):
            found = Customer.objects.in_bulk([one.customer_no for one in chunk])
            visitors = [
                Visitor(next(number), one.customer_no, holder.holder_name or "", str(holder.birth_date), one.contracts)
                for one in chunk
                if (holder := found[one.customer_no])
            ]
            people = {one.phone: found[one.customer_no].ci for one in visitors}
            self.stand_ins.post("/portone/control", json={"people": people}).raise_for_status()
            tell_holders({account_number(one.customer_no): one.name for one in visitors})
            yield from visitors

    def _on_website(self, one: Visitor) -> None:
        with Browser(self.place.site) as browser:
            browser.open("/").open("/identity/sms/?next=/my/")
            who = {"carrier": CARRIER, "name": one.name, "phone": one.phone}
            browser.send("/identity/sms/?next=/my/", **who)
            browser.send("/identity/sms/?next=/my/", **who, born=one.born[2:].replace("-", ""), digit=one.digit)
            browser.expect("/identity/code/", "asking for a code")
            browser.send("/identity/code/", code=self.phones.code(one.phone)).expect("/my/", "the code")
            browser.open("/refunds/apply/").send("/refunds/apply/", lines=list(one.contracts)).expect(
                "/refunds/apply/consent/", "the lines"
            )
            browser.send("/refunds/apply/consent/", privacy="on", provision="on").expect(
                "/refunds/apply/account/", "the consent"
            )
            browser.send("/refunds/apply/account/", bank=BANK, number=account_number(one.customer_no))
            browser.expect("/apply/check/", "the account")
            browser.send("/refunds/apply/check/", key=browser.value("key"))
            self._keep("WEB", browser, one)

    def _keep(self, channel: str, browser: Browser, one: Visitor) -> None:
        browser.expect("/receipt/", "the filing")
        reference = browser.path.rstrip("/").rpartition("/")[2]
        self.receipts.add(channel, [(contract, reference) for contract in one.contracts])

    def _at_desk(self, username: str, channel: str, group: list[Visitor]) -> None:
        with Browser(self.place.site) as browser:
            sign_in(browser, username)
            for one in group:
                browser.send("/desk/", number=one.contracts[0], fact=one.born).expect("/desk/s/", "the search")
                desk = browser.path
                browser.send(f"{desk}who/", came_as="SELF")
                self._prove(browser, desk, channel, one)
                form = {"lines": list(one.contracts), "bank": BANK, "number": account_number(one.customer_no)}
                browser.open(f"{desk}file/").send(
                    f"{desk}file/", key=browser.value("key"), way="ACCOUNT", privacy="on", **form
                )
                self._keep(channel, browser, one)
                browser.send(f"{desk}leave/")

    def _prove(self, browser: Browser, desk: str, channel: str, one: Visitor) -> None:
        if channel == "STORE":
            browser.send(f"{desk}prove/card/", kind="DRIVER", contact=one.phone)
            browser.send(f"{desk}prove/code/", code=self.phones.code(one.phone))
            return
        browser.send(f"{desk}prove/phone/", carrier=CARRIER, phone=one.phone).expect("/prove/approve/", "the request")
        app = self.stand_ins.get("/pass").text
        found = re.search(rf'<strong>{one.phone}</strong>.*?name="id" value="([^"]+)"', app, re.DOTALL)
        if found is None:
            raise Broken("no request is in the app")
        self.stand_ins.post("/pass", data={"id": found[1]})
        browser.send(f"{desk}prove/approve/").expect("/desk/s/", "the approval")


def sign_in(browser: Browser, username: str) -> None:
    """Sign a member of staff in, with the code of their authenticator."""
    browser.open("/staff/login/")
    browser.send("/staff/login/", login=username, password=demo_staff.PASSWORD)
    browser.send(browser.path, code=totp(demo_staff.totp_secret(username), time.time()))
    if "login" in browser.path or "2fa" in browser.path:
        raise Broken(f"the sign-in ends at {_shape(browser.path)}")
