"""Accounts of staff: create and close them, change roles and store, record the person and the second factor.

Every change of a right needs a reason, which the audit records. A change takes effect with the next request, because
roles are read with the user. Closing an account ends its sessions immediately, because it voids the password.
"""

import datetime as dt
import time

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import service as audit
from kt_remedy.core import text
from kt_remedy.core.errors import Refused
from kt_remedy.staff.models import Invitation, Store, User
from kt_remedy.staff.roles import ROLES

FRESH_SECONDS = 300
REQUIRED_ADMINISTRATORS = 2  # this many must have signed in before a right is given (D-76)
_ADMINISTRATORS_LOCK = 0x6B742D61646D696E


class NotAllowed(Refused):
    """A change of an account that the person may not make; `sentences` maps the codes."""

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
    """Fewer than two administrators have signed in with their second factor, so no right is given (D-76)."""


class SamePerson(NotAllowed):
    """Two accounts of administrators would belong to the same person (D-76)."""


def has_fresh_second_factor(request: HttpRequest, *, seconds: int = FRESH_SECONDS) -> bool:
    """True if this session authenticated with the second factor in the last `seconds` (wall clock).

    Required before money is approved or handed over; if False, redirect to `mfa_reauthenticate?next=…`.
    """
    records = get_authentication_records(request, request.user)
    latest = max((record["at"] for record in records if record["method"] == "mfa"), default=0.0)
    return time.time() - latest <= seconds


def count_administrators() -> int:
    """Return the number of different persons who are active administrators and have used their second factor."""
    known = User.objects.filter(is_active=True, roles__contains=["administrator"], second_factor_at__isnull=False)
    return len({index or pk for pk, index in known.values_list("pk", "person_index")})


def lock_administrators() -> None:
    """Serialise invitations and verifications of administrators until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMINISTRATORS_LOCK])


def record_second_factor(user: User) -> None:
    """Store the wall clock of the first authentication with a second factor."""
    User.objects.filter(pk=user.pk, second_factor_at=None).update(second_factor_at=dt.datetime.now(dt.UTC))


def gives_right(user: User, *, roles: list[str], store: Store | None) -> bool:
    """True if these roles or this store add a right to the account."""
    return bool(set(roles) - set(user.roles)) or (store is not None and store != user.store)


@transaction.atomic
def hire(
    *, by: User, username: str, name: str, password: str, roles: list[str], store: Store | None, reason: str
) -> User:
    """Create an account. Its first sign-in sets up the second factor and verifies the person by telephone.

    That verification must return the same `name` (`record_person`). Raises NotAllowed (TooFewAdministrators until two
    administrators have signed in), ValueError for an unknown role.
    """
    _require_administrator(by, None)
    _require_two_administrators()
    _check_roles(roles)
    user = User(username=username, first_name=text.clean(name), roles=sorted(set(roles)), store=store, is_staff=True)
    user.set_password(password)
    user.save()
    _record(by, "staff.hired", user, reason, {"roles": user.roles, "store": store.code if store else ""})
    return user


@transaction.atomic
def set_roles(*, by: User, user: User, roles: list[str], store: Store | None, reason: str) -> None:
    """Replace roles and store of another person's account.

    Raises NotAllowed (TooFewAdministrators if a right is given before two administrators have signed in), ValueError
    for an unknown role.
    """
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
    """Close an account: remove roles, store, password, second factor, invitation and sessions."""
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
    """Delete the second factor, for a lost device; the next sign-in sets up a new one."""
    _require_administrator(by, user)
    _record(by, "staff.second_factor_reset", user, reason, {})
    Authenticator.objects.filter(user=user).delete()


@transaction.atomic
def record_person(*, user: User, person_index: bytes, name: str) -> None:
    """Store the person of an account, once: the blind index of the CI from the verification by telephone.

    Raises NotAllowed if a person is stored already or the verified name differs from the name of the account,
    SamePerson if the person is another administrator.
    """
    lock_administrators()
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if locked.person_index:
        raise NotAllowed("KNOWN")
    expected, verified = (text.clean(value).replace(" ", "") for value in (locked.first_name, name))
    if not expected or expected != verified:
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
    """Delete the person of an account; a new verification is needed before the account moves money."""
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
