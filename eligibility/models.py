"""The register: customers, lines and bills as the billing system last sent them, and the verdict on each line.

The key of a line is its contract number, never its telephone number: a number may belong to another person today
(docs/domain.md#c5, D-44). Only deliveries write Customer, Line and Bill (`eligibility.feed`). Reviewers write
LineDecision.
"""

from collections.abc import Collection
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import looks
from kt_remedy.core import crypto


class KeyField(models.CharField):
    """A key of the billing system: 1 to 20 of `A-Z 0-9 -`, compared byte by byte.

    Django gives every textual key a second index for LIKE, which would double the cost of writing millions of rows;
    under the C collation the first index serves both. Django adds that second index to the type name "varchar" only, so
    `db_type` writes the type as "character varying".
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 20
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return 'character varying(20) COLLATE "C"'

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "character varying(20)"


APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class HolderKind(models.TextChoices):
    """Kind of a holder (명의자), as billing sends it."""

    PERSON = "PERSON", _("개인")
    FOREIGNER = "FOREIGNER", _("외국인")
    CORPORATE = "CORPORATE", _("법인")


class Outcome(models.TextChoices):
    """Outcome of a verdict (판정); REVIEW means that a person decides."""

    ELIGIBLE = "ELIGIBLE", _("면제 대상")
    REVIEW = "REVIEW", _("확인 필요")
    NOT_ELIGIBLE = "NOT_ELIGIBLE", _("대상 아님")
    NOTHING_DUE = "NOTHING_DUE", _("돌려드릴 금액 없음")


class PlanData(models.TextChoices):
    """Whether the data of a price plan (요금제) has a limit; empty where billing does not say."""

    LIMITED = "LIMITED", _("한도 있음")
    UNLIMITED = "UNLIMITED", _("무제한")


class Feed(models.Model):
    """One delivery of the billing system (데이터 수신): its files, its progress, and counts of the rows it changed."""

    class State(models.TextChoices):
        """State of the load."""

        RUNNING = "RUNNING", _("처리 중")
        LOADED = "LOADED", _("완료")
        FAILED = "FAILED", _("실패")

    as_of = models.DateField(_("기준일"))
    lines_sha256 = models.CharField(max_length=64, blank=True)
    bills_sha256 = models.CharField(max_length=64, blank=True)
    programme_version = models.CharField(_("프로그램 버전"), max_length=64, blank=True)
    state = models.CharField(_("상태"), max_length=8, choices=State.choices, default=State.RUNNING)
    phase = models.CharField(_("단계"), max_length=40, blank=True)
    progress = models.SmallIntegerField(_("진행률(%)"), default=0)
    started_at = models.DateTimeField(_("시작"))
    finished_at = models.DateTimeField(_("종료"), null=True, blank=True)
    lines_read = models.BigIntegerField(_("회선 행"), default=0)
    lines_new = models.BigIntegerField(_("새 회선"), default=0)
    lines_changed = models.BigIntegerField(_("바뀐 회선"), default=0)
    customers_new = models.BigIntegerField(_("새 고객"), default=0)
    customers_changed = models.BigIntegerField(_("바뀐 고객"), default=0)
    blank_names = models.BigIntegerField(_("보이지 않는 이름"), default=0, db_default=0)
    bills_read = models.BigIntegerField(_("청구 행"), default=0)
    bills_new = models.BigIntegerField(_("새 청구"), default=0)
    bills_changed = models.BigIntegerField(_("바뀐 청구"), default=0)
    lines_rejected = models.BigIntegerField(_("거부된 회선 행"), default=0)
    bills_rejected = models.BigIntegerField(_("거부된 청구 행"), default=0)
    verdicts_changed = models.BigIntegerField(_("바뀐 판정"), default=0)
    fault = models.TextField(_("실패 이유"), blank=True)

    class Meta:
        db_table = "eligibility_feed"
        verbose_name = _("데이터 수신")
        verbose_name_plural = _("데이터 수신")

    def __str__(self) -> str:
        return str(self.as_of)


class Reject(models.Model):
    """A rejected row of a delivery, as reported. Personal values are masked before they are stored."""

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="rejects")
    file = models.TextField(_("파일"))  # path of the file, as given to the load
    line = models.BigIntegerField(_("행"))
    column = models.CharField(_("열"), max_length=40, blank=True)
    value = models.TextField(_("값"), blank=True)
    reason = models.TextField(_("이유"))

    class Meta:
        db_table = "eligibility_reject"
        verbose_name = _("거부된 행")
        verbose_name_plural = _("거부된 행")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class CustomerColumns(models.Model):
    """Columns of a holder, shared by the register and its history."""

    # Stable key of the person: of the CI, or of the customer number where billing has no CI (`core.persons`).
    person_index = crypto.BlindIndexField()
    ci_enc = models.BinaryField(null=True)
    guardian_ci_index = crypto.BlindIndexField(null=True)
    guardian_ci_enc = models.BinaryField(null=True)
    holder_kind = models.CharField(_("고객 구분"), max_length=9, choices=HolderKind.choices)
    holder_name_enc = models.BinaryField()
    # Nothing of the name can be seen, so it is kept as sent (D-73). Somebody asks the billing system for the real one.
    name_is_blank = models.BooleanField(_("보이지 않는 이름"), default=False, db_default=False)
    name_index = crypto.BlindIndexField()
    # Not encrypted, because perks compare it in SQL over all customers; every page masks it.
    birth_date = models.DateField(null=True)
    # Keyed digest of the values as sent. It shows a change; ciphertexts cannot, because those of equal values differ.
    digest = models.BinaryField()
    as_of = models.DateField()

    class Meta:
        abstract = True


class Customer(CustomerColumns):
    """A holder of lines. The key is the carrier's customer number; one person may have several."""

    customer_no = KeyField(_("고객번호"), primary_key=True)

    ci = crypto.Encrypted("ci_enc", key="customer_no")
    guardian_ci = crypto.Encrypted("guardian_ci_enc", key="customer_no")
    holder_name = crypto.Encrypted("holder_name_enc", key="customer_no")

    class Meta:
        db_table = "eligibility_customer"
        verbose_name = _("고객")
        verbose_name_plural = _("고객")
        indexes = [
            # The page "my lines" finds a verified person by this key.
            models.Index(fields=["person_index"], name="customer_person"),
            # Finds the wards of a guardian. Few customers have a guardian, so the index is partial.
            models.Index(
                fields=["guardian_ci_index"], name="customer_guardian", condition=Q(guardian_ci_index__isnull=False)
            ),
            # The desk searches by name and birth date. Some hundred people share a birth date, thousands share a name.
            models.Index(fields=["birth_date"], name="customer_birth"),
        ]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Self:
        """A row of the register as it was read; a page of staff records whose it was (`looks`)."""
        row = super().from_db(db, field_names, values, **more)
        looks.seen(row.__dict__.get("customer_no"))
        return row

    def __str__(self) -> str:
        return self.customer_no


