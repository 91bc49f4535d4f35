import contextlib
import csv
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eligibility.feed import load, merge, reports
from eligibility.feed import rejudge as register

SHOWN = 50


class Command(BaseCommand):
    help = "Judges every line of the register by the installed programme; people's decisions stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")
        parser.add_argument("--changes", metavar="FILE", help="write every changed line with both verdicts, as CSV")

    def handle(self, *args: Any, dry_run: bool, changes: str | None, **options: Any) -> None:
        shown = 0
        try:
            with reports.report_file(changes) if changes else contextlib.nullcontext() as file:
                rows = csv.writer(file, lineterminator="\n") if file else None
                if rows:
                    rows.writerow(merge.ChangedVerdict._fields)

                def told(changed: merge.ChangedVerdict) -> None:
                    nonlocal shown
                    shown += 1
                    if shown <= SHOWN:
                        self.stdout.write(_sentence(changed))
                    if rows:
                        rows.writerow(changed)

                found = register.rejudge(dry_run=dry_run, told=told)
        except load.LoadRefusedError as error:
            raise CommandError(str(error), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{changes} cannot be written: {error.strerror or error}", returncode=2) from None
        if shown > SHOWN:
            self.stdout.write(f"… and {shown - SHOWN:,} more lines; --changes FILE writes them all.")
        for (old, new), count in sorted(found.outcomes.items()):
            self.stdout.write(f"{old} -> {new}: {count:,}" if old != new else f"{old}, reasons or amounts: {count:,}")
        would = "would change" if dry_run else "changed"
        self.stdout.write(f"{found.judged:,} lines judged, {found.changed:,} verdicts {would}.")


def _sentence(changed: merge.ChangedVerdict) -> str:
    """CAST-101-1: ELIGIBLE, 123,630 won -> NOT_ELIGIBLE (MVNO), 123,630 won"""
    _contract_no, *verdicts = changed
    old, new = (
        f"{outcome}{f' ({reasons})' if reasons else ''}, expected {expected:,}, refundable {refundable:,} won"
        for outcome, reasons, expected, refundable in (verdicts[:4], verdicts[4:])
    )
    return f"{changed.contract_no}: {old} -> {new}"
