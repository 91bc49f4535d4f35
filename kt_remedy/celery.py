"""The Celery application: `celery -A kt_remedy worker`, `celery -A kt_remedy beat`."""

import os

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kt_remedy.settings")

app = Celery("kt_remedy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)

# Beat only ticks, once a second for each queue: a person may be waiting. What is due stands in rows, so a tick that
# is lost, late or doubled (two beats) does no harm, and one that waited in the broker longer than this is stale.
app.conf.beat_schedule = {
    f"sweep-{queue}": {
        "task": "kt_remedy.core.tasks.sweep",
        "schedule": 1.0,
        "args": (queue,),
        "options": {"queue": queue, "expires": 5},
    }
    for queue in ("money", "messages", "perks", "rest")
}
