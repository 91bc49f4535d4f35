"""The payout pages: no accessibility finding with every disclosure open, nothing cut off at 360 px."""

import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse

from refunds import tasks
from refunds.models.bank_files import BankFile, FileOrder
from refunds.payouts import answers as bank_answers
from refunds.payouts import batches, cases, file_orders, files
from tests.refunds.payouts import money
from tests.refunds.payouts.money import CUT_OFF, checker, due, maker
from tests.sessions import as_staff

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_finding_and_nothing_cut_off(page, at, live_server):
    at(CUT_OFF)
    for _n in range(8):
        due(793_500)

    def look(user, url: str) -> None:
        cookie = as_staff(Client(), user).cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page.goto(url)
        check(url)

    def check(url: str) -> None:
        page.set_viewport_size({"width": 1280, "height": 900})
        assert page.locator("h1").count() == 1, url
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        violations = Axe().run(page).response["violations"]
        assert [
            f"{violation['id']}: {node['html'][:120]}" for violation in violations for node in violation["nodes"]
        ] == [], url
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, url

    look(maker(), reverse("admin:payouts:rounds"))
    look(maker(), reverse("admin:payouts:freeze", args=["2026-01-22"]))
    batch = money.frozen(0)
    here = reverse("admin:payouts:batch", args=[batch.pk])
    look(checker(), here)
    money.count_figures()
    look(checker(), here)
    look(checker(), reverse("admin:payouts:item", args=[money.items(batch)[0].pk]))
    held = money.items(batch)[0].application_id
    cases.hold(application_id=held, user=maker(), reason="본다")
    look(maker(), here)
    page.get_by_role("button", name="이 건들을 회차에서 빼기").click()
    check("the page before a selection is taken out")
    cases.release(application_id=held, user=maker(), reason="됐다")
    look(maker(), reverse("admin:payouts:funds"))
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    refused = file_orders.order_files(batch_id=batch.pk, user=maker())
    FileOrder.objects.filter(pk=refused.pk).update(done_at=refused.ordered_at, refusal_code="CHANGED")
    look(maker(), here)
    order = file_orders.order_files(batch_id=batch.pk, user=maker())
    look(maker(), here)
    tasks.create_file(order.pk)
    file = BankFile.objects.get()
    money.count_figures()
    look(maker(), here)
    look(maker(), reverse("admin:payouts:file_download", args=[file.pk]))
    look(maker(), reverse("admin:payouts:file_compare", args=[file.pk]))
    look(maker(), reverse("admin:payouts:answer_load"))
    look(maker(), reverse("admin:payouts:file_action", args=[file.pk, "hand-over"]))
    money.hand_over(file)
    whole = money.pain002(file, [], group="RJCT", reason="AM10")
    money.load(whole)
    file = files.replace_refused_file(file_id=file.pk, user=maker())
    look(checker(), reverse("admin:payouts:file_approve", args=[file.pk]))
    money.approve_part(file)
    money.hand_over(file)
    cases.hold(application_id=held, user=maker(), reason="본다")
    look(maker(), reverse("admin:payouts:stopped_at_bank"))
    first, second, third, *_rest = money.items(batch)
    answers = [(first, "ACSC", ""), (second, "RJCT", "AC04")]
    money.to_pay_day()
    staged = bank_answers.stage(content=io.BytesIO(money.pain002(file, answers)), name="r.xml", user=maker())
    answer = reverse("admin:payouts:answer", args=[staged.pk])
    look(maker(), answer)
    tasks.read_answer(staged.pk)
    staged.refresh_from_db()
    look(maker(), answer)
    look(checker(), reverse("admin:payouts:answer_confirm", args=[staged.pk]))
    look(checker(), reverse("admin:payouts:answer_discard", args=[staged.pk]))
    money.confirmed(staged)
    look(maker(), answer)
    faulty = money.staged(money.pain002(file, [(first, "ACSC", ""), (first, "ACSC", "")]))
    look(maker(), reverse("admin:payouts:answer", args=[faulty.pk]))
    money.billed(first.application, 500)
    made = cases.propose_adjustment(application_id=first.application_id, amount_krw=500, user=maker(), reason="정정")
    look(maker(), reverse("admin:payouts:rounds"))
    look(maker(), reverse("admin:payouts:application", args=[first.application_id]))
    look(maker(), reverse("admin:payouts:application_action", args=[third.application_id, "adjust"]))
    look(checker(), reverse("admin:payouts:adjustment", args=[made.pk]))
    look(checker(), reverse("admin:payouts:trial_balance"))
    look(checker(), reverse("admin:payouts:balance_findings"))
    look(
        money.user("supervisor", "supervisor"),
        reverse("admin:payouts:application_action", args=[first.application_id, "exception"]),
    )
    look(maker(), reverse("admin:payouts:inquiries"))
    look(maker(), reverse("admin:payouts:unpaid_returns"))
    look(money.user("admin", "administrator"), reverse("admin:payouts:roster"))
    look(money.user("admin", "administrator"), reverse("admin:payouts:roster_assign", args=["FREEZE"]))
    look(maker(), reverse("admin:index"))
    for name in ("batch", "item", "hold", "adjustment", "bankfile"):
        look(maker(), reverse(f"admin:refunds_{name}_changelist"))
    look(maker(), reverse("admin:everything"))
    look(money.user("agent", "agent"), reverse("admin:payouts:rounds"))  # refused
