"""The record in monthly parts: made ahead, removed after two years when sealed, and the proof of what is left."""

import datetime as dt
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from kt_remedy.audit import chain, heads, parts
from kt_remedy.audit import service as audit
from kt_remedy.audit.models import AuditEntry, AuditSeal, AuditSubject, LookQuestion, MonthlyReview
from kt_remedy.core import clock
from tests.audit.test_chain import owner_without_triggers, run_as
from tests.owner import as_owner

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = (dt.date(2026, month, 1) for month in (1, 2, 3))


def look(n: int) -> AuditEntry:
    return audit.record(actor="staff:1", action="customer.searched", object="x", subject=f"C{n}", reason="문의")


@pytest.fixture
def three_months(at) -> list[AuditEntry]:
    """Two sealed looks in each of January, February and March 2026, and a head given out in each."""
    entries = []
    for month in (1, 2, 3):
        at(f"2026-0{month}-20T10:00+09:00")
        entries += [look(month * 10), look(month * 10 + 1)]
        heads.give()
    return entries


def run(call):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return call()


def rows_in(table: str) -> int:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def test_parts_are_made_ahead_and_empty_the_rest(three_months, settings):
    assert (parts.months(), parts.missing()) == ([], [])
    settings.DEVELOPMENT = False
    assert parts.missing() == ["audit:parts"]
    assert rows_in("audit_entry_rest") == 6
    made = run(parts.make)
    assert (made[0], made[-1], len(made)) == (JANUARY, dt.date(2027, 3, 1), 15)
    assert run(parts.make) == []
    assert parts.missing() == []
    assert [rows_in(f"audit_{name}") for name in ("entry_rest", "subject_rest", "entry_2026_01")] == [0, 0, 2]
    assert chain.verify(heads.stored()).faults == []
    entry = look(99)
    assert rows_in("audit_entry_2026_03") == 3
    assert AuditEntry.objects.get(pk=entry.pk).reason == "문의"


@pytest.mark.parametrize("sql", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("part", ["audit_entry_2026_01", "audit_entry_rest"])
def test_the_owner_is_stopped_at_each_part(at, three_months, part, sql):
    run(parts.make)
    at("2030-01-20T10:00+09:00")
    look(1)  # a month without a part
    with pytest.raises(DatabaseError, match=r"Cannot update or delete|never emptied"):
        run_as("remedy_migrate", sql.format(part))
    with pytest.raises(DatabaseError, match="permission denied"):
        run_as("remedy_worker", f"SELECT count(*) FROM {part}")


@pytest.mark.parametrize(("now", "gone"), [("2028-01-31", []), ("2028-02-01", [JANUARY]), ("2028-03-05", [1, 2])])
def test_a_part_goes_after_two_years_and_the_rest_is_still_proven(at, three_months, now, gone):
    run(parts.make)
    at(f"{now}T10:00+09:00")
    removed = run(parts.remove)
    assert len(removed) == len(gone)
    assert AuditEntry.objects.filter(action="customer.searched").count() == 6 - 2 * len(gone)
    assert AuditSubject.objects.count() == 6 - 2 * len(gone)
    proof = chain.verify(heads.stored())
    assert proof.faults == []
    assert proof.entries == 6 + len(gone)
    look(7)
    call_command("verify_audit")


def test_the_ranges_of_a_removed_removal_are_told_on(at, three_months):
    run(parts.make)
    at("2028-02-01T10:00+09:00")
    run(parts.remove)
    at("2030-06-01T10:00+09:00")
    look(1)
    run(parts.make)
    assert run(parts.remove)[-1] == FEBRUARY.replace(year=2028)
    while chain.seal_entries():
        pass
    assert chain.verify(heads.stored()).faults == []


def test_a_part_waits_for_its_seals_and_for_young_questions(at, three_months):
    late = look(5)
    run(parts.make)
    at("2027-06-01T10:00+09:00")
    question = LookQuestion.objects.create(
        id=uuid.uuid4(),
        entry=three_months[0],
        customer="C10",
        kind="WHY",
        person_index=b"1" * 32,
        asked_at=clock.now(),
        answer_by=clock.today(),
    )
    at("2028-06-01T10:00+09:00")
    removed = run(parts.remove)
    assert (removed[0], MARCH in removed) == (FEBRUARY, False), "January has a question, March an entry without a seal"
    chain.seal_entries()
    assert late.pk
    question.answer, question.answered_at, question.answered_by = "x", clock.now(), "staff:2"
    question.save()
    assert run(parts.remove) == [MARCH]
    at("2029-07-01T10:00+09:00")
    assert run(parts.remove)[0] == JANUARY
    assert not LookQuestion.objects.exists()
    assert chain.verify(heads.stored()).faults == []


def test_reviews_go_with_their_month(at, three_months):
    run(parts.make)
    for month in (JANUARY, FEBRUARY):
        review = MonthlyReview(month=month, figures={}, digest="", signed_by="staff:2", signed_at=clock.now())
        review.words = "x"
        review.save()
    at("2028-02-01T10:00+09:00")
    run(parts.remove)
    assert [review.month for review in MonthlyReview.objects.all()] == [FEBRUARY]


def test_nothing_is_removed_from_a_chain_that_does_not_hold(at, three_months):
    run(parts.make)
    at("2028-06-01T10:00+09:00")
    owner_without_triggers(f"UPDATE audit_entry SET actor = 'x' WHERE id = {three_months[1].pk}")
    with pytest.raises(CommandError, match="Nothing was removed: entry 2 of the chain"):
        run(lambda: call_command("audit_parts"))
    assert AuditEntry.objects.filter(action="customer.searched").count() == 6


# What the owner of the tables could write to hide entries.
FORGED = {
    "too early": ({"month": "2026-03-01"}, "2026-03 of the record was removed before its period was over"),
    "under another month": ({"month": "2024-01-01"}, "was removed as one of 2024-01"),
    "with a gap": ({"month": "2024-01-01", "cut": 1}, "entry 5 of the chain is missing"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_entries_that_go_under_a_false_removal_are_found(three_months, forged):
    change, named = FORGED[forged]
    ends = AuditSeal.objects.get(position=5)
    ranges = [[1, 5 - change.get("cut", 0), bytes(ends.digest).hex()]]
    hidden = [entry.pk for entry in three_months[:5]]
    for table, column in (("audit_subject", "entry_id"), ("audit_seal", "entry_id"), ("audit_entry", "id")):
        owner_without_triggers(f"DELETE FROM {table} WHERE {column} = ANY(ARRAY{hidden})")
    detail = {"month": change["month"], "ranges": ranges}
    audit.record(actor="system", action=chain.REMOVED, object="audit:x", detail=detail)
    with pytest.raises(CommandError, match="does not hold") as found:
        call_command("verify_audit")
    assert named in str(found.value)


def test_the_command_says_what_it_made(three_months, capsys):
    run(lambda: call_command("audit_parts"))
    said = capsys.readouterr().out
    assert "15 made: 2026-01, " in said
    assert "0 removed: none" in said
