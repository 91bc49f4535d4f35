"""The console: figures of its home as SQL says them, lists with search, filters and exports, the page of a refusal."""

import csv
import datetime as dt
import io
import re

import openpyxl
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from eligibility.models import Bill
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.core import console as registry
from refunds import balance
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.console import BatchComment, SavedFilter
from refunds.models.statements import MoneyBack
from refunds.payouts import batches, cases, comments, console, ledger, queues, saved_filters, suspense
from refunds.payouts.guards import Refused
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, due, maker
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")


def signed_in(user) -> Client:
    return as_staff(Client(), user)


def text(response) -> str:
    plain = response.content.decode().replace("\u00a0", " ").replace("&nbsp;", " ").replace("\u2060", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain))


def sql(query: str, *values):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def answered_with(file: BankFile, rows: list) -> None:
    money.load(money.pain002(file, rows), wait=False)


def url(name: str, *arguments) -> str:
    return reverse(f"admin:{name}", args=arguments)


@pytest.fixture
def answered(at):
    """A round that was paid but for one return, one that came back after it was paid, and one unknown; one hold."""
    held = due(88_000, name="한보류")
    cases.hold(application_id=held.pk, user=maker(), reason="확인 중")
    batch, file = money.handed_over(6)
    at("2026-01-22T11:00+09:00")
    items = money.items(batch)
    paid = [(item, "ACSC", "") for item in items[:4]]
    answered_with(file, [*paid, (items[4], "RJCT", "AC04")])
    answered_with(file, [(items[0], "RJCT", "AC04")])
    money.count_figures()
    return batch, items


def test_the_home_says_what_sql_says(answered):
    batch, items = answered
    found = {queue.code: (queue.count, queue.won) for queue in queues.queues()}
    unknown = sql("SELECT count(*), sum(amount_krw)::bigint FROM refunds_item WHERE status = 'UNKNOWN'")[0]
    assert unknown[0] == 1
    assert found["UNKNOWN"] == unknown
    assert found["RETURNED_AFTER_PAID"] == (1, items[0].amount_krw)
    assert found["HELD"] == (1, 88_000)
    suspense.add(kind="ANSWER", won=-7_000, note="맞는 건이 없음")
    suspense.add(kind="ANSWER", won=5_000, note="맞는 건이 없음")
    assert {queue.code: (queue.count, queue.won) for queue in queues.queues()}["SUSPENSE"] == (2, 12_000)
    by_state = dict(sql("SELECT status, count(*) FROM refunds_item WHERE batch_id = %s GROUP BY 1", batch.pk))
    assert {code: count for code, (count, _won) in console.progress(fresh(batch)).states.items()} == by_state
    steps = console.flow(fresh(batch))
    assert [step.state for step in steps] == ["done"] * 5 + ["now", ""]
    paid = sql("SELECT sum(amount_krw)::bigint FROM refunds_item WHERE status = 'PAID'")[0][0]
    assert f"{paid:,}" in steps[5].main
    assert "88,000" in " ".join(steps[1].off)
    waiting = {row.label: row for row in queues.ageing()}
    counted = sql(
        "SELECT count(*), sum(amount_seen_krw)::bigint FROM refunds_application WHERE status = 'NEED_ACCOUNT'"
    )
    row = waiting["계좌 고침 기다림"]
    assert [(row.count, row.won)] == counted
    assert sum(row.cells) == row.count == 2
    page = text(signed_in(checker()).get(url("index")))
    assert "확인이 필요한 것 5건" in page
    assert f"{paid:,}원" in page
    assert "33.33%" in page  # two of six came back


def fresh(batch: Batch) -> Batch:
    return console.batches_with_figures().get(pk=batch.pk)


def test_a_limit_that_passed_is_said_in_words(answered, at):
    assert not any(queue.late for queue in queues.queues())
    at("2026-01-27T09:00+09:00")  # the third business day after the answer
    assert not next(queue for queue in queues.queues() if queue.code == "UNKNOWN").late
    at("2026-01-28T09:00+09:00")
    assert next(queue for queue in queues.queues() if queue.code == "UNKNOWN").late
    row = next(row for row in queues.ageing() if row.label == "은행 답을 모름")
    assert (row.over, row.count) == (1, 1)
    assert "기한 3영업일 넘음" in text(signed_in(checker()).get(url("index")))


