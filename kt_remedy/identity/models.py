"""Counts of right and wrong codes; nothing about the people who entered them."""

from django.db import models


class CodeCount(models.Model):
    """Ten minutes of entered codes, by the wall clock (see `alarm`)."""

    slot = models.DateTimeField(primary_key=True)
    right = models.IntegerField(db_default=0)
    wrong = models.IntegerField(db_default=0)

    class Meta:
        db_table = "identity_code_count"

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M}"
