"""`manage.py import_vouchers PERK CHOICE FILE`: import codes bought from a video service."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from rewards import service, voucher_files


class Command(BaseCommand):
    """Import codes, all of a file or none of them. With --dry-run say what the import would do, and change nothing."""

    help = "Imports voucher codes, one a line. Known codes are skipped, so a file may be imported again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("perk", help="code of the perk in the programme file, such as OTT")
        parser.add_argument("choice", help="code of the service, such as TVING")
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="show counts and findings, import nothing")
        parser.add_argument(
            "--accept-suspects", action="store_true", help="import codes too that do not look like the others"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            self._import(**options)

    def _import(self, *, perk: str, choice: str, file: Path, dry_run: bool, accept_suspects: bool, **_: Any) -> None:
        try:
            found = voucher_files.read(file.read_bytes())
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error}. Nothing was imported.") from error
        except voucher_files.ListRefused as refused:
            raise CommandError(f"{file}: {refused.message} Nothing was imported.") from None
        findings = voucher_files.summary(found)
        try:
            if dry_run:
                new = service.count_new_vouchers(perk_code=perk, choice_code=choice, codes=found.codes)
                self._write([*findings, f"An import would add {new:,} new codes of {len(found.codes):,} in the file."])
                return
            if found.suspects and not accept_suspects:
                raise CommandError(
                    "\n".join([*findings, "Nothing was imported. Mend these lines, or give --accept-suspects."])
                )
            new = service.import_vouchers(perk_code=perk, choice_code=choice, codes=found.codes)
        except service.PerkRefused:
            raise CommandError(f"The programme has no service {choice} under a perk {perk}.") from None
        if found.heading or found.mended or found.suspects:
            self._write(findings)
        self._write([f"{new:,} new codes of {len(found.codes):,} in the file."])

    def _write(self, lines: list[str]) -> None:
        for line in lines:
            self.stdout.write(line)
