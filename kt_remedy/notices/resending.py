"""Messages sent again by two persons, once the gateway says that it never had them.

Only messages that were searched at the gateway and not found are sent again (`following`); whether others arrived is
not known, so they never are.
"""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices.mailings import MailingError, person_key
from kt_remedy.notices.models import Mailing, Message, Resending


def lost() -> QuerySet[Message]:
    """The messages that the gateway never had, and whose persons nobody informed another way."""
    return Message.objects.filter(state=Message.State.UNKNOWN, reason="NOT_FOUND", reached_at=None)


def of(item: Resending) -> QuerySet[Message]:
    """The lost messages of a resending."""
    if item.mailing is None:
        return lost().filter(pk__in=[item.message_id])
    return lost().filter(kind=item.mailing.kind, subject=item.mailing.subject)


def ask(*, by: Any, mailing_id: int | None = None, message_id: int | None = None) -> Resending:
    """Ask to send one message, or all lost messages of a mailing, again. Raises MailingError."""
    with transaction.atomic():
        item = Resending(mailing_id=mailing_id, message_id=message_id, asked_by=by, asked_at=clock.now())
        if not of(item).exists():
            raise MailingError("STATE", _("다시 보낼 문자가 없습니다."))
        if Resending.objects.filter(mailing=item.mailing, message=item.message, allowed_at=None).exists():
            raise MailingError("STATE", _("이미 청했습니다. 다른 사람의 허락을 기다립니다."))
        item.save()
        audit.record(actor=audit.actor(by), action="notices.resending_asked", object=f"resending:{item.pk}")
    return item


def allow(*, by: Any, resending_id: int) -> Resending:
    """Queue the messages again; by another person than the one who asked. Raises MailingError."""
    with transaction.atomic():
        item = (
            Resending.objects.select_for_update(of=("self",))
            .select_related("mailing", "asked_by")
            .filter(pk=resending_id, allowed_at=None)
            .first()
        )
        if item is None:
            raise MailingError("STATE", _("다른 사람이 먼저 처리했습니다. 지금 상태를 보세요."))
        if item.asked_by_id == by.pk or person_key(item.asked_by) == person_key(by):
            raise MailingError("SAME_PERSON", _("청한 사람과 다른 사람이 허락해야 합니다."))
        if item.mailing is not None and item.mailing.ended_why != Mailing.Why.SUPERSEDED:
            Mailing.objects.filter(pk=item.mailing.pk, state=Mailing.State.ENDED).update(
                state=Mailing.State.OPEN, ended_at=None, ended_why=""
            )
        item.messages = of(item).update(
            state=Message.State.QUEUED, reason="", settled_at=None, batch=None, retry_at=Now()
        )
        item.allowed_by, item.allowed_at = by, clock.now()
        item.save()
        audit.record(
            actor=audit.actor(by),
            action="notices.resending_allowed",
            object=f"resending:{item.pk}",
            detail={"messages": item.messages},
        )
    return item


def open_requests() -> dict[tuple[int | None, int | None], Resending]:
    """The requests that wait for another person, by (mailing, message)."""
    waiting = Resending.objects.filter(allowed_at=None).select_related("asked_by")
    return {(row.mailing_id, row.message_id): row for row in waiting}
