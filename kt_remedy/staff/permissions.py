"""The roles themselves, and who may see and change the accounts that hold them. Words: docs/permissions.md."""

from kt_remedy.core import access
from kt_remedy.staff.roles import ROLES

access.register_roles(ROLES)
access.register(
    {
        "staff.open_admin": ROLES,
        "staff.prove_person": ROLES,
        "staff.view_user": ("auditor", "administrator"),
        "staff.change_user": ("administrator",),
        "staff.view_store": ("store_manager", "supervisor", "auditor", "administrator"),
        "staff.change_store": ("administrator",),
    }
)
