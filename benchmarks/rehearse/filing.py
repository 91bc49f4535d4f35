"""People who apply: who may, in an order that is the same after a stop, and most of them by the services in bulk.

The bulk uses the services of the website, the account holder check included, in a process for each core.
"""

import datetime as dt
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from benchmarks.rehearse.receipts import SERVICE, Receipts

T = TypeVar("T")
BANK = "088"
CHUNK = 100  # customers whom a process takes at once
# People with connecting information who have an eligible line without an application; a minor's guardian applies.
_MAY_FILE = """
    SELECT c.customer_no, array_agg(l.contract_no ORDER BY l.contract_no), c.birth_date > %(adults)s, c.holder_kind
    FROM eligibility_line l JOIN eligibility_customer c USING (customer_no)
    WHERE l.terminated_on IS NOT NULL AND coalesce(nullif(l.decided_outcome, ''), l.outcome) = 'ELIGIBLE'
      AND c.holder_kind <> 'CORPORATE' AND c.ci_enc IS NOT NULL
      AND (c.birth_date <= %(adults)s OR c.guardian_ci_index IS NOT NULL)
      AND l.contract_no NOT LIKE 'CAST-%%'
      AND NOT EXISTS (SELECT FROM refunds_application a
                      WHERE a.contract_no = l.contract_no AND a.status NOT IN ('REJECTED', 'WITHDRAWN'))
    GROUP BY c.customer_no ORDER BY md5(c.customer_no)
"""


@dataclass(frozen=True, slots=True)
class Applicant:
    """A customer and the lines that they apply for."""

    customer_no: str
    contracts: tuple[str, ...]
    minor: bool
    foreign: bool


def parts(items: list[T], size: int) -> list[list[T]]:
    """A list in parts of a size; the last one may be shorter."""
    return [items[first : first + size] for first in range(0, len(items), size)]


def applicants() -> list[Applicant]:
    """Everybody who may apply now, in the order of a digest of their customer numbers."""
    from benchmarks.rehearse.figures import rows
    from kt_remedy.core import clock, persons

    adults = persons.born_on_or_before(clock.today(), persons.ADULT_AGE)
    return [
        Applicant(number, tuple(contracts), minor, kind == "FOREIGNER")
        for number, contracts, minor, kind in rows(_MAY_FILE, {"adults": adults})
    ]


def account_number(customer_no: str, turn: int = 0) -> str:
    """An account of a customer that the stand-in answers for; the last digits name none of its ways to fail."""
    digits = "".join(letter for letter in customer_no if letter.isdigit())
    return f"1{digits[-9:]:0>9}{turn}0"


def file_in_bulk(lines: int, receipts: Receipts) -> None:
    """File by the services until receipts for so many lines are held, or nobody is left who may."""
    from django.db import connection

    wanted, waiting = lines - len(receipts.held), []
    for applicant in applicants():
        if wanted <= 0:
            break
        waiting.append(applicant)
        wanted -= len(applicant.contracts)
    connection.close()
    with _pool() as pool:
        for given in pool.map(_file_chunk, parts(waiting, CHUNK)):
            receipts.add(SERVICE, given)


def mend_accounts(returned: list[tuple[int, str]]) -> int:
    """Let people whose payment came back name another account; (application, customer number). Returns how many did."""
    from django.db import connection

    connection.close()
    with _pool() as pool:
        return sum(pool.map(_mend_chunk, parts(returned, CHUNK)))


def _pool() -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=spawn, initializer=_begin)


def _begin() -> None:
    import django

    django.setup()


def tell_holders(holders: dict[str, str]) -> None:
    """Tell the stand-in for the banks whose accounts these are: names by number."""
    from django.conf import settings

    url = f"{settings.PORTONE_API_URL}/control"
    httpx.post(url, json={"holders": holders}, timeout=60, verify=False).raise_for_status()  # noqa: S501  (loopback)


def _file_chunk(chunk: list[Applicant]) -> list[tuple[str, str]]:
    """The receipts of a chunk, as (contract number, reference). Safe to repeat: each has a key of its own."""
    from refunds.applications import submit
    from refunds.models.accounts import OwnerKind
    from refunds.models.applications import Channel

    given = []
    for applicant, holder, account in _accounts({one.customer_no: one for one in chunk}, 0):
        line = holder.lines.filter(pk=applicant.contracts[0]).first()
        done = submit.submit(
            submit.Submission(
                key=f"rehearsal-{holder.pk}",
                channel=Channel.WEB,
                person_index=bytes(account.person_index),
                contract_nos=applicant.contracts,
                account_id=account.pk,
                consents=dict(submit.CONSENTS),
                contact=line.contact_msisdn or line.msisdn,
                proof={"method": "IDENTITY", "at": dt.datetime.now(dt.UTC).isoformat()},
                representation=OwnerKind.GUARDIAN if applicant.minor else OwnerKind.SELF,
                representative="보호자" if applicant.minor else "",
            )
        )
        given += [(contract, done.filing.reference) for contract in applicant.contracts]
    return given


def _accounts(by_number: dict[str, Any], turn: int) -> Iterator[tuple[Any, Any, Any]]:
    """Each value with its customer, and an account that the bank was asked about."""
    from eligibility.models import Customer
    from kt_remedy.core import clock, persons
    from refunds.accounts import service as accounts
    from refunds.models.accounts import OwnerKind

    adults = persons.born_on_or_before(clock.today(), persons.ADULT_AGE)
    holders = list(Customer.objects.filter(pk__in=by_number).order_by("pk"))
    tell_holders({account_number(holder.pk, turn): holder.holder_name or "" for holder in holders})
    for holder in holders:
        minor = holder.birth_date is not None and holder.birth_date > adults
        guardian = holder.guardian_ci_index if minor else None
        account = accounts.enter(
            person_index=bytes(guardian) if guardian else holder.person_index,
            bank_code=BANK,
            number=account_number(holder.pk, turn),
            holder_name=holder.holder_name or "",
            holder_birth=holder.birth_date,
            owner_kind=OwnerKind.SELF,
            contract_nos=list(holder.lines.values_list("pk", flat=True)),
            actor="customer",
            subject=holder.pk,
        )
        yield by_number[holder.pk], holder, account


def _mend_chunk(chunk: list[tuple[int, str]]) -> int:
    from refunds.applications import change
    from refunds.models.applications import Application

    by_number: dict[str, list[int]] = {}
    for application, customer_no in chunk:
        by_number.setdefault(customer_no, []).append(application)
    mended = 0
    for applications, _holder, account in _accounts(by_number, 1):
        for row in Application.objects.filter(pk__in=applications).exclude(account=account):
            person = bytes(account.person_index)
            change.change_account(application_id=row.pk, account_id=account.pk, person_index=person)
            mended += 1
    return mended
