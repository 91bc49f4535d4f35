from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

# A session plans the statement in a history trigger once. Planned for one row it is a nested loop, which for half a
# million rows takes hours; a merge or hash join costs one row nothing. Whatever table it is, so all of them.
HISTORY_PLANS = """
DO $$ DECLARE history regprocedure; BEGIN
    FOR history IN SELECT oid FROM pg_proc
        WHERE proname LIKE 'pgtrigger_%' AND prosrc LIKE '%JOIN new_values%' AND proconfig IS NULL
    LOOP EXECUTE format('ALTER FUNCTION %s SET enable_nestloop = off', history); END LOOP;
END $$
"""


def steady_history(using: str, **_: Any) -> None:
    """Keep the history triggers from a plan that fits one row only (after every migration, which may remake them)."""
    with connections[using].cursor() as cursor:
        cursor.execute(HISTORY_PLANS)


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("환급")

    def ready(self) -> None:
        """Register the texts and the calendar's entries of each part of the room."""
        from refunds import reminders
        from refunds.applications import jobs, sms  # models are loaded only now
        from refunds.payouts import jobs as payout_jobs
        from refunds.payouts import sms as payout_texts

        post_migrate.connect(steady_history, sender=self)
        sms.register()
        jobs.register()
        payout_texts.register()
        payout_jobs.register()
        reminders.register()
