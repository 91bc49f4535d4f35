"""What reviewers fill in."""

from django import forms
from django.utils.translation import gettext_lazy as _

from refunds.applications import reviews
from refunds.applications.forms import PlainForm, refuse_registration_number

_WORDS = {
    "required": _("사유를 적어 주세요"),
    "max_length": _("2,000자 안으로 적어 주세요"),
}


class DecisionForm(PlainForm):
    """One decision and its reason."""

    act = forms.ChoiceField(
        label=_("결정"),
        widget=forms.RadioSelect,
        choices=[
            (reviews.APPROVE, _("승인: 나머지 확인(계좌, 청구, 납부)으로 넘김")),
            (reviews.REJECT, _("거절")),
            (reviews.ASK_DOCUMENTS, _("서류 요청")),
        ],
        error_messages={"required": _("결정을 골라 주세요"), "invalid_choice": _("결정을 골라 주세요")},
    )
    words = forms.CharField(
        label=_("사유"),
        help_text=_("거절과 서류 요청의 사유는 고객이 그대로 읽습니다."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        validators=[refuse_registration_number],
        error_messages=_WORDS,
    )


class WordsForm(PlainForm):
    """A reason alone, as for an undo."""

    words = forms.CharField(
        label=_("사유"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        validators=[refuse_registration_number],
        error_messages=_WORDS,
    )


class AnswerForm(PlainForm):
    """The answer to an objection."""

    uphold = forms.ChoiceField(
        label=_("이의를 받아들일까요"),
        widget=forms.RadioSelect,
        choices=[("yes", _("받아들임: 환급 대상으로 바꿈")), ("no", _("받아들이지 않음"))],
        error_messages={"required": _("받아들일지 골라 주세요"), "invalid_choice": _("받아들일지 골라 주세요")},
    )
    words = forms.CharField(
        label=_("고객에게 드리는 답변"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        validators=[refuse_registration_number],
        error_messages={"required": _("답변을 적어 주세요"), "max_length": _("2,000자 안으로 적어 주세요")},
    )
