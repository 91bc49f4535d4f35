"""The tables of this room, where Django looks for them."""

from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Application, Decision, Draft, Evidence, Filing, LateReason, Note, Objection
from refunds.models.payouts import (
    Adjustment,
    BankFile,
    Batch,
    Chunk,
    Download,
    Hold,
    Inquiry,
    Item,
    LeftBehind,
    ManualPayment,
    ResultFile,
    Roster,
)

__all__ = [
    "Account",
    "Adjustment",
    "Application",
    "BankFile",
    "Batch",
    "Chunk",
    "Decision",
    "Download",
    "Draft",
    "Evidence",
    "Filing",
    "Hold",
    "HolderCheck",
    "Inquiry",
    "Item",
    "LateReason",
    "LeftBehind",
    "ManualPayment",
    "Note",
    "Objection",
    "ResultFile",
    "Roster",
]
