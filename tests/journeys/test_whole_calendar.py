"""The whole calendar from 30 December to 1 September in compressed time, every figure against an own count.

The clock stops at each act, each delivery and each round. People file, mend accounts, choose services and approve; the
bank pays and returns. `calendar_count.Count` reads the files of the deliveries and knows nothing of the portal.
"""

import datetime as dt
import random
import uuid
from collections import Counter

import pytest
from django.db import connection
from django.db.models.functions import Now

from eligibility.models import Customer, Line
from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.devtools import sample_register
from kt_remedy.notices import gateway, mailings, preparing
from kt_remedy.notices.models import Mailing
from kt_remedy.portal import clock_views
from refunds.applications import change
from refunds.models.applications import Application
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import batches, files
from refunds.payouts.invariants import verify
from rewards import service
from rewards.enrolment import additions
from rewards.models import BaseAddition, Entitlement
from tests import background
from tests.journeys.calendar_count import BASE, PERKS, PROGRAMME, Count, Refund, years_before
from tests.notices.sending import send_due
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.refunds.payouts import bank_account, money
from tests.sessions import staff_user

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 18
FIRST, LAST = "2025-12-30T09:00+09:00", "2026-09-01T12:00+09:00"
# Periodic tasks that a figure depends on; they run once at each stop.
PERIODIC = (
    *("refunds.release", "refunds.tell_promises", "notices.mailings"),
    *("rewards.sweep", "rewards.late_lines", "rewards.codes"),
)
RETURNED_PERCENT, CODES = 8, 5


def kst(day: dt.date, hour: int) -> dt.datetime:
    return clock.kst(day, dt.time(hour))


