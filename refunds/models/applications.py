"""Filings with one application per line, the decisions on applications, and objections.

Only `refunds.applications.transitions` writes `Application.status`.
"""

import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.accounts import Account, OwnerKind
from refunds.models.states import EDGES, LIVE, WAITING_FOR_PERSON, Status


class Channel(models.TextChoices):
    WEB = "WEB", _("홈페이지")
    STORE = "STORE", _("매장")
    CALL_CENTRE = "CALL_CENTRE", _("고객센터")


class Lateness(models.TextChoices):
    """Date of an application in relation to the window (D-27 to D-32)."""

    IN_TIME = "IN_TIME", _("기간 안")
    # After a window that ended on a holiday, or after a rejection of a timely application (D-27, D-32).
    EXTENDED = "CURED", _("기간 뒤, 휴일로 늦음")
    LATE = "LATE", _("기간 뒤")


_QUEUE_APPLICATION = """
IF OLD.status IS DISTINCT FROM NEW.status THEN
    DELETE FROM refunds_case WHERE application_id = NEW.id;
END IF;
IF NEW.status IN ('REVIEW', 'LATE') OR (NEW.status = 'APPROVED' AND NEW.flag = 'VERDICT_CHANGED') THEN
    INSERT INTO refunds_case (application_id, opened_at, kind, level, given_back_by, note, question, answer)
    VALUES (NEW.id, NEW.status_since, '', 'REVIEWER', '[]', '', '', '') ON CONFLICT (application_id) DO NOTHING;
ELSE
    DELETE FROM refunds_case WHERE application_id = NEW.id;
END IF;
RETURN NULL;
"""
_QUEUE_OBJECTION = """
IF NEW.status = 'OPEN' THEN
    INSERT INTO refunds_case (objection_id, opened_at, kind, level, due_on, given_back_by, note, question, answer)
    VALUES (NEW.id, NEW.received_at, 'OBJECTION', 'REVIEWER', NEW.answer_by, '[]', '', '', '')
    ON CONFLICT (objection_id) DO NOTHING;
ELSE
    DELETE FROM refunds_case WHERE objection_id = NEW.id;
END IF;
RETURN NULL;
"""


