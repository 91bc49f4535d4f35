"""Adapters for django-allauth: administrators create the accounts, and secrets are stored encrypted."""

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from kt_remedy.core import crypto
from kt_remedy.core.access import address_of
from kt_remedy.staff import lockout

_SECRET = "mfa_authenticator:secret"  # noqa: S105  the name of a column


def locked(request: HttpRequest) -> HttpResponse:
    """The page that says that this name is locked in this browser, and when the lock ends."""
    return render(request, "account/locked.html", {"minutes": lockout.SECONDS // 60}, status=429)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts of staff: without self-registration and without e-mail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "unknown"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try. Raises ImmediateHttpResponse with the page of the lock; allauth's own limit is off."""
        if not lockout.is_open(request, credentials.get("username", ""), step="password"):
            raise ImmediateHttpResponse(locked(request))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user is not None:
            lockout.record_success(request, credentials.get("username", ""), step="password")
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        lockout.record_failure(request, credentials.get("username", ""), step="password")

    def is_reauthentication_required(self, **kwargs: object) -> bool:
        """True if the last authentication is too old; the set-up of the first second factor follows a recent one."""
        records = get_authentication_records(self.request, self.request.user)
        latest = max((record["at"] for record in records), default=0.0)
        return time.time() - latest > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT

    def send_notification_mail(self, *args: object, **kwargs: object) -> None:
        """Send nothing: the audit records changes of an account, and staff have no e-mail address here."""


class MFAAdapter(DefaultMFAAdapter):
    """Second factors of staff."""

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text, _SECRET).hex()

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(bytes.fromhex(encrypted_text), _SECRET)

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002
        return gettext("내 보안 키")

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """True if another second factor remains; the last one can be replaced but not deleted."""
        factors = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
        others = Authenticator.objects.filter(user=authenticator.user, type__in=factors).exclude(pk=authenticator.pk)
        return authenticator.type not in factors or others.exists()
