"""What a restored database is asked besides `verify_money` and `verify_audit`: do the keys fit, is each document there.

They run as a process of their own with the keys of the escrow, never with those of this installation.
"""

from dataclasses import dataclass, field
from itertools import islice

from cryptography.exceptions import InvalidTag
from django.db import transaction

from eligibility import search
from eligibility.models import Customer
from kt_remedy.core import crypto
from refunds.applications import documents
from refunds.models.applications import Evidence

_TRIED = 1_000  # names of the newest customers
_NAMED = 5


@dataclass(slots=True)
class Found:
    """Numbers of names that were opened and documents that were read, and the faults as sentences."""

    names: int = 0
    documents: int = 0
    faults: list[str] = field(default_factory=list)


def look() -> Found:
    """Open names with FIELD_KEYS, make their index with INDEX_KEY, and read each document with a key; reads only."""
    found = Found()
    with transaction.atomic():
        _names(found)
        _documents(found)
    return found


def _names(found: Found) -> None:
    fitting = 0
    for customer in Customer.objects.order_by("-customer_no")[:_TRIED]:
        try:
            name = customer.holder_name
        except crypto.DecryptError as error:
            found.faults.append(f"FIELD_KEYS of the escrow is another one than the database was written with ({error})")
            return
        found.names += 1
        fitting += search.name_index(name) == customer.name_index
    if found.names and not fitting:
        found.faults.append("INDEX_KEY of the escrow is another one than the database was written with")


def _documents(found: Found) -> None:
    lost = []
    for row in Evidence.objects.exclude(file_key_enc=None).order_by("id").iterator(chunk_size=500):
        try:
            documents.stored_bytes(row)
        except FileNotFoundError:
            lost.append(f"document {row.pk} is missing")
        except (InvalidTag, ValueError):
            lost.append(f"document {row.pk} is not the one that was kept")
        except crypto.DecryptError:
            lost.append(f"the key of document {row.pk} cannot be opened")
        found.documents += 1
    found.faults += islice(lost, _NAMED)
    if len(lost) > _NAMED:
        found.faults.append(f"{len(lost) - _NAMED} more documents are missing or changed")
