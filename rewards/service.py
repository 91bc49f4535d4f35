"""What other rooms may ask of the perks: who gets what, and the few acts a person takes.

Every act is keyword-only, one transaction, with its audit entry and message. Refusals are `Refused` with a code that
the page words.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction

from eligibility.models import Customer, HolderKind, Line
from kt_remedy import clock, crypto, programme
from kt_remedy.audit import service as audit
from kt_remedy.notices import service as notices
from kt_remedy.programme import Choice, Perk
from kt_remedy.staff.models import User
from rewards.enrolment import base
from rewards.models import BaseLine, Entitlement, Grant, Voucher
from rewards.perks.dates import age_on, born_on_or_before, ends_on, grant_months, last_day

# When the calendar acts: the base after the night's delivery has been loaded, grants as the month begins.
BASE_AT, GRANT_AT = dt.time(9), dt.time(0, 5)
ADULT_AGE = 19  # 성년: below it a legal guardian agrees (Civil Act art. 4)


class Refused(Exception):
    """An act that the rules do not allow; `code` is one of the words the page knows."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Month:
    """One cell of a monthly perk: GRANTED, SUSPENDED, TERMINATED, or COMING."""

    first: dt.date
    state: str


@dataclass(frozen=True)
class Card:
    """One perk of one line (or of the person) as a page shows it.

    state: RUNNING, COMING, OVER, CHOOSE (a choice is open), CHOSEN (code not issued yet), ACTIVE (dates run), APPLY,
    OPTED_OUT, TOO_YOUNG, GUARDIAN, CLOSED (too late to choose or apply).
    """

    perk: Perk
    state: str
    line: Line | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    months: tuple[Month, ...] = ()
    choices: tuple[Choice, ...] = ()
    chosen: Choice | None = None
    code: str = ""
    automatic: bool = False
    needs_act: bool = field(default=False)


@dataclass(frozen=True)
class LinePerks:
    """A line of the person: in the base or why not, and its cards."""

    line: Line
    why: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Overview:
    """Everything the rewards page of a person shows. `taken` is False before the base was taken."""

    taken: bool
    lines: tuple[LinePerks, ...]
    personal: tuple[Card, ...]

    @property
    def cards(self) -> list[Card]:
        """All cards, line by line, then those by person."""
        return [card for line in self.lines for card in line.cards] + list(self.personal)

    @property
    def to_do(self) -> list[Card]:
        """Cards that wait for the person."""
        return [card for card in self.cards if card.needs_act]

    @property
    def by_themselves(self) -> list[Card]:
        """Cards on which there is nothing to do."""
        return [card for card in self.cards if not card.needs_act]


def overview(person_index: bytes) -> Overview:
    """The perks of a verified person: by line and by person. Five queries, whatever the number of lines."""
    rules = programme.current()
    today = clock.today()
    lines = list(
        Line.objects.filter(customer__ci_index=person_index).select_related("customer").order_by("contract_no")
    )
    if not base.is_complete():
        return Overview(False, tuple(LinePerks(line, "", ()) for line in lines), ())
    seen = {row.contract_no: row for row in BaseLine.objects.filter(pk__in=[line.pk for line in lines])}
    made = {
        (row.perk, row.contract_no): row
        for row in Entitlement.objects.filter(person_index=person_index).select_related("voucher")
    }
    grants: dict[tuple[str, str], dict[dt.date, str]] = {}
    for grant in Grant.objects.filter(contract_no__in=list(seen)):
        grants.setdefault((grant.perk, grant.contract_no), {})[grant.month] = grant.state
    by_line: list[LinePerks] = []
    personal: dict[str, tuple[Perk, Line]] = {}
    for line in lines:
        row = seen.get(line.pk)
        if row is None or not row.in_base:
            by_line.append(LinePerks(line, row.why if row else BaseLine.Why.OPENED_LATER, ()))
            continue
        cards = []
        for perk in rules.perks:
            if perk.code not in row.perks:
                continue
            if perk.unit == "PERSON":
                personal.setdefault(perk.code, (perk, line))
                continue
            cards.append(_card(perk, line, made.get((perk.code, line.pk)), grants.get((perk.code, line.pk), {}), today))
        by_line.append(LinePerks(line, row.why, tuple(cards)))
    by_person = tuple(_card(perk, line, made.get((perk.code, None)), {}, today) for perk, line in personal.values())
    return Overview(True, tuple(by_line), by_person)


