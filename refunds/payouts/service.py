"""Payouts: freeze a round, approve it by another person, file it once, hand it over, take in what the bank answers.

Every public function is one transaction and keyword-only, refuses with `Refused` (a code and a sentence for whoever
tried) and writes its audit entry and messages with the change. Each locks its batch first, so that two of them never
cross. Large steps are single statements over all items; files stream.
"""

import datetime as dt
import hashlib
from binascii import unhexlify
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Func, Sum, TextField, Value
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, crypto, programme
from kt_remedy.staff.models import User
from refunds import bankfiles
from refunds.bankfiles.records import Head, Payment, PaymentRefused
from refunds.bankfiles.returns import SAME_ACCOUNT
from refunds.calendar import PayoutRound, next_business_day, payout_rounds, round_on
from refunds.models.applications import Application
from refunds.models.bank_files import BankFile, Chunk, Download
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment, Hold
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts import selection, sms
from refunds.payouts.independent_check import HASH_TOTAL, Recount, recount, rows

CHUNK_BYTES = 1 << 20
# Refused payments named in one sentence: the rest follows when these are mended.
_NAMED = 20


class Refused(Exception):
    """An act that is not possible now. `code` is a fixed word, the text a sentence for the person who tried."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def person_of(user: User) -> bytes:
    """The natural person behind an account. Raises Refused PERSON where nobody is known yet: two accounts could be one
    person."""
    if not user.person_index:
        raise Refused("PERSON", _("계정의 주인이 아직 확인되지 않았습니다. 본인 확인을 먼저 해 주세요."))
    return bytes(user.person_index)


def _actor(user: User) -> str:
    return f"staff:{user.pk}"


def _need(user: User, *roles: str) -> None:
    if not any(user.has_role(role) for role in roles):
        raise Refused("ROLE", _("이 일을 맡은 사람만 할 수 있습니다."))


def _reason(text: str) -> str:
    text = text.strip()
    if not text:
        raise Refused("REASON", _("이유를 적어 주세요."))
    return text


def _lock(batch_id: int) -> Batch:
    _patiently()
    return Batch.objects.select_for_update().get(pk=batch_id)


def _patiently() -> None:
    """Half a million rows take longer than a page may and are sorted in memory; locks are waited for, not for ever."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL statement_timeout = '15min'; SET LOCAL lock_timeout = '60s'; SET LOCAL work_mem = '64MB'"
        )


# Rounds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Projection:
    """A coming round as if it closed now: what would go, and what would stay behind by reason."""

    round: PayoutRound
    count: int
    won: int
    excluded: list[tuple[str, int, int]]

    @property
    def excluded_count(self) -> int:
        """Applications that would stay behind."""
        return sum(count for _reason, count, _won in self.excluded)


def open_rounds(*, at: dt.datetime | None = None) -> list[PayoutRound]:
    """Rounds still to be frozen: the fixed ones, and the supplementary ones up to the next to come."""
    at = at or clock.now()
    today = clock.kst_date(at)
    done = set(Batch.objects.exclude(status=Batch.Status.OPEN).values_list("pay_on", flat=True))
    coming = [r for r in payout_rounds(programme.current()) if r.pay_on not in done and r.pay_on >= today]
    fixed = [r for r in coming if not r.supplementary]
    return fixed + [r for r in coming if r.supplementary][:1]


def projection(*, at: dt.datetime | None = None) -> list[Projection]:
    """Each coming round "if it closed now". Counts with the statement the freeze copies by."""
    frame = programme.current()
    found, after = [], None
    for coming in open_rounds(at=at):
        chosen = selection.Selection(coming.pay_on, coming.cut_off, after=after, last=_is_last(coming))
        sums = selection.counts(chosen, frame)
        going = next(((count, won) for reason, count, won in sums if reason is None), (0, 0))
        found.append(Projection(coming, *going, _ordered([row for row in sums if row[0] is not None])))
        after = coming.pay_on
    return found


def _is_last(round_: PayoutRound) -> bool:
    return round_ == payout_rounds(programme.current())[-1]


