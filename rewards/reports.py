"""Figures of the perks by perk, day and provider, and the progress of the bulk work.

Figures of the base and of grants come from the counts of the shards, so that millions of rows are not read again.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Perk
from kt_remedy.core.templatetags.remedy import kdate, kmonth
from rewards import codes
from rewards.enrolment import working
from rewards.models import BaseAddition, BaseLine, Entitlement, Grant, HandOff, PerkCount, RefusedRow, Shard
from rewards.templatetags.perks import perk_name


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One row of a chart; `share` is the length of its bar in thousandths of the longest."""

    label: str
    share: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart in a table."""

    title: str
    rows: list[ChartRow]


def chart_rows(rows: Iterable[tuple[object, int]]) -> list[ChartRow]:
    """Rows of a chart from labels and counts."""
    rows = list(rows)
    longest = max((count for _label, count in rows), default=0) or 1
    return [ChartRow(str(label), 1000 * count // longest, f"{count:,}") for label, count in rows]


def report_context() -> dict[str, Any]:
    """Context of the page of figures, from a dozen small queries."""
    counts_by_key = Counter[str]()
    for counts in Shard.objects.filter(kind=Shard.Kind.BASE).values_list("counts", flat=True):
        counts_by_key.update(counts)
    added = BaseAddition.objects.filter(state=BaseAddition.State.ADDED).values("was").annotate(n=Count("pk"))
    for was, number in added.order_by().values_list("was", "n"):
        counts_by_key[BaseLine.Why.IN_SERVICE] += number
        counts_by_key[was] -= number  # the reason by which the base left them out; "" for a line that it did not know
    perks = programme.current().perks
    charts = [
        Chart(_("기준일 회선"), chart_rows((label, counts_by_key[why]) for why, label in BaseLine.Why.choices)),
        Chart(_("혜택마다 대상 (한 분에 하나인 혜택은 사람 수)"), chart_rows(_holders(perks))),
        Chart(_("월 지급"), chart_rows(_grants())),
        Chart(_("고르고 신청한 것"), chart_rows(_entitlements())),
        Chart(_("날마다 고르고 신청한 것"), chart_rows(_entitlements_by_day())),
        Chart(_("남은 이용권 번호"), chart_rows(vouchers_left())),
        Chart(_("날마다 제공처에 전달된 건"), chart_rows(_delivered())),
        Chart(_("제공처가 못 받은 건의 이유"), chart_rows(_refusals())),
    ]
    return {
        "total": counts_by_key[BaseLine.Why.IN_SERVICE],
        "charts": charts,
        "low": codes.low_stocks(),
        "providers": working.reconcile(),
        "progress": working.progress(),
    }


def _holders(perks: Iterable[Perk]) -> list[tuple[str, int]]:
    """Lines of each perk by line, persons of each perk by person (D-56); 0 before the base is complete."""
    counts = {row.perk: row for row in PerkCount.objects.all()}
    rows = []
    for perk in perks:
        row = counts.get(perk.code)
        per_person = perk.unit == "PERSON"
        name = _("%(perk)s, 사람") if per_person else _("%(perk)s, 회선")
        number = 0 if row is None else row.persons if per_person else row.lines
        rows.append((name % {"perk": perk_name(perk.code)}, number))
    return rows


def _grants() -> list[tuple[str, int]]:
    states = dict(Grant.State.choices)
    counts_by_key = Counter[tuple]()
    granting = Shard.objects.filter(kind__in=(Shard.Kind.GRANT, Shard.Kind.FIX))
    for perk, month, counts in granting.values_list("perk", "month", "counts"):
        for state, number in counts.items():
            counts_by_key[month, perk, state] += number
    return [
        (f"{kmonth(month)} {perk_name(perk)} {states.get(state, state)}", number)
        for (month, perk, state), number in sorted(counts_by_key.items())
    ]


def _entitlements() -> list[tuple[str, int]]:
    kinds = dict(Entitlement.Kind.choices)
    services = {choice.code: choice.name for perk in programme.current().perks for choice in perk.choices}
    groups = (
        Entitlement.objects.values("perk", "kind", "choice")
        .annotate(n=Count("id"), issued=Count("voucher"))
        .order_by("perk", "kind", "choice")
    )
    rows = []
    for row in groups:
        choice = services.get(row["choice"], row["choice"])
        name = " ".join(filter(None, [perk_name(row["perk"]), str(kinds[row["kind"]]), choice]))
        rows.append((name, row["n"]))
        if row["issued"]:
            rows.append((_("%(name)s, 번호 받음") % {"name": name}, row["issued"]))
    return rows


def _entitlements_by_day() -> list[tuple[str, int]]:
    day = TruncDate("made_at", tzinfo=clock.KST)
    groups = Entitlement.objects.annotate(day=day).values("day", "perk").annotate(n=Count("id")).order_by("day", "perk")
    return [(f"{kdate(row['day'])} {perk_name(row['perk'])}", row["n"]) for row in groups]


def vouchers_left() -> list[tuple[str, int]]:
    """Codes that are not issued yet, by service."""
    return [(f"{perk_name(stock.perk.code)} {stock.choice.name}", stock.left) for stock in codes.stocks()]


def _delivered() -> list[tuple[str, int]]:
    groups = (
        HandOff.objects.filter(state=HandOff.State.ACKNOWLEDGED)
        .annotate(day=TruncDate("acknowledged_at", tzinfo=clock.KST))
        .values("day", "provider", "shard__perk")
        .annotate(n=Sum("rows") - Sum("refused"))
        .order_by("day", "provider", "shard__perk")
    )
    return [(f"{kdate(row['day'])} {row['provider']} {perk_name(row['shard__perk'])}", row["n"]) for row in groups]


def _refusals() -> list[tuple[str, int]]:
    groups = RefusedRow.objects.values("hand_off__provider", "code").annotate(n=Count("id")).order_by("-n")
    return [(f"{row['hand_off__provider']} {row['code']}".strip(), row["n"]) for row in groups[:20]]
