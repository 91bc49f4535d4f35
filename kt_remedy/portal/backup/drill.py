"""The drill: restore a backup, ask it everything a good database answers, and write down how long that took."""

import csv
import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings
from django.db import connection

from kt_remedy.audit import heads
from kt_remedy.audit.chain import Head
from kt_remedy.core import clock, file_stores, roles
from kt_remedy.core.models import RestoreDrill
from kt_remedy.portal.backup import restore
from kt_remedy.portal.backup.restore import Escrow, Scratch

Tell = Callable[[str], None]


def run(
    folder: Path,
    escrow: Escrow,
    *,
    until: dt.datetime | None,
    documents: str = "",
    programs: str = "",
    tell: Tell = print,
) -> RestoreDrill:
    """Restore the newest backup in `folder` up to `until`, check it with the keys of the escrow, and keep the result.

    `documents` is the folder of a copy of the documents ("": those of this installation). Faults of the restored
    database are part of the result. Raises BackupError where nothing could be restored; that is kept as no drill.
    """
    base = restore.newest(folder, until)
    tell(f"Restoring {base.name} …")
    began = time.monotonic()
    database = str(connection.settings_dict["NAME"])
    with Scratch(base, escrow.identity, database=database, until=until, programs=programs) as scratch:
        restored = time.monotonic()
        tell(f"Restored in {restored - began:.1f} s. Checking …")
        env = _environment(scratch, escrow, documents)
        faults, count = check(env, scratch.place / "heads.csv", until)
        size, checked = scratch.size(), time.monotonic()
    return RestoreDrill.objects.create(
        at=clock.now(), until=until, backup=base.name, backup_bytes=base.stat().st_size, database_bytes=size,
        restore_seconds=round(restored - began), check_seconds=round(checked - restored),
        documents=count, faults=faults,
    )  # fmt: skip


def check(env: Mapping[str, str], kept_heads: Path, until: dt.datetime | None) -> tuple[list[str], int]:
    """The faults of a restored database as sentences, and the number of documents that were read.

    Each check is a process of its own, because keys and database are read once. `kept_heads` is where the heads that
    were kept elsewhere are gathered; those of the day of `until` and later stand behind the end of the chain.
    """
    done = _manage(env, "verify_restored")
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return [f"verify_restored failed: {_why(done)}"], 0
    faults = list(found["faults"])
    if not faults:  # with wrong keys the other answers say nothing
        money = _manage(env, "verify_money")
        if money.returncode:
            breaches = [line for line in money.stdout.splitlines() if line.split()[1:2] not in (["0"], [])]
            faults += [f"invariant {line.strip()}" for line in breaches] or [f"verify_money failed: {_why(money)}"]
        _gather_heads(kept_heads, until)
        audit = _manage(env, "verify_audit", "--heads", str(kept_heads))
        if audit.returncode:
            if "entry 1 of the chain" in audit.stderr:
                faults.append("AUDIT_KEYS of the escrow is another one than the audit was sealed with")
            faults += [line.strip("- ") for line in audit.stderr.splitlines() if line.startswith("- ")] or [_why(audit)]
    return faults, int(found["documents"])


def _environment(scratch: Scratch, escrow: Escrow, documents: str) -> dict[str, str]:
    """The environment of this process with the restored database, the keys of the escrow, and time to read all."""
    env = {**os.environ, **escrow.keys, "DATABASE_URL": scratch.url(roles.WORKER), "STATEMENT_TIMEOUT": "1h"}
    env.pop("REMEDY_PROCESS", None)
    env.pop("MIGRATE_DATABASE_URL", None)
    return env | ({"UPLOADS_DIR": documents} if documents else {})


def _manage(env: Mapping[str, str], *argv: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py` in another environment."""
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *argv],
        env=dict(env), cwd=settings.BASE_DIR, check=False, capture_output=True, text=True,
    )  # fmt: skip


def _gather_heads(path: Path, until: dt.datetime | None) -> None:
    """One file of the heads in AUDIT_HEADS_DIR from before the day (KST) of `until`."""
    last = clock.kst_date(until or clock.now())
    store = file_stores.at(settings.AUDIT_HEADS_DIR, mode=0o644)
    kept: list[Head] = []
    for name in sorted(store.names()[1]):
        if name.startswith("audit-head-"):
            with store.at_hand(name) as at_hand:
                kept += heads.read(at_hand)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads.COLUMNS)
        writer.writerows((head.day, head.position, head.digest) for head in kept if head.day and head.day < last)


def _why(done: "subprocess.CompletedProcess[str]") -> str:
    return next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
