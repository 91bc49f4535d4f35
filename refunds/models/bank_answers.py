"""The bank's answers: staged by a person, read by a worker, confirmed by another person or discarded for a reason."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow
from refunds.models.bank_files import BankFile
from refunds.models.protection import HISTORY, STAFF, STAY, changed, only_moves, starts_as

ANSWER_EDGES = (("STAGED", "CONFIRMED"), ("STAGED", "DISCARDED"))
_CONFIRMATION = ("confirmed_by_id", "confirmed_person", "confirmed_at", "confirmed_head", "asked_whom", "bank_said")
_FOUND = (
    "layout", "rows", "file_id", "kind", "early", "paid", "paid_won", "returned", "returned_won", "unknown", "absent",
    "preview", "faults", "read_at",
)  # fmt: skip
_FINAL = ("status", "applied_at", "discarded_by_id", "discarded_at", "discarded_because", *_CONFIRMATION, *_FOUND)


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(condition=pghistory.AnyChange("status", "confirmed_by", "discarded_by")),
    fields=["status", "confirmed_by", "discarded_by"],
    model_name="BankAnswerEvent",
    **HISTORY,
)
class BankAnswer(TaskRow):
    """An answer of the bank to one of our files; nothing moves before another person confirms it (D-64).

    A worker reads it once (`read_at`) and keeps what it found. `confirmed_by` is who asked for it to be applied; a
    worker applies it whole, which makes it CONFIRMED, or voids the confirmation because something changed meanwhile.
    Answers that were loaded before two people were needed have no `staged_person`.
    """

    class Status(models.TextChoices):
        STAGED = "STAGED", _("확인 기다림")
        CONFIRMED = "CONFIRMED", _("확인됨")
        DISCARDED = "DISCARDED", _("버림")

    class Kind(models.TextChoices):
        """What the answer says of our file."""

        PAYMENTS = "PAYMENTS", _("건별 결과")
        EXECUTED = "EXECUTED", _("모두 보냄")
        ACCEPTED = "ACCEPTED", _("은행이 파일을 받음")
        REFUSED = "REFUSED", _("은행이 파일을 거절")
        SUSPENSE = "SUSPENSE", _("거절된 파일에 온 답")

    sha256 = models.CharField("SHA-256", max_length=64)
    name = models.CharField(_("파일 이름"), max_length=120)
    layout = models.CharField(_("양식"), max_length=10, blank=True, default="")
    size = models.BigIntegerField(_("크기(바이트)"))
    status = models.CharField(_("상태"), max_length=9, choices=Status.choices, default=Status.STAGED)
    staged_by = models.ForeignKey(
        STAFF, models.PROTECT, related_name="+", db_column="loaded_by_id", verbose_name=_("올린 사람")
    )
    staged_person = crypto.BlindIndexField(null=True)
    staged_at = models.DateTimeField(_("올린 때"), db_column="loaded_at")
    # Bytes that the worker has read so far.
    progress = models.BigIntegerField(default=0, editable=False)
    read_at = models.DateTimeField(_("읽은 때"), null=True, blank=True)
    file = models.ForeignKey(
        BankFile, models.PROTECT, null=True, blank=True, related_name="answers", verbose_name=_("은행 파일")
    )
    kind = models.CharField(_("무슨 답"), max_length=8, choices=Kind.choices, blank=True, default="")
    # It came before the day of the transfer: what it says was paid stays with the bank (D-64).
    early = models.BooleanField(_("이체일 전에 옴"), default=False)
    rows = models.IntegerField(_("행"), default=0)
    paid = models.IntegerField(_("입금"), default=0)
    paid_won = models.BigIntegerField(_("입금(원)"), default=0)
    returned = models.IntegerField(_("되돌아옴"), default=0)
    returned_won = models.BigIntegerField(_("되돌아옴(원)"), default=0)
    unknown = models.IntegerField(_("모름"), default=0)
    absent = models.IntegerField(_("답 없음"), default=0)
    # Further figures of the preview (`payouts.answer_preview`).
    preview = models.JSONField(default=dict, blank=True)
    # Why it cannot be taken in: line, place, sentence and its values, reference.
    faults = models.JSONField(default=list, blank=True)
    notes = models.JSONField(_("알아 둘 것"), default=list, blank=True)
    confirmed_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("확인한 사람")
    )
    confirmed_person = crypto.BlindIndexField(null=True)
    confirmed_at = models.DateTimeField(_("확인"), null=True, blank=True)
    # The end of the audit's chain at the confirmation: its position and digest.
    confirmed_head = models.CharField(max_length=90, blank=True, default="", editable=False)
    asked_whom = models.CharField(_("은행의 누구에게 물었나"), max_length=120, blank=True, default="")
    bank_said = models.CharField(_("은행이 한 말"), max_length=500, blank=True, default="")
    applied_at = models.DateTimeField(_("정해진 때"), null=True, blank=True)
    discarded_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("버린 사람")
    )
    discarded_at = models.DateTimeField(_("버린 때"), null=True, blank=True)
    discarded_because = models.CharField(_("버린 이유"), max_length=500, blank=True, default="")

    class Meta:
        db_table = "refunds_result_file"
        verbose_name = _("은행 답")
        verbose_name_plural = _("은행 답")
        ordering = ["-staged_at"]
        constraints = [
            # The bank may send the same bytes again after an answer that came too early, or was discarded.
            models.UniqueConstraint(
                fields=["sha256"], condition=~Q(status="DISCARDED") & Q(early=False), name="answer_once"
            ),
            models.CheckConstraint(
                name="answer_two_people",
                condition=Q(confirmed_by=None, confirmed_person=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_person__isnull=False, confirmed_at__isnull=False)
                & ~Q(confirmed_by=F("staged_by"))
                & ~Q(confirmed_person=F("staged_person")),
            ),
            models.CheckConstraint(
                name="answer_confirmed",
                condition=~Q(status="CONFIRMED")
                | Q(applied_at__isnull=False) & (Q(confirmed_by__isnull=False) | Q(staged_person=None)),
            ),
            models.CheckConstraint(
                name="answer_read_first",
                condition=Q(confirmed_by=None) | Q(read_at__isnull=False, faults=[], file__isnull=False),
            ),
            models.CheckConstraint(
                name="answer_discarded",
                condition=~Q(status="DISCARDED")
                | Q(confirmed_by=None, discarded_at__isnull=False) & ~Q(discarded_because=""),
            ),
        ]
        triggers = [
            starts_as("STAGED"),
            pgtrigger.Protect(
                name="staged_by_a_person",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.staged_person IS NULL OR NEW.confirmed_by_id IS NOT NULL"),
            ),
            only_moves(*ANSWER_EDGES),
            pgtrigger.ReadOnly(
                name="stored", fields=["sha256", "name", "size", "staged_by", "staged_person", "staged_at"]
            ),
            pgtrigger.Protect(
                name="final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"OLD.status <> 'STAGED' AND {changed(_FINAL)}"),
            ),
            # What a person has confirmed changes no more; a confirmation is voided as a whole, never overwritten.
            pgtrigger.Protect(
                name="confirmation_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.confirmed_by_id IS NOT NULL AND NEW.confirmed_by_id IS NOT NULL AND "
                    + changed((*_CONFIRMATION, *_FOUND))
                ),
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.name


class AnswerLine(models.Model):
    """What a staged answer says of one payment. A row is written once; a worker that starts again deletes its rows."""

    pk = models.CompositePrimaryKey("answer_id", "number")
    # No constraint: checking half a million rows takes as long as copying them, and no answer is ever deleted.
    answer = models.ForeignKey(BankAnswer, models.DO_NOTHING, related_name="lines", db_constraint=False, db_index=False)
    number = models.IntegerField(_("순번"))
    line = models.IntegerField(_("줄"))
    reference = models.CharField(_("관리번호"), max_length=140, db_collation="C")
    outcome = models.CharField(_("결과"), max_length=8)
    reason = models.CharField(_("이유"), max_length=13, blank=True)
    code = models.CharField(_("은행 코드"), max_length=35, blank=True)
    words = crypto.EncryptedTextField(_("은행 설명"), blank=True, default="", kind="bank words")
    won = models.BigIntegerField(_("금액(원)"), null=True)

    class Meta:
        db_table = "refunds_answer_line"
        verbose_name = _("은행 답의 줄")
        verbose_name_plural = _("은행 답의 줄")
        triggers = [
            pgtrigger.Protect(name="written_once", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="evidence",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func="""
                IF EXISTS (SELECT FROM refunds_result_file WHERE id = OLD.answer_id AND read_at IS NOT NULL) THEN
                    RAISE EXCEPTION 'the lines of an answer that was read stay';
                END IF;
                RETURN OLD;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.reference
