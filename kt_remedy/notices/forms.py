"""Forms for a pasted message and for an opt-out by telephone."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import phones
from kt_remedy.core.fields import TextField
from kt_remedy.notices import texts

# Two long messages and what telephones add; a longer text is no copy of messages.
MOST_SIGNS = 2 * texts.LMS_BYTES


class PastedMessageForm(forms.Form):
    """The text of a received message, which is compared and not kept."""

    text = TextField(
        label=_("받은 문자"),
        help_text=_("문자를 길게 눌러 복사한 뒤 붙여 넣으세요. 일부만 있어도, 여러 개를 함께 넣어도 됩니다."),
        max_length=MOST_SIGNS,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={
            "required": _("받은 문자 내용을 넣어 주세요."),
            "max_length": _("너무 깁니다. 확인하실 문자만 넣어 주세요."),
        },
    )


class NumberForm(forms.Form):
    """The number of a caller, for an opt-out entered by an agent."""

    number = TextField(
        label=_("휴대폰 번호"),
        help_text=_("전화하신 분이 쓰시는 번호입니다. 숫자만 적어도 됩니다."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
        error_messages={"required": _("휴대폰 번호를 적어 주세요.")},
    )

    def clean_number(self) -> str:
        number = phones.key(self.cleaned_data["number"])
        if not re.fullmatch(r"01\d{8,9}", number):
            raise forms.ValidationError(_("01로 시작하는 휴대폰 번호를 적어 주세요."))
        return number
