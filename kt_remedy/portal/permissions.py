"""Permissions to serve customers at the desk and to see and rerun dated tasks; docs/permissions.md describes them."""

from kt_remedy.core import access
from kt_remedy.staff.roles import ROLES

access.register(
    {
        "portal.serve_customer": ("clerk", "store_manager", "agent", "supervisor"),
        "portal.transfer_filing": ("clerk", "store_manager"),
        "portal.view_calendar": ROLES,
        "portal.rerun_task": ("supervisor", "administrator"),
    }
)
