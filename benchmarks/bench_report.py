"""The page of figures over all applications, at the size of the whole programme, beside one second.

python -m benchmarks.bench_report --applications 660000
"""

import statistics
import sys
import time
from typing import Any

from benchmarks import harness
from benchmarks.bench_notices import REGISTER

# One application a person: by three doors, over the days of the window, mostly approved, a tenth with somebody.
APPLICATIONS = """
    ALTER TABLE refunds_application DISABLE TRIGGER USER;
    INSERT INTO refunds_account (id, bank_code, number_index, last4, owner_kind, person_index, created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', '088', '\\x01', '0001', 'SELF', '\\x01', '2026-01-14+09');
    INSERT INTO staff_store (code, name, region, address, hours, telephone, closed)
    SELECT 'S-' || n, 'store ' || n, '', '', '', '', false FROM generate_series(1, 2000) AS n;
    INSERT INTO refunds_filing (id, reference, idempotency_key, channel, customer_no, person_index, account_id,
                                representation, documents, consents, contact_enc, language, proof, received_at,
                                outage_reason, store_id)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'KT-' || n, 'k' || n,
           (ARRAY['WEB', 'WEB', 'WEB', 'CALL_CENTRE', 'STORE'])[1 + n % 5], 'C' || n, sha256(n::text::bytea),
           '00000000-0000-0000-0000-000000000001', 'SELF', '[]', '{}', '\\x00', 'ko', '{}',
           timestamptz '2026-01-14 10:00+09' + n % 18 * interval '1 day' + n % 12 * interval '1 hour', '',
           CASE n % 5 WHEN 4 THEN (SELECT min(id) FROM staff_store) + n % 2000 END
    FROM generate_series(1, %(count)s) AS n;
    INSERT INTO refunds_application (filing_id, contract_no, account_id, status, status_since, applied_on, lateness,
                                     amount_seen_krw, qa_sample, reviewed, flag, channel, store_id,
                                     received_hour)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'L' || n,
           '00000000-0000-0000-0000-000000000001',
           CASE n % 40 WHEN 0 THEN 'REVIEW' WHEN 1 THEN 'NEED_ACCOUNT' WHEN 2 THEN 'NEED_DOCS' WHEN 3 THEN 'LATE'
                       WHEN 4 THEN 'REJECTED' WHEN 5 THEN 'WITHDRAWN' WHEN 6 THEN 'ON_HOLD_UNPAID'
                       WHEN 7 THEN 'WAITING_FOR_BILL' ELSE 'APPROVED' END,
           timestamptz '2026-01-14 10:00+09' + n % 18 * interval '1 day', date '2026-01-14' + n % 18, 'IN_TIME',
           10000 + n % 90000, false, false, '', (ARRAY['WEB', 'WEB', 'WEB', 'CALL_CENTRE', 'STORE'])[1 + n % 5],
           CASE n % 5 WHEN 4 THEN (SELECT min(id) FROM staff_store) + n % 2000 END, 10 + n % 12
    FROM generate_series(1, %(count)s) AS n;
    INSERT INTO refunds_decision (application_id, from_status, to_status, actor, code, words, decided_at)
    SELECT id, '', 'SUBMITTED', 'customer', 'FILED', '', status_since FROM refunds_application
    UNION ALL
    SELECT id, 'SUBMITTED', status, 'system', CASE status WHEN 'REVIEW' THEN 'VERDICT_REVIEW'
           WHEN 'NEED_ACCOUNT' THEN 'HOLDER_MISMATCH' WHEN 'LATE' THEN 'OUTSIDE_WINDOW' ELSE status END, '',
           status_since FROM refunds_application;
    INSERT INTO refunds_batch (pay_on, number, cut_off, status, digest, excluded, programme_snapshot, approved_digest,
                               opened_again, approved_head)
    SELECT date '2026-01-22' + 14 * n, 1 + n, '2026-01-20 18:00+09', 'OPEN', '', '[]', '{}', '', 0, ''
    FROM generate_series(0, 2) AS n;
    INSERT INTO refunds_item (batch_id, kind, application_id, account_id, contract_no, amount_krw, attempt, reference,
                              bills_digest, movements, digest, status, status_at, taken_out_because, code,
                              bank_code, words, file_id, result_id)
    SELECT (SELECT min(id) FROM refunds_batch) + id % 3, 'REFUND', id, account_id, contract_no, amount_seen_krw, 1,
           'R' || id, sha256('bills'), repeat('m', 60), sha256(id::text::bytea),
           CASE id % 50 WHEN 0 THEN 'RETURNED' WHEN 1 THEN 'FILED' ELSE 'PAID' END,
           timestamptz '2026-01-22 11:00+09' + id % 3 * interval '14 days', '', '', '', '', 1, 1
    FROM refunds_application WHERE status = 'APPROVED';
    VACUUM ANALYZE refunds_item; ANALYZE refunds_batch; VACUUM ANALYZE eligibility_line;
    ALTER TABLE refunds_application ENABLE TRIGGER USER;
    VACUUM ANALYZE refunds_application; VACUUM ANALYZE refunds_filing; VACUUM ANALYZE refunds_decision;
"""


# Payments without their files and answers, which the report does not read.
FREE = """
    DO $$ DECLARE rule record; BEGIN
        FOR rule IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
            WHERE conrelid IN ('refunds_item'::regclass, 'refunds_batch'::regclass) AND contype IN ('c', 'f')
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rule.of, rule.conname); END LOOP;
    END $$;
    ALTER TABLE refunds_item DISABLE TRIGGER USER;
    ALTER TABLE refunds_batch DISABLE TRIGGER USER;
"""
# Filters of a row each: the page of everything, and of what somebody looks for.
PAGES = {"everything": "", "one store": "store=S-9", "a round": "round=2026-01-22"}


def main() -> int:
    """One row for each page, on servers of its own."""
    parser = harness.options(__doc__)
    parser.add_argument("--applications", type=int, default=660_000)
    count = parser.parse_args().applications
    with harness.portal():
        return page(count)


def page(count: int) -> int:
    """The median of seven answers of each page, signed in, beside one second."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client

    from tests.sessions import as_staff, staff_user

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(FREE)
        register = REGISTER.replace("%(people)s", str(count)).replace(
            "date '2025-11-20'", "date '2025-09-01' + n % 120"
        )
        filling = register + APPLICATIONS.replace("%(count)s", str(count))
        for statement in filling.split(";"):  # VACUUM stands alone
            if statement.strip():
                cursor.execute(statement)
        cursor.execute("RESET statement_timeout")
    browser = as_staff(Client(HTTP_HOST="localhost"), staff_user("supervisor"))
    return max(_row(browser, name, query, count) for name, query in PAGES.items())


def _row(browser: Any, name: str, query: str, count: int) -> int:
    """One row for figures that are counted now, for information, and one for those that are kept."""
    about = f"report of {name} over {count:,} applications with their payments"
    harness.row(f"{about}, counted anew", _seconds(browser, f"{query}&anew=1"), unit="s")
    return harness.row(f"{about}, kept, beside one second", _seconds(browser, query), 1.0, unit="s", at_most=1)


def _seconds(browser: Any, query: str) -> float:
    from django.urls import reverse

    times = []
    for _turn in range(7):
        began = time.perf_counter()
        answer = browser.get(f"{reverse('refunds:report')}?{query}")
        times.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"the page answered {answer.status_code}")
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
