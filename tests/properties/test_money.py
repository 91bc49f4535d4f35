"""Random interleavings of everything that moves money: at every step not a won is lost, nobody is paid twice, and no
payment or claim passes what an own count in Python leaves.

The same walks find each of `FAULTS` when it is put back.
"""

import datetime as dt
import inspect
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
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

from eligibility.models import Bill
from kt_remedy.core import clock, programme
from refunds import balance, banks, calendar
from refunds.applications import change, transitions
from refunds.models.applications import Application
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.items import Item
from refunds.models.statements import MoneyBack, StatementLine
from refunds.payouts import answers, batches, cases, files, guards, invariants, offline
from refunds.payouts.answer_checks import AnswerRefused
from refunds.payouts.invariants import verify
from tests.owner import as_owner
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.bank_account import BankAccount
from tests.refunds.payouts.money import checker, due, maker
from tests.refunds.statements import credit, debit

# Whatever a rule tries may be refused; what it may not do is go through wrongly.
REFUSALS = (guards.Refused, AnswerRefused, transitions.Refused)


def attempt(act, **kwargs):
    """Try an act; a refusal leaves everything as it was."""
    try:
        with transaction.atomic():
            return act(**kwargs)
    except REFUSALS:
        return None


def supervisor():
    return money.user("supervisor", "supervisor")


def load_by_two(*, content: bytes, name: str, wait: bool) -> BankAnswer:
    """Load an answer of the bank. The person who staged it tries to confirm it alone first, by a second account."""
    answer = money.staged(content, name, wait=wait)
    if answer.faults:
        raise AnswerRefused(answers.faults_of(answer), answer.notes[0]["count"])
    alone = attempt(money.confirmed, answer=answer, by=money.user("maker-as-checker", "checker", person="maker"))
    return alone or money.confirmed(answer)


