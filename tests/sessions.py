"""Signed-in browsers for tests: a verified customer, a member of staff with the second factor done.

client = as_customer(Client(), person("cast-ci", name="홍길동"))
client = as_staff(Client(), staff_user("maker"))
"""

import datetime as dt
import time

from django.test import Client

from kt_remedy.core import crypto
from kt_remedy.identity import service as identity
from kt_remedy.staff import invitations, rights, service
from kt_remedy.staff.models import Store, User


def person(
    ci: str,
    *,
    name: str = "홍길동",
    birth_date: dt.date = dt.date(1985, 3, 15),
    phone: str = "01012345678",
    foreigner: bool = False,
) -> identity.Person:
    """The result of a verification of the person with this CI."""
    return identity.Person(
        ci_index=crypto.blind_index(ci, "ci"),
        name=name,
        birth_date=birth_date,
        phone=phone,
        foreigner=foreigner,
        verified_at=dt.datetime.now(dt.UTC),
    )


def as_customer(client: Client, verified: identity.Person) -> Client:
    """The same client, in a session in which this person was verified."""
    session = client.session
    identity.write_person(session, verified)
    session.save()
    return client


def staff_user(*roles: str, username: str = "", store: Store | None = None, ci: str = "") -> User:
    """A member of staff with these roles; `ci` names the natural person behind the account."""
    username = username or "-".join(roles) or "nobody"
    if store is None and {"clerk", "store_manager"} & set(roles):
        store, _ = Store.objects.get_or_create(code="S-0001", defaults={"name": "시험점"})
    user, _ = User.objects.get_or_create(
        username=username,
        defaults={
            "roles": list(roles),
            "store": store,
            "is_staff": True,
            "person_index": crypto.blind_index(ci or f"staff-{username}", "ci"),
        },
    )
    return user


def two_administrators() -> tuple[User, User]:
    """Two people who are administrators and have signed in with their second factor: the first may give rights now."""
    pair = staff_user("administrator"), staff_user("administrator", username="administrator-2")
    for user in pair:
        service.record_second_factor(user)
    return pair


def hired(name: str = "강새봄", username: str = "newcomer", *, roles: tuple[str, ...] = ("maker",)) -> User:
    """A new account as two administrators made it: with a password, and nobody proven behind it yet."""
    first, second = two_administrators()
    asked = rights.ask(by=first, kind="HIRE", username=username, name=name, roles=list(roles), reason="hired")
    code = rights.approve(by=second, request_id=asked.pk)
    assert code is not None
    return invitations.accept(username=username, code=code.code, password="sea-lamp-river-42")


def as_staff(client: Client, user: User, *, second_factor: bool = True) -> Client:
    """The same client, signed in as that member of staff, second factor just done (or not)."""
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    records = [{"method": "password", "at": time.time(), "username": user.username}]
    if second_factor:
        records.append({"method": "mfa", "at": time.time(), "type": "totp"})
    session["account_authentication_methods"] = records
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client
