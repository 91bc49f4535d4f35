"""The class of every Celery task of the portal."""

import traceback
from pathlib import Path

from celery import Task


class TaskFailed(Exception):
    """Raised in place of an error of a task, whose text may hold personal data: names the task's row and the place."""


class RowTask(Task):
    """A task that carries out one row. Celery reports its failure without a traceback, which may hold personal data."""

    throws = (TaskFailed,)


def place_of(error: Exception) -> str:
    """The kind of an error and the line it came from; its text may hold personal data and stays out."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} ({Path(frame.filename).name}:{frame.lineno})"
