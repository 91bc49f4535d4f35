"""`manage.py load_feed LINES BILLS --as-of DATE`: load one delivery into the register."""

import datetime as dt
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from eligibility.feed import load, reports
from eligibility.feed.records import FeedError
from eligibility.feed.workers import WorkerFailed


class Command(BaseCommand):
    """Load one delivery (`eligibility.feed.load`). Exit status 2 with one sentence if it was refused or failed."""

    help = "Loads one delivery of the billing system into the register: all of it, or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lines", metavar="LINES", help="lines.csv of the delivery")
        parser.add_argument("bills", metavar="BILLS", help="bills.csv of the delivery")
        parser.add_argument(
            "--as-of", metavar="DATE", type=_date, required=True, help="as-of date of the delivery, such as 2026-01-14"
        )
        parser.add_argument("--rejects", metavar="FILE", help="file for the rejected rows (default: standard error)")
        parser.add_argument("--processes", metavar="N", type=int, help="worker processes (default: one for each core)")

    def handle(
        self,
        *args: Any,
        lines: str,
        bills: str,
        as_of: dt.date,
        rejects: str | None,
        processes: int | None,
        **options: Any,
    ) -> None:
        interactive = sys.stderr.isatty()

        def print_progress(phase: str, percent: int) -> None:
            if interactive:
                sys.stderr.write(f"\r{percent:3d} % {phase:8s}")

        try:
            with reports.report_file(rejects) as report:
                feed = load.load(
                    lines=Path(lines), bills=Path(bills), as_of=as_of, processes=processes, on_progress=print_progress
                )
                if interactive:
                    sys.stderr.write("\r")
                reports.write(report, load.rejects_of(feed))
        except (FeedError, load.LoadRefusedError, WorkerFailed, ImproperlyConfigured) as error:
            raise CommandError(str(error), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{rejects} cannot be written: {error.strerror or error}", returncode=2) from None
        except DatabaseError as error:
            # PostgreSQL quotes the row in its messages, so the sentence names only the type of the error.
            raise CommandError(f"The database refused the delivery ({type(error).__name__}).", returncode=2) from None
        blank = f" Blank names, kept as sent: {feed.blank_names:,}." if feed.blank_names else ""
        self.stdout.write(
            f"Delivery of {feed.as_of}: {feed.lines_read:,} lines ({feed.lines_new:,} new, {feed.lines_changed:,}"
            f" changed, {feed.lines_rejected:,} rejected), {feed.bills_read:,} bills ({feed.bills_new:,} new,"
            f" {feed.bills_changed:,} changed, {feed.bills_rejected:,} rejected), {feed.customers_new:,} new"
            f" and {feed.customers_changed:,} changed customers, {feed.verdicts_changed:,} verdicts changed.{blank}"
        )


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
