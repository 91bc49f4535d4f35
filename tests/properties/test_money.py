"""Random interleavings of everything that moves money: at every step not a won is lost, and nobody is paid twice."""

import datetime as dt
import inspect
import random
import uuid

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kt_remedy.core import clock, programme
from refunds import calendar
from refunds.applications import change, transitions
from refunds.models.applications import Application
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment
from refunds.models.items import Item
from refunds.payouts import answers as bank_answers
from refunds.payouts import batches, cases, files, guards
from refunds.payouts.invariants import verify
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.money import checker, due, maker

# Whatever a rule tries may be refused; what it may not do is go through wrongly.
REFUSALS = (guards.Refused, bank_answers.ResultRefused, transitions.Refused)


def attempt(act, **kwargs):
    """Try an act; a refusal leaves everything as it was."""
    try:
        with transaction.atomic():
            return act(**kwargs)
    except REFUSALS:
        return None


class Payouts(RuleBasedStateMachine):
    """People apply, withdraw and mend while rounds are frozen, approved, filed, answered."""

    def __init__(self) -> None:
        super().__init__()
        self.everything = transaction.atomic()
        self.everything.__enter__()
        # What the bank paid by its own answers, by reference; kept here, beside the tables.
        self.bank: dict[str, int] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.everything.__exit__(None, None, None)

    @initialize()
    def begin(self):
        self.at("2026-01-20T17:00+09:00")
        due(100_000)

    @staticmethod
    def at(iso: str) -> None:
        clock._write(dt.datetime.fromisoformat(iso) - dt.datetime.now(dt.UTC))

    def application(self, n: int) -> Application:
        rows = list(Application.objects.order_by("id"))
        return rows[n % len(rows)]

    @rule(won=st.integers(1_000, 900_000))
    def apply(self, won):
        row = due(won)
        Application.objects.filter(pk=row.pk).update(status_since=clock.now())

    @rule(n=st.integers(0, 50))
    def withdraw(self, n):
        row = self.application(n)
        attempt(change.withdraw, application_id=row.pk, person_index=bytes(row.filing.person_index))

    @rule(n=st.integers(0, 50))
    def mend(self, n):
        row = self.application(n)
        to = make.account(row.line.customer, number=str(uuid.uuid4().int)[:12])
        attempt(
            change.change_account,
            application_id=row.pk,
            account_id=to.pk,
            person_index=bytes(row.filing.person_index),
        )

    @rule(n=st.integers(0, 50))
    def hold(self, n):
        attempt(cases.hold, application_id=self.application(n).pk, user=maker(), reason="본다")

    @rule(n=st.integers(0, 50))
    def release(self, n):
        attempt(cases.release, application_id=self.application(n).pk, user=maker(), reason="됐다")

    @rule(n=st.integers(0, 50), won=st.integers(1, 50_000))
    def propose_an_adjustment(self, n, won):
        paid = list(Item.objects.filter(status="PAID").order_by("id"))
        attempt(
            cases.propose_adjustment,
            application_id=paid[n % len(paid)].application_id if paid else self.application(n).pk,
            amount_krw=won,
            user=maker(),
            reason="청구 정정",
        )

    @rule(yes=st.booleans())
    def decide_adjustments(self, yes):
        for row in Adjustment.objects.filter(status="PROPOSED"):
            attempt(cases.decide_adjustment, adjustment_id=row.pk, user=checker(), approve=yes, reason="정함")

    @rule()
    def pass_a_cut_off(self):
        next_round = calendar.next_round(clock.now(), programme.current())
        if next_round:
            self.at(next_round.cut_off.isoformat())

    @rule()
    def freeze(self):
        for payout_round in calendar.payout_rounds(programme.current()):
            frozen = Batch.objects.filter(pay_on=payout_round.pay_on).exclude(status="OPEN")
            if payout_round.cut_off <= clock.now() and not frozen:
                attempt(batches.freeze, pay_on=payout_round.pay_on, user=maker())

    def batches(self, *statuses: str) -> list[Batch]:
        return list(Batch.objects.filter(status__in=statuses).order_by("pay_on"))

    @rule()
    def approve(self):
        for batch in self.batches("FROZEN"):
            attempt(batches.approve, batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)

    @rule()
    def send_back(self):
        for batch in self.batches("FROZEN", "APPROVED", "FILED")[:1]:
            attempt(batches.send_back, batch_id=batch.pk, user=checker(), reason="다시")

    @rule(n=st.integers(0, 50))
    def take_out(self, n):
        queued = list(Item.objects.filter(status__in=["QUEUED", "FILED"]).order_by("id"))
        if queued:
            attempt(batches.take_out, item_ids=[queued[n % len(queued)].pk], user=maker(), reason="뺀다")

    @rule()
    def file(self):
        for batch in self.batches("APPROVED"):
            attempt(files.create_files, batch_id=batch.pk, user=maker())
        for refused in BankFile.objects.filter(status="REFUSED"):
            attempt(files.replace_refused_file, file_id=refused.pk, user=maker())
        for part in BankFile.objects.filter(status="MADE"):
            attempt(files.approve_part, file_id=part.pk, user=checker(), typed_total=part.won, sha256=part.sha256)

    @rule()
    def hand_over(self):
        for file in BankFile.objects.filter(status="APPROVED"):
            attempt(money.hand_over, file=file)

    @rule(closed=st.booleans())
    def a_day_goes_well(self, closed):
        """Each step in its turn, or the bank would rarely come to answer anything."""
        if closed:
            self.pass_a_cut_off()
        self.freeze()
        self.approve()
        self.file()
        self.hand_over()

    @precondition(lambda self: BankFile.objects.filter(status="HANDED_OVER").exists())
    @rule(seed=st.integers(0, 10**6), whole=st.booleans())
    def answer(self, seed, whole):
        files = list(BankFile.objects.filter(status="HANDED_OVER").order_by("-id"))
        file = files[seed // 7 % len(files)]
        options = [("ACSC", ""), ("RJCT", "AC04"), ("PDNG", ""), None, ("RJCT", "AB08")]
        answered = []
        for n, item in enumerate(Item.objects.filter(file=file).order_by("id")):
            chosen = options[(seed >> (2 * n % 20)) % 5]
            if chosen:
                answered.append((item, *chosen))
        content = (
            money.pain002(file, [], group="RJCT", reason="AM10")
            if whole and seed % 7 == 0
            else money.pain002(file, answered)
        )
        loaded = attempt(bank_answers.load_result, content=content, name=f"r{seed}", user=maker())
        if loaded and b"TxInfAndSts" in content:
            for item, status, _code in answered:
                if status == "ACSC":
                    self.bank[item.reference] = item.amount_krw
                elif status == "RJCT":
                    self.bank.pop(item.reference, None)

    @precondition(lambda self: Application.objects.filter(status="NEED_ACCOUNT").exists())
    @rule()
    def mend_what_came_back(self):
        for row in Application.objects.filter(status="NEED_ACCOUNT").order_by("id"):
            self.mend(list(Application.objects.order_by("id")).index(row))

    @invariant()
    def nothing_is_lost(self):
        assert [f for f in verify() if f.count] == []

    @invariant()
    def nobody_is_paid_twice(self):
        paid = list(Item.objects.filter(status="PAID", kind="REFUND").values_list("application_id", flat=True))
        assert len(paid) == len(set(paid))

    @invariant()
    def paid_is_what_the_bank_paid(self):
        assert dict(Item.objects.filter(status="PAID").values_list("reference", "amount_krw")) == self.bank

    @invariant()
    def every_won_is_somewhere(self):
        """Each frozen item is queued, at the bank, paid or returned: count and won add up."""
        for batch in Batch.objects.exclude(status="OPEN"):
            states = [(item.status, item.amount_krw) for item in batch.items.standing()]
            assert (len(states), sum(amount for _status, amount in states)) == (batch.count, batch.won)
        for item in Item.objects.standing().select_related("application__line", "adjustment"):
            owed = item.adjustment.amount_krw if item.adjustment else item.application.line.refundable_krw
            assert item.amount_krw == owed


# How often each step is taken on a walk. In few examples Hypothesis seldom comes as far as an answer of the bank.
STEPS = {
    "apply": 4,
    "withdraw": 1,
    "mend": 1,
    "mend_what_came_back": 2,
    "hold": 1,
    "release": 1,
    "propose_an_adjustment": 3,
    "decide_adjustments": 2,
    "pass_a_cut_off": 2,
    "freeze": 3,
    "approve": 2,
    "send_back": 1,
    "take_out": 2,
    "file": 1,
    "hand_over": 1,
    "a_day_goes_well": 3,
    "answer": 5,
}


def walk(seed: int, steps: int) -> tuple[set[str], set[str]]:
    """Take random steps and check everything after each; returns the states and kinds of items that were seen."""
    chance, walker = random.Random(seed), Payouts()
    states, kinds = set(), set()
    try:
        walker.begin()
        for _step in range(steps):
            (name,) = chance.choices(list(STEPS), list(STEPS.values()))
            if name == "answer" and not BankFile.objects.filter(status="HANDED_OVER").exists():
                continue
            step = getattr(walker, name)
            arguments = {
                "n": chance.randrange(50),
                "won": chance.randrange(1_000, 50_000),
                "seed": chance.randrange(10**6),
                "whole": chance.random() < 0.5,
                "closed": True,
                "yes": chance.random() < 0.7,
            }
            step(**{name: arguments[name] for name in inspect.signature(step).parameters})
            walker.nothing_is_lost()
            walker.nobody_is_paid_twice()
            walker.paid_is_what_the_bank_paid()
            walker.every_won_is_somewhere()
            states |= set(Item.objects.values_list("status", flat=True))
            kinds |= set(Item.objects.values_list("kind", flat=True))
            kinds |= set(Item.objects.values_list("code", flat=True))
            kinds |= {f"attempt {n}" for n in Item.objects.values_list("attempt", flat=True)}
    finally:
        walker.teardown()
    return states, kinds


def test_money(db):
    states, kinds = set(), set()
    for seed in (1, 6):
        seen = walk(seed, 90)
        states |= seen[0]
        kinds |= seen[1]
    # A walk that gets nowhere proves nothing.
    assert states == set(Item.Status.values)
    assert {"REFUND", "ADJUSTMENT", "attempt 1", "attempt 2", "CLOSED", "BANK_DOWN"} <= kinds


@pytest.mark.soak
def test_money_for_long(db):
    run_state_machine_as_test(
        Payouts,
        settings=settings(
            max_examples=300,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
