"""What the rewards pages accept. Codes and contracts are checked again, under lock, by the service."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import programme
from rewards import service

UPLOAD_BYTES = 8 << 20


class ChoiceForm(forms.Form):
    """One service for one line; `ward` is the customer number of the child it is for, empty for oneself."""

    perk = forms.CharField(max_length=40)
    contract = forms.CharField(max_length=20)
    ward = forms.CharField(max_length=20, required=False)
    choice = forms.CharField(max_length=40, error_messages={"required": _("보고 싶은 서비스를 하나 골라 주세요")})


class PerkForm(forms.Form):
    """One perk, and for one by line the contract."""

    perk = forms.CharField(max_length=40)
    contract = forms.CharField(max_length=20, required=False)
    ward = forms.CharField(max_length=20, required=False)


class VoucherForm(forms.Form):
    """A file of codes bought from a service. `codes` in the cleaned data are the codes in it."""

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
    reason = forms.CharField(
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
        """The file; its codes are kept beside it."""
        given = self.cleaned_data["file"]
        if given.size > UPLOAD_BYTES:
            raise forms.ValidationError(_("파일이 너무 큽니다."))
        try:
            self.cleaned_data["codes"] = service.voucher_codes(given.read().decode("utf-8"))
        except UnicodeDecodeError:
            raise forms.ValidationError(_("텍스트 파일(UTF-8)이 아닙니다. 아무것도 올리지 않았습니다.")) from None
        except ValueError as error:
            raise forms.ValidationError(
                _("%(line)s번째 줄은 이용권 번호가 아닙니다. 아무것도 올리지 않았습니다."),
                params={"line": error.args[0]},
            ) from None
        if not self.cleaned_data["codes"]:
            raise forms.ValidationError(_("번호가 하나도 없는 파일입니다."))
        return given
