from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EligibilityConfig(AppConfig):
    name = "eligibility"
    verbose_name = _("회선과 판정")

    def ready(self) -> None:
        from eligibility import opening, tasks  # need the models

        tasks.register()
        opening.register()
