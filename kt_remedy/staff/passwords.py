"""Words that no password of staff may be built on (docs/operations.md#accounts-and-rights)."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

WORDS = ("kt", "olleh", "remedy", "refund", "portal", "giga", "admin", "checker", "maker", "auditor", "password")
# Letters that must remain beside the words.
LEAST_BESIDE = 6


class ContextWords:
    """Refuse a password of which little is left without the words of the service."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError for a password like `kt-refund-2026`."""
        rest = re.sub("|".join(WORDS), "", password.lower())
        if rest != password.lower() and len(re.sub(r"[\W\d_]", "", rest)) < LEAST_BESIDE:
            raise ValidationError(self.get_help_text(), code="context_word")

    def get_help_text(self) -> str:
        """The sentence under the field."""
        return _("회사나 서비스 이름, 직무 이름에 숫자만 더한 비밀번호는 쓸 수 없습니다.")
