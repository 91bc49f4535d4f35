"""The stages of a rehearsal in the order of the programme's days.

Each stage names the business time to which the clock moves before it. Its act is safe to repeat: one that was stopped
in the middle goes on by the idempotence of the services. At its end it gives the figures that must close.
"""

import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from benchmarks.rehearse import figures, filing
from benchmarks.rehearse.bank import Bank
from benchmarks.rehearse.channels import Channels
from benchmarks.rehearse.figures import Figure
from benchmarks.rehearse.place import Place, Unfinished
from benchmarks.rehearse.receipts import Receipts
from eligibility import register_clock
from eligibility.feed.deliveries import LOAD_TIME
from kt_remedy.core import clock, programme
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.programme import Payout, Perk, Reminder
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import mailings, preparing
from kt_remedy.notices.models import Mailing, Message
from kt_remedy.staff.models import User
from refunds import reminders
from refunds.payouts import settlement
from rewards.enrolment import grants, working
from rewards.models import HandOff
from rewards.perks.periods import grant_months
from rewards.providers import files
from rewards.service import BASE_AT

# What has been filed after each of the three waves, as a share of all that file.
WAVES = (0.45, 0.8, 1.0)
MENDED_PERCENT = 50
SEED = 20
_DAY, _SOON = dt.timedelta(days=1), dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its name, its business time, its act, and the figures at its end."""

    name: str
    at: dt.datetime
    act: Callable[[], None]
    figures: Callable[[], Iterable[Figure]] = tuple


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is rehearsed: lines that apply, of them on each way over HTTP, and months of grants."""

    refunds: int
    each_channel: int
    months: int


def opening() -> dt.datetime:
    """The business time at which a run begins: the morning of the first day of applications."""
    return clock.kst(programme.current().applications.opens, dt.time(8))


