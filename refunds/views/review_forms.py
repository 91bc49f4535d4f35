"""Forms of the reviewers: a decision by reasons, putting a case aside, the answer to an objection."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.fields import DayField, NumberField, TextField
from refunds.applications import letters, objection_answers, reviews
from refunds.applications.reviews import AGREE, APPROVE, ASK_DOCUMENTS, REJECT, Verdict
from refunds.applications.submit import LateReasonInput
from refunds.applications.text_checks import refuse_registration_number
from refunds.models.applications import LateReason
from refunds.views.forms import PlainForm

_ACT_LABELS = {
    AGREE: gettext_lazy("처음 결정대로"),
    APPROVE: gettext_lazy("승인"),
    REJECT: gettext_lazy("거절"),
    ASK_DOCUMENTS: gettext_lazy("서류 더 받기"),
}
# What a person is about to do; in English another word than for what was done.
_CHOICES = _ACT_LABELS | {APPROVE: gettext_lazy("승인하기"), REJECT: gettext_lazy("거절하기")}
# What the button does that tells the customer.
_SENDS = {
    AGREE: gettext_lazy("처음 결정을 알리고 다음 건"),
    APPROVE: gettext_lazy("승인을 알리고 다음 건"),
    REJECT: gettext_lazy("거절을 알리고 다음 건"),
    ASK_DOCUMENTS: gettext_lazy("서류를 요청하고 다음 건"),
}
KEYS = {AGREE: "Y", APPROVE: "A", REJECT: "R", ASK_DOCUMENTS: "D"}
_DAY_ERRORS = {"invalid": gettext_lazy("날짜를 2026-02-03처럼 적어 주세요")}
_DAY_FORMATS = ["%Y-%m-%d", "%Y%m%d", "%Y.%m.%d"]


def act_label(act: str) -> str:
    """The name of an act for staff."""
    return str(_ACT_LABELS[act])


def send_label(act: str) -> str:
    """The words of the button that sends an act."""
    return str(_SENDS[act])


class CaseForm(PlainForm):
    """A decision: the act, its reasons with their dates, and a note that only staff read."""

    act = forms.ChoiceField(
        label=gettext_lazy("결정"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("결정을 골라 주세요"),
            "invalid_choice": gettext_lazy("결정을 골라 주세요"),
        },
    )
    codes = forms.MultipleChoiceField(label=gettext_lazy("이유"), required=False, widget=forms.CheckboxSelectMultiple)
    kind = forms.ChoiceField(label=gettext_lazy("확인된 이유"), required=False, choices=LateReason.Kind.choices)
    ended_on = DayField(
        label=gettext_lazy("사정이 끝난 날"),
        required=False,
        input_formats=_DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages=_DAY_ERRORS,
    )
    earlier_date = forms.BooleanField(
        label=gettext_lazy("앞서 거절한 것은 우리 잘못이니 그때 신청일로 봄"), required=False
    )
    words = TextField(
        label=gettext_lazy("직원만 보는 메모(없으면 비움)"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        required=False,
        validators=[refuse_registration_number],
    )

    def __init__(
        self,
        data: Any = None,
        *,
        acts: list[str],
        case_kind: str,
        days: dict[str, dt.date],
        hardship: bool = False,
        earlier: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self.acts = acts
        self.groups = {act: letters.reasons_for(act, case_kind) for act in acts if act != AGREE}
        # Those that fit the kind stand first; all of them where none does.
        self.first = {
            act: sum(case_kind in reason.kinds for reason in rows) or len(rows) for act, rows in self.groups.items()
        }
        self.fields["act"].choices = [(act, _CHOICES[act]) for act in acts]  # type: ignore[attr-defined]
        reasons = [reason for rows in self.groups.values() for reason in rows]
        self.fields["codes"].choices = [(r.code, r.label) for r in reasons]  # type: ignore[attr-defined]
        for reason in reasons:
            if reason.asks:
                self.fields[f"day_{reason.code}"] = DayField(
                    label=reason.question, required=False, input_formats=_DAY_FORMATS,
                    initial=days.get(reason.code), error_messages=_DAY_ERRORS,
                    widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
                )  # fmt: skip
        if hardship and APPROVE in acts:
            self.fields["ended_on"].help_text = _(
                "아직 끝나지 않았으면 비워 두세요. 끝나고 %(days)s일 안에 한 신청만 승인됩니다."
            ) % {"days": reviews.HARDSHIP_DAYS}
        else:
            del self.fields["kind"], self.fields["ended_on"]
        if not earlier:
            del self.fields["earlier_date"]

    def choices_by_act(self) -> list[dict[str, Any]]:
        """Each act with its key, and its reasons: those of this kind of case, and the others."""
        picked = set(self["codes"].value() or ())
        rows = []
        for act in self.acts:
            reasons = [
                {
                    "reason": reason,
                    "checked": reason.code in picked,
                    "day": self[f"day_{reason.code}"] if reason.asks else None,
                    "key": number if number < 10 else "",
                }
                for number, reason in enumerate(self.groups.get(act, ()), 1)
            ]
            first = self.first.get(act, 0)
            rows.append(
                {
                    "act": act, "label": _CHOICES[act], "key": KEYS[act], "checked": self["act"].value() == act,
                    "first": reasons[:first], "others": reasons[first:],
                }
            )  # fmt: skip
        return rows

    def verdict(self) -> Verdict:
        """The decision as it was entered; reasons of other acts are left out."""
        answers = self.cleaned_data
        act = answers["act"]
        own = {reason.code for reason in self.groups.get(act, ())}
        codes = [code for code in answers["codes"] if code in own]
        days = {code: answers.get(f"day_{code}") for code in codes}
        late = LateReasonInput(answers["kind"], answers["ended_on"]) if answers.get("kind") else None
        return Verdict(
            act, codes, {code: day for code, day in days.items() if day}, answers["words"], late,
            answers.get("earlier_date", False),
        )  # fmt: skip


class ParkForm(PlainForm):
    """The day until which a case is put off, and what it waits for."""

    until = DayField(
        label=gettext_lazy("언제 다시 볼까요"),
        input_formats=_DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={**_DAY_ERRORS, "required": gettext_lazy("날짜를 적어 주세요")},
    )
    waits_for = TextField(
        label=gettext_lazy("무엇을 기다리나요"),
        max_length=200,
        validators=[refuse_registration_number],
        error_messages={"required": gettext_lazy("무엇을 기다리는지 적어 주세요")},
    )


class QuestionForm(PlainForm):
    """A question to the supervisors, or their answer."""

    question = TextField(
        label=gettext_lazy("심사 책임자에게 물을 것"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        validators=[refuse_registration_number],
        error_messages={"required": gettext_lazy("적어 주세요")},
    )


class SupervisorAnswerForm(PlainForm):
    """The answer of a supervisor to a reviewer."""

    reply = TextField(
        label=gettext_lazy("심사자에게 주는 답"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=500,
        validators=[refuse_registration_number],
        error_messages={"required": gettext_lazy("답을 적어 주세요")},
    )


class AnswerForm(PlainForm):
    """The answer to an objection, by reasons that become its letter."""

    act = forms.ChoiceField(
        label=gettext_lazy("이의를 받아들일까요"),
        widget=forms.RadioSelect,
        choices=[
            (objection_answers.UPHOLD, gettext_lazy("받아들임")),
            (objection_answers.DECLINE, gettext_lazy("받아들이지 않음")),
        ],
        error_messages={
            "required": gettext_lazy("받아들일지 골라 주세요"),
            "invalid_choice": gettext_lazy("받아들일지 골라 주세요"),
        },
    )
    codes = forms.MultipleChoiceField(
        label=gettext_lazy("이유"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("이유를 하나 이상 골라 주세요")},
    )
    difference_krw = NumberField(
        label=gettext_lazy("받아들이면 더 드릴 금액(원)"),
        help_text=gettext_lazy("이미 승인한 금액은 그대로 나가고, 이 차액은 예외 정정으로 따로 나갑니다."),
        min_value=1,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    applied_on = DayField(
        label=gettext_lazy("받아들이면 맞는 신청일"),
        help_text=gettext_lazy("이날 신청한 것으로 고쳐 다시 판단합니다."),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        input_formats=_DAY_FORMATS,
        error_messages=_DAY_ERRORS,
    )
    words = TextField(
        label=gettext_lazy("직원만 보는 메모(없으면 비움)"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        required=False,
        validators=[refuse_registration_number],
    )

    def __init__(self, *args: Any, about_amount: bool, about_day: bool, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = {
            act: letters.reasons_for(act, kind) for act in (objection_answers.UPHOLD, objection_answers.DECLINE)
        }
        codes = self.fields["codes"]
        codes.choices = [(r.code, r.label) for rows in self.groups.values() for r in rows]  # type: ignore[attr-defined]
        if not about_amount:
            del self.fields["difference_krw"]
        if not about_day:
            del self.fields["applied_on"]

    def choices_by_act(self) -> list[dict[str, Any]]:
        """Each answer with its reasons."""
        picked = set(self["codes"].value() or ())
        return [
            {
                "act": act, "label": label, "checked": self["act"].value() == act,
                "first": [{"reason": r, "checked": r.code in picked, "key": ""} for r in self.groups[act]],
            }
            for act, label in self.fields["act"].choices  # type: ignore[attr-defined]
        ]  # fmt: skip

    def picked(self) -> list[str]:
        """The reasons of the chosen answer."""
        own = {reason.code for reason in self.groups[self.cleaned_data["act"]]}
        return [code for code in self.cleaned_data["codes"] if code in own]

    def clean(self) -> dict[str, Any]:
        """An upheld objection says the difference of the amount (D-72), or the right day (D-99)."""
        cleaned = super().clean() or {}
        upheld = cleaned.get("act") == objection_answers.UPHOLD
        if "difference_krw" in self.fields and upheld and not self.errors and not cleaned.get("difference_krw"):
            self.add_error("difference_krw", gettext_lazy("더 드릴 금액을 적어 주세요"))
        if "applied_on" in self.fields and upheld and not self.errors and not cleaned.get("applied_on"):
            self.add_error("applied_on", gettext_lazy("맞는 신청일을 적어 주세요"))
        return cleaned
