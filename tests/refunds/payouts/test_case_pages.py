"""The admin pages of single cases: found, held, corrected, packed; lists, lists as files, who does what."""

import datetime as dt
import io
import re
import zipfile

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Count, Sum
from django.test import Client
from django.urls import reverse

from kt_remedy.core.models import PeriodicTask
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import Inquiry
from refunds.models.batches import Roster
from refunds.models.cases import Adjustment
from refunds.models.items import Item
from refunds.payouts import batches, cases, overview
from tests.background import run_due
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, due, maker
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")


def signed_in(user) -> Client:
    return as_staff(Client(), user)


def text(response) -> str:
    plain = response.content.decode().replace("\u00a0", " ").replace("\u2060", "")
    return re.sub(r"\s+", " ", plain)


def url(name: str, *args) -> str:
    return reverse(f"admin:{name}", args=args)


def answered(*codes: str) -> list[Item]:
    """A round whose payments were answered with these statuses."""
    batch, file = money.handed_over(len(codes))
    rows = [
        (item, code, "AC04" if code == "RJCT" else "") for item, code in zip(money.items(batch), codes, strict=True)
    ]
    money.load(money.pain002(file, [row for row in rows if row[1]]))
    return money.items(batch)


def test_a_claim_is_found_held_and_let_go():
    row = due()
    make_ = signed_in(maker())
    find = url("payouts:application_find")
    assert make_.post(find, {"number": ""}).status_code == 400
    assert "이 번호의 신청이 없습니다" in text(make_.post(find, {"number": "KT-NONE"}))
    for number in (row.filing.reference.lower(), row.line_id):
        assert make_.post(find, {"number": number}).url == url("payouts:application", row.pk)
    page = text(make_.get(url("payouts:application", row.pk)))
    assert "지급 보류" in page
    assert "홍*동" in page
    assert "홍길동" not in page

    hold = url("payouts:application_action", row.pk, "hold")
    assert make_.get(hold).status_code == 200
    assert not row.holds.exists()
    assert make_.post(hold, {"reason": ""}).status_code == 400
    make_.post(hold, {"reason": "고객 전화"})
    assert "보류한 이유: 고객 전화" in text(make_.get(url("payouts:application", row.pk)))
    again = make_.post(hold, {"reason": "두 번째 누름"}, follow=True)
    assert "이미 보류된 신청입니다" in text(again)
    make_.post(url("payouts:application_action", row.pk, "release"), {"reason": "확인 끝"})
    assert not row.holds.filter(released_at=None).exists()
    assert row.filing.reference in text(make_.get(url("refunds_hold_changelist")))


def test_letting_go_and_approving_ask_for_the_second_factor_again(monkeypatch):
    row = due()
    cases.hold(application_id=row.pk, user=maker(), reason="확인")
    make_ = signed_in(maker())
    monkeypatch.setattr("refunds.payouts.admin.pages.has_fresh_second_factor", lambda request: False)
    for target in (
        url("payouts:application_action", row.pk, "release"),
        url("payouts:audit_bundle", row.pk),
        url("payouts:settlement"),
        url("payouts:call_list"),
    ):
        late = make_.post(target, {"reason": "확인 끝"})
        assert late.url.startswith(reverse("mfa_reauthenticate")), target
    assert row.holds.filter(released_at=None).exists()


def test_nobody_opens_their_own_case():
    row = due()
    own = money.user("own", "maker")
    type(own).objects.filter(pk=own.pk).update(person_index=row.filing.person_index)
    own.refresh_from_db()
    client = signed_in(own)
    for target in (
        url("payouts:application", row.pk),
        url("payouts:application_action", row.pk, "hold"),
        url("payouts:audit_bundle", row.pk),
    ):
        assert client.get(target).status_code == 403


def test_a_correction_from_the_claim_to_the_approval():
    (item,) = answered("ACSC")
    money.billed(item.application, 500)
    make_, check = signed_in(maker()), signed_in(checker())
    case = url("payouts:application", item.application_id)
    assert "정정 내기" in text(make_.get(case))
    adjust = url("payouts:application_action", item.application_id, "adjust")
    wrong = make_.post(adjust, {"cause": "UNDERPAID", "amount_krw": "0", "reason": "정정"})
    assert wrong.status_code == 400
    assert "1원 이상" in text(wrong)
    make_.post(adjust, {"cause": "CORRECTED_BILL", "amount_krw": "500", "reason": "청구서가 바뀜"})
    made = Adjustment.objects.get()
    assert (made.cause, made.amount_krw) == ("CORRECTED_BILL", 500)
    assert "정정 내기" not in text(make_.get(case))  # one at a time

    here = url("payouts:adjustment", made.pk)
    assert "승인하기" not in text(make_.get(here))
    assert "승인하기" in text(check.get(here))
    assert "정정 지급 승인 1건" in text(check.get(reverse("admin:index")))
    approve, decline = (url("payouts:adjustment_action", made.pk, name) for name in ("approve", "decline"))
    assert make_.post(approve).status_code == 403
    assert check.post(decline, {"reason": ""}).status_code == 400
    check.post(approve, {"confirmed": "yes"})
    made.refresh_from_db()
    assert made.status == "APPROVED"
    assert check.post(here, {"amount_krw": "1"}).status_code == 403
    assert "이미 정해진 건입니다" in text(check.post(approve, {"confirmed": "yes"}, follow=True))


