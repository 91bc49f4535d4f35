"""An invented register: dated deliveries in the shape of the real event, the same bytes for the same size and seed.

Its days are written for a waiver from 1 September to 13 January and moved to those of the programme file
(`sample_dates`). The proportions are those of one carrier's waiver as published: of 13 million lines 312,902 forward
leavers, 30.9 % of them in the last two days, some 350,000 retroactive ones. The people are not. A small cast stands at
the top of the first delivery; `people.json` tells who they are, so that a stand-in for identity verification can play
them.

This is the billing system's side of the story, so it knows nothing of the portal's rules: it computes the penalties
it bills by itself and cuts them to 10 won, as carriers do. Only `Random.random` is used: Python promises the same
sequence from it in every version, which it does not for `randrange` or `shuffle`.
"""

import base64
import hashlib
import json
import random
from bisect import bisect, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO, TypeVar

from kt_remedy.core import programme
from kt_remedy.devtools import sample_dates
from kt_remedy.devtools.sample_dates import OTHER_CARRIER, OWN_CARRIER, THIRD_CARRIER, moved, moved_moment

# A delivery tells what happened before its day.
DELIVERIES = sample_dates.deliveries()
LINE_COLUMNS = (
    "contract_no",
    "customer_no",
    "ci",
    "guardian_ci",
    "holder_kind",
    "holder_name",
    "birth_date",
    "msisdn",
    "contact_msisdn",
    "network",
    "product",
    "opened_at",
    "contract_type",
    "contract_event",
    "contract_started_at",
    "commitment_started_at",
    "contract_months",
    "subsidy_krw",
    "extra_subsidy_krw",
    "discount_krw",
    "suspended_days",
    "status",
    "terminated_at",
    "termination_reason",
    "port_requested_at",
    "rejoined_at",
    "plan_name",
    "plan_data",
)
BILL_COLUMNS = ("contract_no", "item", "billed_on", "billed_krw", "paid_krw", "waived_krw", "refunded_krw")

OWN = programme.current().carrier.network  # the carrier's own code
_SHUFFLED = 20_000  # bills waiting to be written in another order than the lines
_ADULT = date(2006, 12, 31)


@dataclass(frozen=True, slots=True)
class Holder:
    """Holder of a line. `ci` and `birth_date` are empty for a company."""

    customer_no: str
    name: str
    ci: str = ""
    birth_date: str = ""
    kind: str = "PERSON"
    guardian_ci: str = ""


