"""Prove that the audit has not been changed."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kt_remedy.audit import chain, heads


class Command(BaseCommand):
    help = (
        "Recompute the chain of the audit from its beginning, and compare it with the heads of this database and, with"
        " --heads, with a file of heads that was kept elsewhere: only that proves that no entries were cut off at the"
        " end and that the chain was not built anew. Needs AUDIT_KEYS."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--heads", default="", help="CSV of day, position, digest, as the portal gives it out")
        parser.add_argument("--head", default="", help="a head that an earlier run printed, as POSITION:DIGEST")

    def handle(self, *args: object, **options: object) -> None:
        try:
            kept = heads.read(Path(str(options["heads"]))) if options["heads"] else []
            kept += [chain.parse(str(options["head"]), "of an earlier run")] if options["head"] else []
        except (OSError, ValueError) as error:
            raise CommandError(f"The heads cannot be read: {error}.") from error
        while chain.seal_entries(everything=True):
            pass
        proof = chain.verify([*heads.stored(), *kept])
        if proof.faults:
            raise CommandError("The audit does not hold:\n" + "\n".join(f"- {fault}" for fault in proof.faults))
        head = f"{proof.entries}:{proof.head}" if proof.head else "none yet"
        self.stdout.write(f"{proof.entries} entries hold. Head: {head}")
