"""The accounts of the demonstration's staff, and the panel that tells how to sign in as one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import crypto
from kt_remedy.devtools import demo_staff
from kt_remedy.staff.models import Store, User, certified_until
from kt_remedy.staff.roles import ROLE_LABELS
from kt_remedy.staff.service import NotAllowed


@dataclass(frozen=True)
class DemoAccount:
    """An account of the demonstration and how to sign in with it."""

    username: str
    password: str
    name: str
    roles: tuple[str, ...]
    store: str


@transaction.atomic
def create(members: Sequence[demo_staff.Member] = demo_staff.STAFF) -> list[DemoAccount]:
    """One person for each role, with a second factor whose code the stand-in's authenticator page shows; or `members`.

    In development only (raises NotAllowed elsewhere): the passwords and secrets stand in the source. Safe to repeat.
    """
    if not settings.DEVELOPMENT:
        raise NotAllowed("NOT_HERE", "the demonstration's staff are for development only")
    stores = {
        code: Store.objects.get_or_create(code=code, defaults=place._asdict())[0]
        for code, place in demo_staff.STORES.items()
    }
    password = make_password(demo_staff.PASSWORD)  # once for all: hashing is slow on purpose, and these hide nothing
    User.objects.filter(demonstration=True).update(certified_until=certified_until())  # a try-out may be old
    known = set(User.objects.values_list("username", flat=True))
    for member in members:
        if member.username in known:
            continue
        user = User(
            username=member.username,
            first_name=member.name,
            roles=list(member.roles),
            store=stores.get(member.store),
            is_staff=True,
            demonstration=True,
            person_index=crypto.blind_index(f"demonstration:{member.name}", "ci"),
            password=password,
        )
        user.save()
        TOTP.activate(user, demo_staff.totp_secret(member.username))
        audit.record(
            actor="system", action="staff.hired", object=f"user:{user.pk}", detail={"roles": list(member.roles)}
        )
    return [
        DemoAccount(
            m.username, demo_staff.PASSWORD, m.name, m.roles, demo_staff.STORES[m.store].name if m.store else ""
        )
        for m in members
    ]


def panel_context(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Context of the panel on the sign-in pages; None where no stand-in is in use."""
    if not settings.SANDBOX_URL:
        return None
    return {
        "password": demo_staff.PASSWORD,
        "authenticator": f"{settings.SANDBOX_URL}/authenticator",
        "members": [
            {"username": member.username, "roles": ", ".join(str(ROLE_LABELS[role]) for role in member.roles)}
            for member in demo_staff.STAFF
        ],
    }
