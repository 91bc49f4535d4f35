import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kt_remedy.devtools import sample_contracts, sample_register


class Command(BaseCommand):
    help = "Writes dated deliveries of an invented register: one folder per day, lines.csv and bills.csv in each."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path)
        parser.add_argument("--lines", metavar="N", type=int, default=20_000, help="how many lines (default 20000)")
        parser.add_argument("--seed", metavar="S", type=int, default=1, help="another seed, other people (default 1)")

    def handle(self, *args: Any, directory: Path, lines: int, seed: int, **options: Any) -> None:
        shown = sys.stderr.isatty()

        def progress(done: int) -> None:
            if shown:
                sys.stderr.write(f"\r{done * 100 // lines:3d} %  {done:,} of {lines:,} lines")

        try:
            sample_register.write(directory, lines=lines, seed=seed, progress=progress)
        except (ValueError, OSError) as error:
            raise CommandError(f"The sample cannot be written: {error}") from None
        if shown:
            sys.stderr.write("\n")
        self.stdout.write(f"{len(sample_contracts.DELIVERIES)} deliveries of {lines:,} lines stand in {directory}.")
