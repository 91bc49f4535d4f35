"""Print docs/retention.md: `manage.py retention_table > docs/retention.md`."""

from typing import Any

from django.core.management.base import BaseCommand

from kt_remedy.portal import retention


class Command(BaseCommand):
    """Print the table of retention as a page."""

    help = "Prints how long each kind of personal data is kept, as docs/retention.md holds it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the page to standard output."""
        self.stdout.write(retention.page(), ending="")
