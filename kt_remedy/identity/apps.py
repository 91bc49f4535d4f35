from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


def _drop_customer(sender: Any, request: Any, **kwargs: Any) -> None:
    """Remove a verified customer from the session when staff sign in on the same browser."""
    from kt_remedy.identity import service

    service.drop_person(request)


class IdentityConfig(AppConfig):
    name = "kt_remedy.identity"
    verbose_name = _("본인 확인")

    def ready(self) -> None:
        actions.register({"identity": _("고객 본인확인")})

        from kt_remedy.identity import tasks  # needs the models

        user_logged_in.connect(_drop_customer, dispatch_uid="identity.one_at_a_time")
        tasks.register()
