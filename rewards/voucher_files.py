"""Lists of voucher codes as people have them: read, checked and described before anything is imported.

A list is text with one code a line: UTF-8, UTF-16 with its mark or CP949, with or without quotation marks, with empty
cells behind a comma, semicolon or tab. A line that cannot be a code refuses the list. A code that can be one but does
not look like the others is a suspect, and somebody decides.
"""

import csv
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress, product
from operator import not_

from django.core.cache import cache
from django.utils.translation import gettext, gettext_lazy

from kt_remedy.core import crypto, masking, text
from kt_remedy.core.csv import decoded

VOUCHER_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,63}")

_HEADINGS = frozenset(
    "code codes voucher vouchers vouchercode voucherno coupon coupons couponcode couponno couponnumber pin pincode"
    " pinno serial serialno serialnumber number no giftcode redeemcode key".split()
)
# Signs of a code in full width, and what is typed for a hyphen on a Korean keyboard.
_WIDE = re.compile("[\x20-\x7e\uff01-\uff5eㅡー]+")
# A number as a spreadsheet shows or saves it: 1.02E+09, 1E+15, 1234.0.
_SPREADSHEET = re.compile(r"\d(?:[.,]\d+)?[Ee][+-]\d+|\d[.,]\d+[Ee]\d+|\d+[.,]0+")
_EXACT_DIGITS = 15  # a spreadsheet keeps so many digits of a number and writes 0 for the others
KEPT_SECONDS = 30 * 60
SHOWN = 20  # findings of a kind on a page
_MANY = 50  # so many codes show what stands at each place
_COMMON = 20  # a layout that one of so many codes has is a known one


class ListRefused(ValueError):
    """A file that cannot be imported, with the line where it fails (0: the whole file). Its text is for the reader.

    `code` is a fixed word: BINARY, SHEET, NO_CODE, COLUMNS, SPREADSHEET.
    """

    def __init__(self, code: str, line: int, **params: object) -> None:
        self.code, self.line, self.params = code, line, params
        super().__init__(code, line)

    @property
    def message(self) -> str:
        """What is wrong, where, and what to do, in the reader's language. No code is quoted whole."""
        return str(_REFUSALS[self.code]) % {"line": f"{self.line:,}", **self.params}


_REFUSALS = {
    "SHEET": gettext_lazy(
        "텍스트 파일(UTF-8)이 아닙니다. 엑셀 파일이면 번호 칸의 형식을 텍스트로 두고 CSV UTF-8로 저장해 주세요."
    ),
    "BINARY": gettext_lazy("텍스트 파일(UTF-8)이 아닙니다. 번호를 한 줄에 하나씩 적은 텍스트 파일로 저장해 주세요."),
    "NO_CODE": gettext_lazy(
        "%(line)s번째 줄은 이용권 번호가 아닙니다: %(masked)s. 번호는 영문자, 숫자, -, _로 세 글자 이상입니다."
    ),
    "COLUMNS": gettext_lazy(
        "%(line)s번째 줄은 이용권 번호가 아닙니다: 칸이 %(columns)s개입니다. 번호 칸만 남겨 저장해 주세요."
    ),
    "SPREADSHEET": gettext_lazy(
        "%(line)s번째 줄은 이용권 번호가 아닙니다: 엑셀이 숫자로 바꾸어 끝자리가 사라진 번호(%(masked)s)입니다."
        " 서비스에서 받은 원래 파일의 번호 칸을 텍스트로 열어 다시 저장해 주세요."
    ),
}

SUSPICIONS = {
    "SHAPE": gettext_lazy("%(line)s번째 줄 %(masked)s: 다른 번호와 모양이 다릅니다."),
    "ZEROS": gettext_lazy("%(line)s번째 줄 %(masked)s: 앞의 0이 사라진 것 같습니다."),
    "ROUNDED": gettext_lazy("%(line)s번째 줄 %(masked)s: 엑셀이 끝자리를 0으로 바꾼 것 같습니다."),
}


@dataclass(frozen=True)
class Suspect:
    """A line whose code looks unlike the others, or like a number that a spreadsheet changed; the code is masked."""

    kind: str
    line: int
    masked: str

    @property
    def message(self) -> str:
        """The line and what is suspected, in the reader's language."""
        return str(SUSPICIONS[self.kind]) % {"line": f"{self.line:,}", "masked": self.masked}


@dataclass(frozen=True)
class CodeList:
    """The codes of a file as they were bought, in its order, doubles included, and what was found.

    `heading` is the number of a line that was taken as a heading, or 0. `doubles` are the lines whose code stands on an
    earlier line, in small or capital letters. `mended` are the lines whose code lost spaces or was written in full
    width. `suspects` are one for each line.
    """

    codes: list[str]
    heading: int
    doubles: list[int]
    mended: list[int]
    suspects: list[Suspect]