def test_home_of_each_role(client):
    assert client.get("/staff/").url.startswith("/staff/login/")
    for role, target in (("clerk", "portal:desk"), ("agent", "portal:desk"), ("maker", "admin:index")):
        roles = [role]
        assert registry.home_of(roles) == target
    assert registry.home_of(["agent", "reviewer"]) == "admin:index"
    nothing = text(signed_in(checker()).get(url("index")))
    assert "오늘 하실 일이 없습니다" in nothing
    reviewer = signed_in(money.user("reviewer", "reviewer"))
    page = reviewer.get(url("index"))
    assert "회차마다" not in text(page)
    assert reverse("refunds:review") in page.content.decode()


def test_areas_stand_in_their_order_and_only_where_they_open():
    due()
    page = signed_in(maker()).get(url("index")).content.decode()
    nav = page[page.index("site-nav--staff") : page.index("</nav>")]
    words = re.findall(r">\s*([가-힣 ]+?)\s*(?:<span class=\"n\"|</a>)", nav)
    assert words == ["내 업무", "지급", "통계", "일정표", "관리"]
    assert re.search(r'class="n">\s*1\s*<', nav)  # the freeze waits for the maker
    other = signed_in(checker()).get(url("index")).content.decode()
    assert 'class="n"' not in other[other.index("site-nav--staff") : other.index("</nav>")]


def test_a_refusal_says_whose_page_it_is_and_reads_no_application():
    due()
    clerk = signed_in(money.user("agent", "agent"))
    for name in ("payouts:rounds", "refunds_batch_changelist", "refunds_item_changelist", "payouts:roster"):
        with CaptureQueriesContext(connection) as queries:
            page = clerk.get(url(name))
        assert page.status_code == 403
        assert not [one for one in queries if "refunds_" in one["sql"] or "eligibility_" in one["sql"]], name
        assert "지급 담당, 지급 승인, 감사" in text(page)
        assert "지금 맡은 역할은 상담사입니다" in text(page)
        assert 'href="/staff/"' in page.content.decode()


def test_search_finds_by_name_account_part_of_a_reference_and_contract():
    one = due(100_000, number="11012345678", name="LAN TRAN THI")
    due(50_000, name="김민수")
    batches.freeze(pay_on=dt.date(2026, 1, 22), user=maker())
    client = signed_in(checker())
    here = url("refunds_item_changelist")
    # A reference and a contract number are no personal data; the reference may happen to hold digits alone.
    part = one.filing.reference[3:9].lower()

    def found(typed: str, at: str = here) -> str:
        answer = client.post(at, {"find_in_list": typed})
        assert typed not in answer.url
        assert typed not in str(client.session.items()) or typed in {part, one.line_id}
        return text(client.get(answer.url))

    for typed in ("Tran Thi Lan", "110-123-45678", "11012345678", part, one.line_id):
        assert "고른 것 모두 1건, 100,000원" in found(typed), typed
    assert "고른 회차 모두 1개, 150,000원" in found("김민수", url("refunds_batch_changelist"))
    assert "찾은 것이 없습니다" in found("없는사람")
    assert client.post(here, {"find_in_list": "  "}).url == here
    assert "찾은 것이 없습니다" in text(client.get(here, {"find": "unknown"}))


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({"won_from": "100,001", "won_to": "100003원"}, "amount_krw BETWEEN 100001 AND 100003"),
        ({"won_from": "x"}, "true"),
        ({"status__exact": "PAID"}, "status = 'PAID'"),
        ({"status__exact": "nonsense"}, "true"),
        ({"day_from": "2026-01-22", "day_to": "2026-01-22"}, "true"),
        ({"day_to": "2026-01-21"}, "false"),
        ({"exception": "after_paid"}, "status = 'RETURNED' AND id = (SELECT min(id) FROM refunds_item)"),
    ],
)
def test_a_filtered_list_adds_up_to_what_sql_says(answered, filters, condition):
    ((count, won),) = sql(f"SELECT count(*), coalesce(sum(amount_krw), 0)::bigint FROM refunds_item WHERE {condition}")
    page = text(signed_in(checker()).get(url("refunds_item_changelist"), filters))
    assert f"고른 것 모두 {count:,}건, {won:,}원" in page


