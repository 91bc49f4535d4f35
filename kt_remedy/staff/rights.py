"""Requests for rights: asked by one administrator with a reason, approved by another with a fresh second factor (D-76).

Whatever gives a right, a password or a second factor goes this way. A password is never chosen by an administrator: an
approved request gives a one-time code that is handed over in person. From then on the account may do nothing until its
owner is proven again by telephone, as the same person, or under the same name for a new account.
"""

import datetime as dt

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import service as audit
from kt_remedy.core import text
from kt_remedy.staff import invitations, service, sessions
from kt_remedy.staff.models import RightsRequest, Store, User, certified_until
from kt_remedy.staff.roles import ROLES, STORE_ROLES
from kt_remedy.staff.service import NotAllowed

Kind, State = RightsRequest.Kind, RightsRequest.State
_WITH_ROLES = (Kind.HIRE, Kind.CHANGE, Kind.REOPEN)


class NotPossible(NotAllowed):
    """A request that does not fit the account or was decided already."""

    sentences = {
        **NotAllowed.sentences,
        "OPEN": _("같은 요청이 이미 승인을 기다립니다."),
        "DECIDED": _("이미 정해진 요청입니다."),
        "TAKEN": _("이미 쓰는 아이디입니다."),
        "USERNAME": _("아이디에는 글자, 숫자, @ . + - _만 쓸 수 있습니다."),
        "CLOSED": _("닫힌 계정입니다. 먼저 다시 열어 달라고 요청하세요."),
        "ACTIVE": _("닫히지 않은 계정입니다."),
        "NAME_MISSING": _("이름을 적어 주세요."),
        "NO_STORE": _("매장 직원과 매장 관리자에게는 매장이 있어야 합니다."),
        "SAME_APPROVER": _("요청한 사람이 아닌 다른 관리자가 승인해야 합니다."),
    }


@transaction.atomic
def ask(
    *,
    by: User,
    kind: str,
    reason: str,
    user: User | None = None,
    username: str = "",
    name: str = "",
    roles: list[str] | None = None,
    store: Store | None = None,
) -> RightsRequest:
    """Record a request of an administrator; it changes nothing until another one approves it.

    HIRE takes `username`, `name`, `roles` and `store`; CHANGE and REOPEN `roles` and `store`; RENAME `name`. Raises
    NotAllowed (TooFewAdministrators until two people can decide), ValueError for an unknown role or without a reason.
    """
    service.require_administrator(by, user)
    service.require_two_administrators()
    username, name = User.normalize_username(text.clean(username)), text.clean(name)
    roles = sorted(set(roles or []))
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"unknown roles: {sorted(unknown)}")
    if user is None:
        _check_username(username)
    elif kind == Kind.REOPEN:
        _require(not user.is_active, "ACTIVE")
    else:
        _require(user.is_active, "CLOSED")
    if kind in (Kind.HIRE, Kind.RENAME):
        _require(bool(name), "NAME_MISSING")
    if kind in _WITH_ROLES:
        _require(store is not None or not set(STORE_ROLES) & set(roles), "NO_STORE")
        service.require_apart(roles, user.person_index if user else None, but=user)
    _require(not RightsRequest.objects.filter(_same(kind, user, username), state=State.OPEN).exists(), "OPEN")
    asked = RightsRequest.objects.create(
        kind=kind,
        user=user,
        username=user.username if user else username,
        name=name,
        roles=roles,
        store=store,
        reason=reason.strip(),
        requested_by=by,
        requested_person=by.person_index,
        requested_at=dt.datetime.now(dt.UTC),
    )
    _record(by, "staff.right_asked", asked)
    return asked


