"""Models of the refunds, at the place where Django looks for them."""

from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Application, Decision, Draft, Evidence, Filing, LateReason, Note, Objection
from refunds.models.bank_answers import AnswerLine, BankAnswer
from refunds.models.bank_files import BankFile, Chunk, Download, FileOrder, Inquiry
from refunds.models.batches import (
    Batch,
    BatchFigures,
    ExcludedApplication,
    FreezeException,
    FundsNotice,
    Roster,
    RoundForecast,
)
from refunds.models.cases import Adjustment, BalanceFinding, Hold, OfflinePayment
from refunds.models.consents import ConsentWithdrawal
from refunds.models.console import BatchComment, SavedFilter
from refunds.models.desk import DeskSession
from refunds.models.items import Item
from refunds.models.promises import PromiseNotice, PromiseRecord, PromiseShard
from refunds.models.reviews import Letter, ObjectionAddition, ObjectionDay, ReviewCase
from refunds.models.statements import BankStatement, ClosedDay, MoneyBack, StatementLine, Suspense

__all__ = [
    "Account",
    "Adjustment",
    "AnswerLine",
    "Application",
    "BalanceFinding",
    "BankAnswer",
    "BankFile",
    "BankStatement",
    "Batch",
    "BatchComment",
    "BatchFigures",
    "Chunk",
    "ClosedDay",
    "ConsentWithdrawal",
    "Decision",
    "DeskSession",
    "Download",
    "Draft",
    "Evidence",
    "ExcludedApplication",
    "FileOrder",
    "Filing",
    "FreezeException",
    "FundsNotice",
    "Hold",
    "HolderCheck",
    "Inquiry",
    "Item",
    "LateReason",
    "Letter",
    "MoneyBack",
    "Note",
    "Objection",
    "ObjectionAddition",
    "ObjectionDay",
    "OfflinePayment",
    "PromiseNotice",
    "PromiseRecord",
    "PromiseShard",
    "ReviewCase",
    "Roster",
    "RoundForecast",
    "SavedFilter",
    "StatementLine",
    "Suspense",
]
