"""Personal data and secrets of people who filed stand nowhere in clear: dump, logs, Redis, messages, pages, browser.

Each person brings seven: name, number, account, birth date, code, session key and form token. The short run has few
people, the long one more than a thousand secrets.
"""

import base64
import io
import json
import logging
import random
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from kt_remedy.core.tasks import dispatch
from kt_remedy.core.tasks.base import TaskFailed
from kt_remedy.devtools.sandbox import inbox, portone
from kt_remedy.identity import provider
from refunds.applications import presenters
from refunds.models.applications import Filing
from tests import conftest
from tests.background import due
from tests.owner import as_owner
from tests.refunds import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox", "january")]

SIZES = [6, pytest.param(150, marks=pytest.mark.soak)]
# Birth dates of the register stand in clear on purpose (docs/retention.md).
NOT_SOUGHT = {"birth_date": ("eligibility_customer",)}


@dataclass
class Seeded:
    """A person with what must stand nowhere; `code`, `session` and `token` are known once they signed in."""

    name: str
    phone: str
    account: str
    birth_date: str
    code: str = ""
    session: str = ""
    token: str = ""

    def secrets(self) -> dict[str, str]:
        """Every secret by its kind."""
        return dict(vars(self))


def people(count: int) -> list[Seeded]:
    drawn = random.Random(16)
    rare = [chr(n) for n in range(0xB098, 0xD7A3, 29)]
    return [
        Seeded(
            name="".join(drawn.sample(rare, 4)),
            phone=f"010{drawn.randrange(20_000_000, 89_999_999)}"[:7] + f"{n:04}",
            account=f"110{drawn.randrange(10**8, 10**9)}",
            birth_date=f"{drawn.randrange(1950, 1999)}-{drawn.randrange(1, 13):02}-{drawn.randrange(1, 29):02}",
        )
        for n in range(count)
    ]


def forms(secret: str) -> list[bytes]:
    """The spellings of a secret: plain, as browsers keep it, in an address, as digits, escaped, in base64."""
    plain, escaped = secret.encode(), json.dumps(secret)[1:-1]
    found = [plain, secret.encode("utf-16-le"), quote(secret).encode(), plain.hex().encode()]
    found += [escaped.encode(), json.dumps(escaped)[1:-1].encode()]
    if len(plain) >= 8:
        for shift in range(3):  # base64 depends on the place within three bytes
            whole = base64.b64encode(b"\0" * shift + plain)
            found.append(whole[4 if shift else 0 : -4])
    return found


def holds(content: bytes, kind: str, secret: str) -> bool:
    """True if the content holds the secret in any spelling; six digits only where no other digit touches them."""
    if kind == "code":
        return re.search(rf"(?<![\d.\-a-f]){secret}(?![\d\-a-f])".encode(), content) is not None
    return any(form in content for form in forms(secret))


def found_in(places: dict[str, bytes], seeded: Iterable[Seeded]) -> list[tuple[str, str]]:
    """(place, kind) of each secret that stands somewhere; the secrets themselves stand in no report of a test."""
    return sorted(
        {
            (place, kind)
            for person in seeded
            for kind, secret in person.secrets().items()
            if secret
            for place, content in places.items()
            if not any(place.startswith(table) for table in NOT_SOUGHT.get(kind, ()))
            if holds(content, kind, secret)
        }
    )


def walk(person: Seeded) -> Client:
    """Look up, prove oneself and file as a browser does; keeps the secrets that come up on the way."""
    holder = make.customer(name=person.name, birth=person.birth_date, ci=portone.ci_of(person.name, person.birth_date))
    line = make.line(holder)
    client = Client(raise_request_exception=False)
    born, century = person.birth_date[2:].replace("-", ""), "1"
    client.post(
        reverse("identity:who", args=["sms"]),
        {"carrier": "KT", "name": person.name, "phone": person.phone, "born": born, "digit": century},
    )
    sent = re.search(r"\d{6}", inbox.messages(to=person.phone)[0]["text"])
    assert sent
    person.code = sent.group()
    assert client.post(reverse("identity:code"), {"code": person.code}).status_code == 302
    answers = {
        "apply": {"lines": [line.pk]},
        "apply-account": {"bank": "088", "number": person.account},
        "apply-consent": {"privacy": "on", "provision": "on"},
    }
    pages = {reverse(f"refunds:{name}"): data for name, data in answers.items()}
    check, path = reverse("refunds:apply-check"), reverse("refunds:apply")
    for _step in range(6):
        if path == check:
            break
        answer = client.post(path, pages[path])
        assert answer.status_code == 302, path
        path = answer["Location"]
    key = client.get(check).context["key"]
    assert client.post(check, {"key": key}).status_code == 302
    person.session = client.cookies[settings.SESSION_COOKIE_NAME].value
    person.token = client.cookies[settings.CSRF_COOKIE_NAME].value
    return client


def dump() -> dict[str, bytes]:
    """Every table of the database as text, by its name."""
    tables = {}
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname = 'public'"
        )
        for (name,) in cursor.fetchall():
            rows = io.BytesIO()
            cursor.cursor.copy_expert(f"COPY {name} TO STDOUT", rows)
            tables[name] = rows.getvalue()
    return tables


