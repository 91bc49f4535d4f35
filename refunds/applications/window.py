"""Position of an application date in the application window (D-27 to D-32)."""

import datetime as dt

from django.utils.translation import gettext as _

from kt_remedy.core import clock
from kt_remedy.core.programme import Programme
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Lateness
from refunds.models.states import Status

# After a rejection, a customer has so many days to apply again as if in time (D-32).
EXTENSION_DAYS = 14


def lateness(on: dt.date, current: Programme) -> Lateness:
    """Lateness of an application made `on` this KST date. Raises Refused: NOT_OPEN, CLOSED."""
    window = current.applications
    if on < window.opens:
        raise Refused("NOT_OPEN", _("아직 신청 기간이 아닙니다."))
    if on <= window.closes:
        return Lateness.IN_TIME
    if on <= window.late_cured_until:
        return Lateness.EXTENDED
    if on <= window.late_accepted_until:
        return Lateness.LATE
    raise Refused("CLOSED", _("신청을 받는 기간이 모두 끝났습니다. 고객센터로 전화해 주세요."))


def within_extension(earlier: Application | None, on: dt.date) -> bool:
    """True if this late application replaces a timely one that was rejected at most 14 days ago (D-32)."""
    return (
        earlier is not None
        and earlier.status == Status.REJECTED
        and earlier.lateness != Lateness.LATE
        and on <= clock.kst_date(earlier.status_since) + dt.timedelta(days=EXTENSION_DAYS)
    )
