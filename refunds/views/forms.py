"""Forms of the pages of customers and reviewers; the desk uses some of them."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, portone
from kt_remedy.core.fields import DayField, NumberField, TextField
from kt_remedy.core.text import clean
from refunds import banks
from refunds.accounts import numbers
from refunds.applications.file_types import MOST_FILES, WrongFile
from refunds.applications.text_checks import refuse_registration_number
from refunds.models.applications import LateReason, Objection


class PlainForm(forms.Form):
    """A form with our own error messages instead of the browser's."""

    use_required_attribute = False


class LinesForm(PlainForm):
    """The lines to apply for."""

    lines = forms.MultipleChoiceField(
        label=gettext_lazy("환급받을 회선"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": gettext_lazy("환급받을 회선을 골라 주세요"),
            "invalid_choice": gettext_lazy("환급받을 회선을 다시 골라 주세요"),
        },
    )

    def __init__(self, data: Any = None, *, contracts: list[str], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        field = self.fields["lines"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(contract, contract) for contract in contracts]


class BankSelect(forms.Select):
    """A list of banks; static/js/page.js puts a search field in its place where accessible-autocomplete is loaded."""

    def __init__(self, attrs: dict[str, Any] | None = None, choices: Any = ()) -> None:
        words = {
            "data-search-hint": gettext_lazy("은행 이름이나 코드를 적으면 아래에 나옵니다. 위아래 화살표로 고르세요."),
            "data-search-none": gettext_lazy("찾는 은행이 없습니다. 이름을 줄여 적어 보세요"),
            "data-search-found": gettext_lazy("은행 {count}개"),
            "data-search-place": gettext_lazy("{name}, {count}개 가운데 {place}번째"),
        }
        super().__init__({**words, **(attrs or {})}, choices)

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The option with the words by which its bank is searched."""
        option = super().create_option(name, value, *args, **kwargs)
        if words := banks.search_words(str(value)):
            option["attrs"]["data-words"] = words
        return option


class AccountForm(PlainForm):
    """Bank and number, and for a ward the owner of the account."""

    whose = forms.ChoiceField(
        label=gettext_lazy("누구의 계좌인가요"),
        widget=forms.RadioSelect,
        choices=[("WARD", gettext_lazy("자녀의 계좌")), ("GUARDIAN", gettext_lazy("제 계좌(보호자)"))],
        error_messages={"required": gettext_lazy("누구의 계좌인지 골라 주세요")},
    )
    bank = forms.ChoiceField(
        label=gettext_lazy("은행"),
        widget=BankSelect,
        error_messages={
            "required": gettext_lazy("은행을 골라 주세요"),
            "invalid_choice": gettext_lazy("은행을 골라 주세요"),
        },
    )
    number = TextField(
        label=gettext_lazy("계좌번호"),
        help_text=gettext_lazy(
            "숫자만 적어도 되고, 줄표나 띄어쓰기가 있어도 됩니다. 은행 이름과 예금주까지 붙여 넣어도 됩니다."
        ),
        max_length=200,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={
            "required": gettext_lazy("계좌번호를 적어 주세요"),
            "max_length": gettext_lazy("계좌번호가 너무 깁니다. 통장에 적힌 번호만 적어 주세요"),
        },
    )

    def __init__(
        self, data: Any = None, *, for_ward: bool = False, holders: Iterable[str | None] = (), **kwargs: Any
    ) -> None:
        """`holders`: names that may stand beside the number."""
        super().__init__(data, **kwargs)
        self.holders = [name for name in holders if name]
        self._banks_named: frozenset[str] | None = None
        if not for_ward:
            del self.fields["whose"]
        names = [(bank.code, bank.name) for bank in banks.BANKS]
        self.fields["bank"].choices = [  # type: ignore[attr-defined]
            ("", _("은행 고르기")),
            (_("많이 고르는 은행"), names[: banks.OFTEN]),
            (_("그 밖의 은행"), sorted(names[banks.OFTEN :], key=lambda item: item[1])),
        ]
        if settings.SECURITIES_ACCOUNTS:
            firms = sorted((firm.name, firm.code) for firm in banks.SECURITIES)
            self.fields["bank"].choices += [(_("증권사"), [(code, name) for name, code in firms])]  # type: ignore[attr-defined]

    def clean_number(self) -> str:
        """The number as bare digits. Raises ValidationError for a text that is none."""
        try:
            typed = numbers.read(self.cleaned_data["number"], self.holders)
        except numbers.NumberFault as fault:
            raise ValidationError(_number_words(fault)) from None
        self._banks_named = typed.banks
        return typed.digits

    def clean(self) -> dict[str, Any]:
        """Let the bank that stands beside the number choose the bank; it must not contradict the chosen one."""
        cleaned = super().clean() or self.cleaned_data
        named = self._banks_named
        if named is None:
            return cleaned
        several = _("은행 이름이 여러 가지로 읽힙니다. 은행을 골라 주세요")
        if self.has_error("bank", "required"):
            if len(named) == 1:
                del self.errors["bank"]
                cleaned["bank"] = next(iter(named))
            else:
                self.errors["bank"].clear()
                self.add_error("bank", several)
        elif cleaned.get("bank") and cleaned["bank"] not in named:
            written = ", ".join(banks.name(code) for code in sorted(named))
            self.add_error(
                "bank",
                _("계좌번호에 적힌 은행(%(written)s)과 고르신 은행(%(chosen)s)이 다릅니다. 맞는 은행을 골라 주세요")
                % {"written": written, "chosen": banks.name(cleaned["bank"])}
                if named
                else several,
            )
        return cleaned


def _number_words(fault: numbers.NumberFault) -> str:
    if fault.code == "LETTERS":
        return _("“%(text)s” 부분은 계좌번호가 아닙니다. 그 글자를 지우고 숫자만 남겨 주세요") % {"text": fault.quoted}
    if fault.code == "MASKED":
        return _("“%(text)s”로 가려진 숫자가 있습니다. 통장에 적힌 번호를 모두 적어 주세요") % {"text": fault.quoted}
    if fault.code == "LONG":
        return _("계좌번호가 너무 깁니다. 지금 %(count)s자리입니다") % {"count": fault.digits}
    return _("계좌번호가 너무 짧습니다. 지금 %(count)s자리입니다") % {"count": fault.digits}


class ConsentForm(PlainForm):
    """The two consents a refund needs, each given by itself: use, and passing on to banks (docs/domain.md#d1, D-71)."""

    privacy = forms.BooleanField(
        label=gettext_lazy("환급을 위한 개인정보 이용에 동의합니다"),
        error_messages={"required": gettext_lazy("동의하셔야 신청할 수 있습니다")},
    )
    provision = forms.BooleanField(
        label=format_lazy(
            gettext_lazy("은행과 예금주 확인 회사({company})에 이름, 생년월일, 계좌번호를 알려 주는 데 동의합니다"),
            company=portone.COMPANY,
        ),
        error_messages={"required": gettext_lazy("은행에 알려야 돈을 보낼 수 있습니다. 동의해 주세요")},
    )


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


def _accepted_files() -> str:
    return _("휴대폰으로 찍은 사진이나 화면을 캡처한 사진도 됩니다. 한 개에 %(mb)sMB까지, 모두 %(files)s개까지.") % {
        "mb": settings.DOCUMENT_MAX_MB,
        "files": MOST_FILES,
    }


class FilesField(forms.FileField):
    """Several files at once, as a list of (name, bytes). `documents.read` looks at their content."""

    # A hint for the chooser of files only. Telephones convert HEIC to JPEG themselves where only JPEG is named.
    widget = _FilesInput(attrs={"accept": ".pdf,.jpg,.jpeg,.jfif,.png,.webp,.heic,.heif,application/pdf,image/*"})
    default_error_messages = {
        "required": gettext_lazy("올릴 파일을 골라 주세요."),
        "invalid": gettext_lazy("올릴 파일을 골라 주세요."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", gettext_lazy("서류(PDF, 사진)"))
        kwargs.setdefault("help_text", lazy(_accepted_files, str)())
        super().__init__(allow_empty_file=True, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[tuple[str, bytes]]:
        """Read the files; a file that is too large is not read."""
        files = [super(FilesField, self).clean(file, initial) for file in data or [None]]
        for file in files:
            if file is not None and file.size > settings.DOCUMENT_MAX_MB << 20:
                raise ValidationError(f"{clean(file.name)}: {WrongFile('SIZE').message}")
        if sum(file.size for file in files if file is not None) > settings.DOCUMENT_MAX_TOTAL_MB << 20:
            raise ValidationError(WrongFile("TOTAL").message)
        return [(file.name, file.read()) for file in files if file is not None]


class DocumentsForm(PlainForm):
    """Documents for a case that waits for them."""

    files = FilesField()  # type: ignore[assignment]  # a declared field is taken off the class: `form.files` stays


class LateForm(PlainForm):
    """The reason of an application after the window."""

    kind = forms.ChoiceField(
        label=gettext_lazy("늦으신 이유"),
        widget=forms.RadioSelect,
        choices=[
            *((kind.value, kind.label) for kind in LateReason.Kind if kind != LateReason.Kind.OTHER),
            (LateReason.Kind.OTHER.value, gettext_lazy("그 밖의 이유")),
        ],
        error_messages={
            "required": gettext_lazy("늦으신 이유를 골라 주세요"),
            "invalid_choice": gettext_lazy("늦으신 이유를 골라 주세요"),
        },
    )
    ended_on = DayField(
        label=gettext_lazy("그 사정이 끝난 날(제대한 날, 귀국한 날, 퇴원한 날)"),
        help_text=gettext_lazy("아직 끝나지 않았으면 비워 두세요."),
        required=False,
        input_formats=["%Y-%m-%d", "%Y%m%d", "%Y.%m.%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("날짜를 2026-02-03처럼 적어 주세요")},
    )
    words = TextField(
        label=gettext_lazy("덧붙일 말(없으면 비움)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=1000,
        validators=[refuse_registration_number],
        error_messages={"max_length": gettext_lazy("%(limit_value)s자 안으로 적어 주세요")},
    )

    def clean_ended_on(self) -> dt.date | None:
        """The day, which must not be in the future."""
        day = self.cleaned_data["ended_on"]
        if day and day > clock.today():
            raise ValidationError(_("아직 오지 않은 날입니다. 끝나지 않았으면 비워 두세요"))
        return day


class ObjectionForm(PlainForm):
    """The objection: what is contested, and the customer's words."""

    kind = forms.ChoiceField(
        label=gettext_lazy("무엇이 다른가요"),
        widget=forms.RadioSelect,
        choices=Objection.Kind.choices,
        error_messages={
            "required": gettext_lazy("무엇이 다른지 골라 주세요"),
            "invalid_choice": gettext_lazy("무엇이 다른지 골라 주세요"),
        },
    )
    wanted_krw = NumberField(
        label=gettext_lazy("맞다고 생각하시는 금액(원, 금액이 다를 때만)"),
        min_value=1,
        max_value=100_000_000,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={
            "invalid": gettext_lazy("금액을 숫자로 적어 주세요"),
            "min_value": gettext_lazy("금액을 숫자로 적어 주세요"),
            "max_value": gettext_lazy("금액을 다시 확인해 주세요"),
        },
    )
    words = TextField(
        label=gettext_lazy("어떤 점이 사실과 다른가요"),
        help_text=gettext_lazy("날짜와 있었던 일을 적어 주시면 됩니다. 주민등록번호는 적지 마세요."),
        widget=forms.Textarea(attrs={"rows": 6}),
        max_length=2000,
        validators=[refuse_registration_number],
        error_messages={
            "required": gettext_lazy("어떤 점이 다른지 적어 주세요"),
            "max_length": gettext_lazy("%(limit_value)s자 안으로 적어 주세요"),
        },
    )
    files = FilesField(  # type: ignore[assignment]  # as above
        label=gettext_lazy("보여 주실 서류(없으면 비움)"), required=False
    )


class AdditionForm(PlainForm):
    """Words or documents that are added to an open objection."""

    words = TextField(
        label=gettext_lazy("더 하실 말씀(없으면 비움)"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        required=False,
        validators=[refuse_registration_number],
        error_messages={"max_length": gettext_lazy("%(limit_value)s자 안으로 적어 주세요")},
    )
    files = FilesField(  # type: ignore[assignment]  # as above
        label=gettext_lazy("보여 주실 서류(없으면 비움)"), required=False
    )

    def clean(self) -> dict[str, Any]:
        """Something has to be added."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("words") and not cleaned.get("files"):
            raise ValidationError(gettext_lazy("더 하실 말씀을 적거나 서류를 골라 주세요"))
        return cleaned


_REASON_ERRORS = {
    "required": gettext_lazy("사유를 적어 주세요"),
    "max_length": gettext_lazy("%(limit_value)s자 안으로 적어 주세요"),
}


class ReasonForm(PlainForm):
    """The reason for looking at a document."""

    reason = TextField(
        label=gettext_lazy("보는 이유"),
        max_length=200,
        validators=[refuse_registration_number],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("보는 이유를 적어 주세요.")},
    )


class ReviewReasonForm(PlainForm):
    """The reason of an undo or a confirmation."""

    words = TextField(
        label=gettext_lazy("사유"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        validators=[refuse_registration_number],
        error_messages=_REASON_ERRORS,
    )
