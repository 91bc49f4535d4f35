"""Exports of the console's lists, as xlsx or csv. Names and accounts are masked by the list that gives the rows."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.payouts import sheets
from refunds.payouts.guards import Refused, require_permission, require_reason

PERMISSION = "payouts.export_list"
# Decrypting and masking a name takes a moment: more rows than this are the settlement sheet's, which has no names.
MOST = 50_000


def write(
    *,
    to: Any,
    user: User,
    reason: str,
    kind: str,
    name: str,
    head: Iterable[Any],
    rows: QuerySet[Any],
    cells: Callable[[Any], list[Any]],
    filters: list[str],
) -> int:
    """Write rows into the binary file `to` as `kind` ("xlsx" or "csv") and record it; returns their number.

    `filters` are names of the filters, never their values. Raises Refused: ROLE, REASON, EMPTY, MANY.
    """
    require_permission(user, PERMISSION)
    reason = require_reason(reason)
    count = rows.count()
    if not count:
        raise Refused("EMPTY", _("내보낼 것이 없습니다. 목록에서 다시 골라 주세요."))
    if count > MOST:
        raise Refused(
            "MANY",
            _("한 번에 %(most)s건까지 내보냅니다. 날이나 금액으로 더 좁혀 주세요.") % {"most": f"{MOST:,}"},
        )
    lines = ([_plain(value) for value in cells(row)] for row in rows.iterator(chunk_size=1_000))
    sheets.write(to, kind, [str(title) for title in head], lines, name=_("목록"))
    audit.record(
        actor=audit.actor(user),
        action="list.exported",
        object=f"list:{name}",
        reason=reason,
        detail={"count": count, "kind": kind, "filters": filters},
    )
    return count


def _plain(value: Any) -> Any:
    """A value of a cell: a moment as the clock in Seoul shows it, nothing as an empty text."""
    if isinstance(value, dt.datetime):
        return value.astimezone(clock.KST).replace(tzinfo=None, microsecond=0)
    return "" if value is None else value
