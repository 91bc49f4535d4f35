"""`manage.py perks`: show the progress of the bulk work."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from rewards.enrolment import working


class Command(BaseCommand):
    """Show the progress of bulk work and the totals of providers."""

    help = "Shows the progress of the base, grants and hand-offs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--watch", action="store_true", help="show the progress every second until all shards are done"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        while options["watch"] and any(item.done < item.shards for item in working.progress()):
            self._show()
            time.sleep(1)
        self._show()

    def _show(self) -> None:
        for item in working.progress():
            self.stdout.write(f"{item}\n")
        for provider in working.reconcile():
            self.stdout.write(
                f"{provider.provider:12} {provider.files:,} files, {provider.rows:,} rows:"
                f" {provider.acknowledged:,} rows delivered, {provider.refused:,} refused, {provider.waiting:,} files"
                f" waiting, {provider.unanswered:,} unanswered, {provider.faults:,} with a fault\n"
            )