def _ordered(excluded: Iterable[tuple[str | None, int, int]]) -> list[tuple[str, int, int]]:
    order = [str(code) for code in selection.REASONS]
    return sorted(((str(r), c, w) for r, c, w in excluded), key=lambda row: order.index(row[0]))


# Freeze -----------------------------------------------------------------------------------------------------------


def freeze(*, pay_on: dt.date, user: User) -> Batch:
    """Copy what is due into the batch of `pay_on`, once its cut-off has passed: the maker's act.

    Amount, account and a digest of the bill rows behind it are copied into items; count, sum, hash total and a digest
    over all of them into the batch. What stays behind is counted by reason. Frozen again after it was opened, the
    same data give the same digest. Raises Refused: ROLE, PERSON, ROUND, CUT_OFF, STATE, EMPTY.
    """
    _need(user, "maker")
    person = person_of(user)
    frame = programme.current()
    coming = round_on(pay_on, frame)
    if coming is None:
        raise Refused("ROUND", _("이날은 지급일이 아닙니다."))
    now = clock.now()
    if now < coming.cut_off:
        raise Refused("CUT_OFF", _("마감 전에는 확정할 수 없습니다."))
    with transaction.atomic():
        _patiently()
        Batch.objects.bulk_create(
            [Batch(pay_on=coming.pay_on, number=coming.number, cut_off=coming.cut_off)], ignore_conflicts=True
        )
        batch = Batch.objects.select_for_update().get(pay_on=coming.pay_on)
        if batch.status != Batch.Status.OPEN:
            raise Refused("STATE", _("이미 확정된 회차입니다."))
        chosen = selection.Selection(coming.pay_on, coming.cut_off, batch.pk, last=_is_last(coming))
        _hold_still()
        _choose(chosen)
        _copy(batch, chosen, now)
        count, won, hash_total, digest = _totals(batch)
        if not count:
            raise Refused("EMPTY", _("이 회차에 나갈 것이 없습니다."))
        batch.count, batch.won, batch.hash_total, batch.digest = count, won, hash_total, digest
        batch.programme_snapshot = frame_of(frame)
        batch.excluded = _remember_the_rest(batch)
        batch.status, batch.prepared_at = Batch.Status.FROZEN, now
        batch.prepared_by, batch.prepared_person = user, person
        batch.opened_again = ""
        batch.save()
        _note(user, "batch.frozen", batch, count=count, won=won, digest=digest)
    return batch


def frame_of(frame: programme.Programme) -> dict[str, Any]:
    """What of the programme decides who is in a round and with how much, kept with the batch frozen by it."""
    return {
        "refundable_items": list(frame.waiver.refundable_items),
        "terminated_to": frame.waiver.terminated_to.isoformat(),
        "payouts": [
            {
                "terminated_from": row.terminated_from.isoformat(),
                "terminated_to": row.terminated_to.isoformat(),
                "applied_from": row.applied_from.isoformat(),
                "applied_to": row.applied_to.isoformat(),
                "pay_on": next_business_day(row.pay_on).isoformat(),
            }
            for row in frame.payouts
        ],
    }


