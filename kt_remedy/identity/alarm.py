"""Somebody tries codes on many numbers: each number's limit holds, and yet one in some thousand guesses is right.

So wrong codes are also counted over everybody, and staff are told when far more are wrong than usual
(docs/trust.md#2-3). Counters are rows and name nobody; the wall clock counts.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection
from django.utils.translation import gettext_noop

from kt_remedy.core.tasks import schedule
from kt_remedy.identity.models import CodeCount

RECENT = dt.timedelta(minutes=20)
BEFORE = dt.timedelta(days=7)
TIMES = 3  # the usual share of wrong codes, times this, is an alarm
FEWEST_WRONG = 30  # fewer than this say nothing
# People mistype: until a thousand codes have been seen, and at the least, one in twenty is taken as usual.
ENOUGH = 1_000
USUAL_WRONG, USUAL_OF = 1, 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Alarm:
    """Of `tried` codes in the last minutes `wrong` were wrong; usual are `usual_wrong` of `usual_tried`."""

    wrong: int
    tried: int
    usual_wrong: int
    usual_tried: int

    @property
    def percent(self) -> int:
        """Wrong ones of a hundred, now."""
        return self.wrong * 100 // self.tried

    @property
    def usual_percent(self) -> int:
        """Wrong ones of a hundred, usually."""
        return self.usual_wrong * 100 // self.usual_tried


def count(*, right: bool) -> None:
    """Count one entered code. Call it outside any transaction: parallel people share the row."""
    column = "right" if right else "wrong"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO identity_code_count AS c (slot, "{column}")
            VALUES (date_bin('10 minutes', now(), 'epoch'), 1)
            ON CONFLICT (slot) DO UPDATE SET "{column}" = c."{column}" + 1
            """  # noqa: S608  (one of two words of ours)
        )


def standing() -> Alarm | None:
    """The alarm that holds now, or None. One query; ends by itself when fewer codes are wrong."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(wrong) FILTER (WHERE slot > now() - make_interval(secs => %(recent)s)), 0),
                   coalesce(sum("right" + wrong) FILTER (WHERE slot > now() - make_interval(secs => %(recent)s)), 0),
                   coalesce(sum(wrong) FILTER (WHERE slot <= now() - make_interval(secs => %(recent)s)), 0),
                   coalesce(sum("right" + wrong) FILTER (WHERE slot <= now() - make_interval(secs => %(recent)s)), 0)
            FROM identity_code_count WHERE slot > now() - make_interval(secs => %(before)s)
            """,
            {"recent": RECENT.total_seconds(), "before": BEFORE.total_seconds()},
        )
        wrong, tried, usual_wrong, usual_tried = cursor.fetchone()
    if usual_tried < ENOUGH or usual_wrong * USUAL_OF < USUAL_WRONG * usual_tried:
        usual_wrong, usual_tried = USUAL_WRONG, USUAL_OF
    if wrong < FEWEST_WRONG or wrong * usual_tried <= TIMES * usual_wrong * tried:
        return None
    return Alarm(wrong, tried, usual_wrong, usual_tried)


def watch(job: Any) -> schedule.ResultMessage | None:
    """The job that writes the alarm down while it holds, and forgets old counts. Safe to run twice."""
    CodeCount.objects.filter(slot__lt=dt.datetime.now(dt.UTC) - BEFORE).delete()
    alarm = standing()
    if alarm is None:
        return None
    log.error("identity.wrong_codes", wrong=alarm.wrong, tried=alarm.tried, usual_percent=alarm.usual_percent)
    return schedule.result_message(
        gettext_noop("틀린 번호 %(wrong)s개, 적힌 번호 %(tried)s개"), wrong=alarm.wrong, tried=alarm.tried
    )
