"""`manage.py import_vouchers PERK CHOICE FILE`: import codes bought from a video service."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rewards import service


class Command(BaseCommand):
    """Import codes, all of a file or none of them."""

    help = "Imports voucher codes, one a line. Known codes are skipped, so a file may be imported again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("perk", help="code of the perk in the programme file, such as OTT")
        parser.add_argument("choice", help="code of the service, such as TVING")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            codes = service.voucher_codes(options["file"].read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}. Nothing was imported.") from error
        except ValueError as error:
            raise CommandError(
                f"Line {error} of {options['file']} is no code: letters, digits, - and _, one a line."
                " Nothing was imported."
            ) from error
        try:
            new = service.import_vouchers(perk_code=options["perk"], choice_code=options["choice"], codes=codes)
        except service.PerkRefused:
            raise CommandError(
                f"The programme has no service {options['choice']} under a perk {options['perk']}."
            ) from None
        self.stdout.write(f"{new:,} new codes of {len(codes):,} in the file.")
