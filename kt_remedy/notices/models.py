"""Messages, mailings, texts and opt-outs.

A message is a row written in the transaction of the change that causes it. Workers put the messages that wait into
batches, send each batch with one call and follow its delivery.
"""

from collections.abc import Collection
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import looks
from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow


class Text(models.Model):
    """One version of the texts of a message kind; rows are never changed.

    The newest version by staff is sent, otherwise the shipped one. All versions are kept, because the check of a
    received message compares it with each of them.
    """

    kind = models.CharField(_("종류"), max_length=40)
    ko = models.TextField(_("한국어 문자"), max_length=2000)
    en = models.TextField(_("영어 문자"), max_length=2000)
    since = models.DateTimeField(_("언제부터"), editable=False)
    # Null: the version was shipped with the code.
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, verbose_name=_("쓴 사람")
    )
    reason = models.CharField(_("고친 이유"), max_length=200, blank=True)

    class Meta:
        db_table = "notices_text"
        verbose_name = _("보내는 문자")
        verbose_name_plural = _("보내는 문자")
        indexes = [models.Index(fields=["kind", "-id"], name="text_newest")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Pace(TaskRow):
    """The pace of a provider of messages: one row that all workers share (see `batches`)."""

    provider = models.CharField(max_length=20, primary_key=True)
    # Wall clock: the slots before this time are given to batches.
    next_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "notices_pace"

    def __str__(self) -> str:
        return self.provider


class MessageBatch(TaskRow):
    """Messages that leave with one call: sent in their slot, then followed until all of them have ended.

    `retry_at` is the slot of a waiting batch, and the time of the next question about a sent one.
    """

    class State(models.TextChoices):
        WAITING = "WAITING"
        SENT = "SENT"
        DONE = "DONE"

    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    size = models.IntegerField(default=0)  # when it was formed; messages that may not leave any more leave the batch

    class Meta:
        db_table = "notices_batch"
        indexes = [
            models.Index(fields=["state", "retry_at"], name="batch_open", condition=Q(state__in=["WAITING", "SENT"]))
        ]


class Message(models.Model):
    """One message of a kind to a person about a subject; the database allows no second one."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", _("보낼 예정")
        SENDING = "SENDING", _("보내는 중")
        ACCEPTED = "ACCEPTED", _("발송사 접수")
        DELIVERED = "DELIVERED", _("도착")
        FAILED_TEMPORARY = "FAILED_TEMPORARY", _("다시 보낼 예정")
        FAILED = "FAILED", _("보낼 수 없음")
        UNKNOWN = "UNKNOWN", _("알 수 없음")
        CANCELLED = "CANCELLED", _("보내지 않음")

    class Channel(models.TextChoices):
        CALL = "CALL", _("전화")
        EMAIL = "EMAIL", _("이메일")
        POST = "POST", _("우편")

    # Null while the message waits for a batch.
    batch = models.ForeignKey(MessageBatch, models.PROTECT, null=True, editable=False, db_index=False)
    # Wall clock: the message is not sent, asked about or followed before this time.
    retry_at = models.DateTimeField(db_default=Now(), editable=False)
    # How many times it was marked as SENDING; part of its key at the gateway.
    attempts = models.IntegerField(default=0, editable=False)
    kind = models.CharField(_("종류"), max_length=40)
    # The mailing, the application or the attempt that the message is about. Never personal data.
    subject = models.CharField(_("대상 업무"), max_length=80)
    person_index = crypto.BlindIndexField()
    language = models.CharField(_("언어"), max_length=2, default="ko")
    # Part of a mailing. It is sent after all single messages, because a person may be waiting for a single one.
    bulk = models.BooleanField(_("대량"), default=False)
    # The number, encrypted. A message with a `recipient` gets its number when it is sent; the number is then kept,
    # because the gateway is asked about an unclear call by the number of that call.
    to_enc = models.BinaryField(null=True)
    recipient = models.CharField(max_length=40, blank=True, db_default="")
    # Blind index of the number; null until the message is sent.
    to_index = crypto.BlindIndexField(null=True)
    body = crypto.EncryptedTextField(_("내용"), blank=True, db_default="")
    state = models.CharField(_("상태"), max_length=16, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(_("사유"), max_length=40, blank=True, db_default="")
    provider_id = models.CharField(_("발송사 번호"), max_length=60, blank=True, db_default="")
    provider_group = models.CharField(max_length=60, blank=True, db_default="")
    # These three are business time.
    created_at = models.DateTimeField(_("만든 때"))
    sent_at = models.DateTimeField(_("보낸 때"), null=True)
    settled_at = models.DateTimeField(_("끝난 때"), null=True)
    # Wall clock of the last call; the gateway is searched around this time.
    tried_at = models.DateTimeField(null=True)
    # For an undelivered message: when, by whom and how staff informed the person instead (see `unreached`).
    reached_at = models.DateTimeField(_("알린 때"), null=True)
    reached_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("알린 사람"),
    )
    reached_how = models.CharField(_("알린 방법"), max_length=5, choices=Channel.choices, blank=True, db_default="")

    to = crypto.Encrypted("to_enc", key="natural_key")

    class Meta:
        db_table = "notices_message"
        verbose_name = _("메시지")
        verbose_name_plural = _("메시지")
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "person_index"], name="message_once"),
            models.CheckConstraint(
                condition=Q(reached_at=None, reached_by=None, reached_how="")
                | Q(reached_at__isnull=False, reached_by__isnull=False, state__in=["FAILED", "UNKNOWN"])
                & ~Q(reached_how=""),
                name="message_reached",
            ),
        ]
        indexes = [
            # The queue: single messages, and those of each mailing, which may have to wait.
            models.Index(
                fields=["retry_at", "id"],
                name="message_single",
                condition=Q(state__in=["QUEUED", "FAILED_TEMPORARY"], batch=None, bulk=False),
            ),
            models.Index(
                fields=["kind", "subject", "retry_at", "id"],
                name="message_bulk",
                condition=Q(state__in=["QUEUED", "FAILED_TEMPORARY"], batch=None, bulk=True),
            ),
            models.Index(
                fields=["batch"],
                name="message_in_batch",
                condition=Q(state__in=["QUEUED", "FAILED_TEMPORARY", "SENDING", "ACCEPTED"], batch__isnull=False),
            ),
            models.Index(
                fields=["kind", "person_index"],
                name="message_unreached",
                condition=Q(state__in=["FAILED", "UNKNOWN"], reached_at=None),
            ),
            models.Index(fields=["to_index"], name="message_number", condition=Q(to_index__isnull=False)),
        ]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Self:
        """A message as it was read; a page of staff records whose it was (`looks`)."""
        row = super().from_db(db, field_names, values, **more)
        looks.seen_person(row.__dict__.get("person_index"))
        return row

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    @property
    def natural_key(self) -> str:
        """The key that binds the ciphertext of the number to this row; it is known before the row is saved."""
        return f"{self.kind}:{self.subject}:{self.person_index.hex()}"


class Mailing(models.Model):
    """Many messages of one kind and subject: their state, and the two persons who released them."""

    class State(models.TextChoices):
        HELD = "HELD", _("확인 기다림")
        CHECKED = "CHECKED", _("승인 기다림")
        OPEN = "OPEN", _("보내는 중")
        PAUSED = "PAUSED", _("멈춤")
        ENDED = "ENDED", _("끝남")

    class Why(models.TextChoices):
        SENT = "SENT", _("모두 처리함")
        SUPERSEDED = "SUPERSEDED", _("다음 회차가 대신함")

    kind = models.CharField(_("종류"), max_length=40)
    subject = models.CharField(_("대상 업무"), max_length=80)
    state = models.CharField(_("상태"), max_length=7, choices=State.choices)
    # The texts at the time of the check, or of the start where no check is needed. Exactly these texts are sent.
    ko = models.TextField(blank=True, default="")
    en = models.TextField(blank=True, default="")
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("만든 때"))
    # Of a mailing that was prepared before its hour: the hour, the digest of its criteria, and the persons that they
    # gave at the last count. At the hour the list is drawn; `too_many` persons stop it (`mailings.MOST_PERCENT`).
    due_at = models.DateTimeField(_("보낼 때"), null=True)
    criteria = models.CharField(max_length=64, blank=True, default="")
    expected = models.IntegerField(_("예상 인원"), null=True)
    counted_at = models.DateTimeField(_("센 때"), null=True)
    too_many = models.IntegerField(_("뽑힌 인원"), null=True)
    ended_at = models.DateTimeField(_("끝난 때"), null=True)
    ended_why = models.CharField(max_length=10, choices=Why.choices, blank=True, default="")

    class Meta:
        db_table = "notices_round"
        verbose_name = _("회차")
        verbose_name_plural = _("회차")
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], name="round_once"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=models.F("checked_by")), name="round_two_people"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Resending(models.Model):
    """Messages that the gateway says it never had, sent again: asked for by one person, allowed by another.

    It names one message, or all such messages of a mailing.
    """

    mailing = models.ForeignKey(Mailing, models.PROTECT, null=True, related_name="resendings")
    message = models.ForeignKey(Message, models.PROTECT, null=True, related_name="resendings")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("청한 때"))
    allowed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    allowed_at = models.DateTimeField(_("허락한 때"), null=True)
    messages = models.IntegerField(_("다시 보낸 문자"), null=True)

    class Meta:
        db_table = "notices_resending"
        constraints = [
            models.CheckConstraint(
                name="resending_of_one",
                condition=Q(mailing__isnull=True, message__isnull=False)
                | Q(mailing__isnull=False, message__isnull=True),
            ),
            models.CheckConstraint(
                name="resending_two_people",
                condition=Q(allowed_by=None, allowed_at=None)
                | Q(allowed_by__isnull=False, allowed_at__isnull=False) & ~Q(allowed_by=models.F("asked_by")),
            ),
            models.UniqueConstraint(
                fields=["mailing", "message"],
                nulls_distinct=False,
                condition=Q(allowed_at=None),
                name="resending_one_open",
            ),
        ]
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"resending {self.pk}"


class OptOut(models.Model):
    """A number, or a person on any number, that receives no reminders.

    Messages about a person's own application are still sent.
    """

    # Blind index of the number or of the person's CI. The two use different key names, so their values never coincide.
    index = crypto.BlindIndexField(primary_key=True)
    created_at = models.DateTimeField(_("등록한 때"))

    class Meta:
        db_table = "notices_opt_out"
        verbose_name = _("수신 거부")
        verbose_name_plural = _("수신 거부")
