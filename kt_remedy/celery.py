"""The Celery application: `celery -A kt_remedy worker`, `celery -A kt_remedy beat`."""

import os

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kt_remedy.settings")

app = Celery("kt_remedy", task_cls="kt_remedy.core.tasks.base:RowTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)
