"""Applications of a try-out: sample people who apply on the first days, so that the first round is not empty."""

import datetime as dt
import uuid

import httpx
from django.conf import settings

from eligibility.models import HolderKind, Line, Outcome
from kt_remedy.core import clock, programme
from kt_remedy.staff.models import User
from refunds.accounts import service as accounts
from refunds.applications import submit
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Channel
from refunds.models.batches import Roster
from refunds.payouts import roster

PEOPLE = 60
# One of the cast who applied before the portal is first opened, for the walk to the bank's answer.
EARLY_BIRD = "CAST-114-1"
_BANKS = ("004", "011", "020", "088", "090")


def start() -> dt.datetime:
    """KST time at which a demonstration begins: the morning on which the first round closes."""
    current = programme.current()
    first = clock.kst_date(current.payouts[0].cut_off) if current.payouts else current.applications.opens
    return clock.kst(first, dt.time(10))


def moments() -> list[dt.datetime]:
    """KST times at which they apply: 10:00 on each day of the window whose applications the first round pays."""
    current = programme.current()
    if not current.payouts:
        return [start()]
    last = max(row.applied_to for row in current.payouts if row.pay_on == current.payouts[0].pay_on)
    days = (last - current.applications.opens).days + 1
    return [clock.kst(current.applications.opens + dt.timedelta(days=day), dt.time(10)) for day in range(days)]


def apply_early(part: int, parts: int) -> int:
    """File, at the business time that is now, for one part of the sample's people; returns how many filed.

    Uses the services of the website, including the account holder check; the stand-in is told the holders first.
    """
    lines = list(
        Line.objects.select_related("customer")
        .filter(
            outcome=Outcome.ELIGIBLE,
            refundable_krw__gt=0,
            terminated_on__lte=_first_leavers_to(),
            customer__holder_kind=HolderKind.PERSON,
            customer__ci_enc__isnull=False,
            customer__guardian_ci_index=None,
            customer__birth_date__lt=dt.date(2000, 1, 1),
        )
        .exclude(contract_no__startswith="CAST-")
        .order_by("contract_no")[:PEOPLE]
    )
    lines += Line.objects.select_related("customer").filter(pk=EARLY_BIRD, outcome=Outcome.ELIGIBLE)
    mine = lines[part::parts]
    numbers = {line.pk: f"1{place:04}{line.customer.birth_date:%y%m%d}"[:12] for place, line in enumerate(lines, 1001)}
    _tell({numbers[line.pk]: line.customer.holder_name for line in mine})
    for place, line in enumerate(mine):
        person = line.customer.person_index
        account = accounts.enter(
            person_index=person,
            bank_code=_BANKS[place % len(_BANKS)],
            number=numbers[line.pk],
            holder_name=line.customer.holder_name,
            holder_birth=line.customer.birth_date,
            owner_kind=OwnerKind.SELF,
            contract_nos=[line.pk],
            actor="system",
            subject=line.customer_id,
        )
        submit.submit(
            submit.Submission(
                key=str(uuid.uuid4()),
                channel=Channel.WEB,
                person_index=person,
                contract_nos=[line.pk],
                account_id=account.id,
                consents=dict(submit.CONSENTS),
                contact=line.contact_msisdn or line.msisdn,
                proof={"method": "IDENTITY", "at": clock.now().isoformat()},
            )
        )
    return len(mine)


def _first_leavers_to() -> dt.date:
    """The last day of leaving that the first round pays."""
    current = programme.current()
    return current.payouts[0].terminated_to if current.payouts else current.waiver.terminated_to


def name_duties() -> None:
    """Name the demonstration's staff for each duty of a cut-off, with their deputy. Safe to repeat."""
    names = ("maker", "maker2", "checker", "checker2", "admin")
    known = {user.username: user for user in User.objects.filter(username__in=names)}
    if len(known) < len(names) or Roster.objects.exists():
        return
    for duty, holder in (("FREEZE", "maker"), ("APPROVE", "checker"), ("FILE", "maker"), ("RESULTS", "maker")):
        roster.assign(
            duty=duty, holder=known[holder], deputy=known[f"{holder}2"], by=known["admin"], reason="demonstration"
        )


def _tell(holders: dict[str, str]) -> None:
    httpx.post(f"{settings.PORTONE_API_URL}/control", json={"holders": holders}, timeout=10).raise_for_status()
