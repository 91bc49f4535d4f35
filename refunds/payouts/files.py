"""Files for the bank: written once from an approved batch, kept encrypted, downloaded for a reason, handed over.

Bytes are stored in encrypted pieces and stream piece by piece; the files of answers and inquiries are kept here too.
"""

import datetime as dt
import hashlib
import io
from binascii import unhexlify
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto, programme, switches, text
from kt_remedy.core.models import Switch
from kt_remedy.core.templatetags.remedy import kdate
from kt_remedy.staff.models import User
from refunds import bankfiles
from refunds.bankfiles.records import FileHeader, Layout, Payment, PaymentRefused
from refunds.calendar import first_bank_day, next_business_day
from refunds.models.bank_files import BankFile, Chunk, Download
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import sms, stops
from refunds.payouts.batches import totals
from refunds.payouts.copy_out import copy_rows
from refunds.payouts.guards import (
    Refused,
    is_maker,
    lock_batch,
    person_of,
    record_act,
    require_permission,
    require_reason,
    void_figures,
)
from refunds.promise import service as promise

CHUNK_BYTES = 1 << 20


def create_files(*, batch_id: int, user: User) -> list[BankFile]:
    """Write the file of an approved batch, once: in parts of at most BANK_FILE_MAX_ROWS rows, kept encrypted.

    The items are compared with the approved totals first. A second run after a crash gives the same bytes.
    Raises Refused: ROLE, STATE, CHANGED, LINES (a payment that the layout cannot hold: take it out first).
    """
    require_permission(user, "payouts.create_file")
    switches.require(Switch.Code.BANK_FILES)
    with transaction.atomic():
        batch = lock_batch(batch_id)
        require_approved(batch)
        if totals(batch) != (batch.count, batch.won, batch.hash_total, batch.approved_digest):
            raise Refused("CHANGED", _("승인한 내용과 다릅니다. 돌려보내고 다시 확정해 주세요."))
        files = []
        for part, (first, last) in enumerate(_parts(batch), _next_part(batch)):
            items = batch.items.filter(status=Item.Status.QUEUED, id__gte=first, id__lte=last)
            files.append(_write_file(batch, part, items, user))
        batch.status = Batch.Status.FILED
        batch.save(update_fields=["status"])
        assert batch.count == sum(file.count for file in files)
        record_act(user, "batch.filed", batch, files=[file.sha256 for file in files])
        void_figures(batch.pk)
    return files


def replace_refused_file(*, file_id: int, user: User) -> BankFile:
    """Write a new part with the items of a file that the bank refused whole; it waits for a checker (`approve_part`).

    Raises Refused: ROLE, PERSON, STATE, LINES.
    """
    require_permission(user, "payouts.create_file")
    person_of(user)
    with transaction.atomic():
        refused = BankFile.objects.get(pk=file_id)
        batch = lock_batch(refused.batch_id)
        refused.refresh_from_db()
        items = refused_items(refused)
        part = _next_part(batch)
        file = _write_file(batch, part, items, user, replaces=refused)
        promise.refresh_batch(batch.pk, cause="MADE_AGAIN")
        record_act(user, "file.made_again", batch, part=part, replaces=refused.part, sha256=file.sha256)
        void_figures(batch.pk)
    return file


