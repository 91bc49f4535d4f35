"""Prove that the audit has not been changed."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kt_remedy.audit import service


class Command(BaseCommand):
    help = (
        "Recompute the chain of the audit from its beginning. Store the printed head elsewhere and pass it with --head"
        " the next time: only this proves that no entries were cut off at the end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="the head that an earlier run printed")

    def handle(self, *args: object, **options: object) -> None:
        while service.seal_entries(everything=True):
            pass
        proof = service.verify(head=str(options["head"]))
        if proof.fault:
            raise CommandError(f"The audit does not hold: {proof.fault}.")
        self.stdout.write(f"{proof.entries} entries hold. Head: {proof.head or 'none yet'}")
