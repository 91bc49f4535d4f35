"""Who may read the audit record. Words: docs/permissions.md."""

from kt_remedy.core import access

access.register({"audit.view_entry": ("auditor",)})
