"""Rows of no single application: offset of the clock, counters of rate limits, dated and periodic tasks."""

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.tasks.rows import Published, TaskRow


def worded(result_messages: list[list[Any]]) -> str:
    """The result of a run, in the language of the reader: sentences of the catalogue and the numbers in them."""
    sentences = []
    for text, values in result_messages:
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        sentences.append(gettext(text) % shown if shown else gettext(text))
    return ", ".join(sentences)


class ClockOffset(models.Model):
    """Business time less the wall clock; one row, only where a clock is set (see `clock`)."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    ahead = models.DurationField()

    class Meta:
        db_table = "clock_offset"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="clock_offset_one_row")]


class LimitCounter(models.Model):
    """Number of uses in the current window of a rate limit (see `ratelimit`). Keys hold no clear personal data."""

    key = models.CharField(max_length=128, primary_key=True)
    hits = models.IntegerField()
    window_ends = models.DateTimeField()

    class Meta:
        db_table = "limit_counter"


class DatedTask(TaskRow):
    """A dated act of the programme, by business time: when due, when run and how that went (see `schedule`)."""

    class State(models.TextChoices):
        WAITING = "WAITING", _("예정")
        RUNNING = "RUNNING", _("진행 중")
        DONE = "DONE", _("끝남")
        FAILED = "FAILED", _("실패")
        MISSED = "MISSED", _("놓침")

    code = models.CharField(_("업무"), max_length=80)
    due_at = models.DateTimeField(_("예정 시각"))
    state = models.CharField(_("상태"), max_length=8, choices=State.choices, default=State.WAITING)
    # By business time, as the calendar shows it.
    started_at = models.DateTimeField(_("시작"), null=True)
    finished_at = models.DateTimeField(_("끝"), null=True)
    # Sentences of the catalogue with their numbers; `worded` puts them into the reader's language.
    result_messages = models.JSONField(_("결과"), default=list, blank=True)
    # By the wall clock: since when it is known to be due.
    seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("일정")
        verbose_name_plural = _("일정")
        db_table = "act"
        constraints = [models.UniqueConstraint(fields=["code", "due_at"], name="act_once_per_due_time")]
        indexes = [models.Index(fields=["state", "due_at"], name="act_due")]

    def __str__(self) -> str:
        return f"{self.code} {self.due_at:%Y-%m-%d %H:%M}"

    @property
    def result(self) -> str:
        """Result of the last run, in the reader's language."""
        return worded(self.result_messages)


class TaskTiming(models.Model):
    """Number, failures and durations of the runs of one Celery task since the first one (see `metrics`)."""

    task = models.CharField(max_length=120, primary_key=True)
    runs = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    milliseconds = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField()  # of the last run, wall clock
    # Runs by duration: how many ended within each of `metrics.BOUNDS`, and how many later.
    within = ArrayField(models.BigIntegerField())

    class Meta:
        db_table = "task_timing"


class PeriodicTask(Published):
    """Work repeated for ever, by the wall clock: when it is next due and when it last succeeded (see `schedule`)."""

    code = models.CharField(_("업무"), max_length=80, primary_key=True)
    due_at = models.DateTimeField(_("다음 실행"))
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(_("시작"), null=True)
    succeeded_at = models.DateTimeField(_("마지막 성공"), null=True)
    failures = models.IntegerField(_("연속 실패"), default=0)
    result_messages = models.JSONField(_("결과"), default=list, blank=True)

    class Meta:
        verbose_name = _("반복 업무")
        verbose_name_plural = _("반복 업무")
        db_table = "job"

    def __str__(self) -> str:
        return self.code

    @property
    def result(self) -> str:
        """Result of the last run, in the reader's language."""
        return worded(self.result_messages)


