from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("환급")

    def ready(self) -> None:
        """Register the texts and the calendar's entries of each part of the room."""
        from refunds import reminders
        from refunds.applications import jobs, texts  # models are loaded only now
        from refunds.payouts import jobs as payout_jobs
        from refunds.payouts import results

        texts.register()
        jobs.register()
        results.register()
        payout_jobs.register()
        reminders.register()
