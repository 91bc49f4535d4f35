"""Applying for refunds: file, withdraw, change the account, look again when the facts changed.

Every change is one transaction with its decision, its audit entry and its message. Nothing here touches the network or
the broker: what a bank has to answer was asked before (`refunds.accounts`), messages are rows.
"""

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Customer, Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme, raw_models
from kt_remedy.core.programme import Programme
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds import calendar
from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT, Facts, decide
from refunds.applications.transitions import Refused, begin, move, note
from refunds.models.accounts import Account, HolderCheck, OwnerKind
from refunds.models.applications import Application, Channel, Filing, Lateness, LateReason
from refunds.models.payouts import Item, ManualPayment
from refunds.models.states import ASKED_AGAIN, LIVE, Status

log = structlog.get_logger(__name__)

# Read aloud and typed back: no letter or digit that looks or sounds like another.
REFERENCE_ALPHABET = "234679ACDEFGHJKMNPQRTVWXY"
# Each consent and the version of the text that was shown with it.
CONSENTS = {"privacy": "2026-01-14", "provision": "2026-01-14"}
VERDICT_CHANGED = "VERDICT_CHANGED"
SHARED_ACCOUNT = "SHARED_ACCOUNT"
CURE_DAYS = 14
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submission came to: its filing, or the one that was there before for the same lines (D-33)."""

    filing: Filing
    new: bool
    # Live applications for lines of this submission that stand in other filings.
    elsewhere: tuple[Application, ...] = ()


@dataclass(frozen=True, slots=True)
class Late:
    """Why somebody applies after the window (D-31): a `LateReason.Kind`, when it ended (None: it goes on), in words."""

    kind: str
    ended_on: dt.date | None = None
    words: str = ""


def person_of(customer: Customer) -> bytes:
    """By this the person behind a customer is known here: the CI's index; a holder without CI goes by the number."""
    return customer.person_index


def lateness(on: dt.date, frame: Programme) -> Lateness:
    """Where a date of application lies (D-27 to D-31). Raises Refused before the window and after all of it."""
    window = frame.applications
    if on < window.opens:
        raise Refused("NOT_OPEN", _("아직 신청 기간이 아닙니다."))
    if on <= window.closes:
        return Lateness.IN_TIME
    if on <= window.late_cured_until:
        return Lateness.CURED
    if on <= window.late_accepted_until:
        return Lateness.LATE
    raise Refused("CLOSED", _("신청을 받는 기간이 모두 끝났습니다. 고객센터로 전화해 주세요."))


def cures(earlier: Application | None, on: dt.date) -> bool:
    """Whether an application on a day after the window mends a defect of one that was in time: it was rejected, and
    the customer heard of it no more than fourteen days before (D-32)."""
    return (
        earlier is not None
        and earlier.status == Status.REJECTED
        and earlier.lateness != Lateness.LATE
        and on <= clock.kst_date(earlier.status_since) + dt.timedelta(days=CURE_DAYS)
    )


def pay_day(application: Application, *, at: dt.datetime | None = None) -> dt.date | None:
    """The pay day that can still be kept for an application that is in no batch yet; None after the last round."""
    if application.account.by_hand:
        return None  # no round carries it
    ended = application.line.terminated_on or programme.current().waiver.terminated_to
    return calendar.due_on(ended, application.applied_on, at or clock.now(), programme.current())


# Filing -------------------------------------------------------------------------------------------------------