def key(code: str) -> str:
    """A code as it is compared: lower and upper case are one code."""
    return code.upper()


def read(content: bytes) -> CodeList:
    """The codes of a file. Raises ListRefused for a file that is no list of codes."""
    lines = list(_lines(_decoded(content)))
    heading = 0
    if lines and _is_heading(lines[0][1], [code for _line, code in lines[1:]]):
        heading = lines.pop(0)[0]
    typed, lines = lines, [(line, _plain(code)) for line, code in lines]
    for line, code in lines:
        if _SPREADSHEET.fullmatch(code):
            raise ListRefused("SPREADSHEET", line, masked=masking.voucher(code))
        if not VOUCHER_CODE.fullmatch(code):
            raise ListRefused("NO_CODE", line, masked=masking.voucher(code))
    seen: set[str] = set()
    doubles = []
    for line, code in lines:
        if key(code) in seen:
            doubles.append(line)
        seen.add(key(code))
    mended = [line for (line, code), (_line, before) in zip(lines, typed, strict=True) if code != before]
    return CodeList([code for _line, code in lines], heading, doubles, mended, _suspects(lines))


def _plain(code: str) -> str:
    """A code in plain letters and without spaces, where that can mean one thing only; else as it is.

    Spaces are taken out between groups of one length, as codes are printed: 1234 5678 9012. TVX 0002 could be TVX-0002,
    and what stands behind a space can be a date.
    """
    groups = code.split(" ")
    if not _WIDE.fullmatch(code) or len(set(map(len, groups))) > 1:
        return code
    if len(groups) > 1 and not all(len(group) > 1 and text.bought_code(group).isalnum() for group in groups):
        return code
    return text.bought_code(code)


