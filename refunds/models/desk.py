"""Desk sessions of clerks and agents, and codes that the owner of a filing's number reads aloud."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from kt_remedy.core import crypto
from refunds.models.accounts import OwnerKind


class DeskSession(models.Model):
    """One customer at the desk of one member of staff: who came, how that person was proven, what was typed (D-85).

    Its times are those of the wall clock. The key is the only thing about the customer in an address.
    """

    key = models.CharField(primary_key=True, max_length=22, db_collation="C", editable=False)
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    customer = models.ForeignKey("eligibility.Customer", models.PROTECT, related_name="+", db_column="customer_no")
    person_index = crypto.BlindIndexField()
    # Place among the open sessions of the member of staff, from 0: its letter and colour, kept to the end.
    place = models.PositiveSmallIntegerField()
    came_as = models.CharField(max_length=8, choices=OwnerKind.choices, blank=True, default="")
    came_name_enc = models.BinaryField(null=True)
    # How the person who came was proven, without a number: {"method": "CODE", "NUMBER", "DRAFT", "ID_CARD", "type": …}.
    proof = models.JSONField(default=dict)
    proven_at = models.DateTimeField(null=True)
    # The number confirmed in this session.
    contact_enc = models.BinaryField(null=True)
    # A check under way: the code that was sent, or the approval on the telephone.
    check_enc = models.BinaryField(null=True)
    # What was typed and not filed yet. It stays until midnight.
    draft_enc = models.BinaryField(null=True)
    # The filing whose number a code confirmed in this session, and the second clerk who saw the card (D-86).
    number_of = models.UUIDField(null=True)
    second_asked_at = models.DateTimeField(null=True)
    second_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # The draft that the person goes on with by telephone: the proof holds for it and for nothing else (D-88).
    draft_of = models.UUIDField(null=True)
    opened_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    came_name = crypto.Encrypted("came_name_enc", key="key")
    contact = crypto.Encrypted("contact_enc", key="key")
    check_json = crypto.Encrypted("check_enc", key="key")
    draft_json = crypto.Encrypted("draft_enc", key="key")

    class Meta:
        db_table = "refunds_desk_session"
        constraints = [
            models.UniqueConstraint(
                fields=["staff", "place"], condition=Q(ended_at=None), name="desk_session_one_a_place"
            )
        ]
        indexes = [models.Index(fields=["staff", "person_index"], name="desk_session_person")]
        triggers = [
            pgtrigger.Protect(name="desk_session_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="desk_session_of_one_customer",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__customer__df=pgtrigger.F("new__customer"))
                | pgtrigger.Q(old__staff__df=pgtrigger.F("new__staff"))
                | pgtrigger.Q(old__ended_at__isnull=False, new__ended_at__isnull=True),
            ),
        ]

    @property
    def is_proven(self) -> bool:
        """True once the person who came is proven."""
        return self.proven_at is not None
