"""The Celery application: `celery -A kt_remedy worker`, `celery -A kt_remedy beat`."""

import os
import sys
from typing import Any

from celery import Celery, signals
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kt_remedy.settings")

app = Celery("kt_remedy", task_cls="kt_remedy.core.tasks.base:RowTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@signals.worker_init.connect
@signals.beat_init.connect
def refuse_demonstration(**_signal: Any) -> None:
    """End a worker or beat that would work on the database of a try-out in production."""
    from django.core.exceptions import ImproperlyConfigured

    from kt_remedy import checks  # need the settings

    try:
        checks.refuse_demonstration()
    except ImproperlyConfigured as error:
        sys.exit(str(error))  # Celery only logs another error of a signal
