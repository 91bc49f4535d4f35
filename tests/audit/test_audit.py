"""The audit: append-only, sealed after commit, verifiable."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from kt_remedy.audit import chain
from kt_remedy.audit import service as audit
from kt_remedy.audit.models import AuditEntry, AuditSeal
from tests.conftest import ROOT
from tests.owner import as_owner

pytestmark = pytest.mark.django_db


def act(number: int) -> AuditEntry:
    return audit.record(
        actor="staff:1", action="line.viewed", object=f"line:{number}", subject="C1", detail={"이유": "전화"}
    )


def raw(sql: str) -> None:
    """Execute SQL without the triggers, as an owner of the database could."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER; ALTER TABLE audit_seal DISABLE TRIGGER USER")
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER; ALTER TABLE audit_seal ENABLE TRIGGER USER")


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("change", [{"reason": "x"}, {"subject": "C2"}, {"detail": {}}])
def test_entries_cannot_be_changed(linked, change):
    act(1)
    if linked:
        chain.seal_entries()
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(), as_owner():
        AuditEntry.objects.update(**change)


def test_neither_entries_nor_seals_are_deleted_and_no_seal_is_changed():
    entry = act(1)
    chain.seal_entries()
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(), as_owner():
        AuditEntry.objects.filter(pk=entry.pk)._raw_delete("default")
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(), as_owner():
        AuditSeal.objects.all()._raw_delete("default")
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(), as_owner():
        AuditSeal.objects.update(position=9)


def test_even_the_owner_does_not_empty_the_record():
    act(1)
    chain.seal_entries()
    raw("SELECT")  # no deferred check may be pending, because it would refuse as well
    for tables in ("audit_seal", "audit_entry, audit_subject, audit_seal, audit_mark, audit_question"):
        refused = pytest.raises(DatabaseError, match="never emptied")
        with refused, transaction.atomic(), as_owner(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {tables}")
    assert chain.verify().entries == 1


def test_the_chain_links_each_entry_once_and_holds():
    for number in range(5):
        act(number)
    assert chain.seal_entries(limit=3) == 3
    assert chain.seal_entries() == 2
    assert chain.seal_entries() == 0
    proof = chain.verify()
    assert (proof.entries, proof.unlinked, proof.faults) == (5, 0, [])


def test_an_act_that_commits_long_after_the_acts_behind_it_is_sealed_by_the_look_at_all(monkeypatch):
    monkeypatch.setattr(chain, "_LOOK_BACK", 2)
    late = act(0)
    raw(f"UPDATE audit_entry SET id = id + 1000000 WHERE id = {late.pk}")  # not committed yet, as the chain sees it
    for number in range(1, 6):
        act(number)
    chain.seal_entries(limit=5)
    raw(f"UPDATE audit_entry SET id = {late.pk} WHERE id = {late.pk + 1000000}")
    assert chain.seal_entries() == 0
    assert chain.verify().unlinked == 1
    assert chain.seal_entries(everything=True) == 1
    assert (chain.verify().unlinked, chain.verify().faults) == (0, [])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entry SET reason = 'other' WHERE id = (SELECT entry_id FROM audit_seal WHERE position = 2)",
        "UPDATE audit_entry SET detail = '{}' WHERE id = (SELECT entry_id FROM audit_seal WHERE position = 2)",
        "WITH gone AS (DELETE FROM audit_seal WHERE position = 2 RETURNING entry_id)"
        " DELETE FROM audit_entry USING gone WHERE id = entry_id",
        "UPDATE audit_seal SET position = -position WHERE position IN (2, 3);"
        "UPDATE audit_seal SET position = 5 + position WHERE position < 0",
    ],
    ids=["changed", "detail changed", "removed", "two exchanged"],
)
def test_a_change_behind_the_triggers_is_found(sql):
    for number in range(4):
        act(number)
    chain.seal_entries()
    raw(sql)
    assert "entry 2 of the chain" in chain.verify().faults[0]


def test_a_cut_end_is_found_by_a_head_written_down():
    for number in range(4):
        act(number)
    chain.seal_entries()
    head = chain.end()
    assert chain.verify([head]).faults == []
    raw(
        "WITH gone AS (DELETE FROM audit_seal WHERE position > 2 RETURNING entry_id)"
        " DELETE FROM audit_entry USING gone WHERE id = entry_id"
    )
    assert chain.verify().faults == []
    assert "cut off" in chain.verify([head]).faults[0]


def test_an_entry_and_its_act_stand_or_fall_together():
    with transaction.atomic():
        act(1)
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == 0


def test_one_function_says_how_the_record_names_staff():
    written = [
        str(path.relative_to(ROOT))
        for package in ("kt_remedy", "eligibility", "refunds", "rewards")
        for path in (ROOT / package).rglob("*.py")
        if 'f"staff:{' in path.read_text(encoding="utf-8")
    ]
    assert written == ["kt_remedy/audit/service.py"]
