"""Permissions to review applications and to move money; docs/permissions.md describes them.

Maker and checker share no permission that releases money.
"""

from kt_remedy.core import access

_MONEY = ("maker", "checker", "auditor")

access.register(
    {
        # Applications
        "refunds.view_report": ("reviewer", "supervisor", "maker", "checker", "auditor", "administrator"),
        "refunds.export_report": ("supervisor", "maker", "checker", "auditor"),
        "refunds.view_productivity": ("supervisor", "auditor"),
        "refunds.view_application": ("agent", "reviewer", "supervisor", "auditor"),
        "refunds.view_store_application": ("clerk", "store_manager"),
        "refunds.view_store_day": ("store_manager",),
        "refunds.file_after_outage": ("supervisor",),
        "refunds.view_review": ("reviewer", "supervisor", "auditor"),
        "refunds.review_application": ("reviewer",),
        "refunds.review_hardship": ("supervisor",),
        "refunds.release_case": ("supervisor",),
        "refunds.answer_objection": ("reviewer",),
        "refunds.download_document": ("reviewer", "supervisor", "auditor"),
        # Rounds
        "payouts.view_batch": _MONEY,
        "payouts.freeze_batch": ("maker",),
        "payouts.ask_freeze_exception": ("maker",),
        "payouts.allow_freeze_exception": ("checker",),
        "payouts.recount_batch": ("maker", "checker"),
        "payouts.approve_batch": ("checker",),
        "payouts.return_batch": ("maker", "checker"),
        "payouts.remove_item": ("maker",),
        "payouts.create_file": ("maker",),
        "payouts.approve_file": ("checker",),
        "payouts.hand_over_file": ("maker",),
        "payouts.tell_finance": ("maker",),
        "payouts.download_file": ("maker", "auditor"),
        "payouts.compare_file": _MONEY,
        "payouts.stage_answer": ("maker",),
        "payouts.confirm_answer": ("checker",),
        "payouts.discard_answer": ("maker", "checker"),
        "payouts.create_inquiry": ("maker",),
        # Statements of the bank's account
        "payouts.stage_statement": ("maker",),
        "payouts.confirm_statement": ("checker",),
        "payouts.discard_statement": ("maker", "checker"),
        "payouts.settle_suspense": ("maker",),
        "payouts.decide_suspense": ("checker",),
        "payouts.close_day": ("checker",),
        "payouts.download_inquiry": ("maker", "auditor"),
        "payouts.download_settlement": _MONEY,
        "payouts.export_list": ("supervisor", *_MONEY),
        "payouts.save_filter": ("reviewer", "supervisor", *_MONEY),
        "payouts.comment_batch": _MONEY,
        # Single cases
        "payouts.view_case": ("reviewer", "supervisor", *_MONEY),
        "payouts.hold_application": ("reviewer", "supervisor", "maker"),
        "payouts.propose_adjustment": ("maker",),
        "payouts.propose_exception": ("supervisor",),
        "payouts.decide_adjustment": ("checker",),
        "payouts.record_recovery": ("maker",),
        "payouts.record_offline_payment": ("maker",),
        "payouts.decide_offline_payment": ("checker",),
        "payouts.download_evidence": ("supervisor", *_MONEY),
        "payouts.download_clear_evidence": ("auditor",),
        "payouts.reveal_account": _MONEY,
        "payouts.view_returned": ("agent", "supervisor", *_MONEY),
        "payouts.download_call_list": ("agent", "supervisor", "maker", "auditor"),
        "payouts.hand_to_billing": ("maker", "auditor"),
        # Duties
        "payouts.view_roster": (*_MONEY, "administrator"),
        "payouts.assign_duty": ("administrator",),
    }
)
