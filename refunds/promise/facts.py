"""The facts of one line or application that decide its promise, and the promise itself. Plain values, no database."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Situation(StrEnum):
    """A row of docs/promise.md. The code is stored with the promise."""

    OFFER = "OFFER"  # not applied: the round's day
    OFFER_LATER = "OFFER_LATER"  # not applied, before the window opens
    OFFER_CHECKED = "OFFER_CHECKED"  # not applied, a person will look at it
    CLOSED = "CLOSED"
    EXTENDED = "EXTENDED"
    LATE = "LATE"
    SUBMITTED = "SUBMITTED"
    WAITING_FOR_BILL = "WAITING_FOR_BILL"
    NO_BILL = "NO_BILL"
    UNPAID = "UNPAID"
    NEED_ACCOUNT = "NEED_ACCOUNT"
    NEED_DOCS = "NEED_DOCS"
    REVIEW = "REVIEW"
    ANSWER_PASSED = "ANSWER_PASSED"
    APPROVED = "APPROVED"
    CHANGE_MOVES = "CHANGE_MOVES"  # approved, and another account would move the day
    APPROVED_LATE = "APPROVED_LATE"
    RECHECK = "RECHECK"  # approved, but held or judged anew
    FROZEN = "FROZEN"
    TODAY = "TODAY"
    STOPPED = "STOPPED"  # held after the freeze
    MOVED = "MOVED"
    MOVED_BY_CHANGE = "MOVED_BY_CHANGE"  # by another account
    NO_ANSWER = "NO_ANSWER"
    NOT_SENT = "NOT_SENT"
    PAID = "PAID"
    DIFFERENCE = "DIFFERENCE"
    CALL = "CALL"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    WITHDRAWN_EARLY = "WITHDRAWN_EARLY"  # within the window
    # Answers that are no payment: `rules.answer`.
    OBJECTION = "OBJECTION"
    SECOND_LOOK = "SECOND_LOOK"
    CALL_BACK = "CALL_BACK"
    LOOK_QUESTION = "LOOK_QUESTION"  # about a look at one's data


class DayKind(StrEnum):
    """Meaning of the day of a promise."""

    PAY = "PAY"  # the money arrives
    IF = "IF"  # the money arrives if the customer does something by a day
    ANSWER = "ANSWER"  # we tell more
    ACT = "ACT"  # the last day on which the customer may act
    NONE = "NONE"


class Reason(StrEnum):
    """Why a day was moved or is not known."""

    NONE = ""
    HELD = "HELD"
    TAKEN_OUT = "TAKEN_OUT"
    VERDICT = "VERDICT"
    RETURNED_ACCOUNT = "RETURNED_ACCOUNT"
    RETURNED_BANK = "RETURNED_BANK"
    RETURNED_PAYER = "RETURNED_PAYER"
    MISSED_CUT_OFF = "MISSED_CUT_OFF"
    LATE_HAND_OVER = "LATE_HAND_OVER"
    UNPAID = "UNPAID"
    NO_BILL = "NO_BILL"
    ACCOUNT_CHANGED = "ACCOUNT_CHANGED"
    LAST_ROUND_OVER = "LAST_ROUND_OVER"
    NO_KOREAN_ACCOUNT = "NO_KOREAN_ACCOUNT"


@dataclass(frozen=True, slots=True)
class Payment:
    """The last payment of a refund that was not taken out. `value_on` is the day on which the bank pays it."""

    status: str  # an `ItemStatus`
    value_on: dt.date
    pay_on: dt.date  # of its batch
    won: int
    at: dt.datetime  # of its state
    handed_over: bool = False
    refused: bool = False  # the bank refused its file whole
    fault: str = ""  # of a returned payment: ACCOUNT, BANK, PAYER


@dataclass(frozen=True, slots=True)
class Last:
    """The promise that was recorded last."""

    situation: Situation
    kind: DayKind
    day: dt.date | None
    previous_day: dt.date | None
    reason: Reason
    since: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one application, or of a line without one (`status` is empty). Amounts in won, dates KST."""

    status: str = ""
    since: dt.datetime  # of the state; now for a line without an application
    applied_on: dt.date
    lateness: str = "IN_TIME"
    terminated_on: dt.date | None = None
    outcome: str = "ELIGIBLE"
    reasons: tuple[str, ...] = ()
    representation: str = "SELF"
    offline: bool = False
    hold_until: dt.datetime | None = None
    documents_due_on: dt.date | None = None
    reviewed: bool = False
    refundable_krw: int = 0
    full_krw: int = 0  # if the whole bill were paid
    open_krw: int = 0  # of the bill, still to be paid
    held_at: dt.datetime | None = None
    flagged: bool = False  # the verdict changed after the approval
    payment: Payment | None = None
    taken_out: frozenset[dt.date] = frozenset()  # pay days of the batches from which it was taken out
    taken_out_at: dt.datetime | None = None
    offline_paid: tuple[dt.date, int] | None = None
    difference: tuple[dt.date | None, int] | None = None  # day and won of a correction on its way
    returned_correction_krw: int = 0
    unfrozen: frozenset[dt.date] = frozenset()  # pay days after their cut-off whose batch is not frozen
    last: Last | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a customer is promised: amount, day, why, until when it can be changed, and the figures of its sentence."""

    situation: Situation
    kind: DayKind
    day: dt.date | None = None
    won: int | None = None
    previous_day: dt.date | None = None  # promised earlier and not kept
    reason: Reason = Reason.NONE
    since: dt.datetime  # from which the day of an answer was counted
    changeable_until: dt.datetime | None = None
    pay_by: dt.date | None = None
    check_at: dt.datetime | None = None  # when it has to be looked at again
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def pays(self) -> bool:
        """True if the day is one of payment and depends on nothing but the calendar."""
        return self.kind == DayKind.PAY

    @property
    def struck_day(self) -> dt.date | None:
        """The day that the first sentence names and that does not hold any more."""
        if self.situation in {Situation.MOVED, Situation.MOVED_BY_CHANGE}:
            return self.previous_day
        if self.situation in {Situation.STOPPED, Situation.RECHECK, Situation.NOT_SENT, Situation.NO_BILL}:
            return self.values.get("was")
        return None

    @property
    def because(self) -> str:
        """Why the day is not the one that was promised before, in the reader's language; empty if it is."""
        from refunds.promise.sentences import reason_words

        return reason_words(self.reason) if self.previous_day or self.struck_day else ""

    @property
    def sentence(self) -> str:
        """The first sentence, in the reader's language."""
        from refunds.promise.sentences import first_sentence  # it reads this module

        return first_sentence(self)
