"""Accounts of staff, stores and invitations."""

from allauth.account.authentication import get_authentication_records
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.staff.roles import ROLE_LABELS, ROLES, STORE_ROLES


class Store(models.Model):
    """A KT store (매장); its clerks submit applications for customers at the desk."""

    code = models.CharField(_("매장 번호"), max_length=10, unique=True)
    name = models.CharField(_("매장 이름"), max_length=60)

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
        ]

    def role_names(self) -> list[str]:
        """Return the labels of the roles."""
        return [str(ROLE_LABELS[role]) for role in self.roles]

    def has_role(self, role: str) -> bool:
        """True if this active account holds `role` (one of `roles.ROLES`)."""
        return self.is_active and role in self.roles

    def second_factor_done(self, request: HttpRequest) -> bool:
        """True if this session passed the second factor, as allauth records it."""
        return any(record["method"] == "mfa" for record in get_authentication_records(request, self))


class Invitation(models.Model):
    """A one-time code for the first password of an invited administrator (D-76); the row is deleted after use."""

    user = models.OneToOneField(User, models.CASCADE, related_name="invitation")
    code_index = models.BinaryField()  # blind index of the code; the code itself is not stored
    ends_at = models.DateTimeField()  # wall clock