class CustomerHistory(CustomerColumns):
    """A customer before a delivery replaced it. Ciphertexts keep the associated data of the register's table."""

    customer_no = KeyField()
    replaced_by = models.ForeignKey(Feed, models.PROTECT, db_index=False)
    replaced_at = models.DateTimeField()

    class Meta:
        db_table = "eligibility_customer_history"
        indexes = [models.Index(fields=["customer_no"], name="customer_history_no")]


class LineColumns(models.Model):
    """Columns of a line and of its verdict, shared by the register and its history. Amounts are won."""

    msisdn_enc = models.BinaryField()
    msisdn_index = crypto.BlindIndexField()
    contact_enc = models.BinaryField(null=True)
    # Only shows that the number changed, because ciphertexts of equal numbers differ. Nothing searches by it.
    contact_index = crypto.BlindIndexField(null=True)
    network = models.CharField(_("망"), max_length=4)
    product = models.CharField(_("상품"), max_length=7)
    opened_at = models.DateTimeField(_("개통"))
    contract_type = models.CharField(_("약정 종류"), max_length=8)
    contract_event = models.CharField(_("약정 계기"), max_length=13)
    contract_started_at = models.DateTimeField(_("약정 체결"))
    commitment_started_at = models.DateTimeField(_("약정 시작"))
    contract_months = models.SmallIntegerField(_("약정 개월"))
    subsidy_krw = models.BigIntegerField(_("지원금"))
    extra_subsidy_krw = models.BigIntegerField(_("추가지원금"))
    discount_krw = models.BigIntegerField(_("받은 할인"))
    suspended_days = models.IntegerField(_("정지 일수"))
    status = models.CharField(_("상태"), max_length=10)
    terminated_at = models.DateTimeField(_("해지"), null=True, blank=True)
    termination_reason = models.CharField(_("해지 사유"), max_length=8, blank=True)
    port_requested_at = models.DateTimeField(_("번호이동 신청"), null=True, blank=True)
    rejoined_at = models.DateTimeField(_("재가입"), null=True, blank=True)
    # KST dates (D-01), so that SQL compares the same values as the rules.
    opened_on = models.DateField(_("개통일"))
    terminated_on = models.DateField(_("해지일"), null=True, blank=True)
    outcome = models.CharField(_("판정"), max_length=12, choices=Outcome.choices)
    # Reason codes in the order of docs/feed.md, joined by ";".
    reasons = models.CharField(_("이유"), max_length=400, blank=True)
    expected_penalty_krw = models.BigIntegerField(_("예상 위약금"))
    refundable_krw = models.BigIntegerField(_("환급 대상 금액"))
    programme_version = models.CharField(_("프로그램 버전"), max_length=64)
    as_of = models.DateField(_("기준일"))
    # Optional columns of the delivery; empty means unknown. The clean name may be longer than the 60 characters sent.
    plan_name = models.TextField(_("요금제"), blank=True, default="", db_default="")
    plan_data = models.CharField(
        _("요금제 데이터"), max_length=9, choices=PlanData.choices, blank=True, default="", db_default=""
    )

    class Meta:
        abstract = True


