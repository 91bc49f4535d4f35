import datetime as dt

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class CoreConfig(AppConfig):
    name = "kt_remedy.core"
    verbose_name = "KT 위약금 면제·고객 보답"

    def ready(self) -> None:
        from kt_remedy.core import access, grants, ratelimit
        from kt_remedy.core.tasks import schedule  # need the models

        # Before the other applications are ready: decorators of their views look permissions up.
        autodiscover_modules("permissions")
        access.check_roles()
        pre_migrate.connect(grants.drop_report, sender=self)
        post_migrate.connect(grants.grant, sender=self)
        schedule.register("schedule.watch", title=_("멈춘 업무 찾기"), task=schedule.watch, due=dt.timedelta(minutes=1))
        schedule.register(
            "limits.sweep",
            title=_("지난 시도 횟수 지우기"),
            task=lambda job: schedule.result_message(gettext_noop("지움 %(n)s"), n=ratelimit.sweep()),
            due=dt.timedelta(hours=1),
        )
