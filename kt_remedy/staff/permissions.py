"""The roles, and the permissions of accounts and stores; docs/permissions.md describes them."""

from kt_remedy.core import access
from kt_remedy.staff.roles import ROLES

access.register_roles(ROLES)
access.register(
    {
        "staff.open_admin": ROLES,
        "staff.prove_person": ROLES,
        "staff.view_sessions": ROLES,
        "staff.declare_household": ROLES,
        "staff.find_store": ROLES,
        "staff.view_user": ("auditor", "administrator"),
        "staff.change_user": ("administrator",),
        "staff.view_store": ("store_manager", "supervisor", "auditor", "administrator"),
        "staff.change_store": ("administrator",),
    }
)
