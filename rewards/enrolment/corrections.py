"""Corrections of monthly grants: a later delivery told what was true on the first day of the month (D-67).

After each delivery the grants of every month are compared with the register, in shards. A line that should have had the
month is granted after the fact, once two people have approved the correction. A grant that was wrong is noted and not
taken back.
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min, Q
from django.utils.translation import gettext_lazy as _

from eligibility.models import Customer, Feed
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, errors
from kt_remedy.core.programme import Perk
from kt_remedy.core.templatetags.remedy import kmonth
from kt_remedy.notices import service as notices
from kt_remedy.notices.models import Message
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from rewards import providers, service
from rewards.enrolment import shards
from rewards.models import CorrectedLine, GrantCorrection, Shard
from rewards.perks import holders
from rewards.templatetags.perks import perk_name

State = GrantCorrection.State
NOTICE = "rewards.granted_late"
# Lines of a correction in one shard, which becomes one file for the provider.
SHARD_LINES = 10_000

# The state that the grant of a line should have, or null if nothing proves one. The day of a termination is exact. The
# status is that of the day by which the month was granted, as the register knows it now, because a delivery may tell
# the same day again; the status of a later day proves nothing about the first of the month.
_JUDGED = """
    SELECT g.contract_no, g.state AS was, {columns}
           CASE WHEN l.terminated_on < g.month THEN 'TERMINATED'
                WHEN l.as_of <= s.day AND l.status = ANY(%(skipped)s) THEN 'SUSPENDED'
                WHEN l.as_of <= s.day THEN 'GRANTED'
                WHEN h.status IS NULL OR h.status = 'TERMINATED' AND l.status = ANY(%(skipped)s) THEN NULL
                WHEN h.status = ANY(%(skipped)s) THEN 'SUSPENDED'
                ELSE 'GRANTED' END AS should
    FROM {source} g JOIN eligibility_line l USING (contract_no)
    JOIN (SELECT from_contract, to_contract, coalesce(as_of, month) AS day FROM rewards_shard
          WHERE kind = 'GRANT' AND perk = %(perk)s AND month = %(month)s {own}) s
      ON g.contract_no >= s.from_contract AND (s.to_contract = '' OR g.contract_no < s.to_contract)
    LEFT JOIN LATERAL (SELECT old.status FROM eligibility_line_history old
                       WHERE l.as_of > s.day AND old.contract_no = l.contract_no AND old.as_of <= s.day
                       ORDER BY old.replaced_at DESC, old.id DESC LIMIT 1) h ON true
    WHERE g.month = %(month)s AND g.perk = %(perk)s
      AND g.contract_no >= %(from)s AND (%(to)s = '' OR g.contract_no < %(to)s)
      AND l.contract_no >= %(from)s AND (%(to)s = '' OR l.contract_no < %(to)s)
"""
_FIND = f"""
INSERT INTO rewards_correctedline (correction_id, perk, month, contract_no, kind, result)
SELECT %(correction)s, %(perk)s, %(month)s, contract_no, CASE WHEN was = 'GRANTED' THEN 'WRONG' ELSE 'MISSED' END, ''
FROM ({_JUDGED.format(columns="", source="rewards_grant", own="AND from_contract = %(from)s")}) AS judged
WHERE (was = 'GRANTED') <> (should = 'GRANTED')
ORDER BY contract_no
ON CONFLICT DO NOTHING
"""  # noqa: S608  (constants of this module; values are parameters)
_SOURCE = """(SELECT c.correction_id, c.kind, g.* FROM rewards_correctedline c
              JOIN rewards_grant g USING (month, perk, contract_no)
              WHERE c.correction_id = %(correction)s AND c.result = '')"""
_CORRECT = f"""
WITH judged AS MATERIALIZED (
{_JUDGED.format(columns="g.kind,", source=_SOURCE, own="")}
), granted AS (
    UPDATE rewards_grant g SET state = 'GRANTED' FROM judged j
    WHERE g.month = %(month)s AND g.perk = %(perk)s AND g.contract_no = j.contract_no
      AND j.kind = 'MISSED' AND j.should = 'GRANTED' AND g.state <> 'GRANTED'
    RETURNING g.contract_no
), written AS (
    UPDATE rewards_correctedline c
    SET result = CASE WHEN j.kind = 'WRONG' AND j.should <> 'GRANTED' THEN varchar(7) 'NOTED'
                      WHEN j.kind = 'MISSED' AND EXISTS (SELECT FROM granted d WHERE d.contract_no = j.contract_no)
                          THEN varchar(7) 'GRANTED'
                      ELSE varchar(7) 'CHANGED' END
    FROM judged j
    WHERE c.correction_id = %(correction)s AND c.contract_no = j.contract_no AND c.kind = j.kind
    RETURNING c.result, j.was
) SELECT result, was, count(*) FROM written GROUP BY result, was
"""  # noqa: S608
# The data belong to the line, so the present holder is told (D-57).
_TOLD = """
    SELECT h.person_index, min(c.contract_no) AS recipient,
           CASE WHEN bool_and(h.holder_kind = 'FOREIGNER') THEN 'en' ELSE 'ko' END AS language
    FROM rewards_correctedline c JOIN eligibility_line l USING (contract_no)
    JOIN eligibility_customer h USING (customer_no)
    WHERE c.correction_id = %(correction)s AND c.result = 'GRANTED' GROUP BY 1
