"""The admin pages of payouts: who sees what, each act by post, the whole way from projection to settled."""

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile, Download
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment
from refunds.models.items import Item
from refunds.payouts import batches, cases, files
from tests.background import run_due
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, due, maker
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")


def signed_in(user) -> Client:
    return as_staff(Client(), user)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_whole_way_offline():
    due(100_000)
    due(60_130, name="김민수")
    make, check = signed_in(maker()), signed_in(checker())

    page = make.get(reverse("admin:payouts:rounds"))
    assert "160,130" in text(page)
    freeze = reverse("admin:payouts:freeze", args=["2026-01-22"])
    assert make.get(freeze).status_code == 200
    assert Batch.objects.count() == 0  # looking changes nothing
    make.post(freeze, {"confirmed": "yes"})
    batch = Batch.objects.get()
    here = reverse("admin:payouts:batch", args=[batch.pk])

    assert "다시 세고 있습니다" in text(check.get(here))
    money.count_figures()
    page_text = text(check.get(here))
    assert "160,130<small>원</small>" in page_text
    assert page_text.count("같음") == 4
    assert "김*수" in page_text
    assert "김민수" not in page_text
    approve = reverse("admin:payouts:batch_approve", args=[batch.pk])
    wrong = check.post(approve, {"total": "160,131", "digest": batch.digest})
    assert wrong.status_code == 400
    assert "적으신 합계가" in text(wrong)
    check.post(approve, {"total": "160,130원", "digest": batch.digest})
    batch.refresh_from_db()
    assert batch.status == "APPROVED"

    make.post(reverse("admin:payouts:batch_action", args=[batch.pk, "file"]), {"confirmed": "yes"})
    assert "은행 파일을 만들고 있습니다" in text(make.get(here))
    run_due("money")
    waiting = text(make.get(here))
    assert "파일에 담음" in waiting
    assert "은행에 보낸 돈" not in waiting
    made = BankFile.objects.get()
    take = reverse("admin:payouts:file_download", args=[made.pk])
    assert make.get(take)["Content-Type"].startswith("text/html")
    assert make.post(take, {"reason": ""}).status_code == 400
    content = make.post(take, {"reason": "은행에 올림"})
    assert len(b"".join(content.streaming_content)) == made.size
    assert Download.objects.count() == 1
    same = make.post(
        reverse("admin:payouts:file_compare", args=[made.pk]),
        {"file": SimpleUploadedFile("x.xml", b"".join(files.stored_bytes(made.message_id)))},
    )
    assert "모두 같습니다" in text(same)
    over = reverse("admin:payouts:file_action", args=[made.pk, "hand-over"])
    for wrong in ({"total": str(made.won)}, {"funds_confirmed": "on"}, {"total": "1", "funds_confirmed": "on"}):
        make.post(over, wrong)
        made.refresh_from_db()
        assert made.status == "APPROVED"
    make.post(over, {"total": f"{made.won:,}", "funds_confirmed": "on"})
    batch.refresh_from_db()
    made.refresh_from_db()
    assert batch.stage == "HANDED_OVER"

    first, second = money.items(batch)
    load = reverse("admin:payouts:answer_load")
    money.to_pay_day()
    bad = money.pain002(made, [(second, "ACSC", ""), (first, "ACSC", ""), (first, "ACSC", "")])
    staged = make.post(load, {"file": SimpleUploadedFile("r.xml", bad)})
    assert "읽는 중" in text(make.get(staged.url))
    run_due("money")
    faulty = text(make.get(staged.url))
    assert "같은 관리번호가 두 번 나옵니다" in faulty
    assert "아무것도 받아들이지 않았습니다" in faulty
    good = money.pain002(made, [(first, "ACSC", ""), (second, "RJCT", "AC04")])
    staged = make.post(load, {"file": SimpleUploadedFile("r.xml", good)})
    run_due("money")
    seen = text(make.get(staged.url))
    assert "먼저 은행에 물어보세요" in seen
    assert "본인이 올린 답" in seen
    answer = BankAnswer.objects.get(status="STAGED")
    confirm = reverse("admin:payouts:answer_confirm", args=[answer.pk])
    assert make.post(confirm, {"typed": "1"}).status_code == 403
    checks = signed_in(checker())
    assert checks.post(confirm, {"typed": "1"}).status_code == 400
    asked = {"typed": "1", "asked_whom": "김 과장", "bank_said": "맞습니다"}
    assert checks.post(confirm, {**asked, "typed": "2"}).status_code == 400
    assert "정하는 중" in text(checks.post(confirm, asked, follow=True))
    run_due("money")
    assert "1건이 입금으로 정해졌습니다" in text(make.get(staged.url))
    batch.refresh_from_db()
    assert batch.status == "SETTLED"
    assert "해지된 계좌" in text(make.get(reverse("admin:payouts:rounds")))


