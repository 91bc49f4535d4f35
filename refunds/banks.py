"""The banks money can be sent to: standard code, current name, name at PortOne, CMS code and usual number lengths.

Standard codes and CMS codes are two code spaces (하나 is 081 and 005): the standard code is stored, and a file maps it
when it is written. Lengths change with the banks, so a number of unusual length is a warning, never a refusal
(docs/domain.md#c1).
"""

import re
import unicodedata
from typing import NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _


class Bank(NamedTuple):
    """One bank. `digits` holds the usual lengths of its account numbers; empty where they are not known."""

    code: str
    name_ko: str
    name_en: str
    portone: str
    cms_code: str
    digits: frozenset[int]

    @property
    def name(self) -> str:
        """The current name in the language of the page."""
        return self.name_ko if (get_language() or "ko").startswith("ko") else self.name_en


def _bank(code: str, ko: str, en: str, portone: str, digits: str, cms: str = "") -> Bank:
    lengths: set[int] = set()
    for part in filter(None, digits.split(",")):
        first, _, last = part.partition("-")
        lengths.update(range(int(first), int(last or first) + 1))
    return Bank(code, ko, en, portone, cms or code, frozenset(lengths))


# In the order a Korean customer looks for them: large banks, internet banks, regional ones, the rest.
BANKS: tuple[Bank, ...] = (
    _bank("004", "KB국민은행", "KB Kookmin Bank", "KOOKMIN", "10,11,12,14"),
    _bank("088", "신한은행", "Shinhan Bank", "SHINHAN", "11-14"),
    _bank("081", "하나은행", "Hana Bank", "HANA", "11,12,14", "005"),
    _bank("020", "우리은행", "Woori Bank", "WOORI", "11-14"),
    _bank("011", "NH농협은행", "NH NongHyup Bank", "NONGHYUP", "11,12,13"),
    _bank("003", "IBK기업은행", "Industrial Bank of Korea", "IBK", "10,11,12,14"),
    _bank("090", "카카오뱅크", "KakaoBank", "KAKAO", "13"),
    _bank("092", "토스뱅크", "Toss Bank", "TOSS", "12"),
    _bank("089", "케이뱅크", "K bank", "K_BANK", "10,12,13,14"),
    _bank("023", "SC제일은행", "SC First Bank", "STANDARD_CHARTERED", "11,14"),
    _bank("045", "새마을금고", "MG Community Credit Cooperatives", "KFCC", "13"),
    _bank("071", "우체국", "Korea Post", "POST", "12,13,14"),
    _bank("048", "신협", "Credit Unions (Shinhyup)", "SHINHYUP", "10-14"),
    _bank("012", "지역농·축협", "Local NongHyup", "LOCAL_NONGHYUP", "13,14"),
    _bank("007", "Sh수협은행", "Sh Suhyup Bank", "SUHYUP", "11,12,14"),
    _bank("031", "iM뱅크(옛 대구은행)", "iM Bank (formerly Daegu Bank)", "DAEGU", "7-14"),
    _bank("032", "BNK부산은행", "BNK Busan Bank", "BUSAN", "12,13"),
    _bank("039", "BNK경남은행", "BNK Kyongnam Bank", "KYONGNAM", "12,13"),
    _bank("034", "광주은행", "Kwangju Bank", "KWANGJU", "12,13"),
    _bank("037", "전북은행", "Jeonbuk Bank", "JEONBUK", "12,13"),
    _bank("035", "제주은행", "Jeju Bank", "JEJU", "10,12"),
    _bank("002", "KDB산업은행", "Korea Development Bank", "KDB", "11,14"),
    _bank("027", "한국씨티은행", "Citibank Korea", "CITI", "10-13"),
    _bank("050", "저축은행", "Savings banks", "SAVINGS_BANK", "14"),
    _bank("064", "산림조합", "National Forestry Cooperative", "NFCF", "12,13"),
    _bank("054", "HSBC은행", "HSBC", "HSBC", "12"),
    _bank("055", "도이치은행", "Deutsche Bank", "DEUTSCHE", "10"),
    _bank("057", "JP모간체이스은행", "JPMorgan Chase", "JPMC", "10"),
    _bank("060", "BOA", "Bank of America", "BANK_OF_AMERICA", "12,14"),
    _bank("061", "BNP파리바은행", "BNP Paribas", "BNP_PARIBAS", "14"),
    _bank("062", "중국공상은행", "ICBC", "ICBC", ""),
)
# Used as the bank code of people without an account in Korea, whose refund is sent outside the rounds.
OFFLINE = "000"
# Number of banks that a form shows under "often chosen", the first of the list.
OFTEN = 9
_BY_CODE = {bank.code: bank for bank in BANKS}
# Codes of banks that merged or were split, as old passbooks print them.
_MERGED = {"005": "081", "021": "088", "026": "088", "006": "004", "030": "007", "010": "011"}

SHORTEST, LONGEST = 7, 16


def find(code: str) -> Bank | None:
    """The bank of a standard code, or of the old code of one that merged into it."""
    return _BY_CODE.get(_MERGED.get(code, code))


def name(code: str) -> str:
    """The bank's current name in the language of the page; the code itself where it is unknown."""
    bank = find(code)
    if code == OFFLINE:
        return _("한국 계좌 없음, 따로 보냄")
    return bank.name if bank else code


def digits_of(text: str) -> str:
    """An account number as bare digits: full-width digits, spaces and every kind of hyphen are accepted.

    Raises ValueError for any other character and for an impossible length.
    """
    plain = re.sub(r"[\s\-‐‑‒–—−ー.·]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"[0-9]+", plain, re.ASCII):
        raise ValueError("characters")
    if not SHORTEST <= len(plain) <= LONGEST:
        raise ValueError("length")
    return plain


def unusual_length(code: str, digits: str) -> bool:
    """True if account numbers of this bank usually have another length: a hint, not an error."""
    bank = find(code)
    return bank is not None and bool(bank.digits) and len(digits) not in bank.digits
