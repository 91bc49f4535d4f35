"""Read CSV in bounded memory: records with the number of the physical line on which each begins.

Python's csv module cannot read the stream itself. It gives neither the first line of a record nor the position of a
byte that is not UTF-8, it ends a record at a lone carriage return, and one stray quotation mark makes it read the
remaining file into memory. A line without quotation marks is passed on unsplit, because the caller has a faster way.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

CHUNK_BYTES = 1 << 18
LONGEST_LINE = 1 << 20  # characters; a longer line is parsed piece by piece
LONGEST_VALUE = 5_000  # characters kept of one value; no column allows as many

_UNQUOTED_STOP = re.compile(r'[,\n"]')


class FeedError(Exception):
    """A file of a delivery cannot be read; the message gives cause and place in one sentence."""


class _Record:
    """Parser of one record that gets its text piece by piece; values may have line breaks and any length.

    As in Python's csv module, a quotation mark inside an unquoted value is a plain character, and text after a closing
    quotation mark belongs to the value.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        self.values: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._quoted = False
        self._closing = False  # a quotation mark in a quoted value was read: its end or half of a double one
        self._fresh = True  # no character of this value has been read
        self._plain_end = False  # the last character kept was outside quotation marks

    def _append(self, text: str, plain: bool) -> None:
        if text:
            self._fresh = False
            self._plain_end = plain
            if self._length <= LONGEST_VALUE:
                self._parts.append(text[: LONGEST_VALUE + 2 - self._length])
            self._length += len(text)
            if self._length > LONGEST_VALUE:  # too long to be good, so a final carriage return does not matter
                self._plain_end = False

    def _end_value(self) -> None:
        self.values.append("".join(self._parts))
        self._parts, self._length = [], 0
        self._quoted = self._closing = self._plain_end = False
        self._fresh = True

    def feed(self, text: str) -> bool:
        """Parse a piece of text; returns True if the record ended. It can end only with the last character."""
        at, end = 0, len(text)
        while at < end:
            if self._quoted and not self._closing:
                stop = text.find('"', at)
                if stop < 0:
                    self._append(text[at:], plain=False)
                    return False
                self._append(text[at:stop], plain=False)
                self._closing = True
                at = stop + 1
                continue
            if self._closing:
                self._closing = False
                self._plain_end = False
                if text[at] == '"':
                    self._append('"', plain=False)
                    at += 1
                    continue
                self._quoted = False
            match = _UNQUOTED_STOP.search(text, at)
            if match is None:
                self._append(text[at:], plain=True)
                return False
            self._append(text[at : match.start()], plain=True)
            at = match.end()
            if match.group() == ",":
                self._end_value()
            elif match.group() == "\n":
                self.finish()
                return True
            elif self._fresh:
                self._quoted, self._fresh = True, False
            else:
                self._append('"', plain=True)
        return False

    def finish(self) -> list[str]:
        """End the record at a line break or at the end of the file; returns its values."""
        if self._plain_end and self._parts and self._parts[-1].endswith("\r"):
            self._parts[-1] = self._parts[-1][:-1]
        self._end_value()
        return self.values


def _split(text: str) -> list[str] | None:
    """The values of a physical line with quotation marks, or None if the record may continue on the next line."""
    text = text.removesuffix("\r")
    if "\r" in text:
        return None
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error:
        return None


def read(file: BinaryIO, name: str) -> Iterator[list[tuple[int, str | list[str]]]]:
    """Yield the records of a CSV file in batches, as (line number, content).

    If a record is one physical line without quotation marks, the content is that line without its line break;
    otherwise the content is the list of values. Raises FeedError if the file is not UTF-8 or cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    incomplete, line, first = "", 0, True
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
            line_no = line + 1 + error.object.count(b"\n", 0, error.start)
            raise FeedError(
                f"{name} is not UTF-8: line {line_no} holds the byte 0x{error.object[error.start]:02X}"
            ) from None
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        pieces = text.split("\n")
        pieces[0] = incomplete + pieces[0]
        incomplete = pieces.pop()
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
        if len(incomplete) > LONGEST_LINE or (ended and (incomplete or record is not None)):
            if record is None:
                record = _Record(line + 1)
            record.feed(incomplete)
            incomplete = ""
            if ended:
                batch.append((record.line, record.finish()))
        if batch:
            yield batch
