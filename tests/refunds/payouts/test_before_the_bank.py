"""Between the freeze and the bank: the layout of every payment, finance, the day the bank can keep, rounds that are
over, kept forecasts, and who may look."""

import csv
import datetime as dt
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kt_remedy.core import clock, programme
from kt_remedy.core.models import PeriodicTask
from refunds import calendar
from refunds.applications import bank_layout
from refunds.models.accounts import HolderCheck
from refunds.models.batches import Batch, FundsNotice, RoundForecast
from refunds.models.items import Item
from refunds.payouts import batches, files, forecasts, funds, jobs, overview
from refunds.payouts.guards import Refused
from refunds.payouts.overdue import late_rounds
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, due, maker, refused
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.usefixtures("cut_off")

DAY = dt.date(2026, 1, 22)
CASES = Path(__file__).parents[2] / "cases"
UNWRITABLE = ["NGUYỄN THỊ HỒNG", "=홍길동", "가" * 31, "PHẠM VĂN", "+김철수", "ĐỖ THỊ"]


def signed_in(user) -> Client:
    return as_staff(Client(), user)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " ").replace("\u2060", ""))


# The bank's layout (T1) ----------------------------------------------------------------------------------------------


def test_names_no_file_can_hold_are_left_out_at_the_freeze_all_at_once(settings):
    settings.BANK_FILE_FORMAT = "sheet"
    payable = due(100_000)
    bad = [due(name=name) for name in UNWRITABLE]
    batch = batches.freeze(pay_on=DAY, user=maker())
    assert [item.application_id for item in money.items(batch)] == [payable.pk]
    assert batch.excluded["BANK_LAYOUT"][0] == len(bad)
    left = batch.excluded_applications.filter(reason="BANK_LAYOUT").values_list("application_id", flat=True)
    assert set(left) == {row.pk for row in bad}
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    assert [file.count for file in files.create_files(batch_id=batch.pk, user=maker())] == [1]
    assert not broken()


def test_the_projection_names_them_once_they_were_judged(settings):
    settings.BANK_FILE_FORMAT = "sheet"
    due(name="NGUYỄN THỊ HỒNG")
    jobs.judge_layouts(PeriodicTask(code="refunds.judge_layouts"))
    assert {code: count for code, count, _won in batches.project(_round()).excluded} == {"BANK_LAYOUT": 1}
    page = text(signed_in(maker()).get(reverse("admin:payouts:excluded", args=[DAY]) + "?reason=BANK_LAYOUT"))
    assert "은행 이체 양식에 쓸 수 없는 이름이나 계좌" in page


def test_the_name_is_judged_as_the_bank_answered_it_and_again_when_it_changes(settings):
    settings.BANK_FILE_FORMAT = "sheet"
    row = due(name="NGUYỄN THỊ HỒNG")
    check = HolderCheck.objects.get(account=row.account)
    bank_layout.judge_waiting()
    check.refresh_from_db()
    assert (check.layout, check.layout_fault) == ("sheet", "NAME_LETTERS")
    money.spell(row.account, "NGUYEN THI HONG")
    check.refresh_from_db()
    assert (check.layout, check.layout_fault) == ("", "")
    assert batches.freeze(pay_on=DAY, user=maker()).count == 1


def test_another_layout_judges_anew(settings):
    settings.BANK_FILE_FORMAT = "pain001"
    due(name="NGUYỄN THỊ HỒNG")
    assert bank_layout.judge_waiting() == 1
    assert bank_layout.judge_waiting() == 0
    assert batches.project(_round()).count == 1
    settings.BANK_FILE_FORMAT = "sheet"
    refused("EMPTY", batches.freeze, pay_on=DAY, user=maker())


def test_a_file_names_every_payment_it_cannot_hold(settings):
    settings.BANK_FILE_FORMAT = "pain001"
    for name in UNWRITABLE[:3]:
        due(name=name)
    batch = money.approved(1)
    settings.BANK_FILE_FORMAT = "sheet"
    with pytest.raises(Refused) as caught:
        files.create_files(batch_id=batch.pk, user=maker())
    assert caught.value.code == "LINES"
    assert all(item.reference in caught.value.message for item in money.items(batch)[:3])
    assert money.items(batch)[3].reference not in caught.value.message


# Finance -------------------------------------------------------------------------------------------------------------


