"""The delivery that a freeze needs: as of the day of its cut-off (D-67). Two people may freeze a round without it."""

import datetime as dt
from collections.abc import Iterator

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from eligibility import register_clock
from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kday
from kt_remedy.staff.models import User
from refunds.calendar import PayoutRound, payout_rounds, round_on
from refunds.models.batches import Batch, FreezeException
from refunds.payouts.guards import Refused, is_maker, person_of, record_act, require_permission, require_reason

CODE = "refunds.freeze"


def day_of(payout_round: PayoutRound) -> dt.date:
    """The earliest as-of date of the delivery that the freeze of a round needs: the KST date of its cut-off."""
    return clock.kst_date(payout_round.cut_off)


def open_needs(at: dt.datetime) -> Iterator[register_clock.Need]:
    """The rounds that are still to be frozen at `at`, for the register's clock."""
    today = clock.kst_date(at)
    frozen = set(Batch.objects.exclude(status=Batch.Status.OPEN).values_list("pay_on", flat=True))
    for payout_round in payout_rounds(programme.current()):
        if payout_round.pay_on >= today and payout_round.pay_on not in frozen:
            title = gettext_lazy("%(n)d차 지급 명단 확정") % {"n": payout_round.number}
            yield register_clock.Need(CODE, title, payout_round.cut_off, day_of(payout_round))


def is_missing(payout_round: PayoutRound) -> bool:
    """True if the delivery of a round is missing, and no exception was allowed."""
    if register_clock.covers(day_of(payout_round)):
        return False
    return not FreezeException.objects.filter(pay_on=payout_round.pay_on, allowed_at__isnull=False).exists()


def require(payout_round: PayoutRound) -> None:
    """Raises Refused DELIVERY where `is_missing`."""
    if is_missing(payout_round):
        raise Refused(
            "DELIVERY",
            _(
                "%(day)s 기준 청구 데이터가 아직 오지 않아 확정할 수 없습니다."
                " 두 사람이 이유를 남기면 확정할 수 있습니다."
            )
            % {"day": kday(day_of(payout_round))},
        )


def exception_of(pay_on: dt.date) -> FreezeException | None:
    """The exception of a round, asked for or allowed."""
    return FreezeException.objects.select_related("asked_by", "allowed_by").filter(pay_on=pay_on).first()


def ask(*, pay_on: dt.date, user: User, reason: str) -> FreezeException:
    """Ask to freeze a round without its delivery; by a maker. Raises Refused: ROLE, PERSON, REASON, ROUND, STATE."""
    require_permission(user, "payouts.ask_freeze_exception")
    reason, person = require_reason(reason), person_of(user)
    payout_round = round_on(pay_on, programme.current())
    if payout_round is None:
        raise Refused("ROUND", _("이날은 지급일이 아닙니다."))
    if clock.now() < payout_round.cut_off or register_clock.covers(day_of(payout_round)):
        raise Refused("STATE", _("지금은 예외가 필요하지 않습니다."))
    with transaction.atomic():
        row, created = FreezeException.objects.get_or_create(
            pay_on=pay_on,
            defaults={
                "register_as_of": register_clock.as_of(),
                "reason": reason,
                "asked_by": user,
                "asked_person": person,
                "asked_at": clock.now(),
            },
        )
        if not created:
            raise Refused("STATE", _("이미 청한 예외입니다."))
        record_act(user, "batch.exception_asked", Batch(pay_on=pay_on), reason=reason)
    return row


def allow(*, pay_on: dt.date, user: User) -> FreezeException:
    """Allow a round to be frozen without its delivery; by a checker, another person than the one who asked.

    Raises Refused: ROLE, PERSON, STATE, SAME_PERSON.
    """
    require_permission(user, "payouts.allow_freeze_exception")
    person = person_of(user)
    with transaction.atomic():
        row = FreezeException.objects.select_for_update().filter(pay_on=pay_on, allowed_at=None).first()
        if row is None:
            raise Refused("STATE", _("허락을 기다리는 예외가 없습니다."))
        if is_maker(user, row.asked_by_id, row.asked_person):
            raise Refused("SAME_PERSON", _("청한 사람은 허락할 수 없습니다. 다른 사람이 허락해야 합니다."))
        row.allowed_by, row.allowed_person, row.allowed_at = user, person, clock.now()
        row.save()
        record_act(user, "batch.exception_allowed", Batch(pay_on=pay_on), reason=row.reason)
    return row
