"""Accounts of staff, their stores, codes and sessions, and requests for rights."""

import datetime as dt

import pgtrigger
from allauth.account.authentication import get_authentication_records
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import clock, crypto
from kt_remedy.core.tasks.rows import TaskRow
from kt_remedy.staff.roles import ALONE, APART, ROLE_LABELS, ROLES, STORE_ROLES

_HELD_TOGETHER = " OR ".join(
    [f"held @> ARRAY['{first}', '{second}']" for first, second in APART]
    + [f"('{ALONE}' = ANY(held) AND cardinality(held) > 1)"]
)

CERTIFIED_DAYS = 90  # after so many days somebody looks again whether the person still needs the roles


def certified_until() -> dt.date:
    """The last day (KST, wall clock) of rights that are given or confirmed now."""
    return clock.kst_date(dt.datetime.now(dt.UTC)) + dt.timedelta(days=CERTIFIED_DAYS)


class Store(models.Model):
    """A store of the carrier (매장); its clerks submit applications for customers at the desk."""

    code = models.CharField(_("매장 번호"), max_length=10, unique=True)
    name = models.CharField(_("매장 이름"), max_length=60)
    # Customers read these; an empty one is not shown.
    region = models.CharField(_("지역"), max_length=20, blank=True, default="")
    address = models.CharField(_("주소"), max_length=120, blank=True, default="")
    hours = models.CharField(_("여는 시간"), max_length=60, blank=True, default="")
    telephone = models.CharField(_("전화"), max_length=20, blank=True, default="")
    closed = models.BooleanField(_("닫은 매장"), default=False)

    class Meta:
        verbose_name = _("매장")
        verbose_name_plural = _("매장")

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """An account of staff with one or more roles and at most one store.

    `person_index` is the blind index of the natural person's CI: one person with two accounts cannot be both maker and
    checker.
    """

    roles = ArrayField(models.CharField(max_length=20), default=list, blank=True, verbose_name=_("역할"))
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, verbose_name=_("매장"))
    person_index = crypto.BlindIndexField(null=True, editable=False)
    # The person who had this account before a code was given out: nobody else can be proven behind it.
    expected_person = crypto.BlindIndexField(null=True, editable=False)
    certified_until = models.DateField(_("권한 확인 기한"), default=certified_until, editable=False)
    # Its password stands in the source: made for a try-out, and without any right elsewhere.
    demonstration = models.BooleanField(default=False, editable=False)
    # Wall clock of the first authentication with a second factor.
    second_factor_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("직원")
        verbose_name_plural = _("직원")
        constraints = [
            # No account passes every check at once, and a misspelt role is refused because it gives no right anywhere.
            models.CheckConstraint(condition=models.Q(is_superuser=False), name="user_no_superuser"),
            models.CheckConstraint(condition=models.Q(roles__contained_by=list(ROLES)), name="user_known_roles"),
            # The store limits the filings that clerks and store managers see.
            models.CheckConstraint(
                condition=~models.Q(roles__overlap=list(STORE_ROLES)) | models.Q(store__isnull=False),
                name="user_of_a_store",
            ),
            *(
                models.CheckConstraint(
                    condition=~models.Q(roles__contains=list(pair)), name=f"user_{'_or_'.join(pair)}"
                )
                for pair in APART
            ),
            models.CheckConstraint(
                condition=~models.Q(roles__contains=[ALONE]) | models.Q(roles__len=1), name="user_auditor_alone"
            ),
        ]
        triggers = [
            # The constraints above hold for one account; this holds for all open accounts of one person. The lock of
            # the person lets two changes at the same moment see each other.
            pgtrigger.Trigger(
                name="apart",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("roles", "person_index", "is_active"),
                condition=pgtrigger.Q(new__person_index__isnull=False, new__is_active=True),
                declare=[("held", "text[]")],
                func=f"""
                    PERFORM pg_advisory_xact_lock(hashtextextended(encode(NEW.person_index, 'hex'), 76));
                    SELECT array_agg(DISTINCT role::text) INTO held FROM staff_user, unnest(roles) AS role
                    WHERE is_active AND person_index = NEW.person_index;
                    IF {_HELD_TOGETHER} THEN
                        RAISE EXCEPTION 'one person holds roles that nobody holds together'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'user_roles_of_one_person';
                    END IF;
                    RETURN NULL;
                """,  # noqa: S608  (the roles stand in the source)
            ),
        ]

    def role_names(self) -> list[str]:
        """Return the labels of the roles."""
        return [str(ROLE_LABELS[role]) for role in self.roles]

    def has_role(self, role: str) -> bool:
        """True if this active account holds `role` (one of `roles.ROLES`)."""
        return self.is_active and role in self.roles

    @property
    def certified(self) -> bool:
        """True while the roles of the account are confirmed (wall clock, KST)."""
        return clock.kst_date(dt.datetime.now(dt.UTC)) <= self.certified_until

    def second_factor_done(self, request: HttpRequest) -> bool:
        """True if this session passed the second factor, as allauth records it."""
        return any(record["method"] == "mfa" for record in get_authentication_records(request, self))


