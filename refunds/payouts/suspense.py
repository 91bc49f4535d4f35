"""The suspense list: what the bank says or books and nothing of ours explains, until people settle it with a reason.

A line of a statement is money: one person proposes the outcome, another decides. An answer moved no money, so one
person settles it.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, text
from kt_remedy.staff.models import User
from refunds.models.bank_files import BankFile
from refunds.models.items import Item
from refunds.models.statements import MoneyBack, Suspense
from refunds.payouts.guards import Refused, is_maker, lock_batch, person_of, require_permission, require_reason


def add(*, kind: str, won: int, reference: str = "", part: BankFile | None = None, note: str = "") -> Suspense:
    """Keep what fits no payment; `won` is the stated amount. Call it in the transaction of the act that found it."""
    return Suspense.objects.create(
        kind=kind, won=won, reference=reference[:35], part=part, note=text.clean(note)[:200], at=clock.now()
    )


def unsettled() -> QuerySet[Suspense]:
    """What is still to be settled, oldest first."""
    return Suspense.objects.exclude(status=Suspense.Status.SETTLED).order_by("id")


def propose(*, suspense_id: int, user: User, outcome: str, reason: str, reference: str = "") -> Suspense:
    """Settle one entry, or propose it where money moved. RETURN needs the payment `reference` the credit belongs to.

    Raises Refused: ROLE, PERSON, REASON, STATE, OUTCOME, ITEM (no returned payment of this amount waits for its money).
    """
    require_permission(user, "payouts.settle_suspense")
    person, reason = person_of(user), require_reason(reason)
    if outcome not in Suspense.Outcome.values:
        raise Refused("OUTCOME", _("어떻게 처리했는지 골라 주세요."))
    with transaction.atomic():
        row = Suspense.objects.select_for_update().get(pk=suspense_id)
        if row.status != Suspense.Status.OPEN:
            raise Refused("STATE", _("이미 정리한 거래입니다."))
        if outcome == Suspense.Outcome.RETURN:
            row.item = _waiting_item(row, reference)
        row.outcome, row.reason = outcome, reason
        row.proposed_by, row.proposed_person, row.proposed_at = user, person, clock.now()
        row.status = Suspense.Status.PROPOSED if row.line_id else Suspense.Status.SETTLED
        row.save()
        _record(user, f"suspense.{row.status.lower()}", row, reason=reason, outcome=outcome)
    return row


def decide(*, suspense_id: int, user: User, approve: bool, reason: str = "") -> Suspense:
    """Approve the proposed outcome, or give it back to the list; by another person.

    An approved RETURN records the money of that payment as back. Raises Refused: ROLE, PERSON, STATE, SAME_PERSON,
    ITEM, REASON (to give it back).
    """
    require_permission(user, "payouts.decide_suspense")
    person = person_of(user)
    reason = reason if approve else require_reason(reason)
    with transaction.atomic():
        row = Suspense.objects.select_for_update().get(pk=suspense_id)
        if row.status != Suspense.Status.PROPOSED:
            raise Refused("STATE", _("승인을 기다리는 거래가 아닙니다."))
        if is_maker(user, row.proposed_by_id, row.proposed_person):
            raise Refused("SAME_PERSON", _("정리한 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        if not approve:
            row.status, row.outcome, row.reason = Suspense.Status.OPEN, "", ""
            row.proposed_by = row.proposed_person = row.proposed_at = None
        else:
            row.status = Suspense.Status.SETTLED
            row.decided_by, row.decided_person, row.decided_at = user, person, clock.now()
            if row.outcome == Suspense.Outcome.RETURN:
                assert row.item is not None
                item = _waiting_item(row, row.item.reference)
                MoneyBack.objects.create(item=item, at=clock.now(), statement_line=row.line)
        row.save()
        _record(user, "suspense.settled" if approve else "suspense.given_back", row, reason=reason)
    return row


def _waiting_item(row: Suspense, reference: str) -> Item:
    """The returned payment that a credit is the money of; its batch is locked. Raises Refused ITEM."""
    item = Item.objects.filter(reference=text.code(reference), status=Item.Status.RETURNED).first()
    if item is not None:
        lock_batch(item.batch_id)
    if item is None or not row.line_id or item.amount_krw != row.won or MoneyBack.objects.filter(item=item).exists():
        raise Refused(
            "ITEM",
            _("관리번호와 금액이 맞으면서 돈을 기다리는 되돌아온 지급 건이 없습니다. 은행 답을 먼저 올려 주세요."),
        )
    return item


def _record(user: User, action: str, row: Suspense, *, reason: str = "", **detail: object) -> None:
    audit.record(
        actor=audit.actor(user),
        action=action,
        object=f"suspense:{row.pk}",
        reason=reason,
        detail={"kind": row.kind, "won": row.won, **detail},
    )
