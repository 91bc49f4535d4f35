"""Form fields for what people type or paste; every form uses these in place of Django's (D-73)."""

import datetime as dt
import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, dates, text


class TextField(forms.CharField):
    """Text that passed the gate before its length is counted; a field of several lines keeps its lines."""

    default_error_messages = {"required": gettext_lazy("이 칸을 적어 주세요.")}

    def to_python(self, value: Any) -> str | None:
        """The clean text; the empty value where nothing is left."""
        value = super().to_python(value)
        if not value:
            return value
        clean = text.clean_lines if isinstance(self.widget, forms.Textarea) else text.clean
        return clean(value) or self.empty_value


class KeyField(TextField, forms.SlugField):
    """A short key of letters, digits, hyphens and underscores."""


# Years that a form takes: a day before the first of the calendar, or after the last, is no date and ended in a fault.
YEARS = range(dt.MINYEAR + 1, dt.MAXYEAR)


class DayField(forms.DateField):
    """A day as people write it, beside the formats of the field; the year needs its century where two are possible."""

    def to_python(self, value: Any) -> dt.date | None:
        """The day, or None for an empty field. Raises ValidationError where the text is no single day of `YEARS`."""
        day = self._day(value)
        if day is not None and day.year not in YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return day

    def _day(self, value: Any) -> dt.date | None:
        if isinstance(value, str):
            value = text.clean(value)
        try:
            return super().to_python(value)
        except ValidationError:
            days = dates.days_of(value, today=clock.today()) if isinstance(value, str) else []
            if len(days) == 1:
                return days[0]
            raise


class NumberField(forms.IntegerField):
    """A whole number with or without commas, spaces and its unit: 1,234,567원."""

    def to_python(self, value: Any) -> int | None:
        """The number, or None for an empty field. Raises ValidationError for any other text."""
        return super().to_python(plain_number(value) if isinstance(value, str) else value)


def plain_number(typed: str) -> str:
    """A number as plain digits and sign where it is one; what is not part of a number stays, to be refused."""
    plain = unicodedata.normalize("NFKC", text.clean(typed))
    return re.sub(r"[,\s]", "", plain).removesuffix("원").removeprefix("₩")
