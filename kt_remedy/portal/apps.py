from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions
from kt_remedy.core import console
from kt_remedy.core.console import Door


class PortalConfig(AppConfig):
    name = "kt_remedy.portal"
    verbose_name = "포털"

    def ready(self) -> None:
        """Register the console of the desk and its one message."""
        actions.register(
            {"customer": _("고객 정보 보기"), "switch": _("멈춤 스위치"), "retention": _("기간이 지난 정보 지우기")}
        )
        actions.register_looks({"customer.searched": _("고객님을 찾으려고")})
        console.register_area("desk", [Door("portal.serve_customer", "portal:desk")], pages=["portal:desk"])
        console.register_area("calendar", [Door("portal.view_calendar", "portal:calendar")], pages=["portal:calendar"])
        pages = ["portal:security", "portal:switches", "portal:statusz", "portal:audit"]
        console.register_area("admin", [], pages=pages)
        console.register_index(
            [
                Door("portal.serve_customer", "portal:desk", _("고객 응대"), "customers"),
                Door("portal.view_calendar", "portal:calendar", _("일정표"), "watch"),
                Door("audit.view_entry", "portal:audit", _("조회와 접속 기록 찾기"), "admin"),
                Door("audit.view_entry", "portal:audit-unusual", _("평소와 다른 조회"), "admin"),
                Door("audit.answer_question", "portal:audit-questions", _("조회에 대한 고객 질문"), "admin"),
                Door("audit.view_entry", "portal:audit-reviews", _("월간 점검과 사슬의 머리"), "admin"),
                Door("portal.view_security", "portal:security", _("파일 보안"), "admin"),
                Door("portal.view_status", "portal:statusz", _("운영 상태"), "admin"),
                Door("portal.use_switches", "portal:switches", _("멈춤 스위치"), "admin"),
            ]
        )
        for role in ("clerk", "store_manager", "agent"):
            console.register_home(role, "portal:desk")

        from kt_remedy.core.tasks import metrics
        from kt_remedy.portal import audit_desk, desk_acts, desk_code, tasks  # need the models
        from kt_remedy.portal.backup import gauges
        from kt_remedy.portal.waiting import figures

        metrics.register(gauges.gauges)
        metrics.register(figures.gauges)
        audit_desk.register()
        console.register_acts("audit.answer_question", audit_desk.acts)
        console.register_section(5, "audit.view_entry", "portal/_audit_home.html", audit_desk.home)
        desk_code.register()
        desk_acts.register()
        tasks.register()
