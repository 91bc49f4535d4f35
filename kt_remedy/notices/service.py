"""The interface of notices: register a message kind, queue messages and mailings, write texts, record opt-outs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto, kept_pages, phones
from kt_remedy.notices import mailings, preparing, texts, versions
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
    urgent: bool = False,
    sms: bool = False,
    recheck_all: Callable[[Sequence[Message]], set[int]] | None = None,
    address_all: Callable[[Sequence[Message]], Mapping[int, str | None]] | None = None,
    subject_name: Callable[[str], Any] | None = None,
    mailing_fields: Callable[[str], Mapping[str, Any]] | None = None,
) -> None:
    """Register a kind of message; call it in `AppConfig.ready()`.

    `text` holds a template for "ko" and "en" with fields in braces; `{prefix}`, `{carrier}` and `{hotline}` are
    filled from the programme file. `label` is the lazy Korean title on the pages. `example` gives typical fields for
    the check of the length. `recheck` runs just
    before sending; False cancels the message. `address` returns the number of a message that was queued with a
    `recipient`; None makes the message undeliverable. An opt-out stops `optional` kinds. `funnel` maps the subject of a
    mailing to labels and numbers of persons, shown after "sent" and "delivered". `confirmed` marks kinds that go to
    numbers given by customers; these numbers may be called if the SMS fails. `sms` marks texts that are meant as SMS:
    they hold 90 bytes at most, and a longer version is refused.
    `urgent` kinds, codes and warnings, leave at any hour (D-75).

    Mailings look at a hundred messages in few queries: `recheck_all` returns the ids of those that are still due and
    `address_all` the number of each id; they stand in place of `recheck` and `address`. `subject_name` gives the name
    of a subject for pages of staff. `mailing_fields` maps the subject of a mailing to the fields of its texts, so that
    they can be checked before the list is drawn.

    Raises TextError for a text with a web address, an amount, a name, an account or a character outside CP949, for a
    text that does not begin with the carrier's prefix or has no hotline, and for more than 2,000 bytes. Staff may
    replace the texts (`write_text`).
    """
    texts.register(
        texts.MessageKind(
            kind,
            label,
            dict(text),
            recheck,
            address,
            dict(example or {}),
            optional,
            funnel,
            confirmed,
            sms,
            recheck_all,
            address_all,
            subject_name,
            urgent,
            mailing_fields,
        )
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message to queue; `queue` says what each part is."""

    kind: str
    subject: str
    person: bytes
    to: str
    language: str
    context: Mapping[str, Any]


def queue(
    *,
    kind: str,
    subject: str,
    person: bytes,
    to: str,
    language: str = "ko",
    context: Mapping[str, Any] | None = None,
) -> None:
    """Queue a message for the worker; do nothing if the person has a message of this kind and subject.

    Call it inside the transaction of the change that the message announces. `person` is the blind index of the CI, `to`
    a telephone number in any spelling; "" makes the message undeliverable, so that staff inform the person another way.
    Dates in `context` are formatted in the language. A language without texts falls back to Korean. Raises TextError if
    a field is missing.
    """
    queue_many([Wanted(kind, subject, person, to, language, context or {})])


def queue_many(wanted: Iterable[Wanted]) -> None:
    """`queue` for messages to several people, in one statement."""
    Message.objects.bulk_create([_message(one) for one in wanted], ignore_conflicts=True)


def _message(wanted: Wanted) -> Message:
    language = wanted.language if wanted.language in texts.LANGUAGES else "ko"
    message = Message(
        kind=wanted.kind,
        subject=wanted.subject,
        person_index=wanted.person,
        language=language,
        body=texts.render(wanted.kind, language, wanted.context),
        created_at=clock.now(),
    )
    number = phones.key(wanted.to)
    if number:
        message.to = number
        message.to_index = crypto.blind_index(number, "msisdn")
    else:
        message.state, message.reason, message.settled_at = Message.State.FAILED, "NO_NUMBER", message.created_at
    return message


def queue_all(
    *,
    kind: str,
    subject: str,
    select: str,
    params: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> int:
    """Queue a mailing: one message for each row of a SELECT, in one statement. Return the number of new messages.

    `select` yields the columns `person_index` (bytea), `recipient` (text, the argument of the kind's `address`) and
    `language`, at most one row per person. `context` fills the fields of all messages, by default with the
    `mailing_fields` of the kind. Staff can pause the mailing; with ROUNDS_NEED_APPROVAL, a mailing of an optional kind
    waits for two persons. A mailing that was prepared for its hour (`preparing`) is drawn only after them; a superseded
    one is not drawn at all. Raises TextError if a field is missing, preparing.NotApproved, and preparing.Stopped for a
    list that is too large or of other criteria. Both say that the act has to wait, so let them pass. Call it outside a
    transaction for such a mailing: a stop is kept.
    """
    bodies = (
        texts.render_mailing(kind, subject)
        if context is None
        else {language: texts.render(kind, language, context) for language in texts.LANGUAGES}
    )
    needs_approval = settings.ROUNDS_NEED_APPROVAL and texts.kind(kind).optional
    with transaction.atomic():
        mailing, _created = Mailing.objects.get_or_create(
            kind=kind,
            subject=subject,
            defaults={"state": Mailing.State.HELD, "created_at": clock.now()}
            if needs_approval
            else {"state": Mailing.State.OPEN, "created_at": clock.now(), **bodies},
        )
        if mailing.ended_why == Mailing.Why.SUPERSEDED:
            return 0
        if mailing.due_at and (mailing.checked_by is None or mailing.approved_by is None):
            raise preparing.NotApproved
        try:
            with transaction.atomic():
                new_messages = _insert(kind, subject, select, params or {})
                drawn = Message.objects.filter(kind=kind, subject=subject).count() if mailing.due_at else 0
                if mailing.due_at and mailing.criteria != preparing.criteria(select):
                    raise preparing.CriteriaChanged
                if mailings.is_too_many(mailing, drawn):
                    raise preparing.TooMany(drawn, mailing.expected or 0)
        except preparing.Stopped as refused:
            stopped: preparing.Stopped | None = refused
            mailings.stop(mailing, drawn=drawn)
        else:
            stopped = None
            if new_messages and mailing.state == Mailing.State.ENDED:
                Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.OPEN, ended_at=None, ended_why="")
    if stopped is not None:
        raise stopped
    return new_messages