def test_money_claimed_back_is_noted_when_it_arrives():
    (item,) = answered("ACSC")
    make_ = signed_in(maker())
    money.billed(item.application, -500)
    made = cases.propose_adjustment(
        application_id=item.application_id, amount_krw=500, user=maker(), reason="두 번", cause="OVERPAID"
    )
    cases.decide_adjustment(adjustment_id=made.pk, user=checker(), approve=True)
    assert "돌려받음으로 남기기" in text(make_.get(url("payouts:adjustment", made.pk)))
    make_.post(url("payouts:adjustment_action", made.pk, "recovered"), {"reason": "고객 송금"})
    made.refresh_from_db()
    assert made.status == "RECOVERED"


def test_the_bank_is_asked_offline_and_its_list_settles_it():
    paid, unknown = answered("ACSC", "")
    make_ = signed_in(maker())
    money.count_figures()
    assert "은행에 물어볼 1건" in text(make_.get(reverse("admin:index")))
    page = text(make_.get(url("payouts:inquiries")))
    assert unknown.reference in page
    assert paid.reference not in page
    make_.post(url("payouts:inquiry_make", unknown.file_id), {"confirmed": "yes"})
    inquiry_list = Inquiry.objects.get()
    take = url("payouts:inquiry_download", inquiry_list.pk)
    assert make_.post(take, {"reason": ""}).status_code == 400
    content = b"".join(make_.post(take, {"reason": "은행에 물음"}).streaming_content)
    lines = [line.split(b"\t") for line in content.split(b"\r\n")]
    lines[1][7] = b"00"
    answer = b"\r\n".join(b"\t".join(cells) for cells in lines)
    make_.post(url("payouts:answer_load"), {"file": SimpleUploadedFile("a.txt", answer)})
    run_due("money")
    money.confirmed(BankAnswer.objects.get(status="STAGED"))
    unknown.refresh_from_db()
    assert unknown.status == "PAID"
    assert "물어볼 것이 없습니다" in text(make_.get(url("payouts:inquiries")))


def test_lists_are_taken_as_files_for_a_reason():
    returned, _paid = answered("RJCT", "ACSC")
    auditor = signed_in(money.user("auditor", "auditor"))
    bundle = auditor.post(url("payouts:audit_bundle", returned.application_id), {"reason": "감사"})
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as packed:
        assert "manifest.json" in packed.namelist()
    sheet = auditor.post(url("payouts:settlement") + f"?batch={returned.batch_id}", {"reason": "정산"})
    assert sheet["Content-Disposition"] == 'attachment; filename="settlement-20260122.xlsx"'
    assert len(openpyxl.load_workbook(io.BytesIO(b"".join(sheet.streaming_content))).worksheets) == 3
    page = text(auditor.get(url("payouts:unpaid_returns")))
    assert returned.application.filing.reference in page
    assert "010-5555-0000" not in page
    called = auditor.post(url("payouts:call_list"), {"reason": "전화"})
    assert "010-5555-0000" in called.content.decode("utf-8-sig")
    for target in (
        url("payouts:audit_bundle", returned.application_id),
        url("payouts:settlement"),
        url("payouts:call_list"),
    ):
        assert auditor.post(target, {"reason": " "}).status_code == 400
        assert auditor.get(target)["Content-Type"].startswith("text/html")


def test_the_projection_leads_to_the_claims_behind_each_reason(at):
    at("2026-01-19T10:00+09:00")
    waiting = make.application(make.line(make.customer()), status="REVIEW")
    due()
    make_ = signed_in(maker())
    rounds = text(make_.get(url("payouts:rounds")))
    link = url("payouts:excluded", "2026-01-22") + "?reason=REVIEW"
    assert link in rounds
    assert waiting.filing.reference in text(make_.get(link))
    assert waiting.filing.reference not in text(make_.get(url("payouts:excluded", "2026-01-22") + "?reason=HELD"))
    assert make_.get(url("payouts:excluded", "2026-01-21")).status_code == 404
    assert make_.get(url("payouts:excluded", "nonsense")).status_code == 404


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, {}),
        ({"status__exact": "PAID"}, {"status": "PAID"}),
        ({"code": "CLOSED"}, {"status": "RETURNED", "code": "CLOSED"}),
        ({"bank": "088"}, {"account__bank_code": "088"}),
        ({"kind__exact": "ADJUSTMENT"}, {"kind": "ADJUSTMENT"}),
    ],
)
def test_totals_of_a_filtered_list_are_those_of_sql(filters, rows):
    answered("ACSC", "RJCT", "", "ACSC")
    sums = Item.objects.filter(**rows).aggregate(count=Count("pk"), won=Sum("amount_krw"))
    page = text(signed_in(maker()).get(url("refunds_item_changelist"), filters))
    assert f"고른 것 모두 {sums['count']:,}건, {sums['won'] or 0:,}원" in page