class Draft(models.Model):
    """Answers of a person so far, stored by person, not by session, so that every device has them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_index = crypto.BlindIndexField()
    # The clerk or agent who fills it in; empty on the website.
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    answers_enc = models.BinaryField()
    saved_at = models.DateTimeField()
    # Digits with which an agent goes on with it by telephone (`applications.continuing`), and when they were given.
    spoken_index = crypto.BlindIndexField(null=True)
    spoken_at = models.DateTimeField(null=True)

    answers_json = crypto.Encrypted("answers_enc", key="id")

    class Meta:
        db_table = "refunds_draft"
        constraints = [
            models.UniqueConstraint(
                fields=["person_index", "opened_by"], nulls_distinct=False, name="draft_one_per_person"
            )
        ]
        indexes = [models.Index(fields=["spoken_index"], name="draft_spoken", condition=Q(spoken_index__isnull=False))]


class Filing(models.Model):
    """One submission with its channel, account and consents. Each of its lines is an Application."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(_("접수번호"), max_length=16, unique=True, db_collation="C")
    idempotency_key = models.CharField(max_length=64, unique=True, db_collation="C", editable=False)
    channel = models.CharField(_("접수처"), max_length=11, choices=Channel.choices)
    # The holder of the first line; one person may be several customers of the billing system.
    customer = models.ForeignKey("eligibility.Customer", models.PROTECT, related_name="+", db_column="customer_no")
    person_index = crypto.BlindIndexField()
    account = models.ForeignKey(Account, models.PROTECT, related_name="filings")
    representation = models.CharField(_("신청인"), max_length=8, choices=OwnerKind.choices, default=OwnerKind.SELF)
    representative_enc = models.BinaryField(null=True)
    representative_index = crypto.BlindIndexField(null=True)
    documents = models.JSONField(_("확인한 서류"), default=list, blank=True)
    # Text and version of each consent given: {"privacy": "2026-01-14", …}.
    consents = models.JSONField(_("동의"), default=dict)
    contact_enc = models.BinaryField()
    # Two persons with one confirmed number are one household (D-90); nothing else is searched by it.
    contact_index = crypto.BlindIndexField(null=True, editable=False)
    language = models.CharField(_("언어"), max_length=2, default="ko")
    # How the person was proven: {"method": "IDENTITY" | "CODE" | "NUMBER" | "DRAFT" | "ID_CARD", "type": …}, never a
    # number.
    proof = models.JSONField(_("본인 확인"), default=dict)
    store = models.ForeignKey("staff.Store", models.PROTECT, null=True, blank=True, verbose_name=_("매장"))
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("처리 직원")
    )
    # The server's time of the complete submission, which nobody can back-date (D-28).
    received_at = models.DateTimeField(_("접수"))
    # An entry after an outage, by a supervisor: when the customer came, and why it is entered now.
    outage_reason = crypto.EncryptedTextField(_("장애 사유"), blank=True, default="")

    contact = crypto.Encrypted("contact_enc", key="id")
    representative = crypto.Encrypted("representative_enc", key="id")

    class Meta:
        db_table = "refunds_filing"
        verbose_name = _("접수")
        verbose_name_plural = _("접수")
        indexes = [
            models.Index(fields=["person_index"], name="filing_person"),
            models.Index(fields=["contact_index"], name="filing_contact", condition=Q(contact_index__isnull=False)),
            models.Index(fields=["store", "-received_at"], name="filing_store", condition=Q(store__isnull=False)),
            # Filings that a member of staff entered, for the productivity of the report.
            models.Index(
                fields=["received_at", "filed_by"], name="filing_by_staff", condition=Q(filed_by__isnull=False)
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="applications_follow_store",
                operation=pgtrigger.UpdateOf("store_id"),
                when=pgtrigger.After,
                condition=pgtrigger.Condition("OLD.store_id IS DISTINCT FROM NEW.store_id"),
                func="UPDATE refunds_application SET store_id = NEW.store_id WHERE filing_id = NEW.id; RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return self.reference

    def set_contact(self, number: str) -> None:
        """Set the confirmed number (digits, "" for none) that notices go to, and its index; both are saved together."""
        # People without a number are no household for that.
        self.contact, self.contact_index = number, crypto.blind_index(number, "msisdn") if number else None


@pghistory.track(
    pghistory.UpdateEvent(condition=pghistory.AnyChange("account", "hold_until", "flag", "qa_sample")),
    fields=["account", "hold_until", "flag", "qa_sample", "status"],
    model_name="ApplicationEvent",
)
class Application(models.Model):
    """The application for one line. `account` is where its money goes now, which may differ from the filing's."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="applications", verbose_name=_("접수"))
    # Copied from the filing by the database, so that half a million applications are counted from one index.
    channel = models.CharField(_("접수처"), max_length=11, choices=Channel.choices, null=True, editable=False)
    # Copied likewise; the store follows a filing that another store takes over. The index of the report holds both.
    store = models.ForeignKey(
        "staff.Store", models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )  # fmt: skip
    received_hour = models.SmallIntegerField(null=True, editable=False)  # hour of the filing in Seoul, 0 to 23
    line = models.ForeignKey(
        "eligibility.Line", models.PROTECT, related_name="applications", db_column="contract_no", verbose_name=_("회선")
    )
    account = models.ForeignKey(Account, models.PROTECT, related_name="applications", verbose_name=_("계좌"))
    status = models.CharField(_("상태"), max_length=16, choices=Status.choices, default=Status.SUBMITTED)
    status_since = models.DateTimeField(_("상태 변경"))
    # The KST date that decides the payout round (D-29); a requested correction keeps it.
    applied_on = models.DateField(_("신청일"))
    lateness = models.CharField(_("기간"), max_length=7, choices=Lateness.choices, default=Lateness.IN_TIME)
    # The amount shown to the customer; the sum that is paid is read from the bills when the batch is frozen (D-26).
    amount_seen_krw = models.BigIntegerField(_("신청 때 금액"), null=True, blank=True)
    qa_sample = models.BooleanField(_("표본 심사"), default=False)
    # Set once a reviewer has settled what the table sends to review, so that it is not sent there again.
    reviewed = models.BooleanField(_("심사 끝남"), default=False)
    # End of the hold after a change of account (D-34); the freeze skips the application until then.
    hold_until = models.DateTimeField(_("보류 기한"), null=True, blank=True)
    # Code of the reason for a manual check although the state changes automatically; mostly empty.
    flag = models.CharField(_("확인 표시"), max_length=20, blank=True, default="")
    documents_due_on = models.DateField(_("서류 기한"), null=True, blank=True)
    previous = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "refunds_application"
        verbose_name = _("신청")
        verbose_name_plural = _("신청")
        constraints = [
            models.UniqueConstraint(
                fields=["line"], condition=Q(status__in=LIVE), name="application_one_live_per_line"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="application_status_known"),
        ]
        indexes = [
            # Few rows: flagged applications (`facts.VERDICT_CHANGED`).
            models.Index(fields=["flag"], name="application_flagged", condition=~Q(flag="")),
            # The freeze, the reviewers' list and the periodic tasks each select one state.
            models.Index(
                fields=["status", "applied_on", "channel"], include=["amount_seen_krw"], name="application_state"
            ),
            models.Index(
                fields=["id"],
                include=["status", "status_since"],
                name="application_standing",
                condition=Q(status__in=WAITING_FOR_PERSON),
            ),
            # The report counts half a million applications and their payments from it alone.
            models.Index(
                fields=["applied_on", "channel", "store", "received_hour", "status"],
                include=["id"],
                name="application_report",
            ),
            # Lines that were applied for, beside the lines that could be.
            models.Index(fields=["line"], include=["status"], name="application_taken_up"),
        ]
        triggers = [
            pgtrigger.FSM(
                name="application_edges",
                field="status",
                transitions=sorted((a.value, b.value) for a, b in EDGES),
                condition=pgtrigger.Condition("OLD.status IS DISTINCT FROM NEW.status"),
            ),
            pgtrigger.Protect(
                name="application_starts_submitted",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__status__df=Status.SUBMITTED.value),
            ),
            pgtrigger.Protect(name="application_stays", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="application_channel",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                SELECT channel, store_id, extract(hour FROM received_at AT TIME ZONE 'Asia/Seoul')
                INTO NEW.channel, NEW.store_id, NEW.received_hour FROM refunds_filing WHERE id = NEW.filing_id;
                RETURN NEW;
                """,
            ),
            # The queue of the reviewers (`models.reviews.ReviewCase`).
            pgtrigger.Trigger(
                name="application_waits",
                operation=pgtrigger.UpdateOf("status", "flag"),
                when=pgtrigger.After,
                condition=pgtrigger.Condition(
                    "((OLD.status, OLD.flag) IS DISTINCT FROM (NEW.status, NEW.flag)"
                    " AND (OLD.status IN ('REVIEW', 'LATE') OR NEW.status IN ('REVIEW', 'LATE')"
                    " OR 'VERDICT_CHANGED' IN (OLD.flag, NEW.flag)))"
                ),
                func=_QUEUE_APPLICATION,
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_live(self) -> bool:
        """True if this application prevents another one for its line."""
        return self.status in LIVE


class Decision(models.Model):
    """One change of an application's state: from, to, actor, reason. Never changed; an undo is a new one."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="decisions", verbose_name=_("신청"))
    from_status = models.CharField(_("이전"), max_length=16, choices=Status.choices, blank=True)
    to_status = models.CharField(_("이후"), max_length=16, choices=Status.choices)
    actor = models.CharField(_("누가"), max_length=40)
    # A reason code (`staff_presenters.decision_reason` gives its label) and the explanation of a person.
    code = models.CharField(_("이유"), max_length=40)
    words = crypto.EncryptedTextField(_("설명"), blank=True, default="")
    decided_at = models.DateTimeField(_("시각"))

    class Meta:
        db_table = "refunds_decision"
        verbose_name = _("결정")
        verbose_name_plural = _("결정")
        indexes = [
            # Reason of the present state: the last transition into a state in which the case waits for a person.
            models.Index(
                "application",
                models.F("id").desc(),
                include=["to_status", "code"],
                name="decision_standing",
                condition=Q(to_status__in=WAITING_FOR_PERSON) & ~Q(from_status=models.F("to_status")),
            ),
            # Decisions of people, for the productivity of the report.
            models.Index(
                fields=["decided_at"],
                include=["actor", "to_status", "application"],
                name="decision_by_staff",
                condition=Q(actor__startswith="staff:"),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="decision_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.to_status}"


class Objection(models.Model):
    """Objection of a customer to a rejection or an amount; a reviewer answers by the announced date."""

    class Status(models.TextChoices):
        OPEN = "OPEN", _("답변 대기")
        UPHELD = "UPHELD", _("받아들임")
        DECLINED = "DECLINED", _("받아들이지 않음")
        WITHDRAWN = "WITHDRAWN", _("거둠")

    class Kind(models.TextChoices):
        ELIGIBILITY = "ELIGIBILITY", _("대상이 아니라는 답이 틀립니다")
        AMOUNT = "AMOUNT", _("금액이 다릅니다")
        DATE = "DATE", _("받는 날이 다릅니다")
        OTHER = "OTHER", _("그 밖의 일")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    line = models.ForeignKey("eligibility.Line", models.PROTECT, related_name="objections", db_column="contract_no")
    application = models.ForeignKey(Application, models.PROTECT, null=True, blank=True, related_name="objections")
    person_index = crypto.BlindIndexField()
    words_enc = models.BinaryField()
    contact_enc = models.BinaryField()
    language = models.CharField(_("언어"), max_length=2, default="ko")
    # The contested decision, as the customer saw it.
    verdict_outcome = models.CharField(_("판정"), max_length=12)
    verdict_reasons = models.CharField(_("이유"), max_length=400, blank=True)
    amount_seen_krw = models.BigIntegerField(_("본 금액"))
    kind = models.CharField(_("무엇이 다른지"), max_length=11, choices=Kind.choices, default=Kind.OTHER)
    # Won that the customer takes to be right; asked where the amount is contested.
    wanted_krw = models.BigIntegerField(_("맞다고 하신 금액(원)"), null=True, blank=True)
    status = models.CharField(_("상태"), max_length=9, choices=Status.choices, default=Status.OPEN)
    received_at = models.DateTimeField(_("접수"))
    answer_by = models.DateField(_("답변 기한"))
    answer = crypto.EncryptedTextField(_("답변"), blank=True, default="")
    # Won that an upheld objection gives beyond the amount that was contested; paid as a correction (D-72).
    difference_krw = models.BigIntegerField(_("더 드릴 금액(원)"), null=True, blank=True)
    answered_at = models.DateTimeField(_("답변 시각"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("거둔 시각"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("답변자")
    )

    words = crypto.Encrypted("words_enc", key="id")
    contact = crypto.Encrypted("contact_enc", key="id")

    class Meta:
        db_table = "refunds_objection"
        verbose_name = _("이의")
        verbose_name_plural = _("이의")
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(status="OPEN"), name="objection_one_open_per_line"),
            models.CheckConstraint(
                condition=Q(status="OPEN")
                | Q(status="WITHDRAWN", withdrawn_at__isnull=False)
                | Q(answered_at__isnull=False) & ~Q(answer=""),
                name="objection_answered",
            ),
        ]
        indexes = [models.Index(fields=["status", "answer_by"], name="objection_due")]
        triggers = [
            pgtrigger.Trigger(
                name="objection_waits",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("status"),
                when=pgtrigger.After,
                func=_QUEUE_OBJECTION,
            )
        ]


class LateReason(models.Model):
    """Reason the customer gave for a filing after the window; a supervisor decides by it (D-31)."""

    class Kind(models.TextChoices):
        MILITARY = "MILITARY", _("군 복무")
        OVERSEAS = "OVERSEAS", _("해외 체류")
        HOSPITAL = "HOSPITAL", _("입원")
        PRISON = "PRISON", _("수감")
        ISLAND = "ISLAND", _("섬·산간 등 먼 곳")
        OTHER = "OTHER", _("그 밖의 이유")

    filing = models.OneToOneField(Filing, models.PROTECT, primary_key=True, related_name="late_reason")
    kind = models.CharField(_("이유"), max_length=8, choices=Kind.choices)
    # Empty while it continues: a customer abroad may apply from there.
    ended_on = models.DateField(_("끝난 날"), null=True, blank=True)
    words_enc = models.BinaryField()

    words = crypto.Encrypted("words_enc", key="filing_id")

    class Meta:
        db_table = "refunds_late_reason"
        verbose_name = _("늦은 이유")
        verbose_name_plural = _("늦은 이유")


class Evidence(models.Model):
    """A document of a filing or an objection, drawn anew from what the person sent.

    Its encrypted bytes are a file in the store that UPLOADS_DIR names. This row holds the key, so deleting the key
    deletes the document. `kind` and `size` are those of the kept drawing, `pages` and `signed` those of the original.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    filing = models.ForeignKey(Filing, models.PROTECT, null=True, blank=True, related_name="evidence")
    objection = models.ForeignKey(Objection, models.PROTECT, null=True, blank=True, related_name="evidence")
    kind = models.CharField(_("종류"), max_length=3)
    size = models.PositiveIntegerField(_("크기"))
    # Unknown (null) for a document of a release that kept originals. A signature is noted, never verified.
    pages = models.PositiveSmallIntegerField(_("쪽수"), null=True)
    signed = models.BooleanField(_("전자서명"), null=True)
    # Keyed digest of the bytes as they were sent: a document that is sent twice is stored once, and can be recognised.
    content_index = crypto.BlindIndexField()
    name_enc = models.BinaryField(null=True)
    file_key_enc = models.BinaryField(null=True)
    added_by = models.CharField(_("올린 사람"), max_length=40)
    added_at = models.DateTimeField(_("올린 때"))
    wiped_at = models.DateTimeField(_("삭제"), null=True, blank=True)

    name = crypto.Encrypted("name_enc", key="id")
    file_key = crypto.Encrypted("file_key_enc", key="id")

    class Meta:
        db_table = "refunds_evidence"
        verbose_name = _("낸 서류")
        verbose_name_plural = _("낸 서류")
        constraints = [
            models.CheckConstraint(
                condition=Q(filing__isnull=False) ^ Q(objection__isnull=False), name="evidence_of_one_thing"
            ),
            models.UniqueConstraint(
                fields=["filing", "objection", "content_index"], nulls_distinct=False, name="evidence_once"
            ),
        ]
        triggers = [pgtrigger.Protect(name="evidence_stays", operation=pgtrigger.Delete)]

    @property
    def page_numbers(self) -> range:
        """The numbers of its pages, from 1; the first alone where their number is not known."""
        return range(1, (self.pages or 1) + 1)


class CallOutcome(models.TextChoices):
    """How a promised call ended, or how its last try did."""

    REACHED = "REACHED", _("통화함")
    NO_ANSWER = "NO_ANSWER", _("받지 않음")
    MOVED = "MOVED", _("다른 때로 옮김")
    NOT_REACHED = "NOT_REACHED", _("끝내 닿지 않음")


class Escalation(models.TextChoices):
    """Reason for which an agent hands a call to a supervisor."""

    AMOUNT = "AMOUNT", _("금액을 계속 다르다고 하심")
    PROOF = "PROOF", _("앱으로 본인 확인이 안 됨")
    LATE = "LATE", _("늦은 신청, 사정이 있음")
    OTHER = "OTHER", _("그 밖의 이유")


class Note(models.Model):
    """A note of an agent or clerk about a customer, and a call-back promised, if any."""

    person_index = crypto.BlindIndexField()
    customer = models.ForeignKey("eligibility.Customer", models.PROTECT, related_name="+", db_column="customer_no")
    words_enc = models.BinaryField()
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    # Empty for a call that the portal asks for, because no text reached the person.
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    written_at = models.DateTimeField()
    # The text that did not arrive and whose content the call tells.
    message = models.OneToOneField("notices.Message", models.PROTECT, null=True, related_name="+")
    call_back_at = models.DateTimeField(null=True, blank=True)
    called_at = models.DateTimeField(null=True, blank=True)
    # The promised call: its owner, the confirmed number, the tries so far and how it ended.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    store = models.ForeignKey("staff.Store", models.PROTECT, null=True, related_name="+")
    call_to_enc = models.BinaryField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=11, blank=True, default="", choices=CallOutcome.choices)
    # The call that somebody places now, for the check of its digits and words (`applications.call_checks`).
    calling_at = models.DateTimeField(null=True)
    calling_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    calling_index = crypto.BlindIndexField(null=True)
    # Why it was handed to a supervisor; empty for a call that an agent or clerk promised.
    escalated_for = models.CharField(max_length=8, blank=True, default="", choices=Escalation.choices)

    call_to = crypto.Encrypted("call_to_enc", key="key")
    words = crypto.Encrypted("words_enc", key="key")

    class Meta:
        db_table = "refunds_note"
        verbose_name = _("상담 메모")
        verbose_name_plural = _("상담 메모")
        indexes = [
            models.Index(fields=["person_index"], name="note_person"),
            models.Index(
                fields=["call_back_at"], name="note_call_due", condition=Q(called_at=None, call_back_at__isnull=False)
            ),
            models.Index(fields=["calling_index"], name="note_calling", condition=Q(calling_index__isnull=False)),
        ]
