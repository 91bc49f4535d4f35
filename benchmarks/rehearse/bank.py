"""A payout with the stand-in bank: two people bring a round to it, and take in its answers and its statement.

The bank's files, its answers and its statements lie in the folder of the run: what the bank did is counted from them.
"""

import datetime as dt
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx

from benchmarks.rehearse import figures
from benchmarks.rehearse.place import Place

RETURNED_PERCENT = 1
_REASONS = ("closed", "no-account")


class Bank:
    """The counter of the stand-in bank, and the two people of the portal who go there."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.folder = place.folder / "bank"
        self.folder.mkdir(exist_ok=True)

    @staticmethod
    def people() -> tuple[Any, Any]:
        """The maker and the checker."""
        from kt_remedy.staff.models import User

        return User.objects.get(username="maker"), User.objects.get(username="checker")

    # To the bank

    def send(self, pay_on: dt.date) -> None:
        """Freeze, approve, write the files and hand them over; each step that was done is left."""
        from refunds.models.bank_files import BankFile
        from refunds.models.batches import Batch
        from refunds.payouts import batches, files
        from refunds.payouts.guards import Refused

        maker, checker = self.people()
        batch = Batch.objects.filter(pay_on=pay_on).first()
        if batch is None or batch.status == Batch.Status.OPEN:
            try:
                batch = batches.freeze(pay_on=pay_on, user=maker)
            except Refused as refused:
                if refused.code != "EMPTY":
                    raise
                return  # nobody is due in this round of a small run
        if batch.status == Batch.Status.FROZEN:
            assert batch.won is not None
            batch = batches.approve(batch_id=batch.pk, user=checker, typed_total=batch.won, digest=batch.digest)
        if batch.status == Batch.Status.APPROVED:
            files.create_files(batch_id=batch.pk, user=maker)
        for file in BankFile.objects.filter(batch=batch, status=BankFile.Status.APPROVED).order_by("part"):
            files.hand_over(file_id=file.pk, user=maker, typed_total=file.won, funds_confirmed=True)

    # Back from it

    def answer(self, pay_on: dt.date) -> None:
        """The bank answers every file of a round: it pays, and returns one payment in a hundred."""
        from refunds.models.bank_answers import BankAnswer
        from refunds.models.bank_files import BankFile
        from refunds.payouts import answers

        maker, checker = self.people()
        for file in BankFile.objects.filter(batch__pay_on=pay_on).order_by("part"):
            content = self._answer_of(file, maker)
            row = BankAnswer.objects.filter(sha256=hashlib.sha256(content).hexdigest()).first()
            if row is None:
                row = answers.stage(content=io.BytesIO(content), name=f"{file.message_id}.xml", user=maker)
            pk = row.pk
            self.place.wait(lambda: BankAnswer.objects.filter(pk=pk, read_at__isnull=False).exists(), "a read answer")  # noqa: B023
            row.refresh_from_db()
            if row.status == BankAnswer.Status.STAGED and not row.confirmed_at:
                typed = answers.number_to_type(row)
                asked = {"asked_whom": "rehearsal", "bank_said": "rehearsal"}
                answers.confirm(answer_id=pk, user=checker, typed=typed, **asked)
            done = BankAnswer.objects.filter(pk=pk).exclude(status=BankAnswer.Status.STAGED)
            self.place.wait(done.exists, "an applied answer")

    def _answer_of(self, file: Any, maker: Any) -> bytes:
        """The result file of the bank; the one that it gave before, where it gave one."""
        from refunds.payouts import files

        kept = self.folder / f"result-{file.message_id}.xml"
        if kept.exists():
            return kept.read_bytes()
        with httpx.Client(base_url=f"{self.place.sandbox}/bank", timeout=600) as counter:
            content = b"".join(files.download(file_id=file.pk, user=maker, reason="rehearsal"))
            taken = counter.post("/", files={"file": (file.name, content)})
            if taken.status_code != 303:
                raise RuntimeError(f"The bank does not take {file.name}: {taken.status_code}")
            key = taken.headers["location"].rstrip("/").rpartition("/")[2]
            payment = json.loads((self.place.folder / "sandbox" / f"bank-{key}.json").read_text(encoding="utf-8"))
            references = sorted(row[0] for row in payment["rows"])
            chosen = _returned(references)
            given = counter.post(
                f"/{key}/", data={"rest": "paid"} | {f"answer:{ref}": why for ref, why in chosen.items()}
            )
            given.raise_for_status()
        count = {"count": payment["count"], "won": payment["won"], "returned": len(chosen)}
        (self.folder / f"file-{file.message_id}.json").write_text(json.dumps(count))
        draft = kept.with_suffix(".new")
        draft.write_bytes(given.content)
        draft.replace(kept)
        return given.content

    def state(self, pay_on: dt.date) -> None:
        """The statement of the pay day, staged by one and confirmed by the other, is applied by a worker."""
        from refunds.models.statements import BankStatement
        from refunds.payouts import statements

        executed_on = self._executed_on(pay_on)
        if executed_on is None:
            return
        maker, checker = self.people()
        kept = self.folder / f"statement-{pay_on}.xml"
        if not kept.exists():
            form = {"day": str(executed_on), "form": "camt053", "fault": "none"}
            given = httpx.post(f"{self.place.sandbox}/bank/statements/", data=form, timeout=600)
            given.raise_for_status()
            draft = kept.with_suffix(".new")
            draft.write_bytes(given.content)
            draft.replace(kept)
        content = kept.read_bytes()
        row = BankStatement.objects.filter(sha256=hashlib.sha256(content).hexdigest()).first()
        if row is None:
            row = statements.stage(upload=io.BytesIO(content), name=kept.name, user=maker)
        pk = row.pk
        self.place.wait(lambda: BankStatement.objects.filter(pk=pk, read_at__isnull=False).exists(), "a statement")
        row.refresh_from_db()
        if row.status == BankStatement.Status.STAGED and not row.confirmed_at:
            assert row.closing is not None
            statements.confirm(statement_id=pk, user=checker, typed_closing=row.closing)
        done = BankStatement.objects.filter(pk=pk, status=BankStatement.Status.CONFIRMED)
        self.place.wait(done.exists, "an applied statement")

    @staticmethod
    def _executed_on(pay_on: dt.date) -> dt.date | None:
        """The day on which the files of a round are executed; None where the round has none."""
        from refunds.models.bank_files import BankFile

        days = BankFile.objects.filter(batch__pay_on=pay_on).values_list("execution_on", flat=True)
        return max(days, default=None)

    # What the bank did

    def figures(self, pay_on: dt.date) -> list[figures.Figure]:
        """The payments of a round beside the bank's files, answers and statement."""
        from refunds.models.bank_files import BankFile

        if self._executed_on(pay_on) is None:
            return []
        said = {"count": 0, "won": 0, "paid": 0, "returned": 0}
        for name in BankFile.objects.filter(batch__pay_on=pay_on).values_list("message_id", flat=True):
            file = json.loads((self.folder / f"file-{name}.json").read_text())
            said["count"], said["won"] = said["count"] + file["count"], said["won"] + file["won"]
            for status in _statuses(self.folder / f"result-{name}.xml"):
                said["paid" if status == "ACSC" else "returned"] += 1
        return list(figures.of_round(pay_on, said, _debits(self.folder / f"statement-{pay_on}.xml")))


def _returned(references: list[str]) -> dict[str, str]:
    """The payments that come back, with the bank's reason: one in a hundred, at least one, by a digest."""
    chosen = {
        reference: _REASONS[int(digest, 16) % len(_REASONS)]
        for reference in references
        if int(digest := hashlib.sha256(reference.encode()).hexdigest()[:8], 16) % 100 < RETURNED_PERCENT
    }
    return chosen or {references[0]: _REASONS[0]}


def _statuses(result: Path) -> list[str]:
    return [element.text or "" for _event, element in ET.iterparse(result) if element.tag.endswith("}TxSts")]  # noqa: S314


def _debits(statement: Path) -> int:
    """Won that left the account by a statement."""
    total = 0
    for _event, entry in ET.iterparse(statement):  # noqa: S314  (the stand-in's own file)
        if entry.tag.endswith("}Ntry"):
            parts = {child.tag.rpartition("}")[2]: child.text or "" for child in entry}
            total += int(parts["Amt"]) if parts["CdtDbtInd"] == "DBIT" else 0
            entry.clear()
    return total
