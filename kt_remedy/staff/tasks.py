"""Tasks of the accounts of staff: carry imports out, forget the browsers whose session is over."""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.tasks import dispatch, schedule
from kt_remedy.staff import imports, sessions


def register() -> None:
    """Put the tasks on the calendar, and let beat publish the imports that wait."""
    dispatch.register_rows(carry_out_import, imports.open_imports)
    schedule.register(
        "staff.sessions", title=_("끝난 직원 접속 지우기"), task=forget_sessions, due=dt.timedelta(hours=1)
    )


@shared_task(soft_time_limit=300, time_limit=330)
def carry_out_import(import_id: int) -> None:
    """Compare an import of stores or staff, or carry out an approved one. Safe to run twice: each is one transaction
    under the lock of its row."""
    dispatch.run(imports.open_imports(), import_id, imports.carry_out)


@shared_task(soft_time_limit=300, time_limit=330)
def forget_sessions(code: str) -> None:
    """Delete the rows of sessions that are over. Safe to run twice."""
    schedule.run_periodic_task(code, lambda row: sessions.forget_ended())
