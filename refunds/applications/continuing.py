"""Going on with an application by telephone: digits from the customer's page open the draft for an agent (D-88).

The digits and the spoken name prove the verified person for this draft and nothing else: the agent sees its lines, no
account and no filed application, and moves no money.
"""

import datetime as dt
import json
import secrets
import uuid
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from eligibility import search
from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import crypto, ratelimit
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds.applications import desk_sessions
from refunds.applications.drafts import Answers
from refunds.applications.transitions import Refused
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Draft
from refunds.models.desk import DeskSession

MINUTES, DIGITS = 10, 6
# Wrong tries of one agent, and numbers given to one person, an hour.
TRIES, GIVEN, SECONDS = 3, 10, 60 * 60
KIND = "desk.continued"


def give(*, person_index: bytes, name: str, contact: str) -> str:
    """Six digits that open this person's draft once, for ten minutes; earlier ones are void.

    `name` and `contact` are those of the identity check. Raises Refused: LINES without a chosen line, TOO_MANY.
    """
    if not ratelimit.consume(f"continue:{person_index.hex()}", limit=GIVEN, seconds=SECONDS).allowed:
        raise Refused("TOO_MANY", _("숫자를 너무 여러 번 받으셨습니다. 한 시간 뒤에 다시 해 주세요."))
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(person_index=person_index, opened_by=None).first()
        answers = _answers(draft)
        if draft is None or not answers.lines:
            raise Refused("LINES", _("환급받을 회선을 먼저 골라 주세요."))
        answers.representative, answers.contact = name, contact
        draft.answers_json = json.dumps(asdict(answers))
        while True:
            digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
            if not _open_drafts(digits).exists():
                break
        draft.spoken_index, draft.spoken_at = _index(digits), _wall()
        draft.save(update_fields=["answers_enc", "spoken_index", "spoken_at"])
    return digits


def take(*, staff: User, digits: str, name: str) -> DeskSession:
    """Open the draft that the digits and the spoken name belong to, in a desk session for this draft alone.

    A session in which this agent has proven the person already stays as it is, with the draft. The person is told by
    text. Raises Refused: STORE for staff of a store, UNKNOWN, TOO_MANY after three wrong tries an hour, OWN_CASE.
    """
    if staff.store_id is not None:
        raise Refused("STORE", _("매장에서는 오신 분의 신분증을 보고 확인하세요."))
    tries = f"continue-take:{staff.pk}"
    # Counted before the digits are looked at, so that tries at the same moment are all counted.
    if not ratelimit.consume(tries, limit=TRIES, seconds=SECONDS).allowed:
        raise Refused("TOO_MANY", _("여러 번 맞지 않았습니다. 고객을 찾고 본인을 확인하세요."))
    with transaction.atomic():
        draft = _open_drafts(digits).select_for_update().first()
        answers = _answers(draft)
        known = set(search.name_indexes(answers.representative)) & set(search.name_indexes(name))
        line = Line.objects.select_related("customer").filter(pk__in=answers.lines).first() if known else None
        if draft is not None and line is not None:
            row = _open(draft, answers, line, staff)
            ratelimit.give_back(tries)
            return row
    audit.record(actor=audit.actor(staff), action="customer.draft_refused", object=f"user:{staff.pk}", detail={})
    raise Refused("UNKNOWN", _("숫자와 이름이 모두 맞는 신청서가 없습니다. 숫자는 %(minutes)s분 동안 한 번 씁니다.")
                  % {"minutes": MINUTES})  # fmt: skip


def lines_of(session: DeskSession) -> list[str]:
    """Contract numbers of the draft that a session is for; [] once it was filed or deleted."""
    return _answers(Draft.objects.filter(pk=session.draft_of).first()).lines if session.draft_of else []


def _open(draft: Draft, answers: Answers, line: Line, staff: User) -> DeskSession:
    row = desk_sessions.open_session(staff=staff, customer=line.customer)
    if not row.is_proven:
        guardian = answers.representation == OwnerKind.GUARDIAN
        desk_sessions.set_comer(row, answers.representation, answers.representative if guardian else "")
        row.draft_of = draft.pk
        desk_sessions.prove(row, proof={"method": "DRAFT"}, contact=answers.contact)
    desk_sessions.save_draft(row, _typed(answers))
    draft.spoken_index = draft.spoken_at = None
    draft.save(update_fields=["spoken_index", "spoken_at"])
    notices.queue(
        kind=KIND,
        subject=f"draft:{uuid.uuid4()}",
        person=draft.person_index,
        to=answers.contact,
        language=eligibility.language_of(line.customer),
        context={},
    )
    return row


def _typed(answers: Answers) -> dict[str, list[str]]:
    """The answers as fields of the page of filing, without an account."""
    late: dict[str, Any] = {f"late_{name}": [value] for name, value in answers.late.items() if value}
    return {"lines": answers.lines, **late}


def _answers(draft: Draft | None) -> Answers:
    return Answers(**json.loads(draft.answers_json or "{}")) if draft is not None else Answers()


def _open_drafts(digits: str) -> Any:
    since = _wall() - dt.timedelta(minutes=MINUTES)
    return Draft.objects.filter(spoken_index=_index(digits), spoken_at__gt=since, opened_by=None)


def _index(digits: str) -> bytes:
    return crypto.blind_index("".join(sign for sign in digits if sign.isdigit()), "continuing")


def _wall() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
