"""The chain of the audit against each role of the database: what is not refused is found."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError, ProgrammingError

from kt_remedy.audit import actions, chain, heads
from kt_remedy.audit import service as audit
from kt_remedy.audit.models import AuditHead, AuditSeal
from kt_remedy.core import roles
from tests.conftest import ROOT, environment
from tests.owner import as_owner

pytestmark = pytest.mark.django_db

ATTACKS = {
    "delete": "DELETE FROM audit_subject; DELETE FROM audit_seal; DELETE FROM audit_entry",
    "edit": "UPDATE audit_entry SET reason = 'other'",
    "edit of who was seen": "UPDATE audit_subject SET customer = 'C9'",
    "delete of who was seen": "DELETE FROM audit_subject",
    "truncate": "TRUNCATE audit_entry, audit_subject, audit_seal, audit_mark, audit_question",
    "rebuild": "UPDATE audit_seal SET digest = sha256(digest)",
    "head": "UPDATE audit_head SET digest = ''",
}
# As the owner, after switching the triggers off: how the proof names what was done.
BEHIND_THE_TRIGGERS = {
    "an edit": ("UPDATE audit_entry SET reason = 'other' WHERE id = {second}", "entry 2 of the chain (id"),
    "another customer": ("UPDATE audit_subject SET customer = 'C9' WHERE entry_id = {second}", "entry 2 of the chain"),
    "a customer more": (
        "INSERT INTO audit_subject (entry_id, customer, at) VALUES ({second}, 'C9', now())",
        "entry 2 of the chain",
    ),
    "a customer less": ("DELETE FROM audit_subject WHERE entry_id = {second}", "entry 2 of the chain"),
    "another role": ("UPDATE audit_entry SET role = 'auditor' WHERE id = {second}", "entry 2 of the chain"),
    "a gap": (
        "DELETE FROM audit_subject WHERE entry_id = {second}; DELETE FROM audit_seal WHERE entry_id = {second};"
        " DELETE FROM audit_entry WHERE id = {second}",
        "entry 2 of the chain is missing",
    ),
    "an earlier key": (
        "UPDATE audit_seal SET key_number = 7 WHERE position = 2",
        "has a key that is not in AUDIT_KEYS",
    ),
    "a cut tail": (
        "DELETE FROM audit_subject WHERE entry_id > {second}; DELETE FROM audit_seal WHERE entry_id > {second};"
        " DELETE FROM audit_entry WHERE id > {second}",
        "the chain was cut off before entry 4",
    ),
    "an emptied audit": (
        "TRUNCATE audit_entry, audit_subject, audit_seal, audit_mark, audit_question",
        "the chain was cut off before entry 4",
    ),
}
TABLES = (
    *("audit_entry", "audit_entry_rest", "audit_subject", "audit_subject_rest"),
    *("audit_seal", "audit_head", "audit_mark", "audit_question"),
)


@pytest.fixture
def four() -> list[int]:
    """Four sealed looks at one customer each; the ids of their entries."""
    ids = [
        audit.record(actor="staff:1", action="customer.searched", object="customer:C", subject=f"C{n}").pk
        for n in range(1, 5)
    ]
    chain.seal_entries()
    return ids


def run_as(role: str, sql: str) -> None:
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute(sql)


def owner_without_triggers(sql: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("; ".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES))
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("; ".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in TABLES))


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("role", roles.ALL)
def test_each_attack_is_refused_to_each_role(four, role, attack):
    heads.give()
    with pytest.raises(DatabaseError):
        run_as(role, ATTACKS[attack])
    assert chain.verify(heads.stored()).faults == []


@pytest.mark.parametrize("role", [roles.WEB, roles.REPORT])
@pytest.mark.parametrize("table", ["audit_seal", "audit_head"])
def test_only_the_worker_seals(four, role, table):
    values = {
        "audit_seal": "(entry_id, position, digest, key_number) VALUES (0, 9, '', 1)",
        "audit_head": "(day, at, position, digest) VALUES (now(), now(), 9, '')",
    }
    with pytest.raises(ProgrammingError, match="permission denied"):
        run_as(role, f"INSERT INTO {table} {values[table]}")


@pytest.mark.parametrize("attack", BEHIND_THE_TRIGGERS)
def test_the_owner_who_switches_triggers_off_is_found(four, tmp_path, attack):
    file = kept_elsewhere(tmp_path)
    sql, named = BEHIND_THE_TRIGGERS[attack]
    owner_without_triggers(sql.format(second=four[1]))
    with pytest.raises(CommandError, match="does not hold") as found:
        call_command("verify_audit", heads=str(file))
    assert named in str(found.value)


def test_a_chain_built_anew_by_somebody_with_the_key_is_found_by_a_head_kept_elsewhere(four, tmp_path):
    file = kept_elsewhere(tmp_path)
    owner_without_triggers(
        f"DELETE FROM audit_seal; DELETE FROM audit_head; UPDATE audit_entry SET reason = 'other' WHERE id = {four[0]}"
    )
    while chain.seal_entries(everything=True):
        pass
    call_command("verify_audit")  # the chain alone shows nothing
    with pytest.raises(CommandError, match="the chain was built anew: entry 4 is not the head of 2026-"):
        call_command("verify_audit", heads=str(file))


def test_nobody_without_the_key_builds_a_chain(four, settings):
    settings.AUDIT_KEYS = {1: bytes(32)}
    owner_without_triggers("DELETE FROM audit_seal")
    chain.seal_entries(everything=True)
    settings.AUDIT_KEYS = {1: bytes(range(64, 96))}
    assert "entry 1 of the chain" in chain.verify().faults[0]


def test_a_key_that_was_replaced_seals_no_more(four, settings):
    old = dict(settings.AUDIT_KEYS)
    settings.AUDIT_KEYS = {2: bytes(range(32)), **old}
    audit.record(actor="system", action="admin.viewed", object="x")
    chain.seal_entries()
    assert chain.verify().faults == []
    settings.AUDIT_KEYS = old
    audit.record(actor="system", action="admin.viewed", object="x")
    chain.seal_entries()
    settings.AUDIT_KEYS = {2: bytes(range(32)), **old}
    assert "entry 6 of the chain" in chain.verify().faults[0]


def test_a_head_is_given_once_a_day_as_a_row_and_a_file(at, four, settings, tmp_path):
    settings.AUDIT_HEADS_DIR = str(tmp_path / "heads")
    at("2026-01-20T10:00+09:00")
    first = heads.give()
    audit.record(actor="system", action="admin.viewed", object="x")
    assert heads.give() == first == heads.latest()
    at("2026-01-21T00:10+09:00")
    second = heads.give()
    assert (first.position, second.position) == (4, 5)
    assert [str(head.day) for head in AuditHead.objects.all()] == ["2026-01-21", "2026-01-20"]
    files = sorted(Path(settings.AUDIT_HEADS_DIR).iterdir())
    assert [file.name for file in files] == ["audit-head-2026-01-20.csv", "audit-head-2026-01-21.csv"]
    assert heads.read(files[0]) == [chain.Head(4, first.digest, "of 2026-01-20")]


def test_no_head_is_given_out_of_an_empty_audit():
    assert heads.give() is None
    assert heads.latest() is None


@pytest.mark.parametrize("text", ["day,position,digest\n2026-01-20,x,00\n", "day,place\n2026-01-20,1\n"])
def test_a_file_that_holds_no_heads_is_refused(tmp_path, text):
    file = tmp_path / "heads.csv"
    file.write_text(text)
    with pytest.raises(CommandError, match=r"line 2 of heads\.csv is no head"):
        call_command("verify_audit", heads=str(file))


def test_the_web_server_does_not_hold_the_key(four, settings):
    done = subprocess.run(
        [sys.executable, "-c", "import kt_remedy.wsgi; from django.conf import settings; print(settings.AUDIT_KEYS)"],
        env=environment(roles.WEB),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "{}"
    settings.AUDIT_KEYS = {}
    for call in (chain.seal_entries, chain.verify):
        with pytest.raises(ImproperlyConfigured, match="AUDIT_KEYS"):
            call()


def test_a_look_has_its_customers_and_an_act_has_none():
    look = audit.record(actor="staff:1", action="customer.searched", object="x", subject="C1", customers=["C2", "C1"])
    act = audit.record(actor="staff:1", action="admin.changed", object="x", subject="C1")
    assert sorted(look.customers.values_list("customer", flat=True)) == ["C1", "C2"]
    assert not act.customers.exists()
    assert actions.purpose_of("customer.searched")


def kept_elsewhere(folder: Path) -> Path:
    """The head of today in a file that nobody who changes the database can reach."""
    heads.give()
    file = folder / "heads.csv"
    file.write_text(heads.as_csv(AuditHead.objects.order_by("day")))
    assert len(list(csv.DictReader(file.open()))) == AuditHead.objects.count()
    owner_without_triggers("DELETE FROM audit_head")
    assert AuditSeal.objects.count() == 4
    return file


SEAL = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "kt_remedy.settings"
import django
django.setup()
from kt_remedy.audit import chain
print("ready", flush=True)
sys.stdin.readline()
sealed = 0
while n := chain.seal_entries(limit=7):
    sealed += n
print(sealed)
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_processes_that_seal_make_one_chain():
    for n in range(60):
        audit.record(actor="staff:1", action="customer.searched", object="x", subject=f"C{n}")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", SEAL],
            env=environment(),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _n in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sum(int(process.communicate(timeout=60)[0]) for process in both) == 60
    proof = chain.verify()
    assert (proof.entries, proof.unlinked, proof.faults) == (60, 0, [])
