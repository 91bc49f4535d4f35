"""The alarm for guessed verification codes.

The limit of one number does not stop an attacker who tries codes on many numbers. Wrong codes are therefore also
counted over all persons, and staff see an alarm when the share of wrong codes is far above the usual one
(docs/trust.md#2-3). Counters hold no personal data and follow the wall clock.
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
HISTORY = dt.timedelta(days=7)
ALARM_FACTOR = 3  # more than this multiple of the usual share of wrong codes raises the alarm
MIN_WRONG = 30  # no alarm for fewer wrong codes
# Everybody mistypes: one wrong code in twenty is the usual share until a thousand codes are counted, and its minimum.
MIN_HISTORY = 1_000
DEFAULT_WRONG, DEFAULT_TRIED = 1, 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Alarm:
    """Wrong and entered codes of the last minutes (`wrong` of `tried`), and the usual ratio to compare with."""

    wrong: int
    tried: int
    usual_wrong: int
    usual_tried: int

    @property
    def percent(self) -> int:
        """Current share of wrong codes in percent."""
        return self.wrong * 100 // self.tried

    @property
    def usual_percent(self) -> int:
        """Usual share of wrong codes in percent."""
        return self.usual_wrong * 100 // self.usual_tried


def count_code(*, right: bool) -> None:
    """Count one entered code. Call it outside any transaction, because parallel requests lock the same row."""
    column = "right" if right else "wrong"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO identity_code_count AS c (slot, "{column}")
            VALUES (date_bin('10 minutes', now(), 'epoch'), 1)
            ON CONFLICT (slot) DO UPDATE SET "{column}" = c."{column}" + 1
            """  # noqa: S608  (one of two constants)
        )


def current_alarm() -> Alarm | None:
    """Return the alarm that is active now, or None. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(wrong) FILTER (WHERE slot > now() - make_interval(secs => %(recent)s)), 0),
                   coalesce(sum("right" + wrong) FILTER (WHERE slot > now() - make_interval(secs => %(recent)s)), 0),
                   coalesce(sum(wrong) FILTER (WHERE slot <= now() - make_interval(secs => %(recent)s)), 0),
                   coalesce(sum("right" + wrong) FILTER (WHERE slot <= now() - make_interval(secs => %(recent)s)), 0)
            FROM identity_code_count WHERE slot > now() - make_interval(secs => %(before)s)
            """,
            {"recent": RECENT.total_seconds(), "before": HISTORY.total_seconds()},
        )
        wrong, tried, usual_wrong, usual_tried = cursor.fetchone()
    if usual_tried < MIN_HISTORY or usual_wrong * DEFAULT_TRIED < DEFAULT_WRONG * usual_tried:
        usual_wrong, usual_tried = DEFAULT_WRONG, DEFAULT_TRIED
    if wrong < MIN_WRONG or wrong * usual_tried <= ALARM_FACTOR * usual_wrong * tried:
        return None
    return Alarm(wrong, tried, usual_wrong, usual_tried)


def report_wrong_codes(job: Any) -> schedule.ResultMessage | None:
    """Log an active alarm and delete old counts. Safe to run twice."""
    CodeCount.objects.filter(slot__lt=dt.datetime.now(dt.UTC) - HISTORY).delete()
    alarm = current_alarm()
    if alarm is None:
        return None
    log.error("identity.wrong_codes", wrong=alarm.wrong, tried=alarm.tried, usual_percent=alarm.usual_percent)
    return schedule.result_message(
        gettext_noop("틀린 번호 %(wrong)s개, 적힌 번호 %(tried)s개"), wrong=alarm.wrong, tried=alarm.tried
    )