def test_finance_is_told_sum_and_value_date_at_the_freeze():
    batch = money.frozen(2)
    notice = FundsNotice.objects.get()
    assert (notice.won, notice.count, notice.value_on) == (batch.won, 2, DAY)
    assert any("지급 자금을 재무에 알리기" in duty.text for duty in overview.duties())
    page = text(signed_in(checker()).get(reverse("admin:payouts:funds")))
    assert "200,001원" in page
    assert "아직 알리지 않음" in page
    tell = reverse("admin:payouts:funds_tell", args=[notice.pk])
    assert signed_in(checker()).get(tell).status_code == 403
    make = signed_in(maker())
    assert make.post(tell, {"told_to": " "}).status_code == 400
    make.post(tell, {"told_to": "재무팀 김과장"})
    notice.refresh_from_db()
    assert (notice.told_to, notice.told_by) == ("재무팀 김과장", maker())
    refused("STATE", funds.tell, notice_id=notice.pk, user=maker(), told_to="또")
    assert not any("지급 자금" in duty.text for duty in overview.duties())


def test_a_batch_opened_again_voids_its_notice_and_the_next_freeze_writes_another():
    batch = money.frozen(2)
    batches.take_out(item_ids=[money.items(batch)[0].pk], user=maker(), reason="뺀다")
    assert not funds.untold().exists()
    again = batches.freeze(pay_on=DAY, user=maker())
    assert [row.won for row in funds.untold()] == [again.won]
    assert "무효" in text(signed_in(maker()).get(reverse("admin:payouts:funds")))


def test_the_maker_confirms_the_funds_at_the_hand_over():
    _batch, (made,) = money.filed(1)
    good = {"file_id": made.pk, "user": maker(), "typed_total": made.won, "funds_confirmed": True}
    refused("FUNDS", files.hand_over, **{**good, "funds_confirmed": False})
    refused("TOTAL", files.hand_over, **{**good, "typed_total": made.won + 1})
    assert files.hand_over(**good).status == "HANDED_OVER"


# The day the bank can keep -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_at", "hour", "lead", "day"),
    [
        ("2026-01-22T15:59:59+09:00", 16, 0, "2026-01-22"),
        ("2026-01-22T16:00+09:00", 16, 0, "2026-01-23"),
        ("2026-01-23T16:00+09:00", 16, 0, "2026-01-26"),
        ("2026-01-24T09:00+09:00", 16, 0, "2026-01-26"),
        ("2026-01-22T10:00+09:00", 16, 1, "2026-01-23"),
        ("2026-01-22T16:00+09:00", 16, 1, "2026-01-26"),
        ("2026-02-13T16:00+09:00", 16, 0, "2026-02-19"),  # Seollal
        ("2026-01-21T15:30+00:00", 16, 0, "2026-01-22"),  # after midnight in Seoul
        ("2026-01-22T00:00+09:00", 0, 0, "2026-01-23"),
    ],
)
def test_the_first_day_a_bank_can_keep(given_at, hour, lead, day):
    kept = calendar.first_bank_day(
        dt.datetime.fromisoformat(given_at), zone=clock.KST, cut_off_hour=hour, lead_days=lead
    )
    assert kept.isoformat() == day


def test_a_hand_over_after_the_execution_day_is_refused(at, cut_off):
    batch, (made,) = money.filed(1)
    at("2026-01-22T15:59+09:00")
    assert files.earliest_execution() == made.execution_on == DAY
    at("2026-01-22T16:00+09:00")
    refused("DATE", money.hand_over, file=made)
    at("2026-03-10T10:00+09:00")
    refused("DATE", money.hand_over, file=made)
    batches.send_back(batch_id=batch.pk, user=checker(), reason="이체일이 지남")
    again = batches.freeze(pay_on=DAY, user=maker())
    batches.approve(batch_id=again.pk, user=checker(), typed_total=again.won, digest=again.digest)
    (late,) = files.create_files(batch_id=again.pk, user=maker())
    assert late.execution_on == dt.date(2026, 3, 10)
    assert money.hand_over(late).status == "HANDED_OVER"
    assert not broken()


def test_a_part_made_again_gets_the_first_day_the_bank_can_keep(at):
    _batch, file = money.handed_over(1)
    at("2026-01-22T17:00+09:00")
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    assert again.execution_on == dt.date(2026, 1, 23)


# Rounds that are over ------------------------------------------------------------------------------------------------


def _round() -> calendar.PayoutRound:
    found = calendar.round_on(DAY, programme.current())
    assert found is not None
    return found


def freeze_duties() -> list[str]:
    return [duty.text for duty in overview.duties() if "확정" in duty.text]


