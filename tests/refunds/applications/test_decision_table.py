"""The decision table: its written cases, and what must hold for any facts at all."""

import csv
import itertools
from pathlib import Path

import pytest

from refunds.applications.decision import Facts, decide
from refunds.models.states import DECIDABLE, EDGES, REEVALUATED, UNDER_REVIEW

CASES = list(csv.DictReader(Path(__file__).parents[2].joinpath("cases", "decision_table.csv").open(encoding="utf-8")))


def facts_of(row: dict[str, str]) -> Facts:
    return Facts(
        lateness=row["lateness"],
        outcome=row["outcome"],
        reasons=tuple(filter(None, row["reasons"].split(";"))),
        holder=row["holder"],
        representation=row["representation"],
        persons_on_account=int(row["persons"]),
        qa_sample=row["qa"] == "1",
        reviewed=row["reviewed"] == "1",
        last_chance=row["last"] == "1",
        passbook_seen=row["passbook"] == "1",
        layout_fault=row["layout"],
    )


@pytest.mark.parametrize("row", CASES, ids=[row["case"] for row in CASES])
def test_case(row: dict[str, str]) -> None:
    answer = decide(facts_of(row))
    assert (answer.status or "", answer.code) == (row["status"], row["code"])


def everything() -> list[Facts]:
    return [
        Facts(*values)
        for values in itertools.product(
            ("IN_TIME", "CURED", "LATE"),
            ("ELIGIBLE", "REVIEW", "NOT_ELIGIBLE", "NOTHING_DUE"),
            ((), ("NOT_BILLED_YET",), ("UNPAID",)),
            ("", "MATCH", "MISMATCH", "NOT_FOUND", "CLOSED", "BANK_MAINTENANCE", "TIMEOUT", "OFFLINE", "ACCEPTED"),
            ("SELF", "PROXY", "GUARDIAN", "HEIR", "COMPANY"),
            (1, 3, 4),
            (False, True),
            (False, True),
            (False, True),
            (False, True),
            ("", "NAME_LETTERS"),
        )
    ]


def test_every_answer_is_an_edge_and_a_review_ends() -> None:
    for facts in everything():
        answer = decide(facts)
        assert answer.status is None or answer.status in DECIDABLE
        if facts.reviewed and facts.outcome != "REVIEW":
            # What a reviewer settled never comes back to the reviewer.
            assert answer.status not in UNDER_REVIEW
    for before in REEVALUATED:
        assert {(before, after) for after in DECIDABLE if after != before} <= EDGES


def test_nothing_is_approved_without_a_matched_account_and_a_yes() -> None:
    for facts in everything():
        if decide(facts).status == "APPROVED":
            assert facts.outcome == "ELIGIBLE"
            assert facts.holder in {"MATCH", "ACCEPTED"} or (facts.holder == "OFFLINE" and facts.reviewed)
            assert not facts.layout_fault
            assert not facts.reasons or (facts.reasons == ("UNPAID",) and facts.last_chance)
            assert facts.reviewed or (facts.lateness == "IN_TIME" and facts.representation == "SELF")
