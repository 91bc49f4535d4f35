"""Form of the quick check: facts of a contract, no personal data."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from eligibility.rules import Facts
from kt_remedy.core import programme
from kt_remedy.core.fields import DayField, NumberField

IN_SERVICE = "IN_SERVICE"
# No answer is chosen beforehand.
_NOT_CHOSEN = ("", gettext_lazy("고르기"))
_LINES = [
    ("HANDSET", gettext_lazy("%(carrier)s 휴대폰")),
    ("WATCH", gettext_lazy("%(carrier)s 워치")),
    ("TABLET", gettext_lazy("%(carrier)s 태블릿")),
    ("MVNO", gettext_lazy("알뜰폰")),
    ("IOT", gettext_lazy("사물인터넷(IoT) 기기")),
    ("PREPAID", gettext_lazy("선불폰")),
]


def _lines() -> list[tuple[str, Any]]:
    name = {"carrier": programme.current().carrier.short_name}
    return [_NOT_CHOSEN, *((code, str(words) % name) for code, words in _LINES)]


class QuickCheckForm(forms.Form):
    """Quick check, sent by GET so that a result has a URL to share. `facts()` converts it for the rules."""

    how = forms.ChoiceField(
        label=gettext_lazy("어떻게 해지하셨나요"),
        choices=[
            ("PORT_OUT", gettext_lazy("다른 통신사로 번호를 옮겼습니다")),
            ("CANCEL", gettext_lazy("번호를 없애고 해지했습니다")),
            ("FORCED", gettext_lazy("요금 미납 등으로 회사가 해지했습니다")),
            (IN_SERVICE, gettext_lazy("해지하지 않고 쓰고 있습니다")),
        ],
        error_messages={
            "required": gettext_lazy("어떻게 해지하셨는지 골라 주세요"),
            "invalid_choice": gettext_lazy("어떻게 해지하셨는지 골라 주세요"),
        },
    )
    ended = DayField(
        label=gettext_lazy("해지한 날"),
        help_text=gettext_lazy("쓰고 계시면 비워 두세요."),
        required=False,
        error_messages={"invalid": gettext_lazy("해지한 날을 2025-11-20처럼 적어 주세요")},
    )
    line = forms.ChoiceField(
        label=gettext_lazy("어떤 회선인가요"),
        choices=_lines,
        error_messages={
            "required": gettext_lazy("어떤 회선인지 골라 주세요"),
            "invalid_choice": gettext_lazy("어떤 회선인지 골라 주세요"),
        },
    )
    event = forms.ChoiceField(
        label=gettext_lazy("지금 약정은 어떻게 시작했나요"),
        choices=[
            _NOT_CHOSEN,
            ("NEW", gettext_lazy("새로 가입하며")),
            ("DEVICE_CHANGE", gettext_lazy("기기를 바꾸며 새 약정으로")),
            ("RECONTRACT", gettext_lazy("기기는 그대로 다시 약정")),
            ("AUTO_RENEWAL", gettext_lazy("예약해 둔 약정이 저절로 이어져서")),
            ("TRANSFER", gettext_lazy("다른 사람에게서 넘겨받아(명의변경)")),
        ],
        error_messages={
            "required": gettext_lazy("약정이 어떻게 시작했는지 골라 주세요"),
            "invalid_choice": gettext_lazy("약정이 어떻게 시작했는지 골라 주세요"),
        },
    )
    contract = DayField(
        label=gettext_lazy("약정을 맺은 날"),
        help_text=gettext_lazy("마지막으로 가입하거나, 기기를 바꾸거나, 다시 약정한 날입니다."),
        error_messages={
            "required": gettext_lazy("약정을 맺은 날을 적어 주세요. 정확하지 않으면 비슷한 날도 됩니다"),
            "invalid": gettext_lazy("약정을 맺은 날을 2024-07-01처럼 적어 주세요"),
        },
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("무엇을 받으셨나요"),
        required=False,
        choices=[
            ("", gettext_lazy("모르겠습니다")),
            ("DISCOUNT", gettext_lazy("다달이 요금 할인(25%)")),
            ("SUBSIDY", gettext_lazy("휴대폰 값 지원금")),
            ("NONE", gettext_lazy("약정이 없었습니다")),
        ],
        error_messages={"invalid_choice": gettext_lazy("무엇을 받으셨는지 다시 골라 주세요")},
    )
    months = forms.TypedChoiceField(
        label=gettext_lazy("약정 기간"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[_NOT_CHOSEN, ("24", gettext_lazy("24개월")), ("12", gettext_lazy("12개월"))],
        error_messages={"invalid_choice": gettext_lazy("약정 기간을 다시 골라 주세요")},
    )
    amount = NumberField(
        label=gettext_lazy("해지할 때까지 받은 금액"),
        help_text=gettext_lazy(
            "할인은 다달이 받은 것을 모두 더한 금액, 지원금은 살 때 받은 금액입니다. 원 단위로 적어 주세요."
        ),
        required=False,
        min_value=0,
        max_value=100_000_000,
        error_messages={
            "invalid": gettext_lazy("받은 금액을 숫자로만 적어 주세요"),
            "min_value": gettext_lazy("받은 금액을 0보다 크게 적어 주세요"),
            "max_value": gettext_lazy("받은 금액이 너무 큽니다. 원 단위인지 봐 주세요"),
        },
    )

    def __init__(self, data: Mapping[str, str] | None = None, *, today: dt.date, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.today = today
        self.carrier = programme.current().carrier

    def clean(self) -> dict:
        """Check the two dates against each other and against today."""
        answers = super().clean() or self.cleaned_data
        how, ended, contract = answers.get("how"), answers.get("ended"), answers.get("contract")
        if how and how != IN_SERVICE and not ended and "ended" not in self.errors:
            self.add_error("ended", _("해지한 날을 적어 주세요"))
        if ended and how != IN_SERVICE and ended > self.today:
            self.add_error("ended", _("해지한 날이 오늘보다 뒤입니다"))
        if contract and contract > self.today:
            self.add_error("contract", _("약정을 맺은 날이 오늘보다 뒤입니다"))
        elif contract and ended and how != IN_SERVICE and contract > ended:
            self.add_error("contract", _("약정을 맺은 날이 해지한 날보다 뒤입니다"))
        elif contract and contract.year < 1990:
            self.add_error("contract", _("약정을 맺은 해를 네 자리로 적어 주세요"))
        if answers.get("amount") and answers.get("kind") and not answers.get("months") and "months" not in self.errors:
            self.add_error("months", _("약정 기간을 골라 주세요"))
        return answers

    def facts(self) -> Facts:
        """The answers as facts. Facts that the form does not ask for get the value best for the customer."""
        answers = self.cleaned_data
        in_service = answers["how"] == IN_SERVICE
        kind, amount = answers["kind"], answers["amount"] or 0
        return Facts(
            network="MVNO" if answers["line"] == "MVNO" else self.carrier.network,
            product="HANDSET" if answers["line"] == "MVNO" else answers["line"],
            contract_type=kind or "NONE",
            contract_event=answers["event"],
            contract_started_on=answers["contract"],
            commitment_started_on=answers["contract"],
            contract_months=(answers["months"] or 0) if kind in {"DISCOUNT", "SUBSIDY"} else 0,
            subsidy=amount if kind == "SUBSIDY" else 0,
            extra_subsidy=0,
            discount=amount if kind == "DISCOUNT" else 0,
            suspended_days=0,
            terminated_on=None if in_service else answers["ended"],
            termination_reason="" if in_service else answers["how"],
            port_requested_on=None,
            rejoined_on=None,
        )

    @property
    def can_estimate(self) -> bool:
        """True if the answers about the commitment are enough to estimate a penalty."""
        answers = self.cleaned_data
        return answers["kind"] in {"DISCOUNT", "SUBSIDY"} and None not in (answers["amount"], answers["months"])
