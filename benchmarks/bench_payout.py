"""Payouts: freeze, bank files and result loading beside the bare work each of them cannot do without.

python -m benchmarks.bench_payout --items 500000

Our figure is always the whole act, as a person starts it: rules, checks, history, audit, messages, commit. What the
floor leaves out of it is said beside each row.
"""

import datetime as dt
import io
import json
import os
import resource
import subprocess
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import harness

if TYPE_CHECKING:  # nothing of Django is imported before its settings stand
    from kt_remedy.staff.models import User
    from refunds.bankfiles.records import FileHeader

DAY = dt.date(2026, 1, 22)
MEMORY_MB = 256
# One answer in two hundred is a return: its application moves and its customer is written to, one by one.
RETURNED = 200
REGISTER = """
    INSERT INTO eligibility_customer (customer_no, person_index, holder_kind, holder_name_enc, name_index, birth_date,
                                      digest, as_of)
    SELECT 'C' || n, sha256(n::text::bytea), 'PERSON', '\\x00', sha256('name'::bytea), date '1985-03-02', '\\x00',
           date '2026-01-14' FROM generate_series(1, {items}) AS n;
    INSERT INTO eligibility_line (
        contract_no, customer_no, msisdn_enc, msisdn_index, network, product, opened_at, contract_type, contract_event,
        contract_started_at, commitment_started_at, contract_months, subsidy_krw, extra_subsidy_krw, discount_krw,
        suspended_days, status, terminated_at, termination_reason, opened_on, terminated_on, outcome, reasons,
        expected_penalty_krw, refundable_krw, programme_version, as_of)
    SELECT 'L' || n, 'C' || n, '\\x00', sha256(n::text::bytea), 'KT', 'HANDSET', '2024-03-02+09', 'SUBSIDY', 'NEW',
           '2024-03-02+09', '2024-03-02+09', 24, 400000, 0, 0, 0, 'TERMINATED', '2025-11-20+09', 'PORT_OUT',
           date '2024-03-02', date '2025-11-20', 'ELIGIBLE', '', 160130, 100000 + n, 'bench', date '2026-01-14'
    FROM generate_series(1, {items}) AS n;
    INSERT INTO eligibility_bill (contract_no, item, billed_on, billed_krw, paid_krw, waived_krw, refunded_krw, as_of)
    SELECT 'L' || n, item, date '2025-12-05', won, won, 0, 0, date '2026-01-14'
    FROM generate_series(1, {items}) AS n,
         LATERAL (VALUES ('SUBSIDY_CLAWBACK', 100000 + n), ('USAGE', 30000)) AS b (item, won);
    INSERT INTO refunds_filing (id, reference, idempotency_key, channel, customer_no, person_index, account_id,
        representation, documents, consents, contact_enc, language, proof, received_at, outage_reason)
    SELECT id, 'B' || n, 'B' || n, 'WEB', 'C' || n, sha256(n::text::bytea), id, 'SELF', '[]', '{{}}', contact, 'ko',
           '{{}}', '2026-01-16+09', '' FROM bench_account;
    INSERT INTO refunds_application (filing_id, contract_no, account_id, status, status_since, applied_on, lateness,
        amount_seen_krw, qa_sample, reviewed, flag)
    SELECT id, 'L' || n, id, 'APPROVED', '2026-01-16+09', date '2026-01-16', 'IN_TIME', 100000 + n, false, false, ''
    FROM bench_account ORDER BY n;
    ANALYZE;
"""


