"""What a text of a message must not hold: addresses and amounts, however they are written (docs/domain.md#c7).

Every pattern is searched in the folded text, so full-width letters, look-alike dots and broken lines hide nothing.
"""

import re
import unicodedata

from kt_remedy.core import text

# A top-level domain that is no word of a sentence: the dot before it may have spaces on both sides.
_DOMAIN = r"(?:com|net|org|kr|io|ly|gl|info|biz|xyz|cc)(?![a-z])"
# Words as well: the space stands only before the dot, where no sentence has one.
_ANY_DOMAIN = r"(?:[a-z]{2,}|한국(?![가-힣])|(?:닷)?컴(?!퓨))"
_ADDRESS = re.compile(
    r"https?:|h\s?[tx]\s?[tx]\s?p\s?s?\s?:\s?/|://|\bw\s?w\s?w\b|에이치티티피|더블유\s?더블유"
    rf"|[a-z0-9가-힣]\s*\.{_ANY_DOMAIN}"
    rf"|[a-z0-9가-힣-]\s+\.\s*{_ANY_DOMAIN}"
    rf"|[a-z0-9-]\s*[.·,]\s*{_DOMAIN}"
    rf"|[a-z0-9가-힣]\s*[(\[{{<]\s*(?:\.|점|닷|dot)\s*[)\]}}>]\s*{_ANY_DOMAIN}"
    r"|(?:점|닷|쩜)\s*(?:컴|콤)(?!퓨|포|팩|비)|[a-z0-9]\s*(?:점|닷|쩜|도트)\s*(?:넷|케이알|오알지|코)"
    rf"|[a-z0-9가-힣]\s*(?:\bdot\b|점|닷|쩜|도트)\s*{_DOMAIN}"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b",
    re.IGNORECASE,
)

_ONES = "영공일이삼사오육륙칠팔구一二三四五六七八九壹貳參"
_UNITS = "십백천만억조十百千萬万億兆拾"
# "원" is money unless another word begins with it: 이만 원하시면, 십만 원본, 만 원래.
_WON = (
    "(?:원(?!하|래|칙|인|본|룸|격|서|장|작|고|리|활|만|망)|圓|元|달러|불(?![가-힣])|(?:won|krw|dollars?|usd)(?![a-z]))"
)
_ENGLISH = (
    "(?:a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion)"
)
_AMOUNT = re.compile(
    rf"[0-9][0-9,.\s]*(?:[{_UNITS}k]|thousand|million)*\s*{_WON}"
    rf"|[0-9{_ONES}{_UNITS}][0-9{_ONES}{_UNITS}\s]*[{_UNITS}]\s*{_WON}"
    rf"|(?<![가-힣])(?:몇|수)?\s?[{_UNITS}]\s*{_WON}"
    rf"|\b{_ENGLISH}(?:[\s-]+(?:and|{_ENGLISH}))*[\s-]+(?:korean\s+)?{_WON}"
    rf"|(?:\bkrw|\busd|[₩\\$€])\s*(?:[0-9]|{_ENGLISH}\b)",
    re.IGNORECASE,
)


def folded(body: str) -> str:
    """A text as the guards read it: cleaned (D-73), letters and signs of one width."""
    return unicodedata.normalize("NFKC", text.clean_lines(body))


def holds_address(body: str) -> bool:
    """True if a text holds a web address, also a broken one: kt .com, kt[.]com, kt점컴."""
    return _ADDRESS.search(folded(body)) is not None


def holds_amount(body: str) -> bool:
    """True if a text holds an amount of money in digits or words: 12만 원, 십이만원, twelve thousand won."""
    return _AMOUNT.search(folded(body)) is not None
