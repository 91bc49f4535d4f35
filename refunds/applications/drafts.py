"""Answers of a person before they file. A draft belongs to the person, so every device has it."""

import datetime as dt
import json
import uuid
from dataclasses import asdict, dataclass, field

from django.db import connection, transaction

from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.models.applications import Draft


@dataclass(slots=True)
class Answers:
    """Answers of a draft; empty means not asked yet. No account number is among them."""

    lines: list[str] = field(default_factory=list)
    representation: str = "SELF"
    representative: str = ""
    documents: list[str] = field(default_factory=list)
    account: str = ""  # id of an Account
    candidate: str = ""  # an account the bank did not confirm; used only where the person says so
    unusual_length: bool = False
    consents: dict[str, str] = field(default_factory=dict)
    contact: str = ""
    proof: dict[str, str] = field(default_factory=dict)
    late: dict[str, str] = field(default_factory=dict)  # kind, ended_on, words: asked only after the window

    @property
    def account_id(self) -> uuid.UUID | None:
        """The chosen account."""
        return uuid.UUID(self.account) if self.account else None


def load(*, person_index: bytes, opened_by: User | None = None) -> tuple[str, Answers]:
    """Key and answers of a person's draft; "" and empty answers without one."""
    draft = Draft.objects.filter(person_index=person_index, opened_by=opened_by).first()
    if draft is None:
        return "", Answers()
    return str(draft.id), Answers(**json.loads(draft.answers_json or "{}"))


def save(answers: Answers, *, person_index: bytes, opened_by: User | None = None) -> str:
    """Save the answers in the person's draft, new if there is none; returns its key."""
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(person_index=person_index, opened_by=opened_by).first()
        draft = draft or Draft(person_index=person_index, opened_by=opened_by)
        draft.answers_json = json.dumps(asdict(answers))
        draft.saved_at = clock.now()
        draft.save()
    return str(draft.id)


def delete(key: str) -> None:
    """Delete the draft with this key, if there is one; a malformed key names no draft."""
    try:
        draft = uuid.UUID(key)
    except ValueError:
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM refunds_draft WHERE id = %s", [draft])


def forget_old(*, days: int = 90) -> int:
    """Delete drafts that were not saved for `days`; returns how many."""
    return Draft.objects.filter(saved_at__lt=clock.now() - dt.timedelta(days=days)).delete()[0]
