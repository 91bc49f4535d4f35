"""The promise of a line or an application: which day, and why (D-69; every row of docs/promise.md).

Pure: facts, calendar and programme in, a promise out; no clock is read. A day is promised only if nothing but the
calendar or a dated act of the customer stands before the payment; while we or the bank decide, the day of the answer
is promised. `tests/cases/promise.csv` holds the cases.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kt_remedy.core.programme import Programme
from refunds import calendar
from refunds.calendar import PayoutRound, business_days_after
from refunds.promise.facts import DayKind, Facts, Payment, Promise, Reason, Situation

REVIEW_DAYS, OBJECTION_DAYS = 6, 10
# Business days within which an answer that is no payment comes (D-81, D-82, D-92); a call-back names its own time.
ANSWER_DAYS = {
    Situation.OBJECTION: OBJECTION_DAYS,
    Situation.SECOND_LOOK: REVIEW_DAYS,
    Situation.LOOK_QUESTION: OBJECTION_DAYS,
}
AGAIN_DAYS = 3  # a day for an answer that passed without one
STOPPED_DAYS = 3
BANK_DAYS = 2
CALL_DAYS = 10
OBJECT_FOR = dt.timedelta(days=90)  # D-81
NOON = dt.time(12)
_DAY = dt.timedelta(days=1)


def promise(facts: Facts, *, now: dt.datetime, programme: Programme) -> Promise:
    """The promise at `now`. A day that moved carries the day that was promised before."""
    return _with_history(_Rules(facts, now, programme).answer(), facts)


def answer(
    situation: Situation,
    *,
    since: dt.datetime,
    now: dt.datetime,
    programme: Programme,
    day: dt.date | None = None,
    until: dt.time | None = None,
) -> Promise:
    """The promise of an answer that is no payment: to an objection, of a second look, of a call-back, about a look.

    `day` is the promised day, counted by `ANSWER_DAYS` from `since` if it is not given, and `until` the hour on it.
    Past it the answer is promised anew, with an apology, as that of a review.
    """
    made = _Rules(Facts(since=since, applied_on=since.astimezone(programme.zone).date()), now, programme)
    day = day or business_days_after(made.date(since), ANSWER_DAYS[situation])
    return made.answering(situation, day, since, until=until, values={"until": until} if until else None)


class _Rules:
    def __init__(self, facts: Facts, now: dt.datetime, programme: Programme) -> None:
        self.facts, self.now, self.programme = facts, now, programme
        self.today = now.astimezone(programme.zone).date()

    # Rows ------------------------------------------------------------------------------------------------

    def answer(self) -> Promise:
        facts = self.facts
        if not facts.status:
            return self.not_applied()
        if facts.status in {"REJECTED", "WITHDRAWN"}:
            return self.ended()
        if facts.offline_paid:
            day, won = facts.offline_paid
            return self.make(Situation.PAID, DayKind.PAY, day, won=won, check=False)
        if facts.returned_correction_krw:
            return self.need_account(facts.returned_correction_krw, Reason.RETURNED_ACCOUNT)
        if facts.payment is not None and facts.payment.status != "RETURNED":
            return self.in_batch(facts.payment)
        return self.by_status()

    def by_status(self) -> Promise:
        facts = self.facts
        match facts.status:
            case "SUBMITTED":
                return self.submitted()
            case "WAITING_FOR_BILL":
                return self.waiting_for_bill()
            case "ON_HOLD_UNPAID":
                return self.unpaid()
            case "NEED_ACCOUNT":
                returned = facts.payment is not None and facts.payment.status == "RETURNED"
                return self.need_account(facts.refundable_krw, Reason.RETURNED_ACCOUNT if returned else Reason.NONE)
            case "NEED_DOCS":
                return self.make(Situation.NEED_DOCS, DayKind.ACT, facts.documents_due_on, values={"days": REVIEW_DAYS})
            case "REVIEW":
                return self.answering(Situation.REVIEW, self.review_by(facts.since), facts.since)
            case "LATE":
                return self.late()
        return self.approved()

    def not_applied(self) -> Promise:
        facts, window = self.facts, self.programme.applications
        if self.today > window.late_accepted_until:
            return self.make(Situation.CLOSED, DayKind.NONE, None)
        if self.today > window.closes:
            return self.late()
        if facts.representation != "SELF" or facts.outcome == "REVIEW":
            return self.make(Situation.OFFER_CHECKED, DayKind.ANSWER, self.review_by(self.now), check=False)
        if "NOT_BILLED_YET" in facts.reasons:
            return self.waiting_for_bill()
        if "UNPAID" in facts.reasons:
            return self.unpaid()
        following = self.round_from(self.now)
        if following is None:  # the programme names no day of payment yet; the window is open all the same
            return self.make(Situation.OFFER_CHECKED, DayKind.ANSWER, self.review_by(self.now), check=False)
        situation, values = Situation.OFFER, {}
        if self.today < window.opens:
            situation, values = Situation.OFFER_LATER, {"opens": window.opens}
        return self.make(situation, DayKind.IF, following.pay_on, won=facts.refundable_krw, values=values, check=False)

    def ended(self) -> Promise:
        facts, window = self.facts, self.programme.applications
        if facts.status == "REJECTED":
            day = max(self.date(facts.since + OBJECT_FOR), window.late_accepted_until)
            situation = Situation.REJECTED
        elif self.today <= window.closes:
            day, situation = window.closes, Situation.WITHDRAWN_EARLY
        else:
            day, situation = window.late_accepted_until, Situation.WITHDRAWN
        if day < self.today:
            return self.make(Situation.CLOSED, DayKind.NONE, None)
        return self.make(situation, DayKind.ACT, day)

    def late(self) -> Promise:
        """A filing after the window: judged as in time on the days that D-30 adds, else by its reason (D-31)."""
        facts, window = self.facts, self.programme.applications
        since = facts.since
        extended = facts.lateness == "CURED" if facts.status else self.today <= window.late_cured_until
        situation = Situation.EXTENDED if extended else Situation.LATE
        # Without a reason to give: the window closed on a day when offices are closed.
        values = {}
        if extended and facts.applied_on <= window.late_cured_until:
            values = {"closes": window.closes}
        return self.answering(situation, business_days_after(self.date(since), REVIEW_DAYS), since, values=values)

    def submitted(self) -> Promise:
        since = self.facts.since
        day = business_days_after(self.date(since), 1)
        return self.answering(Situation.SUBMITTED, day, since, until=NOON, values={"hour": NOON.hour})

    def waiting_for_bill(self) -> Promise:
        first = self.round_from(self.facts.since, open_only=False)
        if first is None:
            return self.call(Reason.LAST_ROUND_OVER)
        by = calendar.pay_by(first, self.programme)
        if by < self.today:
            values = {"was": first.pay_on}
            return self.make(Situation.NO_BILL, DayKind.NONE, None, reason=Reason.NO_BILL, values=values)
        return self.make(Situation.WAITING_FOR_BILL, DayKind.IF, first.pay_on, pay_by=by)

    def unpaid(self, reason: Reason = Reason.NONE) -> Promise:
        facts = self.facts
        rounds = (r for r in self.rounds(self.now) if calendar.pay_by(r, self.programme) >= self.today)
        following = next(rounds, None)
        if following is None:
            return self.call(Reason.LAST_ROUND_OVER)
        values = {
            "open": facts.open_krw,
            "part": facts.open_krw < facts.full_krw,
            "last_day": calendar.payout_rounds(self.programme)[-1].pay_on,
        }
        by = calendar.pay_by(following, self.programme)
        return self.make(
            Situation.UNPAID,
            DayKind.IF,
            following.pay_on,
            won=facts.full_krw,
            pay_by=by,
            values=values,
            reason=reason,
        )

    def need_account(self, won: int, reason: Reason) -> Promise:
        """Another account keeps the day until the cut-off less the hold, whether or not the hold applies (D-84)."""
        rounds = (r for r in self.rounds(self.now) if self.now < calendar.changeable_until(r, self.programme))
        following = next(rounds, None)
        if following is None:
            return self.call(Reason.LAST_ROUND_OVER)
        until = calendar.changeable_until(following, self.programme)
        made = self.make(Situation.NEED_ACCOUNT, DayKind.IF, following.pay_on, won=won, reason=reason)
        return replace(made, changeable_until=until, check_at=until)

    def approved(self) -> Promise:
        facts = self.facts
        if facts.offline:
            return self.call(Reason.NO_KOREAN_ACCOUNT)
        if facts.payment is not None and facts.payment.fault == "PAYER" and facts.held_at is not None:
            return self.not_sent(facts.payment, Reason.RETURNED_PAYER)
        if facts.held_at is not None and facts.taken_out_at is not None:
            was = max(facts.taken_out)
            return self.stopped(was, max(facts.held_at, facts.taken_out_at), Reason.TAKEN_OUT)
        if "UNPAID" in facts.reasons and not calendar.is_last(self.now, self.programme):
            return self.unpaid(Reason.UNPAID)
        if facts.held_at is not None:
            return self.recheck(facts.held_at, Reason.HELD)
        if self.is_doubted():
            return self.recheck(self.doubted_since(), Reason.VERDICT)
        if not facts.refundable_krw:
            return self.call(Reason.NONE)
        returned_at = facts.payment.at if facts.payment is not None else facts.since
        following = self.round_from(max(facts.since, returned_at))
        if following is None:
            return self.call(Reason.LAST_ROUND_OVER)
        return self.pay_in(following)

    def is_doubted(self) -> bool:
        """True if an approved application is no longer due by the verdict of its line."""
        facts = self.facts
        ineligible = facts.outcome in {"NOT_ELIGIBLE", "NOTHING_DUE"}
        return facts.flagged or ineligible or (facts.outcome == "REVIEW" and not facts.reviewed)

    def doubted_since(self) -> dt.datetime:
        """When the changed verdict was found: the day of its answer is counted from there."""
        last = self.facts.last
        return last.since if last is not None and last.reason == Reason.VERDICT else self.now

    def pay_in(self, following: PayoutRound) -> Promise:
        facts, until = self.facts, calendar.changeable_until(following, self.programme)
        situation, values, reason = Situation.APPROVED, {}, self.why_moved(following)
        if facts.lateness != "IN_TIME":
            situation = Situation.APPROVED_LATE
        elif self.now >= until:
            changed_at = self.now + dt.timedelta(hours=self.programme.applications.change_hold_hours)
            later = (r for r in self.rounds(self.now) if r.pay_on > following.pay_on and changed_at <= r.cut_off)
            situation, values = Situation.CHANGE_MOVES, {"next": getattr(next(later, None), "pay_on", None)}
        made = self.make(situation, DayKind.PAY, following.pay_on, won=facts.refundable_krw, values=values)
        return replace(made, reason=reason, changeable_until=until if self.now < until else None)

    def why_moved(self, following: PayoutRound) -> Reason:
        """Why an approved application is paid in this round and not in an earlier one."""
        facts = self.facts
        if facts.payment is not None and facts.payment.status == "RETURNED":
            return Reason(f"RETURNED_{facts.payment.fault}")
        if facts.taken_out and max(facts.taken_out) < following.pay_on:
            return Reason.TAKEN_OUT
        last = facts.last
        if facts.hold_until and last and last.kind == DayKind.PAY and last.day:
            missed = calendar.round_on(last.day, self.programme)
            if missed is not None and missed.pay_on < following.pay_on and facts.hold_until > missed.cut_off:
                return Reason.ACCOUNT_CHANGED
        return Reason.MISSED_CUT_OFF

    def in_batch(self, payment: Payment) -> Promise:
        facts = self.facts
        if facts.difference is not None and facts.difference[0] is not None:
            values = {
                "first": payment.won, "first_day": payment.value_on, "sent": payment.status == "PAID",
                "more": facts.difference[1],
            }  # fmt: skip
            day = facts.difference[0]
            return self.make(Situation.DIFFERENCE, DayKind.PAY, day, won=facts.difference[1], values=values)
        if payment.status == "PAID":
            return self.make(Situation.PAID, DayKind.PAY, payment.value_on, won=payment.won, check=False)
        if payment.status == "UNKNOWN":
            return self.no_answer(payment)
        if payment.refused and payment.value_on <= self.today:
            return self.not_sent(payment, Reason.RETURNED_PAYER)
        if not payment.handed_over and (facts.held_at is not None or self.is_doubted()):
            reason = Reason.HELD if facts.held_at is not None else Reason.VERDICT
            return self.stopped(payment.value_on, facts.held_at or self.doubted_since(), reason)
        if payment.value_on < self.today:
            if payment.handed_over:
                return self.no_answer(payment)
            return self.not_sent(payment, Reason.LATE_HAND_OVER)
        today = payment.value_on == self.today and payment.handed_over
        situation = Situation.TODAY if today else Situation.FROZEN
        reason = Reason.LATE_HAND_OVER if payment.value_on > payment.pay_on else Reason.MISSED_CUT_OFF
        made = self.make(situation, DayKind.PAY, payment.value_on, won=payment.won, reason=reason)
        return replace(made, since=payment.at)

    # Answers ---------------------------------------------------------------------------------------------

    def no_answer(self, payment: Payment) -> Promise:
        since = self.midnight(payment.value_on)
        day = business_days_after(payment.value_on, BANK_DAYS)
        return self.answering(Situation.NO_ANSWER, day, since, values={"was": payment.value_on}, won=payment.won)

    def not_sent(self, payment: Payment, reason: Reason) -> Promise:
        since = max(payment.at, self.midnight(payment.value_on)) if reason == Reason.LATE_HAND_OVER else payment.at
        day = business_days_after(self.date(since), BANK_DAYS)
        values = {"was": payment.value_on}
        return self.answering(Situation.NOT_SENT, day, since, values=values, reason=reason, won=payment.won)

    def stopped(self, was: dt.date, since: dt.datetime, reason: Reason) -> Promise:
        day = business_days_after(self.date(since), STOPPED_DAYS)
        won = self.facts.payment.won if self.facts.payment else self.facts.refundable_krw
        return self.answering(Situation.STOPPED, day, since, values={"was": was}, reason=reason, won=won)

    def recheck(self, since: dt.datetime, reason: Reason) -> Promise:
        """The payment waits for us: the answer comes by the cut-off of the round that would have paid it."""
        last = self.facts.last
        paying = self.round_from(max(self.facts.since, since), open_only=False)
        if last is not None and last.kind == DayKind.PAY and last.day:
            promised = calendar.round_on(last.day, self.programme)
            if promised is not None and promised.cut_off <= since < self.midnight(promised.pay_on + _DAY):
                return self.stopped(promised.pay_on, since, reason)
            paying = promised if promised is not None and promised.cut_off > since else paying
        if paying is None:
            return self.call(Reason.LAST_ROUND_OVER)
        day = self.date(paying.cut_off)
        return self.answering(
            Situation.RECHECK,
            calendar.next_business_day(max(day, self.date(since))),
            since,
            values={"was": paying.pay_on},
            reason=reason,
            won=self.facts.refundable_krw,
        )

    def call(self, reason: Reason) -> Promise:
        since, rounds = self.facts.since, calendar.payout_rounds(self.programme)
        if reason == Reason.LAST_ROUND_OVER and rounds and rounds[-1].cut_off <= self.now:
            since = max(since, rounds[-1].cut_off)
        day = business_days_after(self.date(since), CALL_DAYS)
        return self.answering(Situation.CALL, day, since, reason=reason, won=self.facts.refundable_krw)

    def answering(
        self,
        situation: Situation,
        day: dt.date,
        since: dt.datetime,
        *,
        values: dict[str, Any] | None = None,
        reason: Reason = Reason.NONE,
        won: int | None = None,
        until: dt.time | None = None,
    ) -> Promise:
        """A promised answer; past its day, or its hour on that day, the next one with an apology."""
        passed, due = None, self.end_of(day, until)
        while due <= self.now:
            passed, day = day, business_days_after(day, AGAIN_DAYS)
            due = self.end_of(day, None)
        if passed is not None:
            situation, values = Situation.ANSWER_PASSED, {"passed": passed, **(values or {})}
        made = self.make(situation, DayKind.ANSWER, day, won=won, values=values, reason=reason)
        return replace(made, since=since, check_at=due)

    def review_by(self, since: dt.datetime) -> dt.date:
        """The earlier of six business days and the cut-off of the round the case would be in (D-89)."""
        day = business_days_after(self.date(since), REVIEW_DAYS)
        following = self.round_from(since, open_only=False)
        return min(day, self.date(following.cut_off)) if following else day

    # Rounds ----------------------------------------------------------------------------------------------

    def planned(self) -> dt.date:
        """The earliest pay day that the table allows; a late filing waits for the first one of its termination."""
        facts, programme = self.facts, self.programme
        ended = facts.terminated_on or programme.waiver.terminated_to
        day = calendar.table_pay_day(ended, facts.applied_on, programme)
        return day or calendar.earliest_pay_day(ended, programme)

    def rounds(self, ready: dt.datetime, *, open_only: bool = True) -> Iterator[PayoutRound]:
        """The rounds that can pay it, earliest first; `open_only` leaves out those that closed by now."""
        facts, planned = self.facts, self.planned()
        for payout_round in calendar.payout_rounds(self.programme):
            pay_on, cut_off = payout_round.pay_on, payout_round.cut_off
            if pay_on < planned or pay_on in facts.taken_out or ready >= cut_off:
                continue
            if facts.hold_until is not None and facts.hold_until > cut_off:
                continue
            if open_only and self.now >= cut_off and pay_on not in facts.unfrozen:
                continue
            yield payout_round

    def round_from(self, ready: dt.datetime, *, open_only: bool = True) -> PayoutRound | None:
        return next(self.rounds(ready, open_only=open_only), None)

    # Making ----------------------------------------------------------------------------------------------

    def date(self, moment: dt.datetime) -> dt.date:
        return moment.astimezone(self.programme.zone).date()

    def midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time.min, self.programme.zone)

    def end_of(self, day: dt.date, until: dt.time | None) -> dt.datetime:
        if until is not None:
            return dt.datetime.combine(day, until, self.programme.zone)
        return self.midnight(day + _DAY)

    def make(
        self,
        situation: Situation,
        kind: DayKind,
        day: dt.date | None,
        *,
        won: int | None = None,
        values: dict[str, Any] | None = None,
        reason: Reason = Reason.NONE,
        pay_by: dt.date | None = None,
        check: bool = True,
    ) -> Promise:
        last_day = pay_by or day
        return Promise(
            situation=situation,
            kind=kind,
            day=day,
            won=won,
            reason=reason,
            since=self.facts.since,
            pay_by=pay_by,
            check_at=self.midnight(last_day + _DAY) if check and last_day else None,
            values=values or {},
        )


_CALM = {Situation.APPROVED, Situation.CHANGE_MOVES, Situation.APPROVED_LATE, Situation.FROZEN}


def _with_history(made: Promise, facts: Facts) -> Promise:
    """Add the day that was promised before and not kept; an approved payment whose day moved says so first."""
    last = facts.last
    if last is None or made.situation == Situation.DIFFERENCE:
        return replace(made, reason=Reason.NONE) if made.situation in _CALM else made
    previous = last.previous_day
    if last.kind == DayKind.PAY and last.day != made.day:
        previous = last.day
    if made.kind == DayKind.PAY and (previous is None or made.day is None or previous >= made.day):
        return replace(made, previous_day=None, reason=Reason.NONE)
    if made.situation not in _CALM:
        return replace(made, previous_day=previous)
    known = last.kind == DayKind.PAY and last.day == made.day
    reason = last.reason if known else made.reason
    told = last.situation == Situation.MOVED and last.since == made.since  # this batch moved it: that stays said
    if made.situation == Situation.FROZEN and known and reason != Reason.LATE_HAND_OVER and not told:
        return replace(made, previous_day=previous, reason=reason)  # no news: that nothing can be changed now is
    by_change = reason == Reason.ACCOUNT_CHANGED
    moved = Situation.MOVED_BY_CHANGE if by_change else Situation.MOVED
    return replace(made, situation=moved, previous_day=previous, reason=reason)
