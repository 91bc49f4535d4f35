from django.apps import AppConfig


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = "환급"

    def ready(self) -> None:
        """Register the texts and the calendar's entries of each part of the room."""
        from refunds import reminders
        from refunds.applications import jobs, texts  # models are loaded only now
        from refunds.payouts import jobs as payout_jobs
        from refunds.payouts import results
        from refunds.payouts import texts as payout_texts

        texts.register()
        jobs.register()
        results.register()
        payout_texts.register()
        payout_jobs.register()
        reminders.register()
