"""Messages: queueing a reminder round beside the raw statement, the sender beside a bare loop over the SDK.

python -m benchmarks.bench_notices --people 500000 --messages 2000
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

from benchmarks import harness

if TYPE_CHECKING:  # nothing of the portal is imported before its settings stand
    from solapi import SolapiMessageService

REGISTER = """
    INSERT INTO eligibility_customer (customer_no, person_index, holder_kind, holder_name_enc, name_index, birth_date,
                                      digest, as_of)
    SELECT 'C' || n, sha256(n::text::bytea), 'PERSON', '\\x00', sha256('name'::bytea), date '1985-03-02', '\\x00',
           date '2026-01-20'
    FROM generate_series(1, %(people)s) AS n;
    INSERT INTO eligibility_line (
        contract_no, customer_no, msisdn_enc, msisdn_index, network, product, opened_at, contract_type, contract_event,
        contract_started_at, commitment_started_at, contract_months, subsidy_krw, extra_subsidy_krw, discount_krw,
        suspended_days, status, terminated_at, termination_reason, opened_on, terminated_on, outcome, reasons,
        expected_penalty_krw, refundable_krw, programme_version, as_of)
    SELECT 'L' || n, 'C' || n, '\\x00', sha256(n::text::bytea), 'KT', 'HANDSET', '2024-03-02+09', 'SUBSIDY', 'NEW',
           '2024-03-02+09', '2024-03-02+09', 24, 400000, 0, 0, 0, 'TERMINATED', '2025-11-20+09', 'PORT_OUT',
           date '2024-03-02', date '2025-11-20', 'ELIGIBLE', '', 160130, 160130, 'bench', date '2026-01-20'
    FROM generate_series(1, %(people)s) AS n;
    ANALYZE eligibility_customer; ANALYZE eligibility_line; ANALYZE refunds_application;
"""


def main() -> int:
    """Both rows, on servers of their own."""
    parser = harness.options(__doc__)
    parser.add_argument("--people", type=int, default=500_000)
    parser.add_argument("--messages", type=int, default=2000)
    options = parser.parse_args()
    with harness.portal(SANDBOX_PORT=str(harness.free_port()), SMS_PER_SECOND="1000000"):
        return queueing(options.people) | sending(options.messages)


def queueing(people: int) -> int:
    """A round for so many people beside INSERT … SELECT of the finished rows, each into an empty table."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(REGISTER.replace("%(people)s", str(people)))
    ours, raw = harness.in_turns(_round, _raw_round)
    _execute("TRUNCATE notices_message CASCADE", "DROP TABLE finished")
    return harness.row(
        f"queue a reminder round for {people:,} people, beside INSERT … SELECT of the finished rows",
        ours,
        raw,
        unit="s",
        at_most=2,
    )


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _round() -> float:
    from refunds import reminders

    _execute("TRUNCATE notices_message CASCADE", "VACUUM notices_message")
    began = time.perf_counter()
    told = reminders._queue("reminder", "round-1")
    took = time.perf_counter() - began
    assert told, "nobody was queued"
    return took


def _raw_round() -> float:
    _execute(
        "DROP TABLE IF EXISTS finished",
        "CREATE TABLE finished AS SELECT * FROM notices_message",
        "TRUNCATE notices_message CASCADE",
        "VACUUM notices_message",
    )
    began = time.perf_counter()
    _execute(
        "INSERT INTO notices_message (kind, subject, person_index, recipient, language, bulk, state, created_at,"
        " attempts) SELECT kind, subject, person_index, recipient, language, bulk, state, created_at, attempts"
        " FROM finished"
    )
    return time.perf_counter() - began


