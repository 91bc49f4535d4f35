"""What other rooms call: register a kind of message, queue one, queue a whole round."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from kt_remedy import clock, crypto, phones
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message, OptOut, Round

TextError = texts.TextError


def register(
    kind: str,
    *,
    text: Mapping[str, str],
    label: Any,
    recheck: Callable[[Message], bool] | None = None,
    address: Callable[[Message], str | None] | None = None,
    example: Mapping[str, Any] | None = None,
    optional: bool = False,
    funnel: Callable[[str], list[tuple[Any, int]]] | None = None,
) -> None:
    """Register a kind of message; call it in `AppConfig.ready()`.

    `text` holds a template for "ko" and "en", with fields in braces; `{hotline}` is filled in by itself. `label` is the
    lazy Korean title shown to staff and on the page of our texts. `example` gives typical fields for the check of
    length. `recheck` is asked just before sending; False cancels the message. `address` finds the number of a message
    queued with a `recipient` instead of a number; None makes it undeliverable. An opt-out stops `optional` ones.
    `funnel` says what became of a round: its subject to labels and numbers of people, after "sent" and "delivered".
    Raises TextError for a text with a web address, an amount, a character outside CP949, without "[KT]" in front or
    without the hotline, or over 2,000 bytes.
    """
    texts.register(texts.Kind(kind, label, dict(text), recheck, address, dict(example or {}), optional, funnel))


def queue(
    *,
    kind: str,
    subject: str,
    person: bytes,
    to: str,
    language: str = "ko",
    context: Mapping[str, Any] | None = None,
) -> None:
    """Write a message to be sent by the worker; does nothing if this person has one of this kind and subject.

    Call it inside the transaction of the change it tells of. `person` is the blind index of the CI, `to` a telephone
    number in any spelling ("" makes it undeliverable, to be reached another way); dates in `context` are written in the
    language. A language without texts falls back to Korean. Raises TextError where a field is missing.
    """
    language = language if language in texts.LANGUAGES else "ko"
    message = Message(
        kind=kind,
        subject=subject,
        person_index=person,
        language=language,
        body=texts.render(kind, language, context or {}),
        created_at=clock.now(),
    )
    number = phones.key(to)
    if number:
        message.to = number
        message.to_index = crypto.blind_index(number, "msisdn")
    else:
        message.state, message.reason, message.settled_at = Message.State.FAILED, "NO_NUMBER", message.created_at
    Message.objects.bulk_create([message], ignore_conflicts=True)


def queue_all(*, kind: str, subject: str, select: str, params: Mapping[str, Any] | None = None) -> int:
    """Write one message for each row of a SELECT and return how many are new; one statement, set-based.

    `select` yields columns `person_index` (bytea), `recipient` (text, what the kind's `address` understands) and
    `language`, at most one row per person. The text of such a kind has no fields but the hotline. The rows make a
    round, which staff can pause; where ROUNDS_NEED_APPROVAL is set, one of optional messages waits for two people.
    """
    for language in texts.LANGUAGES:
        texts.render(kind, language, {})
    waits = settings.ROUNDS_NEED_APPROVAL and texts.kind(kind).optional
    with transaction.atomic(), connection.cursor() as cursor:
        Round.objects.get_or_create(
            kind=kind,
            subject=subject,
            defaults={"state": Round.State.HELD if waits else Round.State.OPEN, "created_at": clock.now()},
        )
        # One at a time for a round: then nobody gets in between, and ON CONFLICT, which costs a quarter, is not needed.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind}:{subject}"])
        cursor.execute(
            "INSERT INTO notices_message"  # noqa: S608  (the SELECT is code of ours; values are parameters)
            " (kind, subject, person_index, recipient, language, bulk, state, created_at, attempts, worker)"
            " SELECT %(kind)s, %(subject)s, chosen.person_index, chosen.recipient, chosen.language, true, 'QUEUED',"
            " %(now)s, 0, ''"
            f" FROM ({select}) AS chosen WHERE NOT EXISTS (SELECT FROM notices_message m WHERE m.kind = %(kind)s"
            " AND m.subject = %(subject)s AND m.person_index = chosen.person_index)",
            {**(params or {}), "kind": kind, "subject": subject, "now": clock.now()},
        )
        return cursor.rowcount


def cancel(*, kind: str, subject: str, reason: str = "") -> int:
    """Take back messages that have not left; returns how many."""
    return Message.objects.filter(
        kind=kind, subject=subject, state__in=(Message.State.QUEUED, Message.State.FAILED_TEMPORARY)
    ).update(state=Message.State.CANCELLED, reason=reason[:40], settled_at=clock.now())


def of_person(person: bytes, *, limit: int = 20) -> list[Message]:
    """The last messages to a person, newest first."""
    return list(Message.objects.filter(person_index=person).order_by("-id")[:limit])


def opted_out(to_indexes: Sequence[bytes]) -> set[bytes]:
    """Which of these numbers want no reminders."""
    return {bytes(value) for value in OptOut.objects.filter(pk__in=to_indexes).values_list("pk", flat=True)}


def opt_out(*, number: str) -> None:
    """Send no more reminders to a number; said twice changes nothing. The caller writes the audit entry."""
    OptOut.objects.get_or_create(
        pk=crypto.blind_index(phones.key(number), "msisdn"), defaults={"created_at": clock.now()}
    )
