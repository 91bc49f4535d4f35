"""The admin of refunds, where Django looks for it: the lists, and the payout pages below `/admin/payouts/`."""

from django.contrib import admin

from refunds.payouts.admin import batch_list, case_lists, file_lists, item_list, urls

__all__ = ["batch_list", "case_lists", "file_lists", "item_list"]

admin.site.add_pages("payouts", urls.patterns)  # type: ignore[attr-defined]
