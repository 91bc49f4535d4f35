"""The crowd of the sample register: people and their lines, drawn from a seed in the proportions of the real event.

Of 13 million lines 312,902 were forward leavers, 30.9 % of them in the last two days, and some 350,000 retroactive
ones. The people are invented. Only `Random.random` is used: Python promises the same sequence from it in every version,
which it does not for `randrange` or `shuffle`.
"""

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import TypeVar

from kt_remedy.devtools import sample_dates
from kt_remedy.devtools.sample_contracts import Contract, Holder, ci_of, day_of
from kt_remedy.devtools.sample_dates import moved, moved_moment

_ADULT = date(2006, 12, 31)
_SURNAMES = "김김김김김이이이이박박박최최정정강조윤장임한오서신권황안송류전홍고문양손배백허남심노하곽성차주우구민"
_FIRST = "가나다도라로마무바보사서소수시아연영예우원유윤은의이인자재정주준지진찬채태하한해현혜호효희"
_SECOND = (
    "강건결경고광규균기나남담라람림모민범별빈상석선섭성솔송수숙순승식아안연열영옥온용우욱운원윤율은인일정주준진찬철"
    "하한혁현호환훈희"
)
_ROMAN_FAMILY = ("NGUYEN", "TRAN", "PHAM", "WANG", "LI", "ZHAO", "SINGH", "RAHMAN", "SANTOS", "REYES", "IVANOV", "SATO")
_ROMAN_GIVEN = ("AN", "BINH", "CHI", "DUC", "HAO", "JUN", "LING", "MARIA", "NAM", "OLGA", "RAVI", "YUKI", "VAN", "MEI")
_FIRM = ("가람", "나래", "누리", "다솜", "도담", "두레", "마루", "미르", "바다", "보람", "새벽", "아라", "온새", "푸른")
_TRADE = ("물산", "전자", "상사", "산업", "유통", "건설", "식품", "정밀", "화학", "운수")
_MONTHLY = (8_250, 11_000, 12_375, 13_750, 15_125, 16_500, 17_250, 20_625, 22_250, 25_000)

# How many forward leavers went on which day of the window, in thousandths: no porting on Sundays, a wave of delayed
# activations on the 6th, 30.9 % on the last two days.
_FORWARD_DAYS = tuple(date(2025, 12, 31) + timedelta(days=n) for n in range(14))
_FORWARD = tuple(accumulate((31, 24, 48, 57, 0, 84, 92, 66, 67, 70, 82, 70, 154, 155)))
_RETRO_FROM, _RETRO_DAYS = date(2025, 9, 1), 121

# The stories of a line, and how many of a million lines have each. One of each stands behind the cast.
STORIES: tuple[tuple[str, int], ...] = (
    ("stays", 0),  # the rest
    ("forward", 23_300),
    ("retro", 26_200),
    ("forward_settled", 500),
    ("retro_settled", 700),
    ("retro_waived", 300),
    ("unpaid", 500),
    ("rejoined", 700),
    ("returned_home", 400),
    ("transfer", 350),
    ("auto_renewal", 500),
    ("unknown_item", 120),
    ("port_delay", 250),
    ("new", 2_400),
    ("device_change", 2_000),
    ("recontract", 1_500),
    ("forced", 2_600),
    ("mvno", 1_500),
    ("iot", 1_800),
    ("prepaid", 1_200),
    ("no_penalty", 9_500),
    ("before", 9_000),
    ("after", 1_500),
    ("stays_suspended", 9_000),
    ("stays_new", 24_000),
    ("stays_mvno", 28_000),
    ("stays_reissued", 1_200),
    ("joins_later", 2_000),
    ("stays_then_suspended", 2_000),
    ("stays_then_restored", 2_000),
    ("stays_then_transferred", 1_500),
    ("stays_then_taken_over", 500),
    ("stays_told_late", 100),
)
# Names and data of invented price plans.
_PLANS = (
    ("넉넉한 무제한 80", "UNLIMITED"),
    ("든든한 110", "LIMITED"),
    ("알뜰한 5", "LIMITED"),
    ("넉넉한 무제한 100", "UNLIMITED"),
)
_NAMES = tuple(name for name, _share in STORIES)
_STAYS = 1_000_000 - sum(share for _name, share in STORIES)
_BOUNDS = tuple(accumulate((_STAYS, *(share for _name, share in STORIES[1:]))))


