"""What other rooms call: register a kind of message, queue one, queue a whole round; new texts, and who wants none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto, phones
from kt_remedy.notices import texts, versions
from kt_remedy.notices.models import Mailing, Message, OptOut, Text

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
    confirmed: bool = False,
) -> None:
    """Register a kind of message; call it in `AppConfig.ready()`.

    `text` holds a template for "ko" and "en", with fields in braces; `{hotline}` is filled in by itself. `label` is the
    lazy Korean title shown to staff and on the page of our texts. `example` gives typical fields for the check of
    length. `recheck` is asked just before sending; False cancels the message. `address` finds the number of a message
    queued with a `recipient` instead of a number; None makes it undeliverable. An opt-out stops `optional` ones.
    `funnel` says what became of a round: its subject to labels and numbers of people, after "sent" and "delivered".
    `confirmed` says that its numbers are those customers gave us: who cannot be reached there by SMS may be called.
    Raises TextError for a text with a web address, an amount, a name, an account, a character outside CP949, without
    "[KT]" in front or without the hotline, or over 2,000 bytes. Staff may put another text in its place (`write_text`).
    """
    texts.register(
        texts.MessageKind(kind, label, dict(text), recheck, address, dict(example or {}), optional, funnel, confirmed)
    )


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


def queue_all(
    *,
    kind: str,
    subject: str,
    select: str,
    params: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> int:
    """Write one message for each row of a SELECT and return how many are new; one statement, set-based.

    `select` yields columns `person_index` (bytea), `recipient` (text, what the kind's `address` understands) and
    `language`, at most one row per person. `context` fills the fields of all of them alike. The rows make a round,
    which staff can pause; where ROUNDS_NEED_APPROVAL is set, one of optional messages waits for two people. Raises
    TextError where a field is missing.
    """
    bodies = {language: texts.render(kind, language, context or {}) for language in texts.LANGUAGES}
    waits = settings.ROUNDS_NEED_APPROVAL and texts.kind(kind).optional
    with transaction.atomic(), connection.cursor() as cursor:
        Mailing.objects.get_or_create(
            kind=kind,
            subject=subject,
            defaults={"state": Mailing.State.HELD, "created_at": clock.now()}
            if waits
            else {"state": Mailing.State.OPEN, "created_at": clock.now(), **bodies},
        )
        # One at a time for a round: then nobody gets in between, and ON CONFLICT, which costs a quarter, is not needed.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind}:{subject}"])
        # To a planner that knows no message of this round yet, looking for one by one is cheap; while half a million
        # are being written it is not.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(
            "INSERT INTO notices_message"  # noqa: S608  (the SELECT is code of ours; values are parameters)
            " (kind, subject, person_index, recipient, language, bulk, state, created_at, attempts, worker)"
            " SELECT %(kind)s, %(subject)s, chosen.person_index, chosen.recipient, chosen.language, true, 'QUEUED',"
            " %(now)s, 0, ''"
            f" FROM ({select}) AS chosen WHERE NOT EXISTS (SELECT FROM notices_message m WHERE m.kind = %(kind)s"
            " AND m.subject = %(subject)s AND m.person_index = chosen.person_index)",
            {**(params or {}), "kind": kind, "subject": subject, "now": clock.now()},
        )
        new = cursor.rowcount
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        return new


def cancel(*, kind: str, subject: str, reason: str = "") -> int:
    """Take back messages that have not left; returns how many."""
    return Message.objects.filter(
        kind=kind, subject=subject, state__in=(Message.State.QUEUED, Message.State.FAILED_TEMPORARY)
    ).update(state=Message.State.CANCELLED, reason=reason[:40], settled_at=clock.now())


def messages_of_person(person: bytes, *, limit: int = 20) -> list[Message]:
    """The last messages to a person, newest first."""
    return list(Message.objects.filter(person_index=person).order_by("-id")[:limit])


@transaction.atomic
def write_text(*, by: Any, kind: str, ko: str, en: str, reason: str) -> Text:
    """Put new texts of a kind in force, from now. Raises TextError for one that must not be sent, KeyError.

    A round that was checked, or began without a check, goes on with the text it has.
    """
    item = texts.kind(kind)
    for language, template in (("ko", ko), ("en", en)):
        texts.fill_and_check(item, language, template)
    row = Text.objects.create(kind=kind, ko=ko, en=en, since=clock.now(), written_by=by, reason=reason)
    audit.record(
        actor=audit.actor(by),
        action="notices.text_written",
        object=f"text:{row.pk}",
        reason=reason,
        detail={"kind": kind},
    )
    versions.clear_cache()
    transaction.on_commit(versions.clear_cache)  # another thread may have read the old one meanwhile
    return row


def store_shipped_texts(**_signal: Any) -> None:
    """After a migration: keep the texts that came with this code, where they are not the ones that came last."""
    with connection.cursor() as cursor:
        if Text._meta.db_table not in connection.introspection.table_names(cursor):
            return  # migrated back to before there were any
    shipped = Text.objects.filter(written_by__isnull=True).order_by("kind", "-id").distinct("kind")
    last = {row.kind: (row.ko, row.en) for row in shipped}
    Text.objects.bulk_create(
        Text(kind=item.code, ko=item.text["ko"], en=item.text["en"], since=clock.now())
        for item in texts.kinds()
        if last.get(item.code) != (item.text["ko"], item.text["en"])
    )


def opted_out(indexes: Sequence[bytes]) -> set[bytes]:
    """Which of these numbers and persons want no reminders, by their blind indexes."""
    return {bytes(value) for value in OptOut.objects.filter(pk__in=indexes).values_list("pk", flat=True)}


def opt_out(*, actor: str, number: str, person: bytes | None = None) -> bool:
    """Send no more reminders to a number, and to a person on whatever number; says whether that is new.

    `person` is the blind index of a verified CI; `actor` as in the audit.
    """
    with transaction.atomic():
        new = [
            OptOut.objects.get_or_create(pk=index, defaults={"created_at": clock.now()})[1]
            for index in _indexes(number, person)
        ]
        if any(new):
            audit.record(actor=actor, action="notices.opted_out", object=f"number:{_short_index(number)}")
    return any(new)


def opt_in(*, actor: str, number: str, person: bytes | None = None) -> bool:
    """Take an opt-out back; says whether there was one."""
    with transaction.atomic():
        gone = OptOut.objects.filter(pk__in=_indexes(number, person)).delete()[0]
        if gone:
            audit.record(actor=actor, action="notices.opted_in", object=f"number:{_short_index(number)}")
    return bool(gone)


def has_opted_out(*, number: str, person: bytes | None = None) -> bool:
    """Whether reminders to this number or this person are stopped."""
    return bool(opted_out(_indexes(number, person)))


def _indexes(number: str, person: bytes | None) -> list[bytes]:
    return [crypto.blind_index(phones.key(number), "msisdn")] + ([person] if person else [])


def _short_index(number: str) -> str:
    """The blind index of a number, short: enough to find the entry again from the number, and no number."""
    return crypto.blind_index(phones.key(number), "msisdn").hex()[:16]
