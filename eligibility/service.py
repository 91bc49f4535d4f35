"""Interface of the register for the other packages: read lines, bills and verdicts; record line decisions.

Deliveries are loaded by `eligibility.feed.load`. All lines are judged again by `eligibility.feed.rejudge`.
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
from django.utils.translation import gettext_lazy as _

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
from kt_remedy.audit.models import AuditEntry, AuditSubject
from kt_remedy.core import clock, programme, raw_models
from kt_remedy.core.errors import Refused
from kt_remedy.staff import household
from kt_remedy.staff.models import User


class NotDecidable(Refused):
    """A decision on a line that cannot be recorded, by code."""

    sentences = {
        "OUTCOME": _("결정을 골라 주세요"),
        "REASON": _("사유를 적어 주세요"),
        "UNKNOWN": _("회선을 찾을 수 없습니다."),
    }


# Lines and bills -----------------------------------------------------------------------------------------------


def lines_of(person_index: bytes) -> QuerySet[Line]:
    """Lines whose holder has this person index, with their customers, newest contract first."""
    return (
        Line.objects.filter(customer__person_index=person_index)
        .select_related("customer")
        .order_by("-opened_on", "contract_no")
    )


def lines_of_wards(person_index: bytes) -> QuerySet[Line]:
    """Lines of minors whose guardian in the billing data has this person index, with their customers (D-16)."""
    return (
        Line.objects.filter(customer__guardian_ci_index=person_index)
        .select_related("customer")
        .order_by("customer_id", "-opened_on", "contract_no")
    )


def lines_with_bills(person_index: bytes) -> list[tuple[Line, list[Bill]]]:
    """Lines of a person and of their wards (D-16) with customers, newest contract first, and bill rows, oldest first.

    One raw SQL statement: every customer opens the page that calls this, and the ORM needs more time to build its two
    queries than the database needs to run them.
    """
    return _with_bills("c.person_index = %s OR c.guardian_ci_index = %s", [person_index, person_index])


def lines_by_contract_no(contract_nos: Iterable[str]) -> dict[str, Line]:
    """Lines with their customers by contract number; unknown numbers are missing from the result."""
    return {line.pk: line for line, _bills in _with_bills("l.contract_no = ANY(%s)", [list(contract_nos)])}


def _with_bills(condition: str, values: list) -> list[tuple[Line, list[Bill]]]:
    columns = ", ".join(
        raw_models.columns(alias, model) for alias, model in (("l", Line), ("c", Customer), ("b", Bill))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}"  # noqa: S608  (columns and conditions are our own; values are parameters)
            " FROM eligibility_line l JOIN eligibility_customer c ON c.customer_no = l.customer_no"
            " LEFT JOIN eligibility_bill b ON b.contract_no = l.contract_no"
            f" WHERE {condition} ORDER BY l.opened_on DESC, l.contract_no, b.billed_on, b.item",
            values,
        )
        fetched = cursor.fetchall()
    customers_at = raw_models.width(Line)
    bills_at = customers_at + raw_models.width(Customer)
    lines: dict[str, tuple[Line, list[Bill]]] = {}
    for row in fetched:
        line = raw_models.read(Line, row)
        if line.pk not in lines:
            line.customer = raw_models.read(Customer, row, customers_at)
            lines[line.pk] = (line, [])
        if row[bills_at] is not None:
            lines[line.pk][1].append(raw_models.read(Bill, row, bills_at))
    return list(lines.values())


def find_lines(
    *,
    msisdn: str = "",
    name: str = "",
    birth_date: dt.date | Collection[dt.date] | None = None,
    contract_no: str = "",
) -> QuerySet[Line]:
    """Lines that match at least two of the four values, with their customers.

    `birth_date` may hold several days: six digits are a day of two centuries. The words of `name` may stand in any
    order. The caller records the search in the audit. Raises ValueError for fewer than two values: with one alone, a
    clerk could browse the register.
    """
    facts = [bool(msisdn), bool(name), birth_date is not None, bool(contract_no)]
    if sum(facts) < 2:
        raise ValueError("a search needs two facts of the holder")
    lines = Line.objects.select_related("customer").order_by("customer_id", "contract_no")
    if contract_no:
        lines = lines.filter(contract_no=contract_no)
    if msisdn:
        lines = lines.filter(msisdn_index=search.msisdn_index(msisdn))
    if birth_date is not None:
        days = [birth_date] if isinstance(birth_date, dt.date) else birth_date
        lines = lines.filter(customer__birth_date__in=days)
    if name:
        lines = lines.filter(customer__name_index__in=search.name_indexes(name))
    return lines


def number_is_released(number: str, *, since: dt.date | None = None) -> bool:
    """True if the number is free again: its newest line was terminated, and not by a port-out (D-44).

    With `since`, the termination must lie on that day or later, because a person who confirmed the number on that day
    still had it.
    """
    return is_released(newest_lines([number]).get(number), since=since)


def newest_lines(numbers: Iterable[str]) -> dict[str, Line]:
    """The newest line of each number, read in one query; a number without a line is no key."""
    keys = {number: search.msisdn_index(number) for number in numbers}
    rows = Line.objects.filter(msisdn_index__in=set(keys.values()))
    newest = {
        bytes(line.msisdn_index): line
        for line in rows.order_by("msisdn_index", "-opened_on", "contract_no").distinct("msisdn_index")
    }
    return {number: newest[bytes(key)] for number, key in keys.items() if bytes(key) in newest}


def is_released(newest: Line | None, *, since: dt.date | None = None) -> bool:
    """`number_is_released` for the newest line of a number (`newest_lines`)."""
    return (
        newest is not None
        and newest.status == "TERMINATED"
        and newest.termination_reason != "PORT_OUT"
        and (since is None or (newest.terminated_on is not None and newest.terminated_on >= since))
    )


def confirmed_number_or_blank(number: str | None, *, confirmed_at: dt.datetime) -> str:
    """The number its owner confirmed at that time, or "" if it was released since then or is missing (D-44)."""
    return confirmed_numbers([(number, confirmed_at)])[0]


def confirmed_numbers(confirmed: Iterable[tuple[str | None, dt.datetime]]) -> list[str]:
    """`confirmed_number_or_blank` of each number and time, in their order; one query for all of them."""
    known = list(confirmed)
    newest = newest_lines({number for number, _at in known if number})
    return [
        number if number and not is_released(newest.get(number), since=clock.kst_date(at)) else ""
        for number, at in known
    ]


def language_of(customer: Customer | None) -> str:
    """Default message language: English for foreigners, otherwise Korean."""
    return "en" if customer is not None and customer.holder_kind == HolderKind.FOREIGNER else "ko"


def bills_of(contract_nos: Iterable[str]) -> dict[str, list[Bill]]:
    """Bill rows by contract number, oldest first, read in one query; every given number is a key."""
    wanted = list(contract_nos)
    bills: dict[str, list[Bill]] = {number: [] for number in wanted}
    for bill in Bill.objects.filter(line_id__in=wanted).order_by("line_id", "billed_on", "item"):
        bills[bill.line_id].append(bill)
    return bills


# Verdicts ----------------------------------------------------------------------------------------------


def facts_of(line: Line | LineHistory) -> rules.Facts:
    """The facts of a stored line, as the rules take them."""
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
    """Stored bill rows, as the rules take them."""
    return [rules.Bill(bill.item, bill.billed_krw, bill.paid_krw, bill.waived_krw, bill.refunded_krw) for bill in bills]


def trace_of(line: Line, bills: Iterable[Bill] | None = None) -> tuple[rules.Check, ...]:
    """The trace of a line's verdict: each condition of the waiver with its result, value and source.

    Reads the bill rows of the line unless the caller passes them.
    """
    rows = bills_of([line.pk])[line.pk] if bills is None else bills
    return rules.trace(facts_of(line), bill_facts(rows), programme.current())


def estimate_of(line: Line, on: dt.date | None = None) -> rules.Estimate:
    """The expected penalty of a line in won with its components, on the day of termination.

    A line in service is estimated for `on`, by default the last day of the waiver, as in its verdict.
    """
    current = programme.current()
    facts = facts_of(line)
    return rules.estimate(facts, facts.terminated_on or on or current.waiver.terminated_to, current)


# Record of views ----------------------------------------------------------------------------------------


class LineView(NamedTuple):
    """One line as a page showed it to a person: effective outcome, reasons of the verdict, refundable amount in won."""

    customer_no: str
    contract_no: str
    own: bool  # False: shown to the guardian of the holder
    outcome: str
    reasons: str
    refundable: int

    @classmethod
    def of(cls, line: Line, person_index: bytes) -> "LineView":
        """The view of a line that this person gets now."""
        own = line.customer.person_index == person_index
        return cls(line.customer_id, line.pk, own, line.effective_outcome, line.reasons, line.refundable_krw)


def record_line_views(views: Collection[LineView], *, before: str) -> str:
    """Record in the audit which line views a verified person got; returns their digest.

    `before` is the digest of the last call in this session. Equal views are not recorded twice.
    """
    digest = hashlib.sha256(repr(sorted(views)).encode()).hexdigest()[:32] if views else ""
    if digest == before or not views:
        return digest
    by_customer: dict[tuple[str, bool], dict[str, list]] = defaultdict(dict)
    for view in views:
        by_customer[view.customer_no, view.own][view.contract_no] = [view.outcome, view.reasons, view.refundable]
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
    """A verdict that was in force from `since` (None: unknown) until `until` (None: now). Amounts in won."""

    since: dt.datetime | None
    until: dt.datetime | None
    outcome: str
    reasons: tuple[str, ...]
    expected_penalty: int
    refundable: int
    facts: rules.Facts


def verdict_periods(line: Line) -> list[VerdictPeriod]:
    """The verdict history of a line, latest first."""
    rows: list[LineHistory | Line] = [*LineHistory.objects.filter(contract_no=line.pk).order_by("id"), line]
    first = Feed.objects.filter(state=Feed.State.LOADED, as_of=rows[0].as_of).order_by("id").first()
    since, periods = (first.finished_at if first else None), []
    for row, following in pairwise([*rows, None]):
        assert row is not None
        if following is not None and _stored_verdict(row) == _stored_verdict(following):
            continue  # only facts of the line changed
        until = row.replaced_at if isinstance(row, LineHistory) else None
        reasons = tuple(row.reasons.split(";")) if row.reasons else ()
        amounts = (row.expected_penalty_krw, row.refundable_krw)
        periods.append(VerdictPeriod(since, until, row.outcome, reasons, *amounts, facts_of(row)))
        since = until
    return periods[::-1]


def _stored_verdict(row: LineHistory | Line) -> tuple[str, str, int, int]:
    return row.outcome, row.reasons, row.expected_penalty_krw, row.refundable_krw


def views_of(line: Line, *, limit: int = 20) -> list[AuditEntry]:
    """Audit entries of views of a line by its holder, its guardian (with the view) or staff, latest first.

    A look of staff at anything of its holder counts, on whatever page.
    """
    looked_at = AuditSubject.objects.filter(customer=line.customer_id).order_by("-at", "-id")
    entries = AuditEntry.objects.filter(
        Q(subject=line.customer_id, action="lines.seen", detail__lines__has_key=line.pk)
        | Q(pk__in=list(looked_at.values_list("entry_id", flat=True)[:limit]))
    )
    return list(entries.order_by("-at", "-id")[:limit])


# Line decisions --------------------------------------------------------------------------------------------


def awaiting_decision() -> QuerySet[Line]:
    """The reviewers' queue: lines with verdict REVIEW and without a line decision, oldest termination first."""
    return (
        Line.objects.filter(outcome=Outcome.REVIEW, decided_outcome="")
        .select_related("customer")
        .order_by("terminated_on", "contract_no")
    )


