"""The waiver and the penalty against the rows of tests/cases. Each row names the decision that it proves."""

import csv
import datetime as dt
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from eligibility import rules
from eligibility.feed.judging import JudgedDelivery
from eligibility.feed.rows import BILL_COLUMNS, LINE_COLUMNS
from kt_remedy.core import programme

CASES = Path(__file__).resolve().parent.parent / "cases"
KT = programme.load(programme.DEFAULT_FILE)
PROGRAMMES = {
    "KT-2026": KT,
    "REJOINED": replace(KT, waiver=replace(KT.waiver, exclude_rejoined=True)),
    "SKT-2025": programme.load(CASES / "skt-2025.toml"),
}
# Decisions about the waiver. D-27 to D-57 are about applications, payouts and perks.
DECISIONS = {f"D-{number:02d}" for number in [*range(1, 27), *range(58, 63)]}


def cases(name: str) -> list[dict[str, str]]:
    """The rows of one case file. Column heads hold Korean and English; the English word is the key."""
    with open(CASES / name, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    heads = [head.split(" ")[-1] for head in rows[0]]
    return [dict(zip(heads, row, strict=True)) for row in rows[1:]]


WAIVER = cases("waiver.csv")
PENALTY = cases("penalty.csv")


def judged(rows: list[dict[str, str]], using: programme.Programme, folder: Path) -> dict[str, str]:
    """Write cases as the files of a delivery, judge them, and return the printed verdict of each."""
    with (
        open(folder / "lines.csv", "w", encoding="utf-8", newline="") as lines,
        open(folder / "bills.csv", "w", encoding="utf-8", newline="") as bills,
    ):
        line_out, bill_out = csv.DictWriter(lines, LINE_COLUMNS), csv.writer(bills)
        line_out.writeheader()
        bill_out.writerow(BILL_COLUMNS)
        for row in rows:
            fixed = {
                "contract_no": row["case"],
                "customer_no": "U1",
                "ci": "",
                "guardian_ci": "",
                "holder_name": "홍길동",
                "msisdn": "01012345678",
                "contact_msisdn": "",
                "opened_at": row["contract_started_at"],
                "network": using.carrier.network if row["network"] == "KT" else row["network"],
            }
            line_out.writerow({column: fixed.get(column, row.get(column, "")) for column in LINE_COLUMNS})
            for number, bill in enumerate(filter(None, row["bills"].split("|")), 1):
                item, *amounts = bill.split(":")
                bill_out.writerow([row["case"], item, f"2026-01-{number:02d}", *amounts])
    judging = JudgedDelivery(folder / "lines.csv", folder / "bills.csv", using, processes=1)
    assert "".join(judging.rejects()).count("\n") == 1, "".join(judging.rejects())
    printed = "".join(judging.verdicts()).splitlines()[1:]
    return {text.split(",")[0]: text for text in printed}


@pytest.mark.parametrize("name", PROGRAMMES)
def test_each_case_of_the_waiver_gets_its_verdict(name: str, tmp_path: Path) -> None:
    rows = [row for row in WAIVER if row["programme"] == name]
    verdicts = judged(rows, PROGRAMMES[name], tmp_path)
    columns = ("case", "outcome", "reasons", "expected_penalty_krw", "refundable_krw")
    expected = {row["case"]: ",".join(row[column] for column in columns) for row in rows}
    assert rows
    assert {
        f"{row['source']} {row['about']}": verdicts[row["case"]]
        for row in rows
        if verdicts[row["case"]] != expected[row["case"]]
    } == {}


def test_every_decision_about_the_waiver_has_a_case() -> None:
    assert DECISIONS - {row["source"] for row in WAIVER} == set()


def test_every_reason_and_outcome_stands_in_a_case() -> None:
    reasons = {reason for row in WAIVER for reason in row["reasons"].split(";")}
    assert reasons >= {
        "NOT_TERMINATED", "TERMINATED_BEFORE_PERIOD", "TERMINATED_AFTER_PERIOD", "MVNO", "IOT", "FORCED_TERMINATION",
        "REJOINED", "NEW_AFTER_BASE", "DEVICE_CHANGE_AFTER_BASE", "RECONTRACT_AFTER_BASE", "REVIEW_PORT_DELAY",
        "REVIEW_AUTO_RENEWAL", "REVIEW_NAME_TRANSFER", "REVIEW_UNKNOWN_ITEM", "NO_PENALTY", "NOT_BILLED_YET", "UNPAID",
        "ALREADY_SETTLED",
    }  # fmt: skip
    assert {row["outcome"] for row in WAIVER} == set(rules.Outcome)


def facts(**changes: object) -> rules.Facts:
    """Facts of a terminated 24-month discount contract with the given changes."""
    usual = rules.Facts(
        network="KT",
        product="HANDSET",
        contract_type="DISCOUNT",
        contract_event="NEW",
        contract_started_on=dt.date(2025, 1, 10),
        commitment_started_on=dt.date(2025, 1, 10),
        contract_months=24,
        subsidy=0,
        extra_subsidy=0,
        discount=267_000,
        suspended_days=0,
        terminated_on=dt.date(2026, 1, 13),
        termination_reason="PORT_OUT",
        port_requested_on=None,
        rejoined_on=None,
    )
    return usual._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", PENALTY, ids=[f"{row['source']}-{row['case']}" for row in PENALTY])
def test_each_case_of_the_penalty_gets_its_parts_and_amount(row: dict[str, str]) -> None:
    line = facts(
        contract_type=row["contract_type"],
        contract_months=int(row["contract_months"]),
        contract_started_on=dt.date.fromisoformat(row["start"]),
        commitment_started_on=dt.date.fromisoformat(row["start"]),
        suspended_days=int(row["suspended_days"]),
        subsidy=int(row["subsidy"]),
        extra_subsidy=int(row["extra_subsidy"]),
        discount=int(row["discount"]),
        terminated_on=dt.date.fromisoformat(row["end"]),
    )
    estimate = rules.estimate(line, dt.date.fromisoformat(row["end"]), KT)
    assert (estimate.total_days, estimate.used_days, estimate.left_days, estimate.rate, estimate.amount) == (
        int(row["total_days"]),
        int(row["used_days"]),
        int(row["left_days"]),
        Fraction(row["rate"]),
        int(row["penalty"]),
    )
    assert sum(part.amount for part in estimate.components) == estimate.amount
    assert rules.judge(line, [], KT).expected_penalty == estimate.amount


def test_the_curve_covers_the_forward_part_of_the_waiver() -> None:
    days = list(rules.curve(facts(terminated_on=None, termination_reason=""), KT))
    assert [days[0].on, days[-1].on, len(days)] == [dt.date(2025, 12, 31), dt.date(2026, 1, 13), 14]
    assert days[-1].amount == 175_249


def test_a_commitment_at_the_end_of_the_calendar_has_its_length() -> None:
    line = facts(commitment_started_on=dt.date(9999, 6, 1), terminated_on=dt.date(9999, 12, 31))
    assert rules.estimate(line, dt.date(9999, 12, 31), KT).total_days == 731  # 10000 is a leap year


def test_the_trace_names_the_reasons_of_the_verdict_in_their_order(tmp_path: Path) -> None:
    """The reasons of the trace are the reasons of the verdict, and each condition names its source."""
    lines = [
        facts(network="MVNO", product="IOT", termination_reason="FORCED", contract_started_on=dt.date(2025, 9, 1)),
        facts(terminated_on=dt.date(2026, 1, 14), port_requested_on=dt.date(2026, 1, 13)),
        facts(terminated_on=None, termination_reason=""),
        facts(contract_event="TRANSFER", contract_started_on=dt.date(2025, 10, 1)),
        facts(rejoined_on=dt.date(2025, 12, 1)),
        facts(discount=0),
    ]
    bills = [
        (),
        (rules.Bill("DISCOUNT_CLAWBACK", 100, 100, 0, 0),),
        (rules.Bill("DISCOUNT_CLAWBACK", 100, 0, 0, 0),),
        (rules.Bill("DISCOUNT_CLAWBACK", 100, 100, 0, 100), rules.Bill("MYSTERY", 1, 1, 0, 0)),
    ]
    for using in PROGRAMMES.values():
        for line in lines:
            for rows in bills:
                checks = rules.trace(line, rows, using)
                verdict = rules.judge(line, rows, using)
                assert sorted(check.reason for check in checks if check.reason) == sorted(verdict.reasons)
                assert all(check.source for check in checks)
                assert len({check.code for check in checks}) == len(checks)
