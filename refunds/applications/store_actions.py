"""Acts of stores and the call centre on filed applications: transfer, contact number, notes, call-backs."""

import datetime as dt
import uuid
from contextlib import suppress

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Customer
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices import service as notices
from kt_remedy.notices import unreached
from kt_remedy.staff.models import User
from refunds.applications.access import close_to_own_case, visible_to
from refunds.applications.submit import find_reference
from refunds.applications.text_checks import refuse_registration_number
from refunds.applications.transitions import Refused
from refunds.models.applications import Filing, Note


def filings_of_store(store_id: int, *, day: dt.date) -> QuerySet[Filing]:
    """Filings that a store received on a KST day, the newest first."""
    begins = clock.kst(day)
    return (
        Filing.objects.filter(store=store_id, received_at__gte=begins, received_at__lt=begins + dt.timedelta(days=1))
        .select_related("customer")
        .prefetch_related("applications")
        .order_by("-received_at")
    )


def transfer_filing(*, reference: str, customer: Customer, staff: User) -> Filing:
    """Transfer the filing of a present, identified customer to the clerk's store; the customer tells its reference.

    Raises Refused: UNKNOWN where the reference is not this customer's, OWN_CASE, STORE for staff without a store.
    """
    if staff.store is None:
        raise Refused("STORE", _("매장에 속한 직원만 옮겨 받을 수 있습니다."))
    close_to_own_case(staff, customer.person_index)
    with transaction.atomic():
        filing = (
            Filing.objects.select_for_update()
            .filter(reference=find_reference(reference), person_index=customer.person_index)
            .first()
        )
        if filing is None:
            raise Refused("UNKNOWN", _("이 고객의 접수번호가 아닙니다."))
        before, filing.store = filing.store_id, staff.store
        filing.save(update_fields=["store"])
        audit.record(
            actor=audit.actor(staff),
            action="filing.taken_along",
            object=f"filing:{filing.reference}",
            subject=customer.pk,
            detail={"from": before, "to": staff.store_id},
        )
    return filing


def change_contact(*, filing_id: uuid.UUID, contact: str, staff: User) -> None:
    """Send the notices of a filing to another number, confirmed at the desk; the old number is notified.

    Raises Refused: UNKNOWN, OWN_CASE.
    """
    with transaction.atomic():
        filing = (
            Filing.objects.select_for_update()
            .filter(visible_to(staff=staff, path="applications__"), pk=filing_id)
            .first()
        )
        if filing is None:
            raise Refused("UNKNOWN", _("신청을 찾을 수 없습니다."))
        close_to_own_case(staff, filing.person_index)
        before, filing.contact = filing.contact, contact
        filing.save(update_fields=["contact_enc"])
        audit.record(
            actor=audit.actor(staff),
            action="filing.contact_changed",
            object=f"filing:{filing.reference}",
            subject=filing.customer_id,
        )
        notices.queue(
            kind="filing.contact_changed",
            subject=f"filing:{filing.pk}:{clock.now():%Y%m%d%H%M%S}",
            person=filing.person_index,
            to=register.confirmed_number_or_blank(before, confirmed_at=filing.received_at),
            language=filing.language,
        )


def write_note(*, customer: Customer, text: str, staff: User, call_back_at: dt.datetime | None = None) -> Note:
    """Add a note on a customer, with a time to call back if one was promised.

    Raises Refused WORDS; ValidationError for text that looks like a registration number.
    """
    refuse_registration_number(text)
    if not text.strip():
        raise Refused("WORDS", _("메모를 적어 주세요"))
    with transaction.atomic():
        note = Note(
            person_index=customer.person_index,
            customer=customer,
            written_by=staff,
            written_at=clock.now(),
            call_back_at=call_back_at,
        )
        note.words = text.strip()
        note.save()
        audit.record(
            actor=audit.actor(staff), action="note.written", object=f"note:{note.pk}", subject=customer.pk
        )  # fmt: skip
    return note


def mark_called_back(*, note_id: int, staff: User) -> None:
    """Record that a promised call was made. Raises Refused UNKNOWN."""
    with transaction.atomic():
        note = Note.objects.select_for_update().filter(pk=note_id, call_back_at__isnull=False, called_at=None).first()
        if note is None:
            raise Refused("UNKNOWN", _("걸 전화를 찾을 수 없습니다."))
        note.called_at = clock.now()
        note.save(update_fields=["called_at"])
        if note.message_id:
            with suppress(unreached.ReachedError):  # informed another way meanwhile
                unreached.mark_reached(message_id=note.message_id, channel=unreached.Channel.CALL, by=staff)
        audit.record(
            actor=audit.actor(staff), action="note.called_back", object=f"note:{note.pk}", subject=note.customer_id
        )


def notes_of(customer: Customer) -> list[Note]:
    """Notes on a person, the newest first."""
    return list(
        Note.objects.filter(person_index=customer.person_index).select_related("written_by").order_by("-id")[:20]
    )


def calls_due(*, until: dt.datetime) -> QuerySet[Note]:
    """Promised calls that were not made, due until `until`."""
    return (
        Note.objects.filter(call_back_at__lte=until, called_at=None).select_related("customer").order_by("call_back_at")
    )
