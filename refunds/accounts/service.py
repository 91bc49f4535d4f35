"""Enter accounts, and ask the bank for the holder.

The bank is asked outside any transaction, for at most five seconds. A question without an answer stays open, and a
worker asks again; the application keeps its time of receipt.
"""

import datetime as dt
import uuid
from typing import NamedTuple

import httpx
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto, errors, portone, ratelimit
from refunds import banks
from refunds.accounts import consents, names, numbers
from refunds.models.accounts import Account, HolderCheck

TRIES_A_DAY = 5
_DAY = 24 * 60 * 60
# A bank's night-time maintenance lasts about an hour (docs/domain.md#c2).
_RETRY_AFTER = dt.timedelta(minutes=5)


class AccountRefused(errors.Refused):
    """An account that cannot be entered now."""


class HolderAnswer(NamedTuple):
    """A bank's answer: `HolderCheck.Outcome`, `HolderCheck.Reason`, the service's own number, the holder as the bank
    spells it."""

    outcome: str
    reason: str = ""
    verification_id: str = ""
    spelling: str = ""


def number_indexes(number: str) -> list[bytes]:
    """Blind indexes of an account number in any spelling at each bank; empty for an impossible number."""
    try:
        digits = numbers.read(number).digits
    except numbers.NumberFault:
        return []
    return [_number_index(bank.code, digits) for bank in banks.BANKS + banks.SECURITIES]


def _number_index(bank_code: str, digits: str) -> bytes:
    return crypto.blind_index(f"{bank_code}:{digits}", "account")


def enter(
    *,
    person_index: bytes,
    bank_code: str,
    number: str,
    holder_name: str,
    holder_birth: dt.date | None,
    owner_kind: str,
    contract_nos: list[str],
    actor: str,
    subject: str = "",
) -> Account:
    """Save an account and ask its bank at once; returns it with its `holder_check`.

    `number` in any spelling, `holder_name` as it should stand at the bank, `holder_birth` None for a
    company. A confirmed account that the same person enters again is the same row and costs no try.
    The sixth check of a day for one of `contract_nos` is made by a worker on the next day: the account is saved with a
    check that nobody has asked yet (docs/domain.md#c2). Raises AccountRefused: BANK (unknown), NUMBER (impossible),
    TRIES (as many again on that day), CONSENT (withdrawn and not given again, so that no bank is asked).
    """
    bank = banks.find(bank_code)
    if bank is None or bank not in banks.offered():
        raise AccountRefused("BANK", _("은행을 골라 주세요"))
    try:
        digits = numbers.read(number).digits
    except numbers.NumberFault:
        raise AccountRefused("NUMBER", _("계좌번호를 다시 확인해 주세요")) from None
    if consents.withdrawn(person_index):
        raise AccountRefused(
            "CONSENT", _("동의를 거두셔서 은행에 물을 수 없습니다. 내 기록에서 다시 동의하신 뒤 적어 주세요.")
        )
    index = _number_index(bank.code, digits)
    for known in Account.objects.filter(
        number_index=index, person_index=person_index, owner_kind=owner_kind, wiped_at=None
    ).select_related("holder_check"):
        if known.holder_check.matched and known.holder_name == holder_name:
            return known
    postponed = not _may_ask(contract_nos)
    account = Account(
        id=uuid.uuid4(),
        bank_code=bank.code,
        number_index=index,
        last4=digits[-4:],
        owner_kind=owner_kind,
        person_index=person_index,
        created_at=clock.now(),
    )
    account.number, account.holder_name = digits, holder_name
    account.holder_birth = holder_birth.isoformat() if holder_birth else None
    with transaction.atomic():
        account.save(force_insert=True)
        # The first request is made here; until `retry_at`, which is later than its end, no worker asks too.
        wait = _until_tomorrow() if postponed else dt.timedelta(seconds=30)
        check = HolderCheck.objects.create(account=account, retry_at=_wall() + wait)
        audit.record(
            actor=actor, action="account.entered", object=f"account:{account.id}", subject=subject,
            detail={"bank": bank.code, "owner": owner_kind},
        )  # fmt: skip
    check.account = account
    if not postponed:
        _settle(check, *request_holder_check(account))
    account.holder_check = check
    return account


