"""The backend that decides `user.has_perm` by the roles of the account and the registry of permissions."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied

from kt_remedy.core import access


class RoleBackend(BaseBackend):
    """First entry of AUTHENTICATION_BACKENDS, so grants in Django's own tables have no effect. It signs nobody in."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """True if an active account holds a role of this permission.

        Raises PermissionDenied if it holds none: Django then asks no other backend and returns False. Raises
        LookupError for an unregistered permission.
        """
        holders = access.roles_of(perm)
        if user_obj.is_active and not holders.isdisjoint(getattr(user_obj, "roles", ())):
            return True
        raise PermissionDenied
