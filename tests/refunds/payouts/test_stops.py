"""Payments that must not leave after the freeze (D-66), and a selection taken out at once."""

import re
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core.models import PeriodicTask
from refunds.applications import recheck
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.cases import Hold
from refunds.models.items import Item
from refunds.payouts import batches, cases, files, jobs, overview, stops
from refunds.payouts.guards import Refused
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, maker, refused
from tests.sessions import as_staff
from tests.threads import together


def signed_in(user) -> Client:
    return as_staff(Client(), user)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " ").replace("\u2060", ""))


def hold(item: Item) -> Hold:
    return cases.hold(application_id=item.application_id, user=money.user("reviewer", "reviewer"), reason="사기 의심")


def approve(batch: Batch) -> Batch:
    return batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)


def change_verdict(item: Item, outcome: str) -> None:
    Line.objects.filter(pk=item.contract_no).update(outcome=outcome)


def take_back_payment(item: Item) -> None:
    Line.objects.filter(pk=item.contract_no).update(reasons="UNPAID")


STOPS = {
    "HELD": hold,
    "VERDICT_CHANGED": partial(change_verdict, outcome="NOT_ELIGIBLE"),
    "UNPAID": take_back_payment,
}


@pytest.mark.usefixtures("cut_off")
@pytest.mark.parametrize("reason", STOPS)
def test_a_stop_after_the_freeze_blocks_the_approval(reason):
    batch = money.frozen(2)
    item = money.items(batch)[0]
    STOPS[reason](item)
    assert [(stop.reference, stop.reason) for stop in stops.stops(batch)] == [(item.reference, reason)]
    refused("STOPPED", approve, batch=batch)
    batches.take_out(item_ids=[item.pk], user=maker(), reason="보류")
    again = batches.freeze(pay_on=batch.pay_on, user=maker())
    assert (approve(again).status, again.count) == ("APPROVED", 1)


@pytest.mark.usefixtures("cut_off")
@pytest.mark.parametrize("reason", STOPS)
def test_a_stop_after_the_approval_blocks_the_hand_over(reason):
    batch, (made,) = money.filed(2)
    item = money.items(batch)[0]
    STOPS[reason](item)
    refused("STOPPED", money.hand_over, file=made)
    made.refresh_from_db()
    assert made.status == "APPROVED"
    batches.take_out(item_ids=[item.pk], user=maker(), reason="보류")
    assert not broken()


@pytest.mark.usefixtures("cut_off")
def test_a_released_hold_lets_the_money_go():
    batch, (made,) = money.filed(2)
    item = money.items(batch)[0]
    hold(item)
    refused("STOPPED", money.hand_over, file=made)
    cases.release(application_id=item.application_id, user=maker(), reason="확인함")
    assert money.hand_over(made).status == "HANDED_OVER"


@pytest.mark.usefixtures("cut_off")
def test_a_hold_in_another_part_blocks_only_its_own(settings):
    settings.BANK_FILE_MAX_ROWS = 1
    batch, (one, two) = money.filed(2)
    hold(two.items.get())
    money.hand_over(one)
    refused("STOPPED", money.hand_over, file=two)
    assert batch.part_states == {"HANDED_OVER", "APPROVED"}


@pytest.mark.usefixtures("cut_off")
def test_a_hold_blocks_the_approval_of_a_part_made_again():
    batch, file = money.handed_over(2)
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    hold(money.items(batch)[0])
    refused("STOPPED", money.approve_part, file=again)


@pytest.mark.usefixtures("cut_off")
def test_a_hold_after_the_hand_over_alarms_finance():
    batch, _file = money.handed_over(2)
    held, flipped = money.items(batch)
    hold(held)
    change_verdict(flipped, "NOT_ELIGIBLE")
    recheck.recheck_after_feed()
    assert list(stops.at_bank().order_by("id")) == [held, flipped]
    assert not stops.waiting(batch).exists()
    assert any("판정이 바뀐 2건, 재무에 알리기" in duty.text for duty in overview.duties())
    found = jobs.watch_rounds(PeriodicTask(code="refunds.watch_rounds"))
    assert "2" in str(found[-1])
    page = text(signed_in(checker()).get(reverse("admin:payouts:stopped_at_bank")))
    assert held.reference in page
    assert "사기 의심" in page
    assert "판정이 바뀜" in page