def approve_part(*, file_id: int, user: User, typed_total: int, sha256: str) -> BankFile:
    """Approve a part that was made again after a refusal; by a checker who is not the person that made it (D-64).

    The checker types the total in won and names the bytes by their SHA-256.
    Raises Refused: ROLE, PERSON, STATE, SAME_PERSON, CHANGED, TOTAL, STOPPED (`stops`).
    """
    require_permission(user, "payouts.approve_file")
    with transaction.atomic():
        batch = lock_batch(BankFile.objects.values_list("batch_id", flat=True).get(pk=file_id))
        file = BankFile.objects.select_for_update().get(pk=file_id)
        if file.status != BankFile.Status.MADE:
            raise Refused("STATE", _("승인을 기다리는 파일이 아닙니다."))
        if is_maker(user, file.made_by_id, file.made_person):
            raise Refused("SAME_PERSON", _("파일을 만든 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        person = person_of(user)
        if sha256 != file.sha256:
            raise Refused("CHANGED", _("보신 뒤에 내용이 바뀌었습니다. 다시 보고 승인해 주세요."))
        if typed_total != file.won:
            raise Refused("TOTAL", _("적으신 합계가 나가는 합계와 다릅니다."))
        stops.require_settled(file)
        stops.require_none(batch, file)
        file.status, file.approved_by, file.approved_person = BankFile.Status.APPROVED, user, person
        file.approved_at = clock.now()
        file.save(update_fields=["status", "approved_by", "approved_person", "approved_at"])
        chain = audit.head()
        record_act(user, "file.approved", batch, part=file.part, won=file.won, sha256=file.sha256, audit_head=chain)
        stops.require_none(batch, file, final=True)
    return file


def _next_part(batch: Batch) -> int:
    return 1 + max(batch.files.values_list("part", flat=True), default=0)


def require_approved(batch: Batch) -> None:
    """Raises Refused STATE unless the batch is approved and has no file yet."""
    if batch.status != Batch.Status.APPROVED:
        raise Refused("STATE", _("승인된 회차만 파일로 만들 수 있습니다."))


def refused_items(file: BankFile) -> QuerySet[Item]:
    """The items of a file that the bank refused whole. Raises Refused STATE for other files and for a replaced one."""
    items = Item.objects.filter(file=file, status=Item.Status.FILED)
    if file.status != BankFile.Status.REFUSED or not items.exists():
        raise Refused("STATE", _("은행이 통째로 거절한 파일만 다시 만들 수 있습니다."))
    return items


def _parts(batch: Batch) -> list[tuple[int, int]]:
    """First and last item id of each part, in the order of the items."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(id), max(id) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS part"
            " FROM refunds_item WHERE batch_id = %s AND status = 'QUEUED') numbered GROUP BY part ORDER BY part",
            [settings.BANK_FILE_MAX_ROWS, batch.pk],
        )
        return cursor.fetchall()


def _write_file(batch: Batch, part: int, items: Any, user: User, replaces: BankFile | None = None) -> BankFile:
    """Write one file from items, store its bytes and set the items to FILED."""
    layout = bankfiles.layout(settings.BANK_FILE_FORMAT)
    sums = items.aggregate(count=Count("pk"), won=Sum("amount_krw"))
    message_id = f"{programme.current().code}-{batch.pay_on:%Y%m%d}-{part:02}"
    assert batch.approved_at is not None
    head = FileHeader(
        message_id=message_id,
        # The time of the approval, not of the writing, so that a second run writes the same bytes.
        made_at=batch.approved_at.astimezone(clock.KST),
        execution_on=_execution_on(batch),
        payer_name=settings.PAYER_NAME,
        payer_bank=settings.PAYER_BANK,
        payer_number=settings.PAYER_ACCOUNT,
        count=sums["count"],
        won=sums["won"],
    )
    try:
        size, sha256 = store_bytes(message_id, layout.write(payments(items), head))
    except PaymentRefused:
        refused = _refused(layout, items)
        values = {
            "reference": ", ".join(error.reference for error in refused),
            "why": ", ".join(sorted({error.text for error in refused})),
        }
        raise Refused(
            "LINES", _("%(reference)s: 이 양식에 쓸 수 없는 건입니다. 먼저 빼 주세요. (%(why)s)") % values, **values
        ) from None
    file = BankFile.objects.create(
        batch=batch,
        part=part,
        layout=layout.code,
        name=f"{message_id}.{layout.suffix}",
        message_id=message_id,
        execution_on=head.execution_on,
        count=head.count,
        won=head.won,
        size=size,
        sha256=sha256,
        status=BankFile.Status.MADE if replaces else BankFile.Status.APPROVED,
        made_by=user,
        made_person=user.person_index,
        made_at=clock.now(),
        replaces=replaces,
    )
    items.update(status=Item.Status.FILED, status_at=clock.now(), file=file)
    return file


def _execution_on(batch: Batch) -> dt.date:
    """The pay day; for a late file the first business day that the bank can keep."""
    return max(next_business_day(batch.pay_on), earliest_execution())


def earliest_execution() -> dt.date:
    """The first day on which the bank can execute a file handed over now (BANK_CUT_OFF_HOUR, BANK_LEAD_DAYS)."""
    return first_bank_day(
        clock.now(),
        zone=clock.KST,
        cut_off_hour=settings.BANK_CUT_OFF_HOUR,
        lead_days=settings.BANK_LEAD_DAYS,
    )


def _refused(layout: Layout, items: Any) -> list[PaymentRefused]:
    """Every payment of items that cannot be written, so that all are taken out at once."""
    refused: list[PaymentRefused] = []
    for payment in payments(items, refused):
        try:
            layout.check(payment)
        except PaymentRefused as error:
            refused.append(error)
    return refused


def payments(items: Any, refused: list[PaymentRefused] | None = None) -> Iterator[Payment]:
    """The payments of items in the order of their keys. Each number is checked against the index it was entered with.

    A payment whose account cannot be read raises PaymentRefused, or is added to `refused` where that is given. The
    temporary file of `copy_rows` holds ciphertext only.
    """
    query, params = (
        items.order_by("id")
        .values_list(
            "reference", "amount_krw", "account_id", "account__bank_code", "account__number_enc",
            "account__holder_name_enc", "account__number_index", "account__holder_check__bank_spelling_enc",
        )
        .query.sql_with_params()
    )  # fmt: skip
    number_of = crypto.opener("refunds_account:number_enc")
    name_of = crypto.opener("refunds_account:holder_name_enc")
    spelling_of = crypto.opener("refunds_holder_check:bank_spelling_enc")
    index_of = crypto.indexer("account")
    for reference, amount, account, bank, number_enc, name_enc, index, spelling_enc in copy_rows(query, params):
        fault = "" if number_enc and name_enc else "the account was wiped"
        number = "" if fault else number_of(_bytes(number_enc), account)
        if not fault and index_of(f"{bank}:{number}") != _bytes(index):
            fault = "the account number is not the one that was entered"
        if fault:
            if refused is None:
                raise PaymentRefused(reference, fault)
            refused.append(PaymentRefused(reference, fault))
            continue
        # As `Account.name_in_file` does.
        name = (
            spelling_of(_bytes(spelling_enc), account)
            if spelling_enc
            else text.clean(name_of(_bytes(name_enc), account))
        )
        yield Payment(reference, bank, number, name, int(amount))


def _bytes(copied: str) -> bytes:
    """The bytes of a column as COPY writes them: a backslash, x and hex. Encoded before, rows take twice to sort."""
    return unhexlify(copied[2:])


def store_bytes(key: str, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Store a file in encrypted pieces under a key; returns its size in bytes and its SHA-256 in hex."""
    digest, size = hashlib.sha256(), 0
    for number, piece in enumerate(_rechunk(pieces)):
        digest.update(piece)
        size += len(piece)
        Chunk.objects.create(key=key, number=number, data_enc=crypto.encrypt_bytes(piece, Chunk.aad(key, number)))
    return size, digest.hexdigest()


def digest_of(content: BinaryIO) -> tuple[str, int]:
    """SHA-256 in hex and size in bytes of a file that somebody gives; it is read to its end."""
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while piece := content.read(CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def keep_bytes(sha256: str, content: BinaryIO) -> None:
    """Store a given file under its digest, unless the same bytes came before, as those of a discarded file do."""
    if not Chunk.objects.filter(key=sha256).exists():
        content.seek(0)
        store_bytes(sha256, iter(lambda: content.read(CHUNK_BYTES), b""))


def _rechunk(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one mebibyte."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)


def stored_bytes(key: str) -> Iterator[bytes]:
    """The stored bytes of a key, piece by piece; nothing if there are none."""
    number = 0
    while chunk := Chunk.objects.filter(key=key, number=number).first():
        yield chunk.data
        number += 1


class StoredBytes(io.RawIOBase):
    """The stored bytes of a key as a file to read; holds one piece at a time and counts what was read."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._pieces, self._piece, self.read_bytes = stored_bytes(key), memoryview(b""), 0

    def readable(self) -> bool:
        """True: the file is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the piece at hand; 0 at the end."""
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        taken = min(len(buffer), len(self._piece))
        buffer[:taken], self._piece = self._piece[:taken], self._piece[taken:]
        self.read_bytes += taken
        return taken


def open_stored(key: str) -> io.BufferedReader:
    """The stored bytes of a key as a buffered file, by lines or blocks."""
    return io.BufferedReader(StoredBytes(key))


def stored_digest(key: str) -> str:
    """SHA-256 in hex of the stored bytes of a key."""
    digest = hashlib.sha256()
    for piece in stored_bytes(key):
        digest.update(piece)
    return digest.hexdigest()


def require_stored(key: str) -> None:
    """Raise Refused GONE if the stored bytes of a key were wiped."""
    if not Chunk.objects.filter(key=key).exists():
        raise Refused("GONE", _("이 파일의 내용은 보관 기간이 지나 지워졌습니다."))


def download(*, file_id: int, user: User, reason: str) -> Iterator[bytes]:
    """The stored bytes of a file, after the download was recorded. Raises Refused: ROLE, REASON, GONE (wiped)."""
    require_permission(user, "payouts.download_file")
    switches.require(Switch.Code.BANK_FILES)
    reason = require_reason(reason)
    with transaction.atomic():
        file = BankFile.objects.select_related("batch").get(pk=file_id)
        require_stored(file.message_id)
        Download.objects.create(file=file, user=user, at=clock.now(), reason=reason)
        what: dict[str, Any] = {"part": file.part, "sha256": file.sha256, "count": file.count, "filters": ["file"]}
        record_act(user, "file.downloaded", file.batch, reason=reason, **what)
    return stored_bytes(file.message_id)


def hand_over(*, file_id: int, user: User, typed_total: int, funds_confirmed: bool) -> BankFile:
    """Record that a file was given to the bank; with the last part the customers of the batch get a message.

    The maker types the total in won and confirms that the paying account holds it. A file whose execution day the bank
    can no longer keep is refused: its batch is opened again.
    Raises Refused: ROLE, STATE, FUNDS, TOTAL, DATE, STOPPED (`stops`), SEAL (the stored bytes are not the ones that
    were made).
    """
    require_permission(user, "payouts.hand_over_file")
    switches.require(Switch.Code.BANK_FILES)
    with transaction.atomic():
        batch = lock_batch(BankFile.objects.values_list("batch_id", flat=True).get(pk=file_id))
        file = BankFile.objects.select_for_update().get(pk=file_id)
        if file.status == BankFile.Status.MADE:
            raise Refused("STATE", _("아직 승인되지 않은 파일입니다. 다른 사람이 먼저 승인해야 합니다."))
        if file.status != BankFile.Status.APPROVED:
            raise Refused("STATE", _("이미 전달했거나 버린 파일입니다."))
        if not funds_confirmed:
            raise Refused("FUNDS", _("지급 계좌에 돈이 있는지 확인해 주세요."))
        if typed_total != file.won:
            raise Refused("TOTAL", _("적으신 합계가 나가는 합계와 다릅니다."))
        if file.execution_on < earliest_execution():
            raise Refused(
                "DATE",
                _("이체일 %(day)s을 은행이 지킬 수 없습니다. 회차를 다시 열어 새 이체일로 파일을 만들어 주세요.")
                % {"day": kdate(file.execution_on)},
            )
        stops.require_settled(file)
        stops.require_none(batch, file)
        if stored_digest(file.message_id) != file.sha256:
            raise Refused("SEAL", _("보관된 파일이 만든 때와 다릅니다. 전달하지 말고 감사 담당에게 알려 주세요."))
        now = clock.now()
        file.status, file.handed_over_by, file.handed_over_at = BankFile.Status.HANDED_OVER, user, now
        file.save(update_fields=["status", "handed_over_by", "handed_over_at"])
        if batch.handed_over:
            batch.handed_over_at = batch.handed_over_at or now
            batch.save(update_fields=["handed_over_at"])
            sms.announce_hand_over(batch)
        promise.refresh_batch(batch.pk, cause="HANDED_OVER")
        record_act(user, "file.handed_over", batch, part=file.part, won=file.won, sha256=file.sha256)
        stops.require_none(batch, file, final=True)
    return file


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of an uploaded file from the stored one, by line number of the upload and reference.

    `identical` means that every byte is the same, header and trailer included.
    """

    rows: int
    identical: bool
    added: list[tuple[int, str]]
    changed: list[tuple[int, str, list[str]]]
    dropped: list[str]
    doubled: list[tuple[int, str]]

    @property
    def same(self) -> bool:
        """True if no row differs."""
        return not (self.added or self.changed or self.dropped or self.doubled)


def compare(*, file_id: int, content: bytes, user: User) -> Comparison:
    """Compare the file that the bank shows with the stored one, row by row. Raises Refused ROLE, FileFault."""
    require_permission(user, "payouts.compare_file")
    file = BankFile.objects.select_related("batch").get(pk=file_id)
    layout = bankfiles.layout(file.layout)
    ours = {payment.reference: payment for _line, payment in layout.read(b"".join(stored_bytes(file.message_id)))}
    references: set[str] = set()
    added, changed, doubled = [], [], []
    for line, payment in layout.read(content):
        stored_payment = ours.get(payment.reference)
        if payment.reference in references:
            doubled.append((line, payment.reference))
        elif stored_payment is None:
            added.append((line, payment.reference))
        elif stored_payment != payment:
            names = [n for n, a, b in zip(Payment._fields, stored_payment, payment, strict=True) if a != b]
            changed.append((line, payment.reference, names))
        references.add(payment.reference)
    identical = hashlib.sha256(content).hexdigest() == file.sha256
    result = Comparison(len(references), identical, added, changed, sorted(set(ours) - references), doubled)
    with transaction.atomic():
        record_act(user, "file.compared", file.batch, part=file.part, same=result.same, identical=identical)
    return result
