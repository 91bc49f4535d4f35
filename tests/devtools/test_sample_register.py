"""The sample deliveries: the same bytes, every story, the proportions of the real event."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from eligibility.feed.rows import BadRow, BillFile, LineFile
from eligibility.rules import judge
from kt_remedy.core import programme
from kt_remedy.devtools import sample_contracts, sample_register

ROOT = Path(__file__).resolve().parents[2]
ZONE = ZoneInfo("Asia/Seoul")
EVERY_REASON = {
    "NOT_TERMINATED", "TERMINATED_BEFORE_PERIOD", "TERMINATED_AFTER_PERIOD", "MVNO", "IOT", "FORCED_TERMINATION",
    "NEW_AFTER_BASE", "DEVICE_CHANGE_AFTER_BASE", "RECONTRACT_AFTER_BASE", "REVIEW_PORT_DELAY",
    "REVIEW_AUTO_RENEWAL", "REVIEW_NAME_TRANSFER", "REVIEW_UNKNOWN_ITEM", "NO_PENALTY", "NOT_BILLED_YET", "UNPAID",
    "ALREADY_SETTLED",
}  # fmt: skip


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def judged(folder: Path, until: date):
    """Every line as it stands after the deliveries up to a day, with its verdict."""
    lines, bills = {}, {}
    for day in sample_contracts.DELIVERIES:
        if day > until:
            break
        for batch in LineFile(folder / str(day) / "lines.csv", ZONE).batches():
            assert not [row for row in batch if isinstance(row, BadRow)]
            lines.update({row.values[0]: row.facts for row in batch})
        for batch in BillFile(folder / str(day) / "bills.csv").batches():
            for row in batch:
                bills.setdefault(row.values[0], {})[row.values[1:3]] = row.bill
    assert set(bills) <= set(lines)
    rules = programme.load(programme.DEFAULT_FILE)
    return {number: (facts, judge(facts, bills.get(number, {}).values(), rules)) for number, facts in lines.items()}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    sample_register.write(folder, lines=2_000, seed=5)
    return folder


def test_the_bytes_never_change(tmp_path: Path) -> None:
    # A change of these on purpose changes everybody's demonstration data: say so in the commit.
    sample_register.write(tmp_path / "one", lines=300, seed=1)
    sample_register.write(tmp_path / "two", lines=300, seed=1)
    sample_register.write(tmp_path / "other", lines=300, seed=2)

    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two") != digest_of(tmp_path / "other")


def test_two_thousand_lines_meet_every_outcome_and_reason(small: Path) -> None:
    outcomes, reasons = set(), set()
    for day in sample_contracts.DELIVERIES:
        for _facts, verdict in judged(small, day).values():
            outcomes.add(verdict.outcome)
            reasons.update(verdict.reasons)

    assert outcomes == {"ELIGIBLE", "REVIEW", "NOT_ELIGIBLE", "NOTHING_DUE"}
    assert reasons == EVERY_REASON


def test_the_crowd_has_everybody(small: Path) -> None:
    seen = Counter()
    owners = Counter()
    for batch in LineFile(small / "2025-12-31" / "lines.csv", ZONE).batches():
        for row in batch:
            value = dict(zip(sample_contracts.LINE_COLUMNS, row.values, strict=True))
            seen.update((value["holder_kind"], value["network"], value["product"], value["status"]))
            seen["guardian"] += bool(value["guardian_ci"])
            seen["contact"] += bool(value["contact_msisdn"])
            seen["65"] += value["birth_date"] != "" and value["birth_date"] <= "1961-01-13"
            owners[value["customer_no"]] += 1
            seen[value["msisdn"]] += 1

    for kind in ("FOREIGNER", "CORPORATE", "MVNO", "IOT", "PREPAID", "WATCH", "TABLET", "SUSPENDED", "guardian", "65"):
        assert seen[kind] > 0, kind
    assert max(owners.values()) >= 3
    assert max(count for key, count in seen.items() if key.startswith("010")) == 2  # a re-issued number


@pytest.mark.parametrize(
    ("contract_no", "outcome", "reasons", "refundable"),
    [
        ("CAST-101-1", "ELIGIBLE", (), 123_630),
        ("CAST-101-2", "NOT_ELIGIBLE", ("DEVICE_CHANGE_AFTER_BASE", "NOT_BILLED_YET"), 0),
        ("CAST-101-3", "NOT_ELIGIBLE", ("NOT_TERMINATED",), 0),
        ("CAST-103-1", "ELIGIBLE", ("NOT_BILLED_YET",), 0),
        ("CAST-104-1", "ELIGIBLE", ("UNPAID",), 0),
        ("CAST-105-1", "NOTHING_DUE", ("ALREADY_SETTLED",), 0),
        ("CAST-110-1", "REVIEW", ("REVIEW_PORT_DELAY", "NOT_BILLED_YET"), 0),
        ("CAST-111-1", "REVIEW", ("REVIEW_AUTO_RENEWAL",), 27_500),
        ("CAST-114-1", "ELIGIBLE", (), 90_810),
        ("CAST-115-1", "NOTHING_DUE", ("NO_PENALTY",), 0),
        ("CAST-116-1", "NOT_ELIGIBLE", ("FORCED_TERMINATION", "UNPAID"), 0),
        ("CAST-117-1", "REVIEW", ("REVIEW_NAME_TRANSFER",), 68_850),
        ("CAST-118-1", "REVIEW", ("REVIEW_UNKNOWN_ITEM",), 102_370),
    ],
)
def test_the_cast_on_the_day_the_demonstration_starts(small, contract_no, outcome, reasons, refundable) -> None:
    _facts, verdict = judged(small, date(2026, 1, 20))[contract_no]

    assert (verdict.outcome, verdict.reasons, verdict.refundable) == (outcome, reasons, refundable)


def test_later_deliveries_tell_what_happened_meanwhile(small: Path) -> None:
    def reasons(contract_no: str, day: date) -> tuple[str, ...]:
        return judged(small, day)[contract_no][1].reasons

    assert reasons("CAST-104-1", date(2026, 2, 3)) == ()  # paid on 28 January
    assert reasons("CAST-103-1", date(2026, 2, 3)) == ("NOT_BILLED_YET",)
    assert reasons("CAST-103-1", date(2026, 2, 10)) == ()  # January leavers' bills (D-61)


def test_the_proportions_are_those_of_the_event(tmp_path: Path) -> None:
    sample_register.write(tmp_path, lines=40_000, seed=3)
    ended = judged(tmp_path, date(2026, 3, 1))
    eligible = [facts for facts, verdict in ended.values() if verdict.outcome == "ELIGIBLE"]
    forward = [facts for facts in eligible if facts.terminated_on >= date(2025, 12, 31)]
    last_two = [facts for facts in forward if facts.terminated_on >= date(2026, 1, 12)]

    assert len(ended) == 40_000
    assert 0.045 < len(eligible) / 40_000 < 0.057  # 660,000 of 13 million
    assert 0.42 < len(forward) / len(eligible) < 0.52  # 312,902 of about 660,000
    assert 0.27 < len(last_two) / len(forward) < 0.35  # 30.9 %
    assert not any(facts.terminated_on == date(2026, 1, 4) for facts in forward if facts.product == "HANDSET")


def stays(folder: Path) -> dict[str, list[tuple[date, dict[str, str]]]]:
    """Every row of the lines that do not end, by contract: the delivery and the values."""
    told: dict[str, list[tuple[date, dict[str, str]]]] = {}
    for day in sample_contracts.DELIVERIES:
        for batch in LineFile(folder / str(day) / "lines.csv", ZONE).batches():
            for row in batch:
                value = dict(zip(sample_contracts.LINE_COLUMNS, row.values, strict=True))
                told.setdefault(row.values[0], []).append((day, value))
    return {number: rows for number, rows in told.items() if rows[-1][1]["status"] != "TERMINATED"}


def test_lines_are_suspended_restored_and_transferred_after_the_base(small: Path) -> None:
    seen = Counter()
    rows_of = stays(small)
    holders = {rows[0][1]["customer_no"] for rows in rows_of.values()}
    for rows in rows_of.values():
        for (_before, old), (day, new) in pairwise(rows):
            assert day > date(2026, 1, 14), "the base knows nothing of it"
            seen[f"{old['status']}-{new['status']}"] += 1
            if old["customer_no"] != new["customer_no"]:
                seen["to an old customer" if new["customer_no"] in holders else "to a new customer"] += 1
                assert (new["contract_event"], new["commitment_started_at"]) == (
                    "TRANSFER",
                    old["commitment_started_at"],
                )
        first_told, first = rows[0]
        seen["told late"] += first["opened_at"][:10] <= "2026-01-13" and first_told > date(2026, 1, 14)
    kinds = ("ACTIVE-SUSPENDED", "SUSPENDED-ACTIVE", "to a new customer", "to an old customer", "told late")
    assert [kind for kind in kinds if not seen[kind]] == []


def test_price_plans_are_told_for_most_lines(small: Path) -> None:
    seen = Counter(rows[-1][1]["plan_data"] for rows in stays(small).values())
    assert set(seen) == {"LIMITED", "UNLIMITED", ""}
    assert all(count > 100 for count in seen.values())


@pytest.mark.parametrize(
    ("contract_no", "states"),
    [
        ("CAST-120-1", [("2025-12-31", "SUSPENDED"), ("2026-02-24", "ACTIVE")]),
        ("CAST-122-1", [("2025-12-31", "ACTIVE"), ("2026-02-10", "SUSPENDED")]),
        ("CAST-123-1", [("2026-01-20", "ACTIVE")]),
    ],
)
def test_the_cast_lives_on_after_the_base(small: Path, contract_no, states) -> None:
    assert [(str(day), value["status"]) for day, value in stays(small)[contract_no]] == states


def test_a_line_of_the_cast_goes_to_another_of_the_cast(small: Path) -> None:
    rows = stays(small)["CAST-121-1"]
    assert [(str(day), value["customer_no"]) for day, value in rows] == [
        ("2025-12-31", "K20260121"),
        ("2026-02-12", "K20260122"),
    ]


def test_people_are_described_for_the_stand_in(small: Path) -> None:
    people = {person["key"]: person for person in json.loads((small / "people.json").read_text(encoding="utf-8"))}

    assert people["hong"]["contract_nos"] == ["CAST-101-1", "CAST-101-2", "CAST-101-3"]
    assert people["hong"]["ci"] == sample_contracts.ci_of("cast:hong")
    assert len(people["hong"]["ci"]) == 88
    assert people["hanbit"]["ci"] == ""
    assert set(people["hong"]["story"]) == {"ko", "en"}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_size(tmp_path: Path) -> None:
    peaks = []
    for lines in (5_000, 20_000):
        tracemalloc.start()
        sample_register.write(tmp_path / str(lines), lines=lines, seed=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + 4_000_000


@pytest.mark.slow
def test_the_command_needs_no_database_and_no_environment(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", "sample_feed", "--lines", "200", "--seed", "4", str(tmp_path / "out")],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "200 lines" in answer.stdout
    assert (tmp_path / "out" / "2026-02-10" / "bills.csv").is_file()


def test_too_few_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too few"):
        sample_register.write(tmp_path, lines=3, seed=1)
