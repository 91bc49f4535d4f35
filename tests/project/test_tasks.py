"""Celery's registry beside the list of tasks in docs/architecture.md, and limits and queues of every task."""

import re
from pathlib import Path

import pytest
from celery import current_app

from kt_remedy.core.tasks import dispatch, schedule

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([\w.]+\.tasks\.[\w.]+)` \| (\w+) \| (\d+) \| (\d+) \| (.+) \|$", re.MULTILINE)


def registry() -> dict[str, tuple[str, int, int]]:
    current_app.loader.import_default_modules()
    return {
        name: (dispatch.queue_of(task), task.soft_time_limit, task.time_limit)
        for name, task in current_app.tasks.items()
        if not name.startswith("celery.")
    }


def listed(text: str) -> dict[str, tuple[str, int, int]]:
    return {name: (queue, int(soft), int(hard)) for name, queue, soft, hard, _reason in ROW.findall(text)}


def test_the_document_lists_every_task_with_its_queue_and_its_limits():
    assert listed((ROOT / "docs/architecture.md").read_text(encoding="utf-8")) == registry()


def test_a_changed_limit_or_queue_would_be_found():
    row = "| `refunds.tasks.verify_money` | money | 600 | 660 | it only reads |"
    assert listed(row) == {"refunds.tasks.verify_money": registry()["refunds.tasks.verify_money"]}
    assert listed(row.replace("600", "601")) != listed(row) != listed(row.replace("money |", "rest |"))
    assert listed(row.replace("it only reads", "")) == {}, "a reason is needed"


@pytest.mark.parametrize("name", sorted(registry()))
def test_each_task_has_limits_of_its_own_and_a_queue_that_workers_take(name):
    queue, soft, hard = registry()[name]
    assert queue in dispatch.QUEUES
    assert 0 < soft < hard


def test_each_task_is_published_for_some_row():
    published = {registration.task.name for registration in schedule.entries()}
    published |= {task.name for task in dispatch.tasks()}
    assert published == set(registry())
