"""Rows that tests of this room start from: a customer with lines and bills, an account the bank knows, a filing."""

import datetime as dt
import itertools
import uuid

from django.utils import timezone

from eligibility import search
from eligibility.models import Bill, Customer, Feed, Line
from kt_remedy.core import clock, crypto, persons
from refunds.models.accounts import Account, HolderCheck, OwnerKind
from refunds.models.applications import Application, Channel, Filing
from refunds.models.states import Status

_numbers = itertools.count(1)


def customer(
    *, name: str = "홍길동", birth: str | None = "1985-03-02", ci: str | None = "", kind: str = "PERSON"
) -> Customer:
    """A holder; `ci` is made up unless given, None for a holder without one."""
    number = next(_numbers)
    row = Customer(
        customer_no=f"C{number:07}",
        holder_kind=kind,
        name_index=search.name_index(name),
        birth_date=dt.date.fromisoformat(birth) if birth else None,
        digest=b"",
        as_of=dt.date(2026, 1, 14),
    )
    row.holder_name = name
    if ci is not None:
        row.ci = ci or f"{number:088}"
    row.person_index = persons.person_index(row.ci or "", row.pk)
    row.save(force_insert=True)
    return row


def delivered(as_of: str = "2026-12-31") -> Feed:
    """A loaded delivery; by default one that every act may use (`register_clock`)."""
    long_ago = dt.datetime(2025, 12, 30, tzinfo=clock.KST)
    row, _created = Feed.objects.get_or_create(
        as_of=dt.date.fromisoformat(as_of),
        defaults={"state": Feed.State.LOADED, "started_at": long_ago, "finished_at": long_ago},
    )
    return row


def line(holder: Customer, *, terminated: str = "2025-11-20T10:00+09:00", outcome: str = "ELIGIBLE", **facts) -> Line:
    """A line terminated in November with 160,130 won billed and paid, unless `facts` say otherwise."""
    number = next(_numbers)
    ended = dt.datetime.fromisoformat(terminated) if terminated else None
    values = {
        "contract_no": f"L{number:07}",
        "network": "KT",
        "product": "HANDSET",
        "opened_at": dt.datetime(2024, 3, 2, tzinfo=clock.KST),
        "opened_on": dt.date(2024, 3, 2),
        "contract_type": "SUBSIDY",
        "contract_event": "NEW",
        "contract_started_at": dt.datetime(2024, 3, 2, tzinfo=clock.KST),
        "commitment_started_at": dt.datetime(2024, 3, 2, tzinfo=clock.KST),
        "contract_months": 24,
        "subsidy_krw": 400_000,
        "extra_subsidy_krw": 0,
        "discount_krw": 0,
        "suspended_days": 0,
        "status": "TERMINATED" if ended else "ACTIVE",
        "terminated_at": ended,
        "terminated_on": clock.kst_date(ended) if ended else None,
        "termination_reason": "CANCEL" if ended else "",
        "reasons": "",
        "expected_penalty_krw": 160_130,
        "refundable_krw": 160_130,
        "programme_version": "test",
        "as_of": dt.date(2026, 1, 14),
    }
    row = Line(customer=holder, outcome=outcome, **{**values, **facts})
    row.msisdn = f"0105555{number:04}"
    row.msisdn_index = search.msisdn_index(row.msisdn)
    row.save(force_insert=True)
    if row.refundable_krw:
        bill(row, paid=row.refundable_krw)
    return row


def bill(of: Line, *, billed: int | None = None, paid: int = 0) -> Bill:
    """One clawback on a line's bill."""
    return Bill.objects.create(
        line=of,
        item="SUBSIDY_CLAWBACK",
        billed_on=dt.date(2025, 12, 5),
        billed_krw=paid if billed is None else billed,
        paid_krw=paid,
        waived_krw=0,
        refunded_krw=0,
        as_of=dt.date(2026, 1, 14),
    )


def account(holder: Customer, *, outcome: str = "MATCH", number: str = "", bank: str = "088", **facts) -> Account:
    """Account entered for `holder`, with a number of its own by default, and its holder check."""
    number = number or f"110{next(_numbers):08}"
    row = Account(
        id=uuid.uuid4(),
        bank_code=bank,
        number_index=crypto.blind_index(f"{bank}:{number}", "account"),
        last4=number[-4:],
        person_index=holder.person_index,
        created_at=clock.now(),
        **{"owner_kind": OwnerKind.SELF, **facts},
    )
    row.number, row.holder_name = number, holder.holder_name
    row.holder_birth = holder.birth_date.isoformat() if holder.birth_date else None
    row.save(force_insert=True)
    HolderCheck.objects.create(account=row, outcome=outcome, retry_at=timezone.now())
    return row


def application(
    of: Line, *, to: Account | None = None, status: str = Status.APPROVED, applied: str = "2026-01-16"
) -> Application:
    """An application in a state, put there by SQL alone: for tests of what comes after. A round may be frozen."""
    delivered()
    holder = of.customer
    to = to or account(holder)
    key = uuid.uuid4()
    received = dt.datetime.combine(dt.date.fromisoformat(applied), dt.time(10), clock.KST)
    filing = Filing(
        id=key,
        reference=f"KT-{key.hex[:9].upper()}",
        idempotency_key=key.hex,
        channel=Channel.WEB,
        customer=holder,
        person_index=holder.person_index,
        account=to,
        received_at=received,
    )
    filing.contact = "01055550000"
    filing.save(force_insert=True)
    row = Application.objects.create(
        filing=filing,
        line=of,
        account=to,
        applied_on=received.date(),
        status_since=received,
        amount_seen_krw=of.refundable_krw,
    )
    if status != Status.SUBMITTED:
        Application.objects.filter(pk=row.pk).update(status=status)
        row.refresh_from_db()
    return row
