"""Read the facts of promises from the database: one statement for any number of applications, a second for corrections.

Nothing here decides anything; `rules` does.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from eligibility import service as register
from eligibility.models import Bill, Line
from kt_remedy.core import clock, programme
from refunds import balance, calendar
from refunds.bankfiles.returns import pays_same_account_again, waits_for_person
from refunds.models.batches import Batch
from refunds.models.item_states import LIVE, ItemStatus
from refunds.promise.facts import DayKind, Facts, Last, Payment, Reason, Situation

_FACTS = """
SELECT a.id, a.status, a.status_since AS since, a.applied_on, a.lateness, a.hold_until, a.documents_due_on, a.reviewed,
       a.flag = 'VERDICT_CHANGED' AS flagged, l.terminated_on, l.reasons, l.refundable_krw,
       COALESCE(NULLIF(l.decided_outcome, ''), l.outcome) AS outcome, account.bank_code = '000' AS offline,
       f.representation, f.person_index, f.language, COALESCE(bills.whole, 0)::bigint AS full_krw,
       COALESCE(bills.missing, 0)::bigint AS open_krw, h.placed_at AS held_at,
       i.status AS item_status, i.code AS item_code, i.amount_krw AS item_won, i.status_at AS item_at,
       i.account_id = a.account_id AS item_account,
       b.pay_on AS item_pay_on, part.execution_on, part.status AS part_status,
       t.days AS taken_out, t.at AS taken_out_at, m.paid_on AS offline_on, m.amount_krw AS offline_won,
       EXISTS (SELECT FROM refunds_adjustment j WHERE j.application_id = a.id AND j.status = 'APPROVED') AS corrected,
       p.number, p.situation, p.kind, p.day, p.previous_day, p.reason, p.since AS counted_from, p.sentence, p.check_at
FROM refunds_application a
JOIN eligibility_line l ON l.contract_no = a.contract_no
JOIN refunds_filing f ON f.id = a.filing_id
JOIN refunds_account account ON account.id = a.account_id
LEFT JOIN LATERAL (
    SELECT SUM(GREATEST(0, billed_krw - waived_krw - refunded_krw)) AS whole,
           SUM(GREATEST(0, billed_krw - waived_krw - paid_krw)) AS missing
    FROM eligibility_bill WHERE contract_no = a.contract_no AND item = ANY(%(items)s)) bills ON true
LEFT JOIN refunds_hold h ON h.application_id = a.id AND h.released_at IS NULL
LEFT JOIN LATERAL (
    SELECT * FROM refunds_item
    WHERE application_id = a.id AND kind = 'REFUND' AND status <> 'VOID' ORDER BY id DESC LIMIT 1) i ON true
LEFT JOIN refunds_batch b ON b.id = i.batch_id
LEFT JOIN refunds_bank_file part ON part.id = i.file_id
LEFT JOIN LATERAL (
    SELECT array_agg(tb.pay_on) AS days, max(v.status_at) AS at
    FROM refunds_item v JOIN refunds_batch tb ON tb.id = v.batch_id
    WHERE v.application_id = a.id AND v.kind = 'REFUND' AND v.taken_out_because <> ''
      AND v.id > COALESCE(i.id, 0)) t ON true
LEFT JOIN refunds_manual_payment m ON m.application_id = a.id AND m.status = 'CONFIRMED'
LEFT JOIN LATERAL (
    SELECT * FROM refunds_promise WHERE application_id = a.id ORDER BY number DESC LIMIT 1) p ON true
WHERE a.id = ANY(%(ids)s)
"""
# Corrections that are approved, with their last payment.
_CORRECTIONS = """
SELECT j.application_id, j.amount_krw, j.decided_at, i.status, i.code, i.account_id = a.account_id AS same_account,
       COALESCE(part.execution_on, b.pay_on) AS value_on
FROM refunds_adjustment j
JOIN refunds_application a ON a.id = j.application_id
LEFT JOIN LATERAL (
    SELECT * FROM refunds_item WHERE adjustment_id = j.id AND status <> 'VOID' ORDER BY id DESC LIMIT 1) i ON true
