"""Tasks of applications: ask banks again, release waiting applications, deadlines, deletion."""

from django.utils.translation import gettext_noop

from kt_remedy.core.tasks import schedule
from refunds.accounts import service as accounts
from refunds.applications import desk_sessions, documents, drafts, objections, queue, recheck, reviews
from refunds.models.accounts import HolderCheck


def ask_bank(check: HolderCheck) -> None:
    """Ask a bank that gave no answer again, and continue the applications that waited for it. At-least-once."""
    if accounts.repeat_holder_check(check):
        recheck.recheck_accounts([check.account_id])


def release(_job: object) -> schedule.TaskResult:
    """Release applications whose bill, payment or holder check came, and flag approvals whose verdict changed.
    At-least-once."""
    moved = recheck.recheck_after_feed() + recheck.recheck_settled()
    return schedule.result_message(gettext_noop("옮긴 신청 %(n)s"), n=moved) if moved else None


def document_deadlines(_job: object) -> schedule.TaskResult:
    """Remind of documents that are due soon, and return overdue cases to the reviewers. At-least-once."""
    reminded, ended = reviews.remind_of_documents(), reviews.end_document_requests()
    result = schedule.result_message(gettext_noop("곧 기한 %(n)s, 기한 지남 %(ended)s"), n=reminded, ended=ended)
    return result if reminded or ended else None


def review_days(_job: object) -> schedule.TaskResult:
    """Give new cases their day, let unread approvals of the sample count, and promise anew where an answer to an
    objection is late. At-least-once."""
    queued, counted, moved = queue.describe_new(), reviews.count_unread(), objections.promise_again()
    result = schedule.result_message(
        gettext_noop("새 심사 %(n)s, 표본 승인 %(counted)s, 미룬 답 %(moved)s"), n=queued, counted=counted, moved=moved
    )
    return result if queued or counted or moved else None


def forget_drafts(_job: object) -> schedule.TaskResult:
    """Delete drafts that nobody touched for 90 days. At-least-once."""
    count = drafts.forget_old() + desk_sessions.forget_drafts()
    return schedule.result_message(gettext_noop("지움 %(n)s"), n=count) if count else None


def wipe_documents(_job: object) -> str:
    """Delete documents of cases that ended long ago. At-least-once."""
    count = documents.wipe()
    return f"{count} deleted" if count else ""
