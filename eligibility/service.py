"""What other rooms may ask of the register and do to it.

Reading: whose lines these are, what was billed, how a verdict came about. Writing: a person's decision on a line.
Feeds are loaded by `eligibility.feed.load`, all lines are judged again by `eligibility.feed.rejudge`.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import F, Max, Q, QuerySet

from eligibility import rules, search
from eligibility.models import (
    Bill,
    Customer,
    Feed,
    HolderKind,
    Line,
    LineDecision,
    LineHistory,
    Outcome,
    VerdictChange,
)
from eligibility.rules.facts import local_day
from kt_remedy.audit import service as audit
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock, programme, raw_models
from kt_remedy.staff.models import User


class NotDecidable(Exception):
    """A decision that cannot be taken; the message says why."""


# Looking -----------------------------------------------------------------------------------------------


def lines_of(person_index: bytes) -> QuerySet[Line]:
    """The lines a person holds, by the blind index of their CI, with their customers; the newest contract first."""
    return (
        Line.objects.filter(customer__person_index=person_index)
        .select_related("customer")
        .order_by("-opened_on", "contract_no")
    )


def lines_of_wards(person_index: bytes) -> QuerySet[Line]:
    """The lines of minors whose guardian, as far as billing knows, this person is (D-16)."""
    return (
        Line.objects.filter(customer__guardian_ci_index=person_index)
        .select_related("customer")
        .order_by("customer_id", "-opened_on", "contract_no")
    )


def lines_with_bills(person_index: bytes) -> list[tuple[Line, list[Bill]]]:
    """The lines of a person and of their wards (D-16) with customers, the newest contract first, each with its bill
    rows, oldest first. One statement, written by hand: the page that asks is opened by everybody, and building the two
    queries through the ORM costs more than running them."""
    return _with_bills("c.person_index = %s OR c.guardian_ci_index = %s", [person_index, person_index])


def lines_by_contract_no(contract_nos: Iterable[str]) -> dict[str, Line]:
    """The lines with these contract numbers and their customers; a number nobody knows is no key."""
    return {line.pk: line for line, _bills in _with_bills("l.contract_no = ANY(%s)", [list(contract_nos)])}


def _with_bills(which: str, values: list) -> list[tuple[Line, list[Bill]]]:
    columns = ", ".join(
        raw_models.columns(alias, model) for alias, model in (("l", Line), ("c", Customer), ("b", Bill))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}"  # noqa: S608  (columns and conditions are our own; values are parameters)
            " FROM eligibility_line l JOIN eligibility_customer c ON c.customer_no = l.customer_no"
            " LEFT JOIN eligibility_bill b ON b.contract_no = l.contract_no"
            f" WHERE {which} ORDER BY l.opened_on DESC, l.contract_no, b.billed_on, b.item",
            values,
        )
        fetched = cursor.fetchall()
    customers_at = raw_models.width(Line)
    bills_at = customers_at + raw_models.width(Customer)
    found: dict[str, tuple[Line, list[Bill]]] = {}
    for row in fetched:
        line = raw_models.read(Line, row)
        if line.pk not in found:
            line.customer = raw_models.read(Customer, row, customers_at)
            found[line.pk] = (line, [])
        if row[bills_at] is not None:
            found[line.pk][1].append(raw_models.read(Bill, row, bills_at))
    return list(found.values())


def find_lines(
    *,
    msisdn: str = "",
    name: str = "",
    birth_date: dt.date | None = None,
    contract_no: str = "",
) -> QuerySet[Line]:
    """Lines for the desk, found by at least two facts of the holder, or by the contract number and one.

    Raises ValueError for fewer facts: one alone would let anybody leaf through the register. Whoever calls this
    records the search in the audit.
    """
    facts = [bool(msisdn), bool(name), birth_date is not None, bool(contract_no)]
    if sum(facts) < 2:
        raise ValueError("a search needs two facts of the holder")
    found = Line.objects.select_related("customer").order_by("customer_id", "contract_no")
    if contract_no:
        found = found.filter(contract_no=contract_no)
    if msisdn:
        found = found.filter(msisdn_index=search.msisdn_index(msisdn))
    if birth_date is not None:
        found = found.filter(customer__birth_date=birth_date)
    if name:
        found = found.filter(customer__name_index=search.name_index(name))
    return found


def number_is_released(number: str, *, since: dt.date | None = None) -> bool:
    """Whether a number is known to be nobody's: its newest line ended, and the number did not leave with it (D-44).

    With `since`, only where it ended on that day or later: whoever confirmed a number then had it.
    """
    newest = Line.objects.filter(msisdn_index=search.msisdn_index(number)).order_by("-opened_on", "contract_no").first()
    return (
        newest is not None
        and newest.status == "TERMINATED"
        and newest.termination_reason != "PORT_OUT"
        and (since is None or (newest.terminated_on is not None and newest.terminated_on >= since))
    )


def confirmed_number_or_blank(number: str | None, *, confirmed_at: dt.datetime) -> str:
    """A number its owner confirmed at a moment; "" once it was given up after that, or where there is none."""
    return number if number and not number_is_released(number, since=clock.kst_date(confirmed_at)) else ""


def language_of(customer: Customer | None) -> str:
    """What a holder is written to in, where they said nothing: English a foreigner, else Korean."""
    return "en" if customer is not None and customer.holder_kind == HolderKind.FOREIGNER else "ko"


def bills_of(contract_nos: Iterable[str]) -> dict[str, list[Bill]]:
    """The bill rows of some lines in one query: contract number to rows, oldest first; every number is a key."""
    wanted = list(contract_nos)
    bills: dict[str, list[Bill]] = {number: [] for number in wanted}
    for bill in Bill.objects.filter(line_id__in=wanted).order_by("line_id", "billed_on", "item"):
        bills[bill.line_id].append(bill)
    return bills


# Judging -----------------------------------------------------------------------------------------------


def facts_of(line: Line | LineHistory) -> rules.Facts:
    """The facts of a stored line as the rules look at them."""
    zone = programme.current().zone

    def day(instant: dt.datetime | None) -> dt.date | None:
        return None if instant is None else local_day(instant, zone)

    return rules.Facts(
        network=line.network,
        product=line.product,
        contract_type=line.contract_type,
        contract_event=line.contract_event,
        contract_started_on=local_day(line.contract_started_at, zone),
        commitment_started_on=local_day(line.commitment_started_at, zone),
        contract_months=line.contract_months,
        subsidy=line.subsidy_krw,
        extra_subsidy=line.extra_subsidy_krw,
        discount=line.discount_krw,
        suspended_days=line.suspended_days,
        terminated_on=day(line.terminated_at),
        termination_reason=line.termination_reason,
        port_requested_on=day(line.port_requested_at),
        rejoined_on=day(line.rejoined_at),
    )


def bill_facts(bills: Iterable[Bill]) -> list[rules.Bill]:
    """Stored bill rows as the rules look at them."""
    return [rules.Bill(bill.item, bill.billed_krw, bill.paid_krw, bill.waived_krw, bill.refunded_krw) for bill in bills]


def trace_of(line: Line, bills: Iterable[Bill] | None = None) -> tuple[rules.Check, ...]:
    """Every condition of the waiver for a line, passed or failed, with the value that decided it and its source.

    `bills` are the line's rows where the caller has them; else they are read.
    """
    rows = bills_of([line.pk])[line.pk] if bills is None else bills
    return rules.trace(facts_of(line), bill_facts(rows), programme.current())


def estimate_of(line: Line, on: dt.date | None = None) -> rules.Estimate:
    """The expected penalty of a line with its parts, on the day of termination or for a line in service on `on`.

    Without a day, a line in service is taken to end on the last day of the waiver, as its verdict does.
    """
    current = programme.current()
    facts = facts_of(line)
    return rules.estimate(facts, facts.terminated_on or on or current.waiver.terminated_to, current)


# Remembering -------------------------------------------------------------------------------------------


class LineView(NamedTuple):
    """What a customer was shown of one line: the answer that counted, the stored verdict behind it, in whole won."""

    customer_no: str
    contract_no: str
    own: bool  # False: seen by the guardian of the holder
    standing: str
    reasons: str
    refundable: int

    @classmethod
    def of(cls, line: Line, person_index: bytes) -> "LineView":
        """The line as this person sees it now."""
        own = line.customer.person_index == person_index
        return cls(line.customer_id, line.pk, own, line.effective_outcome, line.reasons, line.refundable_krw)


def record_line_views(seen: Collection[LineView], *, before: str) -> str:
    """Record what a verified person was shown of their lines; returns a digest of it.

    `before` is the digest of the last time in this session: the same answers are not recorded twice.
    """
    digest = hashlib.sha256(repr(sorted(seen)).encode()).hexdigest()[:32] if seen else ""
    if digest == before or not seen:
        return digest
    by_customer: dict[tuple[str, bool], dict[str, list]] = defaultdict(dict)
    for one in seen:
        by_customer[one.customer_no, one.own][one.contract_no] = [one.standing, one.reasons, one.refundable]
    with transaction.atomic():
        for (customer_no, own), lines in sorted(by_customer.items()):
            audit.record(
                actor="customer",
                action="lines.seen",
                object=f"customer:{customer_no}",
                subject=customer_no,
                detail={"lines": lines, "by": "holder" if own else "guardian"},
            )
    return digest


class VerdictPeriod(NamedTuple):
    """A verdict as it stood from `since` to `until` (None: still, or since before anything is known)."""

    since: dt.datetime | None
    until: dt.datetime | None
    outcome: str
    reasons: tuple[str, ...]
    expected_penalty: int
    refundable: int
    facts: rules.Facts


def verdict_periods(line: Line) -> list[VerdictPeriod]:
    """Every verdict a line ever had, the latest first: which one stood when."""
    rows: list[LineHistory | Line] = [*LineHistory.objects.filter(contract_no=line.pk).order_by("id"), line]
    first = Feed.objects.filter(state=Feed.State.LOADED, as_of=rows[0].as_of).order_by("id").first()
    since, found = (first.finished_at if first else None), []
    for row, following in pairwise([*rows, None]):
        assert row is not None
        if following is not None and _verdict(row) == _verdict(following):
            continue  # other facts of the line changed
        until = row.replaced_at if isinstance(row, LineHistory) else None
        reasons = tuple(row.reasons.split(";")) if row.reasons else ()
        found.append(
            VerdictPeriod(
                since, until, row.outcome, reasons, row.expected_penalty_krw, row.refundable_krw, facts_of(row)
            )
        )
        since = until
    return found[::-1]


def _verdict(row: LineHistory | Line) -> tuple[str, str, int, int]:
    return row.outcome, row.reasons, row.expected_penalty_krw, row.refundable_krw


def views_of(line: Line, *, limit: int = 20) -> list[AuditEntry]:
    """Who looked at a line, the latest first: its holder or guardian (with what they were shown), and staff."""
    entries = AuditEntry.objects.filter(
        Q(subject=line.customer_id, action="lines.seen", detail__lines__has_key=line.pk)
        | Q(object=f"line:{line.pk}", action="admin.viewed")
    )
    return list(entries.order_by("-at", "-id")[:limit])


# Deciding ----------------------------------------------------------------------------------------------


def awaiting_decision() -> QuerySet[Line]:
    """The reviewers' queue: lines whose verdict is REVIEW and which no person has decided, the oldest first."""
    return (
        Line.objects.filter(outcome=Outcome.REVIEW, decided_outcome="")
        .select_related("customer")
        .order_by("terminated_on", "contract_no")
    )


