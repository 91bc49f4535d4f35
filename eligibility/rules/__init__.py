"""The waiver's rules: pure functions of facts, bills and the programme. No Django, no database, no clock.

`judge(facts, bills, programme)` is the only implementation of the waiver. Pages, payouts, the load of deliveries and
the `judge` command all use it. `assess` and `conclude` are its two halves for code that reads a line long before its
bills: `judge(f, b, p) == conclude(assess(f, p), tally(b, p))`.
"""

from eligibility.rules.facts import Bill, Facts, LocalDays
from eligibility.rules.penalty import Component, Estimate, curve, estimate
from eligibility.rules.trace import Check, trace
from eligibility.rules.verdict import NO_BILLS, Assessment, Outcome, Tally, Verdict, assess, conclude, judge, tally

__all__ = [
    "NO_BILLS",
    "Assessment",
    "Bill",
    "Check",
    "Component",
    "Estimate",
    "Facts",
    "LocalDays",
    "Outcome",
    "Tally",
    "Verdict",
    "assess",
    "conclude",
    "curve",
    "estimate",
    "judge",
    "tally",
    "trace",
]
