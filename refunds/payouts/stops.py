"""Frozen payments that must not leave: held by a person, or no longer due by the verdict of their line (D-66).

They block the approval of a batch or part and the hand-over, until they are released or taken out. Money that is
already at the bank cannot be stopped here: those payments stand on the list of exceptions for finance.
"""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import programme
from refunds.applications.facts import VERDICT_CHANGED
from refunds.calendar import payout_rounds
from refunds.models.applications import Application
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.cases import Hold
from refunds.models.items import Item
from refunds.payouts import selection
from refunds.payouts.guards import Refused

REASONS = {
    "HELD": gettext_lazy("사람이 보류함"),
    "VERDICT_CHANGED": gettext_lazy("판정이 바뀜"),
    "UNPAID": gettext_lazy("납부가 취소됨"),
}
# References that a refusal names; the pages list every one.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Stop:
    """One payment that must not leave, with the code of `REASONS`."""

    item_id: int
    reference: str
    reason: str


def stops(batch: Batch, part: BankFile | None = None) -> list[Stop]:
    """The payments of a batch, or of one part, that the selection would not take today: those it must not send."""
    last = batch.pay_on == payout_rounds(programme.current())[-1].pay_on
    unpaid = "false" if last else selection.UNPAID
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT * FROM (
                SELECT i.id, i.reference,
                       CASE WHEN {selection.HELD.format("i.application_id")} THEN 'HELD'
                            WHEN {selection.VERDICT_CHANGED.format(selection.STANDING)} THEN 'VERDICT_CHANGED'
                            WHEN {unpaid} THEN 'UNPAID' END AS reason
                FROM refunds_item i
                JOIN refunds_application a ON a.id = i.application_id
                JOIN eligibility_line l ON l.contract_no = i.contract_no
                WHERE i.batch_id = %s AND i.status IN ('QUEUED', 'FILED') AND (%s OR i.file_id = %s)
            ) s WHERE reason IS NOT NULL ORDER BY id
            """,  # noqa: S608  (conditions are ours, values are parameters)
            [batch.pk, part is None, part.pk if part else None],
        )
        return [Stop(*row) for row in cursor.fetchall()]


def require_none(batch: Batch, part: BankFile | None = None, *, final: bool = False) -> None:
    """Raise Refused STOPPED, naming them, if a payment of the batch or part must not leave.

    With `final`, a hold that is being placed is waited for, and one placed later waits for the end of the transaction:
    call it last, because nobody can place a hold meanwhile.
    """
    if final:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE refunds_hold IN SHARE MODE")
    found = stops(batch, part)
    if found:
        named = ", ".join(f"{stop.reference} ({REASONS[stop.reason]})" for stop in found[:NAMED])
        raise Refused(
            "STOPPED",
            _("나가면 안 되는 %(count)s건이 있습니다. 보류를 풀거나 회차에서 빼 주세요: %(named)s")
            % {"count": f"{len(found):,}", "named": named + (" …" if len(found) > NAMED else "")},
        )


def require_settled(part: BankFile) -> None:
    """Raise Refused STATE while an answer to the part that this one replaces, or a debit of it, lies in suspense.

    The bank may have executed the refused part after all: its payments would be paid twice.
    """
    refused = part.replaces
    while refused is not None:
        if refused.suspense.exclude(status="SETTLED").exists():
            raise Refused(
                "STATE",
                _("대신한 파일의 답이나 출금이 미결에 있습니다. 두 번 나가지 않게 먼저 처리해 주세요."),
            )
        refused = refused.replaces


def flagged(items: QuerySet[Item]) -> QuerySet[Item]:
    """The items among `items` whose application is held or whose verdict changed.

    It asks for those applications first: they are few, and each has an index of its own.
    """
    held = Hold.objects.filter(released_at=None).values_list("application_id", flat=True)
    changed = Application.objects.filter(flag=VERDICT_CHANGED).values_list("pk", flat=True)
    concerned = {*held, *changed}
    return items.filter(application_id__in=concerned) if concerned else items.none()


def waiting(batch: Batch) -> QuerySet[Item]:
    """The flagged payments of a batch that have not left, for its page."""
    return flagged(batch.items.filter(status__in=(Item.Status.QUEUED, Item.Status.FILED)).exclude(_AT_BANK))


def at_bank() -> QuerySet[Item]:
    """Payments that were held, or whose verdict changed, after their part was handed over: finance is alarmed."""
    return flagged(Item.objects.filter(_AT_BANK, status__in=Item.OPEN_AT_BANK))


_AT_BANK = Q(file__status__in=BankFile.AT_BANK)
