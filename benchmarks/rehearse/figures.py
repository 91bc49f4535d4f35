"""Figures of a rehearsal, each beside an independent count: they close where both are equal.

The portal's own figures are those that its pages show. The counts beside them are SQL over the rows, sums over files,
or the notes of the people and of the bank.
"""

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and the count beside it, each with the words that say where it comes from."""

    name: str
    ours: str
    value: int
    beside: str
    count: int

    @property
    def closes(self) -> bool:
        """True where both are equal."""
        return self.value == self.count

    def kept(self) -> dict[str, Any]:
        """As it is kept in the state and in the report."""
        return asdict(self) | {"closes": self.closes}


def rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """The rows of a query, however long it takes; its parameters in order, or one mapping of them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(sql, params[0] if params and isinstance(params[0], dict) else params)
        return cursor.fetchall()


def number(sql: str, *params: Any) -> int:
    """The first value of a query, 0 for none."""
    found = rows(sql, *params)
    return int(found[0][0] or 0) if found else 0


# The register


def file_rows(path: Path) -> int:
    """Rows of a CSV file without its header; the sample has no line break within a value."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1


def contracts_in(files: Iterable[Path]) -> int:
    """Different contracts in files of lines, counted by sort(1): it needs disk, not memory."""
    cut = 'cut -d, -f1 -- "$@" | LC_ALL=C sort -u -S 256M | grep -vcx contract_no'
    argv = ["sh", "-c", cut, "sh", *map(str, files)]
    return int(subprocess.run(argv, check=False, capture_output=True, text=True).stdout or 0)


def of_register(deliveries: list[Path]) -> Iterator[Figure]:
    """Lines = judged + rejected, and the rows of the files = the rows that the loads have read."""
    judged = number("SELECT count(*) FROM eligibility_line WHERE outcome <> '' AND programme_version <> ''")
    rejected = number("SELECT count(*) FROM eligibility_reject WHERE file LIKE %s", "%lines.csv")
    yield Figure(
        "lines = judged + rejected",
        "different contracts in the files", contracts_in(path / "lines.csv" for path in deliveries),
        f"{judged:,} judged + {rejected:,} rejected, in SQL", judged + rejected,
    )  # fmt: skip
    for name, column in (("lines.csv", "lines_read"), ("bills.csv", "bills_read")):
        yield Figure(
            f"rows of {name}",
            "read by the loads", number(f"SELECT sum({column}) FROM eligibility_feed WHERE state = 'LOADED'"),  # noqa: S608
            "rows of the files", sum(file_rows(path / name) for path in deliveries),
        )  # fmt: skip
    new = number("SELECT sum(lines_new) FROM eligibility_feed WHERE state = 'LOADED'")
    yield Figure("lines new", "said by the loads", new, "rows of the register", number(
        "SELECT count(*) FROM eligibility_line"))  # fmt: skip
    by_outcome = sum(count for _outcome, count in rows("SELECT outcome, count(*) FROM eligibility_line GROUP BY 1"))
    yield Figure("lines by verdict", "sum over the verdicts", by_outcome, "rows of the register", judged)


# Applications

_LIVE = "a.status NOT IN ('REJECTED', 'WITHDRAWN')"
_ELIGIBLE = "l.terminated_on IS NOT NULL AND coalesce(nullif(l.decided_outcome, ''), l.outcome) = 'ELIGIBLE'"
# The way an application ended: its last payment, or that there is none.
_ENDS = f"""
    SELECT CASE WHEN bool_or(i.status = 'PAID') THEN 'paid'
                WHEN (array_agg(i.status ORDER BY i.id DESC) FILTER (WHERE i.status <> 'VOID'))[1] = 'RETURNED'
                    THEN 'returned'
                ELSE 'open' END AS ended
    FROM refunds_application a LEFT JOIN refunds_item i ON i.application_id = a.id WHERE {_LIVE} GROUP BY a.id