def contracts(lines: int, seed: int) -> Iterator[Contract]:
    """So many lines, one of each story first; a person has one to four of them."""
    crowd = _Crowd(seed)
    holder: Holder | None = None
    left = 0
    for number in range(lines):
        if holder is None or left == 0:
            holder = crowd.holder()
            left = 1 + bisect((0.70, 0.90, 0.97), crowd.draw())
        left -= 1
        story = _NAMES[number] if number < len(_NAMES) else _NAMES[bisect(_BOUNDS, crowd.draw() * 1_000_000)]
        yield crowd.contract(number, holder, story)


_Choice = TypeVar("_Choice")


class _Crowd:
    """Draws people and their lines from a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.draw = random.Random(seed).random
        self.people = 0
        self.taker: Holder | None = None  # a person of an earlier line that stays
        self.ended = _RETRO_FROM  # of the line at hand, as a day of the sample
        self.free_number = ""  # of a line cancelled long enough ago to belong to somebody else today

    def pick(self, choices: Sequence[_Choice]) -> _Choice:
        return choices[int(self.draw() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.draw() * (high - low + 1))

    def moment(self, day: date) -> str:
        """An hour of a day of the sample, on the day of the programme that it stands for."""
        return f"{moved(day)}T{self.between(9, 20):02d}:{self.between(0, 59):02d}"

    def holder(self) -> Holder:
        self.people += 1
        number, kind = f"{300_000_000 + self.people}", self.draw()
        if kind < 0.045:
            name = f"{self.pick(('주식회사 ', '주식회사 ', '(주)'))}{self.pick(_FIRM)}{self.pick(_TRADE)}"
            return Holder(number, name, kind="CORPORATE")
        age, ci = self.draw(), ci_of(f"{self.seed}:{self.people}")
        if age < 0.06:
            born = date(2007, 2, 1) + timedelta(days=self.between(0, 365 * 11))
        elif age < 0.23:
            born = date(1935, 1, 1) + timedelta(days=self.between(0, 365 * 26 + 19))
        else:
            born = date(1961, 1, 20) + timedelta(days=self.between(0, 365 * 45))
        if kind < 0.07:
            name = f"{self.pick(_ROMAN_FAMILY)} {self.pick(_ROMAN_GIVEN)} {self.pick(_ROMAN_GIVEN)}"
            # Some foreigners were registered before there was connecting information for them.
            return Holder(number, name, "" if self.draw() < 0.1 else ci, str(born), "FOREIGNER")
        name = self.pick(_SURNAMES) + self.pick(_FIRST) + self.pick(_SECOND)
        guardian = ci_of(f"{self.seed}:{self.people}:guardian") if born > _ADULT and self.draw() < 0.9 else ""
        return Holder(number, name, ci, str(born), guardian_ci=guardian)

    def contract(self, number: int, holder: Holder, story: str) -> Contract:
        contract = Contract(
            contract_no=f"{500_000_000 + number}",
            holder=holder,
            # A permutation of 30,000,000 to 99,999,999: no number twice unless it is re-issued on purpose.
            msisdn=f"010{30_000_000 + number * 37_612_347 % 70_000_000}",
            opened="",
        )
        if self.draw() < 0.08:
            contract.contact = f"010{30_000_000 + (number * 37_612_347 + 35_000_000) % 70_000_000}"
        if holder.guardian_ci or holder.kind == "CORPORATE":
            contract.contact = contract.contact or f"010{30_000_000 + self.between(0, 69_999_999)}"
        self._commit(contract, story)
        if contract.product in {"HANDSET", "TABLET"} and number % 10:  # billing does not know the plan of every line
            contract.plan = _PLANS[number % len(_PLANS)]
        getattr(self, f"_{story}")(contract)
        if story == "stays":
            self.taker = holder
        return contract

    def _commit(self, contract: Contract, story: str) -> None:
        """A device and a running contract made before September 2025; a story may change it afterwards."""
        kind, draw = self.draw(), self.draw
        device = draw()
        if device < 0.83 or not story.startswith("stays"):
            contract.product = "HANDSET" if device < 0.90 else self.pick(("WATCH", "TABLET"))
        else:
            contract.product = "IOT" if device < 0.93 else self.pick(("WATCH", "TABLET", "PREPAID"))
        bare = contract.product in {"IOT", "PREPAID"} or (kind > 0.88 and story == "stays")
        started = date(2023, 12, 20) + timedelta(days=self.between(0, 560))
        contract.started = contract.opened = self.moment(started)
        if draw() < 0.55 and not bare:
            contract.opened = self.moment(started - timedelta(days=self.between(400, 3_600)))
            contract.event = self.pick(("DEVICE_CHANGE", "RECONTRACT", "RECONTRACT"))
        if bare:
            contract.kind, contract.months = "NONE", 0
        elif kind < 0.3:
            contract.kind = "SUBSIDY"
            contract.subsidy = self.between(6, 60) * 10_000
            contract.extra = contract.subsidy * 15 // 100 if draw() < 0.6 else 0
        else:
            contract.monthly = self.pick(_MONTHLY)
            if started > date(2025, 1, 20) and draw() < 0.25:
                contract.months = 12
        if draw() < 0.03:
            contract.suspended_days = self.between(5, 60)

    # How a line ended

    def _end(self, contract: Contract, day: date, reason: str = "") -> None:
        contract.ended, self.ended = self.moment(day), day
        porting = day.weekday() != 6 and contract.product == "HANDSET" and self.draw() < 0.9
        contract.reason = reason or ("PORT_OUT" if porting else "CANCEL")
        if contract.reason == "PORT_OUT":
            contract.asked = f"{moved(day)}T08:{self.between(0, 59):02d}"
        if contract.reason == "CANCEL" and day < date(2025, 10, 15):
            self.free_number = contract.msisdn

    def _forward_day(self) -> date:
        return _FORWARD_DAYS[bisect(_FORWARD, self.draw() * 1_000)]

    def _retro_day(self) -> date:
        return _RETRO_FROM + timedelta(days=self.between(0, _RETRO_DAYS - 1))

    def _some_day(self) -> date:
        return self._retro_day() if self.draw() < 0.55 else self._forward_day()

    def _bill_day(self, contract: Contract) -> tuple[date, bool]:
        """Usage of a month is billed about the middle of the next; leavers whose pay day comes before that have their
        bill early (D-61), which is the second value."""
        end = day_of(contract.ended)
        if sample_dates.EARLY_FROM and end >= sample_dates.EARLY_FROM:
            return sample_dates.EARLY_BILLS + timedelta(days=self.between(0, 5)), True
        year, month = divmod(end.year * 12 + end.month, 12)
        return date(year, month + 1, self.between(13, 18)), False

    def _billed(self, contract: Contract, *, settled: bool = False, waived: bool = False, paid: bool = True) -> None:
        (on, early), how = self._bill_day(contract), self.draw()
        late = on + timedelta(days=self.between(1, 20 if early else 14))
        for item, amount in contract.penalties():
            if settled:
                contract.bill(item, on, amount, paid_on=on, refunded=amount)
            elif waived:
                contract.bill(item, on, amount, waived=amount)
            elif not paid:
                contract.bill(item, on, amount, paid=0 if how < 0.6 else amount // 2)
            elif how < 0.80:
                contract.bill(item, on, amount, paid_on=on)
            elif how < 0.97:
                contract.bill(item, on, amount, paid_on=late)
            else:
                contract.bill(item, on, amount, paid_on=on, waived=amount // 20 * 10)
        if self.draw() < 0.35:
            contract.bill("DEVICE_INSTALMENT", on, self.between(5, 60) * 10_000, paid_on=on)
        if self.draw() < 0.5:
            contract.bill("USAGE", on, self.between(100, 9_000) * 10, paid_on=on)
        if self.draw() < 0.03:
            contract.bill("PLAN_DIFFERENCE", on, self.between(1, 12) * 5_000, paid_on=on)

    # The stories

    def _forward(self, contract: Contract) -> None:
        self._end(contract, self._forward_day())
        self._billed(contract)

    def _retro(self, contract: Contract) -> None:
        self._end(contract, self._retro_day())
        self._billed(contract)

    def _forward_settled(self, contract: Contract) -> None:
        """An MVNO would take the number only with the penalty settled, so it was."""
        self._end(contract, self._forward_day(), "PORT_OUT")
        self._billed(contract, settled=True)

    def _retro_settled(self, contract: Contract) -> None:
        self._end(contract, self._retro_day())
        self._billed(contract, settled=True)

    def _retro_waived(self, contract: Contract) -> None:
        """Victims of the micropayments, whose penalty was taken off the bill."""
        self._end(contract, date(2025, 10, 1) + timedelta(days=self.between(0, 60)))
        self._billed(contract, waived=True)

    def _unpaid(self, contract: Contract) -> None:
        self._end(contract, self._retro_day())
        self._billed(contract, paid=False)

    def _rejoined(self, contract: Contract) -> None:
        self._end(contract, self._retro_day(), "PORT_OUT")
        days = timedelta(days=self.between(1, 20))
        contract.rejoined = f"{day_of(contract.ended) + days}{self.moment(self.ended)[10:]}"
        self._billed(contract)

    def _returned_home(self, contract: Contract) -> None:
        """Cancelled rather than ported; the number is locked for 29 days and then somebody else's."""
        self._end(contract, date(2025, 9, 1) + timedelta(days=self.between(0, 40)), "CANCEL")
        self._billed(contract)

    def _transfer(self, contract: Contract) -> None:
        contract.committed, contract.event = contract.started, "TRANSFER"
        contract.started = self.moment(date(2025, 9, 1) + timedelta(days=self.between(0, 60)))
        self._end(contract, date(2025, 11, 10) + timedelta(days=self.between(0, 64)))
        self._billed(contract)

    def _auto_renewal(self, contract: Contract) -> None:
        contract.kind, contract.months, contract.subsidy, contract.extra = "DISCOUNT", 12, 0, 0
        contract.monthly, contract.event = self.pick(_MONTHLY), "AUTO_RENEWAL"
        started = date(2025, 9, 1) + timedelta(days=self.between(0, 60))
        contract.opened, contract.started = f"{moved(started) - timedelta(days=365)}T10:00", f"{moved(started)}T00:00"
        self._end(contract, date(2025, 11, 10) + timedelta(days=self.between(0, 64)))
        self._billed(contract)

    def _unknown_item(self, contract: Contract) -> None:
        self._end(contract, self._retro_day())
        self._billed(contract)
        on, _early = self._bill_day(contract)
        contract.bill("OLD_CLAWBACK", on, self.between(10, 90) * 1_000, paid_on=on)

    def _port_delay(self, contract: Contract) -> None:
        contract.product = "HANDSET"
        self._end(contract, date(2026, 1, self.between(14, 16)), "PORT_OUT")
        contract.asked = f"{moved('2026-01-13')}T{self.between(9, 23):02d}:{self.between(0, 59):02d}"
        self._billed(contract)

    def _since_base(self, contract: Contract, event: str) -> None:
        contract.event = event
        started = date(2025, 9, 1) + timedelta(days=self.between(0, 100))
        contract.started = self.moment(started)
        if event == "NEW":
            contract.opened = contract.started
        self._end(contract, started + timedelta(days=self.between(5, 34)))
        self._billed(contract)

    def _new(self, contract: Contract) -> None:
        self._since_base(contract, "NEW")

    def _device_change(self, contract: Contract) -> None:
        self._since_base(contract, "DEVICE_CHANGE")

    def _recontract(self, contract: Contract) -> None:
        self._since_base(contract, "RECONTRACT")

    def _forced(self, contract: Contract) -> None:
        self._end(contract, self._some_day(), "FORCED")
        self._billed(contract, paid=self.draw() < 0.2)

    def _mvno(self, contract: Contract) -> None:
        contract.network = "MVNO"
        self._end(contract, self._some_day())
        self._billed(contract)

    def _iot(self, contract: Contract) -> None:
        contract.product, contract.kind, contract.months = "IOT", "NONE", 0
        contract.subsidy = contract.extra = 0
        self._end(contract, self._some_day(), "CANCEL")

    def _prepaid(self, contract: Contract) -> None:
        contract.product, contract.kind, contract.months = "PREPAID", "NONE", 0
        contract.subsidy = contract.extra = 0
        self._end(contract, self._some_day(), "CANCEL")

    def _no_penalty(self, contract: Contract) -> None:
        contract.started = self.moment(date(2021, 1, 10) + timedelta(days=self.between(0, 900)))
        contract.opened = min(contract.opened, contract.started)
        contract.suspended_days = 0
        if contract.months == 12:
            contract.months = 24
        self._end(contract, self._some_day())
        self._billed(contract)

    def _before(self, contract: Contract) -> None:
        self._end(contract, date(2025, 7, 20) + timedelta(days=self.between(0, 42)))
        self._billed(contract)

    def _after(self, contract: Contract) -> None:
        self._end(contract, date(2026, 1, 15) + timedelta(days=self.between(0, 35)))
        contract.asked = contract.ended[:11] + "08:30" if contract.reason == "PORT_OUT" else ""
        on = min(day_of(contract.ended) + timedelta(days=20), moved("2026-02-28"))
        for item, amount in contract.penalties():
            contract.bill(item, on, amount)

    def _stays(self, contract: Contract) -> None:
        """Most lines stay."""

    def _stays_suspended(self, contract: Contract) -> None:
        contract.suspended, contract.suspended_days = True, self.between(3, 90)

    def _stays_then_suspended(self, contract: Contract) -> None:
        contract.product = "HANDSET"
        contract.changes.append((self.moment(date(2026, 1, 20) + timedelta(days=self.between(0, 35))), True))

    def _stays_then_restored(self, contract: Contract) -> None:
        contract.product, contract.suspended = "HANDSET", True
        contract.changes.append((self.moment(date(2026, 1, 20) + timedelta(days=self.between(0, 35))), False))

    def _stays_then_transferred(self, contract: Contract) -> None:
        """To a new customer."""
        contract.product = "HANDSET"
        contract.changes.append((self.moment(date(2026, 1, 20) + timedelta(days=self.between(0, 35))), self.holder()))

    def _stays_then_taken_over(self, contract: Contract) -> None:
        """To a person who has lines already, of whom this crowd knows the last one."""
        contract.product = "HANDSET"
        moment = self.moment(date(2026, 1, 20) + timedelta(days=self.between(0, 35)))
        taker = self.taker if self.taker and self.taker != contract.holder else self.holder()
        contract.changes.append((moment, taker))

    def _stays_told_late(self, contract: Contract) -> None:
        """Opened before the end of the base date and told after it (D-77)."""
        contract.product, contract.event = "HANDSET", "NEW"
        contract.opened = contract.started = self.moment(date(2026, 1, self.between(5, 13)))
        contract.told = moved_moment(f"2026-01-{self.between(16, 19)}T09:00")

    def _stays_new(self, contract: Contract) -> None:
        contract.event = self.pick(("NEW", "DEVICE_CHANGE", "RECONTRACT"))
        if contract.kind == "NONE":
            contract.event = "NEW"
        contract.started = self.moment(date(2025, 9, 1) + timedelta(days=self.between(0, 120)))
        if contract.event == "NEW":
            contract.opened = contract.started

    def _stays_mvno(self, contract: Contract) -> None:
        contract.network, contract.kind, contract.months = "MVNO", "NONE", 0
        contract.subsidy = contract.extra = 0
        if contract.product == "IOT":
            contract.product = "HANDSET"

    def _stays_reissued(self, contract: Contract) -> None:
        """A new customer on a number that was somebody else's until September or October."""
        contract.product, contract.event = "HANDSET", "NEW"
        contract.opened = contract.started = self.moment(date(2025, 11, 20) + timedelta(days=self.between(0, 35)))
        if contract.kind == "NONE":
            contract.kind, contract.months, contract.monthly = "DISCOUNT", 24, 13_750
        contract.msisdn, self.free_number = self.free_number or contract.msisdn, ""

    def _joins_later(self, contract: Contract) -> None:
        contract.event = "NEW"
        contract.opened = contract.started = self.moment(date(2026, 1, 1) + timedelta(days=self.between(0, 50)))
