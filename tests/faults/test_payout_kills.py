"""kill -9 inside freeze, file and result loading: nothing or everything, and the rerun gives the same digest and bytes.

A child of this process dies at each statement of the act in turn, until it comes to the end.
"""

import datetime as dt
import hashlib
import os
import signal
from collections.abc import Callable

import pytest
from django.db import connection

from kt_remedy import clock
from refunds.payouts import results, service
from refunds.payouts.models import BankFile, Batch, Chunk, Item, ResultFile
from refunds.payouts.verify import verify
from tests.refunds.payouts import money
from tests.refunds.payouts.money import CUT_OFF, checker, maker

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.date(2026, 1, 22)


def run(act: Callable[[], object], at: int) -> bool:
    """Do `act` in a child that dies at its statement number `at` (0: never); whether it came to its end."""
    connection.close()  # a connection is not shared with a child
    child = os.fork()
    if child == 0:
        seen = 0

        def crash(execute, sql, params, many, context):
            nonlocal seen
            answer = execute(sql, params, many, context)
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        status = 1
        try:
            with connection.execute_wrapper(crash):
                act()
            status = 0
        finally:
            os._exit(status)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)


@pytest.fixture(autouse=True)
def cut_off(at):
    at(CUT_OFF)


def well() -> bool:
    return not [finding for finding in verify() if finding.count]


def test_freeze():
    for n in range(3):
        money.due(100_000 + n)
    by = maker()
    batch = service.freeze(pay_on=DAY, user=by)
    expected = batch.digest
    service.send_back(batch_id=batch.pk, user=checker(), reason="다시")
    kills = 0
    while not run(lambda: service.freeze(pay_on=DAY, user=by), kills + 1):
        kills += 1
        assert set(Item.objects.values_list("status", flat=True)) == {"VOID"}
        assert Batch.objects.get().status == "OPEN"
        assert well()
    assert kills > 8
    assert Batch.objects.get().digest == expected
    assert well()


def test_file():
    batch = money.approved(4)
    by = maker()
    kills = 0
    while not run(lambda: service.file(batch_id=batch.pk, user=by), kills + 1):
        kills += 1
        assert (BankFile.objects.count(), Chunk.objects.count()) == (0, 0)
        assert set(batch.items.values_list("status", flat=True)) == {"QUEUED"}
    assert kills > 8
    made = BankFile.objects.get()
    content = b"".join(service.stored(made.message_id))
    assert hashlib.sha256(content).hexdigest() == made.sha256
    assert [item.status for item in money.items(batch)] == ["FILED"] * 4
    # Nothing of the hour or the process is in it: written once more, the bytes are the same.
    assert (
        f"<CreDtTm>{batch.approved_at.astimezone(clock.KST).isoformat(timespec='seconds')}</CreDtTm>"
        in content.decode()
    )
    assert well()


def test_results(tmp_path):
    batch, file = money.handed_over(4)
    one, two, three, _four = money.items(batch)
    content = money.pain002(file, [(one, "ACSC", ""), (two, "RJCT", "AC04"), (three, "ACSC", "")])
    by = maker()
    kills = 0
    while not run(lambda: results.load_result(content=content, name="r.xml", user=by), kills + 1):
        kills += 1
        assert ResultFile.objects.count() == 0
        assert set(batch.items.values_list("status", flat=True)) == {"FILED"}
        two.application.refresh_from_db()
        assert two.application.status == "APPROVED"
    assert kills > 15
    assert [item.status for item in money.items(batch)] == ["PAID", "RETURNED", "PAID", "UNKNOWN"]
    with pytest.raises(service.Refused) as caught:
        results.load_result(content=content, name="r.xml", user=by)
    assert caught.value.code == "SAME_FILE"
    assert well()
