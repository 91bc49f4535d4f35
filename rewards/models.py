"""Models of the perks: the frozen base, shards of bulk work, entitlements, vouchers, grants and hand-offs.

Thirteen million lines get most perks automatically, so an automatic perk has no row of its own: the row in the base
lists the perks of a line. Choices, applications and opt-outs have rows, and so has each monthly grant.
"""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from eligibility.models import Feed, KeyField
from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow


class Shard(TaskRow):
    """A range of contracts that one task handles in seconds (작업 조각): part of the base, of grants or of a list."""

    class Kind(models.TextChoices):
        """Kind of bulk work."""

        BASE = "BASE", _("대상 확정")
        GRANT = "GRANT", _("월 지급")
        LIST = "LIST", _("달 명단")
        DAY = "DAY", _("하루 변경")
        CHECK = "CHECK", _("지급 비교")
        FIX = "FIX", _("지급 정정")

    kind = models.CharField(_("작업"), max_length=8, choices=Kind.choices)
    perk = models.CharField(_("혜택"), max_length=40, blank=True)
    # First day of the month of a grant, or the day of a list.
    month = models.DateField(_("달"), null=True)
    number = models.IntegerField(_("번호"))
    # The correction that a shard of the kinds CHECK and FIX works for.
    correction = models.ForeignKey("GrantCorrection", models.PROTECT, null=True, related_name="shards")
    from_contract = KeyField(blank=True)  # inclusive; empty: no lower bound
    to_contract = KeyField(blank=True)  # exclusive; empty: no upper bound
    rows = models.BigIntegerField(_("건수"), null=True)
    # Lines by perk and by reason, or grants by state, so that reports need not read millions of rows.
    counts = models.JSONField(default=dict, editable=False)
    done_at = models.DateTimeField(_("끝"), null=True)
    # As-of date of the register that a shard of grants judged by.
    as_of = models.DateField(_("기준일"), null=True)
    fault = models.TextField(_("문제"), blank=True)

    class Meta:
        verbose_name = _("작업 조각")
        verbose_name_plural = _("작업 조각")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "perk", "month", "number", "correction"], nulls_distinct=False, name="shard_once"
            )
        ]
        indexes = [models.Index(fields=["kind", "id"], condition=Q(done_at__isnull=True), name="shard_open")]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.kind, self.perk, str(self.month or ""), f"#{self.number}"]))


class BaseLine(models.Model):
    """A line at the end of the base date (기준일 회선, D-45): in the base or not, reason, perks.

    Frozen, but for one edge: a line that was left out by a fact that billing corrected is added by two people (D-111).
    """

    class Why(models.TextChoices):
        """Reason why a line is in the base or not."""

        IN_SERVICE = "IN_SERVICE", _("기준일이 끝날 때 이용 중")
        TERMINATED = "TERMINATED", _("기준일이나 그 전에 해지")
        OPENED_LATER = "OPENED_LATER", _("기준일 뒤에 개통")
        NETWORK = "NETWORK", _("다른 사업자의 회선")

    contract_no = KeyField(_("계약번호"), primary_key=True)
    customer_no = KeyField(_("고객번호"))
    # Blind index of the holder's CI, or of the customer number without CI (`rewards.perks.holders`). A person gets a
    # perk by person once for all lines (D-56).
    person_index = crypto.BlindIndexField(null=True)
    why = models.CharField(_("이유"), max_length=12, choices=Why.choices)
    perks = ArrayField(models.CharField(max_length=40), verbose_name=_("혜택"))
    # KST date from which a line added later has its perks (D-77, D-111); null for the lines of the first count.
    added_on = models.DateField(_("더한 날"), null=True)

    class Meta:
        verbose_name = _("기준일 회선")
        verbose_name_plural = _("기준일 회선")
        indexes = [models.Index(fields=["person_index"], condition=Q(person_index__isnull=False), name="base_person")]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="frozen",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                IF OLD.why <> 'IN_SERVICE' AND NEW.why = 'IN_SERVICE' AND NEW.added_on IS NOT NULL
                   AND (NEW.contract_no, NEW.customer_no, NEW.person_index)
                       IS NOT DISTINCT FROM (OLD.contract_no, OLD.customer_no, OLD.person_index)
                   AND EXISTS (SELECT FROM rewards_baseaddition a
                               WHERE a.contract_no = NEW.contract_no AND a.state = 'ADDED') THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION 'a line of the base is frozen';
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.contract_no

    @property
    def in_base(self) -> bool:
        """True if the line can have perks."""
        return self.why == self.Why.IN_SERVICE


