"""`/.well-known/security.txt` as RFC 9116 asks: contact, a day in the future, languages, its own address."""

import datetime as dt

from django.test import Client

from kt_remedy.core import clock


def test_researchers_find_whom_to_tell(db):
    answer = Client().get("/.well-known/security.txt", headers={"host": "localhost"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    assert fields.pop("Contact") == "tel:+82-80-470-7790"
    expires = dt.datetime.fromisoformat(fields.pop("Expires"))
    assert dt.timedelta(days=30) < expires - clock.now() < dt.timedelta(days=365)
    assert fields == {"Preferred-Languages": "ko, en", "Canonical": "http://localhost/.well-known/security.txt"}
    assert Client().post("/.well-known/security.txt").status_code == 405
