"""A decision as a reviewer enters it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refunds.applications.submit import LateReasonInput

APPROVE, REJECT, ASK_DOCUMENTS = "APPROVE", "REJECT", "ASK_DOCUMENTS"
# The second person lets the first decision stand (D-82).
AGREE = "AGREE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision as a reviewer enters it: the act, codes of `letters.toml`, dates by code, and a note for staff only.

    `late` corrects the reason that a late customer gave; `earlier_date` gives an application after a wrong rejection
    the date of the rejected one (D-32).
    """

    act: str
    codes: Sequence[str] = ()
    days: Mapping[str, dt.date] | None = None
    note: str = ""
    late: LateReasonInput | None = None
    earlier_date: bool = False
