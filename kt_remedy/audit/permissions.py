"""The permission to read the audit. Words: docs/permissions.md."""

from kt_remedy.core import access

access.register({"audit.view_entry": ("auditor",)})
