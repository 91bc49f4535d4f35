"""Read an account number as people paste it: with signs, the bank's name, known words and the holder around it.

Only the digits are kept. A bank is named, never guessed from the length. Letters that mean nothing here are refused and
quoted, because a digit may hide in them (O, l) or a second number behind them.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from refunds import banks
from refunds.accounts import names

# A vowel and a mark of length that look like a dash and are typed as one.
_LETTER_DASHES = frozenset("ㅡᅳーｰ")
# Signs that a bank's page or a paper puts in place of a digit.
_MASKS = frozenset("*＊●○◯•×✕�∗⁎")
_LABELS = frozenset(
    {
        "예금주", "예금주명", "예금주성명", "받는분", "받는사람", "수취인", "성명", "이름", "accountholder", "holder",
        "name", "accountname",
    }
)  # fmt: skip
_WORDS = _LABELS | frozenset(
    {
        "계좌", "계좌번호", "번호", "통장", "통장번호", "입금계좌", "입금계좌번호", "환급계좌", "환급계좌번호", "은행",
        "은행명", "은행이름", "입금은행", "금융기관", "본인", "본인계좌", "님", "은", "는", "입니다", "이에요", "예요",
        "account", "accountnumber", "accountno", "number", "no", "num", "acct", "acctno", "ac", "acc", "accno", "bank",
        "bankname",
    }
)  # fmt: skip
_PIECES = re.compile("|".join(sorted(map(re.escape, _WORDS | banks.names()), key=len, reverse=True)))
# A person may be called 하나 or HANA: behind 예금주 only a name with one of these endings is a bank's.
_BANK_ENDINGS = ("은행", "뱅크", "금고", "우체국", "농협", "수협", "신협", "조합", "bank")
# Words of the longest name of a bank or of a holder that is looked for as one.
_MOST_WORDS = 8


class NumberFault(ValueError):
    """A text that is no account number. `code`: LETTERS, MASKED, SHORT, LONG; `quoted`: what is wrong in it."""

    def __init__(self, code: str, quoted: str = "", digits: int = 0) -> None:
        super().__init__(code)
        self.code, self.quoted, self.digits = code, quoted, digits


class Typed(NamedTuple):
    """An account number as digits, and the codes of the banks that the text names; None where it names none."""

    digits: str
    banks: frozenset[str] | None


def read(text: str, holders: Iterable[str] = ()) -> Typed:
    """The account number in a text. `holders` are the names that may stand beside it.

    Separators and characters that nobody sees are dropped; so are known words, a bank's name, a name behind 예금주 and
    the names of `holders`. Raises NumberFault.
    """
    signs = [_sign(char) for char in text]
    places = [place for place, sign in enumerate(signs) if sign.isdecimal()]
    if not places:
        raise NumberFault("SHORT")
    first, last = places[0], places[-1] + 1
    # Between digits the Chinese "one" is a dash; in a name it is a letter.
    inside = "".join(signs[first:last]).replace("一", " ")
    if masked := [char for char in text[max(first - 1, 0) : last + 1] if char in _MASKS]:
        raise NumberFault("MASKED", "".join(masked))
    if strange := re.findall(r"[^0-9 ()]+", inside):
        raise NumberFault("LETTERS", ", ".join(strange))
    around = [_Side("".join(signs[:first]), holders), _Side("".join(signs[last:]), holders)]
    if left := [word for side in around for word in side.left]:
        raise NumberFault("LETTERS", ", ".join(left))
    digits = re.sub(r"[ ()]", "", inside)
    if not banks.SHORTEST <= len(digits) <= banks.LONGEST:
        raise NumberFault("SHORT" if len(digits) < banks.SHORTEST else "LONG", digits=len(digits))
    named = [codes for side in around for codes in side.banks]
    return Typed(digits, frozenset.intersection(*named) if named else None)


def _sign(char: str) -> str:
    """A digit, letters and brackets as they are, "" for what nobody sees, a space for everything else."""
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind == "Cf" or 0xFE00 <= ord(char) <= 0xFE0F:
        return ""
    if char in _LETTER_DASHES:
        return " "
    if kind == "Mn":
        return char
    plain = unicodedata.normalize("NFKC", char)
    if any(unicodedata.category(part)[0] in "LN" for part in plain):
        return plain if kind[0] != "N" else char
    return char if char in "()" else " "


class _Side:
    """The words on one side of the digits: banks they name, and those that mean nothing."""

    def __init__(self, signs: str, holders: Iterable[str]) -> None:
        signs = unicodedata.normalize("NFC", signs)
        self.banks: list[frozenset[str]] = []
        self.left: list[str] = []
        self._holders = [holder for holder in holders if holder]
        self._keys = ["".join(holder.split()).casefold() for holder in self._holders]
        words = [(found.start(), found.end()) for found in re.finditer(r"[^\s()]+", signs)]
        place, named = 0, False
        while place < len(words):
            for end in range(min(len(words), place + _MOST_WORDS), place, -1):
                start, stop = words[place][0], words[end - 1][1]
                if self._known(signs, start, stop, in_name=named):
                    named = signs[start:stop].casefold() in _LABELS
                    place = end
                    break
            else:
                # A name behind 예금주 has several words: it ends where the next known word begins.
                if not named:
                    rest = self._unglued(signs[slice(*words[place])])
                    named = rest is None
                    if rest:
                        self.left.append(rest)
                place += 1

    def _known(self, signs: str, start: int, stop: int, *, in_name: bool) -> bool:
        words = signs[start:stop]
        bracketed = signs[max(start - 1, 0) : stop + 1].strip()
        if self._is_holder(words) or self._is_holder(bracketed):
            return True
        codes = banks.called(words)
        if codes and (not in_name or words.casefold().endswith(_BANK_ENDINGS)):
            self.banks.append(codes)
            return True
        return "".join(words.split()).casefold() in _WORDS

    def _is_holder(self, words: str) -> bool:
        return any(names.compare_holder_names(holder, words) != "MISMATCH" for holder in self._holders)

    def _unglued(self, word: str) -> str | None:
        """ "" for a word of known ones without a space, None where it ends in a name behind 예금주, else the word."""
        # Lines of a message that a box for one line has joined: 홍길동신한은행.
        plain = word.casefold()
        while plain and not self._is_holder(plain):
            holder = next((key for key in self._keys if plain.startswith(key)), "")
            found = _PIECES.match(plain)
            if not (holder or found):
                return word
            piece = holder or found.group()  # type: ignore[union-attr]
            if not holder and (codes := banks.called(piece)):
                self.banks.append(codes)
            plain = plain[len(piece) :]
            if piece in _LABELS and plain:
                return None
        return ""
