"""The backend that decides `user.has_perm` by the roles of the account and the registry of permissions."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied

from kt_remedy.core import access

BEFORE_PROOF = {"staff.prove_person", "staff.open_admin", "staff.view_sessions"}


class RoleBackend(BaseBackend):
    """First entry of AUTHENTICATION_BACKENDS, so grants in Django's own tables have no effect. It signs nobody in."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """True if an active account holds a role of this permission.

        An account whose person is not proven, or whose roles were not confirmed in time, may only prove the person.

        Raises PermissionDenied if it holds none: Django then asks no other backend and returns False. Raises
        LookupError for an unregistered permission.
        """
        holders = access.roles_of(perm)
        holds = user_obj.is_active and not holders.isdisjoint(getattr(user_obj, "roles", ()))
        if holds and (perm in BEFORE_PROOF or _may_act(user_obj)):
            return True
        raise PermissionDenied


def _may_act(user: Any) -> bool:
    """True if the person is proven, the roles are confirmed, and the account is none whose password is published."""
    return bool(user.person_index) and user.certified and (settings.DEVELOPMENT or not user.demonstration)
