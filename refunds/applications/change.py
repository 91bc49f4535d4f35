"""Change one application: withdraw it, or pay it to another account."""

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.staff.models import User
from refunds.applications import bank_layout, desk_sessions, facts, recheck, sms
from refunds.applications.access import actor_of, lock, own_account, refuse_frozen
from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT
from refunds.applications.transitions import Refused, record_decision, transition
from refunds.models.accounts import Account
from refunds.models.applications import Application
from refunds.models.items import Item
from refunds.models.states import REEVALUATED, Status


def withdraw(
    *,
    application_id: int,
    person_index: bytes | None = None,
    staff: User | None = None,
    reason: str = "",
    code: str = "WITHDRAWN",
) -> None:
    """Withdraw an application that is in no batch (D-34); `code` says in its history why.

    Raises Refused: UNKNOWN, OWN_CASE, PROOF, FROZEN, OVER.
    """
    with transaction.atomic():
        row = _lock_live(application_id, person_index, staff)
        refuse_frozen(row)
        transition(row, Status.WITHDRAWN, code=code, actor=actor_of(staff), reason=reason)
        _record(row, "application.withdrawn", staff=staff, reason=reason)
        sms.notify(row, "application.withdrawn", subject=f"application:{row.pk}")


def change_account(
    *, application_id: int, account_id: uuid.UUID, person_index: bytes | None = None, staff: User | None = None
) -> Application:
    """Pay an application to another account, until it is in a batch: 24 hours' hold and a notice (D-34).

    A first account that was never confirmed is replaced without the hold (D-84).

    An approved application keeps its account unless the bank has confirmed the new one and its layout can hold it. An
    application that waits for something is decided anew. An account that more than three persons use (D-35), one for
    which staff wrote another holder, or one that does not match but whose passbook a store saw (D-74) sends it to a
    reviewer, even if it was reviewed before; where the refund is paid and only a correction is owed, such an account is
    refused.
    Raises Refused: UNKNOWN, OWN_CASE, PROOF, FROZEN, OVER, NUMBER, ACCOUNT, NOT_CONFIRMED, LAYOUT, SAME, DOUBT.
    """
    with transaction.atomic():
        row = _lock_live(application_id, person_index, staff)
        refuse_frozen(row, account_only=True)
        desk_sessions.require_number(staff, row)
        account = own_account(account_id, row.account.person_index)
        _check_account(row, account)
        columns: dict[str, Any] = {"account": account, "hold_until": _hold_until(row)}
        review_reason = _review_reason(row, account, staff, columns)
        actor = actor_of(staff)
        record_decision(row, code="ACCOUNT_CHANGED", actor=actor)
        if row.status in REEVALUATED and row.status != Status.NEED_DOCS:
            row.account, row.reviewed = account, columns.get("reviewed", row.reviewed)
            recheck.reevaluate(row, actor=actor, **columns)
        elif row.status == Status.APPROVED and review_reason:
            transition(row, Status.REVIEW, code=review_reason, actor="system", **columns)
        else:
            transition(row, Status(row.status), code="ACCOUNT_CHANGED", actor=actor, **columns)
        _record(row, "application.account_changed", staff=staff)
        sms.notify(row, "application.account_changed", subject=f"application:{row.pk}:{account.pk}")
        return row


def _hold_until(row: Application) -> dt.datetime | None:
    """End of the hold after a change; none where no account of this application was ever confirmed (D-84)."""
    if row.hold_until is None and not row.account.holder_check.matched and not row.items.exists():
        return None
    return clock.now() + dt.timedelta(hours=programme.current().applications.change_hold_hours)


def _lock_live(application_id: int, person_index: bytes | None, staff: User | None) -> Application:
    row = lock(application_id, person_index=person_index, staff=staff)
    desk_sessions.require(staff, row.filing.person_index, row.line.customer.person_index)
    if not row.is_live:
        raise Refused("OVER", _("이미 끝난 신청입니다."))
    return row


def _check_account(row: Application, account: Account) -> None:
    if row.account_id == account.pk:
        raise Refused("SAME", _("지금과 같은 계좌입니다."))
    if row.status != Status.APPROVED or account.holder_check.is_for_reviewer:
        return
    if not account.holder_check.matched:
        raise Refused("NOT_CONFIRMED", _("은행에서 새 계좌를 확인하지 못했습니다. 지금 계좌를 그대로 두었습니다."))
    if code := bank_layout.fault(account):
        raise Refused("LAYOUT", bank_layout.words(code))


def _review_reason(row: Application, account: Account, staff: User | None, columns: dict[str, Any]) -> str:
    """Reason code for a reviewer to look at the new account, "" for none; adds `flag` and `reviewed` to `columns`."""
    review_reason = ""
    persons = facts.persons_using(account)
    if persons > PERSONS_ON_ONE_ACCOUNT:
        review_reason = columns["flag"] = facts.SHARED_ACCOUNT
        facts.report_shared_account(account, persons)
    elif row.flag == facts.SHARED_ACCOUNT:
        columns["flag"] = ""
    if staff is not None and account.holder_name != row.account.holder_name:
        review_reason = review_reason or "HOLDER_RENAMED"
    if account.holder_check.is_for_reviewer:
        review_reason = review_reason or "PASSBOOK_SEEN"
    if review_reason and row.items.filter(kind=Item.Kind.REFUND, status=Item.Status.PAID).exists():
        # A paid refund stays approved, so its correction cannot be sent to a reviewer.
        raise Refused("DOUBT", _("이 계좌로는 바꿀 수 없습니다. 본인 이름의 다른 계좌를 적어 주세요."))
    if review_reason:
        columns["reviewed"] = False
    return review_reason


def _record(row: Application, action: str, *, staff: User | None, reason: str = "") -> None:
    audit.record(
        actor=actor_of(staff),
        action=action,
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
        reason=reason,
    )
