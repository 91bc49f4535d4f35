"""Payouts: freeze, bank files and result loading beside the bare work each of them cannot do without.

python -m benchmarks.bench_payout --items 500000
"""

import datetime as dt
import io
import resource
import time

from benchmarks import frame

DAY = dt.date(2026, 1, 22)
REGISTER = """
    INSERT INTO eligibility_customer (customer_no, ci_index, holder_kind, holder_name_enc, name_index, birth_date,
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
    SELECT id, 'B' || n, 'B' || n, 'WEB', 'C' || n, sha256(n::text::bytea), id, 'SELF', '[]', '{{}}', '\\x00', 'ko',
           '{{}}', '2026-01-16+09', '' FROM bench_account;
    INSERT INTO refunds_application (filing_id, contract_no, account_id, status, status_since, applied_on, lateness,
        amount_seen_krw, qa_sample, reviewed, flag, hold_reason)
    SELECT id, 'L' || n, id, 'APPROVED', '2026-01-16+09', date '2026-01-16', 'IN_TIME', 100000 + n, false, false, '', ''
    FROM bench_account ORDER BY n;
    ANALYZE;
"""


def main() -> int:
    """All rows, on servers of their own."""
    words = frame.options(__doc__)
    words.add_argument("--items", type=int, default=500_000)
    asked = words.parse_args()
    with frame.portal(REMEDY_NOW="2026-01-20T18:01+09:00", BANK_FILE_MAX_ROWS="100000000"):
        prepare(asked.items)
        missed = freezing(asked.items)
        missed |= writing(asked.items, "pain001", at_most=2)
        missed |= writing(asked.items, "sheet", at_most=3)
        return missed | loading(asked.items)


def execute(text: str, *params: object) -> None:
    """One or more statements, however long they take."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        cursor.execute(text, params or None)


def timed(act) -> float:
    """Seconds an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def prepare(items: int) -> None:
    """A register of paid leavers who all applied, with real ciphertexts of their accounts."""
    import uuid

    from django.db import connection

    from kt_remedy import crypto
    from kt_remedy.staff.models import User

    for name in ("maker", "checker"):
        User.objects.create(username=name, roles=[name], person_index=crypto.blind_index(name, "ci"))
    text = io.StringIO()
    numbers = io.StringIO()
    for n in range(1, items + 1):
        key, number = uuid.uuid4(), f"110{n:09}"
        number_enc = crypto.encrypt(number, f"refunds_account:number_enc:{key}").hex()
        name_enc = crypto.encrypt("홍길동", f"refunds_account:holder_name_enc:{key}").hex()
        index = crypto.blind_index(f"088:{number}", "account").hex()
        text.write(
            f"{key}\t088\t\\\\x{number_enc}\t\\\\x{index}\t{number[-4:]}\t\\\\x{name_enc}\tSELF\t\\\\x00\t2026-01-16\n"
        )
        numbers.write(f"{n}\t{key}\n")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_account (n int, id uuid)")
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


def users() -> tuple:
    """The maker and the checker."""
    from kt_remedy.staff.models import User

    return User.objects.get(username="maker"), User.objects.get(username="checker")


def freezing(items: int) -> int:
    """The freeze beside the SQL that writes the same items and events into the same indexed tables."""
    from refunds.payouts import service
    from refunds.payouts.models import Batch

    maker, checker = users()
    ours = timed(lambda: service.freeze(pay_on=DAY, user=maker))
    batch = Batch.objects.get()
    assert batch.count == items
    again = timed(lambda: service.count_again(batch=batch))
    execute(
        "CREATE TABLE done_items AS SELECT * FROM refunds_item ORDER BY id;"
        "CREATE TABLE done_events AS SELECT * FROM refunds_itemevent ORDER BY pgh_id;"
        "ALTER TABLE refunds_item DISABLE TRIGGER USER; ALTER TABLE refunds_itemevent DISABLE TRIGGER USER;"
        "TRUNCATE refunds_itemevent, refunds_item CASCADE"
    )
    floor = timed(
        lambda: execute(
            "INSERT INTO refunds_item SELECT * FROM done_items; INSERT INTO refunds_itemevent SELECT * FROM done_events"
        )
    )
    execute("ALTER TABLE refunds_item ENABLE TRIGGER USER; ALTER TABLE refunds_itemevent ENABLE TRIGGER USER; ANALYZE")
    frame.row(f"independent recount of {items:,} items", again, unit="s")
    service.approve(batch_id=batch.pk, user=checker, typed_total=batch.won, digest=batch.digest)
    return frame.row(f"freeze of {items:,} items beside raw SQL of the same rows", ours, floor, unit="s", at_most=2)


