from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eligibility.feed import load
from eligibility.feed import rejudge as register


class Command(BaseCommand):
    help = "Judges every line of the register by the installed programme; people's decisions stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        try:
            changes = register.rejudge(dry_run=dry_run)
        except load.LoadRefusedError as error:
            raise CommandError(str(error), returncode=2) from None
        for (old, new), count in sorted(changes.outcomes.items()):
            self.stdout.write(f"{old} -> {new}: {count:,}" if old != new else f"{old}, reasons or amounts: {count:,}")
        would = "would change" if dry_run else "changed"
        self.stdout.write(f"{changes.judged:,} lines judged, {changes.changed:,} verdicts {would}.")
