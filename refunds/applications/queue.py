"""The queue of the reviewers: the next case, and parking, asking a supervisor and giving back.

The rows of `ReviewCase` come and go with the states (triggers). Here they get their kind and day, and are handed out:
the earliest promised answer day first, never one that the person may not decide. Indexes alone are read for that.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db import connection, connections, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, grants
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from refunds import calendar
from refunds.applications.facts import SHARED_ACCOUNT, VERDICT_CHANGED
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Lateness
from refunds.models.reviews import ReviewCase
from refunds.models.states import Status
from refunds.promise import service as promise
from refunds.promise.facts import DayKind
from refunds.promise.rules import REVIEW_DAYS

# A case is held for one reviewer this long without an act (D-82).
CASE_LEASE = dt.timedelta(minutes=20)
# The latest day to which a case is put off whose answer is due now, in business days.
PARK_DAYS = 3
NEW_AT_ONCE = 500

Kind, Level = ReviewCase.Kind, ReviewCase.Level

_BY_REASON = {
    "REVIEW_NAME_TRANSFER": Kind.TRANSFER,
    "REVIEW_AUTO_RENEWAL": Kind.RENEWAL,
    "REVIEW_PORT_DELAY": Kind.PORT,
    "REVIEW_UNKNOWN_ITEM": Kind.ITEM,
}
_FUNCTION = Path(__file__).with_name("next_case.sql")


def make_functions(using: str, **signal: Any) -> None:
    """Make the functions that choose the next case, after every migration."""
    if not grants.is_migrated(using, signal):
        return
    for name, kind in (("next_case", ""), ("next_case_of_kind", "AND c.kind = wanted")):
        with connections[using].cursor() as cursor:
            cursor.execute(_FUNCTION.read_text(encoding="utf-8").format(name=name, kind=kind))


def kind_of(row: Application) -> ReviewCase.Kind:
    """The kind of case that an application makes, by the question it leaves to a person."""
    if row.flag == VERDICT_CHANGED and row.status == Status.APPROVED:
        return Kind.CHANGED
    if row.status == Status.LATE and row.lateness != Lateness.IN_TIME:
        return Kind.EXTENDED if row.lateness == Lateness.EXTENDED else Kind.LATE
    if row.line.effective_outcome == "REVIEW":
        return next((_BY_REASON[code] for code in row.line.reason_codes if code in _BY_REASON), Kind.VERDICT)
    if row.line.effective_outcome != "ELIGIBLE":
        return Kind.VERDICT
    if row.account.is_offline:
        return Kind.OFFLINE
    if row.account.holder_check.is_for_reviewer:
        return Kind.HOLDER
    if row.filing.representation != "SELF":
        return Kind.REPRESENTED
    if row.flag == SHARED_ACCOUNT:
        return Kind.SHARED
    return Kind.SAMPLE if row.qa_sample and not row.reviewed else Kind.AGAIN


def describe_new() -> int:
    """Give new cases their kind, their day and the people who may decide them; returns how many.

    One describes at a time and the others wait: skipping would tell them that nothing is left, and waiting for the
    rows would lock them while somebody takes the next.
    """
    if not ReviewCase.objects.filter(kind="").exists():
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('refunds_case.describe', 0))")
        rows = list(
            ReviewCase.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(kind="")
            .select_related("application__filing", "application__line", "application__account__holder_check")
            .order_by("id")[:NEW_AT_ONCE]
        )
        promises = promise.by_ids([row.application_id for row in rows if row.application_id])
        for row in rows:
            assert row.application is not None
            row.kind = kind_of(row.application)
            late = row.kind == Kind.LATE and not row.application.reviewed
            row.level = Level.SUPERVISOR if late else Level.REVIEWER
            made = promises[row.application.pk]
            answers = made.kind == DayKind.ANSWER and made.day is not None
            counted = calendar.business_days_after(clock.kst_date(row.opened_at), REVIEW_DAYS)
            row.due_on = made.values.get("passed", made.day) if answers else counted
        ReviewCase.objects.bulk_update(rows, ["kind", "level", "due_on"])
    return len(rows)


def levels_of(user: User) -> list[str]:
    """The levels of cases that a member of staff decides or answers."""
    levels: list[str] = [Level.SUPERVISOR] if user.has_perm("refunds.review_hardship") else []
    return [*levels, Level.REVIEWER] if user.has_perm("refunds.review_application") else levels


def take_next(*, reviewer: User, kind: str = "", other_than: Iterable[int] = ()) -> ReviewCase | None:
    """Hand out the next case and hold it for the reviewer for `CASE_LEASE`; None if there is none.

    Each call hands out another case: one that somebody holds is not free, and those that this reviewer gave back come
    last. `other_than` are ids of cases that are not handed out. SKIP LOCKED: two people never get the same one.
    """
    while describe_new():
        pass
    if not (reviewer.person_index and levels_of(reviewer)):  # every case is closed to them (D-90)
        return None
    statement, figures = next_statement(reviewer, kind=kind, other_than=other_than)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, figures)
        [found] = cursor.fetchone()
        return _hold(ReviewCase.objects.get(pk=found), reviewer) if found is not None else None


def next_statement(reviewer: User, *, kind: str = "", other_than: Iterable[int] = ()) -> tuple[str, dict[str, Any]]:
    """The statement that chooses and locks the next case, and its figures."""
    figures = {
        "levels": levels_of(reviewer),
        "kind": kind,
        "today": clock.today(),
        "user": reviewer.pk,
        "closed": list(household.persons(reviewer)),
        "except": list(other_than),
    }
    name = "next_case_of_kind" if kind else "next_case"
    arguments = "%(levels)s::text[], %(kind)s, %(today)s, %(user)s, %(closed)s::bytea[], %(except)s::bigint[]"
    return f"SELECT {name}({arguments})", figures


def _hold(row: ReviewCase, reviewer: User) -> ReviewCase:
    row.holder, row.held_until = reviewer, wall() + CASE_LEASE
    row.save(update_fields=["holder", "held_until"])
    return row


def renew(case: ReviewCase, reviewer: User) -> None:
    """Hold a case again from now for the reviewer who acts on it; nothing where another person holds it."""
    free = Q(holder=None) | Q(held_until__lt=wall()) | Q(holder=reviewer)
    ReviewCase.objects.filter(free, pk=case.pk, level__in=levels_of(reviewer)).update(
        holder=reviewer, held_until=wall() + CASE_LEASE
    )


def wall() -> dt.datetime:
    """The wall clock, by which leases end."""
    return dt.datetime.now(dt.UTC)


def waiting() -> QuerySet[Application]:
    """Applications that wait for a reviewer or supervisor, the earliest promised answer first."""
    describe_new()
    return (
        Application.objects.filter(review_case__isnull=False)
        .select_related("filing", "line__customer", "account__holder_check", "review_case__holder")
        .order_by("review_case__due_on", "review_case__id")
    )


def counts(user: User) -> dict[str, Counter[str]]:
    """How many cases of the user's levels wait, by kind and age: late, today, tomorrow (the next business day), later.

    A kind "" sums all.
    """
    describe_new()
    today = clock.today()
    following = calendar.business_days_after(today, 1)
    found: dict[str, Counter[str]] = {"": Counter()}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, CASE WHEN due_on < %(today)s THEN 'late' WHEN due_on = %(today)s THEN 'today'
                              WHEN due_on <= %(following)s THEN 'tomorrow' ELSE 'later' END, count(*)
            FROM refunds_case WHERE level = ANY(%(levels)s) AND kind <> '' GROUP BY 1, 2
            """,
            {"today": today, "following": following, "levels": levels_of(user)},
        )
        for kind, age, count in cursor.fetchall():
            for key in (kind, ""):
                found.setdefault(key, Counter())[age] += count
                found[key]["all"] += count
    return found


