"""Start of the perks application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


class RewardsConfig(AppConfig):
    """Register audit action names, message texts, SMS campaigns and the tasks of the perks."""

    name = "rewards"
    verbose_name = _("고객 보답")

    def ready(self) -> None:
        actions.register({"rewards": _("고객 보답")})

        from rewards import sms, sms_campaigns, tasks
        from rewards.enrolment import grants

        post_migrate.connect(grants.make_partitions, sender=self)
        sms.register()
        sms_campaigns.register()
        tasks.register()
