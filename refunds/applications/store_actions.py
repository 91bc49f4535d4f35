"""Acts of stores and the call centre on filed applications: transfer, contact number."""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from eligibility import service as register
from eligibility.models import Customer
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds.applications import desk_sessions
from refunds.applications.access import close_to_own_case, visible_to
from refunds.applications.submit import find_reference
from refunds.applications.transitions import Refused
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Filing
from refunds.models.desk import DeskSession


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
    desk_sessions.require(staff, customer.person_index)
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
        desk_sessions.require(staff, filing.person_index, filing.customer.person_index)
        before = filing.contact
        filing.set_contact(contact)
        filing.save(update_fields=["contact_enc", "contact_index"])
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


def tell_holder(session: DeskSession, *, application_ids: list[int]) -> None:
    """Tell the holder's last confirmed number that somebody else filed, changed or withdrew (D-78); once for each act.

    Nobody is told of an act of their own, nor a company of one of its people. Without a confirmed number nothing is
    sent: the number in billing may be another person's.
    """
    if session.came_as in {OwnerKind.SELF, OwnerKind.COMPANY}:
        return
    own = Filing.objects.filter(person_index=session.person_index, representation=OwnerKind.SELF)
    filing = own.order_by("-received_at").first()
    to = register.confirmed_number_or_blank(filing.contact, confirmed_at=filing.received_at) if filing else ""
    if not to or filing is None:
        return
    notices.queue(
        kind="desk.acted_for",
        subject=f"desk:{min(application_ids, default=0)}:{clock.now():%Y%m%d%H%M%S}",
        person=session.person_index,
        to=to,
        language=filing.language,
    )