@pytest.mark.usefixtures("cut_off")
def test_a_stop_stands_first_on_the_page_and_goes_with_one_act():
    batch = money.frozen(3)
    first, second, _third = money.items(batch)
    hold(first)
    hold(second)
    url = reverse("admin:payouts:batch", args=[batch.pk])
    page = text(signed_in(checker()).get(url))
    assert "나가면 안 되는 2건이 들어 있습니다" in page
    assert page.index(first.reference) < page.index("승인하면 나가는 돈")
    assert "이 건들을 회차에서 빼기" not in page
    make = signed_in(maker())
    assert "이 건들을 회차에서 빼기" in text(make.get(url))
    take = reverse("admin:payouts:take_out_selection")
    ids = f"{first.pk},{second.pk}"
    asked = text(make.post(take, {"items": ids}))
    assert "200,001원" in asked
    assert Batch.objects.get().status == "FROZEN"
    assert make.post(take, {"items": ids, "confirmed": "yes", "reason": ""}).status_code == 400
    done = make.post(take, {"items": ids, "confirmed": "yes", "reason": "사기 의심"}, follow=True)
    assert "2건을 뺐습니다" in text(done)
    assert batches.freeze(pay_on=batch.pay_on, user=maker()).count == 1
    assert signed_in(checker()).post(take, {"items": ids}).status_code == 403


@pytest.mark.usefixtures("cut_off")
def test_a_selection_of_the_list_is_taken_out_at_once():
    batch = money.approved(5)
    chosen = money.items(batch)[:3]
    changelist = reverse("admin:refunds_item_changelist")
    ask = {"action": "take_out", "_selected_action": [item.pk for item in chosen]}
    page = text(signed_in(maker()).post(changelist, ask))
    assert all(item.reference in page for item in chosen)
    assert "take_out" not in signed_in(checker()).get(changelist).content.decode()
    opened = batches.take_out(item_ids=[item.pk for item in chosen], user=maker(), reason="확인")
    assert opened.status == "OPEN"
    assert AuditEntry.objects.filter(action="item.taken_out").count() == 3
    again = batches.freeze(pay_on=batch.pay_on, user=maker())
    assert (again.count, again.excluded["TAKEN_OUT"][0]) == (2, 3)
    approve(again)
    assert not broken()


@pytest.mark.usefixtures("cut_off")
def test_a_selection_that_cannot_be_taken_out_names_each_payment(at):
    batch, _file = money.handed_over(2)
    with pytest.raises(Refused) as caught:
        batches.take_out(item_ids=[item.pk for item in money.items(batch)], user=maker(), reason="늦었다")
    assert all(item.reference in caught.value.message for item in money.items(batch))
    refused("EMPTY", batches.take_out, item_ids=[], user=maker(), reason="없음")
    refused("MANY", batches.take_out, item_ids=range(1001), user=maker(), reason="많음")
    at("2026-02-03T18:00+09:00")
    money.due(name="다음")
    later = batches.freeze(pay_on=batch.pay_on.replace(month=2, day=5), user=maker())
    two = [money.items(batch)[0].pk, money.items(later)[0].pk]
    refused("BATCHES", batches.take_out, item_ids=two, user=maker(), reason="둘")


# Races ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_hold_and_an_approval_or_hand_over_at_the_same_moment(at):
    """Whichever is first, held money never leaves without an alarm."""
    at(money.CUT_OFF)
    for act in ("approve", "hand over"):
        batch = money.frozen(1)
        item = money.items(batch)[0]
        reviewer = money.user("reviewer", "reviewer")
        place = partial(cases.hold, application_id=item.application_id, user=reviewer, reason="본다")
        by = checker()
        if act == "approve":
            leave = partial(batches.approve, batch_id=batch.pk, user=by, typed_total=batch.won, digest=batch.digest)
        else:
            approve(batch)
            (made,) = files.create_files(batch_id=batch.pk, user=maker())
            leave = partial(money.hand_over, file=made)
        placed, left = together(place, leave)
        assert isinstance(placed, Hold)
        batch.refresh_from_db()
        item.refresh_from_db()
        if isinstance(left, Refused):
            assert left.code == "STOPPED"
            assert not batch.handed_over
        elif act == "approve":
            assert stops.waiting(batch).get() == item  # it still blocks the hand-over
        else:
            assert stops.at_bank().get() == item
        if not batch.handed_over:
            batches.take_out(item_ids=[item.pk], user=maker(), reason="보류")


@pytest.mark.django_db(transaction=True)
def test_taking_out_and_approving_at_the_same_moment(at):
    at(money.CUT_OFF)
    batch = money.frozen(2)
    item, by, hand = money.items(batch)[0], checker(), maker()
    out, approved = together(
        partial(batches.take_out, item_ids=[item.pk], user=hand, reason="뺀다"),
        partial(batches.approve, batch_id=batch.pk, user=by, typed_total=batch.won, digest=batch.digest),
    )
    assert isinstance(out, Batch)
    assert isinstance(approved, Batch) or approved.code == "STATE"
    batch.refresh_from_db()
    assert (batch.status, batch.approved_by) == ("OPEN", None)
    assert not BankFile.objects.exists()
    assert not broken()
