"""Batches: freeze a round, approve it by another person, send it back, take an item out.

Large steps are single SQL statements over all items.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import chain
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Programme
from kt_remedy.staff.models import User
from refunds.applications import bank_layout
from refunds.bankfiles.returns import SAME_ACCOUNT
from refunds.calendar import PayoutRound, next_business_day, payout_rounds, round_on
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch, RoundForecast
from refunds.models.item_states import HOLDING_SQL, NOT_BACK_SQL
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts import freeze_needs, funds, independent_check, selection, stops
from refunds.payouts.guards import (
    Refused,
    is_maker,
    lock_batch,
    person_of,
    raise_timeouts,
    record_act,
    require_permission,
    require_reason,
    void_figures,
)
from refunds.payouts.independent_check import HASH_TOTAL
from refunds.promise import service as promise

# Each item taken out is one entry of the audit.
TAKE_OUT_MOST = 1000
# Items that can still be taken out. Those of a filed batch follow their discarded parts.
_REMOVABLE = (Item.Status.QUEUED, Item.Status.FILED)


@dataclass(frozen=True, slots=True)
class Projection:
    """A coming round as if it closed now: applications and won that it would pay, and those it would leave out.

    `excluded` holds (reason, applications, won) in the order of `selection.REASONS`.
    """

    round: PayoutRound
    count: int
    won: int
    excluded: list[tuple[str, int, int]]

    def is_over(self, at: dt.datetime) -> bool:
        """True if the cut-off has passed and nothing is left to pay: the round is no duty of anybody."""
        return self.round.cut_off <= at and not self.count

    @property
    def excluded_count(self) -> int:
        """Number of applications the round would leave out."""
        return sum(count for _reason, count, _won in self.excluded)


def open_rounds(*, at: dt.datetime | None = None) -> list[PayoutRound]:
    """Rounds that are still to be frozen: every fixed one, and the next supplementary one."""
    at = at or clock.now()
    today = clock.kst_date(at)
    done = set(Batch.objects.exclude(status=Batch.Status.OPEN).values_list("pay_on", flat=True))
    rounds = [r for r in payout_rounds(programme.current()) if r.pay_on not in done and r.pay_on >= today]
    fixed = [r for r in rounds if not r.supplementary]
    return fixed + [r for r in rounds if r.supplementary][:1]


def projection(*, at: dt.datetime | None = None) -> list[Projection]:
    """Every open round as if it closed now, counted with the statement that the freeze uses."""
    projections, after = [], None
    for payout_round in open_rounds(at=at):
        projections.append(project(payout_round, after=after))
        after = payout_round.pay_on
    return projections


def project(payout_round: PayoutRound, *, after: dt.date | None = None) -> Projection:
    """One round as if it closed now, without the applications of the rounds up to `after`.

    What was taken out of the batch of the round stays out.
    """
    batch_id = Batch.objects.filter(pay_on=payout_round.pay_on).values_list("pk", flat=True).first()
    selected = selection.Selection(
        payout_round.pay_on, payout_round.cut_off, batch_id, after=after, last=is_last_round(payout_round)
    )
    sums = selection.counts(selected, programme.current())
    count, won = next(((count, won) for reason, count, won in sums if reason is None), (0, 0))
    return Projection(payout_round, count, won, _ordered([row for row in sums if row[0] is not None]))


def is_last_round(payout_round: PayoutRound) -> bool:
    """True for the last round of the programme (D-24)."""
    return payout_round == payout_rounds(programme.current())[-1]


def _ordered(excluded: Iterable[tuple[str | None, int, int]]) -> list[tuple[str, int, int]]:
    order = [str(code) for code in selection.REASONS]
    return sorted(((str(r), c, w) for r, c, w in excluded), key=lambda row: order.index(row[0]))


def freeze(*, pay_on: dt.date, user: User) -> Batch:
    """Copy the due refunds and approved corrections into the batch of `pay_on`, after its cut-off; by a maker.

    An item copies the amount, the account and a digest of the bill rows; the batch gets count, sum, hash total and a
    digest over all items. Applications left out are counted by reason. A batch that is frozen again from the same
    data has the same digest. Raises Refused: ROLE, PERSON, ROUND, CUT_OFF, DELIVERY (`freeze_needs`), STATE, EMPTY.
    """
    require_permission(user, "payouts.freeze_batch")
    person = person_of(user)
    payout_round = round_on(pay_on, programme.current())
    if payout_round is None:
        raise Refused("ROUND", _("이날은 지급일이 아닙니다."))
    now = clock.now()
    if now < payout_round.cut_off:
        raise Refused("CUT_OFF", _("마감 전에는 확정할 수 없습니다."))
    freeze_needs.require(payout_round)
    # What no file can hold is left out now, so that nothing is found after the approval.
    bank_layout.judge_waiting()
    with transaction.atomic():
        raise_timeouts()
        Batch.objects.bulk_create(
            [Batch(pay_on=pay_on, number=payout_round.number, cut_off=payout_round.cut_off)], ignore_conflicts=True
        )
        batch = Batch.objects.select_for_update().get(pay_on=pay_on)
        if batch.status != Batch.Status.OPEN:
            raise Refused("STATE", _("이미 확정된 회차입니다."))
        selected = selection.Selection(pay_on, payout_round.cut_off, batch.pk, last=is_last_round(payout_round))
        _lock_candidates()
        now = clock.now()  # what was decided under the locks is older
        _select_candidates(selected)
        _insert_items(batch, selected, now)
        count, won, hash_total, digest = totals(batch)
        if not count:
            raise Refused("EMPTY", _("이 회차에 나갈 것이 없습니다."))
        batch.count, batch.won, batch.hash_total, batch.digest = count, won, hash_total, digest
        batch.programme_snapshot = programme_snapshot(programme.current())
        batch.excluded = _record_exclusions(batch)
        batch.status, batch.prepared_at = Batch.Status.FROZEN, now
        batch.prepared_by, batch.prepared_person = user, person
        batch.opened_again = ""
        batch.save()
        promise.refresh_batch(batch.pk, cause="FROZEN")
        funds.write(batch)
        record_act(user, "batch.frozen", batch, count=count, won=won, digest=digest)
        void_figures(batch.pk)
    return batch


def programme_snapshot(of: Programme) -> dict[str, Any]:
    """The parts of a programme that decide who is in a round and with which amount, as JSON kept with the batch."""
    return {
        "refundable_items": list(of.waiver.refundable_items),
        "terminated_to": of.waiver.terminated_to.isoformat(),
        "payouts": [
            {
                "terminated_from": row.terminated_from.isoformat(),
                "terminated_to": row.terminated_to.isoformat(),
                "applied_from": row.applied_from.isoformat(),
                "applied_to": row.applied_to.isoformat(),
                "pay_on": next_business_day(row.pay_on).isoformat(),
            }
            for row in of.payouts
        ],
    }


def _lock_candidates() -> None:
    """Lock the approved applications without an item and those with an approved correction.

    So a withdrawal, an account, a correction and a payment outside the rounds precede the freeze or find the item.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*) FROM (
                SELECT FROM refunds_application a WHERE a.status = 'APPROVED' AND NOT EXISTS (
                    SELECT FROM refunds_item i
                    WHERE i.application_id = a.id AND i.kind = 'REFUND' AND i.status IN {HOLDING_SQL})
                FOR SHARE OF a) locked;
            SELECT count(*) FROM (
                SELECT FROM refunds_application a
                WHERE a.id IN (SELECT application_id FROM refunds_adjustment WHERE status = 'APPROVED')
                FOR SHARE OF a) locked
            """  # noqa: S608  (states are ours)
        )


def _select_candidates(selected: selection.Selection) -> None:
    """Fill the temporary table `chosen` with the selection, so that items and exclusions come from one statement."""
    text, params = selection.round_select(selected, programme.current())
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.chosen")
        cursor.execute(f"CREATE TEMP TABLE chosen ON COMMIT DROP AS {text}", params)
        cursor.execute("ANALYZE pg_temp.chosen")


def _insert_items(batch: Batch, selected: selection.Selection, now: dt.datetime) -> None:
    """Write the items of a batch: the selected refunds and the approved adjustments."""
    # A returned item is followed by attempt 2 (D-40).
    text = f"""
    INSERT INTO refunds_item (batch_id, kind, application_id, adjustment_id, account_id, contract_no, amount_krw,
        attempt, reference, bills_digest, allowed_krw, movements, digest, status, status_at, taken_out_because, code,
        words)
    SELECT %s, kind, application_id, adjustment_id, account_id, contract_no, amount, attempt, reference,
        bills_digest, allowed, movements, {selection.ITEM_DIGEST}, 'QUEUED', %s, '', '', ''
    FROM (
        SELECT t.*, prefix || '-' || attempt AS reference FROM (
            SELECT 'REFUND' AS kind, s.application_id, NULL::bigint AS adjustment_id, s.account_id, s.contract_no,
                   s.amount, s.bills_digest, s.allowed, s.movements, 'R' || s.application_id AS prefix,
                   1 + s.attempts AS attempt
            FROM chosen s WHERE s.reason IS NULL
            UNION ALL
            SELECT 'ADJUSTMENT', a.id, j.id, a.account_id, a.contract_no, j.amount_krw,
                   b.bills_digest, b.due, b.movements,
                   'J' || j.id, 1 + (SELECT count(*) FROM refunds_item i
                                     WHERE i.adjustment_id = j.id AND i.status <> 'VOID')
            FROM refunds_adjustment j
            JOIN refunds_application a ON a.id = j.application_id
            JOIN refunds_account account ON account.id = a.account_id
            -- A correction that later bills leave no money for waits for a person (`findings`: BEYOND).
            JOIN refunds_balance b ON b.application_id = a.id AND b.promised <= b.due
            WHERE j.status = 'APPROVED' AND j.decided_at < %s AND a.status = 'APPROVED' AND account.wiped_at IS NULL
              AND account.bank_code <> '000'
              AND (a.hold_until IS NULL OR a.hold_until <= %s)
              AND NOT {selection.HELD.format("a.id")}
              AND NOT {selection.BANK_LAYOUT.format("a.account_id")}
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status IN {HOLDING_SQL})
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.application_id = a.id AND {NOT_BACK_SQL})
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status = 'RETURNED'
                              AND i.account_id = a.account_id AND i.code <> ALL(%s))
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.batch_id = %s
                              AND i.taken_out_because <> '')
        ) t
    ) u
    ORDER BY adjustment_id IS NOT NULL, application_id, adjustment_id
    """  # noqa: S608  (column names are ours, values are parameters)
    with connection.cursor() as cursor:
        layout = settings.BANK_FILE_FORMAT
        cursor.execute(text, [batch.pk, now, selected.cut_off, selected.cut_off, layout, list(SAME_ACCOUNT), batch.pk])


def _record_exclusions(batch: Batch) -> dict[str, list[int]]:
    """Record each approved application that is left out, with its reason; returns [applications, won] by reason.

    Applications in another state are counted, not recorded: their state says the reason.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM refunds_left_behind WHERE batch_id = %s", [batch.pk])
        cursor.execute(
            "INSERT INTO refunds_left_behind (batch_id, application_id, reason)"
            " SELECT %s, application_id, reason FROM chosen WHERE reason <> ALL(%s)",
            [batch.pk, [str(status) for status in Status]],
        )
        cursor.execute(
            "SELECT reason, count(*), COALESCE(sum(refundable_krw), 0)::bigint FROM chosen"
            " WHERE reason IS NOT NULL GROUP BY reason"
        )
        return {reason: [many, won] for reason, many, won in _ordered(cursor.fetchall())}


