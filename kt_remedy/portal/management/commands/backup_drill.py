"""`manage.py backup_drill`: restore a backup on this machine, check it, and keep how long that took."""

import datetime as dt
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kt_remedy.portal.backup import drill, restore
from kt_remedy.portal.backup.make import BackupError


class Command(BaseCommand):
    help = (
        "Restore the newest backup in BACKUP_DIR into a server of its own that is deleted afterwards, with the keys of"
        " the escrow; check money, audit and documents; write result, time and size to the page of security. Exit"
        " status 1 if anything does not hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--escrow", required=True, help="file of NAME=value: BACKUP_IDENTITY and the three keys")
        parser.add_argument("--until", type=_moment, help="restore to this moment, as 2026-01-22T09:15:00+09:00")
        parser.add_argument(
            "--documents", default="", help="folder (or s3:// address) of a copy of the documents, to compare with"
        )
        parser.add_argument("--programs", default="", help="folder of PostgreSQL's programs")

    def handle(
        self, *args: Any, escrow: str, until: dt.datetime | None, documents: str, programs: str, **options: Any
    ) -> None:
        try:
            if not settings.BACKUP_DIR:
                raise BackupError("BACKUP_DIR is not set: name the folder of the backups")
            keys = restore.read_escrow(Path(escrow))
            done = drill.run(
                Path(settings.BACKUP_DIR), keys, until=until, documents=documents, programs=programs,
                tell=self.stdout.write,
            )  # fmt: skip
        except BackupError as error:
            raise CommandError(f"Nothing was restored: {error}.") from None
        self.stdout.write(
            f"{done.backup}: {done.backup_bytes:,} bytes, restored {done.database_bytes:,} bytes in"
            f" {done.restore_seconds} s, checked with {done.documents} documents in {done.check_seconds} s."
        )
        if done.faults:
            raise CommandError("The restored database does not hold:\n" + "\n".join(f"- {f}" for f in done.faults))
        self.stdout.write("Money, audit and documents hold.")


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("name the offset, as +09:00")
    return moment
