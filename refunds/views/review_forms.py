"""What reviewers fill in."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from refunds.applications import reviews
from refunds.applications.forms import PlainForm, refuse_registration_number
from refunds.models.applications import LateReason

_WORDS = {
    "required": _("사유를 적어 주세요"),
    "max_length": _("%(limit_value)s자 안으로 적어 주세요"),
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


class CaseForm(DecisionForm):
    """The decision on one case; what came late or follows a rejected one asks a little more."""

    kind = forms.ChoiceField(label=_("확인된 까닭"), required=False, choices=LateReason.Kind.choices)
    ended_on = forms.DateField(
        label=_("사정이 끝난 날"),
        required=False,
        input_formats=["%Y-%m-%d", "%Y%m%d", "%Y.%m.%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("날짜를 2026-02-03처럼 적어 주세요")},
    )
    earlier_date = forms.BooleanField(label=_("앞서 거절한 것은 우리 잘못이니 그때 신청일로 봄"), required=False)
    field_order = ("act", "kind", "ended_on", "earlier_date", "words")

    def __init__(self, data: Any = None, *, hardship: bool, approves: bool, earlier: bool, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        if not (hardship and approves):
            del self.fields["kind"], self.fields["ended_on"]
        else:
            self.fields["ended_on"].help_text = gettext(
                "아직 끝나지 않았으면 비워 두세요. 끝나고 %(days)s일 안에 한 신청만 승인됩니다."
            ) % {"days": reviews.HARDSHIP_DAYS}
        if not earlier:
            del self.fields["earlier_date"]
        if not approves:
            act = self.fields["act"]
            act.choices = [choice for choice in act.choices if choice[0] != reviews.APPROVE]  # type: ignore[attr-defined]


class ReasonForm(PlainForm):
    """Why a document is looked at."""

    reason = forms.CharField(
        label=_("보는 까닭"),
        max_length=200,
        validators=[refuse_registration_number],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("보는 까닭을 적어 주세요.")},
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
        error_messages={"required": _("답변을 적어 주세요"), "max_length": _("%(limit_value)s자 안으로 적어 주세요")},
    )