def test_the_list_of_batches_shows_how_far_each_is(answered):
    page = text(signed_in(checker()).get(url("refunds_batch_changelist")))
    assert "6/7" in page
    assert "입금 50.00%" in page
    assert re.search(r"되돌아옴 2건 [\d,]+원 · 모름 1건 [\d,]+원", page)
    assert "모르는 1건 물어보기" in page
    assert "되돌아옴 1% 넘음 1" in page
    assert "내 차례 0" in page


def test_filters_are_kept_for_oneself_or_for_all(answered):
    client, other = signed_in(checker()), signed_in(money.user("auditor", "auditor"))
    here = url("refunds_item_changelist")
    save = url("payouts:filter_save", "item")
    query = "status__exact=RETURNED&p=2&find=abc"
    assert client.post(save, {"name": "내 것", "query": query}).url == f"{here}?status__exact=RETURNED"
    client.post(save, {"name": "모두의 것", "query": "won_from=1", "shared": "yes"})
    assert "내 것 2" in text(client.get(here))
    assert "내 것" not in text(other.get(here))
    assert "모두의 것" in text(other.get(here))
    with pytest.raises(Refused) as refused:
        saved_filters.save(user=checker(), list_name="item", name="내 것", query="won_to=5", shared=False)
    assert refused.value.code == "TWICE"
    with pytest.raises(Refused):
        saved_filters.save(user=checker(), list_name="item", name="x", query="p=2", shared=False)
    row = SavedFilter.objects.get(name="모두의 것")
    assert other.post(url("payouts:filter_delete", row.pk)).status_code == 404
    client.post(url("payouts:filter_delete", row.pk))
    assert not SavedFilter.objects.filter(pk=row.pk).exists()
    assert client.post(url("payouts:filter_save", "nonsense"), {"name": "x", "query": "a=1"}).status_code == 404
    assert AuditEntry.objects.filter(action="list.filter_saved").count() == 2


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_filtered_list_is_exported_masked_and_for_a_reason(answered, kind):
    _batch, items = answered
    client = signed_in(checker())
    here = url("refunds_item_changelist")
    action = {"action": f"export_{kind}", "index": "0", "_selected_action": ["0"]}
    nothing = client.post(here, {**action, "select_across": "0"}, follow=True)
    assert "고른 것이 없습니다" in text(nothing)
    page = client.post(f"{here}?won_from=100002", {**action, "select_across": "1"})
    ((count, won),) = sql("SELECT count(*), sum(amount_krw)::bigint FROM refunds_item WHERE amount_krw >= 100002")
    about = text(client.get(page.url))
    assert f"건수 {count}" in about
    assert f"합계 {won:,}원" in about
    assert client.post(page.url, {"reason": ""}).status_code == 400
    answer = client.post(page.url, {"reason": "회계 확인"})
    content = b"".join(answer.streaming_content)
    if kind == "xlsx":
        rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content)).active]
    else:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["지급일", "관리번호", "접수번호"]
    assert len(rows) == count + 1
    assert sum(int(row[8]) for row in rows[1:]) == won
    assert {row[4] for row in rows[1:]} == {"홍*동"}
    assert all("*******" in row[5] for row in rows[1:])
    entry = AuditEntry.objects.get(action="list.exported")
    assert (entry.reason, entry.detail) == ("회계 확인", {"count": count, "kind": kind, "filters": ["won_from"]})
    picked = client.post(here, {**action, "_selected_action": ["0", str(items[0].pk)], "select_across": "0"})
    assert "건수 1" in text(client.get(picked.url))
    assert signed_in(money.user("auditor", "auditor")).get(page.url).status_code == 404  # another session
    assert signed_in(money.user("agent", "agent")).get(page.url).status_code == 403


def test_holds_and_corrections_are_lists_of_the_console(answered):
    _batch, items = answered
    money.billed(items[1].application, 500)
    cases.propose_adjustment(application_id=items[1].application_id, amount_krw=500, user=maker(), reason="덜 드림")
    client = signed_in(checker())
    holds = text(client.get(url("refunds_hold_changelist"), {"open": "yes"}))
    assert "고른 것 모두 1건, 88,000원" in holds
    assert "한*류" in holds
    assert "고른 것 모두 0건" in text(client.get(url("refunds_hold_changelist"), {"day_to": "2026-01-19"}))
    corrections = text(client.get(url("refunds_adjustment_changelist"), {"status__exact": "PROPOSED"}))
    assert "고른 것 모두 1건, 500원" in corrections
    for name in ("hold", "adjustment", "batch"):
        page = client.post(
            url(f"refunds_{name}_changelist"),
            {"action": "export_csv", "index": "0", "_selected_action": "0", "select_across": "1"},
        )
        content = b"".join(client.post(page.url, {"reason": "확인"}).streaming_content).decode("utf-8-sig")
        assert len(content.splitlines()) == 2, name


