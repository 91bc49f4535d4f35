"""Permissions to read and write the texts of the site. Words: docs/permissions.md."""

from kt_remedy.core import access

access.register(
    {
        "content.view_entry": ("supervisor", "auditor", "administrator"),
        "content.add_entry": ("administrator",),
    }
)
