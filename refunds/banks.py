"""The banks money can be sent to: standard code, current name, name at PortOne, CMS code and usual number lengths.

Standard codes and CMS codes are two code spaces (하나 is 081 and 005): the standard code is stored, and a file maps it
when it is written. Lengths change with the banks, so a number of unusual length is a warning, never a refusal
(docs/domain.md#c1). Securities firms are offered where the operator's bank sends money to them: SECURITIES_ACCOUNTS.
"""

import re
import unicodedata
from typing import NamedTuple

from django.conf import settings
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
# Codes 2xx, with the names of today; in order of code. Both files for the bank hold them as any other code.
SECURITIES: tuple[Bank, ...] = (
    _bank("209", "유안타증권", "Yuanta Securities", "YUANTA_SECURITIES", ""),
    _bank("218", "KB증권", "KB Securities", "KB_SECURITIES", ""),
    _bank("221", "상상인증권", "Sangsangin Securities", "SANGSANGIN_SECURITIES", ""),
    _bank("222", "한양증권", "Hanyang Securities", "HANYANG_SECURITIES", ""),
    _bank("223", "리딩투자증권", "Leading Investment & Securities", "LEADING_SECURITIES", ""),
    _bank("224", "BNK투자증권", "BNK Securities", "BNK_SECURITIES", ""),
    _bank("225", "IBK투자증권", "IBK Securities", "IBK_SECURITIES", ""),
    _bank("227", "다올투자증권", "Daol Investment & Securities", "DAOL_SECURITIES", ""),
    _bank("238", "미래에셋증권", "Mirae Asset Securities", "MIRAE_ASSET_SECURITIES", ""),
    _bank("240", "삼성증권", "Samsung Securities", "SAMSUNG_SECURITIES", ""),
    _bank("243", "한국투자증권", "Korea Investment & Securities", "KOREA_SECURITIES", ""),
    _bank("247", "NH투자증권", "NH Investment & Securities", "NH_SECURITIES", ""),
    _bank("261", "교보증권", "Kyobo Securities", "KYOBO_SECURITIES", ""),
    _bank("262", "iM증권(옛 하이투자증권)", "iM Securities (formerly Hi)", "HI_SECURITIES", ""),
    _bank("263", "현대차증권", "Hyundai Motor Securities", "HYUNDAI_MOTOR_SECURITIES", ""),
    _bank("264", "키움증권", "Kiwoom Securities", "KIWOOM_SECURITIES", ""),
    _bank("265", "LS증권(옛 이베스트투자증권)", "LS Securities (formerly eBest)", "EBEST_SECURITIES", ""),
    _bank("266", "SK증권", "SK Securities", "SK_SECURITIES", ""),
    _bank("267", "대신증권", "Daishin Securities", "DAISHIN_SECURITIES", ""),
    _bank("269", "한화투자증권", "Hanwha Investment & Securities", "HANHWA_SECURITIES", ""),
    _bank("270", "하나증권", "Hana Securities", "HANA_SECURITIES", ""),
    _bank("271", "토스증권", "Toss Securities", "TOSS_SECURITIES", ""),
    _bank("278", "신한투자증권", "Shinhan Securities", "SHINHAN_SECURITIES", ""),
    _bank("279", "DB증권(옛 DB금융투자)", "DB Securities", "DB_SECURITIES", ""),
    _bank("280", "유진투자증권", "Eugene Investment & Securities", "EUGENE_SECURITIES", ""),
    _bank("287", "메리츠증권", "Meritz Securities", "MERITZ_SECURITIES", ""),
    _bank("288", "카카오페이증권", "KakaoPay Securities", "KAKAO_PAY_SECURITIES", ""),
    _bank("290", "부국증권", "Bookook Securities", "BOOKOOK_SECURITIES", ""),
    _bank("291", "신영증권", "Shinyoung Securities", "SHINYOUNG_SECURITIES", ""),
    _bank("292", "케이프투자증권", "Cape Investment & Securities", "CAPE_SECURITIES", ""),
    _bank(
        "294",
        "우리투자증권(옛 한국포스증권)",
        "Woori Investment Securities (formerly Foss)",
        "KOREA_FOSS_SECURITIES",
        "",
    ),
)
# Used as the bank code of people without an account in Korea, whose refund is sent outside the rounds.
OFFLINE = "000"
# Number of banks that a form shows under "often chosen", the first of the list.
OFTEN = 9
_BY_CODE = {bank.code: bank for bank in BANKS + SECURITIES}
# Codes of banks that merged or were split, as old passbooks print them.
_MERGED = {"005": "081", "021": "088", "026": "088", "006": "004", "030": "007", "010": "011"}

