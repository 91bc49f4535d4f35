import datetime as dt

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy.audit import actions


class NoticesConfig(AppConfig):
    name = "kt_remedy.notices"
    verbose_name = _("안내")

    def ready(self) -> None:
        actions.register({"notices": _("메시지")})

        from kt_remedy.core.tasks import schedule
        from kt_remedy.notices import sender, service  # need the models

        post_migrate.connect(service.store_shipped_texts, sender=self, dispatch_uid="notices.store_shipped_texts")

        # Persons wait for these three jobs. The calendar never runs the same job twice at a time.
        schedule.register(
            "notices.send",
            title=_("메시지 보내기"),
            task=lambda job: schedule.result_message(gettext_noop("보냄 %(n)s"), n=sender.send_due()),
            due=dt.timedelta(seconds=1),
            queue="messages",
        )
        schedule.register(
            "notices.ask",
            title=_("보냈는지 알 수 없는 메시지 확인"),
            task=lambda job: schedule.result_message(gettext_noop("확인됨 %(n)s"), n=sender.ask_unclear()),
            due=dt.timedelta(seconds=5),
            queue="messages",
        )
        schedule.register(
            "notices.follow",
            title=_("메시지 도착 확인"),
            task=lambda job: schedule.result_message(gettext_noop("확인됨 %(n)s"), n=sender.follow_accepted()),
            due=dt.timedelta(seconds=3),
            queue="messages",
        )
