"""The decision table of applications, stated here only (docs/architecture.md#states).

Pure: facts in, an answer out. The first row that fits decides. `tests/cases/decision_table.csv` holds its cases.
"""

from dataclasses import dataclass

from refunds.models.states import Status

# More persons than this on one account send an application to a reviewer (D-35).
PERSONS_ON_ONE_ACCOUNT = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one application, as plain words and numbers."""

    lateness: str  # a `Lateness`: IN_TIME, CURED (extended), LATE
    outcome: str  # the verdict that stands: ELIGIBLE, REVIEW, NOT_ELIGIBLE, NOTHING_DUE
    reasons: tuple[str, ...]  # its reason codes
    holder: str  # outcome of the holder check; "", BANK_MAINTENANCE and TIMEOUT are no answer yet
    representation: str  # SELF, PROXY, GUARDIAN, HEIR, COMPANY
    persons_on_account: int
    qa_sample: bool
    reviewed: bool  # a reviewer settled what the table sends to a person
    last_chance: bool = False  # the coming round is the last one, and a part of the bill is paid (D-24)
    passbook_seen: bool = False  # staff of a store saw the passbook of the account (D-74)
    layout_fault: str = ""  # what of the payment the bank's layout cannot hold: `bank_layout.fault`


@dataclass(frozen=True, slots=True)
class Answer:
    """New state of an application and the reason code. `status` None: nothing to apply for, only to object to."""

    status: Status | None
    code: str


NO_ANSWER_YET = frozenset({"", "BANK_MAINTENANCE", "TIMEOUT"})


def decide(facts: Facts) -> Answer:
    """Decide by the first row that fits."""
    if facts.lateness != "IN_TIME" and not facts.reviewed:
        return Answer(Status.LATE, "OUTSIDE_WINDOW")
    if facts.outcome in {"NOT_ELIGIBLE", "NOTHING_DUE"}:
        return Answer(None, facts.outcome)
    if facts.outcome == "REVIEW":
        return Answer(Status.REVIEW, "VERDICT_REVIEW")
    if facts.holder in NO_ANSWER_YET:
        return Answer(Status.SUBMITTED, "HOLDER_NOT_CHECKED")
    if facts.holder == "MISMATCH" and facts.passbook_seen and not facts.reviewed:
        return Answer(Status.REVIEW, "PASSBOOK_SEEN")
    if facts.holder not in {"MATCH", "ACCEPTED", "OFFLINE"}:
        return Answer(Status.NEED_ACCOUNT, f"HOLDER_{facts.holder}")
    if facts.layout_fault:
        return Answer(Status.NEED_ACCOUNT, f"LAYOUT_{facts.layout_fault}")
    if not facts.reviewed:
        if facts.holder == "OFFLINE":
            return Answer(Status.REVIEW, "OFFLINE")
        if facts.representation != "SELF":
            return Answer(Status.REVIEW, f"BY_{facts.representation}")
        if facts.persons_on_account > PERSONS_ON_ONE_ACCOUNT:
            return Answer(Status.REVIEW, "SHARED_ACCOUNT")
        if facts.qa_sample:
            return Answer(Status.REVIEW, "QA_SAMPLE")
    if "NOT_BILLED_YET" in facts.reasons:
        return Answer(Status.WAITING_FOR_BILL, "NOT_BILLED_YET")
    if "UNPAID" in facts.reasons:
        if facts.last_chance:
            return Answer(Status.APPROVED, "PART_PAID")
        return Answer(Status.ON_HOLD_UNPAID, "UNPAID")
    return Answer(Status.APPROVED, "ALL_CLEAR")