def record_decision(*, contract_no: str, outcome: str, reason: str, decided_by: User) -> LineDecision:
    """Write a person's decision on a line. It stands above the stored verdict until a later one.

    Rule: docs/architecture.md#rules.

    `outcome` is ELIGIBLE, NOT_ELIGIBLE or NOTHING_DUE. Raises PermissionDenied for staff who are no reviewer or whose
    own line it is, NotDecidable for an outcome that settles nothing, a missing reason or an unknown line.
    """
    if not decided_by.has_role("reviewer"):
        raise PermissionDenied
    if outcome not in {Outcome.ELIGIBLE, Outcome.NOT_ELIGIBLE, Outcome.NOTHING_DUE}:
        raise NotDecidable("a decision is ELIGIBLE, NOT_ELIGIBLE or NOTHING_DUE")
    if not reason.strip():
        raise NotDecidable("a decision needs a reason")
    with transaction.atomic():
        line = Line.objects.select_for_update(of=("self",)).select_related("customer").filter(pk=contract_no).first()
        if line is None:
            raise NotDecidable("there is no such line")
        own = decided_by.person_index
        if own is not None and own in {line.customer.person_index, line.customer.guardian_ci_index}:
            raise PermissionDenied
        decision = LineDecision.objects.create(
            line=line,
            outcome=outcome,
            reason=reason.strip(),
            decided_by=decided_by,
            decided_at=clock.now(),
            verdict_outcome=line.outcome,
            verdict_reasons=line.reasons,
            verdict_refundable_krw=line.refundable_krw,
            programme_version=line.programme_version,
        )
        before = line.effective_outcome
        line.decided_outcome = outcome
        line.save(update_fields=["decided_outcome"])
        if before != outcome:
            # Whoever holds an application on the line learns of it as of any other change.
            VerdictChange.objects.create(
                contract_no=line.pk,
                old_outcome=before,
                old_reasons=line.reasons,
                old_refundable_krw=line.refundable_krw,
                new_outcome=outcome,
                new_reasons=line.reasons,
                new_refundable_krw=line.refundable_krw,
                changed_at=decision.decided_at,
            )
        audit.record(
            actor=f"staff:{decided_by.pk}",
            action="line.decided",
            object=f"line:{line.pk}",
            subject=line.customer_id,
            reason=decision.reason,
            detail={"outcome": outcome, "verdict": line.outcome, "reasons": line.reasons},
        )
    return decision


def decisions_of(contract_nos: Iterable[str]) -> dict[str, list[LineDecision]]:
    """People's decisions on some lines, the latest first; only decided lines are keys."""
    decisions: dict[str, list[LineDecision]] = defaultdict(list)
    for decision in LineDecision.objects.filter(line_id__in=list(contract_nos)).order_by("-id"):
        decisions[decision.line_id].append(decision)
    return dict(decisions)


def overtaken_decisions() -> QuerySet[LineDecision]:
    """Decisions that stand on lines whose verdict has changed since: a feed or a rejudge never touches them."""
    last = LineDecision.objects.values("line_id").annotate(last=Max("id")).values("last")
    return LineDecision.objects.filter(pk__in=last).exclude(
        verdict_outcome=F("line__outcome"),
        verdict_reasons=F("line__reasons"),
        verdict_refundable_krw=F("line__refundable_krw"),
    )
