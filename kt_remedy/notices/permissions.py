"""Permissions of messages, mailings and texts; docs/permissions.md describes them."""

from kt_remedy.core import access

access.register(
    {
        "notices.view_messages": ("agent", "supervisor", "auditor", "administrator"),
        "notices.record_contact": ("agent", "supervisor"),
        "notices.record_letters": ("supervisor",),
        "notices.record_opt_out": ("agent", "supervisor"),
        "notices.steer_mailing": ("supervisor", "administrator"),
        "notices.view_text": ("supervisor", "auditor", "administrator"),
        "notices.add_text": ("administrator",),
    }
)
