from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    name = "rewards"
    verbose_name = _("고객 보답")

    def ready(self) -> None:
        from rewards import letters, tasks, texts

        texts.register()
        letters.register()
        tasks.register()