class Switch(models.Model):
    """State of one switch (see `switches`); names are user names, times those of the wall clock. No row: running."""

    class Code(models.TextChoices):
        FILINGS = "FILINGS", _("새 신청 접수")
        BANK_FILES = "BANK_FILES", _("은행 파일 만들기와 보내기")
        MESSAGES = "MESSAGES", _("안내 문자 발송")
        READ_ONLY = "READ_ONLY", _("모든 변경")
        ENTRY = "ENTRY", _("기다리지 않고 들어가기(멈추면 대기실이 열림)")

    code = models.CharField(_("대상"), max_length=10, primary_key=True, choices=Code.choices)
    stopped_at = models.DateTimeField(_("멈춘 시각"), null=True)
    stopped_by = models.CharField(_("멈춘 사람"), max_length=150, blank=True)
    reason = models.CharField(_("이유"), max_length=200, blank=True)
    confirmed_by = models.CharField(_("확인한 사람"), max_length=150, blank=True)
    start_asked_by = models.CharField(_("다시 열자고 한 사람"), max_length=150, blank=True)
    start_reason = models.CharField(_("다시 여는 이유"), max_length=200, blank=True)

    class Meta:
        db_table = "switch"

    def __str__(self) -> str:
        return self.code


class WaitingRoom(models.Model):
    """State of the waiting room, one row (see `kt_remedy.portal.waiting`). It counts people and knows none of them.

    `opened_at` names the opening: it is the time at which the switch ENTRY was stopped. Seconds are those of the wall
    clock since 1970; everybody who came before `opens_at` stands in second 0. Numbers begin at 1 and count from the
    first person of this opening.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    opened_at = models.DateTimeField()
    opens_at = models.DateTimeField()
    advanced_at = models.DateTimeField()
    # Arrivals of seconds before this one are all reported, so numbers up to it are final.
    counted_to = models.BigIntegerField(default=0)
    # [second, arrivals] in order from the first second whose turn may not be over; `base` people came before them.
    counts = models.JSONField(default=list)
    base_second = models.BigIntegerField(default=0)
    base = models.BigIntegerField(default=0)
    # The last number that may go in now, and what it was in the last minutes, every ten seconds.
    serving = models.BigIntegerField(default=0)
    trail = models.JSONField(default=list)
    trail_at = models.DateTimeField()
    waiting = models.BigIntegerField(default=0)
    pace = models.IntegerField(default=0)  # people a minute at present
    credit = models.BigIntegerField(default=0)  # what is left of a person's turn, in 60,000ths
    percent = models.SmallIntegerField(default=100)  # of the capacity, by the measured times of answers
    judged_at = models.DateTimeField()
    paused_since = models.DateTimeField(null=True)
    empty_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "waiting_room"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="waiting_room_one_row")]


class WaitingSecond(models.Model):
    """People who came to the waiting room in one second, and answers of the look-up that ended in it."""

    second = models.BigIntegerField(primary_key=True)
    arrivals = models.IntegerField(default=0)
    answers = models.IntegerField(default=0)
    slow = models.IntegerField(default=0)

    class Meta:
        db_table = "waiting_second"


class RestoreDrill(models.Model):
    """A backup that was restored on a server of its own and checked (`manage.py backup_drill`), good or bad.

    `until` is the time it was restored to, None for all that was archived. Sizes are bytes: of the base backup as it
    lies encrypted, and of the restored data folder. `faults` are sentences without personal data; none: it held.
    """

    at = models.DateTimeField(_("때"))
    until = models.DateTimeField(_("되살린 시점"), null=True)
    backup = models.CharField(_("백업"), max_length=80)
    backup_bytes = models.BigIntegerField()
    database_bytes = models.BigIntegerField()
    restore_seconds = models.PositiveIntegerField()
    check_seconds = models.PositiveIntegerField()
    documents = models.PositiveIntegerField()
    faults = models.JSONField(default=list)

    class Meta:
        db_table = "restore_drill"
        ordering = ["-at", "-pk"]
        triggers = [pgtrigger.Protect(name="drill_stays", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.backup} {self.at:%Y-%m-%d}"

    @property
    def minutes(self) -> int:
        """Minutes it took in all, begun ones counted."""
        return -(-(self.restore_seconds + self.check_seconds) // 60)
