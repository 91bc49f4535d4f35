"""Bank accounts that refunds go to, and the holder checks of the bank.

An account row never changes: a correction is a new row, and applications and payout items point at the row they mean.
Only this table holds ciphertexts of account numbers, so the wipe after settlement changes no other table.
"""

import uuid
from collections.abc import Collection
from typing import Any, Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import looks
from kt_remedy.core import crypto, masking, text
from kt_remedy.core.tasks.rows import TaskRow
from refunds import banks

_NEVER_WIPED = ("id", "bank_code", "number_index", "last4", "owner_kind", "person_index", "created_at")
_ONLY_WIPED = (
    "NEW.number_enc IS NULL AND NEW.holder_name_enc IS NULL AND NEW.holder_birth_enc IS NULL"
    " AND NEW.wiped_at IS NOT NULL"
    f" AND ({', '.join(f'NEW.{c}' for c in _NEVER_WIPED)})"
    f" IS NOT DISTINCT FROM ({', '.join(f'OLD.{c}' for c in _NEVER_WIPED)})"
)


class OwnerKind(models.TextChoices):
    """Owner of the account, seen from the holder of the line (own-name rule and its exceptions, D-15 to D-19)."""

    SELF = "SELF", _("본인")
    GUARDIAN = "GUARDIAN", _("법정대리인")
    PROXY = "PROXY", _("대리인")
    HEIR = "HEIR", _("상속인")
    COMPANY = "COMPANY", _("법인")


class Account(models.Model):
    """One account as entered. Never changed; the wipe empties the number, the name and the birth date."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bank_code = models.CharField(_("은행"), max_length=3)
    number_enc = models.BinaryField(null=True)
    number_index = crypto.BlindIndexField()
    last4 = models.CharField(_("끝 네 자리"), max_length=4)
    holder_name_enc = models.BinaryField(null=True)
    # A bank is asked with the holder's birth date; companies have none.
    holder_birth_enc = models.BinaryField(null=True)
    owner_kind = models.CharField(_("예금주"), max_length=8, choices=OwnerKind.choices, default=OwnerKind.SELF)
    # The person it was entered for; no other person may use this row.
    person_index = crypto.BlindIndexField()
    created_at = models.DateTimeField(_("등록"))
    wiped_at = models.DateTimeField(_("삭제"), null=True)

    number = crypto.Encrypted("number_enc", key="id")
    holder_name = crypto.Encrypted("holder_name_enc", key="id")
    holder_birth = crypto.Encrypted("holder_birth_enc", key="id")  # YYYY-MM-DD

    class Meta:
        db_table = "refunds_account"
        verbose_name = _("환급 계좌")
        verbose_name_plural = _("환급 계좌")
        indexes = [models.Index(fields=["number_index"], name="account_number")]
        triggers = [
            pgtrigger.Protect(name="account_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="account_unchanged",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"NOT ({_ONLY_WIPED})"),
            ),
        ]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Self:
        """An account as it was read; a page of staff records whose it was (`looks`)."""
        row = super().from_db(db, field_names, values, **more)
        looks.seen_person(row.__dict__.get("person_index"))
        return row

    def __str__(self) -> str:
        return self.bank_name if self.is_offline else f"{self.bank_name} {masking.account(self.last4)}"

    @property
    def is_offline(self) -> bool:
        """True if there is no account in Korea, so that no bank file can pay it."""
        return self.bank_code == banks.OFFLINE

    @property
    def name_in_file(self) -> str:
        """The holder's name as a bank file writes it; "" once it was wiped.

        It is the bank's own spelling once the holder is confirmed (D-74), else the name that was entered.
        """
        return (self.holder_check.bank_spelling if self.holder_check.matched else "") or text.clean(
            self.holder_name or ""
        )

    @property
    def bank_name(self) -> str:
        """The bank's current name."""
        return banks.name(self.bank_code)