@dataclass(slots=True)
class Contract:
    """A line's whole life as the billing system will tell it. Times are KST, written `2025-12-31T10:00`."""

    contract_no: str
    holder: Holder
    msisdn: str
    opened: str
    started: str = ""  # running contract; empty: since it was opened
    committed: str = ""  # commitment; empty: since the running contract
    event: str = "NEW"
    kind: str = "DISCOUNT"
    months: int = 24
    subsidy: int = 0
    extra: int = 0
    monthly: int = 0  # discount a month
    contact: str = ""
    network: str = OWN
    product: str = "HANDSET"
    suspended_days: int = 0
    suspended: bool = False
    ended: str = ""
    reason: str = ""
    asked: str = ""  # when the port-out was asked for
    rejoined: str = ""
    told: str = ""  # when billing first told the line, if later than it was opened
    plan: tuple[str, str] = ("", "")  # name and kind of data, where billing says
    # What happened to a line that stays, in order: the day, and suspended or not, or the new holder (D-48, D-57).
    changes: list[tuple[str, "bool | Holder"]] = field(default_factory=list)
    bills: list[tuple[date, tuple[str, str, int, int, int, int]]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[date, str]]:
        """The line as it is told: since when, and the row without its end of line."""
        opened = _day(self.told or self.opened)
        if not self.ended:
            yield opened, self._row("SUSPENDED" if self.suspended else "ACTIVE", DELIVERIES[0], False)
            yield from self._later_rows()
            return
        ended = _day(self.ended)
        if ended >= DELIVERIES[0]:
            yield opened, self._row("ACTIVE", DELIVERIES[0], False)
        yield ended, self._row("TERMINATED", ended, False)
        if self.rejoined:
            yield _day(self.rejoined), self._row("TERMINATED", ended, True)

    def _later_rows(self) -> Iterator[tuple[date, str]]:
        """The line after each of its changes. A transfer keeps the start of the commitment (D-14)."""
        now = replace(self)
        for moment, change in self.changes:
            if isinstance(change, Holder):
                committed = now.committed or now.started or now.opened
                now = replace(now, holder=change, event="TRANSFER", started=moment, committed=committed)
            else:
                now = replace(now, suspended=change)
            yield _day(moment), now._row("SUSPENDED" if now.suspended else "ACTIVE", DELIVERIES[0], False)

    def _row(self, status: str, on: date, rejoined: bool) -> str:
        holder, ended = self.holder, status == "TERMINATED"
        started = self.started or self.opened
        return ",".join(
            (
                self.contract_no,
                holder.customer_no,
                holder.ci,
                holder.guardian_ci,
                holder.kind,
                holder.name,
                holder.birth_date,
                self.msisdn,
                self.contact,
                self.network,
                self.product,
                self.opened + "+09:00",
                self.kind,
                self.event,
                started + "+09:00",
                (self.committed or started) + "+09:00",
                str(self.months),
                str(self.subsidy),
                str(self.extra),
                str(self.discount(on)),
                str(self.suspended_days),
                status,
                self.ended + "+09:00" if ended else "",
                self.reason if ended else "",
                self.asked + "+09:00" if self.asked and _day(self.asked) <= on else "",
                self.rejoined + "+09:00" if rejoined else "",
                *self.plan,
            )
        )

    def discount(self, on: date) -> int:
        """Discounts received until `on`, in won."""
        if self.kind != "DISCOUNT":
            return 0
        start = _day(self.committed or self.started or self.opened)
        months = (on.year - start.year) * 12 + on.month - start.month
        return self.monthly * max(0, min(self.months, months))

    def penalties(self) -> list[tuple[str, int]]:
        """Items that billing charges at the end of the line, with their won."""
        if self.kind == "NONE":
            return []
        start, end = _day(self.committed or self.started or self.opened), _day(self.ended)
        year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
        # The day before the same day of the last month; the first of the next where that month is too short.
        day = min(start.day, (date(year + (month == 11), (month + 1) % 12 + 1, 1) - date(year, month + 1, 1)).days)
        total = (date(year, month + 1, day) - start).days
        used = (end - start).days + 1 - self.suspended_days
        grace = {12: 90, 24: 180}[self.months]
        amounts = (
            (("DISCOUNT_CLAWBACK", self.discount(end)),)
            if self.kind == "DISCOUNT"
            else (("SUBSIDY_CLAWBACK", self.subsidy), ("EXTRA_SUBSIDY_CLAWBACK", self.extra))
        )
        asked = []
        for item, received in amounts:
            owed = received
            if used > grace:
                owed = received * max(0, total - used) // (total - grace)
            if owed >= 10:
                asked.append((item, owed // 10 * 10))
        return asked

    def bill(
        self,
        item: str,
        on: str | date,
        billed: int,
        *,
        paid_on: str | date = "",
        paid: int = 0,
        waived: int = 0,
        refunded: int = 0,
    ) -> None:
        """Bill an item on a day, `paid` of it at once; `paid_on` names the day the rest is paid."""
        day = _as_date(on)
        self.bills.append((day, (item, str(day), billed, paid, waived, refunded)))
        if paid_on:
            self.bills.append((_as_date(paid_on), (item, str(day), billed, billed - waived, waived, refunded)))


@dataclass(frozen=True, slots=True)
class Person:
    """One of the cast, as a stand-in for identity verification needs to know them."""

    key: str
    name: str
    birth_date: str
    phone: str
    carrier: str
    story: tuple[str, str]
    kind: str = "PERSON"
    guardian: str = ""

    @property
    def ci(self) -> str:
        """The connecting information; companies have none."""
        return "" if self.kind == "CORPORATE" else ci_of(f"cast:{self.key}")

    @property
    def holder(self) -> Holder:
        """The person as a holder of lines."""
        return Holder(
            customer_no=f"K{self.phone[-8:]}",
            name=self.name,
            ci=self.ci,
            birth_date=self.birth_date,
            kind=self.kind,
            guardian_ci=ci_of(f"cast:{self.guardian}") if self.guardian else "",
        )


def ci_of(person: str) -> str:
    """88 characters of connecting information, the same for the same person everywhere.

    The cast are "cast:<key>" ("cast:hong"), the crowd "<seed>:<number>".
    """
    return base64.b64encode(hashlib.sha512(f"ci:{person}".encode()).digest()).decode()


CAST = (
    Person(
        "hong",
        "홍길동",
        "1985-03-14",
        "01020260101",
        OTHER_CARRIER,
        (
            "회선 셋: {m:2025-12-22}에 번호이동한 휴대폰, {m:2025-10-03}에 기기변경한 태블릿, 계속 쓰는 회선",
            "Three lines: a phone ported out in {m:2025-12-22}, a tablet with a device change in {m:2025-10-03},"
            " one that stays",
        ),
    ),
    Person(
        "wolmae",
        "김월매",
        "1955-05-02",
        "01020260102",
        OWN_CARRIER,
        (
            "70세: {m:2025-09-24}에 해지한 워치와 계속 쓰는 휴대폰",
            "70 years old: a watch cancelled in {m:2025-09-24} and a phone that stays",
        ),
    ),
    Person(
        "mong",
        "이몽룡",
        "1992-08-21",
        "01020260103",
        THIRD_CARRIER,
        (
            "{d:2026-01-12}에 번호이동",
            "Ported out on {d:2026-01-12}",
        ),
    ),
    Person(
        "chun",
        "성춘향",
        "1990-05-05",
        "01020260104",
        OTHER_CARRIER,
        (
            "위약금이 아직 미납: {d:2026-01-28}에 내면 다음 지급일에 받습니다",
            "The penalty is unpaid; she pays on {d:2026-01-28} and is refunded in the next round",
        ),
    ),
    Person(
        "ong",
        "옹고집",
        "1979-11-30",
        "01020260105",
        "MVNO",
        (
            "알뜰폰으로 옮기며 위약금이 이미 정산되어 더 돌려받을 금액이 없습니다",
            "Moved to an MVNO; the penalty was settled on the way, so nothing is left to refund",
        ),
    ),
    Person(
        "lan",
        "TRAN THI LAN",
        "1996-01-17",
        "01020260106",
        OTHER_CARRIER,
        (
            "외국인: {m:2025-10-27}에 번호이동",
            "A foreigner who ported out in {m:2025-10-27}",
        ),
        kind="FOREIGNER",
    ),
    Person(
        "kong",
        "김콩쥐",
        "2011-07-20",
        "01020260107",
        THIRD_CARRIER,
        (
            "미성년자: 보호자(김진사)가 신청합니다",
            "A minor: her guardian (김진사) applies for her",
        ),
        guardian="jinsa",
    ),
    Person(
        "jinsa",
        "김진사",
        "1980-02-29",
        "01020260108",
        OWN_CARRIER,
        ("김콩쥐의 보호자, 본인 회선은 계속 사용", "Guardian of 김콩쥐; keeps his own line"),
    ),
    Person(
        "hanbit",
        "주식회사 달빛물산",
        "",
        "01020260109",
        OWN_CARRIER,
        ("법인: 매장에서만 신청합니다", "A company: applies at a store only"),
        kind="CORPORATE",
    ),
    Person(
        "bae",
        "배비장",
        "1988-09-09",
        "01020260110",
        OTHER_CARRIER,
        (
            "{d:2026-01-13}에 번호이동을 신청했지만 {D:2026-01-14}에 완료: 담당자가 확인합니다",
            "Asked to port out on {d:2026-01-13}, completed a day later: a person decides",
        ),
    ),
    Person(
        "sim",
        "심청",
        "2001-04-08",
        "01020260111",
        THIRD_CARRIER,
        (
            "1년+1년 약정이 {m:2025-10-01}에 자동 갱신된 회선",
            "A 1+1 year commitment that was renewed by itself in {m:2025-10-01}",
        ),
    ),
    Person(
        "byeon",
        "변학도",
        "1975-12-12",
        "01020260112",
        "MVNO",
        (
            "{m:2025-09-10}에 해지한 번호는 지금 다른 사람의 번호입니다: 그 번호로는 안내하지 않습니다",
            "His number of {m:2025-09-10} belongs to somebody else today: no message goes to it",
        ),
    ),
    Person(
        "heo",
        "허생",
        "1999-06-15",
        "01020260113",
        OWN_CARRIER,
        (
            "변학도가 쓰던 번호를 {m:2025-11-01}에 새로 개통",
            "Took over 변학도's old number in {m:2025-11-01} as a new customer",
        ),
    ),
    Person(
        "jeon",
        "전우치",
        "1983-10-03",
        "01020260114",
        OWN_CARRIER,
        (
            "{m:2025-11-20}에 떠났다가 {m:2025-12-29}에 다시 가입",
            "Left in {m:2025-11-20} and came back in {m:2025-12-29}",
        ),
    ),
    Person(
        "heung",
        "박흥부",
        "1968-01-25",
        "01020260115",
        OTHER_CARRIER,
        ("약정이 끝난 뒤 해지: 위약금이 없었습니다", "Left after the commitment had ended: there was no penalty"),
    ),
    Person(
        "nol",
        "박놀부",
        "1965-03-03",
        "01020260116",
        THIRD_CARRIER,
        ("직권해지: 대상이 아니며 이의를 신청할 수 있습니다", "Terminated by the carrier: excluded, may object"),
    ),
    Person(
        "hyang",
        "남궁향단",
        "1994-12-01",
        "01020260117",
        OTHER_CARRIER,
        (
            "{m:2025-10-20}에 명의를 넘겨받은 회선",
            "Took over a line in {m:2025-10-20}",
        ),
    ),
    Person(
        "bang",
        "방자",
        "1981-07-07",
        "01020260118",
        THIRD_CARRIER,
        (
            "청구서에 알 수 없는 항목: 담당자가 확인합니다",
            "An unknown item on the bill: a person decides",
        ),
    ),
    Person(
        "pat",
        "최팥쥐",
        "2008-02-11",
        "01020260119",
        OWN_CARRIER,
        (
            "17세, 계속 사용: 보호자의 동의가 필요합니다",
            "17 years old, stays: the guardian has to consent",
        ),
        guardian="jinsa",
    ),
    Person(
        "jara",
        "별주부",
        "1960-12-30",
        "01020260120",
        OWN_CARRIER,
        (
            "{d:2026-02-20}까지 일시정지된 회선",
            "A line suspended until {d:2026-02-20}",
        ),
    ),
    Person(
        "ung",
        "장화진",
        "1987-04-19",
        "01020260121",
        OWN_CARRIER,
        (
            "{d:2026-02-10}에 명의를 넘긴 회선과 계속 쓰는 회선",
            "Gave a line away on {d:2026-02-10} and keeps one",
        ),
    ),
    Person(
        "yeon",
        "배홍련",
        "1991-09-27",
        "01020260122",
        OWN_CARRIER,
        (
            "{d:2026-02-10}에 명의를 넘겨받은 회선, 제 회선은 {d:2026-02-05}부터 정지",
            "Took a line over on {d:2026-02-10}; the own line is suspended from {d:2026-02-05}",
        ),
    ),
    Person(
        "noeul",
        "황노을",
        "1993-02-08",
        "01020260123",
        OWN_CARRIER,
        (
            "{d:2026-01-10}에 개통했지만 늦게 전해진 회선: 두 사람이 확인해 대상에 더합니다",
            "A line opened on {d:2026-01-10} and told late: two members of staff add it to the base",
        ),
    ),
)


def cast_contracts() -> list[Contract]:
    """The lines of the cast, in the order of their stories."""
    who = {person.key: person for person in CAST}
    old_number = "01020260912"

    def line(key: str, number: int, opened: str, **rest: Any) -> Contract:
        rest.setdefault("msisdn", who[key].phone)
        opened = moved_moment(opened)
        for name in ("started", "committed", "ended", "asked", "rejoined", "told"):
            if name in rest:
                rest[name] = moved_moment(rest[name])
        rest["changes"] = [(moved_moment(moment), change) for moment, change in rest.get("changes", [])]
        return Contract(f"CAST-{who[key].phone[-3:]}-{number}", who[key].holder, opened=opened, **rest)

    def billed(contract: Contract, on: str, paid: str = "", **amounts: int) -> Contract:
        for item, amount in contract.penalties():
            contract.bill(item, moved(on), amount, paid_on=moved(paid) if paid else "", **amounts)
        return contract

    lines = [
        line("hong", 1, "2021-11-05T11:20", started="2024-11-05T11:20", event="DEVICE_CHANGE", monthly=16_500,
             ended="2025-12-22T15:42", reason="PORT_OUT", asked="2025-12-22T14:05"),
        line("hong", 2, "2023-06-10T10:00", started="2025-10-03T13:30", event="DEVICE_CHANGE", kind="SUBSIDY",
             subsidy=120_000, product="TABLET", msisdn="01020260201", ended="2026-01-05T18:10", reason="CANCEL"),
        line("hong", 3, "2019-02-01T09:30", started="2024-08-20T17:00", event="RECONTRACT", monthly=13_750,
             msisdn="01020260301"),
        line("wolmae", 1, "2024-12-01T10:10", kind="SUBSIDY", subsidy=45_000, product="WATCH", msisdn="01020260202",
             contact="01020260102", ended="2025-09-24T11:00", reason="CANCEL"),
        line("wolmae", 2, "2015-04-13T10:00", started="2024-04-13T10:00", event="RECONTRACT", monthly=8_250),
        line("mong", 1, "2024-06-18T12:00", kind="SUBSIDY", subsidy=345_000, extra=51_750,
             ended="2026-01-12T16:20", reason="PORT_OUT", asked="2026-01-12T15:00"),
        line("chun", 1, "2024-09-15T12:00", monthly=17_250, ended="2025-12-15T13:00", reason="PORT_OUT",
             asked="2025-12-15T12:30"),
        line("ong", 1, "2024-10-10T12:00", monthly=11_000, ended="2025-11-18T13:00", reason="PORT_OUT",
             asked="2025-11-18T10:30"),
        line("lan", 1, "2024-12-20T12:00", monthly=12_100, ended="2025-10-27T19:00", reason="PORT_OUT",
             asked="2025-10-27T18:00"),
        line("kong", 1, "2024-11-30T12:00", monthly=8_250, contact="01020260108", ended="2026-01-02T11:00",
             reason="PORT_OUT", asked="2026-01-02T10:30"),
        line("kong", 2, "2024-11-30T12:30", kind="SUBSIDY", subsidy=60_000, product="WATCH", msisdn="01020260207",
             contact="01020260108", ended="2025-12-05T11:00", reason="CANCEL"),
        line("jinsa", 1, "2012-03-04T10:00", started="2025-02-14T10:00", event="RECONTRACT", monthly=22_250),
        line("hanbit", 1, "2024-07-01T10:00", monthly=12_375, contact="01020260199", ended="2025-12-31T17:00",
             reason="PORT_OUT", asked="2025-12-31T16:00"),
        line("hanbit", 2, "2024-07-01T10:05", monthly=12_375, msisdn="01020260209", contact="01020260199",
             ended="2025-12-31T17:05", reason="PORT_OUT", asked="2025-12-31T16:05"),
        line("bae", 1, "2024-12-12T10:00", monthly=20_625, ended="2026-01-14T10:12", reason="PORT_OUT",
             asked="2026-01-13T21:40"),
        line("sim", 1, "2023-10-01T10:00", started="2025-10-01T00:00", event="AUTO_RENEWAL", months=12,
             monthly=13_750, ended="2025-12-28T14:00", reason="PORT_OUT", asked="2025-12-28T12:00"),
        line("byeon", 1, "2024-08-08T10:00", kind="SUBSIDY", subsidy=280_000, msisdn=old_number,
             contact="01020260112", ended="2025-09-10T10:00", reason="CANCEL"),
        line("heo", 1, "2025-11-01T10:00", monthly=13_750, msisdn=old_number),
        line("jeon", 1, "2024-05-25T10:00", monthly=15_000, ended="2025-11-20T10:00", reason="PORT_OUT",
             asked="2025-11-20T09:10", rejoined="2025-12-29T14:00"),
        line("jeon", 2, "2025-12-29T14:00", monthly=16_500),
        line("heung", 1, "2022-03-02T10:00", monthly=11_000, ended="2025-12-10T10:00", reason="PORT_OUT",
             asked="2025-12-10T09:00"),
        line("nol", 1, "2024-03-02T10:00", monthly=16_500, ended="2025-11-28T00:00", reason="FORCED"),
        line("hyang", 1, "2024-06-01T10:00", started="2025-10-20T15:00", committed="2024-06-01T10:00",
             event="TRANSFER", monthly=13_750, ended="2025-12-29T15:00", reason="PORT_OUT", asked="2025-12-29T14:00"),
        line("bang", 1, "2024-09-30T10:00", monthly=12_375, ended="2025-10-14T15:00", reason="CANCEL"),
        line("pat", 1, "2022-03-01T10:00", started="2024-03-01T10:00", event="DEVICE_CHANGE", monthly=8_250,
             contact="01020260108"),
        line("jara", 1, "2010-06-01T10:00", kind="NONE", months=0, suspended=True, suspended_days=40,
             changes=[("2026-02-20T10:00", False)]),
        line("ung", 1, "2018-05-02T10:00", started="2024-05-02T10:00", event="RECONTRACT", monthly=13_750,
             plan=("넉넉한 무제한 80", "UNLIMITED"), changes=[("2026-02-10T14:00", who["yeon"].holder)]),
        line("ung", 2, "2024-08-01T10:00", monthly=8_250, msisdn="01020260221"),
        line("yeon", 1, "2020-10-05T10:00", started="2024-10-05T10:00", event="RECONTRACT", monthly=11_000,
             plan=("알뜰한 5", "LIMITED"), changes=[("2026-02-05T09:30", True)]),
        line("noeul", 1, "2026-01-10T15:00", monthly=13_750, told="2026-01-19T09:00"),
    ]  # fmt: skip
    by_no = {contract.contract_no: contract for contract in lines}
    first = billed(by_no["CAST-101-1"], "2026-01-15", "2026-01-15")
    first.bill("DEVICE_INSTALMENT", moved("2026-01-15"), 300_000, paid_on=moved("2026-01-15"))
    first.bill("USAGE", moved("2026-01-15"), 41_800, paid_on=moved("2026-01-15"))
    billed(by_no["CAST-101-2"], "2026-02-06", "2026-02-06")
    billed(by_no["CAST-102-1"], "2025-10-15", "2025-10-21")
    billed(by_no["CAST-103-1"], "2026-02-08", "2026-02-08")
    billed(by_no["CAST-104-1"], "2026-01-14", "2026-01-28")
    for item, amount in by_no["CAST-105-1"].penalties():
        by_no["CAST-105-1"].bill(item, moved("2025-12-15"), amount, paid_on=moved("2025-12-15"), refunded=amount)
    billed(by_no["CAST-106-1"], "2025-11-17", "2025-11-21")
    billed(by_no["CAST-107-1"], "2026-02-09", "2026-02-09")
    billed(by_no["CAST-107-2"], "2026-01-15", "2026-01-16")
    for number in (1, 2):
        billed(by_no[f"CAST-109-{number}"], "2026-01-16", "2026-01-16")
    billed(by_no["CAST-110-1"], "2026-02-09", "2026-02-11")
    billed(by_no["CAST-111-1"], "2026-01-15", "2026-01-17")
    billed(by_no["CAST-112-1"], "2025-10-15", "2025-10-25")
    billed(by_no["CAST-114-1"], "2025-12-16", "2025-12-16")
    by_no["CAST-115-1"].bill("USAGE", moved("2026-01-15"), 23_100, paid_on=moved("2026-01-15"))
    billed(by_no["CAST-116-1"], "2025-12-16")
    billed(by_no["CAST-117-1"], "2026-01-16", "2026-01-16")
    billed(by_no["CAST-118-1"], "2025-11-14", "2025-11-14").bill(
        "OLD_CLAWBACK", moved("2025-11-14"), 27_500, paid_on=moved("2025-11-14")
    )
    return lines


def write(directory: Path, *, lines: int, seed: int, progress: Callable[[int], None] = lambda done: None) -> None:
    """Write the deliveries of `lines` lines into `directory`, one folder per day, and `people.json` beside them.

    Memory does not grow with `lines`. `progress` is told now and then how many lines are done. Raises ValueError
    where `lines` is too small for the cast and one line of each story, OSError where the place cannot be written.
    """
    if lines < smallest():
        raise ValueError(f"{lines} lines are too few: the cast and one of each story need {smallest()}.")
    directory.mkdir(parents=True, exist_ok=True)
    writers = [_Delivery(directory / str(day), random.Random(f"{seed}:{day}")) for day in DELIVERIES]
    try:
        for done, contract in enumerate(_contracts(lines, seed), 1):
            _tell(contract, writers)
            if done % 10_000 == 0:
                progress(done)
    finally:
        for writer in writers:
            writer.close()
    for day in DELIVERIES:
        _write_manifest(directory / str(day), day)
    progress(lines)
    (directory / "people.json").write_text(
        json.dumps([_described(person) for person in CAST], ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _write_manifest(folder: Path, day: date) -> None:
    """Say that a delivery is complete (D-93); written last."""
    files = {}
    for name in ("lines.csv", "bills.csv"):
        path = folder / name
        with path.open("rb") as file:
            files[name] = {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"as_of": str(day), "files": files}, indent=1) + "\n")


def smallest() -> int:
    """The fewest lines a sample can have."""
    return len(cast_contracts()) + len(_STORIES)


def _described(person: Person) -> dict:
    return {
        "key": person.key,
        "name": person.name,
        "kind": person.kind,
        "birth_date": person.birth_date,
        "phone": person.phone,
        "carrier": person.carrier,
        "ci": person.ci,
        "contract_nos": [
            line.contract_no for line in cast_contracts() if line.holder.customer_no == person.holder.customer_no
        ],
        "story": {"ko": sample_dates.told(person.story[0], "ko"), "en": sample_dates.told(person.story[1], "en")},
    }


class _Delivery:
    """The two files of one day. Bills leave through a pool, so that their order is not that of the lines."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        folder.mkdir(exist_ok=True)
        self.lines = _opened(folder / "lines.csv", LINE_COLUMNS)
        self.bills = _opened(folder / "bills.csv", BILL_COLUMNS)
        self.pool: list[str] = []
        self.draw = rng.random

    def bill(self, row: str) -> None:
        if len(self.pool) < _SHUFFLED:
            self.pool.append(row)
            return
        place = int(self.draw() * _SHUFFLED)
        self.bills.write(self.pool[place])
        self.pool[place] = row

    def close(self) -> None:
        pool = self.pool
        while pool:
            place = int(self.draw() * len(pool))
            pool[place], pool[-1] = pool[-1], pool[place]
            self.bills.write(pool.pop())
        self.lines.close()
        self.bills.close()


def _opened(path: Path, columns: tuple[str, ...]) -> TextIO:
    file = path.open("w", encoding="utf-8", newline="\n")
    file.write(",".join(columns) + "\n")
    return file


def _tell(contract: Contract, writers: list[_Delivery]) -> None:
    told: dict[int, str] = {}
    for since, row in contract.rows():
        told[bisect_right(DELIVERIES, since)] = row
    for number, row in told.items():
        if number < len(writers):
            writers[number].lines.write(row + "\n")
    bills: dict[tuple[int, str, str], tuple] = {}
    for since, bill in contract.bills:
        bills[bisect_right(DELIVERIES, since), bill[0], bill[1]] = bill
    for (number, _item, _on), bill in bills.items():
        if number < len(writers):
            writers[number].bill(f"{contract.contract_no},{','.join(map(str, bill))}\n")


def _day(moment: str) -> date:
    return date.fromisoformat(moment[:10])


def _as_date(day: str | date) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


# The crowd -------------------------------------------------------------------------------------------

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
_STORIES: tuple[tuple[str, int], ...] = (
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
_NAMES = tuple(name for name, _share in _STORIES)
_STAYS = 1_000_000 - sum(share for _name, share in _STORIES)
_BOUNDS = tuple(accumulate((_STAYS, *(share for _name, share in _STORIES[1:]))))


def _contracts(lines: int, seed: int) -> Iterator[Contract]:
    cast = cast_contracts()
    yield from cast
    crowd = _Crowd(seed)
    holder: Holder | None = None
    left = 0
    for number in range(lines - len(cast)):
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
        end = _day(contract.ended)
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
        contract.rejoined = f"{_day(contract.ended) + days}{self.moment(self.ended)[10:]}"
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
        on = min(_day(contract.ended) + timedelta(days=20), moved("2026-02-28"))
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