def count_for(user: User) -> int:
    """The number of cases of the user's levels."""
    return ReviewCase.objects.filter(level__in=levels_of(user)).count()


# Putting a case aside -------------------------------------------------------------------------------------------


def park_until_at_most(row: ReviewCase) -> dt.date:
    """The last day to which a case may be put off: its promised answer day, or a few business days if that is near."""
    soon = calendar.business_days_after(clock.today(), PARK_DAYS)
    return max(row.due_on or soon, soon)


def park(*, case_id: int, reviewer: User, until: dt.date, note: str) -> None:
    """Put a case off until a day: nobody is handed it before. Raises Refused: UNKNOWN, ROLE, TAKEN, DAY, WORDS."""
    if not note.strip():
        raise Refused("WORDS", _("무엇을 기다리는지 적어 주세요"))
    with transaction.atomic():
        row = _mine(case_id, reviewer)
        if not clock.today() < until <= park_until_at_most(row):
            raise Refused("DAY", _("내일부터, 알려 드리기로 한 날까지 가운데 골라 주세요"))
        row.parked_until, row.kept_for, row.kept_until, row.note = until, reviewer, until, note.strip()
        _let_go(row, "application.parked", reviewer, detail={"until": until.isoformat()})


def ask(*, case_id: int, reviewer: User, question: str) -> None:
    """Give a case to the supervisors with a question. Raises Refused: UNKNOWN, ROLE, TAKEN, WORDS, STATE."""
    if not question.strip():
        raise Refused("WORDS", _("심사 책임자에게 물을 것을 적어 주세요"))
    with transaction.atomic():
        row = _mine(case_id, reviewer)
        if row.level != Level.REVIEWER:
            raise Refused("STATE", _("이미 심사 책임자에게 있는 건입니다."))
        row.level, row.asked_by, row.asked_at, row.question = Level.SUPERVISOR, reviewer, clock.now(), question.strip()
        row.answer, row.answered_by, row.given_back_by = "", None, []
        row.parked_until = row.kept_for = row.kept_until = None
        _let_go(row, "application.escalated", reviewer)