def main() -> int:
    """All rows at the size asked for, then our own figures at twice that size."""
    parser = harness.options(__doc__)
    parser.add_argument("--items", type=int, default=500_000)
    parser.add_argument("--figures", help="one size only: our seconds by act go to this file")
    parser.add_argument("--ours", action="store_true", help="leave the floors out")
    parser.add_argument("--turns", type=int, default=harness.TURNS)
    options = parser.parse_args()
    if options.figures:
        return measure(options.items, Path(options.figures), options.turns, floors=not options.ours)
    missed, figures = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for items, more in ((options.items, []), (2 * options.items, ["--ours"])):
            kept = Path(folder) / str(items)
            # A process for each size: Django is set up on one server.
            argv = ["--items", str(items), "--figures", str(kept), "--turns", str(options.turns), *more]
            argv = harness.python("-m", "benchmarks.bench_payout", *argv)
            missed |= subprocess.run(argv, check=False).returncode
            if not kept.exists():
                return 1
            figures.append(json.loads(kept.read_text()))
    once, twice = figures
    for act, seconds in once.items():
        name = f"{act}: {2 * options.items:,} items beside {options.items:,}"
        missed |= harness.row(name, twice[act], seconds, unit="s", at_most=2.1)
    return missed


def measure(items: int, kept: Path, turns: int, *, floors: bool) -> int:
    """The rows of one size, on servers of their own."""
    with harness.portal(REMEDY_NOW="2026-01-20T18:01+09:00", BANK_FILE_MAX_ROWS="100000000", BANK_FILE_FORMAT="sheet"):
        apart(prepare, items)
        ours: dict[str, list[float]] = {}
        missed = freezing(items, ours, turns, floors=floors)
        missed |= writing(items, ours, turns, "pain001", floors=floors, at_most=2)
        missed |= writing(items, ours, turns, "sheet", floors=floors, at_most=1.7)
        missed |= loading(items, ours, turns, floors=floors)
        kept.write_text(json.dumps(ours))
    return missed


def apart(act: Callable[..., dict[str, float] | None], *words: object) -> tuple[dict[str, float], float]:
    """Do an act in a child, so that its memory is its own; returns what it measured, and its peak memory in MB."""
    from django.db import connection

    connection.close()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            execute("SELECT 1")
            found = act(*words) or {}
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            os.write(writes, json.dumps([found, peak]).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writes)
    with open(reads, "rb") as answer:
        text = answer.read()
    _pid, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{act.__name__} came to no end")
    return tuple(json.loads(text))


def execute(text: str) -> None:
    """One or more statements, however long they take."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        cursor.execute(text)


def timed(act: Callable[[], object]) -> float:
    """Seconds an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def prepare(items: int) -> None:
    """A register of paid leavers who all applied, with real ciphertexts of their accounts."""
    import uuid

    from django.db import connection

    from eligibility.models import Feed
    from kt_remedy.core import clock, crypto
    from kt_remedy.staff.models import User

    # The freeze needs the delivery of the day of its cut-off.
    Feed.objects.create(
        as_of=dt.date(2026, 1, 20), state=Feed.State.LOADED, started_at=clock.now(), finished_at=clock.now()
    )
    for name in ("maker", "checker"):
        User.objects.create(username=name, roles=[name], person_index=crypto.blind_index(name, "ci"))
    text = io.StringIO()
    numbers = io.StringIO()
    for n in range(1, items + 1):
        key, number = uuid.uuid4(), f"110{n:09}"
        number_enc = crypto.encrypt(number, f"refunds_account:number_enc:{key}").hex()
        name_enc = crypto.encrypt("홍길동", f"refunds_account:holder_name_enc:{key}").hex()
        contact = crypto.encrypt("01012345678", f"refunds_filing:contact_enc:{key}").hex()
        index = crypto.blind_index(f"088:{number}", "account").hex()
        text.write(
            f"{key}\t088\t\\\\x{number_enc}\t\\\\x{index}\t{number[-4:]}\t\\\\x{name_enc}\tSELF\t\\\\x00\t2026-01-16\n"
        )
        numbers.write(f"{n}\t{key}\t\\\\x{contact}\n")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_account (n int, id uuid, contact bytea)")
        for stream, target in (
            (text, "refunds_account (id, bank_code, number_enc, number_index, last4, holder_name_enc, owner_kind,"
                   " person_index, created_at)"),
            (numbers, "bench_account"),
        ):  # fmt: skip
            stream.seek(0)
            cursor.copy_expert(f"COPY {target} FROM STDIN", stream)
        cursor.execute("ALTER TABLE refunds_application DISABLE TRIGGER USER")
    execute(REGISTER.format(items=items))
    execute("ALTER TABLE refunds_application ENABLE TRIGGER USER")


