from django import forms
from django.utils.translation import gettext_lazy as _

from kt_remedy.notices import texts


class CheckForm(forms.Form):
    """A message somebody received; compared and forgotten."""

    text = forms.CharField(
        label=_("받은 문자 내용"),
        help_text=_("문자를 길게 눌러 복사한 뒤 전부 붙여 넣으세요. 넣은 내용은 저장하지 않습니다."),
        max_length=texts.LMS_BYTES,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={
            "required": _("받은 문자 내용을 넣어 주세요."),
            "max_length": _("문자 하나의 내용만 넣어 주세요."),
        },
    )
