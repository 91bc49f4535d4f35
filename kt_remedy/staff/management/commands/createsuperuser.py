"""Replace Django's command: no account has all permissions."""

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Refuses: use invite_administrator for the first administrators."

    def run_from_argv(self, argv: list[str]) -> None:
        """Refuse with any options of Django's own command."""
        super().run_from_argv(argv[:2])

    def handle(self, *args: object, **options: object) -> None:
        raise CommandError(
            "No account may do everything here. Invite the first two administrators with"
            " `manage.py invite_administrator USERNAME NAME`."
        )
