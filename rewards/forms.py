"""Forms of the rewards pages. The service checks codes and contracts again under lock."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import programme
from kt_remedy.core.fields import TextField
from rewards import service

UPLOAD_BYTES = 8 << 20


class ChoiceForm(forms.Form):
    """Choice of a service for a line. `ward` is the customer number of a child, empty for the own line."""

    perk = TextField(max_length=40)
    contract = TextField(max_length=20)
    ward = TextField(max_length=20, required=False)
    choice = TextField(max_length=40, error_messages={"required": _("보고 싶은 서비스를 하나 골라 주세요")})


class PerkForm(forms.Form):
    """A perk, with the contract if it is by line. `ward` as in ChoiceForm."""

    perk = TextField(max_length=40)
    contract = TextField(max_length=20, required=False)
    ward = TextField(max_length=20, required=False)


class VoucherForm(forms.Form):
    """A file of codes bought from a service. The cleaned data hold the codes under `codes`."""

    service: Any = forms.ChoiceField(
        label=_("서비스"),
        widget=forms.RadioSelect,
        error_messages={"required": _("서비스를 골라 주세요."), "invalid_choice": _("서비스를 골라 주세요.")},
    )
    file = forms.FileField(
        label=_("파일"),
        help_text=_("한 줄에 번호 하나씩 적은 텍스트 파일. 제목 줄이나 쉼표는 없어야 합니다."),
        error_messages={"required": _("파일을 골라 주세요."), "empty": _("빈 파일입니다.")},
    )
    reason = TextField(
        label=_("이유"),
        help_text=_("왜 하는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["service"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (f"{perk.code}:{choice.code}", choice.name) for perk in programme.current().perks for choice in perk.choices
        ]

    def clean_file(self) -> object:
        """The file. Its codes are added to the cleaned data."""
        file = self.cleaned_data["file"]
        if file.size > UPLOAD_BYTES:
            raise forms.ValidationError(_("파일이 너무 큽니다."))
        try:
            self.cleaned_data["codes"] = service.voucher_codes(file.read().decode("utf-8"))
        except UnicodeDecodeError:
            raise forms.ValidationError(_("텍스트 파일(UTF-8)이 아닙니다. 아무것도 올리지 않았습니다.")) from None
        except ValueError as error:
            raise forms.ValidationError(
                _("%(line)s번째 줄은 이용권 번호가 아닙니다. 아무것도 올리지 않았습니다."),
                params={"line": error.args[0]},
            ) from None
        if not self.cleaned_data["codes"]:
            raise forms.ValidationError(_("번호가 하나도 없는 파일입니다."))
        return file
