"""Forms of the desk for clerks and agents."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, dates, phones, programme, text
from kt_remedy.core.fields import DayField, TextField
from kt_remedy.identity.forms import PassAppForm
from refunds.applications.representation import DOCUMENTS, ID_CARDS, OFFLINE
from refunds.applications.submit import LateReasonInput, find_reference
from refunds.applications.text_checks import refuse_registration_number
from refunds.models.accounts import OwnerKind
from refunds.models.applications import CallOutcome, Escalation, LateReason
from refunds.views.forms import AccountForm, PlainForm


class FindForm(PlainForm):
    """Two facts of the holder; both must match. A third is asked for where two people fit."""

    number = TextField(
        label=gettext_lazy("접수번호, 휴대폰 번호, 계약번호 가운데 하나"),
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": gettext_lazy("접수번호, 휴대폰 번호나 계약번호를 적어 주세요")},
    )
    fact = TextField(
        label=gettext_lazy("생년월일 또는 이름"),
        help_text=gettext_lazy("생년월일은 19850315, 850315, 1985년 3월 15일 모두 됩니다. 법인은 법인 이름"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("생년월일이나 이름을 적어 주세요")},
    )
    third = TextField(
        label=gettext_lazy("생년월일과 이름 가운데 남은 하나, 또는 계약번호"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.data.get("third"):
            self._third = self.fields.pop("third")

    def facts(self) -> dict[str, Any]:
        """The facts as arguments of `eligibility.service.find_lines`, or a `reference` in place of a number."""
        number, fact = self.cleaned_data["number"], self.cleaned_data["fact"]
        facts: dict[str, Any] = {}
        # Every reference begins with the prefix: eight letters and digits alone may be a contract.
        prefix = programme.current().carrier.reference_prefix
        if text.code(number).upper().startswith(prefix) and (reference := find_reference(number)):
            facts["reference"] = reference
        elif re.fullmatch(r"01\d{8,9}", phones.key(number)) and not re.search("[A-Z]", text.code(number)):
            facts["msisdn"] = number
        else:
            facts["contract_no"] = text.code(number)
        if not self._add_fact(facts, fact):
            self.add_error("fact", _("생년월일을 19850315나 850315처럼 적어 주세요"))
        if third := self.cleaned_data.get("third"):
            self._add_fact(facts, third, contract=True)
        return facts

    def not_found(self) -> str:
        """The answer for nobody, with the form that is expected; the same for a stranger and for a slip."""
        return _(
            "두 가지가 모두 맞는 고객이 없습니다. 접수번호는 %(prefix)s-7F3K-92QD처럼, 휴대폰 번호는 010부터 11자리,"
            " 생년월일은 850315처럼 적습니다."
        ) % {"prefix": programme.current().carrier.reference_prefix}

    def ask_third(self) -> None:
        """Ask for one more fact, because two people fit; neither is shown."""
        if "third" not in self.fields:
            self.fields["third"] = self._third
        self.add_error("third", _("맞는 고객이 여럿입니다. 하나를 더 적어 주세요."))

    @staticmethod
    def _add_fact(facts: dict[str, Any], fact: str, *, contract: bool = False) -> bool:
        if days := dates.days_of(fact, today=clock.today()):
            facts.setdefault("birth_date", days)
        elif contract and re.search(r"\d", fact):
            facts["contract_no"] = text.code(fact)
        elif re.search(r"[^\W\d년월일생]", fact):
            facts.setdefault("name", fact)
        else:
            return False
        return True


class ComerForm(PlainForm):
    """The person who came, each kind with its list of documents, and the name of somebody other than the holder."""

    came_as = forms.ChoiceField(
        label=gettext_lazy("오신 분"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("누가 오셨는지 골라 주세요")},
    )
    came_name = TextField(
        label=gettext_lazy("온 사람의 이름"),
        help_text=gettext_lazy("신분증에 적힌 그대로. 본인이면 비웁니다."),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, comers: list[OwnerKind], in_store: bool, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        if not in_store:
            self.fields["came_as"].label = _("전화하신 분")
            self.fields["came_as"].error_messages["required"] = _("누가 전화하셨는지 골라 주세요")
        self.fields["came_as"].choices = [(kind.value, _comer_label(kind)) for kind in comers]  # type: ignore[attr-defined]
        if len(comers) == 1:
            self.initial.setdefault("came_as", comers[0].value)
        if comers == [OwnerKind.SELF]:
            del self.fields["came_name"]

    def clean(self) -> dict[str, Any]:
        """Require the name of somebody other than the holder."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("came_as") and cleaned["came_as"] != OwnerKind.SELF and not cleaned.get("came_name", "").strip():
            self.add_error("came_name", _("온 사람의 이름을 적어 주세요"))
        return cleaned