LEFT JOIN refunds_batch b ON b.id = i.batch_id
LEFT JOIN refunds_bank_file part ON part.id = i.file_id
WHERE j.status = 'APPROVED' AND j.application_id = ANY(%(ids)s)
"""
_HANDED_OVER = ("HANDED_OVER", "ACCEPTED", "REFUSED")


@dataclass(frozen=True, slots=True)
class Known:
    """Facts of an application, and what the record of its promise needs besides."""

    facts: Facts
    person_index: bytes
    language: str
    number: int  # of the last record, 0 without one
    sentence: str  # of the last record
    check_at: dt.datetime | None


def known_of(application_ids: Iterable[int], *, now: dt.datetime) -> dict[int, Known]:
    """Facts of these applications at `now`, by id."""
    ids = list(application_ids)
    if not ids:
        return {}
    unfrozen = waiting_rounds(now)
    rows = _dicts(_FACTS, {"ids": ids, "items": list(programme.current().waiver.refundable_items)})
    corrections: dict[int, list[dict[str, Any]]] = {}
    # What came back is sent again as far as it is still due (D-63).
    returned = [row["id"] for row in rows if row["item_status"] == ItemStatus.RETURNED]
    due = {pk: found.expected for pk, found in balance.for_applications(returned).items()} if returned else {}
    for row in rows:
        row["refundable_krw"] = due.get(row["id"], row["refundable_krw"])
    corrected = [row["id"] for row in rows if row["corrected"]]
    for row in _dicts(_CORRECTIONS, {"ids": corrected}) if corrected else ():
        corrections.setdefault(row["application_id"], []).append(row)
    return {row["id"]: _known(row, corrections.get(row["id"], []), unfrozen, now) for row in rows}


def facts_of_line(
    line: Line,
    bill_rows: Iterable[Bill],
    *,
    representation: str,
    now: dt.datetime,
    applied_on: dt.date | None = None,
) -> Facts:
    """Facts of a line that nobody has applied for, as if it were applied for on a day, today unless given."""
    refundable = programme.current().waiver.refundable_items
    bills = register.bill_facts(bill for bill in bill_rows if bill.item in refundable)
    return Facts(
        since=now,
        applied_on=applied_on or clock.kst_date(now),
        terminated_on=line.terminated_on,
        outcome=line.effective_outcome,
        reasons=tuple(line.reason_codes),
        representation=representation,
        refundable_krw=line.refundable_krw,
        full_krw=sum(max(0, bill.billed - bill.waived - bill.refunded) for bill in bills),
        open_krw=sum(max(0, bill.billed - bill.waived - bill.paid) for bill in bills),
    )


def waiting_rounds(now: dt.datetime) -> frozenset[dt.date]:
    """Pay days whose cut-off has passed and whose batch is not frozen, or was opened again."""
    current = programme.current()
    today = clock.kst_date(now)
    closed = {r.pay_on for r in calendar.payout_rounds(current) if r.cut_off <= now and r.pay_on >= today}
    if not closed:
        return frozenset()
    frozen = Batch.objects.filter(pay_on__in=closed).exclude(status=Batch.Status.OPEN)
    return frozenset(closed - set(frozen.values_list("pay_on", flat=True)))


def _dicts(query: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _known(
    row: dict[str, Any], corrections: list[dict[str, Any]], unfrozen: frozenset[dt.date], now: dt.datetime
) -> Known:
    payment = _payment(row, corrections)
    facts = Facts(
        status=row["status"],
        since=row["since"],
        applied_on=row["applied_on"],
        lateness=row["lateness"],
        terminated_on=row["terminated_on"],
        outcome=row["outcome"],
        reasons=tuple(row["reasons"].split(";")) if row["reasons"] else (),
        representation=row["representation"],
        offline=row["offline"],
        hold_until=row["hold_until"],
        documents_due_on=row["documents_due_on"],
        reviewed=row["reviewed"],
        refundable_krw=row["refundable_krw"],
        full_krw=row["full_krw"],
        open_krw=row["open_krw"],
        held_at=row["held_at"],
        flagged=row["flagged"],
        payment=payment,
        taken_out=frozenset(row["taken_out"] or ()),
        taken_out_at=row["taken_out_at"],
        offline_paid=(row["offline_on"], row["offline_won"]) if row["offline_on"] else None,
        difference=_difference(row, corrections, now),
        returned_correction_krw=sum(c["amount_krw"] for c in corrections if _asks_for_account(c)),
        unfrozen=unfrozen,
        last=_last(row),
    )
    return Known(
        facts, bytes(row["person_index"]), row["language"], row["number"] or 0, row["sentence"] or "", row["check_at"]
    )


def _last(row: dict[str, Any]) -> Last | None:
    if row["number"] is None:
        return None
    return Last(
        Situation(row["situation"]),
        DayKind(row["kind"]),
        row["day"],
        row["previous_day"],
        Reason(row["reason"]),
        row["counted_from"],
    )


def _payment(row: dict[str, Any], corrections: list[dict[str, Any]]) -> Payment | None:
    if row["item_status"] is None:
        return None
    won, value_on = row["item_won"], row["execution_on"] or row["item_pay_on"]
    if row["item_status"] == ItemStatus.PAID:
        paid = [c for c in corrections if c["status"] == ItemStatus.PAID]
        won += sum(c["amount_krw"] for c in paid)
        value_on = max([value_on, *(c["value_on"] for c in paid)])
    fault = ""
    if row["item_status"] == ItemStatus.RETURNED:
        fault = "ACCOUNT"
        if waits_for_person(row["item_code"]):
            fault = "PAYER"
        elif pays_same_account_again(row["item_code"]) and row["item_account"]:
            fault = "BANK"
    return Payment(
        row["item_status"],
        value_on,
        row["item_pay_on"],
        won,
        row["item_at"],
        handed_over=row["part_status"] in _HANDED_OVER,
        refused=row["part_status"] == "REFUSED",
        fault=fault,
    )


def _asks_for_account(correction: dict[str, Any]) -> bool:
    returned = correction["status"] == ItemStatus.RETURNED and correction["same_account"]
    return returned and not pays_same_account_again(correction["code"])


def _difference(
    row: dict[str, Any], corrections: list[dict[str, Any]], now: dt.datetime
) -> tuple[dt.date | None, int] | None:
    """Day and won of the corrections that are on their way; a held application has no such day."""
    coming = [c for c in corrections if c["status"] not in {ItemStatus.PAID, ItemStatus.UNKNOWN}]
    coming = [c for c in coming if not _asks_for_account(c)]
    if not coming or row["held_at"] is not None:
        return None
    current, days = programme.current(), set()
    for correction in coming:
        if correction["status"] in LIVE:
            days.add(correction["value_on"])
            continue
        rounds = (r for r in calendar.payout_rounds(current) if now < r.cut_off)
        following = next((r for r in rounds if correction["decided_at"] < r.cut_off), None)
        days.add(following.pay_on if following else None)
    day = None if None in days else max(day for day in days if day)
    if day is not None and day < clock.kst_date(now):
        return None
    return day, sum(c["amount_krw"] for c in coming)
