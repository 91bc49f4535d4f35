"""Guards of every payout act: permission, person and reason, locks of rows, and the audit entry.

Each public function of this package is one transaction and keyword-only. It raises `Refused` with a code and a
sentence for the person, locks the batch or the application first, and records its act with the change.
"""

from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import errors
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from refunds.models.applications import Application
from refunds.models.batches import Batch, BatchFigures
from refunds.models.items import Item


class Refused(errors.Refused):
    """A payout act that is not possible now; nothing was changed.

    `values` are those of the message, for a refusal that is kept and worded later in another language.
    """

    def __init__(self, code: str, message: str, **values: str) -> None:
        super().__init__(code, message)
        self.values = values


def person_of(user: User) -> bytes:
    """Key of the natural person behind an account: two accounts of one person have the same key.

    Raises Refused PERSON while the owner of the account is not verified.
    """
    if not user.person_index:
        raise Refused("PERSON", _("계정의 주인이 아직 확인되지 않았습니다. 본인 확인을 먼저 해 주세요."))
    return user.person_index


def is_same_person(user: User, person: bytes | None) -> bool:
    """True if `person` is the key of the person behind `user`; False while either is unknown."""
    return user.person_index is not None and user.person_index == person


def is_maker(user: User, maker_id: int | None, person: bytes | None) -> bool:
    """True if `user` made the row, by this account (`maker_id`) or by another one of the same person (`person`)."""
    return user.pk == maker_id or is_same_person(user, person)


def require_permission(user: User, permission: str) -> None:
    """Raises Refused ROLE unless a role of `user` has `permission`."""
    if not user.has_perm(permission):
        raise Refused("ROLE", _("이 일을 맡은 사람만 할 수 있습니다."))


def require_reason(text: str) -> str:
    """The reason without surrounding blanks. Raises Refused REASON if nothing is left."""
    text = text.strip()
    if not text:
        raise Refused("REASON", _("이유를 적어 주세요."))
    return text


def lock_batch(batch_id: int) -> Batch:
    """Lock a batch for this transaction, with the timeouts of a large statement."""
    raise_timeouts()
    return Batch.objects.select_for_update().get(pk=batch_id)


def raise_timeouts() -> None:
    """Allow this transaction statements over half a million rows: 15 minutes, 60 s for a lock, 256 MB to sort.

    In less memory the server would keep half a million old and new rows of a history trigger on disk.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL statement_timeout = '15min'; SET LOCAL lock_timeout = '60s'; SET LOCAL work_mem = '256MB'"
        )


def void_figures(batch_id: int) -> None:
    """Let a worker count the figures of a batch again. Each act that changes them calls it last in its transaction."""
    BatchFigures.objects.bulk_create(
        [BatchFigures(batch_id=batch_id, asked=True)],
        update_conflicts=True,
        unique_fields=["batch"],
        update_fields=["asked", "waiting_since", "retry_at"],
    )


def get_case(application_id: int, user: User) -> Application:
    """Lock an application with its filing and line. Raises Refused OWN_CASE for one's own or the household's (D-90)."""
    row = Application.objects.select_for_update(of=("self",)).select_related("filing", "line").get(pk=application_id)
    if household.is_closed(user, row.filing.person_index):
        raise Refused("OWN_CASE", household.closed_sentence(user, row.filing.person_index))
    return row


def record_act(
    user: User,
    action: str,
    batch: Batch | None,
    *,
    reason: str = "",
    item: Item | None = None,
    application: Application | None = None,
    **detail: Any,
) -> None:
    """Write the audit entry of an act on an item, else on an application, else on a batch."""
    application = application or (item.application if item else None)
    if item is not None:
        target = f"item:{item.pk}"
    elif application is not None:
        target = f"application:{application.pk}"
    else:
        assert batch is not None
        target = f"batch:{batch.pay_on}"
    audit.record(
        actor=audit.actor(user),
        action=action,
        object=target,
        subject=application.line.customer_id if application else "",
        reason=reason,
        detail=detail,
    )