@transaction.atomic
def approve(*, by: User, request_id: int) -> invitations.NewInvitation | None:
    """Carry a request out and return the code to hand over, where it gives one; the view asks for the second factor.

    Raises NotAllowed for the person who asked, for the owner of the account and for roles that one person must not hold
    together; NotPossible if it was decided already.
    """
    service.lock_administrators()
    asked = _lock(by, request_id)
    if by.pk == asked.requested_by_id or by.person_index == asked.requested_person:
        raise NotPossible("SAME_APPROVER")
    service.require_two_administrators()
    user = _account(asked)
    _decide(asked, by, State.APPROVED, user)
    _record(by, "staff.right_approved", asked)
    match asked.kind:
        case Kind.HIRE:
            details = {"roles": user.roles, "store": asked.store.code if asked.store else ""}
            service.record(by, "staff.hired", user, asked.reason, details)
        case Kind.CHANGE:
            service.require_apart(asked.roles, user.person_index, but=user)
            service.change_roles(by, user, asked.roles, asked.store, asked.reason)
            _certify(user)
        case Kind.RENAME:
            user.first_name = asked.name
            user.save(update_fields=["first_name"])
            _forget_person(user, same_person=True)
        case Kind.PERSON:
            _forget_person(user, same_person=False)
        case Kind.CERTIFY:
            _certify(user)
        case Kind.REOPEN:
            service.require_apart(asked.roles, user.person_index, but=user)
            user.is_active = True
            user.save(update_fields=["is_active"])
            service.change_roles(by, user, asked.roles, asked.store, asked.reason)
            _certify(user)
    return _give_code(user, drop_second_factor=asked.kind != Kind.PASSWORD) if asked.kind in asked.GIVE_CODE else None


@transaction.atomic
def decline(*, by: User, request_id: int) -> None:
    """Turn a request down, or take one's own back. Raises NotAllowed, NotPossible if it was decided already."""
    asked = _lock(by, request_id)
    _decide(asked, by, State.DECLINED, asked.user)
    _record(by, "staff.right_declined", asked)


def _lock(by: User, request_id: int) -> RightsRequest:
    asked = RightsRequest.objects.select_for_update(of=("self",)).select_related("user", "store").get(pk=request_id)
    service.require_administrator(by, asked.user)
    _require(asked.state == State.OPEN, "DECIDED")
    return asked


def _account(asked: RightsRequest) -> User:
    """The account of a request, locked; a new one for HIRE."""
    if asked.user_id is not None:
        user = User.objects.select_for_update(of=("self",)).get(pk=asked.user_id)
        _require(user.is_active is (asked.kind != Kind.REOPEN), "CLOSED" if asked.kind != Kind.REOPEN else "ACTIVE")
        return user
    _check_username(asked.username)
    user = User(username=asked.username, first_name=asked.name, roles=asked.roles, store=asked.store, is_staff=True)
    user.set_unusable_password()
    user.save()
    return user


def _decide(asked: RightsRequest, by: User, state: str, user: User | None) -> None:
    asked.state, asked.user = state, user
    asked.decided_by, asked.decided_person, asked.decided_at = by, by.person_index, dt.datetime.now(dt.UTC)
    asked.save(update_fields=["state", "user", "decided_by", "decided_person", "decided_at"])


def _give_code(user: User, *, drop_second_factor: bool) -> invitations.NewInvitation:
    """Void the password (which ends every session), the second factor where it is lost, and the proof of the person."""
    user.set_unusable_password()
    user.save(update_fields=["password"])
    if drop_second_factor:
        Authenticator.objects.filter(user=user).delete()
    sessions.end(user=user)
    _forget_person(user, same_person=True)
    return invitations.new_code(user)


def _forget_person(user: User, *, same_person: bool) -> None:
    """Ask for a new proof of the person: of the same one, or of anybody with the name of the account."""
    user.expected_person = (user.person_index or user.expected_person) if same_person else None
    user.person_index = None
    user.save(update_fields=["person_index", "expected_person"])


def _certify(user: User) -> None:
    user.certified_until = certified_until()
    user.save(update_fields=["certified_until"])


def _check_username(username: str) -> None:
    try:
        User(username=username).clean_fields(exclude={"password"})
    except ValidationError:
        raise NotPossible("USERNAME") from None
    _require(not User.objects.filter(username__iexact=username).exists(), "TAKEN")


def _same(kind: str, user: User | None, username: str) -> Q:
    return Q(kind=kind, user=user) if user else Q(kind=kind, username=username)


def _require(fits: bool, code: str) -> None:
    if not fits:
        raise NotPossible(code)


def _record(by: User, action: str, asked: RightsRequest) -> None:
    if not asked.reason:
        raise ValueError("a change of rights needs a reason")
    target = f"user:{asked.user_id}" if asked.user_id else f"rights_request:{asked.pk}"
    detail = {"kind": asked.kind, "request": asked.pk, "roles": asked.roles}
    audit.record(actor=audit.actor(by), action=action, object=target, reason=asked.reason, detail=detail)