class Payouts(RuleBasedStateMachine):
    """People apply, withdraw and mend while rounds are frozen, approved, filed, answered."""

    def __init__(self) -> None:
        super().__init__()
        self.everything = transaction.atomic()
        self.everything.__enter__()
        # What the bank paid by its own answers, by reference; kept here, beside the tables.
        self.bank: dict[str, int] = {}
        # What customers paid back by the claims they were sent, and the items already looked at.
        self.back: dict[int, int] = {}
        self.seen: set[int] = set()

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

    @rule(n=st.integers(0, 50), more=st.integers(-40_000, 40_000))
    def correct_a_bill(self, n, more):
        row = self.application(n)
        if more > 0 or -more < row.line.refundable_krw:
            money.billed(row, more)

    @rule(won=st.integers(1_000, 900_000), confirm=st.booleans())
    def send_outside_the_rounds(self, won, confirm):
        row = due(won)
        abroad = make.account(row.line.customer, outcome="OFFLINE", bank=banks.OFFLINE)
        Application.objects.filter(pk=row.pk).update(account=abroad, applied_on=clock.today(), status_since=clock.now())
        made = attempt(
            offline.record,
            application_id=row.pk,
            user=maker(),
            way="OVERSEAS",
            paid_on=clock.today(),
            reference=f"FX-{row.pk}",
            amount_krw=balance.of(row.pk).payable,
        )
        if made:
            attempt(offline.decide, payment_id=made.pk, user=checker(), confirm=confirm, reason="영수증")

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

    def paid(self, n: int) -> int:
        rows = list(Item.objects.filter(status="PAID", kind="REFUND").order_by("id"))
        return rows[n % len(rows)].application_id if rows else self.application(n).pk

    @rule(n=st.integers(0, 50), more=st.integers(-40_000, 40_000), part=st.booleans())
    def correct_what_was_paid(self, n, more, part):
        """Billing corrects a bill that was paid, and the correction or claim of it is proposed, whole or in part."""
        key = self.paid(n)
        self.correct_a_bill(list(Application.objects.order_by("id").values_list("pk", flat=True)).index(key), more)
        self.propose(key, part)

    @rule(n=st.integers(0, 50), part=st.booleans(), yes=st.booleans())
    def propose_again(self, n, part, yes):
        """Another correction of an application that has one, first of all where a claim is still open."""
        claimed = set(Adjustment.objects.filter(status="CLAIMED").values_list("application_id", flat=True))
        keys = sorted(claimed or set(Adjustment.objects.values_list("application_id", flat=True)))
        self.propose(keys[n % len(keys)] if keys else self.paid(n), part)
        self.decide_adjustments(yes)

    def propose(self, key: int, part: bool) -> None:
        left = balance.of(key)
        won = left.payable or left.claimable or 1
        attempt(
            cases.propose_adjustment,
            application_id=key,
            amount_krw=max(1, won // 2) if part else won,
            user=maker(),
            reason="청구 정정",
            cause="OVERPAID" if left.claimable else "CORRECTED_BILL",
        )

    @rule(n=st.integers(0, 50), won=st.integers(1, 50_000), back=st.booleans())
    def propose_beyond_the_balance(self, n, won, back):
        attempt(
            cases.propose_exception,
            application_id=self.paid(n),
            amount_krw=won,
            user=supervisor(),
            reason="이의를 받아들임",
            cause="OVERPAID" if back else "UNDERPAID",
        )

    @rule(yes=st.booleans())
    def decide_adjustments(self, yes):
        for row in Adjustment.objects.filter(status="PROPOSED").order_by("id"):
            claims = Adjustment.objects.filter(application=row.application_id, status="CLAIMED")
            left = -self.left(row.application_id) - sum(claim.amount_krw for claim in claims)
            # Nobody is asked for money that the bank is bringing back.
            returned = Item.objects.filter(application=row.application_id, status="RETURNED", money_back=None)
            left -= sum(item.amount_krw for item in returned)
            done = attempt(
                cases.decide_adjustment,
                adjustment_id=row.pk,
                user=checker(),
                approve=yes,
                reason="정함",
                typed_krw=row.amount_krw,
            )
            if done and done.status == "CLAIMED" and not row.by_exception:
                assert row.amount_krw <= left

    @rule(n=st.integers(0, 50))
    def recover(self, n):
        claims = list(Adjustment.objects.filter(status="CLAIMED").order_by("id"))
        if claims:
            row = claims[n % len(claims)]
            if attempt(cases.recovered, adjustment_id=row.pk, user=maker(), reason="송금"):
                self.back[row.application_id] = self.back.get(row.application_id, 0) + row.amount_krw

    def left(self, key: int, batch: int | None = None) -> int:
        """Won still due to an application by an own count, without the items of one batch."""
        row = Application.objects.select_related("line").get(pk=key)
        items = programme.current().waiver.refundable_items
        owed = sum(
            max(0, min(bill.billed_krw, bill.paid_krw) - bill.refunded_krw)
            for bill in Bill.objects.filter(line=row.line, item__in=items)
        )
        for item in row.items.exclude(batch=batch):
            # A paid item is one that the bank said it paid.
            owed -= self.bank.get(item.reference, 0) if item.status == "PAID" else 0
            on_its_way = item.status in {"QUEUED", "FILED", "UNKNOWN"}
            # A return whose money is not back yet is still with the bank.
            on_its_way |= item.status == "RETURNED" and not MoneyBack.objects.filter(item=item).exists()
            owed -= item.amount_krw if on_its_way else 0
        for sent in OfflinePayment.objects.filter(application=row).exclude(status="DECLINED"):
            owed -= sent.amount_krw
        for case in row.adjustments.filter(by_exception=True, status="APPROVED"):
            owed += max(0, case.amount_krw - max(0, case.allowed_krw))
        return owed + self.back.get(key, 0)

    @rule()
    def pass_a_cut_off(self):
        next_round = calendar.next_round(clock.now(), programme.current())
        if next_round:
            self.at(next_round.cut_off.isoformat())
        self.read_statement()

    def read_statement(self) -> None:
        """The bank's statement of today: what was paid left the account, what came back after that is credited."""
        lines = []
        at_bank = Item.objects.filter(file__execution_on__lte=clock.today()).order_by("id")
        matched = StatementLine.objects.filter(item=OuterRef("pk"))
        for item in at_bank.filter(~Exists(matched.filter(match="PAYMENT")), status="PAID"):
            lines.append(debit(item.amount_krw, item.reference))
        for item in at_bank.filter(
            Exists(matched.filter(match="PAYMENT")), ~Exists(matched.filter(match="RETURN")), status="RETURNED"
        ):
            lines.append(credit(item.amount_krw, item.reference, code="AC04"))
        BankAccount.of_database().day(clock.today().isoformat(), *lines)

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

    @rule(closed=st.booleans(), whole=st.booleans())
    def a_day_goes_well(self, closed, whole):
        """Each step in its turn, or the bank would rarely come to answer anything; if `whole`, it pays all."""
        if closed:
            self.pass_a_cut_off()
        self.freeze()
        self.approve()
        self.file()
        self.hand_over()
        for file in BankFile.objects.filter(status="HANDED_OVER", items__status="FILED").distinct() if whole else ():
            answered = [(item, "ACSC", "") for item in file.items.filter(status="FILED")]
            self.load(money.pain002(file, answered), answered)

    @rule(n=st.integers(0, 50), more=st.integers(-40_000, 40_000), part=st.booleans(), whole=st.booleans())
    def a_correction_goes_well(self, n, more, part, whole):
        """From the corrected bill to the money that is paid or back."""
        self.correct_what_was_paid(n, more, part)
        self.decide_adjustments(yes=True)
        if whole:
            self.recover(n)
        self.a_day_goes_well(closed=True, whole=True)

    @precondition(lambda self: BankFile.objects.filter(status__in=BankFile.AT_BANK).exists())
    @rule(seed=st.integers(0, 10**6), whole=st.booleans(), early=st.booleans())
    def answer(self, seed, whole, early):
        files = list(BankFile.objects.filter(status__in=BankFile.AT_BANK).order_by("-id"))
        file = files[seed // 7 % len(files)]
        options = [("ACSC", ""), ("RJCT", "AC04"), ("PDNG", ""), None, ("RJCT", "AB08"), ("RJCT", "AM04")]
        answered = []
        for n, item in enumerate(Item.objects.filter(file=file).order_by("id")):
            chosen = options[(seed >> (2 * n % 20)) % 6]
            if chosen:
                answered.append((item, *chosen))
        content = (
            money.pain002(file, [], group="RJCT", reason="AM10")
            if whole and seed % 7 == 0
            else money.pain002(file, answered)
        )
        self.load(content, answered, name=f"r{seed}", early=early)

    @rule(n=st.integers(0, 50))
    def return_late(self, n):
        """The bank returns a payment that it had made, of a refund or a correction."""
        paid = list(Item.objects.filter(status="PAID").select_related("file").order_by("id"))
        if paid:
            item = paid[n % len(paid)]
            answered = [(item, "RJCT", "AC04")]
            self.load(money.pain002(item.file, answered), answered)

    def load(self, content: bytes, answered: list, name: str = "r", early: bool = False) -> None:
        """Load an answer of the bank, and keep what it says was paid."""
        loaded = attempt(load_by_two, content=content, name=name, wait=not early)
        if loaded and b"TxInfAndSts" in content:
            for item, status, _code in answered:
                if status == "ACSC" and not loaded.early:
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
    def every_answer_has_two_people(self):
        confirmed = BankAnswer.objects.filter(status="CONFIRMED")
        assert not confirmed.filter(confirmed_person=F("staged_person")).exists()
        assert not confirmed.filter(confirmed_person=None).exists()

    @invariant()
    def paid_is_what_the_bank_paid(self):
        assert dict(Item.objects.filter(status="PAID").values_list("reference", "amount_krw")) == self.bank

    @invariant()
    def every_won_is_somewhere(self):
        """Each frozen item is queued, at the bank, paid or returned: count and won add up."""
        for batch in Batch.objects.exclude(status="OPEN"):
            states = [(item.status, item.amount_krw) for item in batch.items.standing()]
            assert (len(states), sum(amount for _status, amount in states)) == (batch.count, batch.won)

    @invariant()
    def the_balance_is_an_own_count(self):
        keys = list(Application.objects.values_list("pk", flat=True))
        assert {key: row.due for key, row in balance.for_applications(keys).items()} == {
            key: self.left(key) for key in keys
        }

    @invariant()
    def each_payment_is_what_was_due(self):
        """A new item pays what an own count leaves: a refund all of it that no correction carries."""
        for item in Item.objects.exclude(pk__in=self.seen).exclude(status="VOID").order_by("id"):
            self.seen.add(item.pk)
            due_now = self.left(item.application_id, item.batch_id)
            together = Item.objects.filter(batch=item.batch_id, application=item.application_id).exclude(status="VOID")
            assert sum(one.amount_krw for one in together) <= due_now
            if item.kind == "REFUND":
                promised = Adjustment.objects.filter(application=item.application_id, status="APPROVED")
                elsewhere = Item.objects.filter(status__in=Item.HOLDING).exclude(batch=item.batch_id)
                promised = promised.exclude(items__in=elsewhere)
                assert item.amount_krw == due_now - sum(one.amount_krw for one in promised)
            else:
                assert item.amount_krw == item.adjustment.amount_krw


CHECKS = (
    "each_payment_is_what_was_due",
    "nothing_is_lost",
    "every_answer_has_two_people",
    "nobody_is_paid_twice",
    "paid_is_what_the_bank_paid",
    "every_won_is_somewhere",
)
# How often each step is taken on a walk. In few examples Hypothesis seldom comes as far as an answer of the bank.
STEPS = {
    "apply": 3,
    "withdraw": 1,
    "mend": 1,
    "mend_what_came_back": 3,
    "hold": 1,
    "release": 2,
    "correct_a_bill": 1,
    "correct_what_was_paid": 3,
    "propose_again": 2,
    "propose_beyond_the_balance": 1,
    "decide_adjustments": 3,
    "recover": 2,
    "send_outside_the_rounds": 1,
    "return_late": 3,
    "pass_a_cut_off": 1,
    "freeze": 3,
    "approve": 2,
    "send_back": 1,
    "take_out": 2,
    "file": 1,
    "hand_over": 1,
    "a_day_goes_well": 4,
    "a_correction_goes_well": 3,
    "answer": 5,
}


def walk(seed: int, steps: int, checks: tuple[str, ...] = CHECKS) -> tuple[set[str], set[str]]:
    """Take random steps and check everything after each; returns the states and kinds of items that were seen."""
    chance, walker = random.Random(seed), Payouts()
    states, kinds = set(), set()
    try:
        walker.begin()
        for _step in range(steps):
            (name,) = chance.choices(list(STEPS), list(STEPS.values()))
            if name == "answer" and not BankFile.objects.filter(status__in=BankFile.AT_BANK).exists():
                continue
            step = getattr(walker, name)
            arguments = {
                "n": chance.randrange(50),
                "won": chance.randrange(1_000, 50_000),
                "seed": chance.randrange(10**6),
                "whole": chance.random() < 0.5,
                "early": chance.random() < 0.1,
                "closed": True,
                "yes": chance.random() < 0.7,
                "more": chance.choice((-1, 1)) * chance.randrange(1, 40_000),
                "part": chance.random() < 0.3,
                "back": chance.random() < 0.3,
                "confirm": chance.random() < 0.7,
            }
            step(**{name: arguments[name] for name in inspect.signature(step).parameters})
            for check in checks:
                getattr(walker, check)()
            states |= set(Item.objects.values_list("status", flat=True))
            kinds |= set(Item.objects.values_list("kind", flat=True))
            kinds |= set(Item.objects.values_list("code", flat=True))
            kinds |= {f"attempt {n}" for n in Item.objects.values_list("attempt", flat=True)}
            kinds |= set(Adjustment.objects.values_list("status", flat=True))
        walker.the_balance_is_an_own_count()
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
    assert {"REFUND", "ADJUSTMENT", "attempt 1", "attempt 2", "CLOSED", "BANK_DOWN", "APPROVED", "RECOVERED"} <= kinds


@contextmanager
def balance_without(term: str) -> Iterator[None]:
    """The balance leaves out one of its terms. The test is a transaction, so its view goes with it."""
    text = balance.view_text()
    assert term in text
    with as_owner(), patch.object(balance, "view_text", lambda: text.replace(term, "")):
        balance.make_view(using="default", plan=[])
        invariants.make_views(using="default", plan=[])
    yield


def claims_forgotten() -> AbstractContextManager:
    """What was claimed before does not count: the same overpayment can be claimed twice."""
    return patch.object(balance.Balance, "claimable", property(lambda self: max(0, -self.due)))


@contextmanager
def one_person_confirms() -> Iterator[None]:
    """Neither the act nor the table asks for a second person to confirm an answer."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE refunds_result_file DROP CONSTRAINT answer_two_people")
    with patch.object(answers, "is_maker", lambda *_who: False):
        yield


PAYMENTS, TWO_PEOPLE, BALANCE = (
    "each_payment_is_what_was_due",
    "every_answer_has_two_people",
    "the_balance_is_an_own_count",
)
# Faults that were made once, or nearly, as they are put back, with the check and the first walk that found each.
FAULTS: dict[str, tuple[Callable[[], AbstractContextManager], str, int]] = {
    "ignoring corrections": (lambda: balance_without(" - items.corrected"), PAYMENTS, 4),
    "ignoring recoveries": (lambda: balance_without(" + cases.recovered"), PAYMENTS, 16),
    "ignoring payments outside the rounds": (lambda: balance_without(" - outside.outside"), PAYMENTS, 3),
    "counting a return before its money is back": (
        lambda: balance_without(" OR i.status = 'RETURNED' AND back.item_id IS NULL"),
        BALANCE,
        0,
    ),
    "double claim": (claims_forgotten, PAYMENTS, 22),
    "answer by one person": (one_person_confirms, TWO_PEOPLE, 0),
}


def finds(seed: int, check: str) -> bool:
    """True if a walk comes to a state that one of its checks refuses; the rules check each claim themselves."""
    try:
        walk(seed, 60, checks=(check,))
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_the_property_finds_a_fault_that_is_put_back(db, fault):
    put_back, check, first = FAULTS[fault]
    assert not finds(first, check)
    with put_back():
        assert any(finds(seed, check) for seed in range(first, first + 20))


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
