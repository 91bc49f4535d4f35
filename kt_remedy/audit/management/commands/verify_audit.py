"""Prove that the record of who did what has not been changed."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kt_remedy.audit import service


class Command(BaseCommand):
    help = (
        "Recompute the chain of the audit from its beginning. Write the printed head down elsewhere, and give it with"
        " --head the next time: only that proves that nothing was cut off at the end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="the head an earlier run printed")

    def handle(self, *args: object, **options: object) -> None:
        while service.seal_entries(everything=True):
            pass
        proof = service.verify(head=str(options["head"]))
        if proof.fault:
            raise CommandError(f"The audit does not hold: {proof.fault}.")
        self.stdout.write(f"{proof.entries} entries hold. Head: {proof.head or 'none yet'}")
