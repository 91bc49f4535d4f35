"""What happens on the server that is backed up, lost or killed: each step is a process of its own.

`python -m tests.recovery.steps NAME …` carries out one step and prints what the test has to know.
"""

import itertools
import sys
import threading
import time
import uuid
from types import SimpleNamespace

STAMP = "2026-01-23T10:00+09:00"  # after the round that the other steps pay


def _at(moment: str) -> None:
    import datetime as dt

    from kt_remedy.core import clock

    clock._write(dt.datetime.fromisoformat(moment) - dt.datetime.now(dt.UTC))


def approved() -> None:
    """A round with four applications, approved, with a document of one of them, and a head of the audit given out."""
    from kt_remedy.audit import heads
    from refunds.models.applications import Filing
    from tests.refunds import make
    from tests.refunds.payouts import money

    make.delivered()
    _at(money.BEFORE)
    heads.give()
    _at(money.CUT_OFF)
    money.approved(4)
    _document(Filing.objects.order_by("pk").first(), b"first page")
    heads.give()


def half_way() -> None:
    """The files of the round are made and the first of them is with the bank: the middle of a batch."""
    from refunds.models.batches import Batch
    from refunds.payouts import files
    from tests.refunds.payouts import money

    made = files.create_files(batch_id=Batch.objects.get().pk, user=money.maker())
    money.hand_over(made[0])


def answered() -> None:
    """The bank answers, more people apply, another document comes: all of it after the moment to go back to."""
    from refunds.models.applications import Filing
    from refunds.models.bank_files import BankFile
    from refunds.models.items import Item
    from refunds.models.states import Status
    from tests.refunds import make
    from tests.refunds.payouts import money

    file = BankFile.objects.get()
    answer = money.pain002(file, [(item, "ACSC", "") for item in Item.objects.all()], group="ACSC")
    money.load(answer)
    make.application(make.line(make.customer()), status=Status.SUBMITTED)
    _document(Filing.objects.order_by("received_at").last(), b"second page")


def prepare(count: str) -> None:
    """So many lines that may be filed, each with its account."""
    from tests.refunds import make

    make.delivered()
    _at(STAMP)
    for _ in range(int(count)):
        holder = make.customer()
        line, account = make.line(holder), make.account(holder)
        print(line.pk, account.pk, holder.person_index.hex(), flush=True)


def file(*rows: str) -> None:
    """File each LINE:ACCOUNT:PERSON in four threads and print the reference once it is acknowledged; goes on until
    the database is gone."""
    from django.db import DatabaseError, InterfaceError, connection

    from refunds.applications.submit import CONSENTS, Submission, submit
    from refunds.models.applications import Channel

    waiting = list(reversed(rows))

    def work() -> None:
        while waiting:
            line, account, person = waiting.pop().split(":")
            submission = Submission(
                key=uuid.uuid4().hex, channel=Channel.WEB, person_index=bytes.fromhex(person), contract_nos=[line],
                account_id=uuid.UUID(account), consents=CONSENTS, contact="01055550000", proof={"method": "IDENTITY"},
            )  # fmt: skip
            try:
                reference = submit(submission).filing.reference
            except (DatabaseError, InterfaceError):
                break
            sys.stdout.write(f"{reference}\n")
            sys.stdout.flush()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _document(filing: object, data: bytes) -> None:
    from kt_remedy.core import crypto
    from refunds.applications import documents

    drawing = SimpleNamespace(kind="jpg", data=data, pages=1, signed=None)
    digest = crypto.blind_index(data.hex(), "document")
    documents._store_all([("page.jpg", drawing, digest)], staff=None, subject=filing.customer_id, filing=filing)


if __name__ == "__main__":
    import django

    began = time.monotonic()
    django.setup()

    from eligibility.models import Customer
    from tests.refunds import make

    # Each process counts anew, and numbers of customers and lines are taken once.
    make._numbers = itertools.count(1000 * Customer.objects.count() + 1)
    globals()[sys.argv[1]](*sys.argv[2:])
    print(f"{sys.argv[1]}: {time.monotonic() - began:.1f} s", file=sys.stderr)