@pytest.mark.parametrize("how", ["empty", "all taken out"])
def test_a_round_with_nothing_to_pay_is_over(how):
    if how == "all taken out":
        batch = money.frozen(2)
        ids = [item.pk for item in money.items(batch)]
        batches.take_out(item_ids=ids, user=maker(), reason="모두 뺀다")
        page = text(signed_in(maker()).get(reverse("admin:payouts:batch", args=[batch.pk])))
        assert "이 회차는 끝났습니다" in page
        assert "이 회차 확정하기" not in page
    assert freeze_duties() == []
    assert late_rounds() == []
    page = text(signed_in(maker()).get(reverse("admin:payouts:rounds")))
    assert "끝남, 나갈 것 없음" in page
    assert "이 회차 확정하기" not in page
    page = text(signed_in(maker()).get(reverse("admin:payouts:freeze", args=[DAY])))
    assert "이 회차는 끝났습니다" in page
    assert "확정하기" not in page


def test_a_round_with_payments_is_a_duty():
    due()
    assert len(freeze_duties()) == 1
    assert [row.code for row in late_rounds()] == ["FREEZE"]
    assert "확정하기" in text(signed_in(maker()).get(reverse("admin:payouts:freeze", args=[DAY])))


def test_the_freeze_page_of_a_passed_round_says_so(at):
    due()
    at("2026-01-23T10:00+09:00")
    page = text(signed_in(maker()).get(reverse("admin:payouts:freeze", args=[DAY])))
    assert "지급일이 지났습니다" in page
    assert "2차 지급" in page
    assert "확정하기" not in page
    assert signed_in(maker()).get(reverse("admin:payouts:freeze", args=["2026-01-23"])).status_code == 404


# Kept forecasts ------------------------------------------------------------------------------------------------------


def test_the_rounds_page_reads_what_the_worker_kept(at):
    due(100_000)
    at("2026-01-20T17:00+09:00")
    jobs.count_forecasts(PeriodicTask(code="refunds.forecasts"))
    kept, counted_at = forecasts.current()
    live = batches.projection()
    assert kept == live
    assert counted_at == RoundForecast.objects.get(pay_on=DAY).counted_at
    page = signed_in(maker())
    with CaptureQueriesContext(connection) as queries:
        assert "100,000" in text(page.get(reverse("admin:payouts:rounds")))
    assert not [query["sql"] for query in queries if "refunds_application a" in query["sql"]]
    due(7)
    assert forecasts.current()[0] == kept  # until the worker counts again
    jobs.count_forecasts(PeriodicTask(code="refunds.forecasts"))
    assert forecasts.current()[0][0].won == 100_007
    due(5)
    at("2026-01-20T17:11+09:00")
    assert forecasts.current()[0][0].won == 100_012  # the worker is behind


# Who may look --------------------------------------------------------------------------------------------------------


def payout_routes() -> list[tuple[str, set[str]]]:
    """Every payout page and the roles that may read it."""
    with (CASES / "access.csv").open() as rows:
        return [
            (row["route"], {role for role, cell in row.items() if cell == "x"})
            for row in csv.DictReader(rows)
            if row["route"].startswith("admin:payouts:") and row["method"] == "GET"
        ]


def test_a_wrong_role_runs_no_query_on_applications():
    batch, file = money.handed_over(1)
    item = Item.objects.get()
    keys = {
        "batch_id": batch.pk,
        "file_id": file.pk,
        "item_id": item.pk,
        "application_id": item.application_id,
        "notice_id": FundsNotice.objects.get().pk,
        "pay_on": DAY,
        "name": "file",
        "duty": "FREEZE",
    }
    parameters = _parameters()
    asked = 0
    for role in ("clerk", "reviewer", "maker", "checker"):
        browser = signed_in(staff_user(role, username=f"{role}-looks"))
        for route, allowed in payout_routes():
            if role in allowed:
                continue
            values = {name: keys.get(name, 1) for name in parameters[route.rpartition(":")[2]]}
            with CaptureQueriesContext(connection) as queries:
                answer = browser.get(reverse(route, kwargs=values))
            assert answer.status_code == 403, (role, route)
            touched = [query["sql"] for query in queries if "refunds_application" in query["sql"]]
            assert touched == [], (role, route)
            asked += 1
    assert asked > 60


def _parameters() -> dict[str, list[str]]:
    from refunds.payouts.admin.urls import ROUTES

    return {name: re.findall(r"<(?:\w+:)?(\w+)>", address) for address, _view, name in ROUTES}


def test_a_right_of_another_act_of_the_same_page_opens_nothing(settings):
    batch = money.approved(1)
    with CaptureQueriesContext(connection) as queries:
        answer = signed_in(checker()).get(reverse("admin:payouts:batch_action", args=[batch.pk, "file"]))
    assert answer.status_code == 403
    assert not [query["sql"] for query in queries if "refunds_application" in query["sql"]]
    assert Batch.objects.get().status == "APPROVED"