def test_the_page_of_a_batch_has_a_sample_the_last_round_and_comments(answered, at):
    old, _items = answered
    at("2026-02-03T18:00+09:00")
    risky = due(799_000, name="큰금액")
    batch = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    money.count_figures()
    client = signed_in(checker())
    here = url("payouts:batch", batch.pk)
    page = text(client.get(here))
    sample = page[page.index("청구서와 견주어 볼") : page.index("지난 회차와 견주기")]
    first = sample[sample.index("고른 이유") :]
    assert re.search(r"큰\*액 .*큰 금액, 처음 쓰는 계좌", first)
    bill = Bill.objects.get(line=risky.line_id)
    assert f"청구 {bill.billed_krw:,}원, 낸 돈 {bill.paid_krw:,}원" in sample
    compared = page[page.index("지난 회차와 견주기") :]
    assert f"{batch.won:,}원" in compared
    assert f"{old.won:,}원" in compared
    assert f"{batch.won - old.won:+,}원" in compared
    assert " ".join(batch.digest[n : n + 4] for n in range(0, 64, 4)) in page
    client.post(url("payouts:batch_comment", batch.pk), {"words": "큰 금액은 청구서를 보았음"})
    assert "큰 금액은 청구서를 보았음" in text(client.get(here))
    with pytest.raises(Refused):
        comments.add(batch_id=batch.pk, user=checker(), words="  ")
    with pytest.raises(DatabaseError, match="permission denied"):
        BatchComment.objects.update(text="다른 말")


def test_the_ledger_of_an_application_ends_with_its_balance(at):
    """M1's first story, and a return, a claim and a payment outside the rounds."""
    row = due(100_000)
    book = ledger.entries(row)
    assert [(entry.won, entry.left) for entry in book] == [(100_000, 100_000)]
    batch, file = money.handed_over(0)
    assert ledger.entries(row)[-1].left == balance.of(row.pk).due == 0
    at("2026-01-22T11:00+09:00")
    (item,) = money.items(batch)
    answered_with(file, [(item, "ACSC", "")])
    money.billed(row, -6_000)
    claim = cases.propose_adjustment(
        application_id=row.pk, amount_krw=6_000, user=maker(), reason="청구 정정", cause="OVERPAID"
    )
    cases.decide_adjustment(adjustment_id=claim.pk, user=checker(), approve=True)
    assert ledger.entries(row)[-1].left == balance.of(row.pk).due == -6_000
    cases.recovered(adjustment_id=claim.pk, user=maker(), reason="들어옴")
    assert ledger.entries(row)[-1].left == balance.of(row.pk).due == 0
    at("2026-01-23T11:00+09:00")
    answered_with(file, [(item, "RJCT", "AC04")])
    # The money of a return is with the bank until it is back (D-95): nothing more is owed before.
    book = ledger.entries(row)
    assert book[-1].left == balance.of(row.pk).due == 0
    assert [entry.won for entry in book][-3:] == [-100_000, 6_000, 0]
    assert "100,000원을 더 보낼 수 있습니다" not in text(signed_in(maker()).get(url("payouts:application", row.pk)))
    MoneyBack.objects.create(item=item, at=clock.now())
    book = ledger.entries(row)
    assert book[-1].left == balance.of(row.pk).due == 100_000
    assert [entry.won for entry in book][-3:] == [-100_000, 6_000, 100_000]
    page = text(signed_in(maker()).get(url("payouts:application", row.pk)))
    assert "100,000원을 더 보낼 수 있습니다" in page
    assert "은행이 되돌림" in page
    assert "정정: 돌려받음" in page


def test_every_row_of_a_stock_list_carries_the_heads_of_its_columns(answered):
    page = signed_in(checker()).get(url("refunds_bankfile_changelist")).content.decode()
    body = page[page.index("<tbody") : page.index("</tbody>")]
    assert body.count("data-l=") == body.count("<td") + body.count("<th") == 7