def server_logs() -> dict[str, bytes]:
    """The logs of PostgreSQL and Valkey, where the run started its own."""
    if conftest.servers is None:
        return {}
    return {f"log of {file.stem}": file.read_bytes() for file in conftest.servers.processes.logs.glob("*.log")}


def redis_content() -> dict[str, bytes]:
    """Every value of Redis by its key; the body of a message is decoded."""
    content = {}
    with current_app.connection_for_read() as broker:
        server = broker.default_channel.client
        for key in server.scan_iter():
            kind = server.type(key)
            if kind == b"list":
                values = server.lrange(key, 0, -1)
            elif kind == b"hash":
                values = [part for pair in server.hgetall(key).items() for part in pair]
            elif kind == b"set":
                values = list(server.smembers(key))
            elif kind == b"zset":
                values = server.zrange(key, 0, -1)
            else:
                values = [server.get(key) or b""]
            bodies = [base64.b64decode(json.loads(value)["body"]) for value in values if value.startswith(b'{"body"')]
            content[f"redis {key.decode()}"] = b"\n".join([*values, *bodies])
    return content


def error_pages(seeded: list[Seeded], clients: list[Client], monkeypatch) -> bytes:
    """Pages of faults: not found, a lost form token, a fault of ours that names the person's rows.

    An address that somebody typed is asked for as well; its page repeats it to them alone, the logs do not.
    """
    found = []

    def breaks(rows: list[object], **_more: object) -> None:
        raise ValueError(f"a defect with {rows!r}")

    strict = Client(enforce_csrf_checks=True)
    for person, client in zip(seeded, clients, strict=True):
        typed = {"carrier": "KT", "name": person.name, "phone": person.phone, "number": person.account}
        client.get(f"/my/{person.name}/{person.phone}/?name={person.name}")
        answers = [client.get("/my/nothing-here/"), strict.post(reverse("identity:who", args=["sms"]), typed)]
        with monkeypatch.context() as patched:
            patched.setattr(presenters, "present", breaks)
            answers.append(client.get(reverse("refunds:status")))
        assert [answer.status_code for answer in answers] == [404, 403, 500]
        found += [answer.content for answer in answers]
    return b"\n".join(found)


def captured_logs(monkeypatch) -> io.StringIO:
    """The log lines from now on, as the portal's own handler writes them."""
    lines = io.StringIO()
    (handler,) = (each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", lines)
    return lines


@pytest.mark.parametrize("size", SIZES)
def test_no_secret_stands_anywhere(size, monkeypatch, record_property):
    logs = captured_logs(monkeypatch)
    provider._client.cache_clear()
    seeded = people(size)
    clients = [walk(person) for person in seeded]
    assert Filing.objects.count() == size
    places: dict[str, bytes] = {}
    while publications := due():
        dispatch.publish(publications)
        for key, content in redis_content().items():
            places[key] = places.get(key, b"") + content
        current_app.control.purge()
        for publication in publications:
            with suppress(TaskFailed):
                publication.task(publication.pk)
    assert any(b"task" in content for content in places.values()), "messages of tasks were published"
    places |= dump() | {"error pages": error_pages(seeded, clients, monkeypatch)} | server_logs()
    places["logs"] = logs.getvalue().encode()
    assert b"request_finished" in places["logs"]
    assert b"a defect with" in places["logs"]
    sought = sum(len(person.secrets()) for person in seeded)
    record_property("secrets", sought)
    print(f"{sought} secrets, {sum(map(len, places.values())):,} bytes in {len(places)} places")
    found = found_in(places, seeded)
    assert not found, str(found)


def test_the_search_finds_what_stands_there():
    person = people(1)[0]
    person.code = "482913"
    for kind, secret in person.secrets().items():
        if not secret:
            continue
        for content in (f"x {secret} y".encode(), f"\\x{secret.encode().hex()}".encode()):
            if kind != "code":
                assert found_in({"here": content}, [person]) == [("here", kind)]
    assert found_in({"here": b"[KT] 482913"}, [person]) == [("here", "code")]
    hidden = base64.b64encode(json.dumps({"n": person.account}).encode())
    assert found_in({"here": hidden}, [person]) == [("here", "account")]


def test_a_browser_keeps_nothing_of_a_visit(live_server, tmp_path):
    from playwright.sync_api import sync_playwright

    provider._client.cache_clear()
    person = people(1)[0]
    walk(person)
    outside = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path),
            executable_path=conftest.CHROMIUM,
            args=["--no-sandbox", f"--host-resolver-rules={outside}"],
            base_url=live_server.url,
            locale="ko-KR",
        )
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": person.session, "url": live_server.url}])
        page = context.new_page()
        for name in ("portal:my-lines", "refunds:status", "portal:my-record", "portal:my-file", "notices:opt-out"):
            answer = page.goto(reverse(name))
            assert answer is not None
            assert answer.ok, name
        assert person.name in page.goto(reverse("portal:my-file")).text()
        page.goto(reverse("portal:home"))
        context.close()
    files = {str(file.relative_to(tmp_path)): file.read_bytes() for file in Path(tmp_path).rglob("*") if file.is_file()}
    assert len(files) > 20, "a profile was written"
    assert found_in(files, [person]) == []
