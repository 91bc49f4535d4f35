"""The cast of the sample register: a few people one can play, and their lines, at the top of the first delivery.

`people.json` tells who they are, so that a stand-in for identity verification can play them.
"""

from dataclasses import dataclass
from typing import Any

from kt_remedy.devtools.sample_contracts import Contract, Holder, ci_of
from kt_remedy.devtools.sample_dates import OTHER_CARRIER, OWN_CARRIER, THIRD_CARRIER, moved, moved_moment


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
