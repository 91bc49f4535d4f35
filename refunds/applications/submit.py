"""Submit an application: one filing with an application for each line, decided at once by the decision table.

One transaction writes the filing, its applications and decisions, the audit entry and the receipt message. It needs
neither the network nor the broker: the bank was asked about the account before (`refunds.accounts`).
"""

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme, switches
from kt_remedy.core.models import Switch
from kt_remedy.staff.models import User
from refunds.applications import continuing, desk_sessions, drafts, facts, queries, sms, transitions, window
from refunds.applications.access import actor_of, close_to_own_case, may_claim, own_account
from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT, decide
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, OwnerKind
from refunds.models.applications import Application, Channel, Filing, Lateness, LateReason
from refunds.models.states import Status

# No letter or digit that looks or sounds like another: references are read aloud and typed.
REFERENCE_ALPHABET = "234679ACDEFGHJKMNPQRTVWXY"
# Each consent with the version of the text that was shown for it.
CONSENTS = {"privacy": "2026-01-14.3", "provision": "2026-01-14.3"}
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class LateReasonInput:
    """Reason of an application after the window (D-31): a `LateReason.Kind`, its last KST day (None: it goes on) and
    the customer's words."""

    kind: str
    ended_on: dt.date | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One submission by a person for one or more of their lines."""

    key: str  # idempotency key: the same key again returns the same filing
    channel: Channel
    person_index: bytes
    contract_nos: Sequence[str]
    account_id: uuid.UUID
    consents: dict[str, str]  # version of the text by consent: `CONSENTS`
    contact: str  # mobile number confirmed by an identity check
    proof: dict[str, str]  # see `Filing.proof`
    language: str = "ko"
    representation: OwnerKind = OwnerKind.SELF
    representative: str = ""
    documents: Sequence[str] = ()
    staff: User | None = None
    # Day on which the customer came while the portal was down, entered by a supervisor with a reason (D-28).
    outage_on: dt.date | None = None
    outage_reason: str = ""
    late_reason: LateReasonInput | None = None  # kept for an application after the window only

    @property
    def contracts(self) -> list[str]:
        """The contract numbers, each once, in order."""
        return sorted(set(self.contract_nos))


@dataclass(frozen=True, slots=True)
class Submitted:
    """Result of a submission: its filing, or the earlier filing of the same lines (D-33)."""

    filing: Filing
    new: bool
    # Live applications for lines of this submission that stand in other filings.
    elsewhere: tuple[Application, ...] = ()


@dataclass(frozen=True, slots=True)
class _DecidedLine:
    """A line of a submission and the decision on its new application."""

    line: Line
    lateness: Lateness
    qa_sample: bool
    previous: Application | None
    status: Status
    code: str


def submit(submission: Submission) -> Submitted:
    """File for the given lines and decide each by the decision table; the same key again returns the same filing.

    Lines that have a live application already are left out and named in the result (D-33); if all have one, the result
    is the filing of the first.
    Raises Refused: NOT_OPEN, CLOSED, LINES (not this person's), NO_CLAIM (nothing to apply for), ACCOUNT, CONSENT,
    OWN_CASE, OUTAGE; and `switches.Stopped`.
    """
    switches.require(Switch.Code.FILINGS)
    _validate(submission)
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                # The unique index finds a repeated key, so it is looked up only after the index has refused it.
                repeated = _filed_with(submission) if attempt else None
                return repeated or _file(submission)
        except IntegrityError:
            # A concurrent filing took the key, a line or the reference. Any other error would repeat on each attempt.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def new_reference() -> str:
    """The carrier's prefix and a random part as 7F3K-92QD, of 1.5 * 10^11; `submit` draws again if it is taken."""
    drawn = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
    return f"{programme.current().carrier.reference_prefix}-{drawn[:4]}-{drawn[4:]}"


def find_reference(text: str) -> str:
    """A reference as typed, in the spelling that is stored; "" for a text that cannot be one."""
    prefix = programme.current().carrier.reference_prefix
    plain = "".join(c for c in text.upper() if c.isalnum()).removeprefix(prefix)
    fits = len(plain) == 8 and set(plain) <= set(REFERENCE_ALPHABET)
    return f"{prefix}-{plain[:4]}-{plain[4:]}" if fits else ""


def _validate(submission: Submission) -> None:
    if not submission.contracts:
        raise Refused("LINES", _("환급받을 회선을 골라 주세요"))
    if set(CONSENTS) - set(submission.consents):
        raise Refused("CONSENT", _("동의하셔야 신청할 수 있습니다"))
    staff = submission.staff
    if submission.outage_on and not (
        staff and staff.has_perm("refunds.file_after_outage") and submission.outage_reason.strip()
    ):
        raise Refused("OUTAGE", _("장애 접수는 감독자가 사유를 적어야 합니다"))
    close_to_own_case(staff, submission.person_index)
    session = desk_sessions.require(staff, submission.person_index, filing=True)
    if session is not None and session.draft_of and set(submission.contracts) - set(continuing.lines_of(session)):
        raise Refused("DRAFT", _("그 신청서는 이미 접수되었거나 지워졌습니다. 고객을 찾고 본인을 확인하세요."))


def _filed_with(submission: Submission) -> Submitted | None:
    filing = Filing.objects.filter(idempotency_key=submission.key).first()
    if filing is None:
        return None
    if filing.person_index != submission.person_index:
        raise Refused("LINES", _("고르신 회선을 찾을 수 없습니다."))
    return Submitted(filing, new=False)


def _file(submission: Submission) -> Submitted:
    now = clock.now()
    today = clock.kst_date(now)
    applied_on = min(submission.outage_on, today) if submission.outage_on else today
    lateness = window.lateness(applied_on, programme.current())
    lines = _claimable_lines(submission)
    live, earlier = queries.live_and_earlier(submission.contracts)
    if len(live) == len(lines):
        return Submitted(live[submission.contracts[0]].filing, new=False, elsewhere=tuple(live.values()))
    account = own_account(submission.account_id, submission.person_index)
    persons = facts.persons_using(account)
    decided = [
        _decide(
            submission, line, account, persons=persons, lateness=lateness, previous=earlier.get(number), on=applied_on
        )
        for number, line in lines.items()
        if number not in live
    ]
    filing = _save_filing(submission, decided[0].line, account, now)
    if submission.late_reason and any(line.lateness == Lateness.LATE for line in decided):
        _save_late_reason(filing, submission.late_reason)
    rows = [
        Application(
            filing=filing,
            line=each.line,
            account=account,
            status=Status.SUBMITTED,
            status_since=now,
            applied_on=applied_on,
            lateness=each.lateness,
            amount_seen_krw=each.line.refundable_krw,
            qa_sample=each.qa_sample,
            flag=facts.SHARED_ACCOUNT if persons > PERSONS_ON_ONE_ACCOUNT else "",
            previous=each.previous,
        )
        for each in decided
    ]
    transitions.create(
        [(row, each.status, each.code) for row, each in zip(rows, decided, strict=True)],
        actor=actor_of(submission.staff),
        at=now,
    )
    _record(submission, filing, rows)
    if persons > PERSONS_ON_ONE_ACCOUNT:
        facts.report_shared_account(account, persons)
    sms.announce_receipt(filing, rows, now)
    drafts.delete(submission.key)
    return Submitted(filing, new=True, elsewhere=tuple(live.values()))


def _claimable_lines(submission: Submission) -> dict[str, Line]:
    lines = register.lines_by_contract_no(submission.contracts)
    for number in submission.contracts:
        if number not in lines or not may_claim(
            lines[number].customer, submission.person_index, submission.representation
        ):
            raise Refused("LINES", _("고르신 회선을 찾을 수 없습니다."))
    return {number: lines[number] for number in submission.contracts}


def _decide(
    submission: Submission,
    line: Line,
    account: Account,
    *,
    persons: int,
    lateness: Lateness,
    previous: Application | None,
    on: dt.date,
) -> _DecidedLine:
    if lateness == Lateness.LATE and window.within_extension(previous, on):
        lateness = Lateness.EXTENDED
    qa_sample = facts.in_sample(line.pk, programme.current())
    answer = decide(
        facts.facts_for(
            line,
            account,
            lateness=lateness,
            representation=submission.representation,
            persons=persons,
            qa_sample=qa_sample,
            reviewed=False,
        )
    )
    if answer.status is None:
        raise Refused(
            "NO_CLAIM", _("환급받을 금액이 없거나 대상이 아닌 회선입니다. 다르다고 보시면 이의를 신청해 주세요.")
        )
    return _DecidedLine(line, lateness, qa_sample, previous, answer.status, answer.code)


def _save_filing(submission: Submission, first: Line, account: Account, now: dt.datetime) -> Filing:
    staff = submission.staff
    filing = Filing(
        id=uuid.uuid4(),
        reference=new_reference(),
        idempotency_key=submission.key,
        channel=submission.channel,
        customer=first.customer,
        person_index=submission.person_index,
        account=account,
        representation=submission.representation,
        documents=list(submission.documents),
        consents=submission.consents,
        language=submission.language,
        proof=submission.proof,
        store=staff.store if staff else None,
        filed_by=staff,
        received_at=now,
        outage_reason=submission.outage_reason.strip(),
    )
    filing.set_contact(submission.contact)
    if submission.representative:
        filing.representative = submission.representative
    filing.save(force_insert=True)
    return filing


def _save_late_reason(filing: Filing, late: LateReasonInput) -> None:
    reason = LateReason(filing=filing, kind=late.kind, ended_on=late.ended_on)
    reason.words = late.words.strip()
    reason.save(force_insert=True)


def _record(submission: Submission, filing: Filing, rows: list[Application]) -> None:
    audit.record(
        actor=actor_of(submission.staff),
        action="filing.submitted",
        object=f"filing:{filing.reference}",
        subject=filing.customer_id,
        reason=filing.outage_reason,
        detail={"channel": submission.channel, "lines": [row.line_id for row in rows]},
    )
