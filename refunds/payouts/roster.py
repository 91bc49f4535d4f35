"""The roster: holder and deputy of each duty of a cut-off. An assignment gives no right; rights come from roles."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.models.batches import Roster
from refunds.payouts.guards import Refused, require_reason


def assign(*, duty: str, holder: User, deputy: User, by: User, reason: str) -> Roster:
    """Assign the holder and the deputy of a duty: two people who both hold its role.

    The holders of FREEZE and APPROVE must be different persons. Raises Refused: ROLE, REASON, UNFIT, SAME_PERSON.
    """
    if not by.has_perm("payouts.assign_duty"):
        raise Refused("ROLE", _("관리자만 담당을 정할 수 있습니다."))
    reason = require_reason(reason)
    role = Roster.ROLES[Roster.Duty(duty)]
    for person in (holder, deputy):
        if not person.has_role(role) or not person.person_index:
            raise Refused("UNFIT", _("이 업무의 역할이 있고 본인 확인을 마친 사람만 정할 수 있습니다."))
    if holder.person_index == deputy.person_index:
        raise Refused("SAME_PERSON", _("담당과 대리는 서로 다른 사람이어야 합니다."))
    with transaction.atomic():
        other = {"FREEZE": "APPROVE", "APPROVE": "FREEZE"}.get(duty)
        facing = Roster.objects.select_related("holder").filter(duty=other).first() if other else None
        if facing and facing.holder.person_index == holder.person_index:
            raise Refused("SAME_PERSON", _("확정 담당과 승인 담당은 서로 다른 사람이어야 합니다."))
        row, _made = Roster.objects.update_or_create(
            duty=duty, defaults={"holder": holder, "deputy": deputy, "named_by": by, "named_at": clock.now()}
        )
        audit.record(
            actor=audit.actor(by),
            action="roster.named",
            object=f"duty:{duty}",
            reason=reason,
            detail={"holder": holder.pk, "deputy": deputy.pk},
        )
    return row


def candidates(duty: str) -> QuerySet[User]:
    """Active staff with the role of a duty and a verified person."""
    role = Roster.ROLES[Roster.Duty(duty)]
    users = User.objects.filter(is_active=True, roles__contains=[role], person_index__isnull=False)
    return users.order_by("first_name", "pk")


def assignments() -> dict[str, Roster]:
    """The assigned duties by code."""
    return {row.duty: row for row in Roster.objects.select_related("holder", "deputy")}


def is_qualified(user: User, duty: str) -> bool:
    """True if the user still holds the role of the duty and is at work."""
    return user.has_role(Roster.ROLES[Roster.Duty(duty)])
