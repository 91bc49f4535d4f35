"""Counts of right and wrong verification codes, without any reference to a person."""

from django.db import models


class CodeCount(models.Model):
    """Codes entered in one slot of ten minutes of the wall clock (see `alarm`)."""

    slot = models.DateTimeField(primary_key=True)
    right = models.IntegerField(db_default=0)
    wrong = models.IntegerField(db_default=0)

    class Meta:
        db_table = "identity_code_count"

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M}"
