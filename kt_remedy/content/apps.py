from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


class ContentConfig(AppConfig):
    name = "kt_remedy.content"
    verbose_name = _("안내 글")

    def ready(self) -> None:
        actions.register({"content": _("글과 안내")})
