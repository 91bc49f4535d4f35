"""Answers `user.has_perm` from the roles of the account and the registry of permissions."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied

from kt_remedy.core import access


class RoleBackend(BaseBackend):
    """Stands first in AUTHENTICATION_BACKENDS, so that no grant in Django's own tables counts. Signs nobody in."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether an active account holds a role of this permission.

        Raises PermissionDenied where it does not, by which Django asks no further backend and answers no, and
        LookupError on an unregistered code.
        """
        holders = access.roles_of(perm)
        if user_obj.is_active and not holders.isdisjoint(getattr(user_obj, "roles", ())):
            return True
        raise PermissionDenied
