"""Lines told late: in service on the base date, as was told after the base was recorded; two people add them.

They were opened and told late (D-77), or the base left them out by a fact that billing has corrected (D-111).
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility import service as eligibility
from eligibility.models import Customer, HolderKind, Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, errors, programme
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import service as notices
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from rewards import service
from rewards.enrolment import base
from rewards.models import BaseAddition, BaseLine, PerkCount
from rewards.perks import holders

# The same rule as `base.why_of`, by the register as it is now.
_BELONGS = """l.opened_on <= %(base)s AND (l.terminated_on IS NULL OR l.terminated_on > %(base)s)
      AND l.network <> ALL(%(networks)s)"""
_FIND = f"""
INSERT INTO rewards_baseaddition (contract_no, state, was, found_at, reason)
SELECT l.contract_no, 'FOUND', coalesce(b.why, ''), %(now)s, ''
FROM eligibility_line l LEFT JOIN rewards_baseline b USING (contract_no)
WHERE {_BELONGS} AND (b.why IS NULL OR b.why <> 'IN_SERVICE')
ON CONFLICT (contract_no) DO UPDATE SET state = 'FOUND', was = excluded.was, found_at = excluded.found_at
WHERE rewards_baseaddition.state = 'LAPSED'
"""  # noqa: S608  (constants of this module; values are parameters)
_LAPSE = f"""
UPDATE rewards_baseaddition a SET state = 'LAPSED', reason = '', proposed_by_id = NULL, proposed_person = NULL,
       proposed_at = NULL
WHERE a.state IN ('FOUND', 'PROPOSED')
  AND NOT EXISTS (SELECT FROM eligibility_line l WHERE l.contract_no = a.contract_no AND {_BELONGS})
