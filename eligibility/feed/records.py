"""CSV as the billing system sends it: records with the physical line on which each begins, in bounded memory.

Python's csv module cannot be used on the stream itself: it tells neither the line a record begins on nor the place of
a byte that is not UTF-8, takes a lone carriage return for the end of a record, and lets one stray quotation mark pull
the rest of the file into memory. Here a line without a quotation mark is left as it is for the caller's own fast path.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

CHUNK_BYTES = 1 << 18
LONGEST_LINE = 1 << 20  # characters; beyond it a line is taken apart as it comes
LONGEST_VALUE = 5_000  # characters kept of one value; no column allows more

_UNQUOTED_STOP = re.compile(r'[,\n"]')


class FeedError(Exception):
    """A file that cannot be read at all; the message is one sentence that says what and where."""


class _Record:
    """One record being taken apart, piece by piece: quotation marks, line breaks inside them, values of any length.

    As csv does, a quotation mark inside a plain value stands for itself, and text after a closing one is kept.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        self.values: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._quoted = False
        self._closing = False  # a quotation mark inside a quoted value: its end, or the first of a doubled one
        self._fresh = True  # nothing of this value has been seen
        self._plain_end = False  # the last character kept stood outside quotation marks

    def _keep(self, text: str, plain: bool) -> None:
        if text:
            self._fresh = False
            self._plain_end = plain
            if self._length <= LONGEST_VALUE:
                self._parts.append(text[: LONGEST_VALUE + 2 - self._length])
            self._length += len(text)
            if self._length > LONGEST_VALUE:  # a carriage return at its very end no longer matters
                self._plain_end = False

    def _end_value(self) -> None:
        self.values.append("".join(self._parts))
        self._parts, self._length = [], 0
        self._quoted = self._closing = self._plain_end = False
        self._fresh = True

    def feed(self, text: str) -> bool:
        """Take in text; True once the record has ended, which it does with the text's last character."""
        at, end = 0, len(text)
        while at < end:
            if self._quoted and not self._closing:
                stop = text.find('"', at)
                if stop < 0:
                    self._keep(text[at:], plain=False)
                    return False
                self._keep(text[at:stop], plain=False)
                self._closing = True
                at = stop + 1
                continue
            if self._closing:
                self._closing = False
                self._plain_end = False
                if text[at] == '"':
                    self._keep('"', plain=False)
                    at += 1
                    continue
                self._quoted = False
            match = _UNQUOTED_STOP.search(text, at)
            if match is None:
                self._keep(text[at:], plain=True)
                return False
            self._keep(text[at : match.start()], plain=True)
            at = match.end()
            if match.group() == ",":
                self._end_value()
            elif match.group() == "\n":
                self.finish()
                return True
            elif self._fresh:
                self._quoted, self._fresh = True, False
            else:
                self._keep('"', plain=True)
        return False

    def finish(self) -> list[str]:
        """End the record, at a line break or at the end of the file."""
        if self._plain_end and self._parts and self._parts[-1].endswith("\r"):
            self._parts[-1] = self._parts[-1][:-1]
        self._end_value()
        return self.values


def _split(text: str) -> list[str] | None:
    """The values of a physical line with quotation marks, or None if the record may go on beyond it."""
    text = text.removesuffix("\r")
    if "\r" in text:
        return None
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error:
        return None


def read(file: BinaryIO, name: str) -> Iterator[list[tuple[int, str | list[str]]]]:
    """Yield the records of a CSV file in batches, as (line, content).

    The content is the physical line as it stands, its line break and carriage return removed, where that line is a
    record by itself and holds no quotation mark; else the list of values. Raise FeedError where the file is not UTF-8
    or cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest, line, first = "", 0, True
    record: _Record | None = None
    ended = False
    while not ended:
        try:
            chunk = file.read(CHUNK_BYTES)
        except OSError as error:
            raise FeedError(f"{name} cannot be read: {error.strerror or error}") from None
        ended = not chunk
        try:
            text = decoder.decode(chunk, final=ended)
        except UnicodeDecodeError as error:
            at = line + 1 + error.object.count(b"\n", 0, error.start)
            raise FeedError(
                f"{name} is not UTF-8: line {at} holds the byte 0x{error.object[error.start]:02X}"
            ) from None
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        pieces = text.split("\n")
        pieces[0] = rest + pieces[0]
        rest = pieces.pop()
        batch: list[tuple[int, str | list[str]]] = []
        for piece in pieces:
            line += 1
            if record is not None:
                if record.feed(piece + "\n"):
                    batch.append((record.line, record.values))
                    record = None
            elif '"' not in piece:
                batch.append((line, piece[:-1] if piece.endswith("\r") else piece))
            else:
                values = _split(piece) if len(piece) <= LONGEST_LINE else None
                if values is not None:
                    batch.append((line, values))
                else:
                    record = _Record(line)
                    if record.feed(piece + "\n"):
                        batch.append((line, record.values))
                        record = None
        if len(rest) > LONGEST_LINE or (ended and (rest or record is not None)):
            if record is None:
                record = _Record(line + 1)
            record.feed(rest)
            rest = ""
            if ended:
                batch.append((record.line, record.finish()))
        if batch:
            yield batch
