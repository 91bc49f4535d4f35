from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


def _count_as_shown(sender: object, request: Any, user: Any, authenticator: Any, **kwargs: Any) -> None:
    """Setting up a second factor shows it: the session need not show it once more."""
    from allauth.account.internal.flows.login import record_authentication

    record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


class StaffConfig(AppConfig):
    name = "kt_remedy.staff"
    verbose_name = _("직원")

    def ready(self) -> None:
        actions.register({"staff": _("직원 계정과 로그인")})

        from allauth.mfa.signals import authenticator_added  # late: it loads models

        authenticator_added.connect(_count_as_shown)
