"""What staff type on the payout pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

UPLOAD_BYTES = 256 << 20


class ReasonForm(forms.Form):
    """An act that is recorded with its reason."""

    reason = forms.CharField(
        label=_("이유"),
        help_text=_("왜 하는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )


class ConfirmForm(forms.Form):
    """An act that needs a yes and nothing else."""


class TotalForm(forms.Form):
    """The checker types what leaves; the digest says what they were looking at."""

    total = forms.CharField(
        label=_("나가는 합계를 직접 적으세요"),
        help_text=_("원 단위 숫자. 쉼표는 있어도 없어도 됩니다."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": _("나가는 합계를 적어 주세요.")},
    )
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def clean_total(self) -> int:
        """The sum in won."""
        plain = self.cleaned_data["total"].replace(",", "").removesuffix("원").strip()
        if not plain.isascii() or not plain.isdigit():
            raise forms.ValidationError(_("숫자로 적어 주세요."))
        return int(plain)


class UploadForm(forms.Form):
    """A file of the bank."""

    file = forms.FileField(
        label=_("파일"),
        help_text=_("은행에서 받은 그대로 올려 주세요."),
        error_messages={"required": _("파일을 골라 주세요."), "empty": _("빈 파일입니다.")},
    )

    def clean_file(self) -> object:
        """The file, unless it is larger than any result can be."""
        given = self.cleaned_data["file"]
        if given.size > UPLOAD_BYTES:
            raise forms.ValidationError(_("파일이 너무 큽니다."))
        return given


class AdjustmentForm(ReasonForm):
    """How much more is owed for an application, and why."""

    amount = forms.IntegerField(
        label=_("더 드릴 금액(원)"), min_value=1, error_messages={"required": _("금액을 적어 주세요.")}
    )
    field_order = ("amount", "reason")
