"""The page of figures over all applications, at the size of the whole programme, beside one second.

python -m benchmarks.bench_report --applications 660000
"""

import statistics
import sys
import time

from benchmarks import harness
from benchmarks.bench_notices import REGISTER

# One application a person: by three doors, over the days of the window, mostly approved, a tenth with somebody.
APPLICATIONS = """
    ALTER TABLE refunds_application DISABLE TRIGGER USER;
    INSERT INTO refunds_account (id, bank_code, number_index, last4, owner_kind, person_index, created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', '088', '\\x01', '0001', 'SELF', '\\x01', '2026-01-14+09');
    INSERT INTO refunds_filing (id, reference, idempotency_key, channel, customer_no, person_index, account_id,
                                representation, documents, consents, contact_enc, language, proof, received_at,
                                outage_reason)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'KT-' || n, 'k' || n,
           (ARRAY['WEB', 'WEB', 'WEB', 'CALL_CENTRE', 'STORE'])[1 + n % 5], 'C' || n, sha256(n::text::bytea),
           '00000000-0000-0000-0000-000000000001', 'SELF', '[]', '{}', '\\x00', 'ko', '{}',
           timestamptz '2026-01-14 10:00+09' + n % 18 * interval '1 day', ''
    FROM generate_series(1, %(count)s) AS n;
    INSERT INTO refunds_application (filing_id, contract_no, account_id, status, status_since, applied_on, lateness,
                                     amount_seen_krw, qa_sample, reviewed, flag, channel)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'L' || n,
           '00000000-0000-0000-0000-000000000001',
           CASE n % 40 WHEN 0 THEN 'REVIEW' WHEN 1 THEN 'NEED_ACCOUNT' WHEN 2 THEN 'NEED_DOCS' WHEN 3 THEN 'LATE'
                       WHEN 4 THEN 'REJECTED' WHEN 5 THEN 'WITHDRAWN' WHEN 6 THEN 'ON_HOLD_UNPAID'
                       WHEN 7 THEN 'WAITING_FOR_BILL' ELSE 'APPROVED' END,
           timestamptz '2026-01-14 10:00+09' + n % 18 * interval '1 day', date '2026-01-14' + n % 18, 'IN_TIME',
           10000 + n % 90000, false, false, '', (ARRAY['WEB', 'WEB', 'WEB', 'CALL_CENTRE', 'STORE'])[1 + n % 5]
    FROM generate_series(1, %(count)s) AS n;
    INSERT INTO refunds_decision (application_id, from_status, to_status, actor, code, words, decided_at)
    SELECT id, '', 'SUBMITTED', 'customer', 'FILED', '', status_since FROM refunds_application
    UNION ALL
    SELECT id, 'SUBMITTED', status, 'system', CASE status WHEN 'REVIEW' THEN 'VERDICT_REVIEW'
           WHEN 'NEED_ACCOUNT' THEN 'HOLDER_MISMATCH' WHEN 'LATE' THEN 'OUTSIDE_WINDOW' ELSE status END, '',
           status_since FROM refunds_application;
    ALTER TABLE refunds_application ENABLE TRIGGER USER;
    VACUUM ANALYZE refunds_application; VACUUM ANALYZE refunds_filing; VACUUM ANALYZE refunds_decision;
"""


def main() -> int:
    """One row, on servers of its own."""
    parser = harness.options(__doc__)
    parser.add_argument("--applications", type=int, default=660_000)
    count = parser.parse_args().applications
    with harness.portal():
        return page(count)


def page(count: int) -> int:
    """The median of seven answers of the page, signed in, beside one second."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from tests.sessions import as_staff, staff_user

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        filling = REGISTER.replace("%(people)s", str(count)) + APPLICATIONS.replace("%(count)s", str(count))
        for statement in filling.split(";"):  # VACUUM stands alone
            if statement.strip():
                cursor.execute(statement)
        cursor.execute("RESET statement_timeout")
    browser = as_staff(Client(HTTP_HOST="localhost"), staff_user("supervisor"))
    times = []
    for _turn in range(7):
        began = time.perf_counter()
        answer = browser.get(reverse("refunds:report"))
        times.append(time.perf_counter() - began)
        if answer.status_code != 200 or f"{count:,}" not in answer.content.decode():
            raise RuntimeError(f"the page answered {answer.status_code} or another number of applications")
    return harness.row(
        f"page of figures over {count:,} applications, beside one second",
        statistics.median(times),
        1.0,
        unit="s",
        at_most=1,
    )


if __name__ == "__main__":
    sys.exit(main())