def _comer_label(kind: OwnerKind) -> str:
    papers = [str(label) for _code, label in DOCUMENTS.get(kind, ())] or [_("신분증, 본인 이름의 통장")]
    return f"{kind.label}: {', '.join(papers)}"


class IdentityCardForm(PlainForm):
    """Kind of the identity card that the clerk has seen. Its number is never entered."""

    kind = forms.ChoiceField(
        label=gettext_lazy("본 신분증"),
        choices=[("", gettext_lazy("골라 주세요")), *ID_CARDS],
        error_messages={"required": gettext_lazy("어떤 신분증을 보았는지 골라 주세요")},
    )
    contact = TextField(
        label=gettext_lazy("안내 문자 받을 번호"),
        help_text=gettext_lazy("이 번호로 숫자 여섯 자리를 보냅니다. 고객이 읽어 주시면 적으세요."),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )
    no_mobile = forms.BooleanField(
        label=gettext_lazy(
            "휴대폰이 전혀 없는 분입니다. 소식이 문자로 가지 않으니 전화나 매장에서 알아보시게 안내합니다."
        ),
        required=False,
    )

    def clean_contact(self) -> str:
        if self.data.get("no_mobile"):
            return ""
        if not self.cleaned_data["contact"].strip():
            raise forms.ValidationError(_("안내 문자 받을 번호를 적어 주세요"))
        try:
            return phones.mobile(self.cleaned_data["contact"])
        except ValueError:
            raise forms.ValidationError(_("010으로 시작하는 11자리 번호를 적어 주세요")) from None


