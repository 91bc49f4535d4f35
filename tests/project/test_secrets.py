"""Personal data and secrets of a person who filed stand in no file of the browser that they used."""

import base64
import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from kt_remedy.devtools.sandbox import inbox, portone
from kt_remedy.identity import provider
from tests.conftest import CHROMIUM
from tests.refunds import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox", "january")]


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
    """The spellings of a secret in bytes: plain, for a browser's files, as hexadecimal digits, in base64."""
    plain = secret.encode()
    found = [plain, secret.encode("utf-16-le"), plain.hex().encode(), json.dumps(secret)[1:-1].encode()]
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
            executable_path=CHROMIUM,
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
