"""Documents that customers send: checked, stored encrypted outside the web root, read with a reason.

Rules: docs/trust.md#2-6.

What a person sends is drawn anew in a child process (`reading`), and only that drawing is kept: `read` first, outside
any transaction, then `add` or `add_to_objection`. Of the original there remain a keyed digest, its number of pages
and whether it carried a signature.

Each file is encrypted with a key of its own, and its row keeps this key, encrypted. A file without a row cannot be
read: neither one that was written just before a crash, nor one whose row was wiped.
"""

import base64
import contextlib
import datetime as dt
import os
import re
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto, file_stores, virus_scan
from kt_remedy.core.text import clean
from kt_remedy.staff.models import User
from refunds.applications import desk_sessions, file_types, pictures, reading
from refunds.applications.access import actor_of, close_to_own_case, lock
from refunds.applications.file_types import MOST_FILES, WrongFile
from refunds.applications.reviews import returns_to
from refunds.applications.transitions import Refused, transition
from refunds.models.applications import Application, Evidence, Filing, Objection
from refunds.models.cases import OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status

log = structlog.get_logger(__name__)

# States in which a document can change the decision.
AWAITED_IN = (Status.NEED_DOCS, Status.REVIEW, Status.LATE)

# Refusals that belong to the field of the files: the page is shown again with what was typed.
ABOUT_FILES = {"FILE", "MANY", "BUSY", "LONG", "STORE"}
# A request gives up after this and asks for fewer files, before a proxy in front gives up on it.
REQUEST_SECONDS = 30

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")


class Document(NamedTuple):
    """A document that was read: its name by its content, what is kept of it, and the keyed digest of the original."""

    name: str
    drawing: reading.Drawing
    digest: bytes


def read(files: Iterable[tuple[str, bytes]]) -> list[Document]:
    """Read files, given as (name, bytes), all of them or none. Takes seconds: call it outside any transaction.

    Raises Refused: FILE (which one, what is wrong with it and how to send it instead), MANY, BUSY (try again).
    """
    files = list(files)
    if not files:
        raise Refused("FILE", _("올릴 파일을 골라 주세요."))
    if len(files) > MOST_FILES:
        raise _too_many()
    patience = time.monotonic() + REQUEST_SECONDS
    documents: list[Document] = []
    for name, data in files:
        try:
            if time.monotonic() > patience:
                raise WrongFile("LONG")
            kind = file_types.recognise(data)
            if virus_scan.scan(data) == virus_scan.Finding.FOUND:
                raise WrongFile("VIRUS")
            drawing = reading.draw(data, kind)
        except WrongFile as wrong:
            if wrong.code in {"BUSY", "LONG"}:
                raise Refused(wrong.code, wrong.message) from None
            raise Refused("FILE", f"{_shown(name)}: {wrong.message}") from None
        digest = crypto.blind_index(base64.b64encode(data).decode(), "evidence")
        documents.append(Document(f"{_stem(name)}.{drawing.kind}", drawing, digest))
    return documents


def _too_many() -> Refused:
    return Refused("MANY", _("파일은 %(count)s개까지 올릴 수 있습니다.") % {"count": MOST_FILES})


def _shown(name: str) -> str:
    """The name as the person knows it, without its folders and invisible characters."""
    return clean(Path(name.replace("\\", "/")).name)[-100:] or _("이름 없는 파일")


def _stem(name: str) -> str:
    return _EXTENSION.sub("", _shown(name))[-90:].strip(" .") or _("서류")


def add(
    *, application_id: int, files: Iterable[Document], person_index: bytes | None = None, staff: User | None = None
) -> list[Evidence]:
    """Store documents of an application, all of them or none; a document that was sent before is not stored again.

    `files` were read by `read`. Raises Refused: UNKNOWN, OWN_CASE, STATE (nobody waits for documents), MANY, STORE
    (the store of documents does not answer).
    """
    with transaction.atomic():
        row = lock(application_id, person_index=person_index, staff=staff)
        desk_sessions.require(staff, row.filing.person_index, row.line.customer.person_index)
        if row.status not in AWAITED_IN:
            raise Refused("STATE", _("지금은 서류를 받을 수 없는 신청입니다."))
        Filing.objects.select_for_update().get(pk=row.filing_id)  # its other lines count with it
        return _store_all(files, staff=staff, subject=row.line.customer_id, filing=row.filing)