def users() -> "tuple[User, User]":
    """The maker and the checker."""
    from kt_remedy.staff.models import User

    return User.objects.get(username="maker"), User.objects.get(username="checker")


def settled(*tables: str) -> None:
    """Both sides of a row begin alike: nothing dead in the tables, and their statistics are known."""
    from django.db import connection

    execute("SELECT 1")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")


def as_owner(*statements: str) -> None:
    """Statements on the tables of the money that no trigger may refuse: what an act has done is taken back."""
    tables = ("refunds_item", "refunds_itemevent", "refunds_batch", "refunds_application", "refunds_promise_shard")
    for table in tables:
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in statements:
        execute(statement)
    for table in tables:
        execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def freezing(items: int, ours: dict[str, list[float]], turns: int, *, floors: bool) -> int:
    """The freeze beside the SQL that writes the same items and events into the same indexed tables, in turns."""
    from refunds.models.batches import Batch
    from refunds.payouts import batches

    def freeze() -> dict[str, float]:
        maker, _checker = users()
        return {"s": timed(lambda: batches.freeze(pay_on=DAY, user=maker))}

    seconds, bare = [], []
    for turn in range(turns):
        if turn:
            as_owner("TRUNCATE refunds_promise_shard, refunds_batch CASCADE")
        settled("refunds_item", "refunds_itemevent", "refunds_application", "eligibility_bill")
        found, peak = apart(freeze)
        seconds.append(found["s"])
        if floors:
            bare.append(_freeze_bare())
    ours["freeze"] = seconds
    batch = Batch.objects.get()
    assert batch.count == items
    assert batch.won is not None
    missed = 0
    if floors:
        missed = harness.row(
            f"freeze of {items:,} items from their balances beside the raw SQL that writes the same items and events",
            seconds,
            bare,
            unit="s",
            at_most=1.6,
            note=f"ours chooses, reads each balance and digests too; peak memory {peak:,.0f} MB",
        )
    settled("refunds_item", "refunds_itemevent")
    _maker, checker = users()
    won = batch.won
    again = timed(lambda: batches.approve(batch_id=batch.pk, user=checker, typed_total=won, digest=batch.digest))
    harness.row(f"approval of {items:,} items, each counted again from its bills", again, unit="s")
    return missed


def _freeze_bare() -> float:
    """Seconds of one INSERT of the frozen items and one of their events; the rows stay as they were."""
    as_owner(
        "CREATE TABLE done_items AS SELECT * FROM refunds_item ORDER BY id",
        "CREATE TABLE done_events AS SELECT * FROM refunds_itemevent ORDER BY pgh_id",
        "TRUNCATE refunds_itemevent, refunds_item CASCADE",
    )
    settled("done_items", "done_events")

    def write() -> None:
        execute(
            "INSERT INTO refunds_item SELECT * FROM done_items;INSERT INTO refunds_itemevent SELECT * FROM done_events"
        )

    execute("ALTER TABLE refunds_item DISABLE TRIGGER USER; ALTER TABLE refunds_itemevent DISABLE TRIGGER USER")
    seconds = timed(write)
    execute("ALTER TABLE refunds_item ENABLE TRIGGER USER; ALTER TABLE refunds_itemevent ENABLE TRIGGER USER")
    execute("DROP TABLE done_items, done_events")
    return seconds


