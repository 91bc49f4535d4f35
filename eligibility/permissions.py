"""Permissions of the register: see it and its deliveries, decide a line. Words: docs/permissions.md."""

from kt_remedy.core import access

access.register(
    {
        "eligibility.view_feed": ("reviewer", "supervisor", "auditor", "administrator"),
        "eligibility.download_rejects": ("reviewer", "supervisor", "auditor", "administrator"),
        "eligibility.view_line": ("reviewer", "supervisor", "auditor"),
        "eligibility.decide_line": ("reviewer",),
    }
)
