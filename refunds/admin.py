"""Where Django looks for the admin of this room; each part keeps its own."""

from refunds.payouts.admin import batches as payouts
from refunds.payouts.admin import cases

__all__ = ["cases", "payouts"]