# What people and their banking applications call a bank, in any case; 은행 and "bank" may follow.
_SHORT_NAMES = {
    "004": "국민 KB KB국민 Kookmin KBKookmin 주택",
    "088": "신한 조흥 Shinhan",
    "081": "하나 KEB KEB하나 외환 Hana KEBHana",
    "020": "우리 Woori 한빛",
    "011": "NH NH농협 농협 농협중앙회 NongHyup NHNongHyup",
    "003": "기업 IBK IBK기업 중소기업",
    "090": "카카오 카카오뱅크 카뱅 Kakao",
    "092": "토스 토스뱅크 Toss",
    "089": "케이뱅크 케뱅 K뱅크",
    "023": "SC SC제일 제일 스탠다드차타드 한국스탠다드차타드 StandardChartered SCFirst",
    "045": "새마을 새마을금고 MG MG새마을금고 새마을금고중앙회 KFCC",
    "071": "우체국 우체국예금 우체국금융 KoreaPost ePost",
    "048": "신협 신협중앙회 신용협동조합 Shinhyup",
    "012": "지역농협 단위농협 지역농축협 지역축협 단위축협 농축협 축협 농협 지역조합 단위조합",
    "007": "수협 Sh Sh수협 수협중앙회 Suhyup ShSuhyup",
    "031": "대구 DGB DGB대구 iM iM뱅크 아이엠 아이엠뱅크 Daegu",
    "032": "부산 BNK BNK부산 Busan BNKBusan",
    "039": "경남 BNK BNK경남 Kyongnam BNKKyongnam",
    "034": "광주 Kwangju",
    "037": "전북 Jeonbuk",
    "035": "제주 Jeju",
    "002": "산업 KDB KDB산업 한국산업",
    "027": "씨티 한국씨티 시티 한국시티 한미 Citi",
    "050": "상호저축",
    "064": "산림조합 산림조합중앙회",
    "054": "HSBC 홍콩상하이",
    "055": "도이치 Deutsche",
    "057": "JP모간 JP모건 JP모간체이스 JP모건체이스 제이피모간체이스 JPMorgan JPMorganChase",
    "060": "BOA 뱅크오브아메리카 BankOfAmerica",
    "061": "BNP BNP파리바 비엔피파리바 BNPParibas",
    "062": "중국공상 공상 ICBC",
}

SHORTEST, LONGEST = 7, 16


def offered() -> tuple[Bank, ...]:
    """The banks that money can be sent to here: securities firms only where SECURITIES_ACCOUNTS is set."""
    return BANKS + SECURITIES if settings.SECURITIES_ACCOUNTS else BANKS


def find(code: str) -> Bank | None:
    """The bank of a standard code, or of the old code of one that merged into it; securities firms too."""
    return _BY_CODE.get(_MERGED.get(code, code))


def name(code: str) -> str:
    """The bank's current name in the language of the page; the code itself where it is unknown."""
    bank = find(code)
    if code == OFFLINE:
        return _("한국 계좌 없음, 따로 보냄")
    return bank.name if bank else code


def called(words: str) -> frozenset[str]:
    """Codes of the banks that people call so; empty for any other words. Spaces, brackets and case do not matter.

    More than one code for a name that several banks share (농협, BNK), so that nobody has to guess. A securities firm
    is named only where one is offered.
    """
    key = _key(words)
    if key not in _BY_NAME and re.fullmatch(r"\w{1,12}저축은행", key):
        return _BY_NAME["저축은행"]
    return _BY_NAME.get(key, frozenset())


def search_words(code: str) -> str:
    """All by which the bank of `code` is searched in a list: its names, short names and codes, with spaces between;
    in lower case without any sign. "" for a code that no bank has."""
    bank = _BY_CODE.get(code)
    if bank is None:
        return ""
    old = [before for before, now in _MERGED.items() if now == code]
    words = [bank.name_ko, bank.name_en, *_SHORT_NAMES.get(code, "").split(), code, *old]
    return " ".join(dict.fromkeys(map(_key, words)))


def names() -> frozenset[str]:
    """Every name that `called` knows, as letters and digits in lower case."""
    return frozenset(_BY_NAME)


def _key(name: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", name).casefold() if char.isalnum())


def _by_name() -> dict[str, frozenset[str]]:
    known: dict[str, set[str]] = {}
    for bank in offered():
        for full in (bank.name_ko, bank.name_en, *bank.name_ko.rstrip(")").split("(옛 ")):
            known.setdefault(_key(full), set()).add(bank.code)
    for code, short_names in _SHORT_NAMES.items():
        for short in short_names.split():
            for ending in ("", "은행", "bank"):
                known.setdefault(_key(short + ending), set()).add(code)
    return {name: frozenset(codes) for name, codes in (known | _EXACT_NAMES).items()}


# 농협은행 is the bank, 농협 may be a local cooperative too.
_EXACT_NAMES = {"농협은행": {"011"}, "농협bank": {"011"}}
_BY_NAME = _by_name()


def unusual_length(code: str, digits: str) -> bool:
    """True if account numbers of this bank usually have another length: a hint, not an error."""
    bank = find(code)
    return bank is not None and bool(bank.digits) and len(digits) not in bank.digits
