from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


class PortalConfig(AppConfig):
    name = "kt_remedy.portal"
    verbose_name = "포털"

    def ready(self) -> None:
        """Register the one message of the desk."""
        actions.register({"customer": _("고객 정보 보기")})

        from kt_remedy.portal import desk_code  # needs the models

        desk_code.register()