def _card(perk: Perk, line: Line, made: Entitlement | None, grants: dict[dt.date, str], today: dt.date) -> Card:
    birth = line.customer.birth_date
    where = line if perk.unit == "LINE" else None
    if made is not None and made.kind == Entitlement.Kind.OPT_OUT:
        return Card(perk, "OPTED_OUT", where)
    if perk.mode == "CHOICE":
        return _choice_card(perk, line, made, today)
    if perk.mode == "APPLICATION":
        if made is not None:
            state = "OVER" if made.ends_on and made.ends_on < today else "ACTIVE"
            return Card(perk, state, where, made.starts_on, made.ends_on)
        if is_automatic(perk, line.customer):
            starts, ends = perk.starts, ends_on(perk)
            state = "COMING" if today < starts else "OVER" if ends and ends < today else "ACTIVE"
            return Card(perk, state, where, starts, ends, automatic=True)
        if birth and age_on(birth, today) < ADULT_AGE:
            return Card(perk, "GUARDIAN", where)
        return Card(perk, "APPLY", where, needs_act=True)
    starts, ends = perk.starts, ends_on(perk)
    months = tuple(Month(first, grants.get(first, "COMING")) for first in grant_months(perk)) if perk.monthly_gb else ()
    state = "COMING" if today < starts else "OVER" if ends and ends < today else "RUNNING"
    if where is not None and line.terminated_on is not None:
        state = "OVER"
    return Card(perk, state, where, starts, ends, months=months, automatic=True)


def _choice_card(perk: Perk, line: Line, made: Entitlement | None, today: dt.date) -> Card:
    open_to = allowed_choices(perk, line.customer.birth_date, today)
    if made is not None:
        chosen = next((choice for choice in perk.choices if choice.code == made.choice), None)
        if made.voucher is None:
            return Card(perk, "CHOSEN", line, choices=open_to, chosen=chosen, needs_act=True)
        state = "OVER" if made.ends_on and made.ends_on < today else "ACTIVE"
        return Card(
            perk, state, line, made.starts_on, made.ends_on, chosen=chosen, code=made.voucher.code, choices=open_to
        )
    if line.terminated_on is not None:
        return Card(perk, "OVER", line)
    if today < perk.starts:
        return Card(perk, "COMING", line, perk.starts, perk.choose_until, choices=perk.choices)
    if perk.choose_until and today > perk.choose_until:
        return Card(perk, "CLOSED", line, ends_on=perk.choose_until)
    if not open_to:
        return Card(perk, "TOO_YOUNG", line)
    if needs_guardian(line.customer.birth_date, today):
        return Card(perk, "GUARDIAN", line, choices=open_to, ends_on=perk.choose_until)
    return Card(perk, "CHOOSE", line, choices=open_to, ends_on=perk.choose_until, needs_act=True)


def is_automatic(perk: Perk, customer: Customer) -> bool:
    """Whether an applied-for perk starts by itself for this customer: full years on the base date (D-55)."""
    if perk.automatic_from_age is None or customer.birth_date is None:
        return False
    limit = born_on_or_before(programme.current().rewards.base_date, perk.automatic_from_age)
    return customer.holder_kind != HolderKind.CORPORATE and customer.birth_date <= limit


def allowed_choices(perk: Perk, birth: dt.date | None, today: dt.date) -> tuple[Choice, ...]:
    """The services somebody born on `birth` is old enough for (D-53); a company has no age."""
    if birth is None:
        return perk.choices
    return tuple(c for c in perk.choices if c.minimum_age is None or age_on(birth, today) >= c.minimum_age)


def needs_guardian(birth: dt.date | None, today: dt.date) -> bool:
    """Whether a legal guardian has to agree (D-16): below nineteen on the day."""
    return birth is not None and age_on(birth, today) < ADULT_AGE