def answer(*, case_id: int, supervisor: User, words: str) -> None:
    """Answer the question of a reviewer, who gets the case back first. Raises Refused: UNKNOWN, ROLE, TAKEN, WORDS,
    STATE (nobody asked)."""
    if not words.strip():
        raise Refused("WORDS", _("답을 적어 주세요"))
    with transaction.atomic():
        row = _mine(case_id, supervisor)
        if row.level != Level.SUPERVISOR or row.asked_by is None:
            raise Refused("STATE", _("답을 기다리는 물음이 없습니다."))
        row.level, row.answer, row.answered_by = Level.REVIEWER, words.strip(), supervisor
        row.kept_for, row.kept_until = row.asked_by, calendar.business_days_after(clock.today(), 1)
        _let_go(row, "application.question_answered", supervisor)


def give_back(*, case_id: int, reviewer: User) -> None:
    """Let a case go, so that another reviewer gets it; this one gets it last. Raises Refused: UNKNOWN, ROLE, TAKEN."""
    with transaction.atomic():
        row = _mine(case_id, reviewer)
        if reviewer.pk not in row.given_back_by:
            row.given_back_by = [*row.given_back_by, reviewer.pk]
        _let_go(row, "application.given_back", reviewer)


def release(*, application_id: int, supervisor: User) -> None:
    """Take a case from its reviewer, so that another can take it. Raises Refused: UNKNOWN, ROLE."""
    if not supervisor.has_perm("refunds.release_case"):
        raise Refused("ROLE", _("심사 책임자만 할 수 있습니다."))
    with transaction.atomic():
        row = ReviewCase.objects.select_for_update().filter(application=application_id).first()
        if row is None:
            raise Refused("UNKNOWN", _("신청을 찾을 수 없습니다."))
        before = row.holder_id or row.kept_for_id
        row.parked_until = row.kept_for = row.kept_until = None
        _let_go(row, "application.released", supervisor, detail={"from": before})


def pass_on(user: User) -> int:
    """Free the cases that somebody who leaves holds, parked or asked about; returns how many."""
    rows = ReviewCase.objects.filter(Q(holder=user) | Q(kept_for=user))
    return rows.update(holder=None, held_until=None, kept_for=None, kept_until=None, parked_until=None)


def is_held_by_other(row: ReviewCase, user: User) -> bool:
    """True while another person looks at the case."""
    return row.holder_id not in {None, user.pk} and row.held_until is not None and row.held_until > wall()


def _mine(case_id: int, user: User) -> ReviewCase:
    row = ReviewCase.objects.select_for_update().filter(pk=case_id).first()
    if row is None:
        raise Refused("UNKNOWN", _("이미 다른 상태로 바뀐 신청입니다."))
    if row.level not in levels_of(user):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if is_held_by_other(row, user):
        raise Refused("TAKEN", _("다른 심사자가 보고 있는 신청입니다."))
    return row


def _let_go(row: ReviewCase, action: str, user: User, *, detail: dict | None = None) -> None:
    row.holder, row.held_until = None, None
    row.save()
    line = row.application.line if row.application else row.objection.line  # type: ignore[union-attr]
    audit.record(
        actor=audit.actor(user),
        action=action,
        object=f"application:{row.application_id}" if row.application_id else f"objection:{row.objection_id}",
        subject=line.customer_id,
        detail=detail,
    )
