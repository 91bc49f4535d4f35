"""Figures of the perks: enrolled, chosen, delivered, failed, by perk, day and provider; and how far the work is.

Enrolment and grants come from what each shard counted when it was done, never from millions of rows read again.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kdate, kmonth
from rewards.enrolment import working
from rewards.models import BaseLine, Entitlement, Grant, HandOff, RefusedRow, Shard, Voucher
from rewards.templatetags.perks import perk_name


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One row of a chart, as `partials/bars.html` takes it."""

    label: str
    share: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that is its own table."""

    title: str
    rows: list[ChartRow]


def chart_rows(rows: Iterable[tuple[object, int]]) -> list[ChartRow]:
    """Rows of a chart, the longest being the whole width."""
    rows = list(rows)
    longest = max((count for _label, count in rows), default=0) or 1
    return [ChartRow(str(label), 1000 * count // longest, f"{count:,}") for label, count in rows]


def report_context() -> dict[str, Any]:
    """Everything the page of figures shows; a dozen small queries."""
    counted = Counter[str]()
    for counts in Shard.objects.filter(kind=Shard.Kind.BASE).values_list("counts", flat=True):
        counted.update(counts)
    perks = programme.current().perks
    charts = [
        Chart(_("기준일 회선"), chart_rows((label, counted[why]) for why, label in BaseLine.Why.choices)),
        Chart(_("혜택마다 대상 회선"), chart_rows((perk_name(perk.code), counted[perk.code]) for perk in perks)),
        Chart(_("월 지급"), chart_rows(_grants())),
        Chart(_("고르고 신청한 것"), chart_rows(_entitlements())),
        Chart(_("날마다 고르고 신청한 것"), chart_rows(_entitlements_by_day())),
        Chart(_("남은 이용권 번호"), chart_rows(vouchers_left())),
        Chart(_("날마다 제공처에 전달된 건"), chart_rows(_delivered())),
        Chart(_("제공처가 못 받은 건의 까닭"), chart_rows(_refusals())),
    ]
    return {
        "total": counted[BaseLine.Why.IN_SERVICE],
        "charts": charts,
        "providers": working.reconcile(),
        "progress": working.progress(),
    }


def _grants() -> list[tuple[str, int]]:
    states = dict(Grant.State.choices)
    counted = Counter[tuple]()
    for perk, month, counts in Shard.objects.filter(kind=Shard.Kind.GRANT).values_list("perk", "month", "counts"):
        for state, number in counts.items():
            counted[month, perk, state] += number
    return [
        (f"{kmonth(month)} {perk_name(perk)} {states.get(state, state)}", number)
        for (month, perk, state), number in sorted(counted.items())
    ]


def _entitlements() -> list[tuple[str, int]]:
    kinds = dict(Entitlement.Kind.choices)
    services = {choice.code: choice.name for perk in programme.current().perks for choice in perk.choices}
    found = (
        Entitlement.objects.values("perk", "kind", "choice")
        .annotate(n=Count("id"), issued=Count("voucher"))
        .order_by("perk", "kind", "choice")
    )
    rows = []
    for row in found:
        choice = services.get(row["choice"], row["choice"])
        name = " ".join(filter(None, [perk_name(row["perk"]), str(kinds[row["kind"]]), choice]))
        rows.append((name, row["n"]))
        if row["issued"]:
            rows.append((_("%(name)s, 번호 받음") % {"name": name}, row["issued"]))
    return rows


def _entitlements_by_day() -> list[tuple[str, int]]:
    day = TruncDate("made_at", tzinfo=clock.KST)
    found = Entitlement.objects.annotate(day=day).values("day", "perk").annotate(n=Count("id")).order_by("day", "perk")
    return [(f"{kdate(row['day'])} {perk_name(row['perk'])}", row["n"]) for row in found]


def vouchers_left() -> list[tuple[str, int]]:
    """Codes not handed out yet, by service; one query."""
    left = {
        (row["perk"], row["choice"]): row["n"]
        for row in Voucher.objects.filter(entitlement=None).values("perk", "choice").annotate(n=Count("id"))
    }
    return [
        (f"{perk_name(perk.code)} {choice.name}", left.get((perk.code, choice.code), 0))
        for perk in programme.current().perks
        for choice in perk.choices
    ]


def _delivered() -> list[tuple[str, int]]:
    found = (
        HandOff.objects.filter(state=HandOff.State.ACKNOWLEDGED)
        .annotate(day=TruncDate("acknowledged_at", tzinfo=clock.KST))
        .values("day", "provider", "shard__perk")
        .annotate(n=Sum("rows") - Sum("refused"))
        .order_by("day", "provider", "shard__perk")
    )
    return [(f"{kdate(row['day'])} {row['provider']} {perk_name(row['shard__perk'])}", row["n"]) for row in found]


def _refusals() -> list[tuple[str, int]]:
    found = RefusedRow.objects.values("hand_off__provider", "code").annotate(n=Count("id")).order_by("-n")
    return [(f"{row['hand_off__provider']} {row['code']}".strip(), row["n"]) for row in found[:20]]
