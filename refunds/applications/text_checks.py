"""Refuse text that must not be stored."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Six digits of a birth date and seven more, the first of them 1 to 8: the form of a registration number.
_REGISTRATION = re.compile(r"(?<!\d)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])[-\s.]?[1-8]\d{6}(?!\d)")


def refuse_registration_number(text: str) -> None:
    """Raise ValidationError for text that looks like a resident registration number.

    None is stored anywhere (docs/architecture.md#people).
    """
    if _REGISTRATION.search(unicodedata.normalize("NFKC", text)):
        raise ValidationError(_("주민등록번호로 보이는 숫자가 있습니다. 지우고 다시 적어 주세요"), code="registration")
