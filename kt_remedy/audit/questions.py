"""Questions of customers about one look at their data, and the auditor's answers, due within ten days."""

import datetime as dt
import uuid

from django.contrib.auth.models import AbstractUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service
from kt_remedy.audit.models import AuditSubject, LookQuestion
from kt_remedy.core import clock
from kt_remedy.core.errors import Refused

ANSWER_DAYS = 10


@transaction.atomic
def ask(
    *, entry_id: int, customer: str, person: bytes, kind: str, words: str, contact: str, language: str
) -> LookQuestion:
    """Ask about one look at this customer. A second question about the same look is the first one.

    `contact` is the number that is told of the answer. Raises Refused: UNKNOWN where the look did not show the customer
    or was not one of staff.
    """
    looks = AuditSubject.objects.filter(entry_id=entry_id, customer=customer, entry__actor__startswith="staff:")
    if not looks.exists():
        raise Refused("UNKNOWN", _("그 조회를 찾을 수 없습니다."))
    question = LookQuestion(
        entry_id=entry_id,
        customer=customer,
        person_index=person,
        kind=kind,
        language=language,
        asked_at=clock.now(),
        answer_by=clock.today() + dt.timedelta(days=ANSWER_DAYS),
    )
    question.words, question.contact = words or None, contact or None
    try:
        with transaction.atomic():
            question.save(force_insert=True)
    except IntegrityError:
        return LookQuestion.objects.get(entry_id=entry_id, customer=customer)
    service.record(actor="customer", action="question.asked", object=f"question:{question.pk}", subject=customer)
    return question


@transaction.atomic
def answer(*, question_id: uuid.UUID, user: AbstractUser, words: str) -> LookQuestion:
    """Answer a question; the caller queues the message. Raises Refused: ROLE, STATE, OWN (one's own look)."""
    if not user.has_perm("audit.answer_question"):
        raise Refused("ROLE", _("이 일은 다른 역할이 합니다."))
    question = LookQuestion.objects.select_for_update(of=("self",)).select_related("entry").get(pk=question_id)
    if question.answered_at is not None:
        raise Refused("STATE", _("이미 답한 질문입니다."))
    if question.entry.actor == service.actor(user):
        raise Refused("OWN", _("본인이 본 것에 대한 질문에는 다른 사람이 답해야 합니다."))
    question.answer, question.answered_at = words, clock.now()
    question.answered_by = service.actor(user)
    question.save(update_fields=["answer_enc", "answered_at", "answered_by"])
    service.record(
        actor=service.actor(user),
        action="question.answered",
        object=f"question:{question.pk}",
        subject=question.customer,
        detail={"late": clock.today() > question.answer_by},
    )
    return question