"""  # noqa: S608  (constants of this module)


def of_applications(receipts: Counter[str]) -> Iterator[Figure]:
    """Eligible = filed + not filed; filed by channel = receipts of the people; filed = paid + returned + open."""
    eligible = number(f"SELECT count(*) FROM eligibility_line l WHERE {_ELIGIBLE}")  # noqa: S608
    with_row = number(
        f"SELECT count(*) FROM eligibility_line l JOIN refunds_application a USING (contract_no)"  # noqa: S608
        f" WHERE {_LIVE} AND {_ELIGIBLE}"
    )
    without = number(
        f"SELECT count(*) FROM eligibility_line l WHERE {_ELIGIBLE} AND NOT EXISTS (SELECT FROM refunds_application a"  # noqa: S608
        f" WHERE a.contract_no = l.contract_no AND {_LIVE})"
    )
    yield Figure("eligible = filed + not filed", "eligible lines", eligible,
                 f"{with_row:,} filed + {without:,} not filed, in SQL", with_row + without)  # fmt: skip
    channels = Counter(dict(rows(
        "SELECT CASE WHEN left(f.idempotency_key, 10) = 'rehearsal-' THEN 'SERVICE' ELSE f.channel END, count(*)"
        " FROM refunds_application a JOIN refunds_filing f ON f.id = a.filing_id GROUP BY 1"
    )))  # fmt: skip
    for channel in sorted(channels.keys() | receipts.keys()):
        yield Figure(f"filed by {channel}", "lines on the receipts that people got", receipts[channel],
                     "applications, in SQL", channels[channel])  # fmt: skip
    filed = number(f"SELECT count(*) FROM refunds_application a WHERE {_LIVE}")  # noqa: S608
    ends = Counter(dict(rows(f"SELECT ended, count(*) FROM ({_ENDS}) e GROUP BY 1")))  # noqa: S608
    said = ", ".join(f"{ends[end]:,} {end}" for end in ("paid", "returned", "open"))
    yield Figure("filed = paid + returned + open", "live applications", filed, f"{said}, in SQL", ends.total())


# Money

RELEASABLE = """
    SELECT count(*) FROM refunds_application a JOIN eligibility_line l USING (contract_no)
    WHERE a.status = 'WAITING_FOR_BILL' AND strpos(l.reasons, 'NOT_BILLED_YET') = 0
       OR a.status = 'ON_HOLD_UNPAID' AND strpos(l.reasons, 'UNPAID') = 0
"""


def of_release() -> Iterator[Figure]:
    """Nobody is left out of a round for a bill that has come, or a payment that was made."""
    yield Figure("waiting for a bill or a payment that has come", "in SQL", number(RELEASABLE), "none", 0)


def of_round(pay_on: Any, bank: dict[str, int], money_left: int) -> Iterator[Figure]:
    """The payments of a round as the portal states them, beside the bank: its files, its answers, its statements."""
    from refunds.models.batches import Batch

    batch = Batch.objects.get(pay_on=pay_on)
    of_batch = "FROM refunds_item WHERE batch_id = %s AND status <> 'VOID' GROUP BY status"
    sums = rows(f"SELECT status, count(*), sum(amount_krw) {of_batch}", batch.pk)
    items = {state: (count, int(won)) for state, count, won in sums}
    paid, returned = items.get("PAID", (0, 0)), items.get("RETURNED", (0, 0))
    name = f"round of {pay_on}"
    yield Figure(f"{name}, payments", "of the approved batch", batch.count or 0, "in the bank's files", bank["count"])
    yield Figure(f"{name}, won", "of the approved batch", batch.won or 0, "in the bank's files", bank["won"])
    yield Figure(f"{name}, won of its items", "in SQL", sum(won for _count, won in items.values()),
                 "of the approved batch", batch.won or 0)  # fmt: skip
    yield Figure(f"{name}, paid", "payments, in SQL", paid[0], "the bank's answers", bank["paid"])
    yield Figure(f"{name}, returned", "payments, in SQL", returned[0], "the bank's answers", bank["returned"])
    yield Figure(f"{name}, paid won", "in SQL", paid[1], "debits of the bank's statements", money_left)


def of_money() -> Iterator[Figure]:
    """The trial balance beside the items, and every invariant of the money."""
    from refunds.payouts import trial_balance
    from refunds.payouts.invariants import verify

    by_round = [accounts for _pay_on, accounts in trial_balance.by_round()]
    paid = sum(accounts.paid + accounts.corrected for accounts in by_round)
    yield Figure("paid won of all rounds", "trial balance", paid, "items, in SQL", number(
        "SELECT sum(amount_krw) FROM refunds_item WHERE status = 'PAID'"))  # fmt: skip
    twice = number(
        "SELECT count(*) FROM (SELECT FROM refunds_item WHERE status = 'PAID' AND kind = 'REFUND'"
        " GROUP BY application_id HAVING count(*) > 1) t"
    )
    yield Figure("applications paid twice", "in SQL", twice, "none", 0)
    for finding in verify():
        yield Figure(f"invariant {finding.code}", "breaches", finding.count, "none", 0)


def of_settlement(sheet: Path) -> Iterator[Figure]:
    """The last row of the settlement sheet's rounds, as finance reads it, beside the items."""
    from openpyxl import load_workbook

    book = load_workbook(sheet, read_only=True)
    *_rounds, total = book.worksheets[0].iter_rows(values_only=True)
    book.close()
    count, won = rows("SELECT count(*), coalesce(sum(amount_krw), 0) FROM refunds_item WHERE status <> 'VOID'")[0]
    yield Figure("settlement, payments", "sheet for finance", int(total[3]), "items, in SQL", count)
    yield Figure("settlement, won", "sheet for finance", int(total[4]), "items, in SQL", int(won))


