"""One-time codes for a new password, handed over in person (D-76).

A command gives them to the first two administrators; it refuses once two have signed in and proved who they are. After
that an approved request gives one (`rights`). A code opens nothing by itself: an account whose person is not proven may
do nothing but prove the person, and only the person who had the account before, or one of the same name, can.
"""

import datetime as dt
import secrets
import unicodedata
from typing import NamedTuple

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import crypto, text
from kt_remedy.staff import service
from kt_remedy.staff.models import Invitation, User

HOURS = 72
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no letter that looks or sounds like a digit
_LETTERS, _GROUP = 20, 4  # 100 bits
_LOOKALIKES = str.maketrans("OIL", "011")


class InvitationRefused(Exception):
    """The user name or the code is wrong, or the code was used before."""


class InvitationExpired(InvitationRefused):
    """The code is right, but its 72 hours have passed."""


class InvitationNotNeeded(InvitationRefused):
    """The code is right, but two administrators have signed in meanwhile."""


class NewInvitation(NamedTuple):
    """A new invitation: the code in clear, which is shown once, and its end (UTC)."""

    code: str
    ends_at: dt.datetime


@transaction.atomic
def invite(*, username: str, name: str) -> NewInvitation:
    """Create an administrator's account without a password, or a new code for an account that never signed in.

    The later verification by telephone must return the same `name`. Raises NotAllowed once two administrators have
    signed in, for a user name that is taken and for the name of another administrator; ValueError for an invalid name.
    """
    service.lock_administrators()
    if service.count_administrators() >= service.REQUIRED_ADMINISTRATORS:
        raise service.NotAllowed(
            "ENOUGH", "Two administrators have signed in already: ask one of them for the account."
        )
    username, name = User.normalize_username(text.clean(username)), text.clean(name)
    user = User.objects.filter(username=username).first()
    renewed = user is not None
    if user is None:
        user = User(username=username, first_name=name, roles=["administrator"], is_staff=True)
        _check_names(user)
    elif not _is_pending(user) or _normalised_name(user.first_name) != _normalised_name(name):
        raise service.NotAllowed(
            "TAKEN", f"The user name {username} is taken: invite the other person with another user name."
        )
    others = User.objects.filter(is_active=True, roles__contains=["administrator"]).exclude(pk=user.pk)
    if _normalised_name(name) in {_normalised_name(other) for other in others.values_list("first_name", flat=True)}:
        raise service.NotAllowed("SAME_NAME", f"{name} is an administrator already: the two must be different people.")
    user.set_unusable_password()
    user.save()
    invitation = new_code(user, from_shell=True)
    audit.record(
        actor="system",
        action="staff.invited",
        object=f"user:{user.pk}",
        detail={"roles": user.roles, "ends_at": invitation.ends_at.isoformat(), "again": renewed},
    )
    return invitation


def new_code(user: User, *, from_shell: bool = False) -> NewInvitation:
    """Make a code for the account, which replaces an earlier one; part of the caller's transaction."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    ends_at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=HOURS)
    Invitation.objects.update_or_create(
        user=user, defaults={"code_index": _index(code), "ends_at": ends_at, "from_shell": from_shell}
    )
    return NewInvitation("-".join(code[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP)), ends_at)


@transaction.atomic
def accept(*, username: str, code: str, password: str) -> User:
    """Set the password of an invited account, once. Case, spaces and hyphens of `code` do not matter.

    Raises InvitationRefused for a wrong user name or code, without a difference between the two; InvitationExpired or
    InvitationNotNeeded for a right code; ValidationError for a weak password, after which the code still works.
    """
    waiting = Invitation.objects.select_for_update(of=("self",)).select_related("user")
    # One search for name and code together finds and locks nothing for a wrong code, be the name known or not.
    invitation = waiting.filter(
        user__username=User.normalize_username(username.strip()),
        user__is_active=True,
        code_index=_index(_normalised_code(code)),
    ).first()
    if invitation is None:
        raise InvitationRefused
    if invitation.from_shell and service.count_administrators() >= service.REQUIRED_ADMINISTRATORS:
        raise InvitationNotNeeded
    if invitation.ends_at <= dt.datetime.now(dt.UTC):
        raise InvitationExpired
    user = invitation.user
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    invitation.delete()
    audit.record(actor=audit.actor(user), action="staff.invitation_accepted", object=f"user:{user.pk}")
    return user


def _is_pending(user: User) -> bool:
    """True if the account is an invited administrator who never signed in with a second factor."""
    return user.is_active and user.roles == ["administrator"] and user.second_factor_at is None


def _check_names(user: User) -> None:
    if not user.first_name:
        raise ValueError("Give the name of the person as it stands with their telephone contract.")
    try:
        user.clean_fields(exclude={"password"})
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None


def _normalised_name(name: str) -> str:
    return unicodedata.normalize("NFKC", text.clean(name).replace(" ", "")).casefold()


def _normalised_code(code: str) -> str:
    """Return the code without separators, in upper case; O is read as zero, I and L as one (Crockford)."""
    return "".join(letter for letter in code.upper().translate(_LOOKALIKES) if letter.isalnum())


def _index(code: str) -> bytes:
    return crypto.blind_index(code, "invitation")