def submit(
    *,
    key: str,
    channel: str,
    person_index: bytes,
    contract_nos: Iterable[str],
    account_id: uuid.UUID,
    consents: dict[str, str],
    contact: str,
    proof: dict[str, str],
    language: str = "ko",
    representation: str = OwnerKind.SELF,
    representative: str = "",
    documents: Sequence[str] = (),
    staff: User | None = None,
    outage_on: dt.date | None = None,
    outage_reason: str = "",
    late: Late | None = None,
) -> Submitted:
    """File for the given lines and decide each by the table; the same `key` again gives the same filing.

    Lines that have a live application already are left where they are and named in the answer (D-33); where all of
    them have one, the answer is their filing. `contact` is a number confirmed by an identity check. `outage_on` is the
    day the customer came while the portal was down: a supervisor's entry with a reason (D-28). `late` is why it comes
    after the window, kept where it does (D-31).
    Raises Refused: NOT_OPEN, CLOSED, LINES (not this person's), NO_CLAIM (nothing to apply for), ACCOUNT, CONSENT,
    OWN_CASE, OUTAGE.
    """
    contracts = sorted(set(contract_nos))
    if not contracts:
        raise Refused("LINES", _("환급받을 회선을 골라 주세요"))
    if set(CONSENTS) - set(consents):
        raise Refused("CONSENT", _("동의하셔야 신청할 수 있습니다"))
    if outage_on and not (staff and staff.has_role("supervisor") and outage_reason.strip()):
        raise Refused("OUTAGE", _("장애 접수는 감독자가 사유를 적어야 합니다"))
    close_to_own_case(staff, person_index)
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _submit(
                    again=attempt > 0,
                    key=key,
                    channel=Channel(channel),
                    person_index=person_index,
                    contracts=contracts,
                    account_id=account_id,
                    consents=consents,
                    contact=contact,
                    proof=proof,
                    language=language,
                    representation=OwnerKind(representation),
                    representative=representative,
                    documents=list(documents),
                    staff=staff,
                    outage_on=outage_on,
                    outage_reason=outage_reason.strip(),
                    late=late,
                )
        except IntegrityError:
            # Somebody filed with this key or for one of these lines between our look and our insert, or the reference
            # was taken: look again. Anything else would fail again as well.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _submit(
    *,
    again: bool,
    key: str,
    channel: Channel,
    person_index: bytes,
    contracts: list[str],
    account_id: uuid.UUID,
    consents: dict[str, str],
    contact: str,
    proof: dict[str, str],
    language: str,
    representation: OwnerKind,
    representative: str,
    documents: list[str],
    staff: User | None,
    outage_on: dt.date | None,
    outage_reason: str,
    late: Late | None,
) -> Submitted:
    # The first time nobody looks for the key: the unique index finds what was there before, and then we look.
    before = Filing.objects.filter(idempotency_key=key).first() if again else None
    if before is not None:
        if bytes(before.person_index) != person_index:
            raise Refused("LINES")
        return Submitted(before, new=False)
    frame, now = programme.current(), clock.now()
    applied_on = min(outage_on, clock.kst_date(now)) if outage_on else clock.kst_date(now)
    when = lateness(applied_on, frame)

    lines = _lines(contracts, person_index, representation)
    live, earlier = _applications_of(contracts)
    if len(live) == len(contracts):
        return Submitted(live[contracts[0]].filing, new=False, elsewhere=tuple(live.values()))
    account = _account(account_id, person_index)
    sharing = persons_on(account, besides=person_index) + 1

    decided: dict[str, tuple[Status, str]] = {}
    samples: dict[str, bool] = {}
    lates: dict[str, Lateness] = {}
    for contract_no, line in lines.items():
        if contract_no in live:
            continue
        sample = samples[contract_no] = in_sample(contract_no, frame)
        cured = when == Lateness.LATE and cures(earlier.get(contract_no), applied_on)
        lates[contract_no] = lateness_of_line = Lateness.CURED if cured else when
        answer = decide(
            _facts(line, account, lateness_of_line, representation, sharing, qa_sample=sample, reviewed=False)
        )
        if answer.status is None:
            raise Refused(
                "NO_CLAIM", _("환급받을 금액이 없거나 대상이 아닌 회선입니다. 다르다고 보시면 이의를 신청해 주세요.")
            )
        decided[contract_no] = (answer.status, answer.code)

    first = lines[next(iter(decided))]
    filing = Filing(
        id=uuid.uuid4(),
        reference=new_reference(),
        idempotency_key=key,
        channel=channel,
        customer=first.customer,
        person_index=person_index,
        account=account,
        representation=representation,
        documents=documents,
        consents=consents,
        language=language,
        proof=proof,
        store=staff.store if staff else None,
        filed_by=staff,
        received_at=now,
        outage_reason=outage_reason,
    )
    filing.contact = contact
    if representative:
        filing.representative = representative
    filing.save(force_insert=True)
    if late is not None and Lateness.LATE in lates.values():
        reason = LateReason(filing=filing, kind=late.kind, ended_on=late.ended_on)
        reason.words = late.words.strip()
        reason.save(force_insert=True)
    rows = [
        Application(
            filing=filing,
            line=lines[contract_no],
            account=account,
            status=Status.SUBMITTED,
            status_since=now,
            applied_on=applied_on,
            lateness=lates[contract_no],
            amount_seen_krw=lines[contract_no].refundable_krw,
            qa_sample=sample,
            flag=SHARED_ACCOUNT if sharing > PERSONS_ON_ONE_ACCOUNT else "",
            previous=earlier.get(contract_no),
        )
        for contract_no, sample in samples.items()
    ]
    actor = actor_of(staff)
    begin([(row, *decided[row.line_id]) for row in rows], actor=actor, at=now)
    audit.record(
        actor=actor,
        action="filing.submitted",
        object=f"filing:{filing.reference}",
        subject=first.customer_id,
        reason=outage_reason,
        detail={"channel": channel, "lines": [row.line_id for row in rows]},
    )
    if sharing > PERSONS_ON_ONE_ACCOUNT:
        _alert_shared(account, sharing)
    _announce_receipt(filing, rows, now)
    if draft := _uuid_or_none(key):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM refunds_draft WHERE id = %s", [draft])
    return Submitted(filing, new=True, elsewhere=tuple(live.values()))