"""


class CorrectionRefused(errors.Refused):
    """An act on a correction that is not possible now; nothing was changed."""

    sentences = {
        "ROLE": _("이 일을 맡은 사람만 할 수 있습니다."),
        "REASON": _("이유를 적어 주세요."),
        "STATE": _("이미 정해진 건입니다."),
        "SAME_PERSON": _("올린 사람은 정할 수 없습니다. 다른 사람이 정해야 합니다."),
    }


def register() -> None:
    """Register the text of the message with the notices."""
    notices.register(
        NOTICE,
        label=_("빠졌던 달의 데이터를 나중에 드렸을 때"),
        text={
            "ko": "{prefix} 빠졌던 달의 데이터를 드렸습니다. 고객 보답에서 보세요. 문의 {hotline}(무료)",
            "en": "{prefix} We added the data of a month that was missing. See Rewards. Call {hotline}",
        },
        sms=True,
        address=number_for,
        subject_name=_subject_name,
    )


def _subject_name(subject: str) -> str:
    """The month of a correction, for the pages of staff."""
    correction = GrantCorrection.objects.filter(pk=subject.removeprefix("correction:")).first()
    return f"{kmonth(correction.month)} {perk_name(correction.perk)}" if correction else subject


def number_for(message: Message) -> str | None:
    """The number of the present holder of a line, or of the contact for a child; None if unknown."""
    return service.message_number(holders.load_holder(bytes(message.person_index))) or None


def sweep() -> int:
    """Compare the granted months with a delivery that came after them, and close what workers left; returns new ones.

    The base must be complete. Safe to run twice: a month is compared once with each delivery.
    """
    for pk in GrantCorrection.objects.filter(state__in=(State.CHECKING, State.APPROVED)).values_list("pk", flat=True):
        close(pk)
    feed = Feed.objects.filter(state=Feed.State.LOADED, finished_at__isnull=False).order_by("-as_of", "-id").first()
    if feed is None:
        return 0
    granted = (
        Shard.objects.filter(kind=Shard.Kind.GRANT)
        .values("perk", "month")
        .annotate(open=Count("id", filter=Q(done_at=None)), first=Min("done_at"))
        .filter(open=0, first__lt=feed.finished_at)
        .order_by("month", "perk")
    )
    new = 0
    for perk, month in ((row["perk"], row["month"]) for row in granted if row["month"]):
        with transaction.atomic():
            correction, created = GrantCorrection.objects.get_or_create(
                perk=perk, month=month, feed=feed, defaults={"found_at": clock.now()}
            )
            if created:
                shards.plan_from_base(Shard.Kind.CHECK, perk=perk, month=month, correction=correction)
                new += 1
    return new


def compare(shard: Shard, perk: Perk) -> int:
    """Find the lines of a shard whose grant differs from the register; returns their number. A second run adds none."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not shards.begin(cursor, shard):
            return 0
        cursor.execute(_FIND, _params(shard, perk))
        found = cursor.rowcount
        shards.finish(shard, rows=found, counts={})
    return found


