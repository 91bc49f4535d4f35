import datetime as dt

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

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

        from kt_remedy.audit import service, sign_ins  # need the models
        from kt_remedy.core.tasks import schedule

        schedule.register(
            "audit.chain",
            title=_("접속 기록을 사슬로 잇기"),
            task=lambda job: schedule.result_message(gettext_noop("이음 %(n)s"), n=service.seal_entries()),
            due=dt.timedelta(seconds=10),
        )
        sign_ins.connect()
