"""The batch of one pay day, the applications its freeze left out, its figures, and the duties of its cut-off.

`refunds.payouts` alone writes the tables of batches, files, items and cases. The database refuses an unknown edge, a
change of frozen figures, and one person who both prepared and approved.
"""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow
from refunds.models.applications import Application
from refunds.models.protection import HISTORY, STAFF, STAY, changed, only_moves, starts_as

# All transitions; the triggers below contain the same pairs.
BATCH_EDGES = (
    ("OPEN", "FROZEN"),
    ("FROZEN", "APPROVED"),
    ("FROZEN", "OPEN"),
    ("APPROVED", "OPEN"),
    ("APPROVED", "FILED"),
    ("FILED", "OPEN"),
    ("FILED", "SETTLED"),
)
FIGURES = (
    "count", "won", "hash_total", "digest", "programme_snapshot", "prepared_by_id", "prepared_person", "prepared_at",
)  # fmt: skip
APPROVAL = ("approved_by_id", "approved_person", "approved_at", "approved_digest", "approved_head")


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "count", "won", "hash_total", "digest", "prepared_by", "approved_by"],
    model_name="BatchEvent",
    **HISTORY,
)
class Batch(models.Model):
    """The payments of one pay day. Open until the maker freezes it; an open batch has no live items."""

    class Status(models.TextChoices):
        OPEN = "OPEN", _("모음")
        FROZEN = "FROZEN", _("승인 기다림")
        APPROVED = "APPROVED", _("승인됨")
        FILED = "FILED", _("파일 만듦")
        SETTLED = "SETTLED", _("정산 끝")

    # How far the parts of a filed batch are, from the part that needs the next act: its words for a page.
    PART_STAGES = {
        "REFUSED": _("은행이 파일을 거절"),
        "MADE": _("새 파일 승인 기다림"),
        "APPROVED": Status.FILED.label,
        "HANDED_OVER": _("은행에 전달"),
        "ACCEPTED": _("은행이 받음"),
    }

    BEFORE_FILE = (Status.FROZEN, Status.APPROVED)
    NOT_APPROVED = (Status.OPEN, Status.FROZEN)

    pay_on = models.DateField(_("지급일"), unique=True)
    number = models.SmallIntegerField(_("회차"))
    cut_off = models.DateTimeField(_("마감"))
    status = models.CharField(_("상태"), max_length=12, choices=Status.choices, default=Status.OPEN)
    count = models.IntegerField(_("건수"), null=True, blank=True)
    won = models.BigIntegerField(_("합계(원)"), null=True, blank=True)
    # Sum of 40 bits of the keyed index of each account: it reveals an exchanged account without its number.
    hash_total = models.BigIntegerField(_("계좌 합"), null=True, blank=True)
    digest = models.CharField(_("확인값"), max_length=64, blank=True, default="")
    # [applications, won] left out by the freeze, by reason.
    excluded = models.JSONField(_("나가지 않는 것"), default=dict, blank=True)
    # The programme as it was when the batch was frozen (`batches.programme_snapshot`); the invariants read it.
    programme_snapshot = models.JSONField(default=dict, blank=True, editable=False)
    prepared_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("준비한 사람")
    )
    prepared_person = crypto.BlindIndexField(null=True)
    prepared_at = models.DateTimeField(_("확정"), null=True, blank=True)
    approved_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("승인한 사람")
    )
    approved_person = crypto.BlindIndexField(null=True)
    approved_at = models.DateTimeField(_("승인"), null=True, blank=True)
    approved_digest = models.CharField(max_length=64, blank=True, default="")
    # The end of the audit's chain at the approval: its position and digest.
    approved_head = models.CharField(max_length=90, blank=True, default="", editable=False)
    opened_again = crypto.EncryptedTextField(_("돌려보낸 이유"), blank=True, default="")
    handed_over_at = models.DateTimeField(_("은행에 전달"), null=True, blank=True)
    settled_at = models.DateTimeField(_("정산"), null=True, blank=True)

    class Meta:
        db_table = "refunds_batch"
        verbose_name = _("지급 회차")
        verbose_name_plural = _("지급 회차")
        ordering = ["pay_on"]
        constraints = [
            models.CheckConstraint(
                name="batch_prepared",
                condition=Q(
                    status="OPEN",
                    count=None,
                    won=None,
                    hash_total=None,
                    digest="",
                    prepared_by=None,
                    prepared_person=None,
                )
                | Q(
                    ~Q(status="OPEN"),
                    count__gt=0,
                    won__gt=0,
                    hash_total__isnull=False,
                    digest__regex="^[0-9a-f]{64}$",
                    prepared_by__isnull=False,
                    prepared_person__isnull=False,
                    prepared_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="batch_approved",
                condition=Q(status__in=["OPEN", "FROZEN"], approved_by=None, approved_person=None, approved_digest="")
                | Q(
                    ~Q(status__in=["OPEN", "FROZEN"]),
                    approved_by__isnull=False,
                    approved_person__isnull=False,
                    approved_at__isnull=False,
                    approved_digest=F("digest"),
                ),
            ),
            models.CheckConstraint(
                name="batch_two_people",
                condition=Q(approved_by=None)
                | ~Q(approved_by=F("prepared_by")) & ~Q(approved_person=F("prepared_person")),
            ),
        ]
        triggers = [
            starts_as("OPEN"),
            only_moves(*BATCH_EDGES),
            pgtrigger.Protect(
                name="figures_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"'OPEN' NOT IN (OLD.status, NEW.status) AND {changed(FIGURES)}"),
            ),
            pgtrigger.Protect(
                name="approval_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.status NOT IN ('OPEN', 'FROZEN') AND NEW.status <> 'OPEN' AND " + changed(APPROVAL)
                ),
            ),
            # A batch opens again only while none of its payments can be at the bank (D-66).
            pgtrigger.Trigger(
                name="opens_before_the_bank",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.status = 'FILED' AND NEW.status = 'OPEN'"),
                func="""
                IF EXISTS (SELECT FROM refunds_bank_file f WHERE f.batch_id = NEW.id AND f.status <> 'DISCARDED'
                           AND NOT EXISTS (SELECT FROM refunds_bank_file later WHERE later.replaces_id = f.id)) THEN
                    RAISE EXCEPTION 'a part of this batch is in force';
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.ReadOnly(name="round_stays", fields=["pay_on"]),
            STAY,
        ]

    def __str__(self) -> str:
        return str(self.pay_on)

    @property
    def part_states(self) -> set[str]:
        """States of the parts in force; empty for a batch that is not filed, or settled."""
        if self.status != self.Status.FILED:
            return set()
        return set(self.files.in_force().values_list("status", flat=True))

    @property
    def handed_over(self) -> bool:
        """True if every part in force is with the bank."""
        return self.status == self.Status.SETTLED or self.stage in ("HANDED_OVER", "ACCEPTED")

    @property
    def stage(self) -> str:
        """The state; for a filed batch the key of `PART_STAGES` of its least advanced part, FILED for APPROVED."""
        states = self.part_states
        stage = next((state for state in self.PART_STAGES if state in states), str(self.status))
        return "FILED" if stage == "APPROVED" else stage

    @property
    def stage_label(self) -> str:
        """The stage in words."""
        return str(self.PART_STAGES.get(self.stage) or self.get_status_display())


class ExcludedApplication(models.Model):
    """An approved application that a freeze left out, with the reason; every omission has one."""

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="excluded_applications", verbose_name=_("지급 회차"))
    application = models.ForeignKey(Application, models.PROTECT, related_name="+", verbose_name=_("신청"))
    reason = models.CharField(_("이유"), max_length=20)

    class Meta:
        db_table = "refunds_left_behind"
        verbose_name = _("이번에 나가지 않는 것")
        verbose_name_plural = _("이번에 나가지 않는 것")
        constraints = [models.UniqueConstraint(fields=["batch", "application"], name="left_behind_once")]


class FundsNotice(models.Model):
    """What finance has to hold ready for a frozen batch: sum and value date, and who was told.

    A batch that is opened again voids its notice.
    """

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="funds_notices", verbose_name=_("지급 회차"))
    count = models.IntegerField(_("건수"))
    won = models.BigIntegerField(_("합계(원)"))
    value_on = models.DateField(_("이체일"))
    written_at = models.DateTimeField(_("확정"))
    void_at = models.DateTimeField(_("무효"), null=True, blank=True)
    told_to = models.CharField(_("알린 사람"), max_length=60, blank=True, default="")
    told_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("알린 직원")
    )
    told_at = models.DateTimeField(_("알림"), null=True, blank=True)

    class Meta:
        db_table = "refunds_funds_notice"
        verbose_name = _("지급 자금")
        verbose_name_plural = _("지급 자금")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["batch"], condition=Q(void_at=None), name="funds_notice_one"),
            models.CheckConstraint(
                name="funds_notice_told",
                condition=Q(told_at=None, told_by=None, told_to="")
                | Q(told_at__isnull=False, told_by__isnull=False) & ~Q(told_to=""),
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="stored", exclude=["void_at", "told_to", "told_by", "told_at"]),
            pgtrigger.Protect(
                name="told_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.told_at IS NOT NULL AND {changed(('told_to', 'told_by_id', 'told_at'))}"
                    " OR OLD.void_at IS NOT NULL"
                ),
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.won}"


class RoundForecast(models.Model):
    """An open round as if it closed at `counted_at`, kept by a worker for the pages. No decision relies on it."""

    pay_on = models.DateField(primary_key=True)
    count = models.IntegerField()
    won = models.BigIntegerField()
    # [reason, applications, won] in the order of `selection.REASONS`.
    excluded = models.JSONField(default=list)
    counted_at = models.DateTimeField()

    class Meta:
        db_table = "refunds_round_forecast"

    def __str__(self) -> str:
        return str(self.pay_on)


class FreezeException(models.Model):
    """The freeze of one round without the delivery of its cut-off day: asked for by one person, allowed by another."""

    pay_on = models.DateField(_("지급일"), primary_key=True)
    register_as_of = models.DateField(_("회선 정보의 기준일"), null=True)
    reason = crypto.EncryptedTextField(_("이유"))
    asked_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("청한 사람"))
    asked_person = crypto.BlindIndexField()
    asked_at = models.DateTimeField(_("청한 때"))
    allowed_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", verbose_name=_("허락한 사람"))
    allowed_person = crypto.BlindIndexField(null=True)
    allowed_at = models.DateTimeField(_("허락한 때"), null=True)

    class Meta:
        db_table = "refunds_freeze_exception"
        constraints = [
            models.CheckConstraint(
                name="freeze_exception_two_people",
                condition=~Q(reason="")
                & (
                    Q(allowed_by=None, allowed_person=None, allowed_at=None)
                    | Q(allowed_by__isnull=False, allowed_person__isnull=False, allowed_at__isnull=False)
                    & ~Q(allowed_by=F("asked_by"))
                    & ~Q(allowed_person=F("asked_person"))
                ),
            )
        ]
        triggers = [
            STAY,
            pgtrigger.Protect(
                name="allowed_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__allowed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pay_on)


class BatchFigures(TaskRow):
    """The figures of a batch as the worker counted them for its page (`payouts.batch_figures`). No decision relies on
    them."""

    batch = models.OneToOneField(Batch, models.PROTECT, primary_key=True, related_name="figures")
    # The inputs of the count (`batch_figures.fingerprints`); empty from the start of a count to its end.
    fingerprint = models.CharField(max_length=200, blank=True, default="")
    # The figures are void: an act changed their inputs, or a person asked for a new count (`guards.void_figures`).
    asked = models.BooleanField(default=False)
    began_at = models.DateTimeField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    # The independent count (`IndependentCount`) of a batch before its file; result of `overview.stored_figures`.
    again = models.JSONField(default=dict, blank=True)
    figures = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "refunds_counted"

    def __str__(self) -> str:
        return str(self.batch_id)


class Roster(models.Model):
    """Holder and deputy of each duty of a cut-off."""

    class Duty(models.TextChoices):
        FREEZE = "FREEZE", _("회차 확정")
        APPROVE = "APPROVE", _("승인")
        FILE = "FILE", _("은행 파일과 전달")
        RESULTS = "RESULTS", _("은행 결과와 조회")

    ROLES = {Duty.FREEZE: "maker", Duty.APPROVE: "checker", Duty.FILE: "maker", Duty.RESULTS: "maker"}

    duty = models.CharField(_("업무"), max_length=8, choices=Duty.choices, unique=True)
    holder = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("담당"))
    deputy = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("대리"))
    named_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("정한 사람"))
    named_at = models.DateTimeField(_("정한 때"))

    class Meta:
        db_table = "refunds_roster"
        verbose_name = _("담당과 대리")
        verbose_name_plural = _("담당과 대리")
        ordering = ["id"]
        constraints = [models.CheckConstraint(name="roster_two_people", condition=~Q(holder=F("deputy")))]
        triggers = [STAY]

    def __str__(self) -> str:
        return str(self.get_duty_display())
