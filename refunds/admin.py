"""Where Django looks for the admin of this room; each part keeps its own."""

from refunds.payouts import admin as payouts

__all__ = ["payouts"]
