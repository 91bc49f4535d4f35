"""Permissions to see the perks and to act on providers' files and vouchers. Words: docs/permissions.md."""

from kt_remedy.core import access

access.register(
    {
        "rewards.view_report": ("supervisor", "auditor", "administrator"),
        "rewards.view_delivery": ("supervisor", "auditor", "administrator"),
        "rewards.resend_refused": ("supervisor", "administrator"),
        "rewards.view_entitlement": ("agent", "supervisor", "auditor"),
        "rewards.view_addition": ("supervisor", "auditor", "administrator"),
        "rewards.propose_addition": ("supervisor", "administrator"),
        "rewards.decide_addition": ("supervisor", "administrator"),
        "rewards.view_correction": ("supervisor", "auditor", "administrator"),
        "rewards.propose_correction": ("supervisor", "administrator"),
        "rewards.decide_correction": ("supervisor", "administrator"),
        "rewards.view_voucher": ("supervisor", "auditor", "administrator"),
        "rewards.upload_vouchers": ("supervisor", "administrator"),
    }
)
