from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions
from kt_remedy.core import console
from kt_remedy.core.console import Door


class NoticesConfig(AppConfig):
    name = "kt_remedy.notices"
    verbose_name = _("안내")

    def ready(self) -> None:
        actions.register({"notices": _("메시지")})
        actions.register_exports("notices.unreached_downloaded")
        console.register_area(
            "messages", [Door("notices.view_messages", "notices:sent")], pages=["notices:", "admin:notices_"]
        )
        console.register_index(
            [
                Door("notices.view_messages", "notices:sent", _("보낸 메시지"), "watch"),
                Door("notices.view_text", "admin:notices_text_changelist", _("보내는 문자"), "watch"),
            ]
        )

        from kt_remedy.notices import acts, batches, service, tasks  # need the models

        post_migrate.connect(service.store_shipped_texts, sender=self, dispatch_uid="notices.store_shipped_texts")
        post_migrate.connect(batches.make_pace, sender=self, dispatch_uid="notices.make_pace")
        tasks.register()
        console.register_acts("notices.steer_mailing", acts.acts)
