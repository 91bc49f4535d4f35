from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


class AuditConfig(AppConfig):
    name = "kt_remedy.audit"
    verbose_name = _("접속 기록")

    def ready(self) -> None:
        actions.register(
            {
                "admin": _("관리 화면"),
                "schedule": _("일정표"),
            }
        )

        from kt_remedy.audit import sign_ins, tasks  # need the models

        tasks.register()
        sign_ins.connect()
