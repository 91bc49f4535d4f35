"""The record of who did what: only added to, linked after commit, provable."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from kt_remedy.audit import service as audit
from kt_remedy.audit.models import AuditEntry
from tests.conftest import ROOT

pytestmark = pytest.mark.django_db


def act(number: int) -> AuditEntry:
    return audit.record(
        actor="staff:1", action="line.viewed", object=f"line:{number}", subject="C1", detail={"이유": "전화"}
    )


def raw(sql: str) -> None:
    """As somebody with the database in hand would do it: past the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        cursor.execute(sql)
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("change", [{"reason": "x"}, {"subject": "C2"}, {"detail": {}}])
def test_entries_cannot_be_changed(linked, change):
    act(1)
    if linked:
        audit.chain()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(**change)


def test_entries_cannot_be_deleted_nor_relinked():
    entry = act(1)
    audit.chain()
    with pytest.raises(DatabaseError), transaction.atomic():
        entry.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(position=9)


def test_the_chain_links_each_entry_once_and_holds():
    for number in range(5):
        act(number)
    assert audit.chain(limit=3) == 3
    assert audit.chain() == 2
    assert audit.chain() == 0
    proof = audit.verify()
    assert (proof.entries, proof.unlinked, proof.fault) == (5, 0, "")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entry SET reason = 'other' WHERE position = 2",
        "UPDATE audit_entry SET detail = '{}' WHERE position = 2",
        "DELETE FROM audit_entry WHERE position = 2",
        "UPDATE audit_entry SET position = -position WHERE position IN (2, 3);"
        "UPDATE audit_entry SET position = 5 + position WHERE position < 0",
    ],
    ids=["changed", "detail changed", "removed", "two exchanged"],
)
def test_a_change_behind_the_triggers_is_found(sql):
    for number in range(4):
        act(number)
    audit.chain()
    raw(sql)
    assert "entry 2 of the chain" in audit.verify().fault


def test_a_cut_end_is_found_by_a_head_written_down():
    for number in range(4):
        act(number)
    audit.chain()
    head = audit.verify().head
    assert audit.verify(head=head).fault == ""
    raw("DELETE FROM audit_entry WHERE position > 2")
    assert audit.verify().fault == ""
    assert "cut off" in audit.verify(head=head).fault


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
