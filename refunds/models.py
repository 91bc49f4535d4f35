"""The tables of this room, where Django looks for them."""

from refunds.accounts.models import Account, HolderCheck
from refunds.applications.models import Application, Decision, Draft, Filing, Note, Objection

__all__ = ["Account", "Application", "Decision", "Draft", "Filing", "HolderCheck", "Note", "Objection"]
