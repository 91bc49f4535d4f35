"""Heads of the audit's chain that stand in approvals of batches and in confirmed answers; `verify_audit` reads them."""

from collections.abc import Iterator

from kt_remedy.audit import chain
from refunds.models.bank_answers import BankAnswer
from refunds.models.batches import Batch


def stored() -> Iterator[chain.Head]:
    """Each stored head with the name of its act."""
    for pk, head in Batch.objects.exclude(approved_head="").values_list("pk", "approved_head"):
        yield chain.parse(head, f"in the approval of batch {pk}")
    for pk, head in BankAnswer.objects.exclude(confirmed_head="").values_list("pk", "confirmed_head"):
        yield chain.parse(head, f"in the confirmation of answer {pk}")
