"""`manage.py perks`: show the progress of the bulk work, or run open shards."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from rewards.enrolment import working


class Command(BaseCommand):
    """Show the progress of bulk work and the totals of providers."""

    help = "Shows the progress of the base, grants and hand-offs; with --work, first runs all open shards."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--work", action="store_true", help="run open shards; any number of these commands may run at once"
        )
        parser.add_argument(
            "--watch", action="store_true", help="show the progress every second until all shards are done"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        while options["work"] and working.run_next_shard():
            if sys.stderr.isatty():
                self._show(sys.stderr.write)
        while options["watch"] and any(item.done < item.shards for item in working.progress()):
            self._show(self.stdout.write)
            time.sleep(1)
        self._show(self.stdout.write)

    def _show(self, write: Any) -> None:
        for item in working.progress():
            write(f"{item}\n")
        for provider in working.reconcile():
            write(
                f"{provider.provider:12} {provider.files:,} files, {provider.rows:,} rows:"
                f" {provider.acknowledged:,} rows delivered, {provider.refused:,} refused, {provider.waiting:,} files"
                f" waiting, {provider.unanswered:,} unanswered, {provider.faults:,} with a fault\n"
            )
