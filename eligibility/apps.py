"""Start of the register application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


class EligibilityConfig(AppConfig):
    """Register audit action names, dated tasks and the message text of this package."""

    name = "eligibility"
    verbose_name = _("회선과 판정")

    def ready(self) -> None:
        actions.register(
            {
                "lines": _("고객이 자기 회선 보기"),
                "feed": _("데이터 수신"),
                "line": _("회선 결정"),
                "opening": _("열리면 알려 달라는 부탁"),
            }
        )

        from eligibility import opening, tasks  # importing them needs the models

        tasks.register()
        opening.register()
