"""The form of the call check."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import phones
from kt_remedy.core.fields import TextField


class CallForm(forms.Form):
    """The number that was called and the four digits that the caller read out."""

    use_required_attribute = False
    number = TextField(
        label=_("전화를 받은 번호"),
        help_text=_("지금 통화하고 계신 고객님의 번호입니다. 저장하지 않습니다."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
        error_messages={"required": _("전화를 받은 번호를 적어 주세요")},
    )
    digits = TextField(
        label=_("직원이 부른 숫자 네 자리"),
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "code-input"}),
        error_messages={"required": _("직원이 부른 숫자 네 자리를 적어 주세요")},
    )

    def clean_digits(self) -> str:
        """The four digits. Raises ValidationError for any other number of them."""
        digits = phones.digits(self.cleaned_data["digits"])
        if not re.fullmatch(r"\d{4}", digits):
            raise forms.ValidationError(_("숫자 네 자리를 적어 주세요"))
        return digits
