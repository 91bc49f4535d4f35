"""`manage.py rotate_keys`: re-encrypt all values with the active key."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eligibility import rotation
from kt_remedy.core import crypto


class Command(BaseCommand):
    """Rotate the encryption keys (`eligibility.rotation`). Exit status 2 if a key is missing."""

    help = "Re-encrypts every encrypted value with the first key of FIELD_KEYS, in small batches, while the site is up."

    def handle(self, *args: Any, **options: Any) -> None:
        def print_progress(column: rotation.Column, moved: int) -> None:
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{column.table}.{column.name}: {moved:,}   ")

        try:
            moved = rotation.rotate(print_progress)
        except crypto.DecryptError as error:
            message = f"A value cannot be decrypted: {error}. Add its key to FIELD_KEYS."
            raise CommandError(message, returncode=2) from None
        self.stdout.write(
            f"{moved:,} values moved to key {crypto.active_key()}, {rotation.remaining():,} left under another key."
        )