def new_reference() -> str:
    """KT-7F3K-92QD: eight drawn signs, 1.5 * 10^11 of them; a taken one is drawn again by `submit`."""
    drawn = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
    return f"KT-{drawn[:4]}-{drawn[4:]}"


def find_reference(text: str) -> str:
    """A reference as somebody typed it, in the one spelling we keep; "" where it can be none."""
    plain = "".join(c for c in text.upper() if c.isalnum()).removeprefix("KT")
    fits = len(plain) == 8 and set(plain) <= set(REFERENCE_ALPHABET)
    return f"KT-{plain[:4]}-{plain[4:]}" if fits else ""


def in_sample(contract_no: str, frame: Programme) -> bool:
    """Whether an automatic approval of this line goes to a reviewer: the same lines every time, a share in settings."""
    digest = hashlib.sha256(f"{frame.code}:qa:{contract_no}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < settings.QA_SAMPLE_PERCENT


def persons_on(account: Account, *, besides: bytes) -> int:
    """How many other persons have a live application that pays to the same account (D-35)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT other.person_index)
            FROM refunds_account other JOIN refunds_application a ON a.account_id = other.id
            WHERE other.number_index = %s AND other.person_index <> %s AND a.status = ANY(%s)
            """,
            [bytes(account.number_index), besides, [status.value for status in LIVE]],
        )
        return cursor.fetchone()[0]


def _alert_shared(account: Account, persons: int) -> None:
    audit.record(actor="system", action="account.shared", object=f"account:{account.id}", detail={"persons": persons})
    log.warning("account used by many persons", account=str(account.id), persons=persons)


def _lines(contracts: list[str], person_index: bytes, representation: str) -> dict[str, Line]:
    found = register.lines_by_contract_no(contracts)
    for contract_no in contracts:
        if contract_no not in found or not may_claim(found[contract_no].customer, person_index, representation):
            raise Refused("LINES", _("고르신 회선을 찾을 수 없습니다."))
    return {contract_no: found[contract_no] for contract_no in contracts}


def may_claim(customer: Customer, person_index: bytes, representation: str) -> bool:
    """Whether this person is the holder or, as a guardian, the one the register names (D-15, D-16)."""
    if person_of(customer) == person_index:
        return True
    return representation == OwnerKind.GUARDIAN and customer.guardian_ci_index == person_index