def add_to_objection(
    *, objection_id: uuid.UUID, files: Iterable[Document], person_index: bytes | None = None, staff: User | None = None
) -> list[Evidence]:
    """Store documents of an objection without an answer; see `add`. `person_index` is the person who objected.

    Raises Refused: UNKNOWN, OWN_CASE, STATE, MANY, STORE.
    """
    with transaction.atomic():
        row = Objection.objects.select_for_update(of=("self",)).select_related("line").filter(pk=objection_id).first()
        if row is None or (staff is None and row.person_index != person_index):
            raise Refused("UNKNOWN", _("이의를 찾을 수 없습니다."))
        close_to_own_case(staff, row.person_index)
        desk_sessions.require(staff, row.line.customer.person_index)
        if row.status != Objection.Status.OPEN:
            raise Refused("STATE", _("이미 답한 이의입니다."))
        return _store_all(files, staff=staff, subject=row.line.customer_id, objection=row)


def _store_all(
    files: Iterable[Document], *, staff: User | None, subject: str, **owner: Filing | Objection
) -> list[Evidence]:
    known = set(Evidence.objects.filter(**owner).values_list("content_index", flat=True))
    count = len(known)
    added: list[Evidence] = []
    written: list[str] = []
    try:
        for name, drawing, digest in files:
            if digest in known:
                continue
            known.add(digest)
            if len(known) > MOST_FILES:
                raise _too_many()
            row = Evidence(
                id=uuid.uuid4(), kind=drawing.kind, size=len(drawing.data), content_index=digest,
                pages=drawing.pages, signed=drawing.signed, added_by=actor_of(staff), added_at=clock.now(), **owner,
            )  # fmt: skip
            key = AESGCM.generate_key(bit_length=256)
            row.name, row.file_key = name, base64.b64encode(key).decode()
            written.append(_write(row, key, drawing.data))
            row.save(force_insert=True)
            audit.record(
                actor=actor_of(staff), action="evidence.added", object=f"evidence:{row.pk}", subject=subject,
                detail={"kind": drawing.kind, "bytes": len(drawing.data), "number": count + len(added) + 1},
            )  # fmt: skip
            added.append(row)
    except BaseException:
        for name in written:
            with contextlib.suppress(OSError):  # without its row nobody can read it
                _store().remove(name)
        raise
    return added


def _store() -> file_stores.FileStore:
    return file_stores.at(settings.UPLOADS_DIR)


def _name(row: Evidence) -> str:
    return f"evidence/{row.pk.hex[:2]}/{row.pk.hex}"


def _write(row: Evidence, key: bytes, data: bytes) -> str:
    """Store the encrypted bytes before the row that names them is committed; returns their name."""
    nonce, name = os.urandom(12), _name(row)
    try:
        _store().put_bytes(name, nonce + AESGCM(key).encrypt(nonce, data, row.pk.bytes))
    except OSError as error:
        raise _silent_store(error) from error
    return name


def _silent_store(error: OSError) -> Refused:
    log.error("documents.store", fault=error.strerror)
    return Refused("STORE", _("서류 보관소가 지금 응답하지 않습니다. 잠시 뒤 다시 해 주세요."))


def return_to_review(*, application_id: int, person_index: bytes | None = None, staff: User | None = None) -> None:
    """Return a case to the reviewers, because the customer has sent the documents asked for.

    Raises Refused: UNKNOWN, OWN_CASE, STATE, FILE (nothing was sent since they were asked for).
    """
    with transaction.atomic():
        row = lock(application_id, person_index=person_index, staff=staff)
        desk_sessions.require(staff, row.filing.person_index, row.line.customer.person_index)
        if row.status != Status.NEED_DOCS:
            raise Refused("STATE", _("서류를 기다리는 신청이 아닙니다."))
        if not Evidence.objects.filter(filing=row.filing_id, added_at__gte=row.status_since).exists():
            raise Refused("FILE", _("먼저 서류를 올려 주세요."))
        transition(row, returns_to(row), code="DOCUMENTS_SENT", actor=actor_of(staff), documents_due_on=None)
        audit.record(
            actor=actor_of(staff), action="application.documents_sent", object=f"application:{row.pk}",
            subject=row.line.customer_id,
        )  # fmt: skip


def of_filing(filing: Filing) -> list[Evidence]:
    """The documents of a filing, the oldest first."""
    return list(filing.evidence.order_by("added_at", "id"))


def of_objection(objection: Objection) -> list[Evidence]:
    """The documents of an objection, the oldest first."""
    return list(objection.evidence.order_by("added_at", "id"))


def take_out(*, evidence_id: uuid.UUID, staff: User, reason: str) -> tuple[Evidence, bytes]:
    """Row and bytes of a document, for a reviewer, supervisor or auditor with a reason, which the audit records.

    Raises Refused: ROLE, UNKNOWN, OWN_CASE, REASON, GONE (wiped, or its file is not there), STORE (try again).
    """
    if not reason.strip():
        raise Refused("REASON", _("보는 이유를 적어 주세요."))
    row, data = _open(evidence_id, staff)
    _record_look(row, staff, "evidence.taken_out", reason=reason.strip())
    return row, data