class HolderCheck(TaskRow):
    """A request to a bank for the holder of an account; a worker repeats a request without an answer at `retry_at`."""

    class Outcome(models.TextChoices):
        WAITING = "", _("아직 묻지 않음")
        MATCH = "MATCH", _("일치")
        MISMATCH = "MISMATCH", _("불일치")
        NOT_FOUND = "NOT_FOUND", _("없는 계좌")
        CLOSED = "CLOSED", _("해지된 계좌")
        BANK_MAINTENANCE = "BANK_MAINTENANCE", _("은행 점검 중")
        TIMEOUT = "TIMEOUT", _("응답 없음")
        OFFLINE = "OFFLINE", _("한국 계좌 없음")
        # A reviewer's yes to a mismatch whose passbook a store saw (D-74).
        ACCEPTED = "ACCEPTED", _("심사에서 받아들임")

    class Reason(models.TextChoices):
        """Result of the comparison of the two names (docs/domain.md#c2)."""

        EXACT = "EXACT", _("그대로 같음")
        NORMALISED = "NORMALISED", _("표기만 다름")
        MISMATCH = "MISMATCH", _("다름")

    UNSETTLED = (Outcome.WAITING, Outcome.BANK_MAINTENANCE, Outcome.TIMEOUT)
    # A worker asks these again. An accepted account is asked once more for the bank's spelling, until `retry_at` is
    # empty.
    OPEN = Q(outcome__in=["", "BANK_MAINTENANCE", "TIMEOUT"]) | Q(outcome="ACCEPTED", retry_at__isnull=False)

    account = models.OneToOneField(Account, models.PROTECT, related_name="holder_check")
    outcome = models.CharField(_("결과"), max_length=16, choices=Outcome.choices, blank=True, default="")
    reason = models.CharField(_("이름 비교"), max_length=10, choices=Reason.choices, blank=True, default="")
    verification_id = models.CharField(max_length=64, blank=True, default="")
    asked_at = models.DateTimeField(_("조회"), null=True)
    # Staff of a store saw the passbook: a mismatch then goes to a reviewer.
    passbook_seen = models.BooleanField(_("통장을 봄"), default=False, db_default=False)
    # The holder's name as the bank spells it, kept for a confirmed holder only: bank files write it, nobody sees it.
    bank_spelling_enc = models.BinaryField(null=True)

    # The layout by which a payment to this account was judged, and what it cannot hold (`bank_layout.fault`). Both are
    # empty until it is judged; a trigger empties them when the name that the file would write may have changed.
    layout = models.CharField(max_length=10, blank=True, default="", db_default="")
    layout_fault = models.CharField(max_length=12, blank=True, default="", db_default="")

    bank_spelling = crypto.Encrypted("bank_spelling_enc", key="account_id")

    @property
    def postponed(self) -> bool:
        """True until the bank is asked for the first time: on the day after too many checks."""
        return self.outcome == self.Outcome.WAITING and self.asked_at is None

    class Meta:
        db_table = "refunds_holder_check"
        verbose_name = _("예금주 조회")
        verbose_name_plural = _("예금주 조회")
        indexes = [
            models.Index(
                fields=["retry_at"],
                name="holder_check_open",
                condition=Q(outcome__in=["", "BANK_MAINTENANCE", "TIMEOUT"])
                | Q(outcome="ACCEPTED", retry_at__isnull=False),
            ),
            # Few rows, read by the selection of every round.
            models.Index(fields=["account"], name="holder_check_layout", condition=~Q(layout_fault="")),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="layout_is_judged_again",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "ROW(OLD.outcome, OLD.bank_spelling_enc) IS DISTINCT FROM ROW(NEW.outcome, NEW.bank_spelling_enc)"
                ),
                func="NEW.layout := ''; NEW.layout_fault := ''; RETURN NEW;",
            )
        ]

    @property
    def settled(self) -> bool:
        """True if the bank has answered."""
        return self.outcome not in self.UNSETTLED

    @property
    def matched(self) -> bool:
        """True if the bank confirmed the holder, or a reviewer accepted the passbook that a store saw."""
        return self.outcome in {self.Outcome.MATCH, self.Outcome.ACCEPTED}

    @property
    def is_for_reviewer(self) -> bool:
        """True if a reviewer decides whose account it is: the names differ and a store saw the passbook."""
        return self.passbook_seen and self.outcome == self.Outcome.MISMATCH
