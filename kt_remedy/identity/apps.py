import datetime as dt
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


def _drop_customer(sender: Any, request: Any, **kwargs: Any) -> None:
    """Remove a verified customer from the session when staff sign in on the same browser."""
    from kt_remedy.identity import service

    service.drop_person(request)


def _delete_expired_sessions(job: Any) -> None:
    from django.contrib.sessions.backends.db import SessionStore

    SessionStore.clear_expired()


class IdentityConfig(AppConfig):
    name = "kt_remedy.identity"
    verbose_name = _("본인 확인")

    def ready(self) -> None:
        actions.register({"identity": _("고객 본인확인")})

        from kt_remedy.core.tasks import schedule  # needs the models
        from kt_remedy.identity import alarm

        user_logged_in.connect(_drop_customer, dispatch_uid="identity.one_at_a_time")
        schedule.register(
            "identity.sessions",
            title=_("끝난 접속 지우기"),
            task=_delete_expired_sessions,
            due=dt.timedelta(hours=1),
        )
        schedule.register(
            "identity.wrong_codes",
            title=_("틀린 인증번호가 갑자기 늘었는지 보기"),
            task=alarm.report_wrong_codes,
            due=dt.timedelta(minutes=1),
        )
