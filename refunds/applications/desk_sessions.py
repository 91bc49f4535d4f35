"""Desk sessions: open, who came, proof, draft, end; and the check that an act has one (D-78, D-85)."""

import datetime as dt
import json
import secrets
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from eligibility.models import Customer
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, persons
from kt_remedy.staff.models import User
from refunds.applications.access import close_to_own_case
from refunds.applications.transitions import Refused
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Application
from refunds.models.desk import DeskSession

# After the last POST, after the proof, and how many one member of staff may have open (D-85).
IDLE, LIFE, MOST = dt.timedelta(minutes=15), dt.timedelta(hours=2), 8
WARN_BEFORE = dt.timedelta(minutes=3)


def open_session(*, staff: User, customer: Customer) -> DeskSession:
    """Open a session for a found customer, or return the open one; a draft of today comes along.

    Raises Refused: OWN_CASE, TOO_MANY for a ninth customer.
    """
    close_to_own_case(staff, customer.person_index)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=staff.pk)
        _end_idle(staff)
        live = list(DeskSession.objects.filter(staff=staff, ended_at=None))
        for row in live:
            if row.customer_id == customer.pk:
                return row
        if len(live) >= MOST:
            raise Refused(
                "TOO_MANY", _("응대를 %(most)s명까지 열 수 있습니다. 끝난 응대를 닫아 주세요.") % {"most": MOST}
            )
        now = _wall()
        row = DeskSession(
            key=secrets.token_urlsafe(16),
            staff=staff,
            customer=customer,
            person_index=customer.person_index,
            place=min(set(range(MOST)) - {each.place for each in live}),
            opened_at=now,
            touched_at=now,
        )
        earlier = (
            DeskSession.objects.filter(
                staff=staff, customer=customer, draft_enc__isnull=False, touched_at__gte=_midnight()
            )
            .order_by("-touched_at")
            .first()
        )
        if earlier is not None:
            row.draft_json = earlier.draft_json
        row.save(force_insert=True)
        return row


def live_of(staff: User) -> list[DeskSession]:
    """Open sessions of a member of staff in the order of their letters."""
    rows = DeskSession.objects.filter(staff=staff, ended_at=None).select_related("customer").order_by("place")
    return [row for row in rows if ends_at(row) > _wall()]


def kept_of(staff: User) -> list[DeskSession]:
    """The last ended session of each customer whose draft of today waits, the newest first; none that is open again."""
    rows = DeskSession.objects.filter(staff=staff, draft_enc__isnull=False, touched_at__gte=_midnight())
    newest: dict[str, DeskSession] = {}
    for row in rows.select_related("customer").order_by("-touched_at"):
        newest.setdefault(row.customer_id, row)
    still_open = {row.customer_id for row in live_of(staff)}
    return [row for row in newest.values() if row.customer_id not in still_open]


def find(*, key: str, staff: User) -> DeskSession | None:
    """The session with this key, ended or not; None for another member of staff's."""
    return DeskSession.objects.select_related("customer").filter(key=key, staff=staff).first()


def ends_at(row: DeskSession) -> dt.datetime:
    """When a session ends by itself: 15 minutes after its last POST, 2 hours after the proof at the latest."""
    idle = row.touched_at + IDLE
    return min(idle, row.proven_at + LIFE) if row.proven_at else idle


def is_live(row: DeskSession) -> bool:
    """True while a session is open and its time has not run out."""
    return row.ended_at is None and ends_at(row) > _wall()


def renew(row: DeskSession) -> None:
    """Count work in a live session: fifteen minutes begin again."""
    row.touched_at = _wall()
    row.save(update_fields=["touched_at"])


def set_comer(row: DeskSession, came_as: str, name: str) -> None:
    """Record who came; a proof of somebody else is void. The name of a holder who came in person is not kept twice."""
    row.came_as, row.proof, row.proven_at, row.contact_enc, row.check_enc = came_as, {}, None, None, None
    row.came_name_enc = row.draft_of = None
    if name:
        row.came_name = name
    row.save()


def keep_check(row: DeskSession, check: dict[str, Any]) -> None:
    """Keep a check that is under way, encrypted; {} forgets it."""
    row.check_enc = None
    if check:
        row.check_json = json.dumps(check)
    row.save(update_fields=["check_enc"])


def check_of(row: DeskSession) -> dict[str, Any]:
    """The check under way; {} for none."""
    return json.loads(row.check_json) if row.check_enc else {}


def prove(row: DeskSession, *, proof: dict[str, str], contact: str) -> None:
    """Record that the person who came is proven, with the number confirmed (digits, "" for none) and the audit entry.

    The entry says who was proven: an heir's own card is never the dead holder's (D-78).
    """
    with transaction.atomic():
        row.proof = {**proof, "by": str(row.staff_id), "at": clock.now().isoformat(), "who": row.came_as}
        row.proven_at, row.contact_enc, row.check_enc = _wall(), None, None
        row.contact = contact
        row.save()
        audit.record(
            actor=audit.actor(row.staff),
            action="customer.proven",
            object=f"customer:{row.customer_id}",
            subject=row.customer_id,
            detail={**proof, "who": row.came_as},
        )


def save_draft(row: DeskSession, values: dict[str, Any]) -> None:
    """Keep what was typed on the page of filing, encrypted, until midnight; {} forgets it."""
    row.draft_enc = None
    if values:
        row.draft_json = json.dumps(values)
    row.save(update_fields=["draft_enc"])


