"""Encode the rows of a delivery as COPY text: encrypt personal values, compute blind indexes, judge the lines.

A line is judged here without bills, because nearly all lines have none. Lines with bills are judged again after all
bills are read (`eligibility.feed.load`).
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from eligibility import rules, search
from eligibility.feed import staging
from eligibility.feed.rows import LINE_COLUMNS, BadRow, BillFile, BillRow, LineFile, LineRow, RowFault
from kt_remedy.core import crypto, text
from kt_remedy.core.programme import Programme

# In won, above every sum a customer can owe. The columns hold nine thousand times as much, so sums of bills fit too.
LARGEST_AMOUNT = 10**15
LARGEST_DAYS = 2**31 - 1

TOO_LARGE = "more than the register can hold"
LINES, BILLS = 0, 1
LINE_ORDER = (
    "contract_no", "customer_no", "msisdn_enc", "msisdn_index", "contact_enc", "contact_index", "network", "product",
    "opened_at",
    "contract_type", "contract_event", "contract_started_at", "commitment_started_at", "contract_months",
    "subsidy_krw", "extra_subsidy_krw", "discount_krw", "suspended_days", "status", "terminated_at",
    "termination_reason", "port_requested_at", "rejoined_at", "opened_on", "terminated_on", "outcome", "reasons",
    "expected_penalty_krw", "refundable_krw", "programme_version", "as_of", "plan_name", "plan_data", "line_no",
)  # fmt: skip
CUSTOMER_ORDER = (
    "customer_no", "person_index", "ci_enc", "guardian_ci_index", "guardian_ci_enc", "holder_kind", "holder_name_enc",
    "name_is_blank", "name_index", "birth_date", "digest", "as_of", "first_no", "line_no",
)  # fmt: skip
BILL_ORDER = (
    "contract_no", "item", "billed_on", "billed_krw", "paid_krw", "waived_krw", "refunded_krw", "as_of", "line_no",
)  # fmt: skip
BAD_ORDER = ("file", "line_no", "key", '"column"', "value", "reason")

_FIRST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
_LAST = dt.datetime(9999, 12, 30, 23, 59, 59, tzinfo=dt.UTC)
_SEPARATOR = "\x1f"


@dataclass
class EncodedBatch:
    """A batch of rows as COPY text, and the number of rows read."""

    lines: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    bills: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    read: int = 0

    def stage(self, tables: staging.StagingTables) -> None:
        """COPY the batch into the staging tables."""
        staging.copy(tables.line, LINE_ORDER, self.lines)
        staging.copy(tables.customer, CUSTOMER_ORDER, self.customers)
        staging.copy(tables.bill, BILL_ORDER, self.bills)
        staging.copy(tables.bad, BAD_ORDER, self.bad)


class Encoder:
    """Parses and encodes batches of records of one delivery. Each worker has its own encoder."""

    def __init__(self, lines: Path, bills: Path, *, as_of: dt.date, programme: Programme) -> None:
        self._programme, self._as_of = programme, str(as_of)
        self._days = rules.LocalDays(programme.zone)
        self._line_file, self._bill_file = LineFile(lines, programme.zone, programme.carrier.network), BillFile(bills)
        self._digest_key = crypto.blind_index("", "digest")
        self._ci_index, self._customer_index = crypto.indexer("ci"), crypto.indexer("customer")
        self._name_index, self._msisdn_index = crypto.indexer("name"), crypto.indexer("msisdn")
        self._seal_ci, self._seal_guardian_ci, self._seal_name = (
            crypto.sealer(f"eligibility_customer:{column}")
            for column in ("ci_enc", "guardian_ci_enc", "holder_name_enc")
        )
        self._seal_msisdn, self._seal_contact = (
            crypto.sealer(f"eligibility_line:{column}") for column in ("msisdn_enc", "contact_enc")
        )

    def close(self) -> None:
        """Close the two files."""
        self._line_file.close()
        self._bill_file.close()

    def lines(self, records: list) -> EncodedBatch:
        """Encode a batch of records of lines.csv."""
        return self._encode(LINES, self._line_file.rows(records), self._lines)

    def bills(self, records: list) -> EncodedBatch:
        """Encode a batch of records of bills.csv."""
        return self._encode(BILLS, self._bill_file.rows(records), self._bills)

    def _encode(self, file: int, rows: list, encode: Callable[[Iterable, EncodedBatch], None]) -> EncodedBatch:
        out = EncodedBatch(read=len(rows))
        good = []
        for row in rows:
            if isinstance(row, BadRow):
                out.bad.append(_bad_row_text(file, row.line, row.key, row.fault))
            elif fault := _too_large(row):
                out.bad.append(_bad_row_text(file, row.line, row.values[: 3 if file == BILLS else 1], fault))
            else:
                good.append(row)
        encode(good, out)
        return out

    def _lines(self, rows: Iterable[LineRow], out: EncodedBatch) -> None:
        programme, as_of, time, day = self._programme, self._as_of, self._time, self._days.day
        seal, index, version = self._seal_msisdn, self._msisdn_index, programme.version
        assess, conclude, no_bills = rules.assess, rules.conclude, rules.NO_BILLS
        append = out.lines.append
        holder: tuple[str, ...] = ()
        opened_on: dt.date | None
        first = last = 0
        for line, values, facts in rows:
            contract_no, customer_no, _ci, _guardian, _kind, _name, _birth_date, msisdn, contact, *others = values
            network, product, opened_at, contract_type, contract_event, started_at, committed_at, months = others[:8]
            status, terminated_at, reason, port_requested_at, rejoined_at, plan_name, plan_data = others[-7:]
            if holder != values[1:7]:
                if holder:
                    out.customers.append(self._customer(holder, first, last))
                holder, first = values[1:7], line
            last = line
            verdict = conclude(assess(facts, programme), no_bills)
            contact_columns = "\\N\t\\N"
            if contact:
                contact_columns = f"\\\\x{self._seal_contact(contact, contract_no).hex()}\t\\\\x{index(contact).hex()}"
            started = time(started_at)
            # Most lines have the same time in all three columns.
            opened, committed, opened_on = started, started, facts.contract_started_on
            if opened_at != started_at:
                opened, opened_on = time(opened_at), day(opened_at)
            if committed_at != started_at:
                committed = time(committed_at)
            append(
                f"{contract_no}\t{customer_no}"
                f"\t\\\\x{seal(msisdn, contract_no).hex()}\t\\\\x{index(msisdn).hex()}\t{contact_columns}"
                f"\t{network}\t{product}\t{opened}\t{contract_type}\t{contract_event}\t{started}\t{committed}"
                f"\t{months}\t{facts.subsidy}\t{facts.extra_subsidy}\t{facts.discount}\t{facts.suspended_days}"
                f"\t{status}\t{time(terminated_at)}\t{reason}\t{time(port_requested_at)}\t{time(rejoined_at)}"
                f"\t{opened_on}\t{facts.terminated_on or staging.NULL}\t{verdict.outcome}"
                f"\t{';'.join(verdict.reasons)}\t{verdict.expected_penalty}\t{verdict.refundable}"
                f"\t{version}\t{as_of}\t{staging.escaped(text.clean(plan_name)) if plan_name else ''}\t{plan_data}"
                f"\t{line}\n"
            )
        if holder:
            out.customers.append(self._customer(holder, first, last))

    def _customer(self, holder: tuple[str, ...], first: int, last: int) -> str:
        customer_no, ci, guardian_ci, kind, sent_name, birth_date = holder
        name = text.clean(sent_name)
        name_is_blank = not name

        # The same person index as `core.persons` computes.
        if ci:
            person = f"\\\\x{self._ci_index(ci).hex()}\t\\\\x{self._seal_ci(ci, customer_no).hex()}"
        else:
            person = f"\\\\x{self._customer_index(customer_no).hex()}\t\\N"
        guardian = "\\N\t\\N"
        if guardian_ci:
            sealed = self._seal_guardian_ci(guardian_ci, customer_no)
            guardian = f"\\\\x{self._ci_index(guardian_ci).hex()}\t\\\\x{sealed.hex()}"
        digest = hashlib.blake2s(_SEPARATOR.join(holder).encode(), key=self._digest_key, digest_size=16)
        sealed_name = self._seal_name(name or sent_name, customer_no).hex()
        return (
            f"{customer_no}\t{person}\t{guardian}\t{kind}\t\\\\x{sealed_name}\t{name_is_blank}"
            f"\t\\\\x{self._name_index(search.clean_name_key(name)).hex()}\t{birth_date or staging.NULL}"
            f"\t\\\\x{digest.hexdigest()}\t{self._as_of}\t{first}\t{last}\n"
        )

    def _bills(self, rows: Iterable[BillRow], out: EncodedBatch) -> None:
        as_of, escaped, append = self._as_of, staging.escaped, out.bills.append
        for line, values, bill in rows:
            append(
                f"{values[0]}\t{escaped(bill.item)}\t{values[2]}\t{bill.billed}\t{bill.paid}\t{bill.waived}"
                f"\t{bill.refunded}\t{as_of}\t{line}\n"
            )

    def _time(self, text: str) -> str:
        """A time in the range of PostgreSQL, which limits offsets to 16 hours, fractions to 6 digits, and the years."""
        if not text:
            return staging.NULL
        if text.endswith("+09:00") and len(text) < 27 and not text.startswith(("0001", "9999")):
            return text
        head, offset = (text[:-1], "+00:00") if text[-1] == "Z" else (text[:-6], text[-6:])
        head = head.replace(",", ".")[:26]
        seconds = dt.timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
        local = dt.datetime.fromisoformat(head if "." not in head else head.ljust(26, "0"))
        try:
            instant = (local - seconds).replace(tzinfo=dt.UTC)
        except OverflowError:
            instant = _FIRST
        return min(max(instant, _FIRST), _LAST).isoformat()


def _too_large(row: LineRow | BillRow) -> RowFault | None:
    """The fault of a well-formed number that is too large for its column, or None."""
    if isinstance(row, LineRow):
        facts = row.facts
        amounts = (facts.subsidy, facts.extra_subsidy, facts.discount)
        if max(amounts) <= LARGEST_AMOUNT and facts.suspended_days <= LARGEST_DAYS:
            return None
        names = ("subsidy_krw", "extra_subsidy_krw", "discount_krw")
        column = next(
            (name for name, amount in zip(names, amounts, strict=True) if amount > LARGEST_AMOUNT), "suspended_days"
        )
        return RowFault(column, row.values[LINE_COLUMNS.index(column)], TOO_LARGE)
    bill_amounts = row.bill[1:]
    if max(bill_amounts) <= LARGEST_AMOUNT:
        return None
    position = next(number for number, amount in enumerate(bill_amounts) if amount > LARGEST_AMOUNT)
    column = ("billed_krw", "paid_krw", "waived_krw", "refunded_krw")[position]
    return RowFault(column, row.values[position + 3], TOO_LARGE)


def _bad_row_text(file: int, line: int, key: tuple[str, ...] | None, fault: RowFault) -> str:
    if key is None:
        stored = staging.NULL
    else:
        joined = _SEPARATOR.join(key)
        # A key with a NUL occurs in bad rows only, and the database cannot hold it. No good key begins with \x01.
        stored = "\x01" + joined.encode().hex() if "\0" in joined else staging.escaped(joined)
    fault_columns = "\t".join(map(staging.escaped, fault))
    return f"{file}\t{line}\t{stored}\t{fault_columns}\n"
