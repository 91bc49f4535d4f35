"""Refunds sent by hand to people without an account in Korea: recorded by one person, confirmed by another.

A round never carries them (`selection`: BY_HAND). The database refuses a second one, and one beside an item of a round.
"""

import datetime as dt

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds import calendar
from refunds.applications import service as applications
from refunds.models.applications import Application
from refunds.models.payouts import Item, ManualPayment
from refunds.models.states import Status
from refunds.payouts import adjustments
from refunds.payouts.selection import BILLS_DIGEST
from refunds.payouts.service import Refused, _case, _need, _note, _reason, person_of


def due(row: Application) -> int:
    """Won to be sent by hand for this application as its bills stand now; never 0. It may be sent at the moment a round
    would take it, were there an account. Raises Refused STATE or AMOUNT with what stands in the way."""
    line, now = row.line, clock.now()
    if row.status != Status.APPROVED or not row.account.by_hand:
        raise Refused("STATE", _("승인되었고 한국 계좌가 없는 신청만 따로 보낼 수 있습니다."))
    if row.manual_payments.filter(status__in=ManualPayment.HOLDING).exists():
        raise Refused("STATE", _("이미 따로 보낸 기록이 있습니다. 두 번 보내지 마세요."))
    if row.items.filter(kind=Item.Kind.REFUND, status__in=Item.HOLDING).exists():
        raise Refused("STATE", _("이미 회차에 담긴 신청입니다. 따로 보내지 마세요."))
    if row.holds.filter(released_at=None).exists() or (row.hold_until and row.hold_until > now):
        raise Refused("STATE", _("보류된 신청입니다. 보류가 풀린 뒤에 보내세요."))
    standing = line.effective_outcome
    if standing in {"NOT_ELIGIBLE", "NOTHING_DUE"} or (standing == "REVIEW" and not row.reviewed):
        raise Refused("STATE", _("승인 뒤에 판정이 바뀌었습니다. 심사를 마친 뒤에 보내세요."))
    if "UNPAID" in line.reason_codes and not calendar.is_last(now, programme.current()):
        raise Refused("STATE", _("요금을 아직 다 내지 않으셨습니다. 모두 내신 뒤에 보내세요."))
    won = adjustments.balance(row).owed
    if not won or won != line.refundable_krw:
        raise Refused("AMOUNT", _("청구 자료의 금액이 판정한 금액과 다릅니다. 먼저 확인해 주세요."))
    return won


def record(
    *, application_id: int, user: User, way: str, paid_on: dt.date, reference: str, amount_krw: int
) -> ManualPayment:
    """Write down that the whole refund was sent by hand: how, when, with which receipt. The application is frozen from
    now on; it counts as paid once another person confirms.

    Raises Refused: ROLE, PERSON, OWN_CASE, REASON (no receipt), STATE, DATE, AMOUNT (not what the bills give now),
    RECEIPT (stands for another refund).
    """
    _need(user, "maker")
    person, reference = person_of(user), " ".join(reference.split())
    if not reference:
        raise Refused("REASON", _("영수증 번호를 적어 주세요."))
    frame = programme.current()
    try:
        with transaction.atomic():
            row = _case(application_id, user)
            won = due(row)
            if not row.applied_on <= paid_on <= clock.today():
                raise Refused("DATE", _("보낸 날은 신청일과 오늘 사이여야 합니다."))
            if amount_krw != won:
                raise Refused("AMOUNT", _("보낸 금액이 지금 청구 자료가 말하는 금액과 다릅니다."))
            made = ManualPayment.objects.create(
                application=row,
                account=row.account,
                way=ManualPayment.Way(way),
                paid_on=paid_on,
                reference=reference,
                amount_krw=amount_krw,
                bills_digest=_bills_digest(row.line_id),
                refundable_items=list(frame.waiver.refundable_items),
                recorded_by=user,
                recorded_person=person,
                recorded_at=clock.now(),
            )
            _note(user, "manual_payment.recorded", None, application=row, amount=amount_krw, way=way)
    except IntegrityError:
        # The application is locked, so it can only be the receipt.
        raise Refused("RECEIPT", _("이 영수증 번호는 다른 지급에 이미 적혀 있습니다.")) from None
    return made


def decide(*, payment_id: int, user: User, confirm: bool, reason: str = "") -> ManualPayment:
    """Confirm by the receipt that the money left, or decline the record, by another person. Confirmed, the application
    is paid and its customer told; declined, it waits as before. Raises Refused: ROLE, PERSON, OWN_CASE, STATE,
    SAME_PERSON, REASON."""
    _need(user, "checker")
    person = person_of(user)
    if not confirm:
        reason = _reason(reason)
    with transaction.atomic():
        row = _case(ManualPayment.objects.values_list("application_id", flat=True).get(pk=payment_id), user)
        payment = ManualPayment.objects.select_for_update().get(pk=payment_id)
        if payment.status != ManualPayment.Status.RECORDED:
            raise Refused("STATE", _("이미 정해진 건입니다."))
        if payment.recorded_by_id == user.pk or bytes(payment.recorded_person) == person:
            raise Refused("SAME_PERSON", _("적은 사람은 확인할 수 없습니다. 다른 사람이 확인해야 합니다."))
        payment.status = ManualPayment.Status.CONFIRMED if confirm else ManualPayment.Status.DECLINED
        payment.decided_by, payment.decided_person, payment.decided_at = user, person, clock.now()
        payment.save(update_fields=["status", "decided_by", "decided_person", "decided_at"])
        action = "manual_payment.confirmed" if confirm else "manual_payment.declined"
        _note(user, action, None, reason=reason, application=row, amount=payment.amount_krw)
        if confirm:
            notices.queue(
                kind="payout.by_hand",
                subject=f"application:{row.pk}:manual:{payment.pk}",
                person=bytes(row.filing.person_index),
                to=applications.number_of(row.filing),
                language=row.filing.language,
                context={"paid_on": payment.paid_on},
            )
    return payment


def _bills_digest(contract_no: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {BILLS_DIGEST} FROM eligibility_bill b WHERE contract_no = %s", [contract_no])  # noqa: S608
        return bytes(cursor.fetchone()[0])
