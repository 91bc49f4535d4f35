"""The people of `make load`, as Locust plays them: a few kept connections carry many people, as those of a proxy do.

A person reads home, the start of identity verification and waits there while the room is open, coming again when the
page says so, with the same cookies. Inside they look their lines up, and some file. Every reload must show the same
number.
"""

import heapq
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, constant, events, task

PLAN = json.loads(open(os.environ["LAUNCH_PLAN"]).read())  # noqa: SIM115
START = "/identity/?next=%2Fmy%2F"
CSRF = "loadloadloadloadloadloadloadload"  # any 32 letters: cookie and form agree
_NUMBER = re.compile(rb"<dd>([\d,]+)</dd>")
_PLACE = re.compile(r"waiting-place=([^;]+)")
_ENTERED = re.compile(r"waiting-entered=([^;]+)")
_KEY = re.compile(rb'name="key" value="([^"]+)"')


@dataclass(slots=True)
class Person:
    """One of the people: what their browser keeps, and what they have seen."""

    session: dict[str, str]
    files: bool
    stage: str = "home"
    cookies: dict[str, str] = field(default_factory=dict)
    number: int = 0
    began: float = 0.0


class Crowd:
    """Who is to act next, and what everybody saw."""

    def __init__(self) -> None:
        self.due: list[tuple[float, int, Person]] = []
        self.began = time.monotonic()
        self.made = self.entered = self.done = self.filed = self.lost = self.errors = self.shown = 0
        self.inside: list[float] = []
        self.pages: list[float] = []
        self.waits: list[float] = []
        self.faults: dict[str, int] = {}
        self.filers = list(PLAN.get("filing", []))

    def next(self) -> Person | None:
        """Somebody whose time has come; None for now. New people arrive at the rate of the plan."""
        now = time.monotonic()
        if PLAN["kind"] != "queue":
            people = PLAN["people"]
            if PLAN["kind"] == "filing" and self.made >= len(people):
                return None
            self.made += 1
            return Person(people[(self.made - 1) % len(people)], PLAN["kind"] == "filing", began=now)
        if self.due and self.due[0][0] <= now:
            return heapq.heappop(self.due)[2]
        if self.made < min((now - self.began) * PLAN["rate"], PLAN.get("most", 10**9)):
            self.made += 1
            files = self.made % PLAN["files_of"] == 0 and bool(self.filers)
            people = PLAN["people"]
            return Person(self.filers.pop() if files else people[self.made % len(people)], files, began=now)
        return None

    def again(self, person: Person, seconds: float) -> None:
        """Let the person act again after so many seconds."""
        heapq.heappush(self.due, (time.monotonic() + seconds, self.made * 1000 + len(self.due), person))

    def figures(self) -> dict[str, Any]:
        """What is written at the end."""
        lasted = time.monotonic() - self.began
        if PLAN["kind"] != "queue":
            done = self.filed if PLAN["kind"] == "filing" else self.done
            lasted = (
                self.ended_at - self.began if PLAN["kind"] == "filing" and self.made >= len(PLAN["people"]) else lasted
            )
            return {
                "per_second": round(done / lasted, 2), "p99_ms": _at(self.inside, 0.99),
                "server_errors": self.errors, "faults": self.faults, "done": done,
            }  # fmt: skip
        return {
            "arrived": self.made, "arrivals_a_second": round(PLAN["rate"], 1), "entered": self.entered,
            "looked_up": self.done, "filed": self.filed, "waiting_pages": self.shown,
            "places_lost": self.lost, "server_errors": self.errors, "faults": self.faults,
            "inside_p50_ms": _at(self.inside, 0.5), "inside_p99_ms": _at(self.inside, 0.99),
            "waiting_page_p99_ms": _at(self.pages, 0.99), "longest_wait_s": round(max(self.waits, default=0), 1),
            "seconds": round(lasted, 1),
        }  # fmt: skip

    ended_at = 0.0


crowd = Crowd()


@events.init.add_listener
def refuse_other_machines(environment: Any, **_event: Any) -> None:
    """End where the host is not this machine: this load is for nobody else."""
    host = urlsplit(environment.host or "").hostname or ""
    if host != "localhost" and not _is_loopback(host):
        sys.exit(f"The load is for this machine alone, not for {host or 'no host'}.")


@events.test_start.add_listener
def begin(**_event: Any) -> None:
    """The time begins when the first of them asks."""
    crowd.began = crowd.ended_at = time.monotonic()


@events.quitting.add_listener
def write(**_event: Any) -> None:
    """Write what the people saw."""
    with open(os.environ["LAUNCH_RESULT"], "w") as file:
        json.dump(crowd.figures(), file)


