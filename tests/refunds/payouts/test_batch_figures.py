"""The figures of a batch page: counted by the worker, void when anything changes, never added up by the page."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from eligibility.models import Bill, Feed
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.core.models import PeriodicTask
from kt_remedy.core.tasks import schedule
from refunds import tasks
from refunds.models.batches import BatchFigures
from refunds.payouts import batch_figures, batches, files, guards
from tests.background import run_due
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, maker
from tests.sessions import as_staff

pytestmark = pytest.mark.usefixtures("cut_off")

COUNTING = "다시 세고 있습니다"


def here(batch) -> str:
    return reverse("admin:payouts:batch", args=[batch.pk])


def seen(user, url: str) -> str:
    response = as_staff(Client(), user).get(url)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def fed() -> None:
    Feed.objects.create(as_of=dt.date(2026, 1, 20), state="LOADED", started_at=clock.now(), finished_at=clock.now())


def test_a_page_says_that_it_is_counted_until_the_worker_has():
    batch = money.frozen()
    page = as_staff(Client(), checker()).get(here(batch))
    assert COUNTING in page.content.decode()
    assert page["Refresh"].endswith(f"url={here(batch)}")
    assert 'name="total"' not in page.content.decode()
    run_due("money")
    page = as_staff(Client(), checker()).get(here(batch))
    assert COUNTING not in page.content.decode()
    assert "Refresh" not in page
    assert 'name="total"' in page.content.decode()
    assert page.content.decode().count("같음") == 4


@pytest.mark.parametrize("change", ["frozen again", "a delivery", "asked", "a file", "an answer"])
def test_whatever_changes_voids_the_count_and_the_next_one_holds(change):
    if change == "an answer":
        batch, file = money.handed_over()
    else:
        batch = money.approved() if change == "a file" else money.frozen()
    assert money.count_figures() == 1
    assert money.count_figures() == 0
    assert COUNTING not in seen(maker(), here(batch))
    if change == "frozen again":
        batches.take_out(item_ids=[money.items(batch)[0].pk], user=maker(), reason="잘못")
        batch = batches.freeze(pay_on=batch.pay_on, user=maker())
    elif change == "a delivery":
        fed()
        # No act on the batch: the sweep finds it within a minute, and the page shows no old figures until then.
        assert COUNTING in seen(maker(), here(batch))
        assert money.count_figures() == 0
        schedule.plan()
        tasks.find_outdated_figures("refunds.outdated_figures")
        assert "다시 셀 회차 1개" in PeriodicTask.objects.get(code="refunds.outdated_figures").result
    elif change == "asked":
        as_staff(Client(), checker()).post(reverse("admin:payouts:batch_count", args=[batch.pk]))
        assert AuditEntry.objects.filter(action="batch.count_asked").count() == 1
    elif change == "a file":
        files.create_files(batch_id=batch.pk, user=maker())
    else:
        answers = [(item, "ACSC", "") for item in money.items(batch)]
        money.load(money.pain002(file, answers))
    assert COUNTING in seen(maker(), here(batch))
    assert money.count_figures() == 1
    assert COUNTING not in seen(maker(), here(batch))


def test_what_was_counted_is_never_what_is_approved():
    batch = money.frozen()
    money.count_figures()
    assert BatchFigures.objects.get().again["agrees"] is True
    Bill.objects.filter(line=money.items(batch)[0].application.line).update(paid_krw=1)
    with pytest.raises(guards.Refused) as refused:
        batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    assert refused.value.code == "DIFFERS"
    # After a try on the page the worker counts the differences, so that the batch can be sent back.
    approve = reverse("admin:payouts:batch_approve", args=[batch.pk])
    as_staff(Client(), checker()).post(approve, {"total": str(batch.won), "digest": batch.digest})
    assert COUNTING in seen(checker(), here(batch))
    money.count_figures()
    page = seen(checker(), here(batch))
    assert "청구 자료의 금액이 바뀜" in page
    assert 'name="total"' not in page


def test_what_changes_while_it_is_counted_is_counted_again(monkeypatch):
    batch = money.frozen()
    true = batch_figures.overview.stored_figures

    def slow(of):
        fed()
        batch_figures.request_count(batch_id=of.pk, user=maker())
        return true(of)

    monkeypatch.setattr(batch_figures.overview, "stored_figures", slow)
    assert money.count_figures() == 1
    monkeypatch.undo()
    assert batch_figures.current_figures(batch)[0] is None
    assert money.count_figures() == 1
    assert batch_figures.current_figures(batch)[0] is not None


def test_a_worker_killed_while_counting_leaves_it_to_be_counted(monkeypatch):
    batch = money.frozen()

    def killed(of):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch_figures.overview, "stored_figures", killed)
    with pytest.raises(KeyboardInterrupt):
        money.count_figures()
    monkeypatch.undo()
    assert "부터 3건을 세고 있습니다" in seen(maker(), here(batch))
    assert money.count_figures() == 1
    assert COUNTING not in seen(maker(), here(batch))


def test_a_count_that_failed_is_tried_again_and_at_once_when_a_person_asks(monkeypatch):
    batch = money.frozen()

    def broken(of):
        raise ValueError("no")

    monkeypatch.setattr(batch_figures.overview, "stored_figures", broken)
    run_due("money")
    monkeypatch.undo()
    assert BatchFigures.objects.get().retry_at is not None
    run_due("money")
    assert batch_figures.current_figures(batch)[0] is None
    batch_figures.request_count(batch_id=batch.pk, user=maker())
    run_due("money")
    figures, _began = batch_figures.current_figures(batch)
    assert figures is not None
    assert figures.attempts == 0


def test_a_batch_that_is_open_again_is_not_counted():
    batch = money.frozen()
    batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")
    assert money.count_figures() == 0
    assert batch_figures.void_outdated() == 0
    batches.freeze(pay_on=batch.pay_on, user=maker())
    assert money.count_figures() == 1


def test_the_sweep_finds_figures_that_were_never_counted_and_lets_the_others_be():
    batch = money.frozen()
    money.count_figures()
    assert batch_figures.void_outdated() == 0
    BatchFigures.objects.all().delete()
    assert (batch_figures.void_outdated(), batch_figures.void_outdated()) == (1, 0)
    assert money.count_figures() == 1
    assert batch_figures.current_figures(batch)[0] is not None


@pytest.mark.parametrize("answered", [False, True])
def test_a_page_reads_the_items_it_shows_and_no_others(answered):
    if answered:
        batch, file = money.handed_over(25)
        answers = [(item, "ACSC", "") for item in money.items(batch)[:20]]
        money.load(money.pain002(file, answers))
    else:
        batch = money.frozen(25)
    browser = as_staff(Client(), checker())
    for counted in (False, True):
        if counted:
            money.count_figures()
        with CaptureQueriesContext(connection) as queries:
            browser.get(here(batch))
        statements = [query["sql"] for query in queries if 'FROM "refunds_item"' in query["sql"]]
        assert len(statements) == counted
        assert all('"refunds_item"."id" IN (' in sql for sql in statements)