def _account(account_id: uuid.UUID, person_index: bytes) -> Account:
    columns = f"{raw_models.columns('a', Account)}, {raw_models.columns('h', HolderCheck)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM refunds_account a"  # noqa: S608  (the columns are those of our own models)
            " JOIN refunds_holder_check h ON h.account_id = a.id WHERE a.id = %s AND a.wiped_at IS NULL",
            [account_id],
        )
        row = cursor.fetchone()
    account = raw_models.read(Account, row) if row else None
    if account is None or bytes(account.person_index) != person_index:
        raise Refused("ACCOUNT", _("받을 계좌를 다시 적어 주세요"))
    account.holder_check = raw_models.read(HolderCheck, row, raw_models.width(Account))
    return account


def _facts(
    line: Line, account: Account, when: str, representation: str, persons: int, *, qa_sample: bool, reviewed: bool
) -> Facts:
    return Facts(
        lateness=when,
        outcome=line.effective_outcome,
        reasons=tuple(line.reason_codes),
        holder=account.holder_check.outcome,
        representation=representation,
        persons_on_account=persons,
        qa_sample=qa_sample,
        reviewed=reviewed,
        last_chance=line.refundable_krw > 0 and calendar.is_last(clock.now(), programme.current()),
    )


def _applications_of(contracts: list[str]) -> tuple[dict[str, Application], dict[str, Application]]:
    """The live application of each line, and the last that came to nothing: a new one refers to it (D-32)."""
    live: dict[str, Application] = {}
    earlier: dict[str, Application] = {}
    if not _any_filed(contracts):
        return live, earlier
    for row in Application.objects.filter(line__in=contracts).select_related("filing").order_by("id"):
        (live if row.is_live else earlier)[row.line_id] = row
    return live, earlier


