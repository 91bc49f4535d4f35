"""`manage.py rejudge`: judge all lines again after a change of the programme."""

import contextlib
import csv
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eligibility.feed import load, merge, reports
from eligibility.feed import rejudge as rejudging

SHOWN = 50


class Command(BaseCommand):
    """Judge the register again (`eligibility.feed.rejudge`) and print the changes."""

    help = "Judges every line of the register by the installed programme; line decisions stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")
        parser.add_argument("--changes", metavar="FILE", help="write every changed line with both verdicts, as CSV")

    def handle(self, *args: Any, dry_run: bool, changes: str | None, **options: Any) -> None:
        changed_count = 0
        try:
            with reports.report_file(changes) if changes else contextlib.nullcontext() as file:
                writer = csv.writer(file, lineterminator="\n") if file else None
                if writer:
                    writer.writerow(merge.ChangedVerdict._fields)

                def report(changed: merge.ChangedVerdict) -> None:
                    nonlocal changed_count
                    changed_count += 1
                    if changed_count <= SHOWN:
                        self.stdout.write(_sentence(changed))
                    if writer:
                        writer.writerow(changed)

                summary = rejudging.rejudge(dry_run=dry_run, on_change=report)
        except load.LoadRefusedError as error:
            raise CommandError(str(error), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{changes} cannot be written: {error.strerror or error}", returncode=2) from None
        if changed_count > SHOWN:
            self.stdout.write(f"… and {changed_count - SHOWN:,} more lines; --changes FILE writes them all.")
        for (old, new), count in sorted(summary.outcomes.items()):
            self.stdout.write(f"{old} -> {new}: {count:,}" if old != new else f"{old}, reasons or amounts: {count:,}")
        verb = "would change" if dry_run else "changed"
        self.stdout.write(f"{summary.judged:,} lines judged, {summary.changed:,} verdicts {verb}.")


def _sentence(changed: merge.ChangedVerdict) -> str:
    """One change, such as `A-1: ELIGIBLE, expected 9, refundable 9 won -> REVIEW (UNPAID), …`."""
    _contract_no, *verdicts = changed
    old, new = (
        f"{outcome}{f' ({reasons})' if reasons else ''}, expected {expected:,}, refundable {refundable:,} won"
        for outcome, reasons, expected, refundable in (verdicts[:4], verdicts[4:])
    )
    return f"{changed.contract_no}: {old} -> {new}"
