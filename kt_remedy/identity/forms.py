"""The forms of identity verification."""

import datetime as dt
import re
from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import phones
from kt_remedy.core.fields import TextField
from kt_remedy.identity.provider import CARRIER_NAMES

_budget = lazy(lambda name: gettext("%(carrier)s 알뜰폰") % {"carrier": name}, str)
CARRIERS: list[tuple[str, Any]] = [
    ("", _("통신사를 골라 주세요")),
    *CARRIER_NAMES.items(),
    *((f"{code}_MVNO", _budget(name)) for code, name in CARRIER_NAMES.items()),
]


class PassAppForm(forms.Form):
    """Verification in the PASS app: carrier, name and number."""

    carrier = forms.ChoiceField(
        label=_("통신사"), choices=CARRIERS, error_messages={"required": _("지금 쓰는 통신사를 골라 주세요.")}
    )
    name = TextField(
        label=_("이름"),
        help_text=_("휴대폰이 가입된 이름 그대로 적어 주세요. 외국인은 가입할 때 쓴 영문 이름입니다."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("이름을 적어 주세요.")},
    )
    phone = TextField(
        label=_("휴대폰 번호"),
        help_text=_("본인 이름으로 가입한 번호입니다. 다른 통신사로 옮겼다면 지금 쓰는 번호를 적어 주세요."),
        max_length=20,
        widget=forms.TelInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
        error_messages={"required": _("휴대폰 번호를 적어 주세요.")},
    )

    def clean_name(self) -> str:
        """The name; Latin letters in capitals, as carriers register foreigners."""
        name: str = self.cleaned_data["name"]
        return name.upper()

    def clean_phone(self) -> str:
        """Bare digits from 010-1234-5678, 010 1234 5678 or +82 10 1234 5678 (docs/domain.md#c5)."""
        try:
            return phones.mobile(self.cleaned_data["phone"])
        except ValueError:
            raise forms.ValidationError(_("010으로 시작하는 11자리 번호를 적어 주세요.")) from None

    @property
    def identity_number(self) -> str | None:
        """Birth date and one digit (YYMMDDN) for a verification by SMS; None for the PASS app."""
        return None


class SmsForm(PassAppForm):
    """Verification by a code: the carrier also needs the birth date and one digit, which are not kept."""

    born = TextField(
        label=_("생년월일 6자리"),
        help_text=_("예: 1985년 3월 15일은 850315"),
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": _("생년월일을 6자리로 적어 주세요.")},
    )
    digit = TextField(
        label=_("주민등록번호 뒤 첫 숫자 하나"),
        help_text=_("외국인은 외국인등록번호 뒤 첫 숫자입니다. 통신사에 전하기만 하고 저장하지 않습니다."),
        max_length=1,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={
            "required": _("뒤 첫 숫자 하나를 적어 주세요."),
            "max_length": _("첫 숫자 하나만 적어 주세요. 나머지는 적지 마세요."),
        },
    )

    def clean_born(self) -> str:
        digits = phones.digits(self.cleaned_data["born"])
        if len(digits) == 8:  # many people write the year with four digits
            digits = digits[2:]
        try:
            dt.datetime.strptime(digits, "%y%m%d")  # noqa: DTZ007  validation only
        except ValueError:
            raise forms.ValidationError(_("생년월일을 850315처럼 6자리로 적어 주세요.")) from None
        return digits

    def clean_digit(self) -> str:
        digit = phones.digits(self.cleaned_data["digit"])
        if not re.fullmatch(r"[0-9]", digit):
            raise forms.ValidationError(_("숫자 하나를 적어 주세요."))
        return digit

    @property
    def identity_number(self) -> str | None:
        return self.cleaned_data["born"] + self.cleaned_data["digit"]


class SmsSecondForm(SmsForm):
    """The second page of a verification by SMS: the answers of the first page go along unseen, two more are asked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in PassAppForm.base_fields:
            self.fields[name].widget = forms.HiddenInput()


class CodeForm(forms.Form):
    """The code from the SMS; spaces and hyphens are ignored."""

    code = TextField(
        label=_("인증번호 6자리"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": _("문자로 받은 인증번호를 적어 주세요.")},
    )

    def clean_code(self) -> str:
        digits = phones.digits(self.cleaned_data["code"])
        if len(digits) != 6:
            raise forms.ValidationError(_("인증번호는 숫자 6자리입니다."))
        return digits