def rows(sql: str, *params: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


class Programme:
    """One run of the calendar: the stops, what people do at them, and the comparison with the own count."""

    def __init__(self, count: Count) -> None:
        self.count, self.random = count, random.Random(SEED)
        self.queue: list[str] = []  # lines that wait for a code, in the order of choice
        self.issued: set[str] = set()
        self.codes = 0
        self.figures: dict[str, object] = {}
        self.compared = 0

    def equal(self, name: str, portal: object, own: object) -> None:
        """Compare a figure of the portal with the own count."""
        self.compared += 1
        self.figures[name] = own
        assert portal == own, f"{name}: {portal} in the portal, {own} by the own count"

    def stops(self) -> list[dt.datetime]:
        """The calendar's stops, and the hours at which people do something."""
        window = [dt.date(2026, 1, day) for day in (14, 16, 18, 19, 22, 25, 26, 28, 31)]
        own = [kst(day, 11) for day in (*window, dt.date(2026, 2, 2), dt.date(2026, 3, 2), dt.date(2026, 3, 3))]
        rounds = {batch.at.date() for batch in clock_views.calendar.round_moments() if batch.key.startswith("pay-")}
        own += [kst(day + dt.timedelta(days=1), 11) for day in rounds]
        first, last = dt.datetime.fromisoformat(FIRST), dt.datetime.fromisoformat(LAST)
        every = {stop.at for stop in clock_views.stops()} | set(own)
        return sorted(at for at in every if first <= at <= last)

    def run(self) -> None:
        schedule.plan()
        for at in self.stops():
            clock._write(at - dt.datetime.now(dt.UTC))
            self.new = self.count.read_until(clock.today())
            self.work()
            self.people(at.astimezone(clock.KST))
            self.compare(at.astimezone(clock.KST))
        self.the_end()

    def work(self) -> None:
        """The work of beat and workers, until nothing is due and no mailing waits for two people."""
        for turn in range(4):
            PeriodicTask.objects.update(due_at=Now())
            DatedTask.objects.filter(state="WAITING").update(retry_at=None)
            background.run_due()
            waits = DatedTask.objects.filter(state="WAITING", due_at__lte=clock.now())
            if not (self.release_mailings() or (turn == 0 and waits.exists())):
                break
        send_due()

    def release_mailings(self) -> int:
        """Two people check and approve what is sent within a day; returns how many had an hour that has come."""
        soon = clock.now() + dt.timedelta(hours=26)
        preparing.prepare()
        held = [row for row in Mailing.objects.filter(state="HELD") if row.due_at is None or row.due_at <= soon]
        for row in held:
            mailings.check(mailing_id=row.pk, user=staff_user("supervisor", username="s1"), seen=mailings.seal(row))
            mailings.approve(mailing_id=row.pk, user=staff_user("supervisor", username="s2"))
        return sum(row.due_at is None or row.due_at <= clock.now() for row in held)

    # People

    def people(self, at: dt.datetime) -> None:
        day = at.date()
        if at.hour == 11 and dt.date(2026, 1, 14) <= day <= dt.date(2026, 1, 31):
            self.file(day)
        if at.hour == 11:
            self.mend()
        for moment in clock_views.calendar.round_moments():
            if moment.at == at:
                kind, pay_on = moment.key[: moment.key.index("-")], dt.date.fromisoformat(moment.key[-10:])
                self.freeze(pay_on) if kind == "freeze" else self.pay(pay_on)
        if day == dt.date(2026, 1, 22) and at.hour == 11:
            self.insure()
        if day == dt.date(2026, 1, 26) and at.hour == 11:
            self.add_late_lines()
        if day == dt.date(2026, 2, 2) and at.hour == 11:
            self.choose()
        if day == dt.date(2026, 3, 2) and at.hour == 11:
            self.buy_codes(1000)

    def file(self, day: dt.date) -> None:
        """A part of the adults whose line is refundable files, each for all lines of one customer number."""
        born = years_before(day, 19)
        by_customer: dict[str, list[str]] = {}
        for no, row in self.count.lines.items():
            adult = row["birth_date"] and dt.date.fromisoformat(row["birth_date"]) <= born
            if adult and self.count.could_apply(no) and self.count.verdict(no)[1] == "ELIGIBLE":
                by_customer.setdefault(row["customer_no"], []).append(no)
        for number, contracts in sorted(by_customer.items()):
            if self.random.random() > 0.15:
                continue
            holder = Customer.objects.get(pk=number)
            done = submit(holder, *Line.objects.filter(pk__in=contracts), account=make.account(holder))
            assert done.new
            assert not done.elsewhere
            for contract in contracts:
                self.count.refunds[contract] = Refund(day)

    def mend(self) -> None:
        """Those whose account was closed give another one."""
        for contract, refund in self.count.refunds.items():
            if refund.failed:
                row = Application.objects.get(line=contract)
                to = make.account(row.line.customer, number=str(uuid.UUID(int=self.random.getrandbits(128)).int)[:12])
                change.change_account(
                    application_id=row.pk, account_id=to.pk, person_index=bytes(row.filing.person_index)
                )
                refund.failed = False

    def freeze(self, pay_on: dt.date) -> None:
        """Two people bring a round to the bank; it holds what the own count says, to the won."""
        own = self.count.round(pay_on)
        if not own:
            money.refused("EMPTY", batches.freeze, pay_on=pay_on, user=money.maker())
            return
        batch = batches.freeze(pay_on=pay_on, user=money.maker())
        frozen = dict(
            rows(
                "SELECT a.contract_no, i.amount_krw FROM refunds_item i"
                " JOIN refunds_application a ON a.id = i.application_id WHERE i.batch_id = %s AND i.status <> 'VOID'",
                batch.pk,
            )
        )
        self.equal(f"round of {pay_on}", frozen, own)
        batches.approve(batch_id=batch.pk, user=money.checker(), typed_total=sum(own.values()), digest=batch.digest)
        for file in files.create_files(batch_id=batch.pk, user=money.maker()):
            money.hand_over(file)

    def pay(self, pay_on: dt.date) -> None:
        """The bank pays, and returns a few first payments because the account is closed."""
        batch = Batch.objects.filter(pay_on=pay_on).exclude(status="OPEN").first()
        if batch is None:
            return
        for file in batch.files.all():
            answered = []
            for item in Item.objects.filter(file=file).select_related("application").order_by("id"):
                refund = self.count.refunds[item.application.line_id]
                returned = item.attempt == 1 and self.random.random() * 100 < RETURNED_PERCENT
                answered.append((item, "RJCT", "AC04") if returned else (item, "ACSC", ""))
                refund.failed = returned
                refund.paid_krw += 0 if returned else item.amount_krw
            money.load(money.pain002(file, answered))
            bank_account.execution_day(file)
        self.equal(
            f"paid until {pay_on}",
            rows("SELECT coalesce(sum(amount_krw), 0)::bigint, count(*) FROM refunds_item WHERE status = 'PAID'")[0],
            (
                sum(refund.paid_krw for refund in self.count.refunds.values()),
                sum(refund.paid_krw > 0 for refund in self.count.refunds.values()),
            ),
        )

    def add_late_lines(self) -> None:
        late = self.count.late()
        found = set(BaseAddition.objects.filter(state="FOUND").values_list("pk", flat=True))
        self.equal("lines told late", found, late)
        for contract in sorted(late):
            additions.propose(contract_no=contract, by=staff_user("supervisor", username="s1"), reason="개통 확인")
            additions.decide(contract_no=contract, by=staff_user("supervisor", username="s2"), add=True)
            self.count.add(contract, clock.today())

    def insure(self) -> None:
        """A part of the adults who are not insured by age apply for the insurance, each once."""
        born, limit = years_before(clock.today(), 19), years_before(BASE, PERKS["INSURANCE"]["automatic_from_age"])
        for contract in sorted(self.count.having("INSURANCE")):
            row = self.count.lines[contract]
            holder = self.count.person(self.count.base[contract])
            may = limit < dt.date.fromisoformat(row["birth_date"]) <= born and not row["terminated_at"]
            same = holder == self.count.person(row) and holder not in self.count.insured
            if may and same and self.random.random() < 0.1:
                person = Customer.objects.get(pk=row["customer_no"]).person_index
                service.apply(perk_code="INSURANCE", person_index=person)
                self.count.insured.add(holder)

    def choose(self) -> None:
        """A part of the adults choose a service and ask for its code, of which there are few."""
        born = years_before(clock.today(), 19)
        self.buy_codes(CODES)
        for contract in sorted(self.count.having("OTT")):
            row = self.count.lines[contract]
            holds = self.count.person(row) == self.count.person(self.count.base[contract]) and not row["terminated_at"]
            if not (holds and row["birth_date"] and dt.date.fromisoformat(row["birth_date"]) <= born):
                continue
            if self.random.random() < 0.2:
                person = Customer.objects.get(pk=row["customer_no"]).person_index
                service.choose(perk_code="OTT", contract_no=contract, choice_code="TVING", person_index=person)
                service.issue_code(perk_code="OTT", contract_no=contract, person_index=person)
                self.count.chosen.add(contract)
                self.queue.append(contract)
        self.issue()

    def buy_codes(self, number: int) -> None:
        new = [f"CODE-{self.codes + n:05}" for n in range(number)]
        service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=new)
        self.codes += number

    def issue(self) -> None:
        """The codes there are go to those who chose first."""
        waited = [no for no in self.queue if no in self.issued or self.count.lasts(no)]  # an ended line loses its turn
        self.issued = set(waited[: self.codes])
        having = Entitlement.objects.filter(voucher__isnull=False).values_list("contract_no", flat=True)
        self.equal(f"codes issued by {clock.today()}", set(having), self.issued)

    # Comparison

    def messages(self, kind: str, subject: str) -> int:
        return rows("SELECT count(*) FROM notices_message WHERE kind = %s AND subject = %s", kind, subject)[0][0]

    def compare(self, at: dt.datetime) -> None:
        day, count = at.date(), self.count
        if self.new:
            self.equal(
                f"register as of {self.new[-1]}",
                Counter(dict(rows("SELECT outcome, count(*) FROM eligibility_line GROUP BY outcome"))),
                count.outcomes(),
            )
        ten = at.time() == dt.time(10)
        if day == PROGRAMME["programme"]["lookup_opens"] and ten:
            drawn = (self.messages("campaign.left", "opening"), self.messages("campaign.may_leave", "opening"))
            self.equal("news of the first day", drawn, count.told_first(day))
        for item in PROGRAMME["reminder"]:
            if item["send_on"] == day and ten:
                kind = "reminder.last" if item["round"] == len(PROGRAMME["reminder"]) else "reminder"
                drawn = self.messages(kind, f"round-{item['round']}")
                self.equal(f"reminder {item['round']}", drawn, count.reminded(day))
        if day == BASE + dt.timedelta(days=1) and at.time() == dt.time(9):
            count.take_base()
            self.compare_base()
        if day == dt.date(2026, 1, 25) and ten:
            drawn = [self.messages(kind, "INSURANCE") for kind in ("rewards.insured", "rewards.insurance_open")]
            self.equal("news of the insurance", tuple(drawn), count.insurance(day))
        for kind, on in (("rewards.choice_open", dt.date(2026, 2, 1)), ("rewards.choose_soon", dt.date(2026, 7, 24))):
            if day == on and ten:
                self.equal(kind, self.messages(kind, "OTT"), count.choosers(day))
        if day == dt.date(2026, 3, 3) and at.hour == 11:
            self.issue()
        if day.day == 1 and at.time() == dt.time(5) and dt.date(2026, 2, 1) <= day <= dt.date(2026, 7, 1):
            states = dict(rows("SELECT state, count(*) FROM rewards_grant WHERE month = %s GROUP BY state", day))
            self.equal(f"grants of {day:%B}", Counter(states), count.grants(day))

    def compare_base(self) -> None:
        sql = "SELECT contract_no FROM rewards_baseline WHERE why = 'IN_SERVICE'"
        self.equal("base", {no for (no,) in rows(sql)}, set(self.count.base))
        for code in ("DATA_100GB", "ROAMING_50", "OTT", "MEMBERSHIP", "INSURANCE"):
            found = rows("SELECT lines, persons FROM rewards_perkcount WHERE perk = %s", code)[0]
            self.equal(f"perk {code}", found, self.count.holders(code))

    def the_end(self) -> None:
        """Nobody was paid, granted or told twice, every invariant holds, and no act was missed."""
        twice = {
            "paid": "SELECT application_id FROM refunds_item WHERE status = 'PAID' AND kind = 'REFUND' GROUP BY 1",
            "told": "SELECT kind, subject, person_index FROM notices_message GROUP BY 1, 2, 3",
            "granted": "SELECT month, perk, contract_no FROM rewards_grant GROUP BY 1, 2, 3",
        }
        for name, sql in twice.items():
            self.equal(f"{name} twice", rows(f"{sql} HAVING count(*) > 1"), [])
        self.equal("grants to correct", rows("SELECT count(*) FROM rewards_correctedline")[0][0], 0)
        left = {no for no in self.count.refunds if self.count.due_krw(no) > 0}
        self.equal("still due after the last round", left, set())
        assert [finding.code for finding in verify() if finding.count] == []
        open_acts = DatedTask.objects.filter(due_at__lte=clock.now()).exclude(state="DONE")
        assert [f"{act.code} {act.due_at} {act.state} {act.result}" for act in open_acts] == []