class TwoPersonDecision(models.Model):
    """One person proposes with a reason, another one decides; the constraint of each model says in which states."""

    reason = crypto.EncryptedTextField(_("이유"), blank=True, default="")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("올린 사람")
    )
    proposed_person = crypto.BlindIndexField(null=True)
    proposed_at = models.DateTimeField(_("올린 때"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("정한 사람")
    )
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("정한 때"), null=True)

    class Meta:
        abstract = True


class BaseAddition(TwoPersonDecision):
    """A line told late (늦게 전해진 회선): in service on the base date, as was told after the base was recorded.

    It was opened and told late (D-77), or the base left it out by a fact that billing has corrected, such as a
    termination taken back (D-111); `was` is that reason. The search finds it, one person proposes to add it, another
    one adds or declines. A declined one may be proposed again. One that no delivery supports any more has lapsed.
    """

    class State(models.TextChoices):
        """State of an addition."""

        FOUND = "FOUND", _("찾음")
        PROPOSED = "PROPOSED", _("확인 기다림")
        ADDED = "ADDED", _("더함")
        DECLINED = "DECLINED", _("더하지 않음")
        LAPSED = "LAPSED", _("해당 없게 됨")

    contract_no = KeyField(_("계약번호"), primary_key=True)
    state = models.CharField(_("상태"), max_length=8, choices=State.choices, default=State.FOUND)
    was = models.CharField(_("처음 센 이유"), max_length=12, choices=BaseLine.Why.choices, blank=True, default="")
    found_at = models.DateTimeField(_("찾은 때"))

    class Meta:
        verbose_name = _("늦게 전해진 회선")
        verbose_name_plural = _("늦게 전해진 회선")
        constraints = [
            models.CheckConstraint(
                name="addition_two_people",
                condition=Q(state__in=["FOUND", "LAPSED"], proposed_by=None, decided_by=None)
                | Q(proposed_by__isnull=False, proposed_person__isnull=False)
                & ~Q(reason="")
                & (
                    Q(state="PROPOSED", decided_by=None)
                    | Q(state__in=["ADDED", "DECLINED"], decided_by__isnull=False, decided_person__isnull=False)
                    & ~Q(decided_by=models.F("proposed_by"))
                    & ~Q(decided_person=models.F("proposed_person"))
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["found_at"], condition=Q(state__in=["FOUND", "PROPOSED"]), name="addition_open")
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.FSM(
                name="edges",
                field="state",
                transitions=[
                    ("FOUND", "PROPOSED"),
                    ("PROPOSED", "ADDED"),
                    ("PROPOSED", "DECLINED"),
                    ("DECLINED", "PROPOSED"),
                    ("FOUND", "LAPSED"),
                    ("PROPOSED", "LAPSED"),
                    ("LAPSED", "FOUND"),
                ],
            ),
        ]

    def __str__(self) -> str:
        return self.contract_no


class PerkCount(models.Model):
    """Lines and persons that have a perk in the base, so that the report need not count millions of rows."""

    perk = models.CharField(_("혜택"), max_length=40, primary_key=True)
    lines = models.BigIntegerField(_("회선"))
    persons = models.BigIntegerField(_("사람"))

    class Meta:
        verbose_name = _("혜택 대상 수")
        verbose_name_plural = _("혜택 대상 수")

    def __str__(self) -> str:
        return self.perk


class Voucher(models.Model):
    """A code of a video service (이용권), bought in advance and issued once."""

    id = models.UUIDField(primary_key=True, editable=False)
    perk = models.CharField(_("혜택"), max_length=40)
    choice = models.CharField(_("서비스"), max_length=40)
    code_enc = models.BinaryField()
    # Unique, so that a code imported twice is one voucher.
    code_index = crypto.BlindIndexField(unique=True)
    imported_at = models.DateTimeField(_("등록"))

    code = crypto.Encrypted("code_enc", key="id")

    class Meta:
        verbose_name = _("이용권")
        verbose_name_plural = _("이용권")
        indexes = [models.Index(fields=["perk", "choice"], name="voucher_kind")]


class Entitlement(models.Model):
    """A choice, application, opt-out or substitute: one row for a perk and its unit (a line or a person)."""

    class Kind(models.TextChoices):
        """Kind of an entitlement."""

        CHOICE = "CHOICE", _("선택")
        APPLICATION = "APPLICATION", _("신청")
        OPT_OUT = "OPT_OUT", _("받지 않음")
        SUBSTITUTE = "SUBSTITUTE", _("대신 받음")

    perk = models.CharField(_("혜택"), max_length=40)
    kind = models.CharField(_("종류"), max_length=11, choices=Kind.choices)
    contract_no = KeyField(_("계약번호"), null=True)
    person_index = crypto.BlindIndexField()
    choice = models.CharField(_("서비스"), max_length=40, blank=True)
    made_at = models.DateTimeField(_("시각"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    voucher = models.OneToOneField(Voucher, models.PROTECT, null=True, related_name="entitlement")
    # When a code was asked for and none was left; the queue is in the order of choice (`made_at`, D-79).
    asked_at = models.DateTimeField(_("번호를 기다린 때"), null=True)
    # Inclusive KST dates: six months from the code, two years of insurance.
    starts_on = models.DateField(_("시작일"), null=True)
    ends_on = models.DateField(_("끝나는 날"), null=True)

    class Meta:
        verbose_name = _("선택·신청")
        verbose_name_plural = _("선택·신청")
        constraints = [
            models.UniqueConstraint(
                fields=["perk", "contract_no"], condition=Q(contract_no__isnull=False), name="one_per_line"
            ),
            models.UniqueConstraint(
                fields=["perk", "person_index"], condition=Q(contract_no__isnull=True), name="one_per_person"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=models.F("starts_on")), name="ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(voucher__isnull=True) | Q(starts_on__isnull=False), name="voucher_has_dates"
            ),
        ]
        indexes = [
            models.Index(fields=["person_index"], name="entitlement_person"),
            models.Index(
                fields=["perk", "choice", "made_at"],
                condition=Q(asked_at__isnull=False, voucher=None),
                name="entitlement_waiting",
            ),
        ]


class Grant(models.Model):
    """One month of a monthly perk for one line (월 지급): granted, or the reason for none. Partitioned by month."""

    class State(models.TextChoices):
        """State of a grant."""

        GRANTED = "GRANTED", _("받음")
        SUSPENDED = "SUSPENDED", _("정지 중이어서 건너뜀")
        TERMINATED = "TERMINATED", _("해지되어 끝남")

    pk = models.CompositePrimaryKey("month", "perk", "contract_no")
    month = models.DateField(_("달"))
    perk = models.CharField(_("혜택"), max_length=40)
    contract_no = KeyField(_("계약번호"))
    state = models.CharField(_("상태"), max_length=10, choices=State.choices)

    class Meta:
        managed = False  # the first migration creates the partitioned table by SQL
        db_table = "rewards_grant"
        verbose_name = _("월 지급")
        verbose_name_plural = _("월 지급")


class GrantCorrection(TwoPersonDecision):
    """A correction of one month's grants (월 지급 정정): a later delivery told of the month's first day (D-67).

    Shards compare the grants with the register and find its lines. One person proposes it, another one approves or
    declines it; shards then grant what was missing and note what was wrong. A declined one may be proposed again.
    """

    class State(models.TextChoices):
        """State of a correction."""

        CHECKING = "CHECKING", _("비교하는 중")
        NOTHING = "NOTHING", _("바뀐 것 없음")
        FOUND = "FOUND", _("찾음")
        PROPOSED = "PROPOSED", _("확인 기다림")
        APPROVED = "APPROVED", _("바로잡는 중")
        DONE = "DONE", _("바로잡음")
        DECLINED = "DECLINED", _("바로잡지 않음")

    perk = models.CharField(_("혜택"), max_length=40)
    month = models.DateField(_("달"))
    feed = models.ForeignKey(Feed, models.PROTECT, related_name="+", verbose_name=_("청구 데이터"))
    state = models.CharField(_("상태"), max_length=8, choices=State.choices, default=State.CHECKING)
    found_at = models.DateTimeField(_("찾은 때"))
    missed = models.BigIntegerField(_("빠진 지급"), default=0)
    wrong = models.BigIntegerField(_("잘못된 지급"), default=0)
    granted = models.BigIntegerField(_("나중에 드림"), default=0)
    done_at = models.DateTimeField(_("끝"), null=True)

    class Meta:
        verbose_name = _("월 지급 정정")
        verbose_name_plural = _("월 지급 정정")
        constraints = [
            models.UniqueConstraint(fields=["perk", "month", "feed"], name="correction_once"),
            models.CheckConstraint(
                name="correction_two_people",
                condition=Q(state__in=["CHECKING", "NOTHING", "FOUND"], proposed_by=None, decided_by=None)
                | Q(proposed_by__isnull=False, proposed_person__isnull=False)
                & ~Q(reason="")
                & (
                    Q(state="PROPOSED", decided_by=None)
                    | Q(
                        state__in=["APPROVED", "DONE", "DECLINED"],
                        decided_by__isnull=False,
                        decided_person__isnull=False,
                    )
                    & ~Q(decided_by=models.F("proposed_by"))
                    & ~Q(decided_person=models.F("proposed_person"))
                ),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.FSM(
                name="edges",
                field="state",
                transitions=[
                    ("CHECKING", "NOTHING"),
                    ("CHECKING", "FOUND"),
                    ("FOUND", "PROPOSED"),
                    ("PROPOSED", "APPROVED"),
                    ("PROPOSED", "DECLINED"),
                    ("DECLINED", "PROPOSED"),
                    ("APPROVED", "DONE"),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.perk} {self.month:%Y-%m} {self.feed}"


class CorrectedLine(models.Model):
    """A line of a correction (정정할 회선): a grant that was missing or wrong, and the result. Once for each month."""

    class Kind(models.TextChoices):
        """Kind of the mistake."""

        MISSED = "MISSED", _("빠진 지급")
        WRONG = "WRONG", _("잘못된 지급")

    class Result(models.TextChoices):
        """Result of the correction; empty before it."""

        GRANTED = "GRANTED", _("나중에 드림")
        NOTED = "NOTED", _("적어 둠")
        CHANGED = "CHANGED", _("그사이 바뀌어 그대로 둠")

    correction = models.ForeignKey(GrantCorrection, models.PROTECT, related_name="lines")
    perk = models.CharField(_("혜택"), max_length=40)
    month = models.DateField(_("달"))
    contract_no = KeyField(_("계약번호"))
    kind = models.CharField(_("종류"), max_length=6, choices=Kind.choices)
    result = models.CharField(_("결과"), max_length=7, choices=Result.choices, blank=True)

    class Meta:
        verbose_name = _("정정할 회선")
        verbose_name_plural = _("정정할 회선")
        constraints = [
            models.UniqueConstraint(fields=["perk", "month", "contract_no", "kind"], name="corrected_once"),
        ]
        indexes = [models.Index(fields=["correction", "contract_no"], name="corrected_line")]


class HandOff(TaskRow):
    """A file for a provider (제공처 전달) with the rows of one shard, sent once and acknowledged.

    Part 1 holds all rows. A further part holds the rows of the part before that the provider could not deliver.
    """

    class State(models.TextChoices):
        """State of a hand-off."""

        WAITING = "WAITING", _("보낼 것")
        SENT = "SENT", _("보냄")
        ACKNOWLEDGED = "ACKNOWLEDGED", _("확인됨")

    shard = models.ForeignKey(Shard, models.PROTECT, related_name="hand_offs", verbose_name=_("작업 조각"))
    part = models.SmallIntegerField(_("차수"), default=1)
    provider = models.CharField(_("제공처"), max_length=40)
    name = models.CharField(_("파일"), max_length=120, unique=True)
    rows = models.BigIntegerField(_("건수"))
    refused = models.BigIntegerField(_("못 받은 건"), default=0)
    state = models.CharField(_("상태"), max_length=12, choices=State.choices, default=State.WAITING)
    sha256 = models.CharField(max_length=64, blank=True)
    sent_at = models.DateTimeField(_("보낸 시각"), null=True)
    acknowledged_at = models.DateTimeField(_("확인 시각"), null=True)
    fault = models.TextField(_("문제"), blank=True)

    class Meta:
        verbose_name = _("제공처 전달")
        verbose_name_plural = _("제공처 전달")
        constraints = [models.UniqueConstraint(fields=["shard", "part"], name="hand_off_part")]
        indexes = [models.Index(fields=["provider", "id"], condition=~Q(state="ACKNOWLEDGED"), name="hand_off_open")]

    def __str__(self) -> str:
        return self.name


class RefusedRow(models.Model):
    """A row of a hand-off that the provider could not deliver, with the provider's code for the reason."""

    hand_off = models.ForeignKey(HandOff, models.PROTECT, related_name="refused_rows", verbose_name=_("전달"))
    key = models.CharField(_("계약번호나 고객번호"), max_length=40, db_collation="C")
    code = models.CharField(_("코드"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("전달 못 한 건")
        verbose_name_plural = _("전달 못 한 건")
        constraints = [models.UniqueConstraint(fields=["hand_off", "key"], name="refused_once")]