class Rehearsal:
    """The stages of one run at a place."""

    def __init__(self, place: Place, sizes: Sizes, *, start: int) -> None:
        self.place, self.sizes, self.start = place, sizes, start
        self.rules = programme.current()
        self.receipts = Receipts(place.folder / "receipts.csv")
        self.bank = Bank(place)

    def stages(self) -> list[Stage]:
        """Every stage, by business time."""
        window, rounds = self.rules.applications, sorted(self.rules.payouts, key=lambda row: row.pay_on)
        notices = sorted(self.rules.reminders, key=lambda row: row.send_on)
        first, last = window.opens + 2 * _DAY, window.closes
        days = (first, min(notices[1].send_on - _DAY if len(notices) > 1 else last, last), last)
        found = [
            Stage("deliveries loaded and judged", opening(), self.load, self.register_figures),
            Stage("base of the perks", self._base_at() + _SOON, self.take_base, figures.of_base),
            Stage("applications over HTTP", clock.kst(first, dt.time(10)), self.file_over_http, self.receipt_figures),
        ]
        for n, (day, share) in enumerate(zip(days, WAVES, strict=True), 1):
            act = partial(self.file_in_bulk, round(self.sizes.refunds * share))
            found.append(Stage(f"applications, wave {n}", clock.kst(day, dt.time(11)), act, self.receipt_figures))
        for item in notices:
            at = clock.kst(item.send_on, reminders.HOUR) - dt.timedelta(hours=1)
            figure = partial(self.reminder_figures, item)
            found.append(Stage(f"reminder {item.round}", at, partial(self.remind, item), figure))
        for n, row in enumerate(rounds, 1):
            found += self._payout(n, row, last=row == rounds[-1])
        for perk in grants.monthly(self.rules):
            for month in grant_months(perk)[: self.sizes.months]:
                name = f"grant of {month:%Y-%m}"
                act, figure = partial(self.grant, month), partial(self.grant_figures, month, perk)
                # The grant itself is due at night, and waits for the delivery of the morning.
                found.append(Stage(name, clock.kst(month, LOAD_TIME) + _SOON, act, figure))
        end = max(stage.at for stage in found) + _DAY
        found.append(Stage("settlement", end, self.settle, self.end_figures))
        return sorted(found, key=lambda stage: stage.at)

    def _base_at(self) -> dt.datetime:
        return max(clock.kst(self.rules.rewards.base_date + _DAY, BASE_AT), opening())

    def _payout(self, n: int, row: Payout, *, last: bool) -> list[Stage]:
        morning, cut_off_on = clock.kst(row.pay_on, dt.time(11)), clock.kst_date(row.cut_off)
        found = [
            Stage(f"bills before payout {n}", clock.kst(cut_off_on, dt.time(10)), self.release, figures.of_release),
            Stage(f"payout {n} to the bank", row.cut_off + _SOON, partial(self.bank.send, row.pay_on)),
            Stage(f"payout {n} answered", morning, partial(self.bank.answer, row.pay_on)),
            Stage(
                f"payout {n} on the statement", morning + _DAY,
                partial(self.bank.state, row.pay_on), partial(self.bank.figures, row.pay_on),
            ),
        ]  # fmt: skip
        if not last:
            found.append(Stage(f"accounts after payout {n}", morning + _DAY + _SOON, self.mend))
        return found

    # The register and the perks

    def _dated(self, code: str) -> None:
        """Wait until every dated task of a code that is due has ended. Raises Unfinished for one that failed."""
        due = DatedTask.objects.filter(code=code, due_at__lte=clock.now())
        for pk in list(due.values_list("pk", flat=True)):
            schedule.run_again(act_id=pk)  # one that failed before the run was stopped

        def ended() -> bool:
            states = set(due.values_list("state", flat=True))
            if states & {DatedTask.State.FAILED, DatedTask.State.MISSED}:
                raise Unfinished(f"{code} failed: {[task.result for task in due.exclude(state='DONE')]}")
            return states == {DatedTask.State.DONE}

        self.place.wait(ended, code)

    def _periodic(self, code: str) -> None:
        """Let a periodic task fall due, and wait until it has run: it has hours where a rehearsal has seconds."""
        task, asked = PeriodicTask.objects.filter(code=code), dt.datetime.now(dt.UTC)
        task.update(due_at=asked)
        self.place.wait(task.filter(succeeded_at__gt=asked).exists, code)

    def load(self) -> None:
        """The workers load and judge every delivery that has come."""
        self._dated(register_clock.DELIVERY)

    def loaded(self) -> list[Path]:
        """The folders of the deliveries that have come."""
        every = Path(settings.DELIVERIES_DIR).glob("????-??-??")
        return sorted(path for path in every if path.name <= str(clock.today()))

    def register_figures(self) -> Iterator[Figure]:
        """The register beside the files of its deliveries."""
        return figures.of_register(self.loaded())

    def take_base(self) -> None:
        """The workers record the base and give each line its perks."""
        self._dated(working.BASE)

    def grant(self, month: dt.date) -> None:
        """The workers grant a month and write the provider's files."""
        self.load()
        self._dated(working.GRANTS)
        self.place.wait(lambda: not files.waiting().exists(), "the files of a grant")

    def grant_figures(self, month: dt.date, perk: Perk) -> Iterator[Figure]:
        """The grant beside the base, the register and the provider's files."""
        sent = HandOff.objects.filter(shard__perk=perk.code, shard__month=month, shard__kind="GRANT")
        written = [Path(settings.HAND_OFF_DIR) / files.name_of(row) for row in sent]
        return figures.of_grant(month, perk, written)

    # People

    def file_over_http(self) -> None:
        """So many on each way apply over HTTP."""
        self.load()
        self.receipts.take_over()
        Channels(self.place, self.receipts, start=self.start).file(self.sizes.each_channel, filing.applicants())

    def file_in_bulk(self, lines: int) -> None:
        """The services take applications until so many lines are filed."""
        self.load()
        self.receipts.take_over()
        filing.file_in_bulk(lines, self.receipts)

    def receipt_figures(self) -> Iterator[Figure]:
        """The applications beside the receipts."""
        yield Figure("receipts without an application", "held by people", self.receipts.lost(), "none", 0)
        yield from figures.of_applications(self.receipts.by_channel())

    def mend(self) -> None:
        """Half of those whose payment came back name another account."""
        returned = figures.rows(
            "SELECT a.id, l.customer_no FROM refunds_application a JOIN eligibility_line l USING (contract_no)"
            " WHERE a.status = 'NEED_ACCOUNT' AND EXISTS (SELECT FROM refunds_item i WHERE i.application_id = a.id"
            " AND i.status = 'RETURNED' AND i.account_id = a.account_id) ORDER BY a.id"
        )
        chosen = [row for row in returned if random.Random(f"{SEED}:{row[0]}").random() * 100 < MENDED_PERCENT]
        filing.mend_accounts(chosen)

    # Reminders

    def remind(self, item: Reminder) -> None:
        """Two people release a round before its hour; the workers draw it and bring it to the gateway."""
        self.load()
        preparing.prepare()
        kind, subject = reminders._kind(item), reminders._subject(item)
        row = Mailing.objects.get(kind=kind, subject=subject)
        supervisors = [User.objects.get(username=name) for name in ("supervisor", "supervisor2")]
        if row.state == Mailing.State.HELD:
            mailings.check(mailing_id=row.pk, user=supervisors[0], seen=mailings.seal(row))
        row.refresh_from_db()
        if row.state == Mailing.State.CHECKED:
            mailings.approve(mailing_id=row.pk, user=supervisors[1])
        hour = clock.kst(item.send_on, reminders.HOUR)
        if clock.now() < hour:
            clock.move_to(hour)
        due = DatedTask.objects.filter(code="refunds.reminder", due_at=hour, state=DatedTask.State.DONE)
        self.place.wait(due.exists, "the round")
        waiting = (Message.State.QUEUED, Message.State.SENDING)
        under_way = Message.objects.filter(kind=kind, subject=subject, state__in=waiting)
        self.place.wait(lambda: not under_way.exists(), "the messages of the round")

    def reminder_figures(self, item: Reminder) -> Iterator[Figure]:
        """The round beside the people who have not applied, and beside the gateway."""
        log = self.place.folder / "sandbox" / "solapi.jsonl"
        return figures.of_reminder(reminders._kind(item), reminders._subject(item), log)

    # Money

    def release(self) -> None:
        """The workers release the applications whose bill or payment the delivery of the day has told."""
        self.load()
        while figures.number(figures.RELEASABLE):
            self._periodic("refunds.release")

    def settle(self) -> None:
        """Finance takes the settlement sheet of all rounds."""
        self.load()
        maker, _checker = self.bank.people()
        with self._sheet().open("wb") as sheet:
            settlement.write_sheet(to=sheet, user=maker, reason="rehearsal")

    def _sheet(self) -> Path:
        return self.place.folder / "settlement.xlsx"

    def end_figures(self) -> Iterator[Figure]:
        """Everything once more at the end."""
        yield from self.register_figures()
        yield from self.receipt_figures()
        yield from figures.of_settlement(self._sheet())
        yield from figures.of_money()
