import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eligibility import rotation
from kt_remedy.core import crypto


class Command(BaseCommand):
    help = "Moves every encrypted value to the first key of FIELD_KEYS, in small batches, while the site is up."

    def handle(self, *args: Any, **options: Any) -> None:
        def told(column: rotation.Column, moved: int) -> None:
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{column.table}.{column.name}: {moved:,}   ")

        try:
            moved = rotation.rotate(told)
        except crypto.DecryptError as error:
            raise CommandError(f"A value cannot be opened: {error}. Add its key to FIELD_KEYS.", returncode=2) from None
        self.stdout.write(
            f"{moved:,} values moved to key {crypto.active_key()}, {rotation.remaining():,} left under another key."
        )
