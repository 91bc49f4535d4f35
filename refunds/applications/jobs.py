"""Periodic tasks of applications: ask banks again, release waiting applications, deadlines, deletion."""

import datetime as dt

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy.core.tasks import schedule
from refunds.accounts import service as accounts
from refunds.applications import documents, drafts, recheck, reviews


def ask_banks(_job: object) -> schedule.TaskResult:
    """Ask banks that had no answer again, and continue the applications that waited for it. At-least-once."""
    settled = accounts.repeat_holder_checks()
    moved = recheck.recheck_accounts(settled) + recheck.recheck_settled()
    result = schedule.result_message(gettext_noop("은행 답 %(n)s, 옮긴 신청 %(moved)s"), n=len(settled), moved=moved)
    return result if settled or moved else None


def release(_job: object) -> schedule.TaskResult:
    """Release applications whose bill or payment came, and flag approvals whose verdict changed. At-least-once."""
    moved = recheck.recheck_after_feed()
    return schedule.result_message(gettext_noop("옮긴 신청 %(n)s"), n=moved) if moved else None


def document_deadlines(_job: object) -> schedule.TaskResult:
    """Remind of documents that are due soon, and return overdue cases to the reviewers. At-least-once."""
    reminded, ended = reviews.remind_of_documents(), reviews.end_document_requests()
    result = schedule.result_message(gettext_noop("곧 기한 %(n)s, 기한 지남 %(ended)s"), n=reminded, ended=ended)
    return result if reminded or ended else None


def forget_drafts(_job: object) -> schedule.TaskResult:
    """Delete drafts that nobody touched for 90 days. At-least-once."""
    count = drafts.forget_old()
    return schedule.result_message(gettext_noop("지움 %(n)s"), n=count) if count else None


def wipe_documents(_job: object) -> str:
    """Delete documents of cases that ended long ago. At-least-once."""
    count = documents.wipe()
    return f"{count} deleted" if count else ""


def register() -> None:
    """Register the tasks with the schedule."""
    schedule.register(
        "refunds.ask_banks", title=_("예금주 다시 조회"), task=ask_banks, due=dt.timedelta(seconds=5), queue="money"
    )
    schedule.register(
        "refunds.release",
        title=_("청구와 납부를 기다리던 신청 다시 판단"),
        task=release,
        due=dt.timedelta(seconds=10),
        queue="money",
    )
    schedule.register(
        "refunds.documents",
        title=_("서류 기한 확인"),
        task=document_deadlines,
        due=dt.timedelta(minutes=1),
        queue="money",
    )
    schedule.register(
        "refunds.forget_drafts",
        title=_("오래된 임시 답 삭제"),
        task=forget_drafts,
        due=dt.timedelta(hours=1),
        queue="money",
    )
    schedule.register(
        "refunds.wipe_documents",
        title=_("끝난 신청의 서류 삭제"),
        task=wipe_documents,
        due=dt.timedelta(hours=1),
        queue="money",
    )
