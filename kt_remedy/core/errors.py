"""The one kind of refusal: an act that the rules do not allow now."""

from collections.abc import Mapping
from typing import Any, ClassVar


class Refused(Exception):
    """An act that is not possible now; nothing was changed.

    `code` is a fixed word for programs and tests, `message` a sentence in the reader's language that says what to do.
    Each package subclasses it. A package that refuses by code alone lists the sentence of each code in `sentences`.
    """

    sentences: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self._message = message

    @property
    def message(self) -> str:
        """The sentence for the person who tried, in the language of the page. No personal data."""
        return self._message or str(self.sentences.get(self.code, self.code))