@pytest.mark.parametrize("lines", [200, pytest.param(5_000, marks=pytest.mark.soak)])
def test_the_whole_calendar(lines, settings, tmp_path, monkeypatch, record_property):
    settings.DELIVERIES_DIR, settings.HAND_OFF_DIR = str(tmp_path / "deliveries"), str(tmp_path / "hand-off")
    settings.ROUNDS_NEED_APPROVAL, settings.QA_SAMPLE_PERCENT, settings.SMS_PER_SECOND = True, 0, 100_000
    sent: list[str] = []
    groups: dict[str, list[str]] = {}

    def accept(messages, *, sender):
        keys = [message.key for message in messages]
        sent.extend(keys)
        group = f"group-{len(groups)}"
        groups[group] = keys
        return [gateway.GatewayMessage(key, key, group, "2000") for key in keys]

    def delivered(group):
        return [gateway.GatewayMessage(key, key, group, gateway.DELIVERED) for key in groups[group]]

    monkeypatch.setattr(gateway, "send", accept)
    monkeypatch.setattr(gateway, "states", delivered)
    every = schedule._entries.items()
    monkeypatch.setattr(
        schedule, "_entries", {code: entry for code, entry in every if entry.period is None or code in PERIODIC}
    )
    sample_register.write(tmp_path / "deliveries", lines=max(lines, sample_register.smallest()), seed=SEED)
    programme = Programme(Count(tmp_path / "deliveries"))
    programme.run()
    assert len(sent) == len(set(sent)), "no message reached the gateway twice"
    assert programme.compared > 60
    for name, figure in {**programme.figures, "messages sent": len(sent), "compared": programme.compared}.items():
        record_property(name, shown(figure))


def shown(figure: object) -> str:
    """A figure for the report of the run: of lines only their number, and their won."""
    if isinstance(figure, set):
        return f"{len(figure):,} lines"
    if isinstance(figure, dict) and not isinstance(figure, Counter):
        return f"{len(figure):,} lines, {sum(figure.values()):,} won"
    return str(dict(figure) if isinstance(figure, Counter) else figure)