def choose(
    *,
    perk_code: str,
    contract_no: str,
    choice_code: str,
    person_index: bytes,
    guardian: bool = False,
    by: User | None = None,
) -> Entitlement:
    """Choose a service for a line, or change the choice while no code was issued (D-53).

    `person_index` is the holder, verified; `guardian` says that a verified legal guardian acts; `by` the staff member
    who acts on behalf. Raises Refused: UNKNOWN, NOT_OPEN, CLOSED, TOO_YOUNG, GUARDIAN, FINAL.
    """
    perk = _perk(perk_code, "CHOICE")
    today = clock.today()
    with transaction.atomic():
        line = _own_line(contract_no, person_index, perk)
        if today < perk.starts:
            raise Refused("NOT_OPEN")
        if perk.choose_until and today > perk.choose_until:
            raise Refused("CLOSED")
        birth = line.customer.birth_date
        if choice_code not in {choice.code for choice in perk.choices}:
            raise Refused("UNKNOWN")
        if choice_code not in {choice.code for choice in allowed_choices(perk, birth, today)}:
            raise Refused("TOO_YOUNG")
        if needs_guardian(birth, today) and not guardian:
            raise Refused("GUARDIAN")
        row, created = Entitlement.objects.select_for_update().get_or_create(
            perk=perk.code,
            contract_no=line.pk,
            defaults={
                "kind": Entitlement.Kind.CHOICE,
                "person_index": person_index,
                "choice": choice_code,
                "made_at": clock.now(),
                "made_by": by,
            },
        )
        if not created:
            if row.voucher_id:
                raise Refused("FINAL")
            row.choice, row.made_at, row.made_by = choice_code, clock.now(), by
            row.save(update_fields=["choice", "made_at", "made_by"])
        _record("rewards.chosen", row, line.customer_id, by, {"perk": perk.code, "choice": choice_code})
    return row


def issue_code(*, perk_code: str, contract_no: str, person_index: bytes, by: User | None = None) -> Entitlement:
    """Hand out one code of the chosen service, for good: from now on the choice is final and its months run.

    Two requests for the last code are settled by SKIP LOCKED: one gets it, the other is Refused NO_CODES and keeps its
    choice. A second call returns the code already issued. Raises Refused: UNKNOWN, NOT_CHOSEN, NO_CODES.
    """
    perk = _perk(perk_code, "CHOICE")
    with transaction.atomic():
        line = _own_line(contract_no, person_index, perk)
        row = Entitlement.objects.select_for_update().filter(perk=perk.code, contract_no=line.pk).first()
        if row is None or row.kind != Entitlement.Kind.CHOICE:
            raise Refused("NOT_CHOSEN")
        if row.voucher_id:
            return row
        voucher = (
            Voucher.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(perk=perk.code, choice=row.choice, entitlement=None)
            .order_by("imported_at", "id")
            .first()
        )
        if voucher is None:
            raise Refused("NO_CODES")
        row.voucher = voucher
        row.starts_on = clock.today()
        row.ends_on = last_day(row.starts_on, perk.months or 1)
        row.save(update_fields=["voucher", "starts_on", "ends_on"])
        _record("rewards.code_issued", row, line.customer_id, by, {"perk": perk.code})
        _notify("rewards.code", row, line)
    return row


def apply(*, perk_code: str, person_index: bytes, guardian: bool = False, by: User | None = None) -> Entitlement:
    """Apply for a perk by person (insurance): two years as explicit dates from today, not before its start (D-56).

    Applying twice returns the first. Raises Refused: UNKNOWN, NOT_IN_BASE, AUTOMATIC, GUARDIAN, CLOSED.
    """
    perk = _perk(perk_code, "APPLICATION")
    today = clock.today()
    with transaction.atomic():
        line = _line_with(perk, person_index)
        customer = line.customer
        existing = (
            Entitlement.objects.select_for_update()
            .filter(perk=perk.code, person_index=person_index, contract_no=None)
            .first()
        )
        if existing is not None and existing.kind == Entitlement.Kind.APPLICATION:
            return existing
        if is_automatic(perk, customer) and existing is None:
            raise Refused("AUTOMATIC")
        if needs_guardian(customer.birth_date, today) and not guardian:
            raise Refused("GUARDIAN")
        starts = max(perk.starts, today)
        dates = {"starts_on": starts, "ends_on": last_day(starts, perk.months or 1)}
        row, _ = Entitlement.objects.update_or_create(
            perk=perk.code,
            person_index=person_index,
            contract_no=None,
            defaults={
                "kind": Entitlement.Kind.APPLICATION,
                "made_at": clock.now(),
                "made_by": by,
                **dates,
            },
        )
        _record("rewards.applied", row, customer.pk, by, {"perk": perk.code})
        _notify("rewards.applied", row, line)
    return row


