"""Who may see, steer and reword what is sent to customers. Words: docs/permissions.md."""

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