def totals(batch: Batch) -> tuple[int, int, int, str]:
    """Count, won, hash total and digest of the items that were not taken out. Call it in a transaction."""
    with connection.cursor() as cursor:
        # The statistics know nothing of items that were just written: a nested loop would look up each account alone.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(
            """
            SELECT count(*), COALESCE(sum(i.amount_krw), 0)::bigint,
                   (COALESCE(sum(('x' || encode(substr(a.number_index, 1, 5), 'hex'))::bit(40)::bigint), 0)
                       %% %s)::bigint,
                   encode(sha256(COALESCE(string_agg(i.digest, ''::bytea ORDER BY i.reference COLLATE "C"), '')), 'hex')
            FROM refunds_item i JOIN refunds_account a ON a.id = i.account_id
            WHERE i.batch_id = %s AND i.status <> 'VOID'
            """,
            [HASH_TOTAL, batch.pk],
        )
        found = cursor.fetchone()
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        return found


def approve(*, batch_id: int, user: User, typed_total: int, digest: str) -> Batch:
    """Approve the content with this digest; by a checker who is not the person that prepared it.

    The checker types the total in won. The batch is counted independently from its sources first.
    Raises Refused: ROLE, PERSON, STATE, CHANGED, SAME_PERSON, TOTAL, DIFFERS, STOPPED (`stops`).
    """
    require_permission(user, "payouts.approve_batch")
    with transaction.atomic():
        batch = lock_batch(batch_id)
        if batch.status != Batch.Status.FROZEN:
            raise Refused("STATE", _("승인을 기다리는 회차가 아닙니다."))
        if is_maker(user, batch.prepared_by_id, batch.prepared_person):
            raise Refused("SAME_PERSON", _("준비한 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        person = person_of(user)
        if digest != batch.digest:
            raise Refused("CHANGED", _("보신 뒤에 내용이 바뀌었습니다. 다시 보고 승인해 주세요."))
        if typed_total != batch.won:
            raise Refused("TOTAL", _("적으신 합계가 나가는 합계와 다릅니다."))
        stops.require_none(batch)
        if not independent_check.check(batch).agrees(batch):
            raise Refused("DIFFERS", _("다시 계산한 값이 확정한 값과 다릅니다. 돌려보내 주세요."))
        batch.status, batch.approved_at = Batch.Status.APPROVED, clock.now()
        batch.approved_by, batch.approved_person, batch.approved_digest = user, person, digest
        batch.approved_head = str(chain.end() or "")
        batch.save()
        record_act(user, "batch.approved", batch, won=batch.won, digest=digest, audit_head=audit.head())
        stops.require_none(batch, final=True)
    return batch


def send_back(*, batch_id: int, user: User, reason: str) -> Batch:
    """Open a batch again: its approval is void and its items are due again. Raises Refused: ROLE, STATE, REASON."""
    require_permission(user, "payouts.return_batch")
    reason = require_reason(reason)
    with transaction.atomic():
        batch = lock_batch(batch_id)
        _reopen(batch, reason)
        record_act(user, "batch.sent_back", batch, reason=reason)
    return batch


def take_out(*, item_ids: Iterable[int], user: User, reason: str) -> Batch:
    """Take a selection of items out of a batch no part of which is at the bank; they are due again in the next round.

    The approval is void and the batch open: it is frozen and approved again once, however many were taken out.
    Raises Refused: ROLE, REASON, EMPTY, MANY (more than `TAKE_OUT_MOST`), BATCHES (of two batches), STATE, which names
    the items that are at the bank or were taken out already.
    """
    require_permission(user, "payouts.remove_item")
    reason = require_reason(reason)
    wanted = set(item_ids)
    if not wanted:
        raise Refused("EMPTY", _("뺄 건을 골라 주세요."))
    if len(wanted) > TAKE_OUT_MOST:
        raise Refused("MANY", _("한 번에 %(most)s건까지 뺄 수 있습니다.") % {"most": f"{TAKE_OUT_MOST:,}"})
    with transaction.atomic():
        chosen = Item.objects.filter(pk__in=wanted)
        batch_ids = set(chosen.values_list("batch_id", flat=True))
        if len(batch_ids) != 1:
            raise Refused("BATCHES", _("같은 회차에 든 건만 함께 뺄 수 있습니다."))
        batch = lock_batch(batch_ids.pop())
        items = list(chosen.select_related("application__line", "file").order_by("id"))
        gone = [
            item.reference
            for item in items
            if item.status not in _REMOVABLE or (item.file and item.file.status in BankFile.AT_BANK)
        ]
        if gone:
            raise Refused(
                "STATE", _("이미 은행에 갔거나 빠진 건입니다: %(references)s") % {"references": ", ".join(gone)}
            )
        chosen.update(taken_out_because=reason)
        _reopen(batch, reason)
        for item in items:
            record_act(user, "item.taken_out", batch, reason=reason, item=item, reference=item.reference)
    return batch


def _reopen(batch: Batch, reason: str) -> None:
    """Open a frozen, approved or filed batch again, unless one of its parts is at the bank or was refused by it."""
    states = batch.part_states
    if "REFUSED" in states and not states & set(BankFile.AT_BANK):
        raise Refused("STATE", _("은행이 거절한 파일을 먼저 다시 만들어 주세요. 그러면 회차를 다시 열 수 있습니다."))
    if batch.status not in Batch.BEFORE_FILE and not (states and states <= set(BankFile.BEFORE_BANK)):
        raise Refused("STATE", _("은행에 전달한 뒤에는 되돌릴 수 없습니다."))
    funds.void(batch)
    # The kept forecast of this round is older than its opening.
    RoundForecast.objects.filter(pay_on=batch.pay_on).update(counted_at=batch.cut_off - dt.timedelta(days=1))
    # An order for the file of the void approval must not make the file of a later one.
    batch.file_orders.filter(done_at=None).update(done_at=clock.now(), refusal_code="STATE")
    batch.files.in_force().filter(status__in=BankFile.BEFORE_BANK).update(status=BankFile.Status.DISCARDED)
    batch.items.filter(status__in=_REMOVABLE).update(status=Item.Status.VOID, status_at=clock.now())
    batch.status, batch.opened_again, batch.excluded, batch.digest = Batch.Status.OPEN, reason, {}, ""
    batch.count = batch.won = batch.hash_total = None
    batch.programme_snapshot = {}
    batch.prepared_by = batch.prepared_person = batch.prepared_at = None
    batch.approved_by = batch.approved_person = batch.approved_at = None
    batch.approved_digest = batch.approved_head = ""
    batch.save()
    promise.refresh_batch(batch.pk, cause="OPENED_AGAIN")


def at_bank(pay_days: Iterable[dt.date]) -> dict[dt.date, bool]:
    """Those of the pay days whose payments were handed over, True where each was answered."""
    sent = (Batch.Status.FILED, Batch.Status.SETTLED)
    rows = Batch.objects.filter(pay_on__in=list(pay_days), status__in=sent).prefetch_related("files")
    return {row.pay_on: row.status == Batch.Status.SETTLED for row in rows if row.handed_over}
