"""The audit bundle: every record of one application and its money, as one file.

A ZIP of JSON tables with a manifest of their digests. The same rows give the same bytes. An auditor reads names,
numbers and accounts in full, everybody else masked. The download needs a reason, and its digest stands in the audit,
so that a bundle shown later can be verified.
"""

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from eligibility.models import Bill, LineDecision
from kt_remedy.audit import service as audit
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import masking
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds import bankfiles
from refunds.accounts import name_masks
from refunds.bankfiles.records import REFUSED, AnswerHead, FileFault
from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Application, Decision, Objection
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile, Download, Inquiry
from refunds.models.batches import Batch, ExcludedApplication
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.models.items import Item
from refunds.payouts.files import open_stored, stored_bytes
from refunds.payouts.guards import get_case, require_permission, require_reason

_ZERO = (1980, 1, 1, 0, 0, 0)
# Tables with words of a bank, which may name the holder; `answers.json` is masked where it is made.
_BANK_WORDS = ("items.json", "files.json", "file-events.json", "results.json")


def download_bundle(*, application_id: int, user: User, reason: str) -> bytes:
    """The bundle in full for an auditor, masked for others; the download is recorded.

    Raises Refused: ROLE, REASON, OWN_CASE.
    """
    require_permission(user, "payouts.download_evidence")
    reason = require_reason(reason)
    with transaction.atomic():
        row = get_case(application_id, user)
        clear = user.has_perm("payouts.download_clear_evidence")
        content = build_bundle(application_id=application_id, clear=clear)
        audit.record(
            actor=audit.actor(user),
            action="evidence.taken",
            object=f"application:{application_id}",
            subject=row.line.customer_id,
            reason=reason,
            detail={
                "sha256": hashlib.sha256(content).hexdigest(),
                "clear": clear,
                "count": 1,
                "filters": ["application"],
            },
        )
    return content


def build_bundle(*, application_id: int, clear: bool) -> bytes:
    """The ZIP of every record of one application, in full if `clear`. Reads only."""
    row = Application.objects.select_related("filing", "line__customer", "account").get(pk=application_id)
    tables = _tables(row, clear)
    if not clear:
        names = [name for account in _accounts(row) for name in _names(account)]
        tables |= {name: _without_names(tables[name], names) for name in _BANK_WORDS}
    parts = {name: _json(table) for name, table in tables.items()}
    parts |= _file_lines(row, clear)
    manifest = {
        "application": application_id,
        "reference": row.filing.reference,
        "masked": not clear,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(parts.items())},
    }
    parts["manifest.json"] = _json(manifest)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts):
            entry = zipfile.ZipInfo(name, _ZERO)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, parts[name])
    return buffer.getvalue()


