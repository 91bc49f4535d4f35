"""Accounts of staff: who may do what, given and taken with a reason that is recorded.

Rights take effect with the next request, because roles are read with the user. A leaver's sessions die at once: the
account is inactive and its password, on which sessions hang, is void.
"""

import datetime as dt
import time

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import service as audit
from kt_remedy.core.errors import Refused
from kt_remedy.staff.models import Invitation, Store, User
from kt_remedy.staff.roles import ROLES

FRESH_SECONDS = 300
REQUIRED_ADMINISTRATORS = 2  # so many must be able to act before a right is given (D-76)
_ADMINISTRATORS_LOCK = 0x6B742D61646D696E


class NotAllowed(Refused):
    """A change of an account of staff that this person may not make, by code."""

    sentences = {
        "ROLE": _("이 일을 맡은 사람만 할 수 있습니다."),
        "OWN": _("자기 계정은 바꿀 수 없습니다."),
        "KNOWN": _("이미 본인 확인을 마친 계정입니다."),
        "TOO_FEW": _(
            "관리자 두 명이 2단계 인증으로 로그인한 다음에야 권한을 줄 수 있습니다. 서버 담당자에게 명령"
            " manage.py invite_administrator로 다른 관리자를 초대해 달라고 하세요."
        ),
        "SAME_PERSON": _("다른 관리자 계정의 주인과 같은 분입니다. 관리자 두 명은 서로 다른 사람이어야 합니다."),
        "NAME": _("승인한 분의 이름이 계정의 이름과 다릅니다. 관리자에게 말씀해 주세요."),
    }


class TooFewAdministrators(NotAllowed):
    """Two administrators have not signed in with their second factor yet, so nobody is given a right (D-76)."""


class SamePerson(NotAllowed):
    """The person behind this administrator's account is the one behind another administrator's (D-76)."""


def has_fresh_second_factor(request: HttpRequest, *, seconds: int = FRESH_SECONDS) -> bool:
    """Whether the second factor was shown in the last `seconds` of this session (wall clock).

    Ask before money is approved or handed over; where it is False, send the browser to `mfa_reauthenticate?next=…`.
    """
    records = get_authentication_records(request, request.user)
    latest = max((record["at"] for record in records if record["method"] == "mfa"), default=0.0)
    return time.time() - latest <= seconds


def count_administrators() -> int:
    """How many different people are active administrators who have shown their second factor."""
    known = User.objects.filter(is_active=True, roles__contains=["administrator"], second_factor_at__isnull=False)
    return len({bytes(index) if index else pk for pk, index in known.values_list("pk", "person_index")})


def lock_administrators() -> None:
    """Make others who invite or prove an administrator wait until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMINISTRATORS_LOCK])


def record_second_factor(user: User) -> None:
    """Keep when the account showed a second factor for the first time (wall clock)."""
    User.objects.filter(pk=user.pk, second_factor_at=None).update(second_factor_at=dt.datetime.now(dt.UTC))


def gives_right(user: User, *, roles: list[str], store: Store | None) -> bool:
    """Whether these roles and this store let the account do or see more than now."""
    return bool(set(roles) - set(user.roles)) or (store is not None and store != user.store)


@transaction.atomic
def hire(
    *, by: User, username: str, name: str, password: str, roles: list[str], store: Store | None, reason: str
) -> User:
    """A new account. At its first sign-in it sets up its second factor, and its owner proves who they are by telephone
    (`record_person`); `name` is the one that proof must show. Raises NotAllowed (TooFewAdministrators until two of them
    have signed in), ValueError on a role."""
    _require_administrator(by, None)
    _require_two_administrators()
    _check_roles(roles)
    user = User(username=username, first_name=name, roles=sorted(set(roles)), store=store, is_staff=True)
    user.set_password(password)
    user.save()
    _record(by, "staff.hired", user, reason, {"roles": user.roles, "store": store.code if store else ""})
    return user


@transaction.atomic
def set_roles(*, by: User, user: User, roles: list[str], store: Store | None, reason: str) -> None:
    """Give and take roles and the store. Nobody changes their own. Raises NotAllowed (TooFewAdministrators where a
    right is given before two of them have signed in), ValueError on a role."""
    _require_administrator(by, user)
    _check_roles(roles)
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if gives_right(locked, roles=roles, store=store):
        _require_two_administrators()
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
    _require_administrator(by, user)
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    _record(by, "staff.dismissed", locked, reason, {"roles": locked.roles})
    locked.roles, locked.store, locked.is_active = [], None, False
    locked.set_unusable_password()
    locked.save()
    Authenticator.objects.filter(user=locked).delete()
    Invitation.objects.filter(user=locked).delete()
    user.refresh_from_db()


@transaction.atomic
def reset_second_factor(*, by: User, user: User, reason: str) -> None:
    """Somebody lost their device: the next sign-in sets up a new second factor."""
    _require_administrator(by, user)
    _record(by, "staff.second_factor_reset", user, reason, {})
    Authenticator.objects.filter(user=user).delete()


@transaction.atomic
def record_person(*, user: User, person_index: bytes, name: str) -> None:
    """Keep who is behind an account, once: the blind index of the CI that person proved with their own telephone.

    Raises NotAllowed where somebody is known already, or the verified name is not the one the account was made for, and
    SamePerson where two administrators would be one person.
    """
    lock_administrators()
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if locked.person_index:
        raise NotAllowed("KNOWN")
    if not locked.first_name.strip() or "".join(locked.first_name.split()) != "".join(name.split()):
        raise NotAllowed("NAME")
    others = User.objects.exclude(pk=user.pk).filter(is_active=True, roles__contains=["administrator"])
    if locked.has_role("administrator") and others.filter(person_index=person_index).exists():
        raise SamePerson("SAME_PERSON")
    locked.person_index = person_index
    locked.save(update_fields=["person_index"])
    audit.record(actor=audit.actor(user), action="staff.person_known", object=f"user:{user.pk}")
    user.person_index = person_index


@transaction.atomic
def reset_person(*, by: User, user: User, reason: str) -> None:
    """The person behind an account has to prove themselves again before money."""
    _require_administrator(by, user)
    _record(by, "staff.person_forgotten", user, reason, {})
    User.objects.filter(pk=user.pk).update(person_index=None)


def _require_administrator(by: User, user: User | None) -> None:
    if not by.has_perm("staff.change_user"):
        raise NotAllowed("ROLE")
    if user is not None and by.pk == user.pk:
        raise NotAllowed("OWN")


def _require_two_administrators() -> None:
    if count_administrators() < REQUIRED_ADMINISTRATORS:
        raise TooFewAdministrators("TOO_FEW")


def _check_roles(roles: list[str]) -> None:
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"unknown roles: {sorted(unknown)}")


def _record(by: User, action: str, user: User, reason: str, detail: dict) -> None:
    if not reason.strip():
        raise ValueError("a change of rights needs a reason")
    audit.record(actor=audit.actor(by), action=action, object=f"user:{user.pk}", reason=reason, detail=detail)
