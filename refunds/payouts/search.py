"""Search of the money lists by name, account, part of a reference or contract number.

A name and an account number are searched by their blind indexes and never kept: what a search remembers is only these
indexes and the parts of references.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q, QuerySet

from eligibility import search as register_search
from kt_remedy.core import text
from refunds.accounts import service as accounts
from refunds.models.applications import Application
from refunds.models.items import Item

# More applications than a person can look through: the search then asks for more.
MOST = 2_000
_LEAST_PART = 3
_NUMBER = re.compile(r"[\d\s\-]{10,}")


@dataclass(frozen=True, slots=True)
class Search:
    """What a typed text may mean: blind indexes of names and accounts (hex), a part of a reference, a contract."""

    names: list[str]
    accounts: list[str]
    part: str
    contract: str

    def kept(self) -> dict[str, Any]:
        """The search as plain values for a session."""
        return asdict(self)


def read(typed: str) -> Search:
    """Every meaning of a typed text. Nothing of it is stored."""
    words = text.clean(typed)
    code = text.code(words)
    is_number = bool(_NUMBER.fullmatch(words))
    contract = code if Application.objects.filter(line=code).exists() else ""
    return Search(
        names=[] if is_number else [index.hex() for index in register_search.name_indexes(words)],
        accounts=[index.hex() for index in accounts.number_indexes(words)] if is_number else [],
        part="" if is_number or len(code) < _LEAST_PART or not code.isascii() else code,
        contract=contract,
    )


def applications(search: Search) -> list[int]:
    """Ids of the applications that a search finds, the newest first, at most one more than `MOST`."""
    found: set[int] = set()
    rows = Application.objects.order_by("-pk").values_list("pk", flat=True)
    for condition in _conditions(search):
        found.update(rows.filter(condition)[: MOST + 1])
    return sorted(found, reverse=True)[: MOST + 1]


def _conditions(search: Search) -> list[Q]:
    """One condition for each meaning, so that each is found by its own index."""
    conditions = []
    if search.names:
        conditions.append(Q(line__customer__name_index__in=[bytes.fromhex(index) for index in search.names]))
    if search.accounts:
        indexes = [bytes.fromhex(index) for index in search.accounts]
        conditions.append(Q(account__number_index__in=indexes))
        conditions.append(Q(pk__in=_of_items(account__number_index__in=indexes)))
    if search.part:
        conditions.append(Q(filing__reference__icontains=search.part))
        conditions.append(Q(pk__in=_of_items(reference__icontains=search.part)))
    if search.contract:
        conditions.append(Q(line=search.contract))
    return conditions


def _of_items(**condition: Any) -> QuerySet[Any]:
    return Item.objects.filter(**condition).values("application")