def page_of(*, evidence_id: uuid.UUID, staff: User, number: int) -> bytes:
    """One page of a document as a JPEG with the mark of the person who looks; the audit records each look.

    Raises Refused: ROLE, UNKNOWN (no such document or page), OWN_CASE, GONE, STORE.
    """
    row, data = _open(evidence_id, staff)
    mark = f"{staff.get_username()} · {clock.now().astimezone(clock.KST):%Y-%m-%d %H:%M}"
    picture = pictures.page(data, row.kind, number, mark=mark)
    if picture is None:
        raise Refused("UNKNOWN", _("서류를 찾을 수 없습니다."))
    _record_look(row, staff, "evidence.page_seen", detail={"page": number})
    return picture


def _open(evidence_id: uuid.UUID, staff: User) -> tuple[Evidence, bytes]:
    if not staff.has_perm("refunds.download_document"):
        raise Refused("ROLE", _("서류는 심사하는 사람만 볼 수 있습니다."))
    row = (
        Evidence.objects.select_related("filing__customer", "objection__line__customer").filter(pk=evidence_id).first()
    )
    if row is None:
        raise Refused("UNKNOWN", _("서류를 찾을 수 없습니다."))
    owner = row.filing or row.objection
    assert owner is not None
    close_to_own_case(staff, owner.person_index)
    try:
        return row, stored_bytes(row)
    except FileNotFoundError:
        raise Refused("GONE", _("지워진 서류입니다.")) from None
    except OSError as error:
        raise _silent_store(error) from error


def stored_bytes(row: Evidence) -> bytes:
    """The bytes of a document in clear. Not for a page: nobody's right is asked and no look is recorded.

    Raises FileNotFoundError for a wiped or lost one, InvalidTag for a changed one, DecryptError where its key cannot be
    opened, and OSError where the store does not answer.
    """
    sealed = _store().read(_name(row)) if row.file_key else b""
    if not sealed:
        raise FileNotFoundError(row.pk)
    return AESGCM(base64.b64decode(row.file_key or "")).decrypt(sealed[:12], sealed[12:], row.pk.bytes)


def _record_look(row: Evidence, staff: User, action: str, *, reason: str = "", detail: dict | None = None) -> None:
    subject = row.filing.customer_id if row.filing else row.objection.line.customer_id  # type: ignore[union-attr]
    audit.record(
        actor=audit.actor(staff),
        action=action,
        object=f"evidence:{row.pk}",
        subject=subject,
        reason=reason,
        detail=detail,
    )


def _settled(before: dt.datetime) -> QuerySet[Evidence]:
    """Documents of cases that ended before a time: rejected, withdrawn or paid; answered, for an objection."""
    paid = Item.objects.filter(application=OuterRef("pk"), kind=Item.Kind.REFUND, status=Item.Status.PAID)
    offline = OfflinePayment.objects.filter(application=OuterRef("pk"), status=OfflinePayment.Status.CONFIRMED)
    over = (
        Q(status__in=[Status.REJECTED, Status.WITHDRAWN], status_since__lt=before)
        | Q(Exists(paid.filter(status_at__lt=before)))
        | Q(Exists(offline.filter(decided_at__lt=before)))
    )
    open_ones = Application.objects.exclude(over).filter(filing=OuterRef("filing"))
    return Evidence.objects.filter(wiped_at=None).filter(
        Q(filing__isnull=False) & ~Exists(open_ones) | Q(objection__answered_at__lt=before)
    )


def wipe(*, limit: int = 500) -> int:
    """Delete documents of cases that ended ACCOUNT_WIPE_DAYS ago, the period of account numbers too; returns how many.

    The transaction deletes the key; the file is deleted after it. At-least-once.

    """
    now = clock.now()
    rows = list(_settled(now - dt.timedelta(days=settings.ACCOUNT_WIPE_DAYS)).order_by("id")[:limit])
    if rows:
        with transaction.atomic():
            Evidence.objects.filter(pk__in=[row.pk for row in rows]).update(
                file_key_enc=None, name_enc=None, wiped_at=now
            )
            audit.record(actor="system", action="evidence.wiped", object="evidence", detail={"documents": len(rows)})
    for row in rows:
        try:
            _store().remove(_name(row))
        except OSError as error:  # what stays can be read by nobody
            log.error("documents.left", fault=error.strerror)
    return len(rows)
