"""Forms of the rewards pages. The service checks codes and contracts again under lock."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import programme
from kt_remedy.core.fields import TextField
from rewards import voucher_files

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


class ReasonForm(forms.Form):
    """The reason of an act, which stays in the audit."""

    reason = TextField(
        label=_("이유"),
        help_text=_("왜 하는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )


class VoucherForm(forms.Form):
    """A file of codes bought from a service. The cleaned data hold its `found` (`voucher_files.CodeList`).

    A file that could be read is kept for half an hour, encrypted, so that nobody chooses it again after a look at it or
    after another mistake on the page; `kept` names it.
    """

    service: Any = forms.ChoiceField(
        label=_("서비스"),
        widget=forms.RadioSelect,
        error_messages={"required": _("서비스를 골라 주세요."), "invalid_choice": _("서비스를 골라 주세요.")},
    )
    file = forms.FileField(
        label=_("파일"),
        help_text=_("한 줄에 번호 하나씩 적은 텍스트나 CSV 파일. 제목 줄은 건너뜁니다."),
        required=False,
        error_messages={"empty": _("빈 파일입니다.")},
    )
    reason = TextField(
        label=_("이유"),
        help_text=_("왜 하는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )
    accept = forms.BooleanField(label=_("이상한 줄을 확인했고, 번호가 맞습니다"), required=False)
    kept = TextField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, *args: Any, user_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user_id = user_id
        self.found: voucher_files.CodeList | None = None
        field = self.fields["service"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (f"{perk.code}:{choice.code}", choice.name) for perk in programme.current().perks for choice in perk.choices
        ]

    def clean(self) -> dict | None:
        """Read the file, or the one that is kept from the step before."""
        values = super().clean() or self.cleaned_data
        if "file" not in values:
            return values
        upload, token = values["file"], values.get("kept", "")
        if upload is None:
            content = voucher_files.kept(token, self._user_id) if token else None
            if content is None:
                again = _("파일을 다시 골라 주세요. 오래되어 지웠습니다.") if token else _("파일을 골라 주세요.")
                self.add_error("file", again)
                return values
        elif upload.size > UPLOAD_BYTES:
            self.add_error("file", _("파일이 너무 큽니다."))
            return values
        else:
            content = upload.read()
        try:
            found = voucher_files.read(content)
        except voucher_files.ListRefused as refused:
            self.add_error("file", f"{refused.message} {gettext('아무것도 올리지 않았습니다.')}")
            return values
        if not found.codes:
            self.add_error("file", _("번호가 하나도 없는 파일입니다."))
            return values
        self.found = values["found"] = found
        if upload is not None:
            data: Any = self.data
            self.data = {**data.dict(), self.add_prefix("kept"): voucher_files.keep(content, self._user_id)}
        return values
