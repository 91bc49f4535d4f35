"""The permission of the audit; docs/permissions.md describes it."""

from kt_remedy.core import access

access.register(
    {
        "audit.view_entry": ("auditor",),
        "audit.mark_look": ("auditor",),
        "audit.answer_question": ("auditor",),
        "audit.sign_review": ("auditor",),
    }
)