class Line(LineColumns):
    """A line: one service contract, its facts as of the last delivery that changed it, and the verdict on them."""

    contract_no = KeyField(_("계약번호"), primary_key=True)
    # A line and its customer come from one row of the delivery and are merged in one transaction. A constraint would
    # check thirteen million rows again for nothing.
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_column="customer_no", db_constraint=False, related_name="lines"
    )
    # Copy of the last LineDecision, so that SQL over all lines needs no join. A delivery never changes it.
    decided_outcome = models.CharField(
        _("사람의 결정"), max_length=12, choices=Outcome.choices, blank=True, db_default=""
    )

    msisdn = crypto.Encrypted("msisdn_enc", key="contract_no")
    contact_msisdn = crypto.Encrypted("contact_enc", key="contract_no")

    class Meta:
        db_table = "eligibility_line"
        verbose_name = _("회선")
        verbose_name_plural = _("회선")
        indexes = [
            models.Index(fields=["msisdn_index"], name="line_msisdn"),
            # The reviewers' queue holds few lines of millions.
            models.Index(fields=["terminated_on"], name="line_review", condition=Q(outcome=Outcome.REVIEW)),
            # Lines with money to give back, for the share of them that was applied for.
            models.Index(
                fields=["contract_no"],
                include=["terminated_on"],
                name="line_refundable",
                condition=Q(decided_outcome=Outcome.ELIGIBLE) | Q(decided_outcome="", outcome=Outcome.ELIGIBLE),
            ),
        ]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Self:
        """A row of the register as it was read; a page of staff records whose it was (`looks`)."""
        row = super().from_db(db, field_names, values, **more)
        looks.seen(row.__dict__.get("customer_id"))
        return row

    def __str__(self) -> str:
        return self.contract_no

    @property
    def effective_outcome(self) -> str:
        """The outcome that counts: the line decision if there is one, else the verdict (docs/architecture.md#rules)."""
        return self.decided_outcome or self.outcome

    @property
    def reason_codes(self) -> list[str]:
        """The reason codes of the stored verdict, in the order of docs/feed.md."""
        return self.reasons.split(";") if self.reasons else []


