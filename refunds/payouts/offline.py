"""Offline payments: refunds sent outside the bank files to people without an account in Korea.

One person records the payment, another confirms it. A round never carries them (`selection`: OFFLINE). The database
refuses a second one, and one beside an item of a round.
"""

import datetime as dt

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds import balance, calendar
from refunds.applications.sms import confirmed_number_or_blank
from refunds.balance import Balance
from refunds.models.applications import Application
from refunds.models.cases import OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts.guards import (
    Refused,
    get_case,
    is_maker,
    person_of,
    record_act,
    require_permission,
    require_reason,
)
from refunds.promise import service as promise


def payable_offline(row: Application) -> Balance:
    """The balance of this application, whose `payable` is to be sent offline now and never 0.

    The conditions are those of a round, except for the account. Raises Refused STATE or AMOUNT with the obstacle.
    """
    line, now = row.line, clock.now()
    if row.status != Status.APPROVED or not row.account.is_offline:
        raise Refused("STATE", _("승인되었고 한국 계좌가 없는 신청만 따로 보낼 수 있습니다."))
    if row.offline_payments.filter(status__in=OfflinePayment.HOLDING).exists():
        raise Refused("STATE", _("이미 따로 보낸 기록이 있습니다. 두 번 보내지 마세요."))
    if row.items.filter(kind=Item.Kind.REFUND, status__in=Item.HOLDING).exists():
        raise Refused("STATE", _("이미 회차에 담긴 신청입니다. 따로 보내지 마세요."))
    if row.items.filter(status=Item.Status.RETURNED, money_back=None).exists():
        raise Refused("STATE", _("되돌아온 돈이 아직 들어오지 않았습니다. 들어온 뒤에 보내세요."))
    if row.holds.filter(released_at=None).exists() or (row.hold_until and row.hold_until > now):
        raise Refused("STATE", _("보류된 신청입니다. 보류가 풀린 뒤에 보내세요."))
    outcome = line.effective_outcome
    if outcome in {"NOT_ELIGIBLE", "NOTHING_DUE"} or (outcome == "REVIEW" and not row.reviewed):
        raise Refused("STATE", _("승인 뒤에 판정이 바뀌었습니다. 심사를 마친 뒤에 보내세요."))
    if "UNPAID" in line.reason_codes and not calendar.is_last(now, programme.current()):
        raise Refused("STATE", _("요금을 아직 다 내지 않으셨습니다. 모두 내신 뒤에 보내세요."))
    left = balance.of(row.pk)
    if left.owed != line.refundable_krw:
        raise Refused("AMOUNT", _("청구 자료의 금액이 판정한 금액과 다릅니다. 먼저 확인해 주세요."))
    if not left.payable:
        raise Refused("AMOUNT", _("더 보낼 금액이 없습니다."))
    return left


def record(
    *, application_id: int, user: User, way: str, paid_on: dt.date, reference: str, amount_krw: int
) -> OfflinePayment:
    """Record that the whole refund was sent offline: the way, the KST date, the receipt and the amount in won.

    The application cannot change from now on; it counts as paid once another person confirms.

    Raises Refused: ROLE, PERSON, OWN_CASE, REASON (no receipt), STATE, DATE, AMOUNT (not what the balance leaves),
    RECEIPT (stands for another refund).
    """
    require_permission(user, "payouts.record_offline_payment")
    person, reference = person_of(user), " ".join(reference.split())
    if not reference:
        raise Refused("REASON", _("영수증 번호를 적어 주세요."))
    try:
        with transaction.atomic():
            row = get_case(application_id, user)
            left = payable_offline(row)
            if not row.applied_on <= paid_on <= clock.today():
                raise Refused("DATE", _("보낸 날은 신청일과 오늘 사이여야 합니다."))
            if amount_krw != left.payable:
                raise Refused("AMOUNT", _("보낸 금액이 지금 보낼 금액과 다릅니다."))
            payment = OfflinePayment.objects.create(
                application=row,
                account=row.account,
                way=OfflinePayment.Way(way),
                paid_on=paid_on,
                reference=reference,
                amount_krw=amount_krw,
                bills_digest=left.bills_digest,
                allowed_krw=left.due,
                movements=left.movements,
                refundable_items=list(programme.current().waiver.refundable_items),
                recorded_by=user,
                recorded_person=person,
                recorded_at=clock.now(),
            )
            record_act(user, "offline_payment.recorded", None, application=row, amount=amount_krw, way=way)
    except IntegrityError:
        # The application is locked, so only the receipt can conflict.
        raise Refused("RECEIPT", _("이 영수증 번호는 다른 지급에 이미 적혀 있습니다.")) from None
    return payment


def decide(*, payment_id: int, user: User, confirm: bool, reason: str = "") -> OfflinePayment:
    """Confirm an offline payment by its receipt, or decline the record; by another person.

    A confirmed application is paid and its customer gets a message; a declined one is payable as before.
    Raises Refused: ROLE, PERSON, OWN_CASE, STATE, SAME_PERSON, REASON.
    """
    require_permission(user, "payouts.decide_offline_payment")
    person = person_of(user)
    if not confirm:
        reason = require_reason(reason)
    with transaction.atomic():
        row = get_case(OfflinePayment.objects.values_list("application_id", flat=True).get(pk=payment_id), user)
        payment = OfflinePayment.objects.select_for_update().get(pk=payment_id)
        if payment.status != OfflinePayment.Status.RECORDED:
            raise Refused("STATE", _("이미 정해진 건입니다."))
        if is_maker(user, payment.recorded_by_id, payment.recorded_person):
            raise Refused("SAME_PERSON", _("적은 사람은 확인할 수 없습니다. 다른 사람이 확인해야 합니다."))
        payment.status = OfflinePayment.Status.CONFIRMED if confirm else OfflinePayment.Status.DECLINED
        payment.decided_by, payment.decided_person, payment.decided_at = user, person, clock.now()
        payment.save(update_fields=["status", "decided_by", "decided_person", "decided_at"])
        promise.refresh([row.pk], cause="OFFLINE")
        action = "offline_payment.confirmed" if confirm else "offline_payment.declined"
        record_act(user, action, None, reason=reason, application=row, amount=payment.amount_krw)
        if confirm:
            notices.queue(
                kind="payout.offline",
                subject=f"application:{row.pk}:offline:{payment.pk}",
                person=row.filing.person_index,
                to=confirmed_number_or_blank(row.filing),
                language=row.filing.language,
                context={"paid_on": payment.paid_on},
            )
    return payment