def _hold_still() -> None:
    """Lock what may be chosen, so that a withdrawal either came before or finds the item (DESIGN 8)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM refunds_application a WHERE a.status = 'APPROVED' AND NOT EXISTS ("
            " SELECT FROM refunds_item i WHERE i.application_id = a.id AND i.kind = 'REFUND' AND i.status IN %s)"
            " FOR SHARE OF a) locked",
            [tuple(str(status) for status in Item.HOLDING)],
        )


def _choose(chosen: selection.Selection) -> None:
    """The table `chosen`: the selection asked once, so that what goes and what stays behind is one answer."""
    text, params = selection.sql(chosen, programme.current())
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.chosen")
        cursor.execute(f"CREATE TEMP TABLE chosen ON COMMIT DROP AS {text}", params)
        cursor.execute("ANALYZE pg_temp.chosen")


def _copy(batch: Batch, chosen: selection.Selection, now: dt.datetime) -> None:
    """Write the items of a batch: refunds by the selection, and adjustments that were approved."""
    # How often this money was tried before: a returned item is followed by attempt 2 (D-40).
    before = "(SELECT count(*) FROM refunds_item i WHERE i.{0} = {1} AND i.kind = '{2}' AND i.status <> 'VOID')"
    text = f"""
    INSERT INTO refunds_item (batch_id, kind, application_id, adjustment_id, account_id, contract_no, amount_krw,
        attempt, reference, bills_digest, digest, status, status_at, taken_out_because, code, words)
    SELECT %s, kind, application_id, adjustment_id, account_id, contract_no, amount, attempt, reference,
        bills_digest, {selection.ITEM_DIGEST}, 'QUEUED', %s, '', '', ''
    FROM (
        SELECT t.*, prefix || '-' || attempt AS reference FROM (
            SELECT 'REFUND' AS kind, s.application_id, NULL::bigint AS adjustment_id, s.account_id, s.contract_no,
                   s.amount, s.bills_digest, 'R' || s.application_id AS prefix,
                   1 + {before.format("application_id", "s.application_id", "REFUND")} AS attempt
            FROM chosen s WHERE s.reason IS NULL
            UNION ALL
            SELECT 'ADJUSTMENT', a.id, j.id, a.account_id, a.contract_no, j.amount_krw,
                   COALESCE((SELECT {selection.BILLS_DIGEST} FROM eligibility_bill b
                             WHERE b.contract_no = a.contract_no), sha256('')),
                   'J' || j.id, 1 + {before.format("adjustment_id", "j.id", "ADJUSTMENT")}
            FROM refunds_adjustment j
            JOIN refunds_application a ON a.id = j.application_id
            JOIN refunds_account account ON account.id = a.account_id
            WHERE j.status = 'APPROVED' AND j.decided_at < %s AND a.status = 'APPROVED' AND account.wiped_at IS NULL
              AND account.bank_code <> '000'
              AND (a.hold_until IS NULL OR a.hold_until <= %s)
              AND NOT EXISTS (SELECT FROM refunds_hold h WHERE h.application_id = a.id AND h.released_at IS NULL)
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status IN %s)
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status = 'RETURNED'
                              AND i.account_id = a.account_id AND i.code <> ALL(%s))
              AND NOT EXISTS (SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.batch_id = %s
                              AND i.taken_out_because <> '')
        ) t
    ) u
    ORDER BY kind DESC, application_id, adjustment_id
    """  # noqa: S608  (column names are ours, values are parameters)
    holding = tuple(str(status) for status in Item.HOLDING)
    with connection.cursor() as cursor:
        cursor.execute(text, [batch.pk, now, chosen.cut_off, chosen.cut_off, holding, list(SAME_ACCOUNT), batch.pk])


def _remember_the_rest(batch: Batch) -> dict[str, list[int]]:
    """Write down each approved application that stays behind, and why; returns how many and how much by reason."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM refunds_left_behind WHERE batch_id = %s", [batch.pk])
        cursor.execute(
            "INSERT INTO refunds_left_behind (batch_id, application_id, reason)"
            " SELECT %s, application_id, reason FROM chosen WHERE reason <> ALL(%s)",
            [batch.pk, [str(status) for status in Status]],
        )
        cursor.execute(
            "SELECT reason, count(*), COALESCE(sum(refundable_krw), 0)::bigint FROM chosen"
            " WHERE reason IS NOT NULL GROUP BY reason"
        )
        return {reason: [many, won] for reason, many, won in _ordered(cursor.fetchall())}


def _totals(batch: Batch) -> tuple[int, int, int, str]:
    """Count, won, hash total and digest of the standing items."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), COALESCE(sum(i.amount_krw), 0)::bigint,
                   (COALESCE(sum(('x' || encode(substr(a.number_index, 1, 5), 'hex'))::bit(40)::bigint), 0)
                       %% %s)::bigint,
                   encode(sha256(COALESCE(string_agg(i.digest, ''::bytea ORDER BY i.reference COLLATE "C"), '')), 'hex')
            FROM refunds_item i JOIN refunds_account a ON a.id = i.account_id
            WHERE i.batch_id = %s AND i.status <> 'VOID'
            """,
            [HASH_TOTAL, batch.pk],
        )
        return cursor.fetchone()


