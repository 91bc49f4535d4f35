from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions
from kt_remedy.core import console
from kt_remedy.core.console import Door


class PortalConfig(AppConfig):
    name = "kt_remedy.portal"
    verbose_name = "포털"

    def ready(self) -> None:
        """Register the one message of the desk."""
        actions.register({"customer": _("고객 정보 보기"), "switch": _("멈춤 스위치")})
        actions.register_looks({"customer.searched": _("고객님을 찾으려고")})
        console.register_area("desk", [Door("portal.serve_customer", "portal:desk")], pages=["portal:desk"])
        console.register_area("calendar", [Door("portal.view_calendar", "portal:calendar")], pages=["portal:calendar"])
        console.register_area("admin", [], pages=["portal:security", "portal:switches"])
        console.register_index(
            [
                Door("portal.serve_customer", "portal:desk", _("고객 응대"), "customers"),
                Door("portal.view_calendar", "portal:calendar", _("일정표"), "watch"),
                Door("portal.view_security", "portal:security", _("파일 보안"), "admin"),
                Door("portal.use_switches", "portal:switches", _("멈춤 스위치"), "admin"),
            ]
        )
        for role in ("clerk", "store_manager", "agent"):
            console.register_home(role, "portal:desk")

        from kt_remedy.portal import desk_code  # needs the models

        desk_code.register()