def writing(items: int, ours: dict[str, list[float]], turns: int, code: str, *, floors: bool, at_most: float) -> int:
    """A bank file from the database into encrypted chunks, beside a bare writer over a list, in turns."""
    act = {"pain001": "pain.001", "sheet": "sheet"}[code]
    whole, bare, peaks = [], [], []
    for _ in range(turns):
        _forget_chunks()
        found, peak = apart(_write, code)
        whole.append(found["s"])
        peaks.append(peak)
        if floors:
            bare.append(apart(_write_bare, code)[0])
    ours[act] = whole
    missed = harness.row(f"peak memory of {act}, {items:,} payments", max(peaks), unit="MB", at_most=MEMORY_MB)
    if not floors:
        return missed
    floor = "lxml writing the same elements from a list" if code == "pain001" else "a bare formatting loop over a list"
    missed |= harness.row(
        f"{act} of {items:,} payments laid out from a list beside {floor}",
        [one["layout"] for one in bare],
        [one["floor"] for one in bare],
        unit="s",
        at_most=at_most,
    )
    return missed | harness.row(
        f"{act} of {items:,} items read from the tables, decrypted, checked, laid out, encrypted and stored beside"
        " that floor, a bare loop that decrypts the two values of each, and a raw INSERT of the same bytes",
        whole,
        [one["floor"] + one["opened"] + one["stored"] for one in bare],
        unit="s",
        at_most=at_most,
    )


def _forget_chunks() -> None:
    execute("ALTER TABLE refunds_chunk DISABLE TRIGGER USER; TRUNCATE refunds_chunk")
    execute("ALTER TABLE refunds_chunk ENABLE TRIGGER USER")


def _head(code: str) -> "FileHeader":
    from refunds.bankfiles.records import FileHeader
    from refunds.models.batches import Batch

    batch = Batch.objects.get()
    assert batch.count is not None
    assert batch.won is not None
    return FileHeader(
        f"BENCH-{code}", dt.datetime.now(dt.UTC), DAY, "KT", "020", "1005000000000", batch.count, batch.won
    )


def _write(code: str) -> dict[str, float]:
    from django.db import transaction

    from refunds import bankfiles
    from refunds.models.batches import Batch
    from refunds.payouts import files, guards

    head, layout, items = _head(code), bankfiles.layout(code), Batch.objects.get().items.all()

    def write() -> None:
        with transaction.atomic():
            guards.raise_timeouts()
            files.store_bytes(head.message_id, layout.write(files.payments(items), head))

    return {"s": timed(write)}


def _write_bare(code: str) -> dict[str, float]:
    from django.db import transaction

    from refunds import bankfiles
    from refunds.models.batches import Batch
    from refunds.payouts import files

    with transaction.atomic():
        payments = list(files.payments(Batch.objects.get().items.all()))
    head, layout = _head(code), bankfiles.layout(code)
    bare = _bare_xml if code == "pain001" else _bare_lines
    return {
        "floor": timed(lambda: bare(payments)),
        "layout": timed(lambda: [len(piece) for piece in layout.write(payments, head)]),
        "opened": _bare_opening(),
        "stored": _bare_storing(head.message_id),
    }


def _bare_xml(payments: list) -> None:
    from lxml import etree

    sub = etree.SubElement
    with etree.xmlfile(io.BytesIO(), encoding="UTF-8") as xml, xml.element("Document"):
        for reference, bank, number, holder, amount in payments:
            top = etree.Element("CdtTrfTxInf")
            sub(sub(top, "PmtId"), "EndToEndId").text = reference
            sub(sub(top, "Amt"), "InstdAmt", Ccy="KRW").text = str(amount)
            member = sub(sub(sub(top, "CdtrAgt"), "FinInstnId"), "ClrSysMmbId")
            sub(sub(member, "ClrSysId"), "Prtry").text = "KFTC"
            sub(member, "MmbId").text = bank
            sub(sub(top, "Cdtr"), "Nm").text = holder
            sub(sub(sub(sub(top, "CdtrAcct"), "Id"), "Othr"), "Id").text = number
            sub(sub(top, "RmtInf"), "Ustrd").text = "KT위약금환급"
            xml.write(top)