def _decoded(content: bytes) -> str:
    """The text of a file. Raises ListRefused."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ListRefused("SHEET", 0)
    try:
        return decoded(content)
    except ValueError:
        raise ListRefused("BINARY", 0) from None


def _lines(content: str) -> Iterable[tuple[int, str]]:
    """Line numbers and codes without quotation marks, empty cells and empty lines. Raises ListRefused."""
    for number, line in enumerate(re.split(r"\r\n?|\n", content), 1):
        separator = next((sign for sign in "\t;," if sign in line), ",")
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:  # longer than any cell
            cells = [line]
        # Spreadsheets keep a number as text by ="0012" or by an apostrophe.
        codes = [code for cell in cells if (code := re.sub(r'^(?:="(.*)"|\'(.*))$', r"\1\2", text.clean(cell)))]
        if len(codes) > 1:
            if separator == "," and _SPREADSHEET.fullmatch(text.clean(line)):
                codes = [text.clean(line)]  # 1,02E+09: a decimal comma
            else:
                raise ListRefused("COLUMNS", number, columns=len(codes))
        if codes:
            yield number, codes[0]


def _is_heading(first: str, others: list[str]) -> bool:
    """True if the first line names the column: in Korean, by a known word, or as the only one without a digit."""
    if re.search("[가-힣]", first) or re.sub(r"[\s_.\-#()]", "", first).casefold() in _HEADINGS:
        return True
    if any(char.isdigit() for char in first) or _SPREADSHEET.fullmatch(first):
        return False
    layouts = {_layout(code) for code in others}
    return bool(others) and _layout(first) not in layouts and all(re.search(r"\d", code) for code in others)


def _layout(code: str) -> str:
    """The places of the separators: AB-12 is "xx-xx"."""
    return re.sub(r"[A-Za-z0-9]", "x", code)


def _suspects(lines: list[tuple[int, str]]) -> list[Suspect]:
    """The lines whose code looks changed by a spreadsheet or unlike the others; what is rare is judged by the file."""
    codes = [code for _line, code in lines]
    rounded, full_length, strange = _rounded(codes), _length_with_zeros(codes), _strange(codes)
    found = []
    for line, code in lines:
        if code in rounded:
            kind = "ROUNDED"
        elif code.isdigit() and len(code) < full_length:
            kind = "ZEROS"
        elif code in strange:
            kind = "SHAPE"
        else:
            continue
        found.append(Suspect(kind, line, masking.voucher(code)))
    return found


def _rounded(codes: list[str]) -> set[str]:
    """Numbers that end in zeros because a spreadsheet kept only their first digits.

    Either every number longer than 15 digits has only zeros behind them, and there are several, or the same number with
    at least four zeros at its end stands on several lines, or most numbers end so.
    """
    numbers = [code for code in codes if code.isdigit()]
    long = [number for number in numbers if len(number) > _EXACT_DIGITS]
    if len(long) > 1 and all(set(number[_EXACT_DIGITS:]) == {"0"} for number in long):
        return set(long)
    zeros = [number for number in numbers if number.endswith("0000")]
    if len(zeros) > 1 and 2 * len(zeros) > len(numbers):
        return set(zeros)
    return {number for number, count in Counter(zeros).items() if count > 1}


def _length_with_zeros(codes: list[str]) -> int:
    """The length of the numbers if shorter ones have lost zeros, else 0.

    In a list that a spreadsheet saved no number begins with a zero; most have the full length, and some are shorter.
    """
    if not codes or not all(code.isdigit() and code[0] != "0" for code in codes):
        return 0
    length, count = Counter(map(len, codes)).most_common(1)[0]
    return length if 2 * count > len(codes) and count > 2 else 0


def _strange(codes: list[str]) -> set[str]:
    """Codes whose layout or kind of signs is rare in the file.

    A layout is known if it is that of one code in twenty. Where most codes of a layout have only digits or only
    letters, the others are strange; in a long file also where nearly all have a digit, or a letter, at one place.
    Nothing is strange in a file whose codes have no common layout.
    """
    unique = list({key(code): key(code) for code in codes})
    layouts = Counter(map(_layout, unique))
    known = {layout for layout, count in layouts.items() if count > 1 and count * _COMMON >= len(unique)}
    if not known or (len(known) > 1 and 10 * sum(layouts[layout] for layout in known) < 9 * len(unique)):
        return set()
    strange = {code for code in unique if _layout(code) not in known}
    for layout in known:
        alike = [code for code in unique if _layout(code) == layout]
        bare = [re.sub("[-_]", "", code) for code in alike]
        columns = [(bare, 0.8)] + ([(column, 0.95) for column in zip(*bare, strict=True)] if len(bare) >= _MANY else [])
        for (values, share), is_plain in product(columns, (str.isdigit, str.isalpha)):
            plain = [is_plain(value) for value in values]
            if share * len(plain) <= sum(plain) < len(plain):
                strange |= set(compress(alike, map(not_, plain)))
    return {code for code in codes if key(code) in strange}


def summary(codes: CodeList) -> list[str]:
    """What was found in a list, as sentences in the reader's language: at most `SHOWN` lines of each kind."""
    sentences = []
    if codes.heading:
        sentences.append(gettext("%(line)s번째 줄은 제목이어서 건너뜁니다.") % {"line": f"{codes.heading:,}"})
    if codes.doubles:
        sentences.append(
            gettext("앞에 이미 적힌 번호가 %(count)s개 있습니다(대소문자는 같게 봅니다). 줄: %(lines)s")
            % {"count": f"{len(codes.doubles):,}", "lines": _listed([f"{line:,}" for line in codes.doubles])}
        )
    if codes.mended:
        sentences.append(
            gettext("번호 %(count)s개에서 공백을 빼거나 전각 문자를 반각으로 바꿉니다. 줄: %(lines)s")
            % {"count": f"{len(codes.mended):,}", "lines": _listed([f"{line:,}" for line in codes.mended])}
        )
    shown = codes.suspects[:SHOWN]
    sentences += [suspect.message for suspect in shown]
    if len(codes.suspects) > len(shown):
        more = f"{len(codes.suspects) - len(shown):,}"
        sentences.append(gettext("이 밖에 이상한 줄이 %(count)s개 더 있습니다.") % {"count": more})
    return sentences


def keep(content: bytes, user_id: int) -> str:
    """Keep an uploaded file for the next step of the same member of staff; returns the token that finds it."""
    token = secrets.token_urlsafe(24)
    place = _place(token, user_id)
    cache.set(place, crypto.encrypt_bytes(content, place), timeout=KEPT_SECONDS)
    return token


def kept(token: str, user_id: int) -> bytes | None:
    """The file that this member of staff uploaded, or None if there is none any more."""
    place = _place(token, user_id)
    sealed = cache.get(place)
    return crypto.decrypt_bytes(sealed, place) if sealed is not None else None


def forget(token: str, user_id: int) -> None:
    """Delete a kept file."""
    cache.delete(_place(token, user_id))


def _place(token: str, user_id: int) -> str:
    return f"rewards:vouchers:{user_id}:{hashlib.sha256(token.encode()).hexdigest()}"


def _listed(lines: list[str]) -> str:
    return ", ".join(lines[:SHOWN]) + (" …" if len(lines) > SHOWN else "")
