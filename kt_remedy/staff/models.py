"""Staff accounts: one person, one account, one or more roles, one store at most."""

from allauth.account.authentication import get_authentication_records
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.staff.roles import ROLE_LABELS, ROLES, STORE_ROLES


class Store(models.Model):
    """A KT store (매장) whose clerks file for customers who come in."""

    code = models.CharField(_("매장 번호"), max_length=10, unique=True)
    name = models.CharField(_("매장 이름"), max_length=60)

    class Meta:
        verbose_name = _("매장")
        verbose_name_plural = _("매장")

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A staff account. `person_index` is the blind index of the natural person's CI, so that one person with two
    accounts is still one person to the rule that maker and checker differ."""

    roles = ArrayField(models.CharField(max_length=20), default=list, blank=True, verbose_name=_("역할"))
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, verbose_name=_("매장"))
    person_index = crypto.BlindIndexField(null=True, editable=False)
    # When the account first showed a second factor, by the wall clock.
    second_factor_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("직원")
        verbose_name_plural = _("직원")
        constraints = [
            # Nobody passes every check at once and a misspelt role gives no right anywhere.
            models.CheckConstraint(condition=models.Q(is_superuser=False), name="user_no_superuser"),
            models.CheckConstraint(condition=models.Q(roles__contained_by=list(ROLES)), name="user_known_roles"),
            # Clerks see the filings of their own store only; without a store there would be no bound.
            models.CheckConstraint(
                condition=~models.Q(roles__overlap=list(STORE_ROLES)) | models.Q(store__isnull=False),
                name="user_of_a_store",
            ),
        ]

    def role_names(self) -> list[str]:
        """The roles in words."""
        return [str(ROLE_LABELS[role]) for role in self.roles]

    def has_role(self, role: str) -> bool:
        """Whether this active account holds `role` (one of `roles.ROLES`)."""
        return self.is_active and role in self.roles

    def second_factor_done(self, request: HttpRequest) -> bool:
        """Whether this session passed the second factor, as allauth records it."""
        return any(record["method"] == "mfa" for record in get_authentication_records(request, self))


class Invitation(models.Model):
    """A one-time code with which an invited administrator sets the first password (D-76); gone once it was used."""

    user = models.OneToOneField(User, models.CASCADE, related_name="invitation")
    code_index = models.BinaryField()  # the blind index of the code; the code itself is kept nowhere
    ends_at = models.DateTimeField()  # by the wall clock
