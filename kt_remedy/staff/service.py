"""Accounts of staff: who may do what, given and taken with a reason that is recorded.

Rights take effect with the next request, because roles are read with the user. A leaver's sessions die at once: the
account is inactive and its password, on which sessions hang, is void.
"""

import time

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import service as audit
from kt_remedy.core.access import ROLES
from kt_remedy.core.errors import Refused
from kt_remedy.staff.models import Store, User

FRESH_SECONDS = 300


class NotAllowed(Refused):
    """A change of an account of staff that this person may not make, by code."""

    sentences = {
        "ROLE": _("이 일을 맡은 사람만 할 수 있습니다."),
        "OWN": _("자기 계정은 바꿀 수 없습니다."),
        "KNOWN": _("이미 본인 확인을 마친 계정입니다."),
        "NAME": _("승인한 분의 이름이 계정의 이름과 다릅니다. 관리자에게 말씀해 주세요."),
    }


def actor(user: User) -> str:
    """How the audit names a member of staff."""
    return f"staff:{user.pk}"


def fresh_second_factor(request: HttpRequest, *, seconds: int = FRESH_SECONDS) -> bool:
    """Whether the second factor was shown in the last `seconds` of this session (wall clock).

    Ask before money is approved or handed over; where it is False, send the browser to `mfa_reauthenticate?next=…`.
    """
    records = get_authentication_records(request, request.user)
    latest = max((record["at"] for record in records if record["method"] == "mfa"), default=0.0)
    return time.time() - latest <= seconds


@transaction.atomic
def hire(
    *, by: User, username: str, name: str, password: str, roles: list[str], store: Store | None, reason: str
) -> User:
    """A new account. At its first sign-in it sets up its second factor, and its owner proves who they are by telephone
    (`know_person`); `name` is the one that proof must show. Raises NotAllowed, ValueError on a role."""
    _administrator(by, None)
    _known(roles)
    user = User(username=username, first_name=name, roles=sorted(set(roles)), store=store, is_staff=True)
    user.set_password(password)
    user.save()
    _record(by, "staff.hired", user, reason, {"roles": user.roles, "store": store.code if store else ""})
    return user


@transaction.atomic
def set_roles(*, by: User, user: User, roles: list[str], store: Store | None, reason: str) -> None:
    """Give and take roles and the store. Nobody changes their own. Raises NotAllowed, ValueError on a role."""
    _administrator(by, user)
    _known(roles)
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    before, after = set(locked.roles), set(roles)
    for role in sorted(after - before):
        _record(by, "staff.role_granted", locked, reason, {"role": role})
    for role in sorted(before - after):
        _record(by, "staff.role_revoked", locked, reason, {"role": role})
    if locked.store != store:
        _record(by, "staff.store_changed", locked, reason, {"store": store.code if store else ""})
    locked.roles, locked.store = sorted(after), store
    locked.save(update_fields=["roles", "store"])
    user.roles, user.store = locked.roles, store


@transaction.atomic
def dismiss(*, by: User, user: User, reason: str) -> None:
    """Close the account of somebody who leaves: no role, no password, no second factor, no session."""
    _administrator(by, user)
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    _record(by, "staff.dismissed", locked, reason, {"roles": locked.roles})
    locked.roles, locked.store, locked.is_active = [], None, False
    locked.set_unusable_password()
    locked.save()
    Authenticator.objects.filter(user=locked).delete()
    user.refresh_from_db()


@transaction.atomic
def forget_second_factor(*, by: User, user: User, reason: str) -> None:
    """Somebody lost their device: the next sign-in sets up a new second factor."""
    _administrator(by, user)
    _record(by, "staff.second_factor_reset", user, reason, {})
    Authenticator.objects.filter(user=user).delete()


@transaction.atomic
def know_person(*, user: User, person_index: bytes, name: str) -> None:
    """Keep who is behind an account, once: the blind index of the CI that person proved with their own telephone.

    Raises NotAllowed where somebody is known already, or the verified name is not the one the account was made for.
    """
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if locked.person_index:
        raise NotAllowed("KNOWN")
    if not locked.first_name.strip() or "".join(locked.first_name.split()) != "".join(name.split()):
        raise NotAllowed("NAME")
    locked.person_index = person_index
    locked.save(update_fields=["person_index"])
    audit.record(actor=actor(user), action="staff.person_known", object=f"user:{user.pk}")
    user.person_index = person_index


@transaction.atomic
def forget_person(*, by: User, user: User, reason: str) -> None:
    """The person behind an account has to prove themselves again before money."""
    _administrator(by, user)
    _record(by, "staff.person_forgotten", user, reason, {})
    User.objects.filter(pk=user.pk).update(person_index=None)


def _administrator(by: User, user: User | None) -> None:
    if not by.has_role("administrator"):
        raise NotAllowed("ROLE")
    if user is not None and by.pk == user.pk:
        raise NotAllowed("OWN")


def _known(roles: list[str]) -> None:
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"unknown roles: {sorted(unknown)}")


def _record(by: User, action: str, user: User, reason: str, detail: dict) -> None:
    if not reason.strip():
        raise ValueError("a change of rights needs a reason")
    audit.record(actor=actor(by), action=action, object=f"user:{user.pk}", reason=reason, detail=detail)