class LineHistory(LineColumns):
    """A line with its verdict before a delivery or a rejudge replaced it."""

    contract_no = KeyField()
    customer_no = KeyField()
    replaced_by = models.ForeignKey(Feed, models.PROTECT, null=True, db_index=False)  # null: replaced by a rejudge
    replaced_at = models.DateTimeField()

    class Meta:
        db_table = "eligibility_line_history"
        indexes = [models.Index(fields=["contract_no"], name="line_history_no")]


class BillColumns(models.Model):
    """Amounts of a bill row in won: billed, paid in cash, waived, and refunded outside the portal."""

    billed_krw = models.BigIntegerField(_("청구"))
    paid_krw = models.BigIntegerField(_("납부"))
    waived_krw = models.BigIntegerField(_("감면"))
    refunded_krw = models.BigIntegerField(_("기환급"))
    as_of = models.DateField()

    class Meta:
        abstract = True


class Bill(BillColumns):
    """A bill row of a line (청구 항목). An `item` that is no code of the programme sends the line to review."""

    pk = models.CompositePrimaryKey("line_id", "item", "billed_on")
    # No constraint: the load checks that the line is known. No index: the primary key begins with the line.
    line = models.ForeignKey(
        Line, models.PROTECT, db_column="contract_no", db_constraint=False, db_index=False, related_name="bills"
    )
    item = models.CharField(_("항목"), max_length=40, db_collation="C")
    billed_on = models.DateField(_("청구일"))

    class Meta:
        db_table = "eligibility_bill"
        verbose_name = _("청구 항목")
        verbose_name_plural = _("청구 항목")


class BillHistory(BillColumns):
    """A bill row before a delivery replaced it."""

    contract_no = KeyField()
    item = models.CharField(max_length=40)
    billed_on = models.DateField()
    replaced_by = models.ForeignKey(Feed, models.PROTECT, db_index=False)
    replaced_at = models.DateTimeField()

    class Meta:
        db_table = "eligibility_bill_history"
        indexes = [models.Index(fields=["contract_no"], name="bill_history_no")]


class LineDecision(models.Model):
    """A reviewer's decision on a line after review or objection. The latest counts; none is changed or deleted."""

    line = models.ForeignKey(Line, models.PROTECT, related_name="decisions", db_column="contract_no")
    outcome = models.CharField(_("결정"), max_length=12, choices=Outcome.choices)
    reason = crypto.EncryptedTextField(_("사유"))
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(_("결정 시각"))
    # The verdict at the time of the decision.
    verdict_outcome = models.CharField(max_length=12)
    verdict_reasons = models.CharField(max_length=400, blank=True)
    verdict_refundable_krw = models.BigIntegerField()
    programme_version = models.CharField(max_length=64)

    class Meta:
        db_table = "eligibility_line_decision"
        verbose_name = _("회선 결정")
        verbose_name_plural = _("회선 결정")
        constraints = [
            models.CheckConstraint(
                condition=~Q(outcome=Outcome.REVIEW) & Q(outcome__in=Outcome.values), name="decision_settles"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="decision_has_reason"),
        ]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.outcome}"


class VerdictChange(models.Model):
    """Record of a verdict change of a known line, written with the change by a delivery, a rejudge or a decision."""

    contract_no = KeyField()
    feed = models.ForeignKey(Feed, models.PROTECT, null=True, db_index=False)  # null: rejudge or line decision
    old_outcome = models.CharField(max_length=12)
    old_reasons = models.CharField(max_length=400, blank=True)
    old_refundable_krw = models.BigIntegerField()
    new_outcome = models.CharField(max_length=12)
    new_reasons = models.CharField(max_length=400, blank=True)
    new_refundable_krw = models.BigIntegerField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "eligibility_verdict_change"


class OpeningWish(models.Model):
    """A verified person's request for one message when applications open (`eligibility.opening`)."""

    person_index = crypto.BlindIndexField(unique=True)
    phone_enc = models.BinaryField()
    language = models.CharField(max_length=2, default="ko")
    asked_at = models.DateTimeField()

    phone = crypto.Encrypted("phone_enc", key="person_hex")

    class Meta:
        db_table = "eligibility_opening_wish"

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def person_hex(self) -> str:
        """Hex of the person index: associated data of the number's ciphertext, known before the row has a key."""
        return self.person_index.hex()
