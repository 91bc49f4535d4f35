"""A backup is restored to a moment in mid-batch and checked; wrong keys, lost documents and a cut archive are named."""

import datetime as dt
import json
import shutil
from pathlib import Path

import psycopg2
import pytest

from kt_remedy.portal.backup import make, restore
from tests.recovery.conftest import Archive, key_pair

pytestmark = pytest.mark.soak  # starts servers, a minute for each file


def count(archive: Archive, sql: str, until: str | None = None) -> dict[str, object]:
    moment = dt.datetime.fromisoformat(until) if until else None
    with restore.Scratch(
        archive.base, archive.place.identity, database="remedy", until=moment, programs=archive.place.programs
    ) as scratch:
        connection = psycopg2.connect(scratch.url("remedy_worker"))
        with connection.cursor() as cursor:
            cursor.execute(sql)
            found = cursor.fetchone()[0]
        connection.close()
    assert not scratch.place.exists()
    return found


STATE = """SELECT json_build_object(
    'handed over', (SELECT count(*) FROM refunds_bank_file WHERE handed_over_at IS NOT NULL),
    'answers', (SELECT count(*) FROM refunds_result_file),
    'documents', (SELECT count(*) FROM refunds_evidence))"""


def test_the_middle_of_a_batch_comes_back_and_everything_holds(archive: Archive) -> None:
    assert count(archive, STATE, archive.half_way) == {"handed over": 1, "answers": 0, "documents": 1}
    done = archive.place.drill("--until", archive.half_way)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Money, audit and documents hold." in done.stdout
    kept = json.loads(
        str(archive.place.ask("SELECT row_to_json(d)::text FROM restore_drill d ORDER BY at DESC, id DESC LIMIT 1"))
    )
    assert kept["faults"] == []
    assert kept["documents"] == 1
    assert 0 < kept["backup_bytes"] < kept["database_bytes"]


def test_without_a_moment_all_that_was_archived_comes_back(archive: Archive) -> None:
    assert count(archive, STATE) == {"handed over": 1, "answers": 1, "documents": 2}
    done = archive.place.drill()
    assert done.returncode == 0, done.stderr
    assert "checked with 2 documents" in done.stdout


def test_nothing_in_the_backups_stands_in_clear(archive: Archive) -> None:
    files = [path for path in (archive.place.folder / "backups").rglob("*") if path.is_file()]
    assert len(files) > 2
    for path in files:
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n"), path


OTHER = {
    "FIELD_KEYS": "1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
    "INDEX_KEY": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
    "AUDIT_KEYS": "1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
}


@pytest.mark.parametrize("name", OTHER)
def test_a_wrong_key_of_the_escrow_is_named(archive: Archive, name: str) -> None:
    done = archive.place.drill(**{name: OTHER[name]})
    assert done.returncode == 1
    assert f"- {name} of the escrow is another one" in done.stderr
    assert OTHER[name].removeprefix("1:") not in done.stderr + done.stdout


def test_a_wrong_identity_is_named(archive: Archive) -> None:
    done = archive.place.drill(BACKUP_IDENTITY=key_pair()[1])
    assert done.returncode == 1
    assert f"BACKUP_IDENTITY of the escrow does not open {archive.base.name}" in done.stderr


def test_an_escrow_without_a_key_is_refused(archive: Archive) -> None:
    done = archive.place.drill(INDEX_KEY="")
    assert "the escrow holds no INDEX_KEY" in done.stderr


def test_a_lost_and_a_changed_document_are_named(archive: Archive, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(archive.place.folder / "uploads", copy)
    lost, changed = sorted(path for path in copy.rglob("*") if path.is_file())
    lost.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    done = archive.place.drill("--documents", str(copy))
    assert done.returncode == 1
    assert "is missing" in done.stderr
    assert "is not the one that was kept" in done.stderr


def test_a_part_of_the_log_that_cannot_be_opened_is_no_quiet_end(archive: Archive) -> None:
    last = sorted((archive.place.folder / "backups/wal").glob("*.age"))[-1]
    content = last.read_bytes()
    last.write_bytes(b"age-encryption.org/v1\nspoilt")
    try:
        done = archive.place.drill()
    finally:
        last.write_bytes(content)
    assert done.returncode == 1
    assert "the archive of the log could be read only up to" in done.stderr


def test_a_moment_before_the_first_backup_is_refused(archive: Archive) -> None:
    done = archive.place.drill("--until", "2026-01-01T00:00:00+09:00")
    assert "holds no base backup from before 2026-01-01T00:00:00+09:00" in done.stderr


def test_a_moment_after_the_archive_ends_is_refused(archive: Archive) -> None:
    done = archive.place.drill("--until", "2099-01-01T00:00:00+09:00")
    assert "the archive of the log ends before the wanted time" in done.stderr


def test_a_backup_without_a_key_is_not_made(archive: Archive) -> None:
    for recipients, sentence in (
        ("", "BACKUP_RECIPIENTS is not set"),
        ("age1short", "holds something that is no public key"),
    ):
        done = archive.place.run("manage.py", "backup", BACKUP_RECIPIENTS=recipients)
        assert done.returncode == 1
        assert sentence in done.stderr


def test_a_backup_of_a_server_that_is_gone_leaves_nothing(archive: Archive) -> None:
    done = archive.place.run("manage.py", "backup", BACKUP_DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert "no backup was made" in done.stderr
    assert make.base_backups(archive.place.folder / "backups") == [archive.base]
    assert not (archive.place.folder / "backups/base.new").exists()