"""  # noqa: S608


class AdditionRefused(errors.Refused):
    """An addition to the base that is not possible now; nothing was changed."""

    sentences = {
        "ROLE": _("이 일을 맡은 사람만 할 수 있습니다."),
        "REASON": _("이유를 적어 주세요."),
        "STATE": _("이미 정해진 건입니다."),
        "SAME_PERSON": _("올린 사람은 정할 수 없습니다. 다른 사람이 정해야 합니다."),
        "NOT_LATE": _("지금 데이터로는 더할 수 없는 회선입니다. 개통일과 해지일을 확인해 주세요."),
    }


def find() -> int:
    """Record the lines told late that nobody has found yet; returns their number. The base must be complete.

    A line that waits and that a later delivery takes back lapses, until another one tells it again.
    """
    if not base.is_complete():
        return 0
    rules = programme.current().rewards
    values: dict[str, Any] = {"now": clock.now(), "base": rules.base_date, "networks": list(rules.excluded_networks)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15min'")
        cursor.execute(_LAPSE, values)
        cursor.execute(_FIND, values)
        return cursor.rowcount


def find_results(_job: Any) -> schedule.TaskResult:
    """Periodic task: find lines told late. Safe to run twice."""
    found = find()
    return schedule.result_message(gettext_noop("늦게 전해진 회선 %(n)s개"), n=found) if found else None


def propose(*, contract_no: str, by: User, reason: str) -> BaseAddition:
    """Propose to add a line told late. Raises AdditionRefused: ROLE, REASON, STATE, OWN_CASE, NOT_LATE."""
    if not by.has_perm("rewards.propose_addition"):
        raise AdditionRefused("ROLE")
    if not (reason := reason.strip()):
        raise AdditionRefused("REASON")
    with transaction.atomic():
        addition, line = _lock(contract_no, by)
        if addition.state not in (BaseAddition.State.FOUND, BaseAddition.State.DECLINED):
            raise AdditionRefused("STATE")
        addition.state, addition.reason = BaseAddition.State.PROPOSED, reason
        addition.proposed_by, addition.proposed_person, addition.proposed_at = by, by.person_index, clock.now()
        addition.decided_by = addition.decided_person = addition.decided_at = None
        addition.save()
        _record("rewards.addition_proposed", line, by, reason)
    return addition


def decide(*, contract_no: str, by: User, add: bool, reason: str = "") -> BaseAddition:
    """Add a proposed line to the base, with its perks from today on, or decline it with a reason; by another person.

    Past months are not granted again (D-77). The holder of an added line gets a message.
    Raises AdditionRefused: ROLE, REASON, STATE, SAME_PERSON, OWN_CASE, NOT_LATE.
    """
    if not by.has_perm("rewards.decide_addition"):
        raise AdditionRefused("ROLE")
    reason = reason.strip()
    if not add and not reason:
        raise AdditionRefused("REASON")
    with transaction.atomic():
        addition, line = _lock(contract_no, by)
        if addition.state != BaseAddition.State.PROPOSED:
            raise AdditionRefused("STATE")
        if by.pk == addition.proposed_by_id or by.person_index == addition.proposed_person:
            raise AdditionRefused("SAME_PERSON")
        addition.state = BaseAddition.State.ADDED if add else BaseAddition.State.DECLINED
        addition.decided_by, addition.decided_person, addition.decided_at = by, by.person_index, clock.now()
        addition.save()
        _record("rewards.addition_made" if add else "rewards.addition_declined", line, by, reason)
        if add:
            _add(line)
    return addition


def _add(line: Line) -> None:
    """Write the line into the base, or let in the row that the base left out, for its holder on the base date."""
    left_out = BaseLine.objects.filter(pk=line.pk).first()
    holder = Customer.objects.get(pk=left_out.customer_no) if left_out else line.customer
    perks = base.perks_for(programme.current(), line.product, holder.holder_kind == HolderKind.CORPORATE, line.status)
    list(PerkCount.objects.select_for_update().order_by("perk"))  # two lines of one person count the person once
    own = BaseLine.objects.filter(person_index=holder.person_index).values_list("perks", flat=True)
    held = {perk for codes in own for perk in codes}
    let_in = {"why": BaseLine.Why.IN_SERVICE, "perks": perks, "added_on": clock.today()}
    if left_out:
        BaseLine.objects.filter(pk=line.pk).update(**let_in)
    else:
        BaseLine.objects.create(contract_no=line.pk, customer_no=holder.pk, person_index=holder.person_index, **let_in)
    PerkCount.objects.filter(perk__in=perks).update(lines=F("lines") + 1)
    PerkCount.objects.filter(perk__in=set(perks) - held).update(persons=F("persons") + 1)
    notices.queue(
        kind="rewards.added",
        subject=f"line:{line.pk}",
        person=holder.person_index,
        to=service.message_number(holders.load_holder(holder.person_index)),
        language=eligibility.language_of(holder),
    )


def _lock(contract_no: str, by: User) -> tuple[BaseAddition, Line]:
    """The locked addition and its line, which still belongs into the base. Raises AdditionRefused."""
    addition = BaseAddition.objects.select_for_update().filter(pk=contract_no).first()
    line = Line.objects.select_related("customer").filter(pk=contract_no).first()
    if addition is None or line is None:
        raise AdditionRefused("NOT_LATE")
    if household.is_closed(by, line.customer.person_index):
        raise AdditionRefused("OWN_CASE", household.closed_sentence(by, line.customer.person_index))
    why = base.why_of(
        programme.current(), network=line.network, opened_on=line.opened_on, terminated_on=line.terminated_on
    )
    is_open = addition.state != BaseAddition.State.ADDED
    held = BaseLine.objects.filter(pk=contract_no, why=BaseLine.Why.IN_SERVICE)
    if is_open and (why != BaseLine.Why.IN_SERVICE or held.exists()):
        raise AdditionRefused("NOT_LATE")
    return addition, line


def _record(action: str, line: Line, by: User, reason: str) -> None:
    audit.record(
        actor=audit.actor(by), action=action, object=f"line:{line.pk}", subject=line.customer_id, reason=reason
    )
