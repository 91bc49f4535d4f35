"""States of a payment item, and the groups of them that rules ask for. The models and every SQL text read them here."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ItemStatus(models.TextChoices):
    """State of one payment between the freeze and the bank's answer."""

    QUEUED = "QUEUED", _("지급 준비")
    VOID = "VOID", _("뺌")
    FILED = "FILED", _("은행에 보냄")
    PAID = "PAID", _("입금됨")
    RETURNED = "RETURNED", _("되돌아옴")
    UNKNOWN = "UNKNOWN", _("은행 답 없음")


# Money that is on its way, or possibly on its way.
LIVE = (ItemStatus.QUEUED, ItemStatus.FILED, ItemStatus.UNKNOWN)
# Sent, and not finally answered.
OPEN_AT_BANK = (ItemStatus.FILED, ItemStatus.UNKNOWN)
# An item in one of these blocks a second payment of the same refund or correction.
HOLDING = (*LIVE, ItemStatus.PAID)
# The same as a list in SQL.
HOLDING_SQL = "({})".format(", ".join(f"'{status.value}'" for status in HOLDING))
# For SQL over an item `i`: it came back, and its money is not on our account yet (`payouts.money_back`).
NOT_BACK_SQL = "i.status = 'RETURNED' AND NOT EXISTS (SELECT FROM refunds_money_back back WHERE back.item_id = i.id)"