def _any_filed(contracts: list[str]) -> bool:
    """Whether any of these lines was ever applied for: most were not, and planning the joins that follow takes five
    times as long as this."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM refunds_application WHERE contract_no = ANY(%s) LIMIT 1", [contracts])
        return cursor.fetchone() is not None


def _uuid_or_none(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def actor_of(staff: User | None) -> str:
    """Who did it, as decisions and the audit write it."""
    return f"staff:{staff.pk}" if staff else "customer"


def close_to_own_case(staff: User | None, person_index: bytes) -> None:
    """Refuse a member of staff their own case (docs/architecture.md#people)."""
    if staff is not None and staff.person_index is not None and bytes(staff.person_index) == person_index:
        raise Refused("OWN_CASE", _("본인의 신청은 다른 직원이 처리해야 합니다."))


# Changing what was filed ------------------------------------------------------------------------------------


def withdraw(
    *, application_id: int, person_index: bytes | None = None, staff: User | None = None, words: str = ""
) -> None:
    """Take an application back, until it is in a batch (D-34). Raises Refused: UNKNOWN, FROZEN, OVER."""
    with transaction.atomic():
        row = lock(application_id, person_index=person_index, staff=staff)
        if not row.is_live:
            raise Refused("OVER", _("이미 끝난 신청입니다."))
        refuse_frozen(row)
        move(row, Status.WITHDRAWN, code="WITHDRAWN", actor=actor_of(staff), words=words)
        _record(row, "application.withdrawn", staff=staff, reason=words)
        notify(row, "application.withdrawn", subject=f"application:{row.pk}")


def mend_account(
    *, application_id: int, account_id: uuid.UUID, person_index: bytes | None = None, staff: User | None = None
) -> Application:
    """Point an application at another account, until it is in a batch: 24 hours' hold and a notice (D-34).

    An approved application keeps its old account unless the bank has confirmed the new one. In the states that wait
    for something the table is asked again. An account that more than three persons use (D-35), or one for which a
    member of staff wrote another holder, sends it to a reviewer, whoever looked at it before; where the refund is paid
    and only a correction is owed, it is refused.
    Raises Refused: UNKNOWN, FROZEN, OVER, ACCOUNT, NOT_CONFIRMED, SAME, DOUBT.
    """
    with transaction.atomic():
        row = lock(application_id, person_index=person_index, staff=staff)
        if not row.is_live:
            raise Refused("OVER", _("이미 끝난 신청입니다."))
        refuse_frozen(row, account_only=True)
        account = _account(account_id, bytes(row.account.person_index))
        if row.account_id == account.pk:
            raise Refused("SAME", _("지금과 같은 계좌입니다."))
        if row.status == Status.APPROVED and not account.holder_check.matched:
            raise Refused("NOT_CONFIRMED", _("은행에서 새 계좌를 확인하지 못했습니다. 지금 계좌를 그대로 두었습니다."))
        hours = programme.current().applications.change_hold_hours
        columns: dict[str, Any] = {"account": account, "hold_until": clock.now() + dt.timedelta(hours=hours)}
        actor = actor_of(staff)
        sharing = persons_on(account, besides=bytes(account.person_index)) + 1
        doubt = ""
        if sharing > PERSONS_ON_ONE_ACCOUNT:
            doubt = columns["flag"] = SHARED_ACCOUNT
            _alert_shared(account, sharing)
        elif row.flag == SHARED_ACCOUNT:
            columns["flag"] = ""
        if staff is not None and account.holder_name != row.account.holder_name:
            doubt = doubt or "HOLDER_RENAMED"
        if doubt and row.items.filter(kind=Item.Kind.REFUND, status=Item.Status.PAID).exists():
            # Only a correction is still owed: what was paid stays approved, so no reviewer can be asked.
            raise Refused("DOUBT", _("이 계좌로는 바꿀 수 없습니다. 본인 이름의 다른 계좌를 적어 주세요."))
        if doubt:
            columns["reviewed"] = False
        note(row, code="ACCOUNT_CHANGED", actor=actor)
        if row.status in ASKED_AGAIN and row.status != Status.NEED_DOCS:
            row.account, row.reviewed = account, columns.get("reviewed", row.reviewed)
            _ask_again(row, actor=actor, **columns)
        elif row.status == Status.APPROVED and doubt:
            move(row, Status.REVIEW, code=doubt, actor="system", **columns)
        else:
            move(row, Status(row.status), code="ACCOUNT_CHANGED", actor=actor, **columns)
        _record(row, "application.account_changed", staff=staff)
        notify(row, "application.account_changed", subject=f"application:{row.pk}:{account.pk}")
        return row


def locked(application_id: int, *, skip: bool = False) -> Application | None:
    """One application with its filing, line and account, locked until the transaction ends; None where there is none.

    Locked first and read afterwards: a join in the locking statement would miss the row when whoever held it before
    had pointed it at another account. `skip` passes over a row that somebody else holds.
    """
    if not Application.objects.select_for_update(skip_locked=skip).filter(pk=application_id).values("pk"):
        return None
    return Application.objects.select_related("filing", "line__customer", "account__holder_check").get(
        pk=application_id
    )


def lock(application_id: int, *, person_index: bytes | None, staff: User | None = None) -> Application:
    """One application, locked; for a customer only their own, for a store only its own, nobody's own case for staff.

    Raises Refused UNKNOWN for whatever the caller may not see: nobody learns that it exists.
    """
    row = locked(application_id)
    seen = Application.objects.filter(visible_to(person_index=person_index, staff=staff), pk=application_id)
    if row is None or not seen.exists():
        raise Refused("UNKNOWN", _("신청을 찾을 수 없습니다."))
    close_to_own_case(staff, bytes(row.filing.person_index))
    return row


def visible_to(*, person_index: bytes | None = None, staff: User | None = None, path: str = "") -> Q:
    """Which applications somebody may see: a customer their own and their wards', a store its own, the rest of the
    staff those of the people they serve. `path` leads from the queried model to Application ("applications__")."""
    if person_index is not None:
        return (
            Q(**{f"{path}filing__person_index": person_index})
            | Q(**{f"{path}line__customer__person_index": person_index})
            | Q(**{f"{path}line__customer__guardian_ci_index": person_index})
        )
    if staff is None:
        return Q(pk__in=[])
    if any(staff.has_role(role) for role in ("agent", "reviewer", "supervisor", "auditor")):
        return Q()
    if any(staff.has_role(role) for role in ("clerk", "store_manager")) and staff.store_id:
        return Q(**{f"{path}filing__store": staff.store_id})
    return Q(pk__in=[])


def refuse_frozen(row: Application, *, account_only: bool = False) -> None:
    """Refuse whatever would change a locked application that is in a batch or paid. Its account may change once a
    correction of what was paid is still owed."""
    # The freeze takes a share lock on the application before it makes an item, so one of the two sees the other.
    holding: tuple[str, ...] = Item.HOLDING
    if account_only and row.adjustments.filter(status="APPROVED").exclude(items__status__in=Item.HOLDING).exists():
        holding = Item.LIVE
    if row.items.filter(status__in=holding).exists():
        raise Refused("FROZEN", _("지급 명단이 확정되어 바꿀 수 없습니다."))
    if row.manual_payments.filter(status__in=ManualPayment.HOLDING).exists():
        raise Refused("FROZEN", _("환급금을 이미 따로 보내 드려 바꿀 수 없습니다."))


def _record(row: Application, action: str, *, staff: User | None = None, reason: str = "", **detail: Any) -> None:
    audit.record(
        actor=actor_of(staff),
        action=action,
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
        reason=reason,
        detail=detail,
    )


# Looking again ---------------------------------------------------------------------------------------------


def facts_of(row: Application, *, reviewed: bool) -> Facts:
    """What the table looks at for an application that exists."""
    people = persons_on(row.account, besides=bytes(row.account.person_index)) + 1
    return _facts(
        row.line, row.account, row.lateness, row.filing.representation, people,
        qa_sample=row.qa_sample, reviewed=reviewed,
    )  # fmt: skip


def _ask_again(row: Application, *, actor: str, **columns: Any) -> bool:
    """Ask the table about a locked application again; returns whether its state changed."""
    answer = decide(facts_of(row, reviewed=row.reviewed))
    # What was applied for and is no claim any more is a person's to judge: nothing is rejected by itself.
    to, code = (answer.status, answer.code) if answer.status else (Status.REVIEW, VERDICT_CHANGED)
    before = row.status
    move(row, to, code=code, actor=actor, **columns)
    if before == to:
        return False
    if to == Status.NEED_ACCOUNT:
        notify(row, "application.need_account", subject=f"application:{row.pk}:{row.account_id}")
    elif to == Status.APPROVED and before != Status.SUBMITTED:
        announce_approval(row)
    return True


def recheck(application_ids: Iterable[int]) -> int:
    """Ask the table again for applications that wait; returns how many moved. Each is a transaction of its own."""
    moved = 0
    for pk in application_ids:
        with transaction.atomic():
            row = locked(pk, skip=True)
            if row is None or row.status not in ASKED_AGAIN or row.status == Status.NEED_DOCS:
                continue
            if _ask_again(row, actor="system"):
                _record_system(row)
                moved += 1
    return moved


def recheck_after_feed(*, limit: int = 2000) -> int:
    """Release what waited for a bill or a payment that a feed has brought, and flag approvals whose verdict changed.
    Before the last round of all, what is paid in part is released for what is paid (D-24).

    Looks at rows, not at the feed, so it may run at any time and finds what an earlier run missed. Returns how many
    applications moved or were flagged.
    """
    ready_to_go = ~Q(line__reasons__contains="UNPAID")
    if calendar.is_last(clock.now(), programme.current()):
        ready_to_go |= Q(line__refundable_krw__gt=0)
    ready = (
        Application.objects.filter(
            Q(status=Status.WAITING_FOR_BILL) & ~Q(line__reasons__contains="NOT_BILLED_YET")
            | Q(status=Status.ON_HOLD_UNPAID) & ready_to_go
        )
        .order_by("id")
        .values_list("id", flat=True)[:limit]
    )
    moved = recheck(list(ready))
    return moved + _waiting_in_vain(limit=limit) + _flag_changed(limit=limit)


_NO_LONGER_ELIGIBLE = Q(line__decided_outcome="") & ~Q(line__outcome="ELIGIBLE") | ~Q(
    line__decided_outcome__in=["", "ELIGIBLE"]
)


def _waiting_in_vain(*, limit: int) -> int:
    """What waits for a bill or a payment on a line that is no longer eligible goes to a person at once."""
    waiting = Application.objects.filter(
        _NO_LONGER_ELIGIBLE, status__in=(Status.WAITING_FOR_BILL, Status.ON_HOLD_UNPAID)
    )
    return recheck(list(waiting.order_by("id").values_list("id", flat=True)[:limit]))


def _flag_changed(*, limit: int) -> int:
    """An approval whose line is no longer eligible waits for a person; where it is again, the flag goes."""
    changed = Application.objects.filter(status=Status.APPROVED).exclude(flag=SHARED_ACCOUNT)
    count = 0
    for wanted, rows in (
        (VERDICT_CHANGED, changed.filter(_NO_LONGER_ELIGIBLE, flag="")),
        ("", changed.filter(flag=VERDICT_CHANGED).exclude(_NO_LONGER_ELIGIBLE)),
    ):
        for pk in list(rows.order_by("id").values_list("id", flat=True)[:limit]):
            with transaction.atomic():
                row = Application.objects.select_for_update(of=("self",)).select_related("line").get(pk=pk)
                row.flag = wanted
                row.save(update_fields=["flag"])
                audit.record(
                    actor="system",
                    action="application.flagged" if wanted else "application.flag_removed",
                    object=f"application:{pk}",
                    subject=row.line.customer_id,
                    reason=wanted,
                )
            count += 1
    return count


def recheck_accounts(account_ids: Iterable[uuid.UUID]) -> int:
    """Go on with the applications whose bank has answered now; returns how many moved."""
    waiting = Application.objects.filter(account__in=list(account_ids), status=Status.SUBMITTED)
    return recheck(list(waiting.order_by("id").values_list("id", flat=True)))


def recheck_settled(*, limit: int = 500) -> int:
    """Find applications that still wait for a bank which has answered, as after a worker was killed."""
    stuck = Application.objects.filter(status=Status.SUBMITTED).exclude(
        account__holder_check__outcome__in=["", "BANK_MAINTENANCE", "TIMEOUT"]
    )
    return recheck(list(stuck.order_by("id").values_list("id", flat=True)[:limit]))


def mark_returned(*, application_ids: Iterable[int], code: str, actor: str, ask: bool = True) -> int:
    """A bank sent the money back: the customer has to mend the account, or, unless `ask`, it stays approved and goes
    to the same account again. Called by payouts in its own transaction.

    The message is the payouts' to queue. Returns how many applications it concerned.
    """
    rows = (
        Application.objects.select_for_update(of=("self",))
        .select_related("line")
        .filter(pk__in=list(application_ids), status=Status.APPROVED)
        .order_by("id")
    )
    count = 0
    for row in rows:
        word = f"RETURNED_{code}"[:40]
        if ask:
            move(row, Status.NEED_ACCOUNT, code=word, actor=actor)
        else:
            note(row, code=word, actor=actor)
        audit.record(
            actor=actor,
            action="application.returned",
            object=f"application:{row.pk}",
            subject=row.line.customer_id,
            detail={"code": code},
        )
        count += 1
    return count


def _record_system(row: Application) -> None:
    audit.record(
        actor="system",
        action="application.rechecked",
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
        detail={"status": row.status},
    )


# Reading ----------------------------------------------------------------------------------------------------


def live_applications(contract_nos: Iterable[str]) -> dict[str, Application]:
    """The live application of each of these lines that has one."""
    rows = Application.objects.filter(line__in=list(contract_nos), status__in=LIVE).select_related("filing", "account")
    return {row.line_id: row for row in rows}


class News(NamedTuple):
    """What a page that lists lines says of the newest application of one; item fields None where there is no item,
    SENT and the day for a refund sent by hand."""

    status: str
    applied_on: dt.date
    reference: str
    item_status: str | None
    item_pay_on: dt.date | None


def news_of(contract_nos: Iterable[str]) -> dict[str, News]:
    """The newest application of each of these lines and its last payout item. Written by hand: the page that asks is
    opened by everybody, and building this query through the ORM costs more than running it."""
    numbers = list(contract_nos)
    if not _any_filed(numbers):
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (a.contract_no) a.contract_no, a.status, a.applied_on, f.reference,
                   CASE WHEN m.id IS NULL THEN i.status ELSE 'SENT' END, COALESCE(m.paid_on, b.pay_on)
            FROM refunds_application a
            JOIN refunds_filing f ON f.id = a.filing_id
            LEFT JOIN LATERAL (
                SELECT status, batch_id FROM refunds_item
                WHERE application_id = a.id AND kind = 'REFUND' AND status <> 'VOID'
                ORDER BY id DESC LIMIT 1
            ) i ON true
            LEFT JOIN refunds_batch b ON b.id = i.batch_id
            LEFT JOIN refunds_manual_payment m ON m.application_id = a.id AND m.status = 'CONFIRMED'
            WHERE a.contract_no = ANY(%s)
            ORDER BY a.contract_no, a.id DESC
            """,
            [numbers],
        )
        return {row[0]: News(*row[1:]) for row in cursor.fetchall()}


def for_lines(contract_nos: Iterable[str]) -> dict[str, Application]:
    """The newest application of each of these lines, over or not."""
    rows = Application.objects.filter(line__in=list(contract_nos)).select_related("filing", "account").order_by("id")
    return {row.line_id: row for row in rows}


def of_person(person_index: bytes) -> list[Application]:
    """Everything a person applied for or was applied for in their name, newest first."""
    return list(
        Application.objects.filter(visible_to(person_index=person_index))
        .select_related("filing", "line__customer", "account__holder_check")
        .order_by("-id")
    )


# Messages -----------------------------------------------------------------------------------------------------


def number_of(filing: Filing) -> str:
    """The number a filing confirmed; "" where it was given up since, and is nobody's or somebody else's (D-44)."""
    return register.confirmed_number_or_blank(filing.contact, confirmed_at=filing.received_at)


def notify(row: Application, kind: str, *, subject: str, context: dict | None = None) -> None:
    """Queue a message about one application to the number its filing confirmed."""
    filing = row.filing
    notices.queue(
        kind=kind,
        subject=subject,
        person=bytes(filing.person_index),
        to=number_of(filing),
        language=filing.language,
        context=context,
    )


def announce_approval(row: Application) -> None:
    """Tell the customer the day, or only the yes where no round is left."""
    day = pay_day(row)
    notify(
        row,
        "application.approved" if day else "application.approved_open",
        subject=f"application:{row.pk}:{row.status_since:%Y%m%d%H%M%S}",
        context={"pay_on": day} if day else None,
    )


def _announce_receipt(filing: Filing, rows: list[Application], now: dt.datetime) -> None:
    """The receipt message names the day where there is just one and nothing is left to a person."""
    ready = {Status.APPROVED, Status.SUBMITTED, Status.WAITING_FOR_BILL}
    days = {pay_day(row, at=now) if row.status in ready else None for row in rows}
    dated = len(days) == 1 and None not in days
    if {row.status for row in rows} == {Status.NEED_ACCOUNT}:
        kind = "filing.need_account"
    else:
        kind = "filing.received" if dated else "filing.received_open"
    notices.queue(
        kind=kind,
        subject=f"filing:{filing.id}",
        person=bytes(filing.person_index),
        to=filing.contact or "",
        language=filing.language,
        context={"pay_on": days.pop()} if dated and kind == "filing.received" else None,
    )