class Connection(FastHttpUser):
    """A kept connection that carries one person after another."""

    wait_time = constant(0)
    connection_timeout = network_timeout = 60.0

    @task
    def act(self) -> None:
        """One act of somebody whose time has come."""
        person = crowd.next()
        if person is None:
            gevent.sleep(0.01)
            return
        if PLAN["kind"] == "lookup":
            self._look_up(person, "/", START, "/my/")
        elif PLAN["kind"] == "filing":
            self._file(person)
        else:
            self._queue(person)

    def _queue(self, person: Person) -> None:
        if person.stage == "home" and not PLAN.get("only_enter"):
            self._ask(person, "GET", "/", into=crowd.pages)
        path = START + ("&again=1" if person.cookies else "") + ("&enter=1" if person.stage == "turn" else "")
        answer = self._ask(person, "GET", path, into=crowd.pages)
        body, refresh = answer.content or b"", answer.headers.get("Refresh", "")
        if answer.status_code == 302 and person.stage == "turn":
            crowd.entered += 1
            crowd.waits.append(time.monotonic() - person.began)
            if PLAN.get("only_enter"):
                self._ask(person, "GET", START, into=crowd.inside)
                crowd.done += 1
                return
            self._look_up(person, START, "/my/")
            if person.files:
                self._file(person)
            return
        crowd.shown += 1
        if found := _NUMBER.findall(body):
            number = int(found[0].replace(b",", b""))
            crowd.lost += int(person.number not in (0, number))
            person.number = number
        if b"enter=1" in body:
            person.stage = "turn"
            crowd.again(person, 1)
        elif refresh:
            person.stage = "waiting"
            crowd.again(person, float(refresh.partition(";")[0]))
        else:
            self._fault(f"{path}: {answer.status_code} without a place")

    def _look_up(self, person: Person, *paths: str) -> None:
        person.cookies["sessionid"] = person.session["session"] if paths[-1] == "/my/" else ""
        fine = True
        for path in paths:
            answer = self._ask(person, "GET", path, into=crowd.inside)
            fine &= answer.status_code == 200
            if answer.status_code != 200:
                self._fault(f"{path}: {answer.status_code}")
        crowd.done += int(fine)

    def _file(self, person: Person) -> None:
        """The four pages of an application, each read and sent."""
        person.cookies["sessionid"] = person.session["session"]
        forms = [
            ("/refunds/apply/", {"lines": person.session["line"]}),
            ("/refunds/apply/consent/", {"privacy": "on", "provision": "on"}),
            ("/refunds/apply/account/", {"bank": "088", "number": person.session["number"]}),
            ("/refunds/apply/check/", {}),
        ]
        for path, form in forms:
            page = self._ask(person, "GET", path, into=crowd.inside)
            if key := _KEY.search(page.content or b""):
                form["key"] = key[1].decode()
            answer = self._ask(person, "POST", path, form, into=crowd.inside)
            if answer.status_code != 302:
                self._fault(f"{path}: {answer.status_code}")
                return
        crowd.filed += int("receipt" in answer.headers.get("Location", ""))
        crowd.ended_at = time.monotonic()

    def _ask(
        self, person: Person, method: str, path: str, form: dict[str, str] | None = None, *, into: list[float]
    ) -> Any:
        cookies = {**person.cookies, "csrftoken": CSRF}
        self.client.cookiejar.clear()
        began = time.monotonic()
        with self.client.request(
            method,
            path,
            name=path.partition("?")[0],
            data={**form, "csrfmiddlewaretoken": CSRF} if form is not None else None,
            headers={
                "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items() if value),
                "User-Agent": "people of make load",
                "Accept-Language": "ko",
            },
            allow_redirects=False,
            catch_response=True,
        ) as answer:
            answer.success()
        into.append(time.monotonic() - began)
        if answer.status_code == 0 or answer.status_code >= 500:
            crowd.errors += 1
            self._fault(f"{path.partition('?')[0]}: {answer.status_code}")
        self._keep(person, answer)
        return answer

    def _keep(self, person: Person, answer: Any) -> None:
        """Keep the cookies of the room; a second place is a lost one."""
        for text in (answer.headers and answer.headers.get_all("Set-Cookie")) or []:
            if found := _PLACE.match(text):
                crowd.lost += int("waiting-place" in person.cookies and found[1] not in ('""', ""))
                person.cookies["waiting-place"] = found[1].strip('"')
            elif found := _ENTERED.match(text):
                person.cookies["waiting-entered"] = found[1]

    def _fault(self, text: str) -> None:
        crowd.faults[text] = crowd.faults.get(text, 0) + 1


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _at(times: list[float], share: float) -> float:
    return round(sorted(times)[min(int(len(times) * share), len(times) - 1)] * 1000, 1) if times else 0.0