def _tables(row: Application, clear: bool) -> dict[str, Any]:
    """Each table of the bundle by its file name."""
    pk, filing, line = row.pk, row.filing, row.line
    items = Item.objects.filter(application=pk).order_by("id")
    batches = Batch.objects.filter(
        Q(items__application=pk) | Q(pk__in=ExcludedApplication.objects.filter(application=pk).values("batch"))
    ).distinct()
    files = BankFile.objects.filter(Q(items__application=pk) | Q(batch__in=batches.values("pk"))).distinct()
    accounts = _accounts(row)
    answered = BankAnswer.objects.filter(Q(items__application=pk) | Q(file__items__application=pk)).distinct()
    return {
        "application.json": {
            **_row(row),
            "filing": {
                **_row(filing),
                "contact": _clear(filing.contact, clear, masking.phone),
                "representative": _clear(filing.representative, clear, masking.name),
            },
            "line": {
                "contract_no": line.pk,
                "number": _clear(line.msisdn, clear, masking.phone),
                "holder": _clear(line.customer.holder_name, clear, masking.name),
                "terminated_at": line.terminated_at,
                "outcome": line.outcome,
                "decided_outcome": line.decided_outcome,
                "reasons": line.reason_codes,
                "expected_penalty_krw": line.expected_penalty_krw,
                "refundable_krw": line.refundable_krw,
                "programme_version": line.programme_version,
                "as_of": line.as_of,
            },
        },
        "accounts.json": [
            {
                **_row(account),
                "number": _clear(account.number, clear, lambda _number, last4=account.last4: masking.account(last4)),
                "holder": _clear(account.holder_name, clear, masking.name),
            }
            for account in accounts
        ],
        "holder-checks.json": _rows(HolderCheck.objects.filter(account__in=accounts.values("pk"))),
        "bills.json": _rows(Bill.objects.filter(line=line).order_by("item", "billed_on", "pk")),
        "decisions.json": _rows(Decision.objects.filter(application=pk)),
        "line-decisions.json": _rows(LineDecision.objects.filter(line=line)),
        "application-events.json": _rows(_events(Application, Application.objects.filter(pk=pk))),
        "holds.json": _rows(Hold.objects.filter(application=pk)),
        "objections.json": [
            {**_row(objection), "words": _clear(objection.words, clear, lambda _words: "***")}
            for objection in Objection.objects.filter(line=line).order_by("received_at", "pk")
        ],
        "adjustments.json": _rows(Adjustment.objects.filter(application=pk)),
        "adjustment-events.json": _rows(_events(Adjustment, Adjustment.objects.filter(application=pk))),
        "offline-payments.json": _rows(OfflinePayment.objects.filter(application=pk)),
        "offline-payment-events.json": _rows(_events(OfflinePayment, OfflinePayment.objects.filter(application=pk))),
        "items.json": _rows(items),
        "item-events.json": _rows(_events(Item, items)),
        "excluded.json": _rows(ExcludedApplication.objects.filter(application=pk)),
        "batches.json": _rows(batches),
        "batch-events.json": _rows(_events(Batch, batches)),
        "files.json": _rows(files),
        "file-events.json": _rows(_events(BankFile, files)),
        "downloads.json": _rows(Download.objects.filter(file__in=files.values("pk"))),
        "inquiries.json": _rows(Inquiry.objects.filter(file__in=files.values("pk")).order_by("pk")),
        "results.json": _rows(answered),
        "promises.json": _rows(row.promises.order_by("number")),
        "messages.json": [
            {
                "kind": message.kind,
                "subject": message.subject,
                "state": message.state,
                "reason": message.reason,
                "created_at": message.created_at,
                "sent_at": message.sent_at,
                "settled_at": message.settled_at,
                "provider_id": message.provider_id,
                "body": message.body,
            }
            for message in _messages(row, items, batches)
        ],
        "looks.json": _rows(_audit_entries(row, items, batches, files)),
    }


def _accounts(row: Application) -> QuerySet[Account]:
    """The accounts of an application, its filing and its payments, the oldest first."""
    of_row = Q(pk__in=[row.account_id, row.filing.account_id]) | Q(items__application=row.pk)
    return Account.objects.filter(of_row).select_related("holder_check").distinct().order_by("created_at", "pk")


def _messages(row: Application, items: QuerySet, batches: QuerySet) -> QuerySet[Message]:
    """Messages to the person about this application, its items and its rounds."""
    about = Q(subject=f"filing:{row.filing_id}") | Q(subject=f"application:{row.pk}")
    about |= Q(subject__startswith=f"application:{row.pk}:")
    about |= Q(subject__in=[f"item:{pk}" for pk in items.values_list("pk", flat=True)])
    about |= Q(subject__in=[f"batch:{pk}" for pk in batches.values_list("pk", flat=True)])
    about |= Q(subject__in=row.promise_notices.exclude(subject="").values("subject"))
    about |= Q(subject__in=_answer_keys(items))
    return Message.objects.filter(about, person_index=row.filing.person_index).order_by("pk")


def _answer_keys(items: QuerySet) -> list[str]:
    """Answers of the bank that settled these items or are about their files, as messages and the audit name them."""
    answers = BankAnswer.objects.filter(Q(items__in=items) | Q(file__items__in=items)).distinct()
    return [f"answer:{pk}" for pk in answers.values_list("pk", flat=True)]


def _audit_entries(row: Application, items: QuerySet, batches: QuerySet, files: QuerySet) -> QuerySet[AuditEntry]:
    """The audit's entries of the application and its money, and of looks at its customer."""
    objects = {f"application:{row.pk}", f"filing:{row.filing_id}"}
    objects |= {f"account:{row.account_id}", f"account:{row.filing.account_id}"}
    objects |= {f"item:{pk}" for pk in items.values_list("pk", flat=True)} | set(_answer_keys(items))
    for pk, pay_on in batches.values_list("pk", "pay_on"):
        objects |= {f"batch:{pay_on}", f"batch:{pk}"}
    objects |= {f"bankfile:{pk}" for pk in files.values_list("pk", flat=True)}
    return AuditEntry.objects.filter(Q(object__in=objects) | Q(subject=row.line.customer_id))


