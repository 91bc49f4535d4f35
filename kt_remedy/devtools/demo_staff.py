"""The staff of the demonstration: each role has somebody. Data only; the sandbox's authenticator reads it too.

Their passwords and secrets are known to everybody who reads this file, so accounts are made from it in development
alone (see `demo_accounts.create`).
"""

import base64
import hashlib
from typing import NamedTuple

PASSWORD = "remedy-demo-2026"  # noqa: S105  meant to be read


class Member(NamedTuple):
    """One member of the demonstration's staff; `store` is the code of a store or empty."""

    username: str
    name: str
    roles: tuple[str, ...]
    store: str = ""


class Place(NamedTuple):
    """A store of the demonstration, as customers find it."""

    name: str
    region: str
    address: str
    hours: str
    telephone: str


STORES = {
    "S-0101": Place("광화문점", "서울", "서울 종로구 세종대로 178", "평일 10:00~20:00, 토 10:00~18:00", "02-0000-0101"),
    "S-0202": Place("해운대점", "부산", "부산 해운대구 해운대로 620", "평일 10:00~20:00", "051-000-0202"),
}
STAFF = (
    Member("clerk", "정다은", ("clerk",), "S-0101"),
    Member("manager", "오세훈", ("store_manager",), "S-0101"),
    Member("clerk2", "문지후", ("clerk",), "S-0202"),
    Member("agent", "한소라", ("agent",)),
    Member("reviewer", "임재현", ("reviewer",)),
    Member("supervisor", "배수진", ("supervisor",)),
    Member("maker", "신동욱", ("maker",)),
    Member("checker", "권미경", ("checker",)),
    Member("maker2", "나윤서", ("maker",)),
    Member("checker2", "유성민", ("checker",)),
    Member("auditor", "남기태", ("auditor",)),
    Member("admin", "조은별", ("administrator",)),
    Member("admin2", "서하람", ("administrator",)),
)


def totp_secret(username: str) -> str:
    """The secret of a demonstration account's authenticator, in base32."""
    return base64.b32encode(hashlib.sha1(f"demonstration:{username}".encode()).digest()).decode()  # noqa: S324
