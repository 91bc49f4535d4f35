"""The withdrawals in force of a person, and a consent that is given again (D-91)."""

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from refunds.models.consents import ConsentWithdrawal


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


def let_file(person_index: bytes) -> None:
    """Let a withdrawal by this person wait until the filing transaction ends; filings do not wait for each other.

    Read whether a consent is withdrawn in a later statement. No row is locked, because the process that serves pages
    may not change accounts (`core.grants`).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext(%s))", [_key(person_index)])


def keep_out_filings(person_index: bytes) -> None:
    """Wait for filings of this person that are under way, and let others wait until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [_key(person_index)])


def _key(person_index: bytes) -> str:
    return f"consent:{bytes(person_index).hex()}"