def is_same(account: Account, bank_code: str, number: str, holder_name: str, *, owner_kind: str) -> bool:
    """True if an entered account is the one typed now: bank, number in any spelling, holder."""
    try:
        digits = numbers.read(number).digits
    except numbers.NumberFault:
        return False
    return (
        account.bank_code == bank_code
        and bytes(account.number_index) == _number_index(bank_code, digits)
        and account.holder_name == holder_name
        and account.owner_kind == owner_kind
    )


def _may_ask(contract_nos: list[str]) -> bool:
    """Count one check against each line; False if a bank is not asked for one of them any more today."""
    tries = [ratelimit.consume(f"holder-check:{line}", limit=TRIES_A_DAY, seconds=_DAY) for line in contract_nos]
    if all(verdict.allowed for verdict in tries):
        return True
    for line in contract_nos:
        if not ratelimit.consume(f"holder-check-later:{line}", limit=TRIES_A_DAY, seconds=_DAY).allowed:
            raise AccountRefused(
                "TRIES", _("오늘은 계좌를 더 적으실 수 없습니다. 마지막에 적으신 계좌로 접수해 두실 수 있습니다.")
            )
    return False


def _until_tomorrow() -> dt.timedelta:
    """Time until the next day begins in Seoul, when checks may be made again."""
    return clock.kst(clock.today() + dt.timedelta(days=1)) - clock.now()


def enter_offline(*, person_index: bytes, holder_name: str, owner_kind: str, actor: str, subject: str = "") -> Account:
    """Save a placeholder for a person without an account in Korea: no bank is asked and no bank file pays it."""
    account = Account(
        id=uuid.uuid4(),
        bank_code=banks.OFFLINE,
        number_index=crypto.blind_index(str(uuid.uuid4()), "account"),
        last4="",
        owner_kind=owner_kind,
        person_index=person_index,
        created_at=clock.now(),
    )
    account.holder_name = holder_name
    with transaction.atomic():
        account.save(force_insert=True)
        account.holder_check = HolderCheck.objects.create(account=account, outcome=HolderCheck.Outcome.OFFLINE)
        audit.record(
            actor=actor, action="account.is_offline", object=f"account:{account.id}", subject=subject,
            detail={"owner": owner_kind},
        )  # fmt: skip
    return account


def record_passbook(*, account: Account, staff: str, subject: str = "") -> None:
    """Record that staff of a store saw the passbook of an account; a mismatch then goes to a reviewer (D-74).

    `staff` is the name of the actor in the audit.
    """
    with transaction.atomic():
        HolderCheck.objects.filter(account=account).update(passbook_seen=True)
        audit.record(actor=staff, action="account.passbook_seen", object=f"account:{account.id}", subject=subject)
    account.holder_check.passbook_seen = True


def accept(*, account: Account, reviewer: str, subject: str = "") -> None:
    """Accept a mismatch whose passbook a store saw, by a reviewer's yes, in the transaction of the caller (D-74).

    A worker then asks the bank once more for its spelling of the name, which the bank file needs.
    """
    check = account.holder_check
    check.outcome, check.retry_at, check.published_at, check.attempts = HolderCheck.Outcome.ACCEPTED, _wall(), None, 0
    check.save(update_fields=["outcome", "retry_at", "published_at", "attempts"])
    audit.record(actor=reviewer, action="account.accepted", object=f"account:{account.id}", subject=subject)


def take_back_acceptance(*, account: Account, reviewer: str, subject: str = "") -> None:
    """Make an accepted account a mismatch again, because its case is open again; in the transaction of the caller."""
    check = account.holder_check
    check.outcome, check.bank_spelling = HolderCheck.Outcome.MISMATCH, None
    check.save(update_fields=["outcome", "bank_spelling_enc"])
    audit.record(actor=reviewer, action="account.acceptance_undone", object=f"account:{account.id}", subject=subject)


