"""Forms for sign-in and invitation, with labels and errors of the portal."""

import unicodedata
from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import phones, text
from kt_remedy.core.fields import TextField
from kt_remedy.staff import lockout
from kt_remedy.staff.adapter import locked


def _set_texts(field: forms.Field, label: object, required: object) -> None:
    """Set the label and the error for an empty field, and remove the placeholder."""
    field.label = label  # type: ignore[assignment]
    field.widget.attrs.pop("placeholder", None)
    field.error_messages["required"] = required  # type: ignore[assignment]


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_texts(self.fields["login"], _("아이디"), _("아이디를 적어 주세요."))
        _set_texts(self.fields["password"], _("비밀번호"), _("비밀번호를 적어 주세요."))

    def clean_login(self) -> str:
        """The user name as it was given, whatever came along when it was pasted."""
        self.cleaned_data["login"] = text.clean(self.cleaned_data["login"])
        return super().clean_login()


class PasswordAgainForm(ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_texts(self.fields["password"], _("비밀번호"), _("비밀번호를 적어 주세요."))


class NewPasswordForm(ChangePasswordForm):
    least_characters = settings.PASSWORD_LEAST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_texts(self.fields["oldpassword"], _("지금 비밀번호"), _("지금 비밀번호를 적어 주세요."))
        _set_texts(self.fields["password1"], _("새 비밀번호"), _("새 비밀번호를 적어 주세요."))
        self.fields["password1"].help_text = ""  # the page says it in one sentence; a refusal says the rest
        _set_texts(self.fields["password2"], _("새 비밀번호 한 번 더"), _("새 비밀번호를 한 번 더 적어 주세요."))


class _CodeForm(forms.Form):
    """The six digits, as an authenticator app or another phone shows them: with a space, or in full width."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_texts(self.fields["code"], _("인증 앱의 번호 6자리"), _("인증 앱에 보이는 번호를 적어 주세요."))
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        """The code in plain characters without spaces; allauth checks it. A recovery code keeps its small letters."""
        code = unicodedata.normalize("NFKC", text.clean(self.cleaned_data["code"]))
        self.cleaned_data["code"] = code.replace(" ", "")
        return super().clean_code()  # type: ignore[misc]  # allauth's form stands behind this one


class _CountedCodeForm(_CodeForm):
    """A code of a second factor that exists; wrong ones lock the account in this browser (see `lockout`)."""

    def clean_code(self) -> str:
        request, name = context.request, self.user.get_username()  # type: ignore[attr-defined]
        if not lockout.is_open(request, name, step="code"):
            raise ImmediateHttpResponse(locked(request))
        try:
            code = super().clean_code()
        except forms.ValidationError:
            lockout.record_failure(request, name, step="code")
            raise
        lockout.record_success(request, name, step="code")
        return code


class SecondFactorForm(_CountedCodeForm, AuthenticateForm):
    pass


class SecondFactorAgainForm(_CountedCodeForm, ReauthenticateByCodeForm):
    pass


class NewSecondFactorForm(_CodeForm, ActivateTOTPForm):
    pass


class NewKeyForm(AddWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_texts(self.fields["name"], _("보안 키의 이름"), _("보안 키를 알아볼 이름을 적어 주세요."))
        passwordless = self.fields["passwordless"]
        passwordless.label = _("이 키만으로 로그인하기")
        passwordless.help_text = _("지문, 얼굴, PIN으로 잠긴 키여야 합니다. 그러면 비밀번호도 번호도 적지 않습니다.")
        passwordless.initial = True

    def clean_name(self) -> str:
        """The name as one line; allauth gives one where it is empty."""
        self.cleaned_data["name"] = text.clean(self.cleaned_data["name"])
        return super().clean_name()


class HouseholdForm(forms.Form):
    """The mobile number of somebody of one's household."""

    phone = TextField(
        label=_("함께 사는 분의 휴대폰 번호"),
        max_length=20,
        widget=forms.TelInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
        error_messages={"required": _("휴대폰 번호를 적어 주세요.")},
    )

    def clean_phone(self) -> str:
        """The digits of the number."""
        try:
            return phones.mobile(self.cleaned_data["phone"])
        except ValueError:
            raise forms.ValidationError(_("010으로 시작하는 11자리 번호를 적어 주세요.")) from None


class InvitationForm(forms.Form):
    username = TextField(
        label=_("아이디"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
        error_messages={"required": _("아이디를 적어 주세요.")},
    )
    code = TextField(
        label=_("초대 코드"),
        help_text=_("네 글자씩 다섯 묶음입니다. 줄표는 적지 않아도 됩니다."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("초대 코드를 적어 주세요.")},
    )
    password1 = forms.CharField(
        label=_("새 비밀번호"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("새 비밀번호를 적어 주세요.")},
    )
    password2 = forms.CharField(
        label=_("새 비밀번호 한 번 더"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("새 비밀번호를 한 번 더 적어 주세요.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hint = _("%(least)s자 이상이면 됩니다. 낱말 여러 개를 이어 쓰면 외우기 쉽습니다.")
        self.fields["password1"].help_text = hint % {"least": settings.PASSWORD_LEAST}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if {"password1", "password2"} <= values.keys() and values["password1"] != values["password2"]:
            self.add_error("password2", _("두 비밀번호가 서로 다릅니다."))
        return values