def _bare_lines(payments: list) -> None:
    out = io.BytesIO()
    for number, payment in enumerate(payments, 1):
        out.write(
            f"D\t{number:09}\t{payment.bank}\t{payment.number:<16}\t{payment.amount:013}\t{payment.holder:<57}"
            f"\tKT위약금환급  \t{payment.reference:<35}\t  \t{'':60}\r\n".encode("cp949")
        )


def _bare_opening() -> float:
    from kt_remedy.core import crypto
    from refunds.models.accounts import Account

    places = ("number_enc", "holder_name_enc")
    stored = [
        (bytes(blob), f"refunds_account:{place}:{key}".encode())
        for key, *blobs in Account.objects.values_list("id", *places).iterator()
        for place, blob in zip(places, blobs, strict=True)
    ]
    decrypt = crypto._keys()[1][1].decrypt
    return timed(lambda: [decrypt(blob[1:13], blob[13:], aad) for blob, aad in stored])


def _bare_storing(key: str) -> float:
    from django.db import connection, transaction

    from refunds.models.bank_files import Chunk

    chunks = [bytes(blob) for blob in Chunk.objects.filter(key=key).values_list("data_enc", flat=True)]

    def store() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for number, blob in enumerate(chunks):
                cursor.execute(
                    "INSERT INTO refunds_chunk (key, number, data_enc) VALUES (%s, %s, %s)", [f"RAW{key}", number, blob]
                )

    return timed(store)


def loading(items: int, ours: dict[str, list[float]], turns: int, *, floors: bool) -> int:
    """An answer for every payment, staged, read, confirmed and applied, beside COPY and one UPDATE, in turns."""
    apart(_hand_over, items)
    execute(
        "CREATE TABLE sent_items AS SELECT * FROM refunds_item;"
        "CREATE TABLE sent_events AS SELECT * FROM refunds_itemevent"
    )
    found: dict[str, list[float]] = {}
    bare = []
    with tempfile.NamedTemporaryFile() as kept:
        apart(_write_answer, kept.name)
        for turn in range(turns):
            if turn:
                _take_answer_back()
            settled("refunds_item", "refunds_itemevent", "refunds_answer_line", "notices_message")
            if floors:
                bare.append(apart(_load_bare, items)[0]["s"])
            steps, peak = apart(_load, kept.name)
            for name, seconds in steps.items():
                found.setdefault(name, []).append(seconds)
    ours["results"] = found["s"]
    for step in ("stage", "read", "confirm", "apply"):
        harness.row(f"results of {items:,} payments: {step}", found[step], unit="s")
    read, _peak = apart(_read_report, items)
    harness.row(f"pain.002 of {items:,} answers read", read["s"], unit="s")
    about = f"peak memory of the worker that reads and applies {items:,} answers"
    missed = harness.row(about, peak, unit="MB", at_most=MEMORY_MB)
    if not floors:
        return missed
    return missed | harness.row(
        f"results of {items:,} payments beside raw COPY and one UPDATE of the same columns",
        found["s"],
        bare,
        unit="s",
        at_most=2.2,
        note=(
            f"ours keeps the file, reads the sheet into lines, checks it twice, writes {items:,} events and {items:,}"
            f" messages too; one in {RETURNED} came back"
        ),
    )


def _take_answer_back() -> None:
    """Items, events, applications and the batch as they were when the file had been handed over."""
    execute("TRUNCATE notices_message, refunds_answer_line, refunds_decision, refunds_hold CASCADE")
    as_owner(
        "TRUNCATE refunds_promise_shard, refunds_itemevent, refunds_item, refunds_result_file CASCADE",
        "INSERT INTO refunds_item SELECT * FROM sent_items ORDER BY id",
        "INSERT INTO refunds_itemevent SELECT * FROM sent_events ORDER BY pgh_id",
        "UPDATE refunds_application SET status = 'APPROVED' WHERE status <> 'APPROVED'",
        "UPDATE refunds_batch SET status = 'FILED', settled_at = NULL",
    )


