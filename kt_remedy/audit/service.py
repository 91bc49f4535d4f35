"""Write the audit. `chain` seals its entries, `looks` writes the looks at customers."""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from kt_remedy.audit import actions
from kt_remedy.audit.models import AuditEntry, AuditSeal, AuditSubject
from kt_remedy.core import access, clock

# In a request of staff: gives actor, role and store (its code) of the reader; `LooksMiddleware` sets it.
reader: ContextVar[Callable[[], tuple[str, str, str]] | None] = ContextVar("reader", default=None)


def actor(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return the actor of a member of staff: "staff:<id>"."""
    return f"staff:{user.pk}"


def record(
    *,
    actor: str,
    action: str,
    object: str,  # noqa: A002  the name of the column
    subject: str = "",
    reason: str = "",
    ip: str = "",
    detail: dict | None = None,
    customers: Iterable[str] = (),
) -> AuditEntry:
    """Add one entry in the transaction of the act. Never pass personal data in clear.

    `actor` is "customer", "system" or the result of `actor(user)` for a member of staff; `action` is a constant
    ("filing.submitted"); `object` is the row of the act ("application:7"); `subject` is the customer number of the
    data. `customers` are all customers whose data a look showed; a registered look (`actions.register_looks`) has its
    subject among them. Role and store of the member of staff who is reading are added. `ip` defaults to the address of
    the current request. Raises LookupError for an action of an unregistered kind (`actions`).
    """
    actions.kind_of(action)
    read = reader.get()
    who, role, store = read() if read is not None and actor.startswith("staff:") else ("", "", "")
    shown = set(customers) | ({subject} if subject and actions.is_look(action) else set())
    with transaction.atomic():
        entry = AuditEntry.objects.create(
            at=clock.now(),
            actor=actor,
            action=action,
            object=object,
            subject=subject,
            reason=reason,
            ip=ip or access.current_address() or None,
            detail=detail or {},
            role=role if who == actor else "",
            store=store if who == actor else "",
        )
        AuditSubject.objects.bulk_create(
            [AuditSubject(entry=entry, customer=customer, at=entry.at) for customer in sorted(shown)], batch_size=1000
        )
    return entry


def record_all(*, actor: str, action: str, subjects: Mapping[str, str], detail: dict) -> None:
    """Add one entry for each object of an act on many, by object: its subject. As `record` otherwise."""
    actions.kind_of(action)
    at, ip = clock.now(), access.current_address() or None
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(at=at, actor=actor, action=action, object=row, subject=subject, ip=ip, detail=detail)
            for row, subject in subjects.items()
        ],
        batch_size=1000,
    )


def head() -> str:
    """Digest in hex at the end of the sealed chain; "" while nothing is sealed."""
    last = AuditSeal.objects.order_by("-position").values_list("digest", flat=True).first()
    return bytes(last).hex() if last else ""