def _events(of: Any, rows: QuerySet) -> QuerySet:
    """The statement-level history of these rows."""
    return of.pgh_event_model.objects.filter(pgh_obj__in=rows.values("pk")).order_by("pgh_id")


def _file_lines(row: Application, clear: bool) -> dict[str, bytes]:
    """The line of each item in its bank file, byte for byte, and in each answer of the bank."""
    parts: dict[str, bytes] = {}
    answers = []
    items = Item.objects.filter(application=row.pk, file__isnull=False).select_related("account").order_by("id")
    for item in items:
        assert item.file is not None
        files = [item.file, *BankFile.objects.filter(pk__in=_replaced(item.file))]
        for file in files:
            line = _stored_line(file.message_id, item.reference)
            if line is not None:
                parts[f"lines/{item.reference}-part{file.part:02}.txt"] = line if clear else _masked_line(line, item)
        results = BankAnswer.objects.filter(Q(file__in=[file.pk for file in files]) | Q(items=item)).distinct()
        for result in results.order_by("pk"):
            named = [] if clear else _names(item.account)
            answers += [
                {"result": result.pk, "sha256": result.sha256, **_without_names(answer, named)}
                for answer in _answers(result, item)
            ]
    parts["answers.json"] = _json(answers)
    return parts


def _replaced(file: BankFile | None) -> list[int]:
    """The earlier parts that a file replaces, because the bank refused them whole."""
    replaced = []
    while file is not None and file.replaces_id:
        file = file.replaces
        assert file is not None
        replaced.append(file.pk)
    return replaced


def _stored_line(key: str, reference: str) -> bytes | None:
    """The line of a stored file that names a reference, found piece by piece."""
    tail, wanted = b"", (f">{reference}<".encode(), f"\t{reference:<35}\t".encode())
    for piece in stored_bytes(key):
        lines = (tail + piece).split(b"\n")
        tail = lines.pop()
        for line in lines:
            if any(sign in line for sign in wanted):
                return line + b"\n"
    return tail if any(sign in tail for sign in wanted) else None


def _masked_line(line: bytes, item: Item) -> bytes:
    """A line of a bank file with account number and holder masked; empty if they are no longer known."""
    number = item.account.number
    if not number or not item.account.holder_name:
        return b""
    text = name_masks.mask_line(line, _names(item.account))
    return text.replace(number, masking.account(item.account.last4)).encode()


def _names(account: Account) -> list[str]:
    """The names of a holder that are known: as entered, and as the bank spells it."""
    return [name for name in (account.holder_name, account.name_in_file) if name]


def _without_names(value: Any, names: list[str]) -> Any:
    """A table with these names masked in all its words."""
    if isinstance(value, dict):
        return {key: _without_names(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_names(one, names) for one in value]
    return name_masks.mask_names(value, names) if isinstance(value, str) else value


def _answers(result: BankAnswer, item: Item) -> Iterable[dict[str, Any]]:
    """The lines of one answer of the bank that name an item."""
    if result.status != BankAnswer.Status.CONFIRMED:
        return
    head, reader = AnswerHead(), open_stored(result.sha256)
    if not reader.peek(1):
        return
    try:
        for answer in bankfiles.recognise(reader).read_answer(reader, head):
            if answer.reference == item.reference:
                yield answer._asdict()
    except FileFault:
        return
    if head.verdict == REFUSED:
        yield {"refused_whole": True, "code": head.code, "words": head.words}


def _clear(value: str | None, clear: bool, mask: Any) -> str:
    """A personal value as this reader may see it; empty once it was wiped."""
    return "" if not value else value if clear else mask(value)


def _rows(rows: QuerySet) -> list[dict[str, Any]]:
    """Rows as they are stored, without ciphertexts and keyed indexes."""
    rows = rows if rows.query.order_by else rows.order_by("pk")
    return [_row(row) for row in rows]


def _row(row: Any) -> dict[str, Any]:
    hidden = ("_enc", "_index", "_person", "idempotency_key")
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.attname.endswith(hidden)
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain, sort_keys=True).encode()


def _plain(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return str(value)
