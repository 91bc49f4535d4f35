"""Verdicts against a second, slow implementation of the rules, written from docs/feed.md alone.

It shares no code with `eligibility.rules`. The case tables must find errors that both implementations share.
"""

import calendar
import csv
import datetime as dt
import io
import random
import re
import tomllib
from fractions import Fraction

import pytest
from django.core.management import call_command

from kt_remedy.core.programme import DEFAULT_FILE
from tests import people

PROGRAMME = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))
WAIVER = PROGRAMME["waiver"]
KST = dt.timezone(dt.timedelta(hours=9))


def day(text: str) -> dt.date | None:
    if not text:
        return None
    parts = re.fullmatch(r"([^.+Z]+)(?:\.\d+)?(Z|\+\d\d:\d\d)", text)
    return dt.datetime.fromisoformat(parts[1] + parts[2].replace("Z", "+00:00")).astimezone(KST).date()


def penalty(line: dict, on: dt.date) -> int:
    start = day(line["commitment_started_at"])
    if line["contract_type"] == "NONE" or start > on:
        return 0
    months = int(line["contract_months"])
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    end = dt.date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1])) - dt.timedelta(1)
    whole, used = (end - start).days + 1, (on - start).days + 1 - int(line["suspended_days"])
    grace = PROGRAMME["penalty"]["grace_days"][str(months)]
    if used >= whole:
        return 0
    columns = ["subsidy_krw", "extra_subsidy_krw"] if line["contract_type"] == "SUBSIDY" else ["discount_krw"]
    rate = Fraction(1) if used <= grace else Fraction(whole - used, whole - grace)
    return sum(int(int(line[column]) * rate) for column in columns)


def verdict(line: dict, bills: list[dict]) -> list[str]:
    no, review, money = [], [], []
    ended, last = day(line["terminated_at"]), WAIVER["terminated_to"]
    if line["status"] != "TERMINATED":
        no.append("NOT_TERMINATED")
    elif ended < WAIVER["terminated_from"]:
        no.append("TERMINATED_BEFORE_PERIOD")
    elif ended > last:
        requested = day(line["port_requested_at"])
        if requested and requested <= last:
            review.append("REVIEW_PORT_DELAY")
        else:
            no.append("TERMINATED_AFTER_PERIOD")
    no += [line["network"]] if line["network"] in WAIVER["excluded_networks"] else []
    no += [line["product"]] if line["product"] in WAIVER["excluded_products"] else []
    no += ["FORCED_TERMINATION"] if line["termination_reason"] == "FORCED" else []
    if day(line["contract_started_at"]) >= WAIVER["contract_before"]:
        event = line["contract_event"]
        no += [f"{event}_AFTER_BASE"] if event in WAIVER["excluded_events"] else []
        if event in WAIVER["review_events"]:
            review.append("REVIEW_NAME_TRANSFER" if event == "TRANSFER" else f"REVIEW_{event}")
    refundable_items, other_items = WAIVER["refundable_items"], WAIVER["non_refundable_items"]
    review += (
        ["REVIEW_UNKNOWN_ITEM"] if any(bill["item"] not in [*refundable_items, *other_items] for bill in bills) else []
    )
    expected = penalty(line, ended or last)
    rows = [[int(bill[f"{name}_krw"]) for name in ("billed", "paid", "waived", "refunded")]
            for bill in bills if bill["item"] in refundable_items]  # fmt: skip
    refundable = sum(max(0, min(billed, paid) - refunded) for billed, paid, _, refunded in rows)
    if ended:
        if not sum(row[0] for row in rows):
            money = ["NOT_BILLED_YET" if expected else "NO_PENALTY"]
        elif any(paid < billed - waived for billed, paid, waived, _ in rows):
            money = ["UNPAID"]
        elif not refundable:
            money = ["ALREADY_SETTLED"]
    nothing = money in (["NO_PENALTY"], ["ALREADY_SETTLED"])
    outcome = "NOT_ELIGIBLE" if no else "REVIEW" if review else "NOTHING_DUE" if nothing else "ELIGIBLE"
    return [line["contract_no"], outcome, ";".join(no + review + money), str(expected), str(refundable)]


