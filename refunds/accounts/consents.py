"""The withdrawals in force of a person, and a consent that is given again (D-91)."""

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from refunds.models.consents import ConsentWithdrawal

# Before a statement that reads whether a consent is withdrawn: a withdrawal waits until the transaction, which files,
# ends; filings do not wait for each other. No row is locked, because the process that serves pages may not change
# accounts (`core.grants`). Sent together, each of the two statements sees what was committed before it.
LET_FILE = "SELECT pg_advisory_xact_lock_shared(hashtext(%s)); "


def withdrawn(person_index: bytes) -> list[ConsentWithdrawal]:
    """The withdrawals of a person that are in force, the oldest first."""
    return list(ConsentWithdrawal.objects.filter(person_index=person_index, given_at=None).order_by("pk"))


def history(person_index: bytes) -> list[ConsentWithdrawal]:
    """Every withdrawal of a person, the latest first."""
    return list(ConsentWithdrawal.objects.filter(person_index=person_index).order_by("-withdrawn_at", "-pk"))


def in_force(person: str) -> Exists:
    """Condition of a query: the person of the row, at the path `person`, has withdrawn a consent."""
    return Exists(ConsentWithdrawal.objects.filter(person_index=OuterRef(person), given_at=None))


def give_again(person_index: bytes, *, versions: dict[str, str], actor: str, subject: str = "") -> int:
    """End the withdrawals in force of the consents in `versions` (version of the shown text by consent).

    Returns how many ended; the audit records each. A person who withdrew nothing costs one query.
    """
    with transaction.atomic():
        rows = ConsentWithdrawal.objects.select_for_update().filter(
            person_index=person_index, given_at=None, consent__in=versions
        )
        ended = list(rows)
        for row in ended:
            row.given_at, row.version = clock.now(), versions[row.consent]
            row.save(update_fields=["given_at", "version"])
            audit.record(actor=actor, action="consent.given", object=f"consent:{row.consent}", subject=subject)
    return len(ended)


def keep_out_filings(person_index: bytes) -> None:
    """Wait for filings of this person that are under way, and let others wait until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [lock_key(person_index)])


def lock_key(person_index: bytes) -> str:
    """The value of `LET_FILE` for a person."""
    return f"consent:{bytes(person_index).hex()}"
