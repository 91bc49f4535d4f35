"""Invite one of the first two administrators."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils import translation

from kt_remedy.core import clock
from kt_remedy.staff import invitations
from kt_remedy.staff.service import NotAllowed


class Command(BaseCommand):
    help = (
        "Make an administrator's account and print the one-time code with which its owner sets the password. Works"
        " until two administrators have signed in with their second factor; repeated for the same account, it replaces"
        " the code."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the user name of the account")
        parser.add_argument("name", help="the person's name as it stands with their telephone contract")

    def handle(self, *args: object, username: str, name: str, **options: object) -> None:
        try:
            with translation.override("en"):
                invited = invitations.invite(username=username, name=name)
        except (NotAllowed, ValueError) as error:
            raise CommandError(str(error)) from None
        ends = invited.ends_at.astimezone(clock.KST)
        self.stdout.write(f"""The invitation code of {username}, shown only now:

    {invited.code}

Tell it to this person and to nobody else, not together with the user name. It works once, until
{ends:%Y-%m-%d %H:%M} in Seoul, on the page {reverse("staff-invitation")} of the portal. There the person sets a
password, then signs in and sets up the second factor. Rights can be given once two administrators have done so.
""")
