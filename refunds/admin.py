"""The admin of refunds, where Django looks for it: the lists, and the payout pages below `/admin/payouts/`."""

from django.contrib import admin

from refunds.payouts.admin import lists, urls

__all__ = ["lists"]

admin.site.add_pages("payouts", urls.patterns)  # type: ignore[attr-defined]
