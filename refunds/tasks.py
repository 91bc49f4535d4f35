"""Tasks of the refunds: messages on their days, applications, payouts.

No task moves money; people do. A task makes a file for the bank, or applies an answer of the bank, only by the order
of a person.
"""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _

from eligibility import register_clock
from kt_remedy.core import clock
from kt_remedy.core.tasks import dispatch, schedule
from refunds import reminders
from refunds.accounts import service as accounts
from refunds.applications import jobs
from refunds.payouts import answers, batch_figures, file_orders, freeze_needs, invariants, statements
from refunds.payouts import jobs as payout_jobs
from refunds.promise import jobs as promise_jobs
from refunds.promise import service as promise

# A bank that is down keeps a task waiting for five seconds: more of them at a time would hold up the others.
BANKS_ASKED_AT_ONCE = 10


def register() -> None:
    """Put the tasks on the calendar, and register the rows that have tasks of their own."""
    dispatch.register_rows(ask_bank, accounts.open_checks, at_once=BANKS_ASKED_AT_ONCE)
    dispatch.register_rows(count_batch, batch_figures.due_figures)
    dispatch.register_rows(create_file, file_orders.due_orders)
    dispatch.register_rows(carry_out_statement, statements.open_statements)
    dispatch.register_rows(read_answer, answers.unread)
    dispatch.register_rows(apply_answer, answers.unapplied)
    schedule.register(
        "refunds.campaign",
        title=_("대상 고객에게 개별 문자"),
        task=queue_campaign,
        due=lambda p: [clock.kst(p.lookup_opens, reminders.HOUR)],
        latest=dt.timedelta(days=7),  # after that the reminders say more
    )
    schedule.register(
        "refunds.reminder",
        title=_("신청 안내 문자"),
        task=queue_reminders,
        due=lambda p: [clock.kst(item.send_on, reminders.HOUR) for item in p.reminders],
    )
    for code in ("refunds.campaign", "refunds.reminder"):
        register_clock.register_dated(code)
    register_clock.register(freeze_needs.open_needs)
    schedule.register(
        "refunds.release",
        title=_("기다리던 신청 다시 판단"),
        task=release_applications,
        due=dt.timedelta(minutes=1),
    )
    dispatch.register_rows(refresh_promises, promise.open_shards)
    schedule.register(
        "refunds.passed_promises",
        title=_("지난 약속 찾기"),
        task=find_passed_promises,
        due=dt.timedelta(minutes=30),
    )
    schedule.register(
        "refunds.tell_promises", title=_("바뀐 약속을 문자로"), task=tell_promises, due=dt.timedelta(minutes=1)
    )
    schedule.register(
        "refunds.documents", title=_("서류 기한 확인"), task=check_document_deadlines, due=dt.timedelta(minutes=1)
    )
    schedule.register(
        "refunds.review_days", title=_("심사와 이의의 답할 날"), task=watch_review_days, due=dt.timedelta(minutes=1)
    )
    schedule.register(
        "refunds.forget_drafts", title=_("오래된 임시 답 삭제"), task=delete_drafts, due=dt.timedelta(hours=1)
    )
    schedule.register(
        "refunds.wipe_documents", title=_("끝난 신청의 서류 삭제"), task=delete_documents, due=dt.timedelta(hours=1)
    )
    schedule.register(
        "refunds.watch_rounds", title=_("지급이 늦어지는지 보기"), task=watch_rounds, due=dt.timedelta(minutes=5)
    )
    schedule.register("refunds.verify_money", title=_("돈의 합 확인"), task=verify_money, due=invariants.EVERY)
    schedule.register(
        "refunds.outdated_figures",
        title=_("다시 셀 회차 찾기"),
        task=find_outdated_figures,
        due=dt.timedelta(minutes=1),
    )
    schedule.register(
        "refunds.forecasts", title=_("다음 회차 미리 세기"), task=count_forecasts, due=dt.timedelta(minutes=1)
    )
    schedule.register(
        "refunds.judge_layouts",
        title=_("은행 이체 양식에 맞는지 보기"),
        task=judge_layouts,
        due=dt.timedelta(minutes=1),
    )
    schedule.register(
        "refunds.wipe_accounts", title=_("지급이 끝난 계좌번호 지우기"), task=wipe_accounts, due=dt.timedelta(hours=1)
    )


@shared_task(soft_time_limit=900, time_limit=960)
def queue_campaign(act_id: int) -> None:
    """Queue the news of the day the look-up opens. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, register_clock.after_delivery(reminders.start_campaign))


@shared_task(soft_time_limit=900, time_limit=960)
def queue_reminders(act_id: int) -> None:
    """Queue one reminder to those who have not applied. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, register_clock.after_delivery(reminders.start_reminder))


@shared_task(soft_time_limit=60, time_limit=90)
def ask_bank(check_id: int) -> None:
    """Ask a bank again that gave no answer, and continue the applications that waited for it. At-least-once."""
    dispatch.run(accounts.open_checks(), check_id, jobs.ask_bank)


