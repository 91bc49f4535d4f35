"""A calendar file of a pay day (RFC 5545): unconditional days only, a stable UID, no amount and no name (D-69)."""

import datetime as dt

from django.utils.translation import gettext as _

from kt_remedy.core import clock, crypto, programme
from refunds.models.promises import PromiseRecord
from refunds.promise.facts import Promise, Situation

MEDIA_TYPE = "text/calendar; charset=utf-8"
_LINE_BYTES = 75


def has_day(promise: Promise) -> bool:
    """True if a promise names a day on which nothing but the calendar stands before the payment."""
    return promise.pays and promise.situation != Situation.PAID and promise.day is not None


def of_pay_day(application_id: int, promise: Promise) -> str:
    """The file of one application whose promise `has_day`, in the reader's language.

    The UID stays when the day moves, and the sequence is the number of records, so that a calendar that takes the file
    again moves its entry.
    """
    assert promise.day is not None
    records = PromiseRecord.objects.filter(application=application_id).count()
    uid = crypto.blind_index(str(application_id), "calendar").hex()[:32]
    current = programme.current()
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{current.carrier.short_name}//Remedy portal//KO",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{uid}@kt-remedy",
        f"SEQUENCE:{records}",
        f"DTSTAMP:{clock.now().astimezone(dt.UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{promise.day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{promise.day + dt.timedelta(days=1):%Y%m%d}",
        "SUMMARY:" + _escaped(_("%(carrier)s 위약금 환급금 받는 날") % {"carrier": current.carrier.short_name}),
        "DESCRIPTION:"
        + _escaped(
            _("날이 바뀌면 문자와 신청 현황에서 알려 드립니다. 문의 %(hotline)s") % {"hotline": current.hotline}
        ),
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _escaped(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text


def _folded(line: str) -> str:
    """A line of at most 75 bytes, the rest on lines that begin with a blank; no letter is cut."""
    parts, size = [""], 0
    for letter in line:
        width = len(letter.encode())
        if size + width > _LINE_BYTES:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += width
    return "\r\n".join(parts)