def sending(messages: int) -> int:
    """So many messages through form and send, beside the SDK called in a bare loop, all to the stand-in.

    Sending hands over a hundred in one call, so it stands beside two loops: one that sends them one by one, and one
    that sends as many at once as it does, with no row, claim, look again or number behind them.
    """
    from django.conf import settings

    from kt_remedy.notices import batches

    few = min(messages, 1000)
    stand_in = subprocess.Popen([sys.executable, "-m", "kt_remedy.devtools.sandbox"], start_new_session=True)
    try:
        _wait(settings.SOLAPI_API_URL + "/log")
        ours, bare, together, reminders = harness.in_turns(
            lambda: _answers(messages), lambda: _one_by_one(few), lambda: _together(messages), lambda: _reminders(few)
        )
    finally:
        os.killpg(stand_in.pid, signal.SIGKILL)
        stand_in.wait()
    beside = f"beside a bare loop of calls of {batches.BATCH}"
    return (
        harness.row(
            f"send {few:,} reminders, each person looked at again and their number found, {beside}",
            reminders,
            together,
            unit="a second",
            at_least=0.5,
        )
        | harness.row(
            f"send {messages:,} messages to the stand-in, beside the SDK in a bare loop",
            ours,
            bare,
            unit="a second",
            at_least=1,
        )
        | harness.row(f"send {messages:,} messages to the stand-in, {beside}", ours, together, unit="a second")
    )


def _answers(messages: int) -> float:
    """Messages a second of a kind that carries its number."""
    from kt_remedy.notices import service

    _execute("TRUNCATE notices_message, notices_batch CASCADE")
    for n in range(messages):
        service.queue(kind="filing.received_open", subject=str(n), person=n.to_bytes(32, "big"), to=f"0107{n:07}")
    return _through_the_sender(messages)


def _sdk() -> "SolapiMessageService":
    from django.conf import settings
    from solapi import SolapiMessageService

    sdk = SolapiMessageService(settings.SOLAPI_API_KEY, settings.SOLAPI_API_SECRET)
    sdk.base_url = settings.SOLAPI_API_URL
    return sdk


def _body() -> str:
    """The text of the messages that were sent just before."""
    from kt_remedy.notices.models import Message

    return Message.objects.exclude(body="").values_list("body", flat=True)[0]


def _one_by_one(messages: int) -> float:
    from solapi.model import RequestMessage

    loop, body = _sdk(), _body()
    few = min(messages, 200)
    began = time.perf_counter()
    for n in range(few):
        loop.send(RequestMessage(from_="0804707790", to=f"0108{n:07}", text=body))
    return few / (time.perf_counter() - began)


def _together(messages: int) -> float:
    from solapi.model import RequestMessage, SendRequestConfig

    from kt_remedy.notices import batches

    loop, body = _sdk(), _body()
    began = time.perf_counter()
    for first in range(0, messages, batches.BATCH):
        loop.send(
            [
                RequestMessage(from_="0804707790", to=f"0109{n:07}", text=body)
                for n in range(first, min(first + batches.BATCH, messages))
            ],
            SendRequestConfig(allow_duplicates=True, show_message_list=True),
        )
    return messages / (time.perf_counter() - began)


def _through_the_sender(messages: int) -> float:
    """Messages a second that the tasks bring to the gateway in this process, until none waits."""
    from kt_remedy.notices import batches, tasks
    from kt_remedy.notices.models import Message, MessageBatch

    waiting = MessageBatch.objects.filter(state=MessageBatch.State.WAITING).order_by("pk")
    began = time.perf_counter()
    tasks.form_batches(batches.PROVIDER)
    while keys := list(waiting.values_list("pk", flat=True)):
        for key in keys:
            tasks.send(key)
        tasks.form_batches(batches.PROVIDER)
    rate = messages / (time.perf_counter() - began)
    assert messages == Message.objects.filter(state="ACCEPTED").count()
    return rate


def _reminders(count: int) -> float:
    """Messages a second of a round to some people of the register, who left with their numbers."""
    from eligibility.models import Line
    from kt_remedy.notices import service
    from refunds import reminders

    _execute("TRUNCATE notices_message, notices_batch CASCADE")
    lines = list(Line.objects.order_by("contract_no")[:count])
    for n, line in enumerate(lines):
        line.msisdn = f"0106{n:07}"
    Line.objects.bulk_update(lines, ["msisdn_enc"])
    service.queue_all(
        kind="reminder",
        subject="round-9",
        select=f"SELECT * FROM ({reminders.recipients_select('reminder')}) c WHERE recipient = ANY(%(some)s)",  # noqa: S608
        params=reminders._params() | {"some": [line.pk for line in lines]},
    )
    return _through_the_sender(count)


def _wait(address: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address, timeout=1).close()  # noqa: S310  (our own stand-in)
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"The stand-in does not answer at {address}.")


if __name__ == "__main__":
    raise SystemExit(main())
