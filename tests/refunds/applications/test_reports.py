"""Every figure of the report equals SQL that counts it by other means."""

import csv
import datetime as dt
import io
from collections import Counter

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.staff.models import Store
from refunds.applications import change, objections, store_actions
from refunds.models.applications import Application, Filing, Objection
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.reports import answer_days, applications, kept, money, tables, work
from refunds.reports.selection import Selection
from tests.desk import at_desk
from tests.refunds import make, reviewing
from tests.refunds.applications.test_submit import submit
from tests.refunds.payouts import money as round_money
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db
REPORT, EXPORT = reverse("refunds:report"), reverse("refunds:report-export")


def sql(statement: str, *params: object) -> list:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


@pytest.fixture
def filed(at, no_sample):
    """Applications of three channels and two stores, of which one is refused, one waits and one is withdrawn."""
    at("2026-01-15T10:00+09:00")
    here, there = (Store.objects.create(code=code, name=name) for code, name in (("A1", "새봄점"), ("B2", "한빛점")))
    clerk = staff_user("clerk", store=here)
    for door, store in (("WEB", None), ("WEB", None), ("STORE", here), ("STORE", there), ("CALL_CENTRE", None)):
        holder = make.customer()
        filing = submit(holder, make.line(holder), channel=door).filing
        Filing.objects.filter(pk=filing.pk).update(store=store, filed_by=clerk if store else None)
    holder = make.customer()
    refused = submit(holder, make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER")).filing
    submit(holder, make.line(holder), account=make.account(holder, outcome="CLOSED"))
    make.line(make.customer(), terminated="2025-12-03T10:00+09:00")  # due, never applied for
    at("2026-01-20T23:30+09:00")
    late = make.customer()
    submit(late, make.line(late, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"))
    reviewer = staff_user("reviewer")
    reviewing.review(
        application_id=refused.applications.get().pk, reviewer=reviewer, act="REJECT", reason="다른 사람의 회선입니다"
    )
    withdrawn = Application.objects.order_by("id").first()
    change.withdraw(application_id=withdrawn.pk, person_index=bytes(withdrawn.filing.person_index))
    return here, there


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"first": dt.date(2026, 1, 16)},
        {"last": dt.date(2026, 1, 16)},
        {"channel": "STORE"},
        {"store": "A1"},
        {"channel": "WEB", "store": "A1"},
    ],
    ids=str,
)
def test_counts_equal_sql(filed, chosen) -> None:
    store = Store.objects.get(code=chosen["store"]).pk if "store" in chosen else None
    found = applications.count(Selection(chosen.get("first"), chosen.get("last"), chosen.get("channel", ""), store))
    where = """
        FROM refunds_application a JOIN refunds_filing f ON f.id = a.filing_id
        WHERE a.applied_on BETWEEN COALESCE(%s::date, '2000-01-01') AND COALESCE(%s::date, '2100-01-01')
          AND f.channel LIKE COALESCE(NULLIF(%s, ''), '%%') AND (%s::bigint IS NULL OR f.store_id = %s)
    """
    params = (chosen.get("first"), chosen.get("last"), chosen.get("channel", ""), store, store)
    assert found.total == sql(f"SELECT count(*) {where}", *params)[0][0]
    assert found.by_day == Counter(
        {
            (day, channel): n
            for day, channel, n in sql(f"SELECT applied_on, f.channel, count(*) {where} GROUP BY 1, 2", *params)
        }
    )
    hour = "extract(hour FROM f.received_at AT TIME ZONE 'Asia/Seoul')::int"
    assert found.by_hour == Counter(dict(sql(f"SELECT {hour}, count(*) {where} GROUP BY 1", *params)))
    assert found.by_status == Counter(dict(sql(f"SELECT a.status, count(*) {where} GROUP BY 1", *params)))
    assert found.by_channel == Counter(
        {(c, s): n for c, s, n in sql(f"SELECT f.channel, a.status, count(*) {where} GROUP BY 1, 2", *params)}
    )
    assert found.by_store == Counter(
        {
            (key, state): n
            for key, state, n in sql(f"SELECT f.store_id, a.status, count(*) {where} GROUP BY 1, 2", *params)
            if key is not None
        }
    )
    refused = f"SELECT count(*) {where} AND a.status = 'REJECTED'"
    assert sum(n for _code, n in found.rejections) == sql(refused, *params)[0][0]
    waiting = f"SELECT count(*) {where} AND a.status IN ('REVIEW', 'LATE')"
    assert found.answers.total() == sql(waiting, *params)[0][0]
    applied = f"SELECT count(DISTINCT a.contract_no) {where} AND a.status <> 'WITHDRAWN'"
    eligible = "SELECT count(*) FROM eligibility_line WHERE COALESCE(NULLIF(decided_outcome, ''), outcome) = 'ELIGIBLE'"
    due = " AND a.contract_no IN (SELECT contract_no FROM eligibility_line"
    due += " WHERE COALESCE(NULLIF(decided_outcome, ''), outcome) = 'ELIGIBLE')"
    assert sum(row[2] for row in found.take_up) == sql(applied + due, *params)[0][0]
    assert sum(row[1] for row in found.take_up) == sql(eligible)[0][0]