def _insert(kind: str, subject: str, select: str, params: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        # Only one transaction writes a mailing at a time, so ON CONFLICT, which costs a quarter more, is not needed.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind}:{subject}"])
        # The statistics know no message of a new mailing, so the planner would choose a nested loop, which is too slow
        # for half a million rows.
        cursor.execute("SET LOCAL enable_nestloop = off")
        # Half a million people are sorted in memory rather than on disk.
        cursor.execute("SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '256MB'")
        cursor.execute(
            "INSERT INTO notices_message"  # noqa: S608  (the SELECT is our own code; values are parameters)
            " (kind, subject, person_index, recipient, language, bulk, state, created_at, attempts)"
            " SELECT %(kind)s, %(subject)s, chosen.person_index, chosen.recipient, chosen.language, true, 'QUEUED',"
            " %(now)s, 0"
            f" FROM ({select}) AS chosen WHERE NOT EXISTS (SELECT FROM notices_message m WHERE m.kind = %(kind)s"
            " AND m.subject = %(subject)s AND m.person_index = chosen.person_index)",
            {**params, "kind": kind, "subject": subject, "now": clock.now()},
        )
        new_messages = cursor.rowcount
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        return new_messages


def cancel(*, kind: str, subject: str, reason: str = "") -> int:
    """Cancel the messages that are not sent yet and return their number."""
    return Message.objects.filter(
        kind=kind, subject=subject, state__in=(Message.State.QUEUED, Message.State.FAILED_TEMPORARY)
    ).update(state=Message.State.CANCELLED, reason=reason[:40], settled_at=clock.now())


def messages_of_person(person: bytes, *, limit: int = 20) -> list[Message]:
    """Return the last messages to a person, newest first."""
    return list(Message.objects.filter(person_index=person).order_by("-id")[:limit])


@transaction.atomic
def write_text(*, by: Any, kind: str, ko: str, en: str, reason: str) -> Text:
    """Put new texts of a kind in force immediately.

    A mailing that is checked, or that started without a check, keeps its texts. Raises TextError for a text that must
    not be sent, KeyError for an unknown kind.
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
    transaction.on_commit(kept_pages.forget)
    transaction.on_commit(versions.clear_cache)  # another thread may have cached the old version before the commit
    return row


def store_shipped_texts(**_signal: Any) -> None:
    """Store the texts of this code after a migration, if they differ from the last shipped version."""
    with connection.cursor() as cursor:
        if Text._meta.db_table not in connection.introspection.table_names(cursor):
            return  # migrated back to a state without the table
    shipped = Text.objects.filter(written_by__isnull=True).order_by("kind", "-id").distinct("kind")
    last_shipped = {row.kind: (row.ko, row.en) for row in shipped}
    Text.objects.bulk_create(
        Text(kind=item.code, ko=item.text["ko"], en=item.text["en"], since=clock.now())
        for item in texts.kinds()
        if last_shipped.get(item.code) != (item.text["ko"], item.text["en"])
    )


def opted_out(indexes: Sequence[bytes]) -> set[bytes]:
    """Return the blind indexes, of numbers and persons, that have an opt-out."""
    return set(OptOut.objects.filter(pk__in=indexes).values_list("pk", flat=True))


def opt_out(*, actor: str, number: str, person: bytes | None = None) -> bool:
    """Stop reminders to a number, and to a person on any number; return whether the opt-out is new.

    `person` is the blind index of a verified CI, `actor` the actor of the audit entry.
    """
    with transaction.atomic():
        created = [
            OptOut.objects.get_or_create(pk=index, defaults={"created_at": clock.now()})[1]
            for index in _indexes(number, person)
        ]
        if any(created):
            audit.record(actor=actor, action="notices.opted_out", object=f"number:{_short_index(number)}")
    return any(created)


def opt_in(*, actor: str, number: str, person: bytes | None = None) -> bool:
    """Delete an opt-out; return whether there was one."""
    with transaction.atomic():
        deleted = OptOut.objects.filter(pk__in=_indexes(number, person)).delete()[0]
        if deleted:
            audit.record(actor=actor, action="notices.opted_in", object=f"number:{_short_index(number)}")
    return bool(deleted)


def has_opted_out(*, number: str, person: bytes | None = None) -> bool:
    """True if reminders to this number or this person are stopped."""
    return bool(opted_out(_indexes(number, person)))


def _indexes(number: str, person: bytes | None) -> list[bytes]:
    return [crypto.blind_index(phones.key(number), "msisdn")] + ([person] if person else [])


def _short_index(number: str) -> str:
    """Shortened blind index of a number: it finds the audit entry of a number and does not reveal the number."""
    return crypto.blind_index(phones.key(number), "msisdn").hex()[:16]
