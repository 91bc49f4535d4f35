"""Collect the facts that the decision table needs about a line, its account and its application."""

import hashlib

import structlog
from django.conf import settings
from django.db import connection

from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Programme
from refunds import calendar
from refunds.applications import bank_layout
from refunds.applications.decision import Facts
from refunds.models.accounts import Account
from refunds.models.applications import Application
from refunds.models.states import LIVE

log = structlog.get_logger(__name__)

# Values of `Application.flag`.
VERDICT_CHANGED = "VERDICT_CHANGED"
SHARED_ACCOUNT = "SHARED_ACCOUNT"


def facts_for(
    line: Line,
    account: Account,
    *,
    lateness: str,
    representation: str,
    persons: int,
    qa_sample: bool,
    reviewed: bool,
) -> Facts:
    """Facts of an application for `line` paid to `account`; `persons` is the number of persons who use that account."""
    return Facts(
        lateness=lateness,
        outcome=line.effective_outcome,
        reasons=tuple(line.reason_codes),
        holder=account.holder_check.outcome,
        representation=representation,
        persons_on_account=persons,
        qa_sample=qa_sample,
        reviewed=reviewed,
        last_chance=line.refundable_krw > 0 and calendar.is_last(clock.now(), programme.current()),
        passbook_seen=account.holder_check.passbook_seen,
        layout_fault=bank_layout.fault(account),
    )


def facts_of(row: Application, *, reviewed: bool) -> Facts:
    """Facts of an application that exists."""
    return facts_for(
        row.line,
        row.account,
        lateness=row.lateness,
        representation=row.filing.representation,
        persons=persons_using(row.account),
        qa_sample=row.qa_sample,
        reviewed=reviewed,
    )


def persons_using(account: Account) -> int:
    """Number of persons an account would pay: its own and all others with a live application to the same number
    (D-35)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT other.person_index)
            FROM refunds_account other JOIN refunds_application a ON a.account_id = other.id
            WHERE other.number_index = %s AND other.person_index <> %s AND a.status = ANY(%s)
            """,
            [account.number_index, account.person_index, [status.value for status in LIVE]],
        )
        return cursor.fetchone()[0] + 1


def report_shared_account(account: Account, persons: int) -> None:
    """Record and log that more persons use an account than D-35 allows."""
    audit.record(actor="system", action="account.shared", object=f"account:{account.id}", detail={"persons": persons})
    log.warning("account used by many persons", account=str(account.id), persons=persons)


def in_sample(contract_no: str, current: Programme) -> bool:
    """True if an automatic approval of this line goes to a reviewer: always the same QA_SAMPLE_PERCENT of lines."""
    digest = hashlib.sha256(f"{current.code}:qa:{contract_no}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < settings.QA_SAMPLE_PERCENT
