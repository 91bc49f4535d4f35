"""There is no account that may do everything."""

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Refuses: the first administrators are made with invite_administrator."

    def run_from_argv(self, argv: list[str]) -> None:
        """Refuse whatever options of Django's own command were given."""
        super().run_from_argv(argv[:2])

    def handle(self, *args: object, **options: object) -> None:
        raise CommandError(
            "No account may do everything here. Invite the first two administrators with"
            " `manage.py invite_administrator USERNAME NAME`."
        )
