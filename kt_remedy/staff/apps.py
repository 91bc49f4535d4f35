from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions
from kt_remedy.core import console
from kt_remedy.core.console import Door


def _record_setup_as_shown(sender: object, request: Any, user: Any, authenticator: Any, **kwargs: Any) -> None:
    """Count the set-up of a second factor as an authentication with it in this session."""
    from allauth.account.internal.flows.login import record_authentication

    record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def _record_second_factor(sender: object, request: Any, user: Any, method: str, **kwargs: Any) -> None:
    """Store the time of the first authentication with a second factor; from then on the browser is known."""
    from kt_remedy.staff import lockout, service

    if method == "mfa":
        lockout.remember_browser(request, user.get_username())
        if user.second_factor_at is None:
            service.record_second_factor(user)


class StaffConfig(AppConfig):
    name = "kt_remedy.staff"
    verbose_name = _("직원")

    def ready(self) -> None:
        actions.register({"staff": _("직원 계정과 로그인")})
        console.register_area(
            "work",
            [Door("staff.open_admin", console.HOME, count=console.own_acts)],
            pages=["admin:index", "staff-home"],
        )
        console.register_area(
            "admin",
            [Door("staff.open_admin", "admin:everything")],
            pages=["admin:", "account_", "mfa_", "staff-", "portal:staff-person"],
        )
        console.register_index(
            [
                Door("staff.view_user", "admin:staff_user_changelist", _("직원과 권한"), "admin"),
                Door("staff.view_store", "admin:staff_store_changelist", _("매장"), "admin"),
                Door("staff.change_user", "admin:staff_staffimport_changelist", _("매장과 직원 가져오기"), "admin"),
                Door("audit.view_entry", "admin:audit_auditentry_changelist", _("접속 기록"), "admin"),
                Door("staff.view_user", "admin:staff_rightsrequest_changelist", _("권한 요청 목록"), "admin"),
                Door("staff.open_admin", "mfa_index", _("내 계정"), "admin"),
                Door("staff.view_sessions", "staff-sessions", _("내 접속"), "admin"),
            ]
        )

        from kt_remedy.staff import tasks  # needs the models

        tasks.register()

        from allauth.account.signals import authentication_step_completed
        from allauth.mfa.signals import authenticator_added  # late: it loads models

        authentication_step_completed.connect(_record_second_factor)
        authenticator_added.connect(_record_setup_as_shown)
