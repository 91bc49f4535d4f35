"""Migrations that rewrite rows, on tables that are filled: the first installation runs them on empty ones."""

import datetime as dt
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module

import psycopg2
import pytest
from django.apps import apps
from django.db import connection
from psycopg2.extras import execute_values

from kt_remedy.core import crypto
from refunds.models.applications import Filing
from refunds.models.items import Item
from tests.conftest import ROOT, environment
from tests.owner import as_owner, without
from tests.refunds import make
from tests.refunds.payouts import money

ENTRIES = 12_000
AT = dt.datetime(2026, 1, 14, tzinfo=dt.UTC)
SEAL = """
from kt_remedy.audit import chain
while chain.seal_entries(): pass
print(chain.end())
"""
VERIFY = """
from kt_remedy.audit import chain, parts
from kt_remedy.audit.models import AuditEntry
proof = chain.verify()
print(proof.entries, proof.unlinked, proof.faults)
print(chain.end())
print([AuditEntry.objects.get(object=f"page:{n}").reason for n in (0, 1)])
AuditEntry.objects.create(at=AuditEntry.objects.latest("id").at, actor="system", action="admin.viewed", object="next")
print(AuditEntry.objects.get(object="next").pk, len(parts.make()), chain.seal_entries(), chain.verify().faults)
"""


@pytest.fixture
def former() -> Iterator[tuple[str, Callable[..., str]]]:
    """A database of its own: its address, and a call of `manage.py` on it as the owner that gives what it printed."""
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    name = f"former_{uuid.uuid4().hex[:8]}"
    address = f"{base.rpartition('/')[0]}/{name}?{query}"

    def manage(*argv: str) -> str:
        env = {**environment(), "DATABASE_URL": address, "MIGRATE_DATABASE_URL": address}
        done = subprocess.run(
            [sys.executable, "manage.py", *argv], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            yield address, manage
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_record_of_acts_keeps_its_chain_when_it_is_partitioned(former) -> None:
    address, manage = former
    manage("migrate", "core", "-v0")
    manage("migrate", "audit", "0002_b_looks", "-v0")
    rows = [
        (AT + dt.timedelta(minutes=n), "staff:1", "look.desk", f"page:{n}", f"홍길동 {n}" if n % 2 else "", "{}")
        for n in range(ENTRIES)
    ]
    with closing(psycopg2.connect(address)) as database, database, database.cursor() as cursor:
        columns = "at, actor, action, object, subject, reason, detail"
        execute_values(
            cursor,
            f"INSERT INTO audit_entry ({columns}) VALUES %s",
            rows,
            template="(%s, %s, %s, %s, '', %s, %s)",
        )
        cursor.execute(
            "INSERT INTO audit_subject (entry_id, customer, at)"
            " SELECT id, 'C' || n, at FROM audit_entry, (VALUES (1), (2)) v (n)"
        )
    head = manage("shell", "-v0", "-c", SEAL)
    manage("migrate", "audit", "0003_d_parts", "-v0")
    told = manage("shell", "-v0", "-c", VERIFY).splitlines()
    assert told[0] == f"{ENTRIES} 0 []"
    assert told[1] == head.strip(), "the chain ends as before"
    assert told[2] == "['', '홍길동 1']"
    assert told[3].startswith(f"{ENTRIES + 1} "), "the numbers go on"
    assert told[3].endswith(" 1 []")
    with closing(psycopg2.connect(address)) as database, database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry WHERE reason LIKE '%홍길동%'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*), count(DISTINCT (entry_id, customer)) FROM audit_subject")
        assert cursor.fetchone() == (2 * ENTRIES, 2 * ENTRIES)
        cursor.execute("SELECT count(*) FROM audit_entry_rest")
        assert cursor.fetchone() == (0,), "each row moved into its month"


@pytest.mark.django_db
def test_the_numbers_of_filings_that_stand_there_are_indexed(january) -> None:
    of = make.application(make.line(make.customer())).filing
    filings = []
    for n in range(2_050):  # one part of the work and a little
        filing = Filing.objects.get(pk=of.pk)
        filing.pk, filing.reference, filing.idempotency_key = uuid.uuid4(), f"R{n}", f"key-{n}"
        filing.contact, filing.contact_index = f"010{n:08}", None
        filings.append(filing)
    Filing.objects.bulk_create(filings)
    import_module("refunds.migrations.0022_d_contact_index").index_contacts(apps, None)
    assert not Filing.objects.filter(contact_index=None).exists()
    for n in (0, 1_999, 2_000, 2_049):
        found = Filing.objects.get(contact_index=crypto.blind_index(f"010{n:08}", "msisdn"))
        assert found.reference == f"R{n}"


@pytest.mark.django_db
def test_words_of_the_bank_that_stand_there_are_encrypted(cut_off) -> None:
    rows = money.items(money.frozen(3))
    with without(*(trigger.get_pgid(Item) for trigger in Item._meta.triggers)), connection.cursor() as cursor:
        cursor.execute("UPDATE refunds_item SET words = %s WHERE id <> %s", ["예금주 홍길동 100% 다름", rows[0].pk])
    events = apps.get_model("refunds", "ItemEvent").objects.count()
    with as_owner(), connection.schema_editor() as editor:
        crypto.encrypt_stored_text("refunds_item", "ctid", "words", kind="bank words")(apps, editor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM refunds_item WHERE words LIKE %s", ["%홍길동%"])
        assert cursor.fetchone() == (0,)
    assert [item.words for item in Item.objects.order_by("pk")] == ["", *["예금주 홍길동 100% 다름"] * 2]
    assert apps.get_model("refunds", "ItemEvent").objects.count() == events, "nothing happened to a payment"