class Invitation(models.Model):
    """A one-time code for a new password, handed over in person (D-76); the row is deleted after use."""

    user = models.OneToOneField(User, models.CASCADE, related_name="invitation")
    code_index = models.BinaryField()  # blind index of the code; the code itself is not stored
    ends_at = models.DateTimeField()  # wall clock
    # Given by the shell to one of the first two administrators; it ends once there are two.
    from_shell = models.BooleanField(default=True)


class StaffSession(models.Model):
    """A browser that is signed in to an account; the row is deleted when the session ends."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    session_key = models.CharField(
        max_length=40, unique=True
    )  # of the row (`session_store.row_key`), not the browser's
    browser = models.CharField(max_length=60)
    address = models.GenericIPAddressField(null=True)
    started_at = models.DateTimeField()  # wall clock, as below
    seen_at = models.DateTimeField()


class HouseholdMember(models.Model):
    """A person of whom a member of staff said that they belong to their household: their cases are closed (D-90)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="household")
    number_index = crypto.BlindIndexField()  # of the mobile number that the member of staff gave
    declared_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "number_index"], name="household_once")]


class StaffImport(TaskRow):
    """Stores, or clerks and store managers, as a file lists them: one administrator compares, another carries out.

    `changes` holds what the file changes, each with the values before it, so that the reverse is an import too
    (`kt_remedy.staff.imports`). A worker compares, and carries out what was approved.
    """

    class Kind(models.TextChoices):
        STORES = "STORES", _("매장")
        STAFF = "STAFF", _("매장 직원")

    class State(models.TextChoices):
        READING = "READING", _("비교하는 중")
        CHECKED = "CHECKED", _("비교함")
        OPEN = "OPEN", _("승인 기다림")
        APPROVED = "APPROVED", _("반영하는 중")
        APPLIED = "APPLIED", _("반영됨")
        STOPPED = "STOPPED", _("반영하지 못함")
        DECLINED = "DECLINED", _("받아들이지 않음")

    kind = models.CharField(_("무엇을"), max_length=6, choices=Kind.choices)
    state = models.CharField(_("상태"), max_length=8, choices=State.choices, default=State.READING)
    file_name = models.CharField(_("파일"), max_length=120)
    # The file until it is compared, and the language of the words about its faults.
    content = crypto.EncryptedTextField(blank=True, default="", editable=False)
    language = models.CharField(max_length=2, default="ko", editable=False)
    rows = models.IntegerField(_("줄"))
    complete = models.BooleanField(_("전체 목록"))
    changes = models.JSONField(default=list)
    # [row, words]: an import with faults goes no further. Where an approved one stopped, the changes that stopped it.
    faults = models.JSONField(default=list)
    # The applied import that this one takes back.
    reverses = models.ForeignKey("self", models.PROTECT, null=True, related_name="reversed_by")
    reason = crypto.EncryptedTextField(_("이유"), blank=True, default="")
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("낸 사람"))
    requested_person = crypto.BlindIndexField()
    requested_at = models.DateTimeField(_("낸 때"))  # wall clock, as below
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("정한 사람"))
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("정한 때"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("매장과 직원 가져오기")
        constraints = [
            models.CheckConstraint(
                name="import_two_people",
                condition=~models.Q(state__in=["APPROVED", "APPLIED", "STOPPED"])
                | models.Q(decided_by__isnull=False, decided_person__isnull=False)
                & (models.Q(state="STOPPED") | models.Q(faults=[]))
                & ~models.Q(reason="")
                & ~models.Q(decided_by=models.F("requested_by"))
                & ~models.Q(decided_person=models.F("requested_person")),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="stays", operation=pgtrigger.Delete),
            pgtrigger.FSM(
                name="moves",
                field="state",
                transitions=[
                    ("READING", "CHECKED"),
                    ("READING", "DECLINED"),
                    ("CHECKED", "OPEN"),
                    ("CHECKED", "DECLINED"),
                    ("OPEN", "APPROVED"),
                    ("OPEN", "DECLINED"),
                    ("APPROVED", "APPLIED"),
                    ("APPROVED", "STOPPED"),
                ],
                condition=pgtrigger.Condition("OLD.state IS DISTINCT FROM NEW.state"),
            ),
            pgtrigger.Protect(
                name="starts_unread",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(
                    "NEW.state <> 'READING' AND (NEW.state <> 'CHECKED' OR NEW.reverses_id IS NULL)"
                ),
            ),
            pgtrigger.Protect(
                name="compared_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.state <> 'READING' AND (OLD.changes, OLD.rows) IS DISTINCT FROM (NEW.changes, NEW.rows)"
                    " OR OLD.state NOT IN ('READING', 'APPROVED') AND OLD.faults IS DISTINCT FROM NEW.faults"
                ),
            ),
            pgtrigger.ReadOnly(
                name="stored",
                fields=[
                    "kind", "file_name", "language", "complete", "reverses",
                    "requested_by", "requested_person", "requested_at",
                ],
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.file_name}"


class RightsRequest(models.Model):
    """A request of one administrator that another one approves with a fresh second factor (D-76)."""

    class Kind(models.TextChoices):
        HIRE = "HIRE", _("새 계정")
        CHANGE = "CHANGE", _("역할과 매장 바꾸기")
        RENAME = "RENAME", _("이름 고치기")
        PASSWORD = "PASSWORD", _("새 비밀번호 코드")
        SECOND_FACTOR = "SECOND_FACTOR", _("2단계 인증을 잃음")
        REOPEN = "REOPEN", _("닫힌 계정 다시 열기")
        PERSON = "PERSON", _("본인 확인 다시 하기")
        CERTIFY = "CERTIFY", _("권한을 계속 둠")

    class State(models.TextChoices):
        OPEN = "OPEN", _("승인 기다림")
        APPROVED = "APPROVED", _("승인됨")
        DECLINED = "DECLINED", _("받아들이지 않음")

    GIVE_CODE = (Kind.HIRE, Kind.PASSWORD, Kind.SECOND_FACTOR, Kind.REOPEN)

    kind = models.CharField(_("무엇을"), max_length=13, choices=Kind.choices)
    state = models.CharField(_("상태"), max_length=8, choices=State.choices, default=State.OPEN)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("계정"))
    username = models.CharField(_("아이디"), max_length=150)
    name = models.CharField(_("이름"), max_length=60, blank=True)
    roles = ArrayField(models.CharField(max_length=20), default=list, verbose_name=_("역할"))
    store = models.ForeignKey(Store, models.PROTECT, null=True, related_name="+", verbose_name=_("매장"))
    reason = crypto.EncryptedTextField(_("이유"))
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("낸 사람"))
    requested_person = crypto.BlindIndexField()
    requested_at = models.DateTimeField(_("낸 때"))  # wall clock, as below
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("정한 사람"))
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("정한 때"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("권한 요청")
        constraints = [
            models.CheckConstraint(name="request_reason", condition=~models.Q(reason="")),
            models.CheckConstraint(
                name="request_decided",
                condition=models.Q(state="OPEN", decided_by=None, decided_person=None, decided_at=None)
                | ~models.Q(state="OPEN")
                & models.Q(decided_by__isnull=False, decided_person__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="request_two_people",
                condition=~models.Q(state="APPROVED")
                | ~models.Q(decided_by=models.F("requested_by"))
                & ~models.Q(decided_person=models.F("requested_person")),
            ),
            models.CheckConstraint(
                name="request_for_another",
                condition=models.Q(user=None) & models.Q(kind="HIRE")
                | ~models.Q(user=models.F("requested_by"))
                & (models.Q(decided_by=None) | ~models.Q(user=models.F("decided_by"))),
            ),
            models.UniqueConstraint(
                fields=["user", "kind"], condition=models.Q(state="OPEN"), name="request_once_open"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="starts_open", operation=pgtrigger.Insert, condition=pgtrigger.Q(new__state__df="OPEN")
            ),
            pgtrigger.Protect(
                name="decided_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state__df="OPEN")
            ),
            pgtrigger.ReadOnly(name="stored", exclude=["state", "user", "decided_by", "decided_person", "decided_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.username}"

    def role_names(self) -> str:
        """The labels of the roles that are asked for."""
        return ", ".join(str(ROLE_LABELS[role]) for role in self.roles)
