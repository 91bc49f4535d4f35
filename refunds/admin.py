"""Where Django looks for the admin of this room; each part keeps its own."""

from refunds.payouts import admin as payouts
from refunds.payouts import case_admin as cases

__all__ = ["cases", "payouts"]