def _hand_over(items: int) -> None:
    from refunds.models.batches import Batch
    from refunds.payouts import files

    maker, _checker = users()
    batch = Batch.objects.get()
    filing = timed(lambda: files.create_files(batch_id=batch.pk, user=maker))
    harness.row(f"file of {items:,} items, made, stored and marked", filing, unit="s")
    part = batch.files.get()
    files.hand_over(file_id=part.pk, user=maker, typed_total=part.won, funds_confirmed=True)


def _write_answer(name: str) -> dict[str, float]:
    from refunds.models.bank_files import BankFile
    from refunds.payouts import files

    with Path(name).open("wb") as out, files.open_stored(BankFile.objects.get().message_id) as lines:
        for n, line in enumerate(lines):
            out.write(line.replace(b"\t  \t", b"\t02\t" if n % RETURNED == 0 else b"\t00\t"))
    return {}


def _load(name: str) -> dict[str, float]:
    from kt_remedy.core import clock
    from refunds import tasks
    from refunds.models.bank_answers import BankAnswer
    from refunds.payouts import answers

    morning = clock.kst(DAY, dt.time(9))
    if clock.now() < morning:
        clock.move_to(morning)
    maker, checker = users()
    seconds = {}
    with Path(name).open("rb") as content:
        seconds["stage"] = timed(lambda: answers.stage(content=content, name="bench", user=maker))
    answer = BankAnswer.objects.get()
    seconds["read"] = timed(lambda: tasks.read_answer(answer.pk))
    answer.refresh_from_db()
    typed = answers.number_to_type(answer)
    asked = {"asked_whom": "bench", "bank_said": "bench"}
    seconds["confirm"] = timed(lambda: answers.confirm(answer_id=answer.pk, user=checker, typed=typed, **asked))
    seconds["apply"] = timed(lambda: tasks.apply_answer(answer.pk))
    answer.refresh_from_db()
    assert answer.status == BankAnswer.Status.CONFIRMED, answer.faults
    return {**seconds, "s": sum(seconds.values())}


def _load_bare(items: int) -> dict[str, float]:
    """Run twice: the first run makes the space in the tables that our own figure finds too."""
    from django.db import connection, transaction

    from refunds.models.bank_answers import BankAnswer

    maker, _checker = users()
    text = "".join(f"R{n}-1\t{'RETURNED' if n % RETURNED == 0 else 'PAID'}\t\t00\n" for n in range(1, items + 1))

    def raw(result: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE raw (reference text, outcome text, code text, words text) ON COMMIT DROP")
            cursor.copy_expert("COPY raw FROM STDIN", io.StringIO(text))
            cursor.execute("ANALYZE raw")
            cursor.execute(
                "UPDATE refunds_item i SET status = t.outcome, status_at = now(), code = t.code, words = t.words,"
                " result_id = %s FROM raw t WHERE i.reference = t.reference",
                [result],
            )
            assert cursor.rowcount == items
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would check

    seconds = 0.0
    for _again in range(2):
        with transaction.atomic():
            execute("ALTER TABLE refunds_item DISABLE TRIGGER USER")
            kept = BankAnswer.objects.create(
                sha256="raw", name="raw", size=1, staged_by=maker, staged_person=b"raw", staged_at=maker.date_joined
            )
            seconds = timed(lambda: raw(kept.pk))  # noqa: B023  (called at once)
            transaction.set_rollback(True)
        settled("refunds_item")
    return {"s": seconds}


def _read_report(items: int) -> dict[str, float]:
    from refunds import bankfiles
    from refunds.bankfiles.records import AnswerHead

    rows = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>R{n}-1</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>\n"
        for n in range(1, items + 1)
    )
    content = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        f"<OrgnlMsgId>X</OrgnlMsgId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>{rows}</OrgnlPmtInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    ).encode()
    layout = bankfiles.layout("pain001")
    return {"s": timed(lambda: deque(layout.read_answer(io.BytesIO(content), AnswerHead()), maxlen=0))}


if __name__ == "__main__":
    raise SystemExit(main())