def writing(items: int, code: str, *, at_most: float) -> int:
    """A bank file from the database into encrypted chunks, beside a bare writer over a list."""
    from django.db import transaction

    from kt_remedy import crypto
    from refunds import bankfiles
    from refunds.bankfiles.records import Head
    from refunds.payouts import service
    from refunds.payouts.models import Batch, Chunk, Item

    batch = Batch.objects.get()
    head = Head("BENCH", dt.datetime.now(dt.UTC), DAY, "KT", "020", "1005000000000", batch.count, batch.won)
    layout = bankfiles.layout(code)

    def write() -> None:
        with transaction.atomic():
            execute("SET LOCAL statement_timeout = 0")
            pieces = service._sized(layout.write(service._payments(Item.objects.filter(batch=batch)), head))
            for number, piece in enumerate(pieces):
                blob = crypto.encrypt_bytes(piece, Chunk.aad(f"bench-{code}", number))
                Chunk.objects.create(key=f"bench-{code}", number=number, data_enc=blob)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole = timed(write)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with transaction.atomic():
        payments = list(service._payments(Item.objects.filter(batch=batch)))
    ours = timed(lambda: [len(piece) for piece in layout.write(payments, head)])
    floor = timed(lambda: (_bare_xml if code == "pain001" else _bare_lines)(payments))
    note = f"peak memory of the process {peak:,.0f} MB (before: {before / 1024:,.0f})"
    frame.row(f"{code} of {items:,} payments from the database into encrypted chunks", whole, unit="s", note=note)
    return frame.row(f"{code} of {items:,} payments beside a bare writer", ours, floor, unit="s", at_most=at_most)


def _bare_xml(payments: list) -> None:
    from lxml import etree

    from refunds.bankfiles import iso20022

    with etree.xmlfile(io.BytesIO(), encoding="UTF-8") as xml, xml.element("Document"):
        for payment in payments:
            xml.write(iso20022._transaction(payment))


def _bare_lines(payments: list) -> None:
    out = io.BytesIO()
    for number, payment in enumerate(payments, 1):
        out.write(
            f"D\t{number:09}\t{payment.bank}\t{payment.number:<16}\t{payment.amount:013}\t{payment.holder:<57}"
            f"\tKT위약금환급  \t{payment.reference:<35}\t  \t{'':60}\r\n".encode("cp949")
        )


def loading(items: int) -> int:
    """A result sheet for every payment, beside COPY and one UPDATE."""
    from django.db import connection

    from refunds.payouts import results, service
    from refunds.payouts.models import BankFile

    maker, _checker = users()
    from django.conf import settings

    settings.BANK_FILE_FORMAT = "sheet"
    from refunds.payouts.models import Batch

    filing = timed(lambda: service.file(batch_id=Batch.objects.get().pk, user=maker))
    frame.row(f"file of {items:,} items, stored and marked", filing, unit="s")
    file = BankFile.objects.get()
    service.hand_over(file_id=file.pk, user=maker)
    content = b"".join(service.stored(file.message_id)).replace(b"\t  \t", b"\t00\t")
    execute("CREATE TABLE raw_items AS SELECT * FROM refunds_item; CREATE INDEX ON raw_items (reference)")
    ours = timed(lambda: results.load_result(content=content, name="bench", user=maker))
    rows = io.StringIO("".join(f"R{n}-1\tPAID\n" for n in range(1, items + 1)))

    def raw() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; CREATE TEMP TABLE raw_answer (reference text, outcome text)")
            cursor.copy_expert("COPY raw_answer FROM STDIN", rows)
            cursor.execute(
                "ALTER TABLE refunds_item DISABLE TRIGGER USER;"
                "UPDATE refunds_item i SET status = t.outcome, status_at = now() FROM raw_answer t"
                " WHERE i.reference = t.reference"
            )

    floor = timed(raw)
    return frame.row(f"results of {items:,} payments beside COPY and UPDATE", ours, floor, unit="s", at_most=3)


if __name__ == "__main__":
    raise SystemExit(main())
