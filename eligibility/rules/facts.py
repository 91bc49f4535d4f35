"""Input of the rules: the facts of one line, its bill rows, and the conversion of a time to a calendar date."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

_REMEMBERED = 50_000  # cached local dates by hour: some six years, about 10 MB


class Facts(NamedTuple):
    """The facts of one line. Dates are calendar dates in the programme's time zone; amounts are whole won.

    `terminated_on` is None for a line in service (active or suspended), and then `termination_reason` is empty.
    """

    network: str
    product: str
    contract_type: str
    contract_event: str
    contract_started_on: date
    commitment_started_on: date
    contract_months: int
    subsidy: int
    extra_subsidy: int
    discount: int
    suspended_days: int
    terminated_on: date | None
    termination_reason: str
    port_requested_on: date | None
    rejoined_on: date | None


class Bill(NamedTuple):
    """One bill row of a line, in whole won: `paid` in cash, `waived` on the bill, `refunded` outside the portal."""

    item: str
    billed: int
    paid: int
    waived: int
    refunded: int


def local_day(instant: datetime, zone: tzinfo) -> date:
    """The calendar date of an aware datetime in `zone` (D-01), limited to the range of `date`."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        return date.max if instant.year > 1 else date.min


class LocalDays:
    """Converts the times of a delivery to calendar dates of one time zone, with a cache by hour.

    Almost every time of a delivery shares its hour with other times, and the date rarely changes within an hour. An
    hour in which the date changes is not cached.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._days: dict[str, date] = {}

    def day(self, text: str) -> date | None:
        """The local date of `YYYY-MM-DDTHH:MM[:SS[.f]](Z|+HH:MM)`, or None if that day does not exist.

        The caller has checked the format of the text: hours, minutes and the offset are in range.
        """
        # Hour and offset: of 25 characters, as most times have, the offset is the last six. `find` gives -1 for Z, the
        # last character.
        key = text[:13] + (text[19:] if len(text) == 25 else text[text.find("+") :])
        return self._days.get(key) or self._compute(text, key)

    def _compute(self, text: str, key: str) -> date | None:
        offset: tzinfo = UTC
        if text[-1] != "Z":
            offset = timezone(timedelta(hours=int(text[-5:-3]), minutes=int(text[-2:])))
        seconds = int(text[17:19]) if text[16] == ":" else 0
        try:
            instant = datetime(
                int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), seconds, 0, offset
            )
        except ValueError:
            return None
        first = local_day(instant.replace(minute=0, second=0), self._zone)
        last = local_day(instant.replace(minute=59, second=59), self._zone)
        if first != last:
            return local_day(instant, self._zone)
        if len(self._days) >= _REMEMBERED:
            self._days.clear()
        self._days[key] = first
        return first
