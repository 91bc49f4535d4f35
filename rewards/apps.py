"""Start of the perks application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions
from kt_remedy.core import console
from kt_remedy.core.console import Door


class RewardsConfig(AppConfig):
    """Register audit action names, message texts, SMS campaigns and the tasks of the perks."""

    name = "rewards"
    verbose_name = _("고객 보답")

    def ready(self) -> None:
        actions.register({"rewards": _("고객 보답")})
        console.register_area(
            "perks", [Door("rewards.view_report", "rewards:report")], pages=["rewards:", "admin:rewards_"]
        )
        console.register_index(
            [
                Door("rewards.view_report", "rewards:report", _("혜택 통계"), "watch"),
                Door("rewards.view_correction", "admin:rewards_grantcorrection_changelist", _("월 지급 정정"), "watch"),
                Door("rewards.view_addition", "admin:rewards_baseaddition_changelist", _("늦게 전해진 회선"), "watch"),
            ]
        )

        from eligibility import register_clock
        from kt_remedy.core import health
        from rewards import acts, codes, sms, sms_campaigns, tasks
        from rewards.enrolment import corrections, grants, lists, working

        post_migrate.connect(grants.make_partitions, sender=self)
        sms.register()
        sms_campaigns.register()
        corrections.register()
        tasks.register()
        register_clock.register_dated(working.BASE)
        register_clock.register_dated(working.GRANTS)
        for campaign in sms_campaigns.CAMPAIGNS:
            register_clock.register_dated(campaign)
        register_clock.register(lists.needs)
        health.register_alarm(codes.alarms, codes.words_of_alarms)
        console.register_acts("rewards.propose_correction", acts.acts)
