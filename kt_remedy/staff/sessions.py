"""Sessions of staff: which browsers are signed in to an account, how many at once, and how they end."""

import datetime as dt
import re

from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from kt_remedy.audit import service as audit
from kt_remedy.core import access, session_store
from kt_remedy.staff.models import StaffSession, User

MOST = 3  # a desk, a second screen, and one that was not left
IDLE_SECONDS = 15 * 60

_NOTED = "staff_session"
# A mark in what the browser says of itself, and the name for people; the first that fits.
_BROWSERS = {
    "Edg": "Edge",
    "Whale": "Whale",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {"Windows": "Windows", "Android": "Android", "iPhone|iPad": "iOS", "Mac OS": "macOS", "Linux": "Linux"}


def note(request: HttpRequest, user: User) -> None:
    """Keep the row of this session; a session beyond the limit ends the one that was used least recently."""
    session, now = request.session, dt.datetime.now(dt.UTC)
    if session.session_key is None:
        session.save()
    key, noted = own_key(request), session.get(_NOTED)
    if noted == key:
        StaffSession.objects.filter(session_key=key).update(seen_at=now)
        return
    session[_NOTED] = key
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=user.pk)  # one sign-in of an account at a time
        StaffSession.objects.filter(session_key=noted or "").delete()  # the key changed at a sign-in
        StaffSession.objects.create(
            user=user,
            session_key=key,
            browser=browser_name(request.headers.get("user-agent", "")),
            address=access.address_of(request) or None,
            started_at=now,
            seen_at=now,
        )
        surplus = [row.session_key for row in live(user)[MOST:]]
        if surplus:
            _delete(user, surplus)
            audit.record(
                actor=audit.actor(user), action="staff.sessions_ended", object=f"user:{user.pk}", detail={"limit": MOST}
            )


def own_key(request: HttpRequest) -> str:
    """The key of the row that holds the session of this request, which must have one."""
    assert request.session.session_key is not None
    return session_store.row_key(request.session.session_key)


def live(user: User) -> list[StaffSession]:
    """The sessions of the account that still open pages, the last used first."""
    now = dt.datetime.now(dt.UTC)
    rows = StaffSession.objects.filter(user=user, seen_at__gt=now - dt.timedelta(seconds=IDLE_SECONDS + 60))
    existing = set(
        Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=now).values_list(
            "session_key", flat=True
        )
    )
    return [row for row in rows.order_by("-seen_at", "-pk") if row.session_key in existing]


@transaction.atomic
def end(*, user: User, only: int | None = None, but: str | None = None) -> int:
    """End the sessions of an account: all, the one with the id `only`, or all but the key `but`; returns how many."""
    rows = StaffSession.objects.filter(user=user)
    if only is not None:
        rows = rows.filter(pk=only)
    if but is not None:
        rows = rows.exclude(session_key=but)
    keys = list(rows.values_list("session_key", flat=True))
    _delete(user, keys)
    if keys:
        audit.record(
            actor=audit.actor(user),
            action="staff.sessions_ended",
            object=f"user:{user.pk}",
            detail={"sessions": len(keys)},
        )
    return len(keys)


def end_all(user_ids: list[int]) -> None:
    """End every session of many accounts; the caller's entries in the audit say why."""
    rows = StaffSession.objects.filter(user__in=user_ids)
    Session.objects.filter(session_key__in=rows.values("session_key")).delete()
    rows.delete()


def browser_name(agent: str) -> str:
    """Browser and system as a person knows them: "Chrome, Windows". Empty where neither is known."""
    found = [
        next((name for mark, name in table.items() if re.search(mark, agent)), "") for table in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, found))


def forget_ended() -> None:
    """Delete rows whose session is over. Safe to run twice."""
    StaffSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def _delete(user: User, keys: list[str]) -> None:
    Session.objects.filter(session_key__in=keys).delete()
    StaffSession.objects.filter(user=user, session_key__in=keys).delete()