def decided_again(days: list[int], at) -> None:
    """As many applications in review from 20 January on, each refused after so many days."""
    reviewer = staff_user("reviewer", username="slow", ci="slow")
    waiting = []
    for _case in days:
        holder = make.customer()
        waiting.append(submit(holder, make.line(holder, outcome="REVIEW", reasons="REVIEW_PORT_DELAY")).filing)
    for filing, late in zip(waiting, days, strict=True):
        at((dt.datetime.fromisoformat("2026-01-21T00:10+09:00") + dt.timedelta(days=late - 1)).isoformat())
        reviewing.review(
            application_id=filing.applications.get().pk, reviewer=reviewer, act="REJECT", reason="다른 사람의 회선"
        )


@pytest.mark.parametrize("days", [[], [1, 3, 9], [2, 2, 30, 31]], ids=str)
def test_days_of_answering_equal_those_of_each_answer(filed, at, days) -> None:
    at("2026-01-20T23:30+09:00")
    decided_again(days, at)
    found = answer_days.by_kind(Selection())["REVIEW"]
    spans = []
    for row in Application.objects.filter(status="REJECTED"):
        began, ended = (row.decisions.get(to_status=state) for state in ("REVIEW", "REJECTED"))
        spans.append((clock.kst_date(ended.decided_at) - clock.kst_date(began.decided_at)).days)
    assert sorted(spans) == sorted([5, *days])
    spans.sort()
    assert found == answer_days.AnswerDays(len(spans), spans[(len(spans) - 1) // 2], max(spans))
    assert answer_days.by_kind(Selection(channel="STORE")) == {}
    if days:
        assert "중앙값" in as_staff(Client(), staff_user("supervisor")).get(REPORT).content.decode()


def test_the_store_of_a_filing_that_is_taken_over(filed) -> None:
    here, there = filed
    filing = Filing.objects.filter(store=here).first()
    clerk = staff_user("clerk", username="clerk-there", store=there)
    at_desk(clerk, filing.applications.get())
    store_actions.transfer_filing(reference=filing.reference, customer=filing.customer, staff=clerk)
    assert applications.count(Selection(store_id=here.pk)).total == 0
    assert applications.count(Selection(store_id=there.pk)).total == 2


def test_reasons_ages_and_work(filed, at) -> None:
    everything = Selection()
    found = applications.count(everything, today=dt.date(2026, 1, 20))
    assert found.waiting == {"VERDICT_REVIEW": 1, "HOLDER_CLOSED": 1}
    assert found.rejections == [("CONDITIONS_NOT_MET", 1)]
    [promised] = sql(
        "SELECT p.day FROM refunds_application a JOIN refunds_promise p ON p.application_id = a.id"
        " WHERE a.status = 'REVIEW' ORDER BY p.number DESC LIMIT 1"
    )
    rows = {
        promised[0] + dt.timedelta(days=1): applications.PASSED,
        promised[0]: applications.TODAY,
        promised[0] - dt.timedelta(days=1): applications.SOON,
        promised[0] - dt.timedelta(days=30): applications.LATER,
    }
    for today, age in rows.items():
        assert applications.count(everything, today=today).answers == {age: 1}
    done = {row.user.username: row for row in work.by_person(everything)}
    assert (done["clerk"].filings, done["clerk"].total) == (2, 2)
    assert (done["reviewer"].rejected, done["reviewer"].total) == (1, 1)
    assert not work.by_person(Selection(first=dt.date(2026, 1, 21)))
    assert [row.user.username for row in work.by_person(Selection(store_id=filed[0].pk))] == ["clerk"]


def test_objections_by_kind(filed) -> None:
    holder = make.customer()
    line = make.line(holder, outcome="NOT_ELIGIBLE", refundable_krw=0)
    objections.object_to(
        contract_no=line.pk,
        person_index=bytes(holder.person_index),
        kind="ELIGIBILITY",
        text="다시 보아 주세요",
        contact="01055550000",
    )
    found = applications.count(Selection())
    assert found.objections == {("ELIGIBILITY", "OPEN"): 1}
    assert sum(found.objections.values()) == Objection.objects.count()
    assert not applications.count(Selection(first=dt.date(2026, 1, 21))).objections


def test_a_report_of_nothing_names_no_share(at) -> None:
    at("2026-01-15T10:00+09:00")
    text = as_staff(Client(), staff_user("supervisor")).get(REPORT).content.decode()
    assert "환급 대상 회선이 아직 없습니다" in text


def test_days_without_anything_are_zero(filed) -> None:
    table = tables.build(Selection(), with_people=False).tables["days"]
    assert [row.values[-1] for row in table.rows] == [0, 7, 0, 0, 0, 0, 1]
    assert len(tables.build(Selection(), with_people=False).tables["hours"].rows) == 24
    nothing = tables.build(Selection(first=dt.date(2026, 1, 17), last=dt.date(2026, 1, 18)), with_people=False)
    assert [row.values[-1] for row in nothing.tables["days"].rows] == [0, 0]
    assert nothing.found.total == 0
    early = tables.build(Selection(first=dt.date(1900, 1, 1)), with_people=True)
    assert early.tables["days"].rows == table.rows  # no day before the window has any


def test_money_equals_sql(at) -> None:
    at(round_money.CUT_OFF)
    _batch, file = round_money.handed_over()
    items = list(Item.objects.order_by("pk"))
    paid, returned = items[0], items[1]
    round_money.load(round_money.pain002(file, [(paid, "ACSC", ""), (returned, "RJCT", "AC04")]))
    added = money.add_up(Selection())
    [row] = added.rounds.values()
    one = "SELECT COALESCE(sum(amount_krw), 0)::bigint FROM refunds_item WHERE status = %s"
    assert added.refunded == row.refunded == sql(one, "PAID")[0][0] > 0
    assert row.returned == sql(one, "RETURNED")[0][0] > 0
    assert row.open == sql(one, "FILED")[0][0] + sql(one, "UNKNOWN")[0][0]
    assert row.sent == row.refunded + row.returned + row.open
    assert added.by_channel == {"WEB": added.refunded}
    assert list(added.by_day) == [clock.kst_date(Item.objects.get(pk=paid.pk).status_at)]
    assert money.add_up(Selection(pay_on=dt.date(2026, 1, 22))).refunded == added.refunded
    assert money.add_up(Selection(pay_on=dt.date(2026, 2, 5))).rounds == {}
    assert money.add_up(Selection(channel="STORE")).refunded == 0
    assert applications.count(Selection(pay_on=dt.date(2026, 1, 22))).total == 3


def test_the_page(filed) -> None:
    browser = as_staff(Client(), staff_user("supervisor"))
    text = browser.get(REPORT).content.decode()
    assert "8건" in text
    assert "직원마다 한 일" in text
    text = browser.get(REPORT, {"store": "새봄", "channel": "STORE"}).content.decode()
    assert "새봄점만 골랐습니다" in text
    assert "<dd>1건</dd>" in text
    assert "직원마다 한 일" not in as_staff(Client(), staff_user("maker")).get(REPORT).content.decode()
    assert as_staff(Client(), staff_user("clerk")).get(REPORT).status_code == 403


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"store": "없는 매장"}, "그런 매장이 없습니다"),
        ({"store": "점"}, "여러 곳이 맞습니다"),
        ({"first": "2026-01-20", "last": "2026-01-10"}, "끝나는 날이 처음 날보다 앞섭니다"),
        ({"first": "어제쯤"}, "오류:"),
        ({"last": "9999-12-31"}, "오류:"),  # no day follows it
        ({"first": "0001-01-01"}, "오류:"),
        ({"round": "2026-01-22"}, "오류:"),
    ],
)
def test_a_wrong_filter_is_said(filed, query, words) -> None:
    answer = as_staff(Client(), staff_user("supervisor")).get(REPORT, query)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_beside_a_wrong_filter_no_other_one_counts(filed) -> None:
    browser = as_staff(Client(), staff_user("supervisor"))
    text = browser.get(REPORT, {"last": "9999-12-31", "channel": "STORE"}).content.decode()
    assert "<dd>8건</dd>" in text
    assert "만 골랐습니다" not in text
    assert 'id="id_last_error"' in text