def opt_out(*, perk_code: str, person_index: bytes, by: User | None = None) -> Entitlement:
    """Decline a perk by person, or end it; can be taken back by applying. Raises Refused: UNKNOWN, NOT_IN_BASE."""
    perk = _perk(perk_code, "APPLICATION")
    with transaction.atomic():
        line = _line_with(perk, person_index)
        row, _ = Entitlement.objects.update_or_create(
            perk=perk.code,
            person_index=person_index,
            contract_no=None,
            defaults={
                "kind": Entitlement.Kind.OPT_OUT,
                "made_at": clock.now(),
                "made_by": by,
                "starts_on": None,
                "ends_on": None,
            },
        )
        _record("rewards.opted_out", row, line.customer_id, by, {"perk": perk.code})
    return row


def import_vouchers(*, perk_code: str, choice_code: str, codes: Iterable[str], by: User | None = None) -> int:
    """Add codes bought from a service; a code already known is left alone. Returns how many are new."""
    perk = _perk(perk_code, "CHOICE")
    if choice_code not in {choice.code for choice in perk.choices}:
        raise Refused("UNKNOWN")
    now, rows = clock.now(), []
    for code in filter(None, (text.strip() for text in codes)):
        row = Voucher(id=uuid.uuid4(), perk=perk.code, choice=choice_code, imported_at=now)
        row.code = code
        row.code_index = crypto.blind_index(code, "voucher")
        rows.append(row)
    with transaction.atomic():
        before = Voucher.objects.count()
        Voucher.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
        new = Voucher.objects.count() - before
        audit.record(
            actor=f"staff:{by.pk}" if by else "system",
            action="rewards.vouchers_imported",
            object=f"perk:{perk.code}:{choice_code}",
            detail={"new": new, "offered": len(rows)},
        )
    return new


def summary_for(contract_nos: list[str]) -> dict[str, list[str]]:
    """Perk codes of each of these lines that is in the base, for "my lines"; others are missing. One query."""
    rows = BaseLine.objects.filter(pk__in=contract_nos, why=BaseLine.Why.IN_SERVICE)
    return {row.contract_no: row.perks for row in rows}


def _perk(code: str, mode: str) -> Perk:
    perk = next((perk for perk in programme.current().perks if perk.code == code and perk.mode == mode), None)
    if perk is None:
        raise Refused("UNKNOWN")
    return perk


def _own_line(contract_no: str, person_index: bytes, perk: Perk) -> Line:
    """The person's line in the base that qualifies for `perk` and is still in service."""
    line = (
        Line.objects.select_related("customer")
        .filter(pk=contract_no, customer__ci_index=person_index, terminated_on=None)
        .first()
    )
    if line is None or not BaseLine.objects.filter(pk=contract_no, perks__contains=[perk.code]).exists():
        raise Refused("UNKNOWN")
    return line


def _line_with(perk: Perk, person_index: bytes) -> Line:
    """A line of the person by which they qualify for a perk by person; locks nothing."""
    with connection.cursor() as cursor:
        # One person, one perk: their acts on it wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{perk.code}:{person_index.hex()}"])
    found = BaseLine.objects.filter(person_index=person_index, perks__contains=[perk.code]).order_by("pk").first()
    line = Line.objects.select_related("customer").filter(pk=found.pk).first() if found else None
    if line is None:
        raise Refused("NOT_IN_BASE")
    return line


def _record(action: str, row: Entitlement, customer_no: str, by: User | None, detail: dict) -> None:
    audit.record(
        actor=f"staff:{by.pk}" if by else "customer",
        action=action,
        object=f"entitlement:{row.pk}",
        subject=customer_no,
        detail=detail,
    )


def _notify(kind: str, row: Entitlement, line: Line) -> None:
    to = line.contact_msisdn or line.msisdn
    notices.queue(kind=kind, subject=f"entitlement:{row.pk}", person=bytes(row.person_index), to=to)
