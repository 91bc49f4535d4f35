"""Rights to see and change an application, and the lock under which it changes."""

import uuid

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from eligibility.models import Customer
from kt_remedy.audit import service as audit
from kt_remedy.core import raw_models
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from refunds.accounts import consents
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, HolderCheck, OwnerKind
from refunds.models.applications import Application
from refunds.models.cases import OfflinePayment
from refunds.models.items import Item


def may_claim(customer: Customer, person_index: bytes, representation: str) -> bool:
    """True for the holder and, where `representation` is GUARDIAN, for the registered guardian (D-15, D-16)."""
    if customer.person_index == person_index:
        return True
    return representation == OwnerKind.GUARDIAN and customer.guardian_ci_index == person_index


def actor_of(staff: User | None) -> str:
    """Name of the person who acts, as decisions and the audit record it."""
    return audit.actor(staff) if staff else "customer"


def close_to_own_case(staff: User | None, person_index: bytes) -> None:
    """Raise Refused OWN_CASE where the customer is the member of staff or of their household (D-90)."""
    if staff is not None and household.is_closed(staff, person_index):
        raise Refused("OWN_CASE", household.closed_sentence(staff, person_index))


def visible_to(*, person_index: bytes | None = None, staff: User | None = None, path: str = "") -> Q:
    """Filter of the applications that a reader may see.

    Customers see their own and their wards', a store its own filings, other staff those of all customers. `path` leads
    from the queried model to Application ("applications__").
    """
    if person_index is not None:
        return (
            Q(**{f"{path}filing__person_index": person_index})
            | Q(**{f"{path}line__customer__person_index": person_index})
            | Q(**{f"{path}line__customer__guardian_ci_index": person_index})
        )
    if staff is None:
        return Q(pk__in=[])
    if staff.has_perm("refunds.view_application"):
        return Q()
    if staff.has_perm("refunds.view_store_application") and staff.store_id:
        return Q(**{f"{path}filing__store": staff.store_id})
    return Q(pk__in=[])


def own_account(account_id: uuid.UUID, person_index: bytes) -> Account:
    """The account that was entered for this person, with its holder check; call it in the transaction that uses it.

    Raises Refused ACCOUNT for another person's account, one that was wiped, and one whose person withdrew a consent.
    """
    columns = f"{raw_models.columns('a', Account)}, {raw_models.columns('h', HolderCheck)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"{consents.LET_FILE}SELECT {columns} FROM refunds_account a"  # noqa: S608  (the columns are those of our own models)
            " JOIN refunds_holder_check h ON h.account_id = a.id WHERE a.id = %s AND a.wiped_at IS NULL"
            " AND NOT EXISTS (SELECT FROM refunds_consent_withdrawal w"
            " WHERE w.person_index = a.person_index AND w.given_at IS NULL)",
            [consents.lock_key(person_index), account_id],
        )
        row = cursor.fetchone()
    account = raw_models.read(Account, row) if row else None
    if account is None or account.person_index != person_index:
        raise Refused("ACCOUNT", _("받을 계좌를 다시 적어 주세요"))
    account.holder_check = raw_models.read(HolderCheck, row, raw_models.width(Account))
    return account


def locked(application_id: int, *, skip: bool = False) -> Application | None:
    """One application with its filing, line and account, locked until the transaction ends; None where there is none.

    Locked first and read afterwards: a join in the locking statement would miss the row if a concurrent transaction
    had changed its account. `skip` returns None for a row that another transaction holds.
    """
    if not Application.objects.select_for_update(skip_locked=skip).filter(pk=application_id).values("pk"):
        return None
    return Application.objects.select_related("filing", "line__customer", "account__holder_check").get(
        pk=application_id
    )


def lock(application_id: int, *, person_index: bytes | None, staff: User | None = None) -> Application:
    """Lock an application the caller may act on: customers their own, stores their own filings, staff never their own
    case.

    Raises Refused: UNKNOWN for an application the caller may not see, so that nobody learns it exists; OWN_CASE.
    """
    row = locked(application_id)
    visible = Application.objects.filter(visible_to(person_index=person_index, staff=staff), pk=application_id)
    if row is None or not visible.exists():
        raise Refused("UNKNOWN", _("신청을 찾을 수 없습니다."))
    close_to_own_case(staff, row.filing.person_index)
    return row


def refuse_frozen(row: Application, *, account_only: bool = False) -> None:
    """Raise Refused FROZEN for a locked application that is in a batch or paid.

    `account_only` allows a change of the account while something is still to be paid: an approved correction of a paid
    refund, or a refund that came back after its correction was paid.
    """
    # The freeze takes a share lock on the application before it makes an item, so one of the two sees the other.
    holding: tuple[str, ...] = Item.HOLDING
    promised = row.adjustments.filter(status="APPROVED").exclude(items__status__in=Item.HOLDING)
    refund = row.items.filter(kind=Item.Kind.REFUND, status__in=Item.HOLDING)
    if account_only and (promised.exists() or not refund.exists()):
        holding = Item.LIVE
    if row.items.filter(status__in=holding).exists():
        raise Refused("FROZEN", _("보낼 명단이 마감되어 바꿀 수 없습니다."))
    if row.offline_payments.filter(status__in=OfflinePayment.HOLDING).exists():
        raise Refused("FROZEN", _("환급금을 이미 따로 보내 드려 바꿀 수 없습니다."))
