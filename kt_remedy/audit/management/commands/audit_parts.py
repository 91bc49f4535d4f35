"""Make the months of the record ahead, and remove those whose period is over."""

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from kt_remedy.audit import parts


class Command(BaseCommand):
    help = (
        "Make the parts of the record for the coming twelve months, and remove those that are older than two years, if"
        " they are sealed and the chain holds. Works as the owner (MIGRATE_DATABASE_URL) and needs AUDIT_KEYS."
    )

    def handle(self, *args: object, **options: object) -> None:
        made = parts.make()
        try:
            removed = parts.remove()
        except (parts.NotRemovable, ImproperlyConfigured) as error:
            raise CommandError(f"Nothing was removed: {error}") from error
        for word, months in (("made", made), ("removed", removed)):
            self.stdout.write(f"{len(months)} {word}: {', '.join(f'{month:%Y-%m}' for month in months) or 'none'}")
