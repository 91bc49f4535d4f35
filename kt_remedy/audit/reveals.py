"""Masked numbers shown in full for half a minute: with a reason, recorded with its customer, counted and capped."""

from collections.abc import Iterable

from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext as _

from kt_remedy.audit import service
from kt_remedy.core import ratelimit
from kt_remedy.core.errors import Refused

SECONDS = 30  # how long a number stays on the screen
MOST_A_DAY = 30  # for one member of staff; `unusual.toml` tells the auditor earlier


def record(
    *,
    user: AbstractUser,
    kind: str,
    object: str,  # noqa: A002  the name of the column
    subject: str = "",
    customers: Iterable[str] = (),
    reason: str,
) -> None:
    """Count and record that somebody is shown a number in full; call it before the number is read.

    `kind` is "account" or "phone"; `customers` stand for `subject` where a person may have several. The caller has
    checked the permission. Raises Refused: REASON, MANY.
    """
    if not reason.strip():
        raise Refused("REASON", _("이유를 적어 주세요."))
    if not ratelimit.consume(f"reveal:{user.pk}", limit=MOST_A_DAY, seconds=24 * 60 * 60).allowed:
        text = _("하루에 %(most)s번까지 볼 수 있습니다. 더 필요하면 감사 담당에게 말해 주세요.")
        raise Refused("MANY", text % {"most": MOST_A_DAY})
    service.record(
        actor=service.actor(user),
        action=f"reveal.{kind}",
        object=object,
        subject=subject,
        customers=customers,
        reason=reason.strip(),
    )
