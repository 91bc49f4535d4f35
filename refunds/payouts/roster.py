"""Who does each duty of a cut-off, and who stands in (DESIGN 9). Naming somebody gives no right: roles do."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.models.batches import Roster
from refunds.payouts.service import Refused, _actor, _reason


def name(*, duty: str, holder: User, deputy: User, by: User, reason: str) -> Roster:
    """Name the holder of a duty and the deputy: two people who both hold its role. Whoever freezes and their deputy
    must leave somebody who may approve. Raises Refused: ROLE, REASON, UNFIT, SAME_PERSON."""
    if not by.has_role("administrator"):
        raise Refused("ROLE", _("관리자만 담당을 정할 수 있습니다."))
    reason = _reason(reason)
    role = Roster.ROLES[Roster.Duty(duty)]
    for person in (holder, deputy):
        if not person.has_role(role) or not person.person_index:
            raise Refused("UNFIT", _("이 업무의 역할이 있고 본인 확인을 마친 사람만 정할 수 있습니다."))
    if bytes(holder.person_index or b"") == bytes(deputy.person_index or b""):
        raise Refused("SAME_PERSON", _("담당과 대리는 서로 다른 사람이어야 합니다."))
    with transaction.atomic():
        other = {"FREEZE": "APPROVE", "APPROVE": "FREEZE"}.get(duty)
        facing = Roster.objects.select_related("holder").filter(duty=other).first() if other else None
        if facing and bytes(facing.holder.person_index or b"") == bytes(holder.person_index or b""):
            raise Refused("SAME_PERSON", _("확정 담당과 승인 담당은 서로 다른 사람이어야 합니다."))
        row, _made = Roster.objects.update_or_create(
            duty=duty, defaults={"holder": holder, "deputy": deputy, "named_by": by, "named_at": clock.now()}
        )
        audit.record(
            actor=_actor(by),
            action="roster.named",
            object=f"duty:{duty}",
            reason=reason,
            detail={"holder": holder.pk, "deputy": deputy.pk},
        )
    return row


def candidates(duty: str) -> QuerySet[User]:
    """Who may be named for a duty."""
    role = Roster.ROLES[Roster.Duty(duty)]
    found = User.objects.filter(is_active=True, roles__contains=[role], person_index__isnull=False)
    return found.order_by("first_name", "pk")


def named() -> dict[str, Roster]:
    """The duties somebody is named for."""
    return {row.duty: row for row in Roster.objects.select_related("holder", "deputy")}


def fit(user: User, duty: str) -> bool:
    """Whether somebody who was named can still do it: at work and holding the role."""
    return user.has_role(Roster.ROLES[Roster.Duty(duty)])