class SpokenCodeForm(PlainForm):
    """The six digits that went to the number for notices, as the customer reads them aloud."""

    code = TextField(
        label=gettext_lazy("고객이 읽어 준 숫자 여섯 자리"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": gettext_lazy("숫자 여섯 자리를 적어 주세요")},
    )

    def clean_code(self) -> str:
        code = phones.digits(self.cleaned_data["code"])
        if len(code) != 6:
            raise forms.ValidationError(_("숫자 여섯 자리를 적어 주세요"))
        return code


class ContinueForm(SpokenCodeForm):
    """The digits that a caller reads from their page, and the name that they say (D-88)."""

    prefix = "go"
    name = TextField(
        label=gettext_lazy("고객이 말한 이름"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("이름을 적어 주세요")},
    )


class PhoneProofForm(PassAppForm):
    """Approval by the customer's own phone; the name comes from the register."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["name"]
        self.fields["phone"].widget.attrs = {"autocomplete": "off", "inputmode": "tel"}
        self.fields["phone"].help_text = _("확인하는 분의 이름으로 가입한 번호입니다.")


def passbook_field() -> forms.BooleanField:
    """The answer of a clerk who has seen the passbook; a mismatch of the names then goes to a reviewer (D-74)."""
    return forms.BooleanField(
        label=gettext_lazy("예금주가 맞는 것을 통장에서 보았습니다"),
        help_text=gettext_lazy("은행에 이름이 다르게 적혀 있으면(류, 유) 직원이 한 번 더 확인합니다."),
        required=False,
    )


class FilingForm(AccountForm):
    """The whole application on one page: lines, account, documents, consent."""

    lines = forms.MultipleChoiceField(
        label=gettext_lazy("환급받을 회선"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": gettext_lazy("환급받을 회선을 골라 주세요"),
            "invalid_choice": gettext_lazy("환급받을 회선을 다시 골라 주세요"),
        },
    )
    owner = TextField(
        label=gettext_lazy("예금주 이름"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("예금주 이름을 적어 주세요")},
    )
    owner_born = DayField(
        label=gettext_lazy("예금주 생년월일"),
        required=False,
        input_formats=["%Y%m%d", "%Y-%m-%d"],
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"invalid": gettext_lazy("생년월일을 19850315처럼 여덟 자리로 적어 주세요")},
    )
    passbook = passbook_field()
    documents = forms.MultipleChoiceField(
        label=gettext_lazy("확인한 서류(모두)"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("서류를 모두 확인해야 접수할 수 있습니다")},
    )
    outage_on = DayField(
        label=gettext_lazy("장애로 못 받은 날(감독자만)"),
        required=False,
        input_formats=["%Y-%m-%d", "%Y%m%d"],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"invalid": gettext_lazy("날짜를 2026-01-16처럼 적어 주세요")},
    )
    outage_reason = TextField(
        label=gettext_lazy("장애 사유"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        validators=[refuse_registration_number],
    )
    way = forms.ChoiceField(
        label=gettext_lazy("받는 방법"),
        choices=[
            ("ACCOUNT", gettext_lazy("한국 계좌로 받음")),
            ("OFFLINE", gettext_lazy("한국 계좌가 없음: 서류를 보고 따로 보냄")),
        ],
        initial="ACCOUNT",
        required=False,
        widget=forms.RadioSelect,
    )
    offline_documents = forms.MultipleChoiceField(
        label=gettext_lazy("한국 계좌가 없을 때 확인한 서류"),
        required=False,
        choices=OFFLINE,
        widget=forms.CheckboxSelectMultiple,
    )
    late_kind = forms.ChoiceField(
        label=gettext_lazy("늦은 이유"),
        choices=[("", gettext_lazy("골라 주세요")), *LateReason.Kind.choices],
        error_messages={"required": gettext_lazy("늦으신 이유를 골라 주세요")},
    )
    late_ended_on = DayField(
        label=gettext_lazy("그 사정이 끝난 날(아직이면 비움)"),
        required=False,
        input_formats=["%Y-%m-%d", "%Y%m%d", "%Y.%m.%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("날짜를 2026-02-03처럼 적어 주세요")},
    )
    late_words = TextField(
        label=gettext_lazy("늦은 사정, 고객의 말(없으면 비움)"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        validators=[refuse_registration_number],
    )
    privacy = forms.BooleanField(
        label=gettext_lazy("개인정보 이용과 은행에 알리는 것을 읽어 드렸고 고객이 둘 다 동의했습니다"),
        error_messages={"required": gettext_lazy("안내를 읽어 드리고 동의를 받아 주세요")},
    )
    field_order = (
        "lines", "documents", "way", "owner", "owner_born", "bank", "number", "passbook", "offline_documents",
        "late_kind", "late_ended_on", "late_words", "outage_on", "outage_reason", "privacy",
    )  # fmt: skip

    def __init__(
        self,
        data: Any = None,
        *,
        options: list[tuple[str, str]],
        by: str,
        supervisor: bool,
        late: bool,
        in_store: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self.holders += [name for name in (self.data.get("owner"),) if name]
        if not in_store:
            del self.fields["passbook"]
        self.by = by
        self.fields["lines"].choices = options  # type: ignore[attr-defined]
        self.fields["privacy"].help_text = _(
            "“환급에 쓰려고 이름, 생년월일, 번호, 계좌를 받고, 은행과 예금주 확인 회사에 알립니다. 돈을 보내 드리고"
            " %(days)s일이 지나면 계좌번호를 지웁니다. 동의하시나요?”"
        ) % {"days": settings.ACCOUNT_WIPE_DAYS}
        if by == OwnerKind.SELF:
            for name in ("owner", "owner_born", "documents"):
                del self.fields[name]
        else:
            self.fields["documents"].choices = DOCUMENTS[by]  # type: ignore[attr-defined]
        if by == OwnerKind.COMPANY:
            del self.fields["owner"], self.fields["owner_born"]
        if not supervisor:
            del self.fields["outage_on"], self.fields["outage_reason"]
        if self.is_offline:
            self.fields["bank"].required = self.fields["number"].required = False
        if not late:
            del self.fields["late_kind"], self.fields["late_ended_on"], self.fields["late_words"]
        self.order_fields(self.field_order)

    @property
    def is_offline(self) -> bool:
        """True for somebody without an account in Korea."""
        return self.data.get("way") == "OFFLINE"

    def clean_number(self) -> str:
        """Account number; empty for an offline payout."""
        return "" if self.is_offline else super().clean_number()

    def clean(self) -> dict[str, Any]:
        """Require every document of an offline payout."""
        cleaned = super().clean() or self.cleaned_data
        if self.is_offline and {code for code, _label in OFFLINE} - set(cleaned.get("offline_documents", [])):
            self.add_error("offline_documents", _("서류를 모두 확인해야 접수할 수 있습니다"))
        return cleaned

    def late(self) -> LateReasonInput | None:
        """The reason of an application after the window; None in the window."""
        cleaned = self.cleaned_data
        if "late_kind" not in cleaned:
            return None
        return LateReasonInput(cleaned["late_kind"], cleaned["late_ended_on"], cleaned["late_words"])

    def clean_documents(self) -> list[str]:
        """Require every document of the representation."""
        documents = self.cleaned_data["documents"]
        if {code for code, _label in DOCUMENTS[self.by]} - set(documents):
            raise forms.ValidationError(_("서류를 모두 확인해야 접수할 수 있습니다"))
        return documents


class AccountChangeForm(AccountForm):
    """Another account for a filed application, and the corrected name of its holder."""

    owner = TextField(
        label=gettext_lazy("예금주 이름(그대로면 비움)"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    passbook = passbook_field()
    field_order = ("owner", "bank", "number", "passbook")

    def __init__(self, data: Any = None, *, own: bool, in_store: bool, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.holders += [name for name in (self.data.get("owner"),) if name]
        if not in_store:
            del self.fields["passbook"]
        if own:
            del self.fields["owner"]
        self.order_fields(self.field_order)


class NoteForm(PlainForm):
    """A note, and the time of a promised call-back with the number to call."""

    words = TextField(
        label=gettext_lazy("메모"),
        help_text=gettext_lazy("전화번호나 계좌번호는 적지 마세요. 고객이 내려받는 기록에도 들어갑니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=1000,
        validators=[refuse_registration_number],
        error_messages={"required": gettext_lazy("메모를 적어 주세요")},
    )
    call_back = forms.DateTimeField(
        label=gettext_lazy("다시 걸 때(없으면 비움)"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": gettext_lazy("2026-01-16 15:00처럼 적어 주세요")},
    )


class EscalationForm(PlainForm):
    """The reason for which a supervisor calls the customer."""

    prefix = "up"
    reason = forms.ChoiceField(
        label=gettext_lazy("올리는 이유"),
        choices=[("", gettext_lazy("골라 주세요")), *Escalation.choices],
        error_messages={"required": gettext_lazy("올리는 이유를 골라 주세요")},
    )
    words = TextField(
        label=gettext_lazy("덧붙일 말(없으면 비움)"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        validators=[refuse_registration_number],
    )


class CallForm(PlainForm):
    """The outcome of a call."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("결과"),
        choices=[
            (CallOutcome.REACHED.value, CallOutcome.REACHED.label),
            (CallOutcome.NO_ANSWER.value, gettext_lazy("받지 않음: 2시간 뒤 다시, 세 번까지")),
            (CallOutcome.MOVED.value, CallOutcome.MOVED.label),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("결과를 골라 주세요")},
    )
    again = forms.DateTimeField(
        label=gettext_lazy("다시 걸 때(다른 때로 옮길 때만)"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": gettext_lazy("2026-01-16 15:00처럼 적어 주세요")},
    )
