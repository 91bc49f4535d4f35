"""Forms of the payout pages."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import masking
from kt_remedy.core.fields import DayField, NumberField, TextField, plain_number
from kt_remedy.staff.models import User
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.statements import Suspense

UPLOAD_BYTES = 256 << 20


class ReasonForm(forms.Form):
    """An action that is recorded with its reason."""

    reason = TextField(
        label=_("이유"),
        help_text=_("왜 하는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )


class ToldForm(forms.Form):
    """Who in finance was told."""

    told_to = TextField(
        label=_("재무의 누구에게 알렸나"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("재무의 누구에게 알렸는지 적어 주세요.")},
    )


class SelectionForm(ReasonForm):
    """Selected items, by their keys, and the reason of the act on them."""

    items = TextField(widget=forms.HiddenInput, max_length=20_000)


class ConfirmForm(forms.Form):
    """An action that needs a confirmation only."""


class TypedTotalForm(forms.Form):
    """The total that a person types."""

    total = TextField(
        label=_("나가는 합계를 직접 적으세요"),
        help_text=_("원 단위 숫자. 쉼표는 있어도 없어도 됩니다."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": _("나가는 합계를 적어 주세요.")},
    )

    def clean_total(self) -> int:
        """The sum in won."""
        plain = plain_number(self.cleaned_data["total"])
        if not plain.isascii() or not plain.isdigit():
            raise forms.ValidationError(_("숫자로 적어 주세요."))
        return int(plain)


class HandOverForm(TypedTotalForm):
    """The total that the maker types at the hand-over, and the confirmation of the funds."""

    funds_confirmed = forms.BooleanField(
        label=_("지급 계좌에 이 금액이 있음을 재무에 확인했습니다"),
        error_messages={"required": _("지급 계좌에 돈이 있는지 확인해 주세요.")},
    )

    def clean(self) -> dict:
        """The values under the names of `files.hand_over`."""
        values = super().clean() or self.cleaned_data
        if "total" in values:
            values["typed_total"] = values.pop("total")
        return values


class TotalForm(TypedTotalForm):
    """The total that the checker types, and the digest of the page that was shown."""

    digest = TextField(widget=forms.HiddenInput, max_length=64)


class PartForm(TypedTotalForm):
    """The total of a part that the checker types, and the SHA-256 of the part that was shown."""

    sha256 = TextField(widget=forms.HiddenInput, max_length=64)


class UploadForm(forms.Form):
    """A file of the bank."""

    file = forms.FileField(
        label=_("파일"),
        help_text=_("은행에서 받은 그대로 올려 주세요."),
        error_messages={"required": _("파일을 골라 주세요."), "empty": _("빈 파일입니다.")},
    )

    def clean_file(self) -> object:
        """The file, unless it is larger than any result can be."""
        upload = self.cleaned_data["file"]
        if upload.size > UPLOAD_BYTES:
            raise forms.ValidationError(_("파일이 너무 큽니다."))
        return upload


class WonField(NumberField):
    """A sum in won, typed."""

    default_error_messages = {
        "required": _("금액을 적어 주세요."),
        "invalid": _("숫자로 적어 주세요."),
        "min_value": _("금액은 1원 이상이어야 합니다."),
    }
    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})


class AdjustmentForm(ReasonForm):
    """The cause, the amount and the reason of a correction."""

    cause = forms.ChoiceField(
        label=_("무엇이 잘못되었나"),
        choices=[choice for choice in Adjustment.Cause.choices if choice[0] != Adjustment.Cause.OBJECTION],
        widget=forms.RadioSelect,
        error_messages={"required": _("무엇이 잘못되었는지 골라 주세요.")},
    )
    amount_krw = WonField(label=_("차액(원)"), min_value=1)
    field_order = ("cause", "amount_krw", "reason")


class ExceptionForm(AdjustmentForm):
    """A correction by exception; of an upheld objection if it says which."""

    cause = forms.ChoiceField(
        label=_("무엇이 잘못되었나"),
        choices=Adjustment.Cause.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("무엇이 잘못되었는지 골라 주세요.")},
    )
    objection_id = forms.UUIDField(required=False, widget=forms.HiddenInput)


class TypedAmountForm(forms.Form):
    """The amount of an exception, typed by the person who approves it."""

    typed_krw = WonField(
        label=_("예외로 나가는 금액을 직접 적으세요(원)"),
        help_text=_("잔액을 넘는 정정입니다. 위에 적힌 금액을 보고 다시 적어 주세요."),
        min_value=1,
    )


class OfflinePaymentForm(forms.Form):
    """An offline payment: its way, day, receipt, and the amount, typed to be compared."""

    way = forms.ChoiceField(
        label=_("보낸 방법"),
        choices=OfflinePayment.Way.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("보낸 방법을 골라 주세요.")},
    )
    paid_on = DayField(
        label=_("보낸 날"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": _("보낸 날을 적어 주세요."), "invalid": _("날짜로 적어 주세요.")},
    )
    reference = TextField(
        label=_("영수증 번호"),
        help_text=_("은행이나 우체국 영수증에 적힌 번호. 한 건에 하나입니다."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("영수증 번호를 적어 주세요.")},
    )
    amount_krw = WonField(label=_("보낸 금액(원)"), min_value=1)


class RosterForm(ReasonForm):
    """Holder and deputy of a duty."""

    holder: forms.ModelChoiceField = forms.ModelChoiceField(
        label=_("담당"), queryset=None, error_messages={"required": _("골라 주세요.")}
    )
    deputy: forms.ModelChoiceField = forms.ModelChoiceField(
        label=_("대리"), queryset=None, error_messages={"required": _("골라 주세요.")}
    )
    field_order = ("holder", "deputy", "reason")

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("holder", "deputy"):
            field = self.fields[name]
            field.queryset = people  # type: ignore[attr-defined]
            field.label_from_instance = lambda user: f"{masking.name(user.first_name)} ({user.username})"  # type: ignore[attr-defined]


class FindForm(forms.Form):
    """One application by a number of it."""

    number = TextField(
        label=_("접수번호, 계약번호 또는 관리번호"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("번호를 적어 주세요.")},
    )


class AnswerForm(forms.Form):
    """The confirmation of an answer of the bank: the number of payments, typed to be compared."""

    typed = NumberField(
        help_text=_("숫자만. 쉼표는 있어도 없어도 됩니다."),
        min_value=0,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={
            "required": _("건수를 적어 주세요."),
            "invalid": _("숫자로 적어 주세요."),
            "min_value": _("숫자로 적어 주세요."),
        },
    )

    def __init__(self, *args: Any, label: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["typed"].label = label


class AskedAnswerForm(AnswerForm):
    """The confirmation of odd returns: also whom of the bank one asked, and the answer."""

    asked_whom = TextField(
        label=_("은행의 누구에게 물어보셨나요?"),
        help_text=_("이름과 부서. 이 답과 함께 남습니다."),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("은행의 누구에게 물어보셨는지 적어 주세요.")},
    )
    bank_said = TextField(
        label=_("은행이 뭐라고 했나요?"),
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("은행이 뭐라고 했는지 적어 주세요.")},
    )
    field_order = ("asked_whom", "bank_said", "typed")


class ClosingForm(forms.Form):
    """The closing balance of a statement, typed."""

    typed_closing = NumberField(
        label=_("끝 잔액을 직접 적으세요"),
        help_text=_("원 단위 숫자. 쉼표는 있어도 없어도 됩니다."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": _("끝 잔액을 적어 주세요."), "invalid": _("숫자로 적어 주세요.")},
    )


class ClosingNoteForm(forms.Form):
    """The closing of a day; a day with differences needs the note."""

    note = TextField(
        label=_("차이를 두고 마감하는 이유"),
        help_text=_("차이가 없으면 비워 두세요."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        required=False,
    )


class SettleForm(ReasonForm):
    """The outcome of a suspense entry; money of a return names its payment."""

    outcome = forms.ChoiceField(
        label=_("무엇이었나"),
        choices=Suspense.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("무엇이었는지 골라 주세요.")},
    )
    reference = TextField(
        label=_("지급 건의 관리번호"),
        help_text=_("되돌아온 지급 건의 돈일 때만 적어 주세요."),
        max_length=35,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("outcome", "reference", "reason")
