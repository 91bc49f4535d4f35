"""How long each kind of personal data is kept: one table, from which docs/retention.md is written.

Most rows are carried out by a task of their own package. Rows with an `erase` function are carried out by the daily
task here. Each row names the tables it covers; every table with personal data stands in some row. The law
on the protection of personal data, article 21, asks that data without a purpose are erased.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_noop

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.core.tasks import schedule
from kt_remedy.notices.models import Message
from kt_remedy.portal import desk_code
from refunds.models.applications import Note

CODE_DAYS = 1
NOTE_DAYS = 365
NUMBER_DAYS = 365
AT_ONCE = 5_000


@dataclass(frozen=True)
class Rule:
    """One row: the data, the tables, the period and from when it counts, its source, and how it ends."""

    code: str
    data: str
    tables: tuple[str, ...]
    period: str
    source: str
    ends: str
    # The task that carries it out.
    task: str = ""
    erase: Callable[[dt.datetime], int] | None = None


def erase_codes(now: dt.datetime) -> int:
    """Empty the texts that carried a code of the desk; returns how many."""
    old = Message.objects.filter(kind__in=desk_code.KINDS, created_at__lt=now - dt.timedelta(days=CODE_DAYS))
    keys = list(old.exclude(body="").values_list("pk", flat=True)[:AT_ONCE])
    return Message.objects.filter(pk__in=keys).update(body="")


def erase_numbers(now: dt.datetime) -> int:
    """Remove the number that a message went to; the text, its day and the keyed index stay. Returns how many."""
    old = Message.objects.filter(settled_at__lt=now - dt.timedelta(days=NUMBER_DAYS), to_enc__isnull=False)
    keys = list(old.values_list("pk", flat=True)[:AT_ONCE])
    return Message.objects.filter(pk__in=keys).update(to_enc=None)


def erase_notes(now: dt.datetime) -> int:
    """Delete notes about conversations with a customer whose call-back is done; returns how many."""
    old = Note.objects.filter(written_at__lt=now - dt.timedelta(days=NOTE_DAYS))
    keys = list(old.exclude(call_back_at__isnull=False, called_at__isnull=True).values_list("pk", flat=True)[:AT_ONCE])
    Note.objects.filter(pk__in=keys).delete()
    return len(keys)


_WIPE = f"{settings.ACCOUNT_WIPE_DAYS:,} days (`ACCOUNT_WIPE_DAYS`)"
_LAW = "5 years after the end of the programme"
_BOOKS = "law on electronic commerce, article 6: records of payment"

RULES = (
    Rule(
        "accounts",
        "account number, holder's name and birth date, the bank's spelling",
        ("refunds.Account", "refunds.HolderCheck"),
        f"{_WIPE} after payment, refusal or withdrawal; once a consent is withdrawn, as soon as no payment needs it",
        "consent (D-71, D-91)",
        "emptied; the keyed index stays for the report of fraud",
        "refunds.wipe_accounts",
    ),
    Rule(
        "bank_files",
        "files for the bank and its answers",
        ("refunds.Chunk",),
        f"{_WIPE} after settlement",
        "consent (D-71)",
        "bytes deleted; digest and counts stay",
        "refunds.wipe_accounts",
    ),
    Rule(
        "documents",
        "documents that customers hand in",
        ("refunds.Evidence",),
        f"{_WIPE} after the case ended",
        "purpose of the review",
        "key, name and file deleted",
        "refunds.wipe_documents",
    ),
    Rule(
        "drafts",
        "answers of a person who has not filed",
        ("refunds.Draft",),
        "90 days after the last change",
        "purpose over",
        "deleted",
        "refunds.forget_drafts",
    ),
    Rule(
        "desk_drafts",
        "what staff typed at the desk for a customer and did not file",
        ("refunds.DeskSession",),
        "until midnight",
        "D-85",
        "emptied; the row says who served whom and when",
        "refunds.forget_drafts",
    ),
    Rule(
        "wishes",
        "numbers of people who want to be told of the opening",
        ("eligibility.OpeningWish",),
        "until the window closes, or at once on request",
        "consent",
        "deleted",
        "eligibility.forget_openings",
    ),
    Rule(
        "codes",
        "codes that prove a number at the desk",
        (),
        f"{CODE_DAYS} day",
        "purpose over after five minutes",
        "text emptied; the code itself is kept nowhere else but as a keyed index",
        "portal.retention",
        erase_codes,
    ),
    Rule(
        "numbers",
        "numbers that messages went to",
        ("notices.Message", "refunds.PromiseNotice"),
        f"{NUMBER_DAYS} days after the message ended",
        "proof of notice",
        "number removed; text and day stay with the case",
        "portal.retention",
        erase_numbers,
    ),
    Rule(
        "notes",
        "notes of agents and clerks",
        ("refunds.Note",),
        f"{NOTE_DAYS} days, a promised call-back not before it is done",
        "purpose of the conversation over",
        "deleted",
        "portal.retention",
        erase_notes,
    ),
    Rule(
        "sessions",
        "sessions of customers and staff",
        (),
        "until they end: 15 to 30 minutes idle, 10 to 12 hours at most",
        "purpose over",
        "deleted",
        "identity.sessions",
    ),
    Rule(
        "counters",
        "counters of tries, by keyed hash",
        (),
        "until the window ends, a day at most",
        "purpose over",
        "deleted",
        "limits.sweep",
    ),
    Rule(
        "opt_outs",
        "numbers and persons that want no reminders, as keyed index",
        ("notices.OptOut",),
        "end of the programme",
        "wish of the person",
        "erased with the installation",
    ),
    Rule(
        "register",
        "holders, lines and bills of the billing system, with their history",
        (
            "eligibility.Customer",
            "eligibility.CustomerHistory",
            "eligibility.Line",
            "eligibility.LineHistory",
            "eligibility.LineDecision",
        ),
        _LAW,
        _BOOKS,
        "erased with the installation",
    ),
    Rule(
        "cases",
        "filings, decisions, objections and payments without account numbers",
        (
            "refunds.Filing",
            "refunds.Decision",
            "refunds.Objection",
            "refunds.LateReason",
            "refunds.Adjustment",
            "refunds.OfflinePayment",
            "refunds.Hold",
            "refunds.Item",
            "refunds.Batch",
            "refunds.BatchComment",
            "refunds.BankFile",
            "refunds.Download",
            "refunds.BankAnswer",
            "refunds.AnswerLine",
            "refunds.BankStatement",
            "refunds.StatementLine",
            "refunds.Suspense",
            "refunds.ClosedDay",
            "refunds.FreezeException",
            "refunds.ObjectionAddition",
            "refunds.ReviewCase",
            "refunds.Letter",
            "refunds.ConsentWithdrawal",
        ),
        _LAW,
        _BOOKS,
        "erased with the installation",
    ),
    Rule(
        "perks",
        "choices of perks and their voucher codes",
        (
            "rewards.BaseLine",
            "rewards.BaseAddition",
            "rewards.GrantCorrection",
            "rewards.Voucher",
            "rewards.Entitlement",
        ),
        _LAW,
        _BOOKS,
        "erased with the installation",
    ),
    Rule(
        "staff",
        "accounts of staff, requests for rights, imports of stores and staff, declared households",
        ("staff.User", "staff.RightsRequest", "staff.StaffImport", "staff.HouseholdMember"),
        "3 years after a right changed",
        "standard of the commission on personal data: changes of rights",
        "erased with the installation",
    ),
    Rule(
        "looks",
        "record of who looked at whose data, questions about a look, monthly reviews",
        ("audit.AuditEntry", "audit.AuditSubject", "audit.LookQuestion", "audit.MonthlyReview"),
        "2 years",
        "standard of the commission on personal data, article 8: more than 50,000 people",
        "whole months dropped, once sealed, by `manage.py audit_parts`; the chain keeps a sealed entry of it",
    ),
)


def carry_out(_row: object) -> schedule.TaskResult:
    """Erase what each row with an `erase` function is over for; one entry in the audit for each. At-least-once."""
    now, results = clock.now(), []
    for rule in RULES:
        if rule.erase and (count := rule.erase(now)):
            audit.record(actor="system", action="retention.erased", object=f"rule:{rule.code}", detail={"rows": count})
            results.append(schedule.result_message(gettext_noop("지움 %(n)s"), n=count))
    return results


def page() -> str:
    """The text of docs/retention.md."""
    rows = [
        f"| {rule.data} | {', '.join(f'`{name}`' for name in rule.tables) or '–'} | {rule.period} | {rule.source} |"
        f" {rule.ends} | {f'`{rule.task}`' if rule.task else 'operator'} |"
        for rule in RULES
    ]
    return "\n".join([_HEAD, *rows, ""])


_HEAD = """# Retention

Written by `manage.py retention_table` from `kt_remedy/portal/retention.py`; a test compares both. Names, numbers,
accounts, CI and free text are encrypted; searches use keyed indexes. Birth dates of the register stand in clear,
because perks compare them over all customers; every page masks them. No personal value stands in a log, an address or
the message of a task.

| data | tables | kept | source | how it ends | carried out by |
|---|---|---|---|---|---|"""
