"""Sign-in forms in the words of the portal."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _


def _plain(field: forms.Field, label: object, required: object) -> None:
    """A label instead of a placeholder, and an error that says what to do."""
    field.label = label  # type: ignore[assignment]
    field.widget.attrs.pop("placeholder", None)
    field.error_messages["required"] = required  # type: ignore[assignment]


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["login"], _("아이디"), _("아이디를 적어 주세요."))
        _plain(self.fields["password"], _("비밀번호"), _("비밀번호를 적어 주세요."))


class PasswordAgainForm(ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["password"], _("비밀번호"), _("비밀번호를 적어 주세요."))


class NewPasswordForm(ChangePasswordForm):
    least_characters = settings.PASSWORD_LEAST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["oldpassword"], _("지금 비밀번호"), _("지금 비밀번호를 적어 주세요."))
        _plain(self.fields["password1"], _("새 비밀번호"), _("새 비밀번호를 적어 주세요."))
        _plain(self.fields["password2"], _("새 비밀번호 한 번 더"), _("새 비밀번호를 한 번 더 적어 주세요."))


class _CodeForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["code"], _("인증 앱의 번호 6자리"), _("인증 앱에 보이는 번호를 적어 주세요."))
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class SecondFactorForm(_CodeForm, AuthenticateForm):
    pass


class SecondFactorAgainForm(_CodeForm, ReauthenticateByCodeForm):
    pass


class NewSecondFactorForm(_CodeForm, ActivateTOTPForm):
    pass


class NewKeyForm(AddWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["name"], _("보안 키의 이름"), _("보안 키를 알아볼 이름을 적어 주세요."))
