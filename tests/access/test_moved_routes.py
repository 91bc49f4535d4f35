"""The payout pages have addresses of their own now. Each lets in the people that its old address let in.

`route_renames.csv` maps every old route to the new one, `access_before_payouts.csv` keeps the old rows of the access
table.
"""

import csv
from pathlib import Path

import pytest
from django.conf import settings

from tests.access.test_matrix import BROWSER, VISITORS, address, cases, let_in, visitors  # noqa: F401  (a fixture)

FOLDER = Path(__file__).resolve().parent.parent / "cases"
# These read their object, or counted the round, before they asked for the role: a stranger was told 404. Now 403.
COMPUTED_BEFORE_THE_CHECK = {
    "admin:refunds_batch_freeze",
    "admin:refunds_batch_settlement",
    "admin:refunds_batch_act",
    "admin:refunds_item_take_out",
    "admin:refunds_bankfile_download",
    "admin:refunds_bankfile_act",
}
# One address takes several actions. The old one answered 404 to everybody for the unknown action that the table asks
# for, so its row was empty; the new one refuses by the union of the roles first.
UNKNOWN_ACTION = {
    "admin:refunds_hold_act",
    "admin:refunds_adjustment_act",
    "admin:refunds_manualpayment_act",
}


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


RENAMED = {row["old"]: row["new"] for row in rows("route_renames.csv") if row["old"].startswith("admin:")}
BEFORE = rows("access_before_payouts.csv")
NOW = {(case["route"], case["method"]): case for case in cases()}


def test_every_old_route_has_one_new_route():
    routes = {route for route, _method in NOW}
    assert {case["route"] for case in BEFORE} == set(RENAMED)
    assert set(RENAMED.values()) <= routes
    assert not set(RENAMED) & routes
    assert len(set(RENAMED.values())) == len(RENAMED)
    assert set(RENAMED) >= COMPUTED_BEFORE_THE_CHECK | UNKNOWN_ACTION


@pytest.mark.parametrize("case", BEFORE, ids=lambda case: f"{case['route']} {case['method']}")
def test_the_table_says_the_same_of_a_moved_route(case):
    now = NOW[RENAMED[case["route"]], case["method"]]
    if case["route"] in UNKNOWN_ACTION:
        assert not any(case[visitor] for visitor in VISITORS)
    elif case["route"].endswith("_history"):
        # These led any staff on to the index; now they ask for the permission of their list.
        assert {visitor for visitor in VISITORS if now[visitor]} < {visitor for visitor in VISITORS if case[visitor]}
    else:
        assert {visitor: now[visitor] for visitor in VISITORS} == {visitor: case[visitor] for visitor in VISITORS}


@pytest.mark.django_db
@pytest.mark.parametrize("case", BEFORE, ids=lambda case: f"{case['route']} {case['method']}")
def test_a_moved_route_answers_as_before(case, visitors):  # noqa: F811
    wrong = []
    now = NOW[RENAMED[case["route"]], case["method"]]
    expected = now if case["route"].endswith("_history") else case
    target = address(RENAMED[case["route"]])
    for visitor in VISITORS:
        BROWSER.cookies.clear()
        if visitors[visitor]:
            BROWSER.cookies[settings.SESSION_COOKIE_NAME] = visitors[visitor]
        answer = BROWSER.generic(case["method"], target, HTTP_X_STAY="1")
        if answer.status_code == 404:
            # The object does not exist: only a visitor whom the access rule let in learns that.
            right = now[visitor] == "x"
        else:
            right = let_in(answer, everybody=False) is (expected[visitor] == "x")
        if not right:
            wrong.append((visitor, answer.status_code, answer.get("Location", "")))
    assert wrong == []
