"""Permissions of the desk, the calendar and the page of files; docs/permissions.md describes them."""

from kt_remedy.core import access
from kt_remedy.staff.roles import ROLES

access.register(
    {
        "portal.serve_customer": ("clerk", "store_manager", "agent", "supervisor"),
        "portal.transfer_filing": ("clerk", "store_manager"),
        "portal.view_calendar": ROLES,
        "portal.rerun_task": ("supervisor", "administrator"),
        "portal.view_security": ("supervisor", "administrator"),
        "portal.view_status": ("supervisor", "administrator"),
        "portal.use_switches": ("supervisor", "administrator"),
    }
)
