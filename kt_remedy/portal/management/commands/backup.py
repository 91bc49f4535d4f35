"""`manage.py backup`: make an encrypted base backup, or print how the server archives its log."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kt_remedy.portal.backup import make


class Command(BaseCommand):
    help = (
        "Copy the whole database server into one encrypted file in BACKUP_DIR. With --archiving, print the SQL by which"
        " a superuser lets the server archive its log there, which is what restores it to any moment."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--archiving", action="store_true", help="print the SQL for the server and make nothing")

    def handle(self, *args: Any, archiving: bool, **options: Any) -> None:
        try:
            recipients = make.recipients_of(settings.BACKUP_RECIPIENTS)
            if not settings.BACKUP_DIR:
                raise make.BackupError("BACKUP_DIR is not set: name the folder for backups")
            if archiving:
                self.stdout.write(make.archive_settings(Path(settings.BACKUP_DIR), recipients), ending="")
                return
            if not settings.BACKUP_DATABASE_URL:
                raise make.BackupError("BACKUP_DATABASE_URL is not set: name a role with REPLICATION")
            made = make.base_backup(Path(settings.BACKUP_DIR), recipients, settings.BACKUP_DATABASE_URL)
        except make.BackupError as error:
            raise CommandError(f"{error}.") from None
        self.stdout.write(f"{made.path.name}: {made.size:,} bytes in {made.seconds:.1f} s")
