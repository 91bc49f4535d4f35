"""Pages on the shipped server setting beside views that do the least a page of the same kind can do."""

import argparse
import os
import socket
import subprocess
import threading
import time
import urllib.request

from benchmarks import harness, load

ROUNDS = 5
# With parameters the quick check is rendered for each request; without them its page is kept in memory.
FILLED = "/check/?how=PORT_OUT&ended=2025-11-20&line=HANDSET&event=NEW&contract=2024-07-01"


def main() -> int:
    """Home beside /livez, my lines beside a signed-in view with one query, the quick check beside the bare frame."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=3, help="lines of the customer who looks")
    parser.add_argument("--seconds", type=float, default=5, help="of load for each figure and round")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with harness.portal() as _servers:
        cookie, queries = _customer(options.lines)
        port, hanging = harness.free_port(), _Hanging()
        server = subprocess.Popen(
            harness.python("-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"),
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "benchmarks.site_settings",
                "PORT": str(port),
                "PORTONE_API_URL": hanging.address,
            },
        )
        try:
            wait(port)
            return _measure(port, cookie, queries, hanging, options)
        finally:
            server.terminate()
            server.wait()


def _measure(port: int, cookie: str, queries: int, hanging: "_Hanging", options: argparse.Namespace) -> int:
    def figures(*pages: tuple[str, str, str]) -> list[list[float]]:
        """Requests a second of each page (path, cookie, encoding) in interleaved rounds."""
        seen: dict[tuple[str, str, str], list[float]] = {page: [] for page in pages}
        for page in pages:
            _ask(page, connections=4, seconds=1)  # templates compiled, connections open
        for _ in range(ROUNDS):
            for page in pages:
                seen[page].append(_ask(page, connections=options.connections, seconds=options.seconds).per_second)
        return list(seen.values())

    def _ask(page: tuple[str, str, str], *, connections: int, seconds: float) -> load.Result:
        path, kept, encoding = page
        return load.run(port, path, cookie=kept, encoding=encoding, connections=connections, seconds=seconds)

    home, texts, alive, mine, floor, bare, check, plain = figures(
        ("/", "", "gzip"),
        ("/messages/", "", "gzip"),
        ("/livez", "", "gzip"),
        ("/my/", cookie, "identity"),
        ("/floor/signed-in/", cookie, "identity"),
        ("/floor/bare/", "", "identity"),
        (FILLED, "", "identity"),
        ("/floor/plain/", "", "identity"),
    )
    missed = harness.row("home page from memory beside /livez", home, alive, unit="/s", at_least=0.8)
    missed += harness.row("texts of messages from memory beside /livez", texts, alive, unit="/s", at_least=0.8)
    missed += harness.row(
        f"my lines ({options.lines} lines) beside a signed-in page without content",
        mine,
        floor,
        unit="/s",
        at_least=0.65,
    )
    missed += harness.row("queries of my lines", queries, unit="queries", at_most=4)
    harness.row("a bare view with one query", bare, unit="/s")
    missed += harness.row(
        "result of the quick check beside a page without content", check, plain, unit="/s", at_least=0.92
    )
    hanging.start(port, options.seconds)
    waiting = load.run(port, "/my/", cookie=cookie, connections=options.connections, seconds=options.seconds)
    missed += harness.row(
        "my lines while identity hangs, 99th percentile beside the median",
        waiting.at(0.99) * 1000,
        waiting.at(0.5) * 1000,
        unit="ms",
        at_most=5,
        note=f"{len(waiting.times):,} answers",
    )
    hanging.stop()
    return int(bool(missed))


def _customer(lines: int) -> tuple[str, int]:
    """A customer with a refundable line, an excluded one and so on: their session, and the queries of their page."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tests.refunds import make
    from tests.sessions import as_customer, person

    holder = make.customer()
    for place in range(lines):
        facts = {} if place % 2 == 0 else {"outcome": "NOT_ELIGIBLE", "reasons": "NEW_AFTER_BASE"}
        make.line(holder, product="HANDSET", **facts)
    client = as_customer(Client(HTTP_HOST="localhost"), person(holder.ci))
    from django.conf import settings

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    client.get("/my/")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        answer = client.get("/my/")
    if answer.status_code != 200:
        raise RuntimeError(f"my lines answers {answer.status_code}")
    return f"sessionid={client.cookies['sessionid'].value}", len(seen)


class _Hanging:
    """An identity service that takes connections and never answers, and people who ask it meanwhile."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.over = threading.Event()
        self.people: list[threading.Thread] = []

    def start(self, port: int, seconds: float) -> None:
        """One person at a time tries to have a code sent, again and again."""
        self.people = [threading.Thread(target=self._try, args=(port,), daemon=True)]
        for thread in self.people:
            thread.start()
        time.sleep(0.5)

    def _try(self, port: int) -> None:
        import http.cookiejar
        import re
        import urllib.parse

        while not self.over.is_set():
            jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            browser = urllib.request.build_opener(jar)
            address = f"http://127.0.0.1:{port}/identity/app/"
            page = browser.open(address, timeout=30).read().decode()
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            assert token is not None, "the form has a token"
            form = {"csrfmiddlewaretoken": token[1], "carrier": "SKT", "name": "홍길동", "phone": "01012345678"}
            try:
                browser.open(address, urllib.parse.urlencode(form).encode(), timeout=30).read()
            except OSError:
                continue

    def stop(self) -> None:
        """No more of them."""
        self.over.set()
        for thread in self.people:
            thread.join(timeout=15)
        self.socket.close()


def wait(port: int) -> None:
    """Return when the web server on this port of the loopback interface is ready; RuntimeError after a minute."""
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the web server did not start")


if __name__ == "__main__":
    raise SystemExit(main())
