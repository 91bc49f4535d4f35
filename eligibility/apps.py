"""Start of the register application."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions

ANALYSE = Path(__file__).parent / "feed" / "analyse_register.sql"


def make_functions(using: str, **signal: Any) -> None:
    """Make the function by which a load analyses the register, after every migration."""
    from kt_remedy.core import grants, roles  # needs the models

    if grants.is_migrated(using, signal):
        with connections[using].cursor() as cursor:
            cursor.execute(ANALYSE.read_text(encoding="utf-8"))
        grants.let_call(using, "analyse_register(text)", roles.WORKER)


def _customers_of(persons: Collection[bytes]) -> Iterable[str]:
    """The customer numbers of persons."""
    from eligibility.models import Customer  # needs the models

    return Customer.objects.filter(person_index__in=persons).values_list("pk", flat=True)


class EligibilityConfig(AppConfig):
    """Register audit action names, dated tasks and the message text of this package."""

    name = "eligibility"
    verbose_name = _("회선과 판정")

    def ready(self) -> None:
        actions.register_exports("feed.rejects_downloaded")
        actions.register(
            {
                "lines": _("고객이 자기 회선 보기"),
                "feed": _("데이터 수신"),
                "line": _("회선 결정"),
                "opening": _("열리면 알려 달라는 부탁"),
            }
        )

        from eligibility import household, opening, register_clock, tasks  # importing them needs the models
        from kt_remedy.audit import looks
        from kt_remedy.core import console, health
        from kt_remedy.core.tasks import metrics
        from kt_remedy.staff import household as households

        post_migrate.connect(make_functions, sender=self)
        tasks.register()
        opening.register()
        looks.register_customers(_customers_of)
        health.register_alarm(register_clock.alarms, register_clock.troubles)
        metrics.register(register_clock.gauges)
        console.register_acts("eligibility.view_feed", register_clock.acts)
        households.register_source(household.persons)