def record_decision(*, contract_no: str, outcome: str, reason: str, decided_by: User) -> LineDecision:
    """Record a reviewer's decision on a line. It outweighs the verdict until a later decision.

    Rule: docs/architecture.md#rules. `outcome` is ELIGIBLE, NOT_ELIGIBLE or NOTHING_DUE.

    Raises PermissionDenied if the member of staff is no reviewer or is the holder or guardian of the line, and
    NotDecidable for another outcome, a missing reason or an unknown line.
    """
    if not decided_by.has_perm("eligibility.decide_line"):
        raise PermissionDenied
    if outcome not in {Outcome.ELIGIBLE, Outcome.NOT_ELIGIBLE, Outcome.NOTHING_DUE}:
        raise NotDecidable("OUTCOME")
    if not reason.strip():
        raise NotDecidable("REASON")
    with transaction.atomic():
        line = Line.objects.select_for_update(of=("self",)).select_related("customer").filter(pk=contract_no).first()
        if line is None:
            raise NotDecidable("UNKNOWN")
        for person in filter(None, (line.customer.person_index, line.customer.guardian_ci_index)):
            if household.is_closed(decided_by, person):
                raise household.CaseClosed(household.closed_sentence(decided_by, person))
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
            # An application on the line is reevaluated as after any other verdict change.
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
            actor=audit.actor(decided_by),
            action="line.decided",
            object=f"line:{line.pk}",
            subject=line.customer_id,
            reason=decision.reason,
            detail={"outcome": outcome, "verdict": line.outcome, "reasons": line.reasons},
        )
    return decision


def decisions_of(contract_nos: Iterable[str]) -> dict[str, list[LineDecision]]:
    """Line decisions by contract number, latest first; only decided lines are keys."""
    decisions: dict[str, list[LineDecision]] = defaultdict(list)
    for decision in LineDecision.objects.filter(line_id__in=list(contract_nos)).order_by("-id"):
        decisions[decision.line_id].append(decision)
    return dict(decisions)


def overtaken_decisions() -> QuerySet[LineDecision]:
    """Latest decisions of lines whose verdict has changed since. A delivery or rejudge never changes a decision."""
    last = LineDecision.objects.values("line_id").annotate(last=Max("id")).values("last")
    return LineDecision.objects.filter(pk__in=last).exclude(
        verdict_outcome=F("line__outcome"),
        verdict_reasons=F("line__reasons"),
        verdict_refundable_krw=F("line__refundable_krw"),
    )