def shaken(lines: list[dict], seed: int) -> tuple[list[dict], list[dict]]:
    """The same contracts with random facts close to each boundary, and random bills in random order."""
    rng, bills = random.Random(seed), []

    def moment(first: str, last: str) -> str:
        start, end = dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last)
        at = (start + dt.timedelta(seconds=rng.randrange(int((end - start).total_seconds())))).replace(tzinfo=KST)
        in_utc = at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return rng.choice([at.strftime("%Y-%m-%dT%H:%M+09:00"), in_utc, at.strftime("%Y-%m-%dT%H:%M:%S.250+09:00")])

    around = [("2025-08-30", "2025-09-03"), ("2025-09-01", "2026-01-13"), ("2026-01-12", "2026-01-16")]
    for line in lines:
        kind, ended = rng.choice(["SUBSIDY", "DISCOUNT", "DISCOUNT", "NONE"]), rng.random() < 0.75
        started = moment(*rng.choice([("2023-01-01", "2025-08-31"), around[0], ("2025-08-01", "2026-02-01")]))
        line |= {
            "network": rng.choice(["KT"] * 9 + ["MVNO"]),
            "product": rng.choice(["HANDSET"] * 5 + ["WATCH", "TABLET", "IOT", "PREPAID"]),
            "contract_type": kind,
            "contract_months": "0" if kind == "NONE" else rng.choice(["12", "24"]),
            "contract_event": rng.choice(["NEW", "DEVICE_CHANGE", "RECONTRACT", "AUTO_RENEWAL", "TRANSFER"]),
            "contract_started_at": started,
            "commitment_started_at": rng.choice([started, started, "2024-02-29T00:00+09:00"]),
            "subsidy_krw": str(rng.randrange(600_000)),
            "extra_subsidy_krw": str(rng.randrange(90_000)),
            "discount_krw": str(rng.randrange(400_000)),
            "suspended_days": rng.choice(["0", "0", str(rng.randrange(900))]),
            "status": "TERMINATED" if ended else rng.choice(["ACTIVE", "SUSPENDED"]),
            "terminated_at": moment(*rng.choice(around)) if ended else "",
            "termination_reason": rng.choice(["PORT_OUT", "CANCEL", "CANCEL", "FORCED"]) if ended else "",
            "port_requested_at": rng.choice(["", moment(*around[2])]),
        }
        for number in range(rng.choice([0, 0, 1, 2, 3])):
            billed = rng.choice([0, 0, rng.randrange(300_000)])
            paid = rng.choice([0, billed, billed, billed // 2, billed + 100])
            items = WAIVER["refundable_items"] * 3 + WAIVER["non_refundable_items"] + ["SOMETHING_ELSE"]
            bills.append({
                "contract_no": line["contract_no"], "item": rng.choice(items), "billed_on": f"2025-1{number}-05",
                "billed_krw": billed, "paid_krw": paid, "waived_krw": rng.choice([0, 0, billed // 2, billed]),
                "refunded_krw": rng.choice([0, 0, paid, paid // 2]),
            })  # fmt: skip
    rng.shuffle(bills)
    return lines, bills


@pytest.mark.parametrize("seed", range(3))
def test_judge_agrees_with_the_second_statement(seed, tmp_path, capsys):
    with (people.deliveries() / "2025-12-31" / "lines.csv").open(encoding="utf-8-sig", newline="") as file:
        known = list(csv.DictReader(file))
    lines, bills = shaken([dict(row, contract_no=f"{row['contract_no']}-{n}") for row in known for n in range(8)], seed)
    for name, rows in (("lines.csv", lines), ("bills.csv", bills)):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    call_command("judge", str(tmp_path / "lines.csv"), str(tmp_path / "bills.csv"))
    judged = list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:]
    of_line: dict[str, list[dict]] = {}
    for bill in bills:
        of_line.setdefault(bill["contract_no"], []).append(bill)
    assert judged == [verdict(line, of_line.get(line["contract_no"], [])) for line in lines]
    assert {row[1] for row in judged} == {"ELIGIBLE", "REVIEW", "NOT_ELIGIBLE", "NOTHING_DUE"}
