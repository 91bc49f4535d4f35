"""Permissions of content entries; docs/permissions.md describes them."""

from kt_remedy.core import access

access.register(
    {
        "content.view_entry": ("supervisor", "auditor", "administrator"),
        "content.add_entry": ("administrator",),
        "content.release_entry": ("supervisor",),
    }
)