def test_charts_add_up_to_what_sql_says():
    answered("ACSC", "RJCT", "", "ACSC")
    every = Item.objects.standing().aggregate(won=Sum("amount_krw"))["won"]
    returned = Item.objects.filter(status="RETURNED").aggregate(won=Sum("amount_krw"))["won"]
    assert sum(bar.won for bar in overview.by_state()) == every
    assert sum(bar.won for bar in overview.by_round()) == every - returned
    assert [(bar.label, bar.won) for bar in overview.returns()] == [("해지된 계좌", returned)]
    longest = max(overview.by_state(), key=lambda bar: bar.won)
    assert longest.share == 1000
    assert longest.text == f"{longest.won:,}원"


def test_the_checker_sees_new_accounts_and_the_difference_to_the_last_round(at):
    paid, _other = answered("ACSC", "ACSC")
    at("2026-02-03T18:00+09:00")
    holder = make.customer()
    same = make.account(holder, number=paid.account.number)
    make.application(make.line(holder, refundable_krw=70_000), to=same, applied="2026-01-25")
    make.application(make.line(make.customer(), refundable_krw=50_000), applied="2026-01-25")
    batch = batches.freeze(pay_on=dt.date(2026, 2, 5), user=maker())
    hints = overview.review_hint_texts(batch, overview.review_hint_sums(batch))
    looks = {look.filter: look.text.replace("\u00a0", " ") for look in hints}
    assert looks["new"] == "처음으로 돈이 가는 계좌 1건, 모두 50,000원"
    assert "+0건, -80,001원" in looks[""]


def test_the_dashboard_names_holder_and_deputy_and_the_last_check_of_the_money():
    admin = money.user("admin", "administrator")
    second = money.user("second", "maker")
    name = url("payouts:roster_assign", "FREEZE")
    office = signed_in(admin)
    assert "아직 없음" in text(office.get(url("payouts:roster")))
    assignment = {"holder": maker().pk, "deputy": second.pk, "reason": "1월 담당"}
    assert office.post(name, {**assignment, "reason": ""}).status_code == 400
    assert office.post(name, {**assignment, "deputy": checker().pk}).status_code == 400
    office.post(name, assignment)
    assert Roster.objects.get().deputy == second
    assert office.get(url("payouts:roster_assign", "NONE")).status_code == 404
    due()
    dashboard = text(signed_in(maker()).get(reverse("admin:index")))
    assert "담당 maker · 대리 second" in dashboard
    assert "아직 확인한 적이 없습니다" in dashboard
    PeriodicTask.objects.update_or_create(
        code="refunds.verify_money",
        defaults={
            "due_at": dt.datetime.now(dt.UTC),
            "planned_at": dt.datetime.now(dt.UTC),
            "succeeded_at": dt.datetime.now(dt.UTC),
            "result_messages": [["깨진 규칙 %(code)s: %(n)s건", {"code": "I4", "n": 2}]],
        },
    )
    dashboard = text(signed_in(maker()).get(reverse("admin:index")))
    assert "지급을 멈추고 감사 담당에게" in dashboard
    assert "<strong>2</strong>" in dashboard


def test_the_sharing_report_opens_for_those_who_pay():
    for name in ("홍길동", "김민수"):
        due(number="11012345678", name=name)
    page = text(signed_in(checker()).get(url("payouts:shared_accounts")))
    assert "여러 사람이 함께 쓰는 계좌 · 1건" in page


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("agent", {"payouts:unpaid_returns"}),
        ("reviewer", {"payouts:application_find", "payouts:shared_accounts"}),
        ("supervisor", {"payouts:application_find", "payouts:shared_accounts", "payouts:unpaid_returns"}),
        ("administrator", set()),
    ],
)
def test_the_first_page_links_what_each_role_may_open_and_no_more(role, links):
    client = signed_in(money.user(role, role))
    dashboard = text(client.get(reverse("admin:index")))
    pages = (
        "payouts:application_find",
        "payouts:shared_accounts",
        "payouts:unpaid_returns",
        "payouts:rounds",
        "payouts:inquiries",
        "payouts:settlement",
    )
    assert {name for name in pages if f'href="{url(name)}"' in dashboard} == links
    for name in links:
        page = client.get(url(name))
        assert page.status_code == 200
        assert f'href="{url("payouts:rounds")}"' not in text(page)
