"""Addresses of the payout pages below `/admin/payouts/`, with the namespace `admin:payouts`.

Each view declares its permission, so that the access rule refuses before the view computes anything.
"""

from django.contrib import admin
from django.urls import URLPattern, path

from refunds.payouts.admin import (
    adjustments,
    answers,
    application_detail,
    batch,
    batch_parts,
    days,
    exceptions,
    files,
    funds,
    inquiries,
    items,
    list_pages,
    offline,
    roster,
    rounds,
    statements,
    trial_balance,
)

ROUTES = (
    ("", rounds.rounds, "rounds"),
    ("rounds/<pay_on>/", rounds.excluded, "excluded"),
    ("rounds/<pay_on>/freeze/", rounds.freeze, "freeze"),
    ("funds/", funds.notices, "funds"),
    ("funds/<int:notice_id>/tell/", funds.tell, "funds_tell"),
    ("settlement/", rounds.settlement, "settlement"),
    ("trial-balance/", trial_balance.trial_balance, "trial_balance"),
    ("trial-balance/sheet/", trial_balance.trial_balance_sheet, "trial_balance_sheet"),
    ("balances/", trial_balance.balance_findings, "balance_findings"),
    ("batches/<int:batch_id>/", batch.batch, "batch"),
    ("batches/<int:batch_id>/count/", batch.count, "batch_count"),
    ("batches/<int:batch_id>/approve/", batch.approve, "batch_approve"),
    ("batches/<int:batch_id>/comment/", batch_parts.comment, "batch_comment"),
    ("batches/<int:batch_id>/<slug:name>/", batch.action, "batch_action"),
    ("items/take-out/", items.take_out_selection, "take_out_selection"),
    ("items/<int:item_id>/", items.item, "item"),
    ("items/<int:item_id>/take-out/", items.take_out, "item_take_out"),
    ("files/<int:file_id>/download/", files.download, "file_download"),
    ("files/<int:file_id>/compare/", files.compare, "file_compare"),
    ("files/<int:file_id>/approve/", files.approve, "file_approve"),
    ("files/<int:file_id>/<slug:name>/", files.action, "file_action"),
    ("answers/load/", answers.load, "answer_load"),
    ("answers/<int:answer_id>/", answers.answer, "answer"),
    ("answers/<int:answer_id>/confirm/", answers.confirm_answer, "answer_confirm"),
    ("answers/<int:answer_id>/discard/", answers.discard, "answer_discard"),
    ("answers/<int:answer_id>/send-again/<slug:code>/", answers.send_again, "answer_send_again"),
    ("applications/find/", application_detail.find, "application_find"),
    ("applications/<int:application_id>/", application_detail.application_detail, "application"),
    ("applications/<int:application_id>/audit-bundle/", application_detail.audit_bundle, "audit_bundle"),
    ("applications/<int:application_id>/<slug:name>/", application_detail.action, "application_action"),
    ("adjustments/<int:adjustment_id>/", adjustments.adjustment, "adjustment"),
    ("adjustments/<int:adjustment_id>/<slug:name>/", adjustments.action, "adjustment_action"),
    ("offline/<int:payment_id>/", offline.offline_payment, "offline_payment"),
    ("offline/<int:payment_id>/<slug:name>/", offline.action, "offline_payment_action"),
    ("statements/", statements.statement_list, "statements"),
    ("statements/load/", statements.load, "statement_load"),
    ("statements/<int:statement_id>/", statements.statement, "statement"),
    ("statements/<int:statement_id>/confirm/", statements.confirm_statement, "statement_confirm"),
    ("statements/<int:statement_id>/discard/", statements.discard, "statement_discard"),
    ("days/<day>/", days.day, "day"),
    ("days/<day>/close/", days.close, "day_close"),
    ("suspense/", days.suspense_list, "suspense"),
    ("suspense/<int:suspense_id>/", days.suspense_entry, "suspense_entry"),
    ("suspense/<int:suspense_id>/settle/", days.settle, "suspense_settle"),
    ("suspense/<int:suspense_id>/<slug:name>/", days.decide, "suspense_decide"),
    ("inquiries/", inquiries.inquiries, "inquiries"),
    ("inquiries/files/<int:file_id>/make/", inquiries.make, "inquiry_make"),
    ("inquiries/<int:inquiry_id>/download/", inquiries.download, "inquiry_download"),
    ("shared-accounts/", exceptions.shared_accounts, "shared_accounts"),
    ("stops/", exceptions.stopped_at_bank, "stopped_at_bank"),
    ("returns/", exceptions.unpaid_returns, "unpaid_returns"),
    ("returns/call-list/", exceptions.call_list, "call_list"),
    ("exports/<str:word>/", list_pages.export, "export"),
    ("filters/<slug:list_name>/", list_pages.save_filter, "filter_save"),
    ("filters/<int:filter_id>/delete/", list_pages.delete_filter, "filter_delete"),
    ("unpaid/", exceptions.left_unpaid, "left_unpaid"),
    ("unpaid/<slug:kind>/", exceptions.left_unpaid_file, "left_unpaid_file"),
    ("roster/", roster.roster, "roster"),
    ("roster/<slug:duty>/", roster.assign, "roster_assign"),
)


def patterns() -> list[URLPattern]:
    """Every payout page, behind the sign-in of the admin site."""
    return [path(address, admin.site.admin_view(view), name=name) for address, view, name in ROUTES]
