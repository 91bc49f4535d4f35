"""`manage.py verify_money`: check the invariants of the money."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import override

from refunds.payouts.invariants import verify


class Command(BaseCommand):
    """Prints each invariant with its count; exit status 1 on any breach."""

    help = "Check each invariant of the money (`refunds/payouts/sql`); exit status 1 on any breach."

    def handle(self, *args: Any, **options: Any) -> None:
        with override("en"):
            findings = verify()
            for finding in findings:
                examples = f"  ({', '.join(finding.examples)})" if finding.examples else ""
                self.stdout.write(f"{finding.code:>4} {finding.count:>7}  {finding.title}{examples}")
        if any(finding.count for finding in findings):
            sys.exit(1)
