"""Mask the holder's name in words that others wrote: in lines of bank files and in what a bank answers.

A bank writes a holder in its own spelling (D-74), and files of an earlier release hold what was entered. So a name is
found by its letters alone: composed or not, full or half width, with other spaces, dots and marks, with or without its
legal form, Roman words in any order.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import permutations

from kt_remedy.core import masking
from refunds.accounts.names import LETTERS_WITH_STROKE, MOST_ORDERED, without_form

_CELL = re.compile("<Cdtr><Nm>(?P<element>[^<]*)</Nm>|^D(?:\t[^\t]*){4}\t(?P<column>[^\t]*)\t")
_FINAL_CONSONANT = re.compile("[\u11a8-\u11ff]")
_FEWEST_LETTERS = 3  # a Korean letter without final consonant has two, "LEE" three


def mask_line(line: bytes, names: Iterable[str]) -> str:
    """A line of a bank file with the holder masked, whatever stands in its place; "" if that place is not found."""
    text = line.decode("utf-8" if line.lstrip().startswith(b"<") else "cp949", "replace")
    cell = _CELL.search(text)
    if cell is None:
        return ""
    start, end = cell.span(cell.lastgroup or 0)
    known = list(names)
    return mask_names(text[:start], known) + masking.name(text[start:end]) + mask_names(text[end:], known)


def mask_names(text: str, names: Iterable[str]) -> str:
    """The text with each of these names masked, in any spelling."""
    wanted = {letters for name in names for letters in _spellings(name) if len(letters) >= _FEWEST_LETTERS}
    if not wanted or not text:
        return text
    letters, places = [], []
    for place, char in enumerate(text):
        for letter in _letters(char):
            letters.append(letter)
            places.append(place)
    kept, masked_to = [], 0
    for found in re.finditer("|".join(sorted(map(re.escape, wanted), key=len, reverse=True)), "".join(letters)):
        start, end = places[found.start()], places[found.end() - 1] + 1
        following = letters[found.end()] if found.end() < len(letters) else ""
        # "홍길도" is not a part of "홍길동", and "LEE" none of "FLEET".
        if _FINAL_CONSONANT.match(following) or (found.group().isascii() and _inside_word(text, start, end)):
            continue
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        kept += [text[masked_to:start], masking.name(text[start:end])]
        masked_to = end
    return "".join([*kept, text[masked_to:]])


def _spellings(name: str) -> Iterator[str]:
    """The letters of a name: whole, without its legal form, and with Roman words in any order."""
    for spelling in (name, without_form(name)):
        yield _letters(spelling)
        words = [letters for word in re.split(r"[\s,]+", spelling) if (letters := _letters(word))]
        if all(word.isascii() for word in words) and len(words) <= MOST_ORDERED:
            yield from map("".join, permutations(words))


def _letters(text: str) -> str:
    """Letters and digits alone, Korean ones taken apart, in capitals without marks."""
    plain = unicodedata.normalize("NFKD", text.translate(LETTERS_WITH_STROKE)).upper()
    return "".join(filter(str.isalnum, plain))


def _inside_word(text: str, start: int, end: int) -> bool:
    return any(char.isascii() and char.isalnum() for char in (text[start - 1 : start] + text[end : end + 1]))
