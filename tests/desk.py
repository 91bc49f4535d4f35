"""A customer at the desk, as tests open one: find, who came, proof."""

import re

from django.test import Client
from django.urls import reverse

from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds.applications import desk_sessions
from refunds.models.applications import Application
from refunds.models.desk import DeskSession


def key_of(client: Client) -> str:
    """Key of the session that this member of staff opened last."""
    staff = client.session["_auth_user_id"]
    row = DeskSession.objects.filter(staff_id=staff).order_by("-opened_at").first()
    return row.key if row else "0"


def url(client: Client, name: str, *args: object) -> str:
    """Address of a page of the desk, in the session that was opened last."""
    return reverse(f"portal:{name}", args=[key_of(client), *args])


def find(client: Client, line, fact: str = "1954-04-02", came_as: str = "SELF", came_name: str = ""):
    """Find the holder of a line and say who came; the answer of the search."""
    answer = client.post(reverse("portal:desk"), {"number": line.msisdn, "fact": fact})
    if answer.status_code == 302:
        client.post(url(client, "desk-who"), {"came_as": came_as, "came_name": came_name})
    return answer


def prove(
    client: Client,
    line,
    fact: str = "1954-04-02",
    contact: str = "010-5555-7720",
    *,
    came_as: str = "SELF",
    came_name: str = "",
    card: str = "DRIVER",
) -> None:
    """Find the holder, see the identity card of the person who came, and hear the code."""
    find(client, line, fact, came_as, came_name)
    client.post(url(client, "desk-prove-card"), {"kind": card, "contact": contact})
    client.post(url(client, "desk-prove-code"), {"code": spoken()})


def spoken() -> str:
    """The digits of the newest message to the number at the desk."""
    return re.search(r"\d{6}", Message.objects.filter(kind="desk.code").latest("pk").body).group()


def file(client: Client, line, **values):
    """Post the application of a proven customer."""
    return client.post(
        url(client, "desk-file"),
        {"key": "k" * 32, "lines": [line.pk], "bank": "088", "number": "11022033044", "privacy": "on"} | values,
    )


def at_desk(staff: User, row: Application) -> DeskSession:
    """A live session in which the holder of an application confirmed the number on it, for tests of the services."""
    session = desk_sessions.open_session(staff=staff, customer=row.line.customer)
    desk_sessions.set_comer(session, "SELF", "")
    desk_sessions.prove(session, proof={"method": "CODE"}, contact=row.filing.contact or "")
    return session
