"""Consents that a person withdrew, and gave again (D-91). A consent itself stands in its filing."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.protection import STAY, changed


class Consent(models.TextChoices):
    """The two consents that a refund needs (docs/domain.md#d1)."""

    PRIVACY = "privacy", _("환급을 위한 개인정보 이용")
    PROVISION = "provision", _("은행과 예금주 확인 회사에 알리기")


class ConsentWithdrawal(models.Model):
    """One withdrawal of one consent; it is in force until `given_at`."""

    person_index = crypto.BlindIndexField()
    consent = models.CharField(_("동의"), max_length=9, choices=Consent.choices)
    withdrawn_at = models.DateTimeField(_("거두신 때"))
    given_at = models.DateTimeField(_("다시 동의하신 때"), null=True)
    # Of the text that was shown when the consent was given again.
    version = models.CharField(_("동의서의 판"), max_length=20, blank=True, default="")

    class Meta:
        db_table = "refunds_consent_withdrawal"
        constraints = [
            models.UniqueConstraint(
                fields=["person_index", "consent"], condition=Q(given_at=None), name="consent_withdrawn_once"
            )
        ]
        indexes = [models.Index(fields=["person_index", "-withdrawn_at"], name="consent_history")]
        triggers = [
            STAY,
            pgtrigger.Protect(
                name="only_given_again",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.given_at IS NOT NULL OR {changed(('person_index', 'consent', 'withdrawn_at'))}"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_consent_display()} {self.withdrawn_at:%Y-%m-%d}"