def request_holder_check(account: Account) -> HolderAnswer:
    """Ask the bank who holds `account`, and compare the names (D-74).

    A network call of up to five seconds; never inside a transaction.
    """
    from portone_server_sdk import errors as portone_errors  # late: see `kt_remedy.core.portone`

    bank = banks.find(account.bank_code)
    assert bank is not None
    assert account.number is not None
    assert account.holder_name is not None
    outcome = HolderCheck.Outcome
    try:
        answer = portone.accounts().get_platform_account_holder(
            bank=bank.portone,
            account_number=account.number,
            birthdate=account.holder_birth[2:].replace("-", "") if account.holder_birth else None,
        )
    except portone_errors.PlatformExternalApiFailedError as error:
        closed = any(word in (error.message or "") for word in ("해지", "CLOSED", "거래중지"))
        return HolderAnswer(outcome.CLOSED if closed else outcome.NOT_FOUND)
    except portone_errors.InvalidRequestError:
        return HolderAnswer(outcome.NOT_FOUND)
    except portone_errors.PlatformExternalApiTemporarilyFailedError:
        return HolderAnswer(outcome.BANK_MAINTENANCE)
    except (httpx.HTTPError, portone_errors.PortOneError, ValueError, KeyError):
        # Without a readable answer the bank is asked again later; the customer is not turned away.
        return HolderAnswer(outcome.TIMEOUT)
    reason = names.compare_holder_names(account.holder_name, answer.holder_name)
    return HolderAnswer(
        outcome.MISMATCH if reason == "MISMATCH" else outcome.MATCH,
        reason,
        answer.account_verification_id[:64],
        answer.holder_name.strip(),  # blanks around a name are padding
    )


def unanswered_checks() -> int:
    """Number of holder checks without an answer of the bank."""
    return HolderCheck.objects.filter(outcome__in=HolderCheck.UNSETTLED).count()


def open_checks() -> QuerySet[HolderCheck]:
    """Holder checks that wait for the bank, the next one first; without those of wiped accounts and of persons
    who withdrew a consent."""
    rows = HolderCheck.objects.filter(HolderCheck.OPEN, account__wiped_at__isnull=True)
    return rows.exclude(consents.in_force("account__person_index")).order_by("retry_at")


def repeat_holder_check(check: HolderCheck) -> bool:
    """Ask the bank again; True if it has answered. At-least-once: asking twice does no harm."""
    answer = HolderAnswer(*request_holder_check(check.account))
    with transaction.atomic():
        # An account that was emptied meanwhile, after the withdrawal of a consent, gets no name back.
        kept = Account.objects.select_for_update(no_key=True).filter(pk=check.account_id, wiped_at=None)
        if not list(kept.values_list("pk")):
            return False
        if check.outcome == HolderCheck.Outcome.ACCEPTED:
            _keep_spelling(check, answer)
        else:
            _settle(check, *answer)
    return check.settled


def _settle(check: HolderCheck, outcome: str, reason: str, verification_id: str, spelling: str = "") -> None:
    check.outcome, check.reason, check.verification_id = outcome, reason, verification_id
    check.asked_at, check.retry_at = clock.now(), _wall() + _RETRY_AFTER
    # The name of a stranger, on a mismatch, is compared and forgotten.
    check.bank_spelling = spelling if outcome == HolderCheck.Outcome.MATCH and spelling else None
    check.save(update_fields=["outcome", "reason", "verification_id", "asked_at", "retry_at", "bank_spelling_enc"])


def _keep_spelling(check: HolderCheck, answer: HolderAnswer) -> None:
    """Keep the bank's spelling of an accepted account; a bank that gives no name is not asked again."""
    check.retry_at = _wall() + _RETRY_AFTER if answer.outcome in HolderCheck.UNSETTLED else None
    if answer.spelling:
        check.bank_spelling = answer.spelling
    # A reviewer may have taken the acceptance back meanwhile.
    HolderCheck.objects.filter(pk=check.pk, outcome=HolderCheck.Outcome.ACCEPTED).update(
        retry_at=check.retry_at, bank_spelling_enc=check.bank_spelling_enc
    )


def _wall() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
