"""Masks of names, numbers and accounts: the same for every screen, message and export (docs/domain.md#c6).

Different masks of the same value can be put together into the whole, so nothing else in the project masks.
"""

import datetime as dt
import re

from kt_remedy.core import text

_HANGUL = re.compile(r"[가-힣]+")
_COMPANY = re.compile(r"^(주식회사|유한회사|\([가-힣]{1,3}\)|㈜)\s*")
# A family name in Roman letters has several of them; one letter of any other script is enough.
_ROMAN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{2,4}")


def name(value: str) -> str:
    """홍*동, 홍*, 남**수, KIM ***, 주식회사 케***; * for a name of which nothing can be seen."""
    if not value:
        return ""
    value = text.clean(value)
    if not value:
        return "*"
    company = _COMPANY.match(value)
    if company:
        rest = value[company.end() :]
        return f"{company.group().strip()} {rest[:1]}***"
    if _HANGUL.fullmatch(value):
        if len(value) == 1:
            return "*"
        if len(value) == 2:
            return value[0] + "*"
        return value[0] + "*" * (len(value) - 2) + value[-1]
    roman = _ROMAN.match(value)
    head = roman.group() if roman else value[0]
    return f"{head} ***" if len(value) > len(head) else head[:1] + "***"


def phone(value: str) -> str:
    """010-****-1234; the last four digits of any number."""
    digits = re.sub(r"\D", "", value)
    return f"{digits[:3]}-{'*' * max(len(digits) - 7, 3)}-{digits[-4:]}" if len(digits) >= 8 else "****"


def account(last4: str) -> str:
    """*******1234 from the last four digits, the only ones kept in clear."""
    return "*" * 7 + last4[-4:]


def birth(value: dt.date) -> str:
    """19**-**-15."""
    return f"{value.year // 100}**-**-{value.day:02d}"


def voucher(code: str) -> str:
    """TV****01; one sign at each end of up to eight, nothing of up to four."""
    ends = 0 if len(code) <= 4 else 1 if len(code) <= 8 else 2
    return code[:ends] + "****" + code[len(code) - ends :]