# Messages


def of_reminder(kind: str, subject: str, gateway_log: Path) -> Iterator[Figure]:
    """One message for each person who may still apply and has not; drawn = each state of sending; and the gateway."""
    from kt_remedy.core import clock, persons
    from kt_remedy.notices.models import Mailing

    expected = number(
        "SELECT count(DISTINCT CASE WHEN c.birth_date > %s AND c.guardian_ci_index IS NOT NULL"
        "                           THEN c.guardian_ci_index ELSE c.person_index END)"
        " FROM eligibility_line l JOIN eligibility_customer c USING (customer_no)"
        " WHERE l.terminated_on IS NOT NULL AND (coalesce(nullif(l.decided_outcome, ''), l.outcome) = 'ELIGIBLE'"
        "    OR coalesce(nullif(l.decided_outcome, ''), l.outcome) = 'REVIEW'"
        "       AND greatest(l.expected_penalty_krw, l.refundable_krw) > 0)"
        " AND NOT EXISTS (SELECT FROM refunds_application a"
        "                 WHERE a.contract_no = l.contract_no AND a.status <> 'WITHDRAWN')",
        persons.born_on_or_before(clock.today(), persons.ADULT_AGE),
    )
    states = Counter(dict(rows(
        "SELECT state, count(*) FROM notices_message WHERE kind = %s AND subject = %s GROUP BY 1", kind, subject
    )))  # fmt: skip
    said = ", ".join(f"{count:,} {state.lower()}" for state, count in sorted(states.items()))
    yield Figure(f"{subject}, persons", said, states.total(), "who may apply and have not, in SQL", expected)
    handed = number("SELECT sum(attempts) FROM notices_message WHERE kind = %s", kind)
    # The rounds of a kind share their words.
    texts = {body for item in Mailing.objects.filter(kind=kind) for body in (item.ko, item.en)}
    with gateway_log.open(encoding="utf-8") as log:
        taken = sum(json.loads(line)["text"] in texts for line in log)
    yield Figure(f"{subject}, sent", "handed to the gateway, all rounds of the kind, in SQL", handed,
                 "the gateway's own log", taken)  # fmt: skip


# Perks


def of_base() -> Iterator[Figure]:
    """The base and the holders of each perk, beside the register."""
    from kt_remedy.core import clock, programme
    from rewards.models import PerkCount

    rules = programme.current().rewards
    at_end = clock.kst_date(clock.now())
    lines = number(
        "SELECT count(*) FROM eligibility_line WHERE opened_on <= %s AND (terminated_on IS NULL OR terminated_on > %s)"
        " AND network <> ALL(%s)", rules.base_date, rules.base_date, list(rules.excluded_networks)
    )  # fmt: skip
    base = number("SELECT count(*) FROM rewards_baseline WHERE why = 'IN_SERVICE'")
    yield Figure(f"base as of {at_end}", "lines of the base", base, "lines in service on the base date, in SQL", lines)
    for perk in PerkCount.objects.order_by("perk"):
        counted = number("SELECT count(*) FROM rewards_baseline WHERE %s = ANY(perks)", perk.perk)
        yield Figure(f"lines with {perk.perk}", "said by the base", perk.lines, "rows of the base, in SQL", counted)


def of_grant(month: Any, perk: Any, files: Iterable[Path]) -> Iterator[Figure]:
    """Grants = lines of the base less those that ended or are suspended; granted = rows in the provider's files."""
    states = Counter(dict(rows(
        "SELECT state, count(*) FROM rewards_grant WHERE month = %s AND perk = %s GROUP BY 1", month, perk.code
    )))  # fmt: skip
    base, ended, suspended = rows(
        "SELECT count(*), count(*) FILTER (WHERE l.terminated_on < %s),"
        " count(*) FILTER (WHERE l.status = ANY(%s) AND (l.terminated_on IS NULL OR l.terminated_on >= %s))"
        " FROM rewards_baseline b JOIN eligibility_line l USING (contract_no)"
        " WHERE %s = ANY(b.perks) AND (b.added_on IS NULL OR b.added_on <= %s)",
        month, list(perk.skipped_while), month, perk.code, month,
    )[0]  # fmt: skip
    name = f"grant of {month:%Y-%m}"
    yield Figure(
        f"{name}, lines", "granted or skipped", states.total(), "lines of the base with the perk, in SQL", base
    )
    yield Figure(
        f"{name}, granted", "lines granted", states["GRANTED"],
        f"{base:,} of the base - {ended:,} ended - {suspended:,} suspended, in SQL", base - ended - suspended,
    )  # fmt: skip
    yield Figure(f"{name}, handed over", "lines granted", states["GRANTED"], "rows of the provider's files",
                 sum(_rows_of(path) for path in files))  # fmt: skip


def _rows_of(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _row in csv.reader(file)) - 1
