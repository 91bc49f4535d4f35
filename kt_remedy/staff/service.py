"""Accounts of staff: close them, take roles away, record the person and the second factor.

What gives a right, a password or a second factor is asked by one administrator and approved by another (`rights`); what
takes one away one administrator does alone, so that nobody waits. Every change needs a reason, which the audit records.
A change takes effect with the next request, because roles are read with the user. Closing an account ends its sessions
immediately, because it voids the password.
"""

import datetime as dt
import time
from collections.abc import Iterable

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db import ProgrammingError, connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, text
from kt_remedy.core.errors import Refused
from kt_remedy.staff import leaving, sessions
from kt_remedy.staff.models import Invitation, Store, User
from kt_remedy.staff.roles import STORE_ROLES, forbidden

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
            "관리자 두 명이 2단계 인증으로 로그인하고 본인 확인을 마친 다음에야 권한을 줄 수 있습니다."
            " 서버 담당자에게 명령"
            " manage.py invite_administrator로 다른 관리자를 초대해 달라고 하세요."
        ),
        "OTHER_PERSON": _("이 계정을 쓰던 분과 다른 분입니다. 관리자에게 말씀해 주세요."),
        "TOGETHER": _(
            "한 사람이 함께 가질 수 없는 역할입니다: 지급 담당과 지급 승인, 관리자와 지급, 감사와 다른 역할."
        ),
        "SAME_PERSON": _("다른 관리자 계정의 주인과 같은 분입니다. 관리자 두 명은 서로 다른 사람이어야 합니다."),
        "NAME": _("승인한 분의 이름이 계정의 이름과 다릅니다. 관리자에게 말씀해 주세요."),
    }


class TooFewAdministrators(NotAllowed):
    """Fewer than two administrators are proven and have used their second factor, so no right is given (D-76)."""


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
    """Return the number of different proven persons who are administrators and have used their second factor."""
    known = User.objects.filter(
        is_active=True,
        roles__contains=["administrator"],
        second_factor_at__isnull=False,
        person_index__isnull=False,
        certified_until__gte=clock.kst_date(dt.datetime.now(dt.UTC)),
    )
    return known.values("person_index").distinct().count()


def has_demonstration_accounts() -> bool:
    """True if the database holds accounts of the demonstration; False before it was migrated."""
    try:
        with transaction.atomic():
            return User.objects.filter(demonstration=True).exists()
    except ProgrammingError:
        return False


def lock_administrators() -> None:
    """Serialise invitations and verifications of administrators until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMINISTRATORS_LOCK])


def record_second_factor(user: User) -> None:
    """Store the wall clock of the first authentication with a second factor."""
    User.objects.filter(pk=user.pk, second_factor_at=None).update(second_factor_at=dt.datetime.now(dt.UTC))


@transaction.atomic
def revoke(*, by: User, user: User, roles: list[str], reason: str) -> None:
    """Take every other role than `roles` away from another person's account, and its store where no role needs one.

    Raises NotAllowed, ValueError if `roles` holds one that the account has not.
    """
    require_administrator(by, user)
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if set(roles) - set(locked.roles):
        raise ValueError("a role is given by a request that another administrator approves")
    change_roles(by, locked, roles, locked.store if set(STORE_ROLES) & set(roles) else None, reason)
    user.roles, user.store = locked.roles, locked.store


def change_roles(by: User, locked: User, roles: list[str], store: Store | None, reason: str) -> None:
    """Replace roles and store of a locked account, with one audit entry for each; part of the caller's transaction."""
    before, after = set(locked.roles), set(roles)
    for role in sorted(after - before):
        record(by, "staff.role_granted", locked, reason, {"role": role})
    for role in sorted(before - after):
        record(by, "staff.role_revoked", locked, reason, {"role": role})
    if locked.store != store:
        record(by, "staff.store_changed", locked, reason, {"store": store.code if store else ""})
        leaving.pass_on(locked)
    locked.roles, locked.store = sorted(after), store
    locked.save(update_fields=["roles", "store"])


def require_apart(roles: Iterable[str], person_index: bytes | None, *, but: User | None = None) -> None:
    """Raise NotAllowed TOGETHER where one person would hold roles apart, over all their accounts (D-76)."""
    held = set(roles)
    if person_index is not None:
        others = User.objects.filter(is_active=True, person_index=person_index)
        if but is not None:
            others = others.exclude(pk=but.pk)
        held.update(*others.values_list("roles", flat=True))
    if forbidden(held):
        raise NotAllowed("TOGETHER")


@transaction.atomic
def dismiss(*, by: User, user: User, reason: str) -> None:
    """Close an account: remove roles, store, password, second factor, invitation and sessions."""
    require_administrator(by, user)
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    record(by, "staff.dismissed", locked, reason, {"roles": locked.roles})
    locked.roles, locked.store, locked.is_active = [], None, False
    locked.set_unusable_password()
    locked.save()
    Authenticator.objects.filter(user=locked).delete()
    Invitation.objects.filter(user=locked).delete()
    sessions.end(user=locked)
    leaving.pass_on(locked)
    user.refresh_from_db()


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
    if locked.expected_person is not None and locked.expected_person != person_index:
        raise NotAllowed("OTHER_PERSON")
    require_apart(locked.roles, person_index, but=locked)
    if locked.has_role("administrator") and others.filter(person_index=person_index).exists():
        raise SamePerson("SAME_PERSON")
    locked.person_index, locked.expected_person = person_index, None
    locked.save(update_fields=["person_index", "expected_person"])
    audit.record(actor=audit.actor(user), action="staff.person_known", object=f"user:{user.pk}")
    user.person_index = person_index


def require_administrator(by: User, user: User | None) -> None:
    """Raise NotAllowed ROLE without the permission, OWN for one's own account."""
    if not by.has_perm("staff.change_user"):
        raise NotAllowed("ROLE")
    if user is not None and by.pk == user.pk:
        raise NotAllowed("OWN")


def require_two_administrators() -> None:
    """Raise TooFewAdministrators until two people can decide about rights."""
    if count_administrators() < REQUIRED_ADMINISTRATORS:
        raise TooFewAdministrators("TOO_FEW")


def record(by: User, action: str, user: User, reason: str, detail: dict) -> None:
    """Write the audit entry of a change of an account. Raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("a change of rights needs a reason")
    audit.record(actor=audit.actor(by), action=action, object=f"user:{user.pk}", reason=reason, detail=detail)
