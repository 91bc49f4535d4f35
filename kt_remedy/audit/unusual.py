"""Unusual behaviour in the audit: rules over the acts of a member of staff on a day; thresholds: `unusual.toml`."""

# ruff: noqa: S608  (the parts of the statements are our own; every value is a parameter)

import datetime as dt
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.audit import actions, service
from kt_remedy.audit.models import AuditEntry, AuditSubject, LookMark
from kt_remedy.core import clock
from kt_remedy.core.errors import Refused

FILE = Path(__file__).with_name("unusual.toml")
KINDS: dict[str, Any] = {
    "walk": gettext_lazy("한 시간에 많은 고객을 차례로 봄"),
    "night": gettext_lazy("업무 시간이 아닌 때 봄"),
    "own": gettext_lazy("본인이나 가족의 정보를 봄"),
    "reveals": gettext_lazy("가린 번호를 많이 봄"),
    "searches": gettext_lazy("찾기만 하고 아무 일도 하지 않음"),
    "exports": gettext_lazy("목록과 파일을 많이 내려받음"),
}

_SINGLE = """
    SELECT e.id, e.actor, e.subject, e.at, (e.at AT TIME ZONE 'Asia/Seoul') AS local
    FROM audit_entry e
    WHERE e.at >= %(since)s AND e.at < %(until)s AND e.actor LIKE 'staff:%%'
      AND e.action = ANY(%(looks)s) AND e.subject <> ''
"""
_RULES = {
    "walk": f"""
        SELECT actor, local::date, count(DISTINCT subject), array_agg(id ORDER BY id)
        FROM ({_SINGLE}) s GROUP BY actor, local::date, date_trunc('hour', local)
        HAVING count(DISTINCT subject) >= %(customers)s
    """,
    "night": f"""
        SELECT actor, local::date, count(*), array_agg(id ORDER BY id)
        FROM ({_SINGLE}) s WHERE local::time < %(from)s OR local::time >= %(to)s
        GROUP BY actor, local::date HAVING count(*) >= %(looks_least)s
    """,
    "reveals": """
        SELECT actor, (at AT TIME ZONE 'Asia/Seoul')::date, count(*), array_agg(id ORDER BY id)
        FROM audit_entry
        WHERE at >= %(since)s AND at < %(until)s AND actor LIKE 'staff:%%'
          AND action LIKE 'reveal.%%'
        GROUP BY 1, 2 HAVING count(*) >= %(a_day)s
    """,
    "searches": """
        SELECT s.actor, (s.at AT TIME ZONE 'Asia/Seoul')::date, count(DISTINCT s.subject), array_agg(s.id ORDER BY s.id)
        FROM audit_entry s
        WHERE s.at >= %(since)s AND s.at < %(until)s AND s.action = 'customer.searched' AND s.subject <> ''
          AND NOT EXISTS (
              SELECT FROM audit_entry a WHERE a.subject = s.subject AND a.actor = s.actor AND a.action <> ALL(%(looks)s)
                AND a.at >= s.at AND a.at < s.at + interval '1 day')
        GROUP BY 1, 2 HAVING count(DISTINCT s.subject) >= %(without_act)s
    """,
    "exports": """
        SELECT actor, (at AT TIME ZONE 'Asia/Seoul')::date, count(*), array_agg(id ORDER BY id)
        FROM audit_entry
        WHERE at >= %(since)s AND at < %(until)s AND actor LIKE 'staff:%%' AND action = ANY(%(exports)s)
        GROUP BY 1, 2 HAVING count(*) >= %(a_day)s
    """,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Unusual behaviour of one member of staff on one day: its kind, how much, and its entries."""

    kind: str
    actor: str
    on: dt.date
    count: int
    entries: tuple[int, ...]

    @property
    def label(self) -> Any:
        """The kind in words."""
        return KINDS[self.kind]


@cache
def thresholds() -> dict[str, dict[str, Any]]:
    """The thresholds by kind."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def find(*, since: dt.date, until: dt.date, own_of: Callable[[str], Iterable[str]]) -> list[Finding]:
    """Unusual behaviour from `since` to `until` (KST, both inclusive), latest day first.

    `own_of` gives the customer numbers that are closed to an actor: their own and those of the household.
    """
    limits = thresholds()
    night = limits["night"]
    period: dict[str, Any] = {
        "since": clock.kst(since),
        "until": clock.kst(until + dt.timedelta(days=1)),
        "looks": actions.looks(),
        "exports": actions.exports(),
    }
    given: dict[str, dict[str, Any]] = {
        "walk": limits["walk"],
        "night": {"from": night["from"], "to": night["until"], "looks_least": night["looks"]},
        "reveals": limits["reveals"],
        "searches": limits["searches"],
        "exports": limits["exports"],
    }
    found = []
    with connection.cursor() as cursor:
        for kind, sql in _RULES.items():
            cursor.execute(sql, period | given[kind])
            found += [Finding(kind, actor, on, count, tuple(ids)) for actor, on, count, ids in cursor.fetchall()]
    found += _own(period["since"], period["until"], own_of, least=limits["own"]["looks"])
    order = list(KINDS)
    return sorted(found, key=lambda one: (-one.on.toordinal(), order.index(one.kind), one.actor))


@transaction.atomic
def mark(*, finding: Finding, user: AbstractUser, reason: str) -> int:
    """Mark the looks of a finding as unusual after checking them; their customers read it from then on.

    Returns how many are new. Raises Refused: ROLE, OWN (one's own looks).
    """
    if not user.has_perm("audit.mark_look"):
        raise Refused("ROLE", _("이 일은 다른 역할이 합니다."))
    if finding.actor == service.actor(user):
        raise Refused("OWN", _("본인의 조회는 다른 사람이 살펴보아야 합니다."))
    shown = AuditEntry.objects.filter(pk__in=finding.entries, mark=None, customers__isnull=False).distinct()
    marks = [
        LookMark(entry_id=pk, kind=finding.kind, at=clock.now(), by=service.actor(user))
        for pk in shown.values_list("pk", flat=True)
    ]
    LookMark.objects.bulk_create(marks, ignore_conflicts=True)
    service.record(
        actor=service.actor(user),
        action="look.marked",
        object=f"finding:{finding.kind}:{finding.on}:{finding.actor}",
        reason=reason,
        detail={"entries": len(marks)},
    )
    return len(marks)


def _own(
    since: dt.datetime, until: dt.datetime, own_of: Callable[[str], Iterable[str]], *, least: int
) -> Iterator[Finding]:
    rows = AuditSubject.objects.filter(at__gte=since, at__lt=until, entry__actor__startswith="staff:")
    for actor in rows.order_by("entry__actor").values_list("entry__actor", flat=True).distinct():
        closed = list(own_of(actor))
        if not closed:
            continue
        # A list shows everybody in it; only a page about one customer is a look that was chosen.
        of_one = rows.filter(entry__actor=actor, customer__in=closed, entry__subject__in=closed)
        days: dict[dt.date, list[int]] = {}
        for entry_id, at in of_one.order_by("entry_id").values_list("entry_id", "at"):
            days.setdefault(clock.kst_date(at), []).append(entry_id)
        yield from (Finding("own", actor, on, len(ids), tuple(ids)) for on, ids in days.items() if len(ids) >= least)
