"""An own count of the programme from the files of the deliveries alone, beside the portal: no query, no service.

It keeps the facts as the billing system told them, and what the test's people did; each figure is counted from these.
"""

import csv
import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.eligibility.test_rules_oracle import PROGRAMME, day, verdict

BASE = PROGRAMME["rewards"]["base_date"]
PERKS = {perk["code"]: perk for perk in PROGRAMME["perk"]}
ADULT_AGE = 19


def years_before(on: dt.date, years: int) -> dt.date:
    """The birthday of those who are `years` old on `on`; 29 February counts as 1 March."""
    try:
        return on.replace(year=on.year - years)
    except ValueError:
        return dt.date(on.year - years, 2, 28)


@dataclass
class Refund:
    """A line that was applied for: the day, what is on its way or paid, and whether its account failed."""

    applied_on: dt.date
    paid_krw: int = 0
    failed: bool = False


@dataclass
class Count:
    """The register, the applications and the choices of one run."""

    folder: Path
    lines: dict[str, dict] = field(default_factory=dict)
    bills: dict[str, dict] = field(default_factory=dict)
    read: set[dt.date] = field(default_factory=set)
    refunds: dict[str, Refund] = field(default_factory=dict)
    base: dict[str, dict] = field(default_factory=dict)  # the row of a line in the base as it was then
    added: dict[str, dt.date] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)
    insured: set[str] = field(default_factory=set)
    _verdicts: dict[str, list[str]] = field(default_factory=dict)

    def read_until(self, today: dt.date) -> list[dt.date]:
        """Take in the deliveries up to a day; returns the new ones."""
        new = sorted(
            on for path in self.folder.glob("????-??-??") if (on := dt.date.fromisoformat(path.name)) <= today
            and on not in self.read
        )  # fmt: skip
        for on in new:
            for row in self._rows(on, "lines.csv"):
                self.lines[row["contract_no"]] = row
                self._verdicts.pop(row["contract_no"], None)
            for row in self._rows(on, "bills.csv"):
                self.bills.setdefault(row["contract_no"], {})[row["item"], row["billed_on"]] = row
                self._verdicts.pop(row["contract_no"], None)
            self.read.add(on)
        return new

    def _rows(self, on: dt.date, name: str) -> list[dict]:
        with (self.folder / str(on) / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def verdict(self, contract: str) -> list[str]:
        """Contract, outcome, reasons, expected penalty and refundable won."""
        if contract not in self._verdicts:
            self._verdicts[contract] = verdict(self.lines[contract], list(self.bills.get(contract, {}).values()))
        return self._verdicts[contract]

    def outcomes(self) -> Counter[str]:
        """Lines by outcome."""
        return Counter(self.verdict(contract)[1] for contract in self.lines)

    @staticmethod
    def person(row: dict) -> str:
        """The person of a row: the connecting information, or the customer where there is none."""
        return row["ci"] or row["customer_no"]

    def reader(self, row: dict, today: dt.date) -> str:
        """The person who reads the message about a row: the guardian of a minor, where billing knows one."""
        minor = row["birth_date"] and dt.date.fromisoformat(row["birth_date"]) > years_before(today, ADULT_AGE)
        return row["guardian_ci"] if minor and row["guardian_ci"] else self.person(row)

    # Refunds

    def could_apply(self, contract: str) -> bool:
        """True for a terminated line that could be applied for and was not."""
        _no, outcome, _reasons, expected, refundable = self.verdict(contract)
        right = outcome == "ELIGIBLE" or (outcome == "REVIEW" and max(int(expected), int(refundable)) > 0)
        return bool(self.lines[contract]["terminated_at"]) and right and contract not in self.refunds

    def reminded(self, today: dt.date) -> int:
        """Persons whom a reminder is due to."""
        return len({self.reader(row, today) for no, row in self.lines.items() if self.could_apply(no)})

    def told_first(self, today: dt.date) -> tuple[int, int]:
        """Persons of the news of the first day: those who left before it, those who may leave."""
        first = PROGRAMME["waiver"]["forward_from"]
        left = {
            self.reader(row, today)
            for no, row in self.lines.items()
            if self.could_apply(no) and day(row["terminated_at"]) < first
        }
        may_leave = {
            self.reader(row, today)
            for no, row in self.lines.items()
            if not row["terminated_at"] and self.verdict(no)[2] == "NOT_TERMINATED" and int(self.verdict(no)[3]) > 0
        }
        return len(left), len(may_leave)

    def due_krw(self, contract: str) -> int:
        """Won that may be paid for a line now; 0 while the bill is awaited or unpaid, or a person has to decide."""
        _no, outcome, reasons, _expected, refundable = self.verdict(contract)
        waits = outcome != "ELIGIBLE" or "UNPAID" in reasons or "NOT_BILLED_YET" in reasons
        return 0 if waits else int(refundable) - self.refunds[contract].paid_krw

    def round(self, pay_on: dt.date) -> dict[str, int]:
        """Won by line of the round paid on a day: what is due and belongs to this round or an earlier one."""
        found = {}
        for contract, refund in self.refunds.items():
            ended = min(day(self.lines[contract]["terminated_at"]), PROGRAMME["waiver"]["terminated_to"])
            rows = [
                row["pay_on"]
                for row in PROGRAMME["payout"]
                if row["terminated_from"] <= ended <= row["terminated_to"]
                and row["applied_from"] <= refund.applied_on <= row["applied_to"]
            ]
            if min(rows) <= pay_on and (won := self.due_krw(contract)) > 0:
                found[contract] = won
        return found

    # Perks

    def take_base(self) -> None:
        """The lines alive at the end of the base date, as the deliveries up to now tell them."""
        self.base = {no: row for no, row in self.lines.items() if self.belongs(row)}

    @staticmethod
    def belongs(row: dict) -> bool:
        """True for a line in service at the end of the base date."""
        ended = day(row["terminated_at"])
        outside = row["network"] in PROGRAMME["rewards"]["excluded_networks"]
        return not outside and day(row["opened_at"]) <= BASE and (ended is None or ended > BASE)

    def late(self) -> set[str]:
        """Lines told after the base that belong into it."""
        return {no for no, row in self.lines.items() if no not in self.base and self.belongs(row)}

    def add(self, contract: str, on: dt.date) -> None:
        """Two people add a line told late."""
        self.base[contract], self.added[contract] = self.lines[contract], on

    def having(self, code: str) -> list[str]:
        """The lines of the base that have a perk."""
        perk = PERKS[code]
        return [
            no
            for no, row in self.base.items()
            if row["product"] not in perk.get("excluded_products", ())
            and not (perk["unit"] == "PERSON" and row["holder_kind"] == "CORPORATE")
        ]

    def holders(self, code: str) -> tuple[int, int]:
        """Lines and persons that have a perk."""
        lines = self.having(code)
        return len(lines), len({self.person(self.base[no]) for no in lines})

    def grants(self, month: dt.date) -> Counter[str]:
        """Lines by state of the grant of a month."""
        states = Counter()
        for no in self.having("DATA_100GB"):
            row = self.lines[no]
            if self.added.get(no, month) > month:
                continue
            ended = day(row["terminated_at"])
            gone = ended is not None and ended < month
            states["TERMINATED" if gone else "SUSPENDED" if row["status"] == "SUSPENDED" else "GRANTED"] += 1
        return states

    def lasts(self, contract: str) -> bool:
        """True while a line lasts for its holder on the base date; after a transfer its end does not matter."""
        then, now = self.base[contract], self.lines[contract]
        return not now["terminated_at"] or self.person(then) != self.person(now)

    def choosers(self, today: dt.date) -> int:
        """Persons who may choose a service and have not, for at least one line."""
        youngest = min(choice["minimum_age"] for choice in PERKS["OTT"]["choices"])
        return len(
            {
                self.reader(row, today)
                for no in self.having("OTT")
                if self.lasts(no) and no not in self.chosen
                for row in [self.base[no]]
                if not row["birth_date"] or dt.date.fromisoformat(row["birth_date"]) <= years_before(today, youngest)
            }
        )

    def insurance(self, today: dt.date) -> tuple[int, int]:
        """Persons insured by age, and those who may apply and have not."""
        limit = years_before(BASE, PERKS["INSURANCE"]["automatic_from_age"])
        rows = [self.base[no] for no in self.having("INSURANCE") if self.lasts(no)]
        undecided = [row for row in rows if self.person(row) not in self.insured]
        old = {self.person(row) for row in undecided if dt.date.fromisoformat(row["birth_date"]) <= limit}
        young = {self.reader(row, today) for row in undecided if dt.date.fromisoformat(row["birth_date"]) > limit}
        return len(old), len(young)