def draft_of(row: DeskSession) -> dict[str, Any]:
    """What was typed before; {} for nothing or after midnight."""
    return json.loads(row.draft_json) if row.draft_enc and row.touched_at >= _midnight() else {}


def end(row: DeskSession) -> None:
    """End a session; its proof ends with it."""
    DeskSession.objects.filter(pk=row.pk, ended_at=None).update(ended_at=_wall(), check_enc=None)


def end_all(staff: User) -> int:
    """End all sessions of a member of staff who signs out; returns how many."""
    return DeskSession.objects.filter(staff=staff, ended_at=None).update(ended_at=_wall(), check_enc=None)


def forget_drafts() -> int:
    """Wipe what was typed, checked and confirmed in sessions of earlier days; returns how many.

    Who served whom, as whom that person came, and the kind of proof remain.
    """
    kept = Q(draft_enc__isnull=False) | Q(check_enc__isnull=False) | Q(contact_enc__isnull=False)
    rows = DeskSession.objects.filter(kept, touched_at__lt=_midnight())
    return rows.update(draft_enc=None, check_enc=None, contact_enc=None)


def require(staff: User | None, *person_indexes: bytes, filing: bool = False) -> DeskSession | None:
    """The live session in which this member of staff proved one of these people; None without staff.

    A session for one draft counts for a `filing` only (D-88).
    Raises Refused PROOF: an act for a customer needs the customer's own live session (D-85).
    """
    if staff is None:
        return None
    rows = DeskSession.objects.filter(
        staff=staff, person_index__in=person_indexes, ended_at=None, proven_at__isnull=False
    )
    if not filing:
        rows = rows.filter(draft_of=None)
    for row in rows:
        if is_live(row):
            return row
    raise Refused("PROOF", _("고객을 먼저 찾고 본인을 확인하세요."))


def confirms_number(row: DeskSession, application: Application) -> bool:
    """True if the number on the filing is confirmed in this session, or a second clerk saw the card (D-86)."""
    contact = application.filing.contact
    return (
        bool(contact) and (row.number_of == application.filing_id or (bool(row.contact_enc) and row.contact == contact))
    ) or row.second_by_id is not None


def confirm_number(row: DeskSession, filing_id: uuid.UUID) -> None:
    """Record that the owner of the number on this filing read its code aloud."""
    row.number_of, row.check_enc = filing_id, None
    row.save(update_fields=["number_of", "check_enc"])


def require_number(staff: User | None, application: Application) -> None:
    """Raise Refused NUMBER where staff would change the account of a filing whose number is not confirmed (D2)."""
    row = require(staff, application.filing.person_index, application.line.customer.person_index)
    if row is not None and not confirms_number(row, application):
        raise Refused(
            "NUMBER",
            _("신청서에 적힌 번호로 보낸 숫자를 고객이 읽어 주시거나, 다른 직원이 신분증을 함께 보아야 합니다."),
        )


def ask_second(row: DeskSession) -> None:
    """Ask a second clerk of the store to see the identity card. Raises Refused PROOF for a person without one seen."""
    if not is_live(row) or row.proof.get("method") != "ID_CARD":
        raise Refused("PROOF", _("신분증을 먼저 보고 확인해 주세요."))
    row.second_asked_at, row.second_by = _wall(), None
    row.save(update_fields=["second_asked_at", "second_by"])


def waiting_for_second(staff: User) -> list[DeskSession]:
    """Live sessions of colleagues in the same store that ask for a second clerk."""
    if staff.store_id is None:
        return []
    rows = DeskSession.objects.filter(
        staff__store=staff.store_id, ended_at=None, second_asked_at__isnull=False, second_by=None
    ).exclude(staff=staff)
    return [row for row in rows.select_related("staff", "customer") if is_live(row)]


def confirm_second(*, key: str, staff: User) -> None:
    """Record that a second clerk saw the card. Raises Refused: UNKNOWN, OWN_CASE."""
    with transaction.atomic():
        row = next((each for each in waiting_for_second(staff) if each.key == key), None)
        if row is None:
            raise Refused("UNKNOWN", _("확인을 기다리는 응대가 없습니다."))
        close_to_own_case(staff, row.person_index)
        row.second_by = staff
        row.save(update_fields=["second_by"])
        audit.record(
            actor=audit.actor(staff),
            action="customer.proven",
            object=f"customer:{row.customer_id}",
            subject=row.customer_id,
            detail={"method": "SECOND_CLERK", "who": row.came_as},
        )


def allowed_comers(customer: Customer, *, in_store: bool) -> list[OwnerKind]:
    """Who may come for this holder. On the telephone nobody sees papers: only the holder or a child's guardian."""
    if customer.holder_kind == "CORPORATE":
        return [OwnerKind.COMPANY] if in_store else []
    if persons.is_minor(customer.birth_date, clock.today()):
        return [OwnerKind.GUARDIAN]
    return [OwnerKind.SELF, OwnerKind.PROXY, OwnerKind.HEIR] if in_store else [OwnerKind.SELF]


def _end_idle(staff: User) -> None:
    for row in DeskSession.objects.filter(staff=staff, ended_at=None):
        if not is_live(row):
            end(row)


def _midnight() -> dt.datetime:
    return clock.kst(clock.kst_date(_wall()))


def _wall() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