# Approve, send back, take out ----------------------------------------------------------------------------------


def count_again(*, batch: Batch) -> Recount:
    """The checker's independent count of a frozen batch (see `recount`)."""
    return recount(batch, programme.current())


def approve(*, batch_id: int, user: User, typed_total: int, digest: str) -> Batch:
    """Approve exactly the content with this digest, by somebody who neither prepared it nor is the same person.

    The checker types the sum that leaves. Everything is counted again from its sources first.
    Raises Refused: ROLE, PERSON, STATE, CHANGED, SAME_PERSON, TOTAL, DIFFERS.
    """
    _need(user, "checker")
    with transaction.atomic():
        batch = _lock(batch_id)
        if batch.status != Batch.Status.FROZEN:
            raise Refused("STATE", _("승인을 기다리는 회차가 아닙니다."))
        if batch.prepared_by_id == user.pk or bytes(batch.prepared_person or b"") == person_of(user):
            raise Refused("SAME_PERSON", _("준비한 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        if digest != batch.digest:
            raise Refused("CHANGED", _("보신 뒤에 내용이 바뀌었습니다. 다시 보고 승인해 주세요."))
        if typed_total != batch.won:
            raise Refused("TOTAL", _("적으신 합계가 나가는 합계와 다릅니다."))
        if not recount(batch, programme.current()).agrees(batch):
            raise Refused("DIFFERS", _("다시 계산한 값이 확정한 값과 다릅니다. 돌려보내 주세요."))
        batch.status, batch.approved_at = Batch.Status.APPROVED, clock.now()
        batch.approved_by, batch.approved_person, batch.approved_digest = user, person_of(user), digest
        batch.save()
        _note(user, "batch.approved", batch, won=batch.won, digest=digest)
    return batch


def send_back(*, batch_id: int, user: User, reason: str) -> Batch:
    """Open a batch again: whatever was approved is void and its items are due again. Raises Refused: ROLE, STATE,
    REASON."""
    _need(user, "checker", "maker")
    reason = _reason(reason)
    with transaction.atomic():
        batch = _lock(batch_id)
        _reopen(batch, reason)
        _note(user, "batch.sent_back", batch, reason=reason)
    return batch


def take_out(*, item_id: int, user: User, reason: str) -> Batch:
    """Take one item out of a batch that is not filed; it is due again next time. The approval is void, the batch open
    and to be frozen again. Raises Refused: ROLE, STATE, REASON."""
    _need(user, "maker")
    reason = _reason(reason)
    with transaction.atomic():
        batch = _lock(Item.objects.values_list("batch_id", flat=True).get(pk=item_id))
        item = Item.objects.select_related("application__line").get(pk=item_id)
        if item.status != Item.Status.QUEUED:
            raise Refused("STATE", _("이미 파일로 나갔거나 빠진 건입니다."))
        Item.objects.filter(pk=item.pk).update(taken_out_because=reason)
        _reopen(batch, reason)
        _note(user, "item.taken_out", batch, reason=reason, item=item, reference=item.reference)
    return batch


def _reopen(batch: Batch, reason: str) -> None:
    if batch.status not in Batch.BEFORE_FILE:
        raise Refused("STATE", _("파일을 만든 뒤에는 되돌릴 수 없습니다."))
    batch.items.filter(status=Item.Status.QUEUED).update(status=Item.Status.VOID, status_at=clock.now())
    batch.status, batch.opened_again, batch.excluded, batch.digest = Batch.Status.OPEN, reason, {}, ""
    batch.count = batch.won = batch.hash_total = None
    batch.programme_snapshot = {}
    batch.prepared_by = batch.prepared_person = batch.prepared_at = None
    batch.approved_by = batch.approved_person = batch.approved_at = None
    batch.approved_digest = ""
    batch.save()


# File, download, hand over ----------------------------------------------------------------------------------------


def file(*, batch_id: int, user: User) -> list[BankFile]:
    """Make the file of an approved batch, once: in parts where the bank limits rows, kept encrypted as it is.

    What is written is checked against what was approved. Run again after a crash, the bytes are the same.
    Raises Refused: ROLE, STATE, CHANGED, LINES (payments the layout cannot hold: take them out first).
    """
    _need(user, "maker")
    with transaction.atomic():
        batch = _lock(batch_id)
        if batch.status != Batch.Status.APPROVED:
            raise Refused("STATE", _("승인된 회차만 파일로 만들 수 있습니다."))
        if _totals(batch) != (batch.count, batch.won, batch.hash_total, batch.approved_digest):
            raise Refused("CHANGED", _("승인한 내용과 다릅니다. 돌려보내고 다시 확정해 주세요."))
        made = []
        for part, (first, last) in enumerate(_parts(batch), 1):
            items = batch.items.filter(status=Item.Status.QUEUED, id__gte=first, id__lte=last)
            made.append(_store(batch, part, items, user))
        batch.status = Batch.Status.FILED
        batch.save(update_fields=["status"])
        assert batch.count == sum(one.count for one in made)
        _note(user, "batch.filed", batch, files=[one.sha256 for one in made])
    return made


def file_again(*, file_id: int, user: User) -> BankFile:
    """A new part with the same items, after the bank refused a file whole. Raises Refused: ROLE, STATE, LINES."""
    _need(user, "maker")
    with transaction.atomic():
        refused = BankFile.objects.get(pk=file_id)
        batch = _lock(refused.batch_id)
        refused.refresh_from_db()
        items = Item.objects.filter(file=refused, status=Item.Status.FILED)
        if refused.status != BankFile.Status.REFUSED or not items.exists():
            raise Refused("STATE", _("은행이 통째로 거절한 파일만 다시 만들 수 있습니다."))
        part = 1 + max(batch.files.values_list("part", flat=True))
        made = _store(batch, part, items, user, replaces=refused)
        if batch.status == Batch.Status.REFUSED:
            batch.status = Batch.Status.FILED
            batch.save(update_fields=["status"])
        _note(user, "file.made_again", batch, part=part, replaces=refused.part, sha256=made.sha256)
    return made


def _parts(batch: Batch) -> list[tuple[int, int]]:
    """First and last item id of each part, in the order of the items."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(id), max(id) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS part"
            " FROM refunds_item WHERE batch_id = %s AND status = 'QUEUED') numbered GROUP BY part ORDER BY part",
            [settings.BANK_FILE_MAX_ROWS, batch.pk],
        )
        return cursor.fetchall()


def _store(batch: Batch, part: int, items: Any, user: User, replaces: BankFile | None = None) -> BankFile:
    """Write one file from items, keep its bytes and mark the items as being in it."""
    layout = bankfiles.layout(settings.BANK_FILE_FORMAT)
    sums = items.aggregate(count=Count("pk"), won=Sum("amount_krw"))
    message_id = f"{programme.current().code}-{batch.pay_on:%Y%m%d}-{part:02}"
    assert batch.approved_at is not None
    head = Head(
        message_id=message_id,
        # The hour of the approval, not of the writing: written again, the bytes are the same.
        made_at=batch.approved_at.astimezone(clock.KST),
        execution_on=_execution_on(batch),
        payer_name=settings.PAYER_NAME,
        payer_bank=settings.PAYER_BANK,
        payer_number=settings.PAYER_ACCOUNT,
        count=sums["count"],
        won=sums["won"],
    )
    try:
        size, sha256 = _keep(message_id, layout.write(_payments(items), head))
    except PaymentRefused as error:
        raise Refused(
            "LINES",
            _("%(reference)s: 이 양식에 쓸 수 없는 건입니다. 먼저 빼 주세요. (%(why)s)")
            % {"reference": error.reference, "why": error.text},
        ) from None
    made = BankFile.objects.create(
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
        made_by=user,
        made_at=clock.now(),
        replaces=replaces,
    )
    items.update(status=Item.Status.FILED, status_at=clock.now(), file=made)
    return made


def _execution_on(batch: Batch) -> dt.date:
    """The pay day; filed late, the first business day that is left."""
    return next_business_day(max(batch.pay_on, clock.today()))


def _payments(items: Any) -> Iterator[Payment]:
    """The payments of items in their order, each number checked against the index it was entered with.

    What passes through the file of `rows` is ciphertext.
    """
    query, params = (
        items.order_by("id")
        .values_list(
            "reference", "amount_krw", "account_id", "account__bank_code",
            *(Func(F(f"account__{name}"), Value("hex"), function="encode", output_field=TextField())
              for name in ("number_enc", "holder_name_enc", "number_index")),
        )
        .query.sql_with_params()
    )  # fmt: skip
    number_of = crypto.opener("refunds_account:number_enc")
    name_of = crypto.opener("refunds_account:holder_name_enc")
    index_of = crypto.indexer("account")
    for reference, amount, account, bank, number_enc, name_enc, index in rows(query, params):
        if not (number_enc and name_enc):
            raise PaymentRefused(reference, "the account was wiped")
        number = number_of(unhexlify(number_enc), account)
        if index_of(f"{bank}:{number}") != unhexlify(index):
            raise PaymentRefused(reference, "the account number is not the one that was entered")
        yield Payment(reference, bank, number, name_of(unhexlify(name_enc), account), int(amount))


def _keep(key: str, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Store bytes encrypted, a piece at a time; returns their number and their digest."""
    whole, size = hashlib.sha256(), 0
    for number, piece in enumerate(_sized(pieces)):
        whole.update(piece)
        size += len(piece)
        Chunk.objects.create(key=key, number=number, data_enc=crypto.encrypt_bytes(piece, Chunk.aad(key, number)))
    return size, whole.hexdigest()


def _sized(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a mebibyte."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    if held:
        yield bytes(held)


def stored(key: str) -> Iterator[bytes]:
    """The bytes kept under a key, piece by piece."""
    number = 0
    while chunk := Chunk.objects.filter(key=key, number=number).first():
        yield chunk.data
        number += 1


def download(*, file_id: int, user: User, reason: str) -> Iterator[bytes]:
    """The stored bytes of a file, after the look was recorded; always the same. Raises Refused: ROLE, REASON, GONE."""
    _need(user, "maker", "auditor")
    reason = _reason(reason)
    with transaction.atomic():
        kept = BankFile.objects.select_related("batch").get(pk=file_id)
        if not Chunk.objects.filter(key=kept.message_id).exists():
            raise Refused("GONE", _("이 파일의 내용은 보관 기간이 지나 지워졌습니다."))
        Download.objects.create(file=kept, user=user, at=clock.now(), reason=reason)
        _note(user, "file.downloaded", kept.batch, reason=reason, part=kept.part, sha256=kept.sha256)
    return stored(kept.message_id)


def hand_over(*, file_id: int, user: User) -> BankFile:
    """Say that this file was given to the bank; the last part moves the batch. Raises Refused: ROLE, STATE, SEAL."""
    _need(user, "maker")
    with transaction.atomic():
        batch = _lock(BankFile.objects.values_list("batch_id", flat=True).get(pk=file_id))
        given = BankFile.objects.select_for_update().get(pk=file_id)
        if given.status != BankFile.Status.MADE:
            raise Refused("STATE", _("이미 전달한 파일입니다."))
        whole = hashlib.sha256()
        for piece in stored(given.message_id):
            whole.update(piece)
        if whole.hexdigest() != given.sha256:
            raise Refused("SEAL", _("보관된 파일이 만든 때와 다릅니다. 전달하지 말고 감사 담당에게 알려 주세요."))
        now = clock.now()
        given.status, given.handed_over_by, given.handed_over_at = BankFile.Status.HANDED_OVER, user, now
        given.save(update_fields=["status", "handed_over_by", "handed_over_at"])
        if batch.status == Batch.Status.FILED and not batch.files.filter(status=BankFile.Status.MADE).exists():
            batch.status, batch.handed_over_at = Batch.Status.HANDED_OVER, batch.handed_over_at or now
            batch.save(update_fields=["status", "handed_over_at"])
            sms.announce_hand_over(batch)
        _note(user, "file.handed_over", batch, part=given.part, sha256=given.sha256)
    return given


@dataclass(frozen=True, slots=True)
class Comparison:
    """An uploaded file beside the stored one: what was added, changed, dropped, doubled. Lines are the upload's.

    `identical` says that every byte is the same, those before and after the rows too.
    """

    rows: int
    identical: bool
    added: list[tuple[int, str]]
    changed: list[tuple[int, str, list[str]]]
    dropped: list[str]
    doubled: list[tuple[int, str]]

    @property
    def same(self) -> bool:
        """Whether not a row differs."""
        return not (self.added or self.changed or self.dropped or self.doubled)


def compare(*, file_id: int, content: bytes, user: User) -> Comparison:
    """Compare the file the bank shows with the one we made, row by row. Raises Refused: ROLE; bankfiles.FileFault."""
    _need(user, "maker", "checker", "auditor")
    kept = BankFile.objects.select_related("batch").get(pk=file_id)
    layout = bankfiles.layout(kept.layout)
    ours = {payment.reference: payment for _line, payment in layout.read(b"".join(stored(kept.message_id)))}
    seen: set[str] = set()
    added, changed, doubled = [], [], []
    for line, payment in layout.read(content):
        mine = ours.get(payment.reference)
        if payment.reference in seen:
            doubled.append((line, payment.reference))
        elif mine is None:
            added.append((line, payment.reference))
        elif mine != payment:
            names = [n for n, a, b in zip(Payment._fields, mine, payment, strict=True) if a != b]
            changed.append((line, payment.reference, names))
        seen.add(payment.reference)
    identical = hashlib.sha256(content).hexdigest() == kept.sha256
    result = Comparison(len(seen), identical, added, changed, sorted(set(ours) - seen), doubled)
    with transaction.atomic():
        _note(user, "file.compared", kept.batch, part=kept.part, same=result.same, identical=identical)
    return result


# Single cases -----------------------------------------------------------------------------------------------------


def hold(*, application_id: int, user: User, reason: str) -> Hold:
    """Keep one application out of the payouts until somebody lets it go; an item already frozen is not touched.
    Raises Refused: ROLE, REASON, STATE, OWN_CASE."""
    _need(user, "maker", "supervisor", "reviewer")
    reason = _reason(reason)
    with transaction.atomic():
        row = _case(application_id, user)
        if row.holds.filter(released_at=None).exists():
            raise Refused("STATE", _("이미 보류된 신청입니다."))
        placed = Hold.objects.create(application=row, reason=reason, placed_by=user, placed_at=clock.now())
        _note(user, "application.held", None, reason=reason, application=row)
    return placed


def release(*, application_id: int, user: User, reason: str) -> None:
    """Let a held application go. Raises Refused: ROLE, REASON, STATE, OWN_CASE."""
    _need(user, "maker", "supervisor", "reviewer")
    reason = _reason(reason)
    with transaction.atomic():
        row = _case(application_id, user)
        if not row.holds.filter(released_at=None).update(released_by=user, released_at=clock.now()):
            raise Refused("STATE", _("보류된 신청이 아닙니다."))
        _note(user, "application.released", None, reason=reason, application=row)


def propose_adjustment(
    *, application_id: int, amount_krw: int, user: User, reason: str, cause: str = Adjustment.Cause.UNDERPAID
) -> Adjustment:
    """Propose to mend a paid refund: to pay `amount_krw` more, or to claim it back (OVERPAID; at most what was paid).
    Raises Refused: ROLE, PERSON, REASON, STATE, AMOUNT, OWN_CASE."""
    _need(user, "maker")
    person, reason = person_of(user), _reason(reason)
    if amount_krw <= 0:
        raise Refused("AMOUNT", _("금액은 1원 이상이어야 합니다."))
    with transaction.atomic():
        row = _case(application_id, user)
        if not row.items.filter(kind=Item.Kind.REFUND, status=Item.Status.PAID).exists():
            raise Refused("STATE", _("환급이 입금된 신청만 정정할 수 있습니다."))
        if row.adjustments.filter(status=Adjustment.Status.PROPOSED).exists():
            raise Refused("STATE", _("승인을 기다리는 정정이 이미 있습니다."))
        paid = row.items.filter(status=Item.Status.PAID).aggregate(won=Sum("amount_krw"))["won"]
        if cause == Adjustment.Cause.OVERPAID and amount_krw > paid:
            raise Refused("AMOUNT", _("입금된 금액보다 많이 돌려받을 수 없습니다."))
        made = Adjustment.objects.create(
            application=row,
            cause=cause,
            amount_krw=amount_krw,
            reason=reason,
            proposed_by=user,
            proposed_person=person,
            proposed_at=clock.now(),
        )
        _note(user, "adjustment.proposed", None, reason=reason, application=row, amount=amount_krw, cause=cause)
    return made


def decide_adjustment(*, adjustment_id: int, user: User, approve: bool, reason: str = "") -> Adjustment:
    """Approve or decline an adjustment, by another person. Approved money rides with the next round; what was paid too
    much is claimed back. Raises Refused: ROLE, PERSON, STATE, SAME_PERSON, OWN_CASE, REASON."""
    _need(user, "checker")
    person = person_of(user)
    if not approve:
        reason = _reason(reason)
    with transaction.atomic():
        _case(Adjustment.objects.values_list("application_id", flat=True).get(pk=adjustment_id), user)
        row = (
            Adjustment.objects.select_for_update(of=("self",)).select_related("application__line").get(pk=adjustment_id)
        )
        if row.status != Adjustment.Status.PROPOSED:
            raise Refused("STATE", _("이미 정해진 건입니다."))
        if row.proposed_by_id == user.pk or bytes(row.proposed_person) == person:
            raise Refused("SAME_PERSON", _("낸 사람은 승인할 수 없습니다. 다른 사람이 승인해야 합니다."))
        back = row.cause == Adjustment.Cause.OVERPAID
        yes = Adjustment.Status.CLAIMED if back else Adjustment.Status.APPROVED
        row.status = yes if approve else Adjustment.Status.DECLINED
        row.decided_by, row.decided_person, row.decided_at = user, person, clock.now()
        row.save(update_fields=["status", "decided_by", "decided_person", "decided_at"])
        action = "adjustment.approved" if approve else "adjustment.declined"
        _note(user, action, None, reason=reason, application=row.application, amount=row.amount_krw)
    return row


def _case(application_id: int, user: User) -> Application:
    """One application, locked; nobody's own."""
    row = Application.objects.select_for_update(of=("self",)).select_related("filing", "line").get(pk=application_id)
    if user.person_index and bytes(user.person_index) == bytes(row.filing.person_index):
        raise Refused("OWN_CASE", _("본인의 신청은 다른 직원이 처리해야 합니다."))
    return row


# Reading ------------------------------------------------------------------------------------------------------------


def live_item(application_id: int) -> Item | None:
    """The item whose money is on its way, or was paid, for an application; None while it is free to be changed."""
    return Item.objects.filter(application_id=application_id, kind=Item.Kind.REFUND, status__in=Item.HOLDING).first()


def _note(
    user: User,
    action: str,
    batch: Batch | None,
    *,
    reason: str = "",
    item: Item | None = None,
    application: Application | None = None,
    **detail: Any,
) -> None:
    """The audit entry of an act on a batch, an item or an application."""
    application = application or (item.application if item else None)
    if item is not None:
        target = f"item:{item.pk}"
    elif application is not None:
        target = f"application:{application.pk}"
    else:
        assert batch is not None
        target = f"batch:{batch.pay_on}"
    audit.record(
        actor=_actor(user),
        action=action,
        object=target,
        subject=application.line.customer_id if application else "",
        reason=reason,
        detail=detail,
    )