def test_acts_belong_to_roles_and_need_a_fresh_second_factor(monkeypatch):
    batch = money.frozen()
    approve = reverse("admin:payouts:batch_approve", args=[batch.pk])
    good = {"total": str(batch.won), "digest": batch.digest}
    assert signed_in(maker()).post(approve, good).status_code == 403
    for role in ("clerk2", "reviewer", "agent"):
        user = money.user(role, "reviewer")
        assert signed_in(user).get(reverse("admin:payouts:batch", args=[batch.pk])).status_code == 403
    monkeypatch.setattr("refunds.payouts.admin.pages.has_fresh_second_factor", lambda request: False)
    late = signed_in(checker()).post(approve, good)
    assert late.url.startswith(reverse("mfa_reauthenticate"))
    batch.refresh_from_db()
    assert batch.status == "FROZEN"


def test_a_get_of_an_act_changes_nothing():
    batch = money.approved()
    make = signed_in(maker())
    for url in (
        reverse("admin:payouts:batch_action", args=[batch.pk, "file"]),
        reverse("admin:payouts:batch_action", args=[batch.pk, "send-back"]),
        reverse("admin:payouts:item_take_out", args=[money.items(batch)[0].pk]),
    ):
        assert make.get(url).status_code == 200
    make.get(reverse("admin:payouts:batch_approve", args=[batch.pk]))
    batch.refresh_from_db()
    assert batch.status == "APPROVED"
    assert BankFile.objects.count() == 0


def test_sending_back_and_taking_out_ask_for_a_reason():
    batch = money.approved()
    make = signed_in(maker())
    item = money.items(batch)[0]
    url = reverse("admin:payouts:item_take_out", args=[item.pk])
    assert make.post(url, {"reason": ""}).status_code == 400
    make.post(url, {"reason": "고객이 전화함"})
    item.refresh_from_db()
    batch.refresh_from_db()
    assert (item.status, item.taken_out_because, batch.status) == ("VOID", "고객이 전화함", "OPEN")
    assert "고객이 전화함" in text(make.get(reverse("admin:payouts:batch", args=[batch.pk])))


def test_what_to_look_at_first_and_lists_that_add_up():
    big = due(793_500)
    due(100_000)
    differs = due(50_000)
    type(differs).objects.filter(pk=differs.pk).update(amount_seen_krw=60_000)
    batch = batches.freeze(pay_on=dt.date(2026, 1, 22), user=maker())
    auditor = signed_in(money.user("auditor", "auditor"))
    money.count_figures()
    page_text = text(auditor.get(reverse("admin:payouts:batch", args=[batch.pk])))
    assert "먼저 볼 것 2가지" in page_text
    assert "차이 10,000원" in page_text
    items = reverse("admin:refunds_item_changelist")
    assert "고른 것 모두 1건, 793,500원" in text(auditor.get(items, {"hint": "large"}))
    assert "고른 것 모두 3건, 943,500원" in text(auditor.get(items, {"batch__id__exact": batch.pk}))
    item = Item.objects.get(application=big)
    page = reverse("admin:payouts:item", args=[item.pk])
    assert "793,500" in text(auditor.get(page))
    assert f'href="{page}' in text(auditor.get(items))
    assert auditor.get(reverse("admin:refunds_item_change", args=[item.pk])).url == page


def test_nobody_adds_edits_or_deletes_money():
    batch, file = money.handed_over(1)
    item = money.items(batch)[0]
    for role in ("maker", "checker", "auditor", "administrator"):
        client = signed_in(money.user(f"all {role}", role))
        for name, key in (("batch", batch.pk), ("item", item.pk), ("bankfile", file.pk)):
            assert client.get(reverse(f"admin:refunds_{name}_add")).status_code == 403
            assert client.post(reverse(f"admin:refunds_{name}_delete", args=[key])).status_code == 403
            changed = client.post(reverse(f"admin:refunds_{name}_change", args=[key]), {"won": "1"})
            assert changed.status_code in {403, 200}
    item.refresh_from_db()
    assert item.amount_krw == 100_000


def test_lists_open_for_those_who_may():
    batch, file = money.handed_over(1)
    money.load(money.pain002(file, [(money.items(batch)[0], "ACSC", "")]))
    row = money.items(batch)[0].application
    money.billed(row, 500)
    cases.propose_adjustment(application_id=row.pk, amount_krw=500, user=maker(), reason="정정")
    check = signed_in(checker())
    for name in ("batch", "item", "bankfile", "bankanswer", "adjustment", "hold", "download", "inquiry", "roster"):
        assert check.get(reverse(f"admin:refunds_{name}_changelist"), follow=True).status_code == 200, name
    assert check.get(reverse("admin:refunds_bankfile_change", args=[file.pk])).status_code == 200
    made = Adjustment.objects.get()
    check.post(reverse("admin:payouts:adjustment_action", args=[made.pk, "approve"]), {"confirmed": "yes"})
    made.refresh_from_db()
    assert made.status == "APPROVED"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("due", "1차 지급 · 1월 22일(목) 확정"),
        ("frozen", "승인"),
        ("approved", "파일 만들기"),
        ("filed", "은행에 전달"),
    ],
)
def test_the_dashboard_says_what_must_happen_today(state, expected):
    due()
    if state != "due":
        getattr(money, state)(1)
    dashboard = text(signed_in(maker()).get(reverse("admin:index"))).replace("\u00a0", " ").replace("\u2060", "")
    assert expected in dashboard
    assert "1월 21일(수) 18:00" in dashboard