def carry_out(shard: Shard, perk: Perk) -> int:
    """Correct the lines of a shard and create its file; returns the number of lines granted after the fact.

    Each line is judged again, and one that has changed meanwhile is left alone. A second run changes nothing.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not shards.begin(cursor, shard):
            return 0
        cursor.execute(_CORRECT, _params(shard, perk))
        counts: dict[str, int] = {}
        rows = cursor.fetchall()
        for result, was, number in rows:
            if result == CorrectedLine.Result.GRANTED:
                counts["GRANTED"] = counts.get("GRANTED", 0) + number
                counts[was] = counts.get(was, 0) - number
        if granted := counts.get("GRANTED", 0):
            providers.create_hand_off(shard, perk, rows=granted)
        shards.finish(shard, rows=sum(number for _result, _was, number in rows), counts=counts)
    return granted


def close(correction_id: int) -> None:
    """End the comparison or the work of a correction whose shards are done, once; tell those who were granted."""
    with transaction.atomic():
        correction = GrantCorrection.objects.select_for_update().get(pk=correction_id)
        kind = {State.CHECKING: Shard.Kind.CHECK, State.APPROVED: Shard.Kind.FIX}.get(State(correction.state))
        if kind is None:
            return
        own = correction.shards.filter(kind=kind)
        if own.filter(done_at=None).exists() or not own.exists():
            return
        lines = correction.lines
        if kind == Shard.Kind.CHECK:
            correction.missed = lines.filter(kind=CorrectedLine.Kind.MISSED).count()
            correction.wrong = lines.filter(kind=CorrectedLine.Kind.WRONG).count()
            correction.state = State.FOUND if correction.missed or correction.wrong else State.NOTHING
        else:
            correction.granted = lines.filter(result=CorrectedLine.Result.GRANTED).count()
            correction.state, correction.done_at = State.DONE, clock.now()
            audit.record(
                actor="system",
                action="rewards.correction_done",
                object=f"correction:{correction.pk}",
                detail={"granted": correction.granted},
            )
            if correction.granted:
                notices.queue_all(
                    kind=NOTICE,
                    subject=f"correction:{correction.pk}",
                    select=_TOLD,
                    params={"correction": correction.pk},
                )
        correction.save()


def propose(*, correction_id: int, by: User, reason: str) -> GrantCorrection:
    """Propose a correction that was found or declined. Raises CorrectionRefused: ROLE, REASON, STATE, OWN_CASE."""
    if not by.has_perm("rewards.propose_correction"):
        raise CorrectionRefused("ROLE")
    if not (reason := reason.strip()):
        raise CorrectionRefused("REASON")
    with transaction.atomic():
        correction = _lock(correction_id, by, State.FOUND, State.DECLINED)
        correction.state, correction.reason = State.PROPOSED, reason
        correction.proposed_by, correction.proposed_person = by, by.person_index
        correction.proposed_at = clock.now()
        correction.decided_by = correction.decided_person = correction.decided_at = None
        correction.save()
        _record("rewards.correction_proposed", correction, by, reason)
    return correction


def decide(*, correction_id: int, by: User, approve: bool, reason: str = "") -> GrantCorrection:
    """Approve a proposed correction, whose shards then run, or decline it with a reason; by another person.

    Raises CorrectionRefused: ROLE, REASON, STATE, SAME_PERSON, OWN_CASE.
    """
    if not by.has_perm("rewards.decide_correction"):
        raise CorrectionRefused("ROLE")
    reason = reason.strip()
    if not approve and not reason:
        raise CorrectionRefused("REASON")
    with transaction.atomic():
        correction = _lock(correction_id, by, State.PROPOSED)
        if by.pk == correction.proposed_by_id or by.person_index == correction.proposed_person:
            raise CorrectionRefused("SAME_PERSON")
        correction.state = State.APPROVED if approve else State.DECLINED
        correction.decided_by, correction.decided_person, correction.decided_at = by, by.person_index, clock.now()
        correction.save()
        _record("rewards.correction_approved" if approve else "rewards.correction_declined", correction, by, reason)
        if approve:
            own = f"(SELECT contract_no FROM rewards_correctedline WHERE correction_id = {correction.pk:d}) AS own"  # noqa: S608
            shards.plan(
                Shard.Kind.FIX,
                table=own,
                rows=SHARD_LINES,
                perk=correction.perk,
                month=correction.month,
                correction=correction,
            )
    return correction


def _lock(correction_id: int, by: User, *states: str) -> GrantCorrection:
    """The locked correction in one of these states. Raises CorrectionRefused: STATE, OWN_CASE."""
    correction = GrantCorrection.objects.select_for_update(of=("self",)).filter(pk=correction_id).first()
    if correction is None or correction.state not in states:
        raise CorrectionRefused("STATE")
    own = Customer.objects.filter(
        person_index__in=household.persons(by), lines__pk__in=correction.lines.values("contract_no")
    ).first()
    if own is not None or not by.person_index:
        raise CorrectionRefused("OWN_CASE", household.closed_sentence(by, own.person_index if own else b""))
    return correction


def _params(shard: Shard, perk: Perk) -> dict[str, Any]:
    return {
        "correction": shard.correction_id,
        "perk": perk.code,
        "month": shard.month,
        "skipped": [] if perk.skipped_once else list(perk.skipped_while),
        "from": shard.from_contract,
        "to": shard.to_contract,
    }


def _record(action: str, correction: GrantCorrection, by: User, reason: str) -> None:
    audit.record(
        actor=audit.actor(by),
        action=action,
        object=f"correction:{correction.pk}",
        reason=reason,
        detail={"missed": correction.missed, "wrong": correction.wrong},
    )