def test_the_export_holds_the_same_values(filed) -> None:
    browser = as_staff(Client(), staff_user("supervisor"))
    address = f"{EXPORT}?channel=STORE"
    assert browser.post(address, {"kind": "xlsx", "reason": ""}).status_code == 302
    book = openpyxl.load_workbook(
        io.BytesIO(b"".join(browser.post(address, {"kind": "xlsx", "reason": "주간 회의"}).streaming_content))
    )
    assert [row[0].value for row in book["지금 상태"].iter_rows(min_row=2)] == [Status.APPROVED.label, "모두"]
    assert [row[2].value for row in book["지금 상태"].iter_rows(min_row=2)] == [2, 2]
    answer = browser.post(address, {"kind": "csv", "reason": "주간 회의"})
    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert ["모두", "", "2"] in lines
    assert "1월 15일(목)" in {line[0] for line in lines if line}  # as one types it into a search
    assert [cell for line in lines for cell in line if {"\u00a0", "\u2060"} & set(cell)] == []
    entry = AuditEntry.objects.filter(action="list.exported").latest("pk")
    assert (entry.reason, entry.detail["filters"]) == ("주간 회의", ["channel"])


def test_figures_are_kept_for_minutes_and_counted_anew_on_demand(filed, at) -> None:
    browser = as_staff(Client(), staff_user("supervisor"))
    whole = Application.objects.count()
    page = browser.get(REPORT).context
    assert (page["figures"].found.total, page["at"]) == (whole, page["figures"].counted_at)
    holder = make.customer()
    submit(holder, make.line(holder))
    assert browser.get(REPORT).context["figures"].found.total == whole
    assert browser.get(REPORT, {"channel": "WEB"}).context["figures"].found.total < whole
    anew = browser.get(REPORT, {"anew": "1"})
    assert anew.context["figures"].found.total == whole + 1
    assert "anew" not in anew.context["query"]
    assert browser.get(REPORT).context["figures"].found.total == whole + 1
    submit(holder, make.line(holder))
    at((clock.now() + kept.KEPT_FOR).isoformat())
    assert browser.get(REPORT).context["figures"].found.total == whole + 2
