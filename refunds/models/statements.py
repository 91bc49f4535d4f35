"""Statements of the bank's account: their lines, money of returns that is back, suspense, closed days.

A statement is staged by one person and confirmed by another, and a line is matched once. The database refuses one
person for both, an unknown edge, and any change of what was confirmed.
"""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow
from refunds.models.bank_files import BankFile
from refunds.models.items import Item
from refunds.models.protection import APPEND_ONLY, HISTORY, STAFF, STAY, changed, only_moves, starts_as

STATEMENT_EDGES = (("STAGED", "CONFIRMED"), ("STAGED", "DISCARDED"))
SUSPENSE_EDGES = (("OPEN", "PROPOSED"), ("OPEN", "SETTLED"), ("PROPOSED", "OPEN"), ("PROPOSED", "SETTLED"))
_CONTENT = ("sha256", "name", "layout", "size", "staged_by_id", "staged_person", "staged_at")
_DECIDED = (
    "read_at", "fault_code", "number", "day", "opening", "closing", "preview", "confirmed_by_id", "confirmed_person",
    "confirmed_at", "applied_at", "discarded_by_id", "discarded_at", "discarded_because",
)  # fmt: skip


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "staged_by", "confirmed_by", "discarded_by"],
    model_name="BankStatementEvent",
    **HISTORY,
)
class BankStatement(TaskRow):
    """One statement of the bank. A worker reads it, and applies it when another person has confirmed it.

    Read: `read_at`; with a fault `fault_code`. Confirmed by a person: `confirmed_at`; applied by the worker: CONFIRMED.
    """

    class Status(models.TextChoices):
        STAGED = "STAGED", _("확인 기다림")
        CONFIRMED = "CONFIRMED", _("확인함")
        DISCARDED = "DISCARDED", _("버림")

    sha256 = models.CharField("SHA-256", max_length=64)
    name = models.CharField(_("파일 이름"), max_length=120)
    layout = models.CharField(_("양식"), max_length=16)
    size = models.BigIntegerField(_("크기(바이트)"))
    status = models.CharField(_("상태"), max_length=9, choices=Status.choices, default=Status.STAGED)
    staged_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("올린 사람"))
    staged_person = crypto.BlindIndexField()
    staged_at = models.DateTimeField(_("올린 때"))
    # What the worker found.
    read_at = models.DateTimeField(_("읽은 때"), null=True, blank=True)
    lines_read = models.IntegerField(default=0)  # progress
    fault_line = models.IntegerField(null=True, blank=True)
    fault_code = models.CharField(max_length=12, blank=True, default="")
    fault_values = models.JSONField(default=dict, blank=True)
    number = models.IntegerField(_("거래내역 번호"), null=True, blank=True)
    day = models.DateField(_("거래일"), null=True, blank=True)
    opening = models.BigIntegerField(_("시작 잔액(원)"), null=True, blank=True)
    closing = models.BigIntegerField(_("끝 잔액(원)"), null=True, blank=True)
    # Lines and won by what they are matched to (`statements.preview`), as the person saw them who confirmed.
    preview = models.JSONField(default=dict, blank=True)
    confirmed_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("확인한 사람")
    )
    confirmed_person = crypto.BlindIndexField(null=True)
    confirmed_at = models.DateTimeField(_("확인"), null=True, blank=True)
    applied_at = models.DateTimeField(_("적용"), null=True, blank=True)
    # Why the worker did not apply it; the person has to confirm again.
    refusal_code = models.CharField(max_length=12, blank=True, default="")
    discarded_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("버린 사람")
    )
    discarded_at = models.DateTimeField(_("버린 때"), null=True, blank=True)
    discarded_because = crypto.EncryptedTextField(_("버린 이유"), blank=True, default="")

    class Meta:
        db_table = "refunds_statement"
        verbose_name = _("거래내역")
        verbose_name_plural = _("거래내역")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["sha256"], condition=~Q(status="DISCARDED"), name="statement_once"),
            models.UniqueConstraint(fields=["number"], condition=Q(status="CONFIRMED"), name="statement_number"),
            models.CheckConstraint(
                name="statement_read",
                condition=Q(read_at=None, fault_code="")
                | ~Q(fault_code="")
                | Q(
                    read_at__isnull=False,
                    number__isnull=False,
                    day__isnull=False,
                    opening__isnull=False,
                    closing__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="statement_two_people",
                condition=Q(confirmed_by=None, confirmed_person=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_person__isnull=False, confirmed_at__isnull=False)
                & ~Q(confirmed_by=F("staged_by"))
                & ~Q(confirmed_person=F("staged_person")),
            ),
            models.CheckConstraint(
                name="statement_decided",
                condition=Q(status="STAGED", applied_at=None, discarded_by=None)
                | Q(
                    status="CONFIRMED",
                    read_at__isnull=False,
                    fault_code="",
                    confirmed_by__isnull=False,
                    applied_at__isnull=False,
                    discarded_by=None,
                )
                | Q(status="DISCARDED", confirmed_by=None, discarded_by__isnull=False, discarded_at__isnull=False)
                & ~Q(discarded_because=""),
            ),
        ]
        triggers = [
            starts_as("STAGED"),
            only_moves(*STATEMENT_EDGES),
            pgtrigger.Protect(
                name="content_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"({changed(_CONTENT)})"),
            ),
            pgtrigger.Protect(
                name="decided_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"OLD.status <> 'STAGED' AND {changed(_DECIDED)}"),
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.name


class StatementLine(models.Model):
    """One line of a statement that was read; matched once, when the statement is confirmed."""

    class Direction(models.TextChoices):
        DEBIT = "DEBIT", _("출금")
        CREDIT = "CREDIT", _("입금")

    class Match(models.TextChoices):
        PAYMENT = "PAYMENT", _("지급 건의 출금")
        PART = "PART", _("파일 전체의 출금")
        RETURN = "RETURN", _("되돌아온 돈")
        SUSPENSE = "SUSPENSE", _("미결")

    statement = models.ForeignKey(BankStatement, models.PROTECT, related_name="lines", verbose_name=_("거래내역"))
    number = models.IntegerField(_("순번"))
    line = models.IntegerField(_("줄"))
    direction = models.CharField(_("입출"), max_length=6, choices=Direction.choices)
    won = models.BigIntegerField(_("금액(원)"))
    booked_on = models.DateField(_("기장일"))
    reference = models.CharField(_("관리번호"), max_length=35, blank=True, db_collation="C")
    bank_reference = models.CharField(_("은행 거래번호"), max_length=35, blank=True)
    code = models.CharField(_("은행 코드"), max_length=35, blank=True)
    words = crypto.EncryptedTextField(_("은행 설명"), blank=True, default="", kind="bank words")
    match = models.CharField(_("맞은 것"), max_length=8, choices=Match.choices, blank=True, default="")
    item = models.ForeignKey(
        Item, models.PROTECT, null=True, blank=True, related_name="statement_lines", verbose_name=_("지급 건")
    )
    file = models.ForeignKey(
        BankFile, models.PROTECT, null=True, blank=True, related_name="statement_lines", verbose_name=_("은행 파일")
    )
    # A credit for a payment that was PAID: it alarms.
    after_paid = models.BooleanField(default=False)

    class Meta:
        db_table = "refunds_statement_line"
        verbose_name = _("거래")
        verbose_name_plural = _("거래")
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="statement_line_once"),
            models.CheckConstraint(name="statement_line_won", condition=Q(won__gt=0)),
            models.CheckConstraint(
                name="statement_line_match",
                condition=Q(match__in=["", "SUSPENSE"])
                | Q(match="PAYMENT", direction="DEBIT", item__isnull=False)
                | Q(match="RETURN", direction="CREDIT", item__isnull=False)
                | Q(match="PART", direction="DEBIT", item=None, file__isnull=False),
            ),
            # A payment leaves once and comes back once; a second line of either kind is suspense.
            models.UniqueConstraint(fields=["item"], condition=Q(match="PAYMENT"), name="statement_line_payment"),
            models.UniqueConstraint(fields=["item"], condition=Q(match="RETURN"), name="statement_line_return"),
        ]
        indexes = [models.Index(fields=["statement", "match"], name="statement_line_kind")]
        triggers = [
            pgtrigger.ReadOnly(name="stored", exclude=["match", "item", "file", "after_paid"]),
            pgtrigger.Protect(
                name="matched_once", operation=pgtrigger.Update, condition=pgtrigger.Condition("OLD.match <> ''")
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return f"{self.statement_id}/{self.number}"


class MoneyBack(models.Model):
    """The money of a returned payment is back on our account (D-95); only then is the refund paid again.

    A credit names the payment (`statement_line`), or the statements up to the execution day show no debit for it
    (`statement`), or the setting counts a return at once (neither).
    """

    item = models.OneToOneField(Item, models.PROTECT, related_name="money_back", verbose_name=_("지급 건"))
    at = models.DateTimeField(_("언제"))
    statement_line = models.OneToOneField(
        StatementLine, models.PROTECT, null=True, related_name="money_back", verbose_name=_("거래")
    )
    statement = models.ForeignKey(
        BankStatement, models.PROTECT, null=True, related_name="+", verbose_name=_("거래내역")
    )

    class Meta:
        db_table = "refunds_money_back"
        verbose_name = _("돌아온 돈")
        verbose_name_plural = _("돌아온 돈")
        triggers = [APPEND_ONLY]


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "outcome", "proposed_by", "decided_by"],
    model_name="SuspenseEvent",
    **HISTORY,
)
class Suspense(models.Model):
    """What the bank says or books and nothing of ours explains, until a person settles it with a reason.

    Where money moved (a line of a statement), a second person decides.
    """

    class Kind(models.TextChoices):
        CREDIT = "CREDIT", _("모르는 입금")
        DEBIT = "DEBIT", _("모르는 출금")
        AMOUNT = "AMOUNT", _("금액이 다름")
        DOUBLE = "DOUBLE", _("두 번 나온 거래")
        EARLY = "EARLY", _("이체일 전의 출금")
        NOT_OUT = "NOT_OUT", _("보내지 않은 건의 거래")
        AFTER_BACK = "AFTER_BACK", _("돌아온 것으로 친 건의 거래")
        REFUSED_PART = "REFUSED_PART", _("거절된 파일의 출금")
        ANSWER = "ANSWER", _("맞는 건이 없는 은행 답")

    class Status(models.TextChoices):
        OPEN = "OPEN", _("확인할 것")
        PROPOSED = "PROPOSED", _("승인 기다림")
        SETTLED = "SETTLED", _("처리됨")

    class Outcome(models.TextChoices):
        RETURN = "RETURN", _("되돌아온 지급 건의 돈입니다")
        BANK_ERROR = "BANK_ERROR", _("은행의 잘못이며 은행이 바로잡았습니다")
        FINANCE = "FINANCE", _("환급과 관계없어 재무에 넘겼습니다")
        EXPLAINED = "EXPLAINED", _("은행에 물어 이유를 알았습니다")

    kind = models.CharField(_("종류"), max_length=12, choices=Kind.choices)
    status = models.CharField(_("상태"), max_length=8, choices=Status.choices, default=Status.OPEN)
    # Money that came (+) or left (−) by a line; the stated amount of an answer.
    won = models.BigIntegerField(_("금액(원)"))
    reference = models.CharField(_("관리번호"), max_length=35, blank=True, db_collation="C")
    part = models.ForeignKey(
        BankFile, models.PROTECT, null=True, blank=True, related_name="suspense", verbose_name=_("은행 파일")
    )
    line = models.OneToOneField(
        StatementLine, models.PROTECT, null=True, blank=True, related_name="suspense", verbose_name=_("거래")
    )
    note = models.CharField(_("설명"), max_length=200, blank=True)
    at = models.DateTimeField(_("언제"))
    outcome = models.CharField(_("어떻게"), max_length=10, choices=Outcome.choices, blank=True, default="")
    item = models.ForeignKey(
        Item, models.PROTECT, null=True, blank=True, related_name="suspense", verbose_name=_("지급 건")
    )
    reason = crypto.EncryptedTextField(_("이유"), blank=True, default="")
    proposed_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("정리한 사람")
    )
    proposed_person = crypto.BlindIndexField(null=True)
    proposed_at = models.DateTimeField(_("정리한 때"), null=True, blank=True)
    decided_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("승인한 사람")
    )
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("승인"), null=True, blank=True)

    class Meta:
        db_table = "refunds_suspense"
        verbose_name = _("미결")
        verbose_name_plural = _("미결")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="suspense_proposed",
                condition=Q(status="OPEN", outcome="", proposed_by=None, proposed_person=None)
                | ~Q(status="OPEN")
                & ~Q(outcome="")
                & ~Q(reason="")
                & Q(proposed_by__isnull=False, proposed_person__isnull=False, proposed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="suspense_two_people",
                condition=Q(status__in=["OPEN", "PROPOSED"], decided_by=None, decided_person=None)
                | Q(status="SETTLED", line=None, decided_by=None, decided_person=None)
                | Q(
                    status="SETTLED",
                    line__isnull=False,
                    decided_by__isnull=False,
                    decided_person__isnull=False,
                    decided_at__isnull=False,
                )
                & ~Q(decided_by=F("proposed_by"))
                & ~Q(decided_person=F("proposed_person")),
            ),
            models.CheckConstraint(
                name="suspense_return", condition=~Q(outcome="RETURN") | Q(item__isnull=False, line__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["id"], name="suspense_open", condition=~Q(status="SETTLED"))]
        triggers = [
            starts_as("OPEN"),
            only_moves(*SUSPENSE_EDGES),
            pgtrigger.ReadOnly(name="stored", fields=["kind", "won", "reference", "part", "line", "note", "at"]),
            pgtrigger.Protect(
                name="settled_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.status = 'SETTLED'"),
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.won}"


class ClosedDay(models.Model):
    """The named act that closes a day of the bank's account. A later statement of the day needs a new closing."""

    day = models.DateField(_("거래일"))
    # The last statement of the day: what was closed.
    statement = models.OneToOneField(
        BankStatement, models.PROTECT, related_name="closed_day", verbose_name=_("마지막 거래내역")
    )
    opening = models.BigIntegerField(_("시작 잔액(원)"))
    closing = models.BigIntegerField(_("끝 잔액(원)"))
    # The sums of the page that was closed (`reconciliation.Day.figures`), differences included.
    figures = models.JSONField(default=dict)
    note = crypto.EncryptedTextField(_("차이를 둔 이유"), blank=True, default="")
    closed_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("마감한 사람"))
    closed_at = models.DateTimeField(_("마감"))

    class Meta:
        db_table = "refunds_closed_day"
        verbose_name = _("하루 마감")
        verbose_name_plural = _("하루 마감")
        ordering = ["-day"]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return self.day.isoformat()
