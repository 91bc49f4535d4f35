"""The panel that leads from the pages of answers and statements to the counter of the stand-in bank."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from kt_remedy.core import clock
from refunds.calendar import business_days_before


def context(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Context of the panel; None where no stand-in is in use. The statement is that of the last business day."""
    if not settings.SANDBOX_URL:
        return None
    day = business_days_before(clock.today(), 1)
    return {
        "counter": f"{settings.SANDBOX_URL}/bank/",
        "statements": f"{settings.SANDBOX_URL}/bank/statements/?" + urlencode({"day": day.isoformat()}),
        "day": day,
    }