@shared_task(soft_time_limit=900, time_limit=960)
def count_batch(batch_id: int) -> None:
    """Count the figures of a batch; a person waits at its page. Safe to run twice."""
    dispatch.run(batch_figures.due_figures(), batch_id, batch_figures.count)


@shared_task(soft_time_limit=1800, time_limit=1860)
def create_file(order_id: int) -> None:
    """Make the file that a person ordered. Safe to run twice: an order is carried out in one transaction."""
    dispatch.run(file_orders.due_orders(), order_id, file_orders.make)


@shared_task(soft_time_limit=1800, time_limit=1860)
def carry_out_statement(statement_id: int) -> None:
    """Read a staged statement of the bank, or apply a confirmed one. At-least-once: each is done in one transaction."""
    dispatch.run(statements.open_statements(), statement_id, statements.carry_out)


@shared_task(soft_time_limit=1800, time_limit=1860)
def read_answer(answer_id: int) -> None:
    """Read a staged answer of the bank. Safe to run twice: nothing moves, and lines of a killed run are deleted."""
    dispatch.run(answers.unread(), answer_id, answers.read)


@shared_task(soft_time_limit=1800, time_limit=1860)
def apply_answer(answer_id: int) -> None:
    """Apply the answer that another person confirmed. Safe to run twice: it is applied in one transaction."""
    dispatch.run(answers.unapplied(), answer_id, answers.apply)


@shared_task(soft_time_limit=300, time_limit=330)
def release_applications(code: str) -> None:
    """Judge applications again that waited for a bill, a payment or a bank. At-least-once."""
    schedule.run_periodic_task(code, jobs.release)


@shared_task(soft_time_limit=300, time_limit=330)
def refresh_promises(shard_id: int) -> None:
    """Record the promises that an act on a batch changed. Safe to run twice: what is recorded is no change."""
    dispatch.run(promise.open_shards(), shard_id, promise.refresh_shard)


@shared_task(soft_time_limit=300, time_limit=330)
def find_passed_promises(code: str) -> None:
    """Find the promises whose day has passed. Safe to run twice: a changed promise is found once."""
    schedule.run_periodic_task(code, promise_jobs.find_passed)


@shared_task(soft_time_limit=900, time_limit=960)
def tell_promises(code: str) -> None:
    """Queue the texts of promises that changed. Safe to run twice: a change is told in the transaction that ends it."""
    schedule.run_periodic_task(code, promise_jobs.tell)


@shared_task(soft_time_limit=300, time_limit=330)
def check_document_deadlines(code: str) -> None:
    """Remind of documents that are due soon, and end requests that are overdue. At-least-once."""
    schedule.run_periodic_task(code, jobs.document_deadlines)


@shared_task(soft_time_limit=300, time_limit=330)
def watch_review_days(code: str) -> None:
    """Queue new cases, count unread approvals and move answer days that passed. At-least-once: each is done once."""
    schedule.run_periodic_task(code, jobs.review_days)


@shared_task(soft_time_limit=300, time_limit=330)
def delete_drafts(code: str) -> None:
    """Delete old drafts. At-least-once."""
    schedule.run_periodic_task(code, jobs.forget_drafts)


@shared_task(soft_time_limit=600, time_limit=660)
def delete_documents(code: str) -> None:
    """Delete documents of cases that ended long ago. At-least-once."""
    schedule.run_periodic_task(code, jobs.wipe_documents)


@shared_task(soft_time_limit=60, time_limit=90)
def watch_rounds(code: str) -> None:
    """Warn of overdue payout rounds. Safe to run twice."""
    schedule.run_periodic_task(code, payout_jobs.watch_rounds)


@shared_task(soft_time_limit=600, time_limit=660)
def verify_money(code: str) -> None:
    """Check every invariant of the money. Safe to run twice: it only reads."""
    schedule.run_periodic_task(code, payout_jobs.verify_money)


@shared_task(soft_time_limit=60, time_limit=90)
def find_outdated_figures(code: str) -> None:
    """Find the batches whose figures are out of date, so that they are counted. Safe to run twice."""
    schedule.run_periodic_task(code, payout_jobs.find_outdated_figures)


@shared_task(soft_time_limit=300, time_limit=330)
def count_forecasts(code: str) -> None:
    """Count the open rounds for the pages that show them. Safe to run twice: it replaces figures nobody decides by."""
    schedule.run_periodic_task(code, payout_jobs.count_forecasts)


@shared_task(soft_time_limit=300, time_limit=330)
def judge_layouts(code: str) -> None:
    """Judge new accounts by the bank's layout. Safe to run twice: an account is judged under its lock."""
    schedule.run_periodic_task(code, payout_jobs.judge_layouts)


@shared_task(soft_time_limit=600, time_limit=660)
def wipe_accounts(code: str) -> None:
    """Wipe account numbers that are no longer needed. At-least-once."""
    schedule.run_periodic_task(code, payout_jobs.wipe_accounts)
