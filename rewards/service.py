"""What other rooms may ask of the perks: who gets what, and the few acts a person takes.

Every act is keyword-only, one transaction, with its audit entry and message. Refusals are `PerkRefused` with a code that
the page words.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction

from eligibility import service as eligibility
from eligibility.models import Customer, HolderKind, Line
from kt_remedy.audit import service as audit
from kt_remedy.content import service as content
from kt_remedy.content.models import Place
from kt_remedy.core import clock, crypto, programme
from kt_remedy.core.persons import age_on, born_on_or_before, is_minor, turns_on
from kt_remedy.core.programme import Choice, Perk
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from rewards.enrolment import base
from rewards.models import BaseLine, Entitlement, Grant, Voucher
from rewards.perks import holders
from rewards.perks.holders import HeldLine, PerkHolder
from rewards.perks.periods import ends_on, grant_months, last_day

# When the calendar acts: the base after the night's delivery has been loaded, grants as the month begins.
BASE_AT, GRANT_AT = dt.time(9), dt.time(0, 5)
# Under this label staff publish, among the texts on plans, what a child gets who can use neither service (D-53).
SUBSTITUTE = "substitute"
VOUCHER_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,63}")


class PerkRefused(Exception):
    """An act that the rules do not allow; `code` is one of the words the page knows."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class PerkMonth:
    """One cell of a monthly perk: GRANTED, SUSPENDED, TERMINATED, or COMING; NOW and OVER for what runs by itself."""

    first: dt.date
    state: str


@dataclass(frozen=True)
class PerkCard:
    """One perk of one line (or of the person) as a page shows it.

    state: RUNNING, COMING, OVER, STOPPED (the line was terminated), CHOOSE (a choice is open), CHOSEN (code not issued
    yet), ACTIVE (dates run), APPLY, OPTED_OUT, TOO_YOUNG (old enough from `starts_on`), HELD (too young for all of it:
    the right is kept), SUBSTITUTE (can be taken instead), SUBSTITUTED, GUARDIAN, CLOSED (too late to choose or apply).
    """

    perk: Perk
    state: str
    line: Line | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    months: tuple[PerkMonth, ...] = ()
    choices: tuple[Choice, ...] = ()
    chosen: Choice | None = None
    code: str = ""
    automatic: bool = False
    needs_act: bool = field(default=False)


@dataclass(frozen=True)
class LinePerks:
    """A line of the person: in the base or why not, and its cards.

    `why` is a BaseLine.Why; or TAKEN_OVER (theirs since the base date, with what stays with a line), GIVEN_AWAY (what
    stays with the person is theirs), UNKNOWN_YET before the base was taken (D-57).
    """

    line: Line
    why: str
    cards: tuple[PerkCard, ...]


@dataclass(frozen=True)
class Overview:
    """Everything the rewards page of a person shows. `taken` is False before the base was taken."""

    taken: bool
    lines: tuple[LinePerks, ...]
    personal: tuple[PerkCard, ...]

    @property
    def cards(self) -> list[PerkCard]:
        """All cards, line by line, then those by person."""
        return [card for line in self.lines for card in line.cards] + list(self.personal)

    @property
    def to_do(self) -> list[PerkCard]:
        """Cards that wait for the person."""
        return [card for card in self.cards if card.needs_act]

    @property
    def by_themselves(self) -> list[PerkCard]:
        """Cards on which there is nothing to do."""
        return [card for card in self.cards if not card.needs_act]


def overview(person_index: bytes, *, guardian: bool = False) -> Overview:
    """The perks of a person: by line and by person. At most eight queries, whatever the number of lines.

    `person_index` is that of the customer. `guardian` says that a legal
    guardian looks, who may act for a minor.
    """
    today = clock.today()
    who = holders.load_holder(person_index)
    if not base.is_complete():
        lines = [held.line for held in who.held] + list(who.outside)
        return Overview(False, tuple(LinePerks(line, "", ()) for line in lines), ())
    made = {
        (row.perk, row.contract_no): row
        for row in Entitlement.objects.filter(person_index__in=who.keys).select_related("voucher").order_by("id")
    }
    grants: dict[tuple[str, str], dict[dt.date, str]] = {}
    for grant in Grant.objects.filter(contract_no__in=[held.row.pk for held in who.held if held.now]):
        grants.setdefault((grant.perk, grant.contract_no), {})[grant.month] = grant.state
    page = _CardBuilder(who, guardian, today)
    by_line: list[LinePerks] = []
    for held in who.held:
        cards = []
        for perk in programme.current().perks if held.row.in_base else ():
            if perk.code not in held.row.perks or perk.unit != "LINE":
                continue
            key = (perk.code, held.row.pk)
            if perk.mode == "CHOICE" and held.then:
                cards.append(page.choice(perk, held, made.get(key)))
            elif perk.mode == "AUTOMATIC" and held.now:
                cards.append(page.automatic(perk, held.line, held.ended_on, grants.get(key, {})))
        why = held.row.why
        if held.row.in_base and not (held.then and held.now):
            why = "TAKEN_OVER" if held.now else "GIVEN_AWAY"
        by_line.append(LinePerks(held.line, why, tuple(cards)))
    by_line += [LinePerks(line, BaseLine.Why.OPENED_LATER, ()) for line in who.outside]
    personal = []
    for perk in programme.current().perks:
        if perk.unit != "PERSON" or not who.by_person(perk.code):
            continue
        ended = who.ended_on(perk.code)
        if perk.mode == "AUTOMATIC":
            personal.append(page.automatic(perk, None, ended, {}))
        else:
            personal.append(page.application(perk, made.get((perk.code, None)), ended))
    return Overview(True, tuple(by_line), tuple(personal))


@dataclass(frozen=True)
class _CardBuilder:
    who: PerkHolder
    guardian: bool
    today: dt.date

    def automatic(self, perk: Perk, line: Line | None, ended: dt.date | None, grants: dict[dt.date, str]) -> PerkCard:
        """A perk that nobody asks for."""
        starts, ends = perk.starts, ends_on(perk)
        if perk.monthly_gb:
            months = tuple(PerkMonth(first, grants.get(first, "COMING")) for first in grant_months(perk))
        elif perk.categories:
            months = tuple(PerkMonth(first, self._month(first, ended)) for first in grant_months(perk))
        else:
            months = ()
        state = "COMING" if self.today < starts else "OVER" if ends and ends < self.today else "RUNNING"
        if ended is not None:
            state, ends = "STOPPED", ended
            months = tuple(
                PerkMonth(month.first, "TERMINATED" if month.state == "COMING" else month.state) for month in months
            )
        return PerkCard(perk, state, line, starts, ends, months=months, automatic=True)

    def _month(self, first: dt.date, ended: dt.date | None) -> str:
        this = self.today.replace(day=1)
        if ended is not None and ended < first:
            return "TERMINATED"
        return "COMING" if first > this else "NOW" if first == this else "OVER"

    def application(self, perk: Perk, made: Entitlement | None, ended: dt.date | None) -> PerkCard:
        """A perk by application, or by itself from an age on."""
        automatic = is_automatic(perk, self.who.customer)
        starts, ends = perk.starts, ends_on(perk)
        if made is not None:
            automatic, starts, ends = False, made.starts_on or starts, made.ends_on or ends
        insured = automatic or (made is not None and made.kind == Entitlement.Kind.APPLICATION)
        if ended is not None:
            return PerkCard(perk, "STOPPED", None, starts if insured else None, ended, automatic=automatic)
        if insured:
            state = "COMING" if self.today < starts else "OVER" if ends and ends < self.today else "ACTIVE"
            return PerkCard(perk, state, None, starts, ends, automatic=automatic)
        if made is None and self.today > (ends_on(perk) or self.today):
            return PerkCard(perk, "CLOSED")
        if is_minor(self.who.birth_date, self.today) and not self.guardian:
            return PerkCard(perk, "GUARDIAN")
        if made is not None:
            return PerkCard(perk, "OPTED_OUT")
        return PerkCard(perk, "APPLY", needs_act=True)

    def choice(self, perk: Perk, held: HeldLine, made: Entitlement | None) -> PerkCard:
        """A perk with one of several services."""
        line, birth, today = held.line, self.who.birth_date, self.today
        open_to = allowed_choices(perk, birth, today)
        if made is not None and made.kind == Entitlement.Kind.SUBSTITUTE:
            return PerkCard(perk, "SUBSTITUTED", line)
        if made is not None and made.voucher is not None:
            chosen = _choice_of(perk, made)
            state = "OVER" if made.ends_on and made.ends_on < today else "ACTIVE"
            return PerkCard(
                perk, state, line, made.starts_on, made.ends_on, chosen=chosen, code=made.voucher.code or ""
            )
        if held.ended_on is not None:
            return PerkCard(perk, "STOPPED", line, ends_on=held.ended_on)
        if made is not None:
            return PerkCard(perk, "CHOSEN", line, choices=open_to, chosen=_choice_of(perk, made), needs_act=True)
        if today < perk.starts:
            return PerkCard(perk, "COMING", line, perk.starts, perk.choose_until, choices=perk.choices)
        kept = right_is_kept(perk, birth)
        alone = is_minor(birth, today) and not self.guardian
        if not open_to:
            if not kept:
                return PerkCard(perk, "TOO_YOUNG", line, starts_on=old_enough_on(perk, birth), choices=perk.choices)
            offered = substitute_entry() is not None
            state = "HELD" if not offered else "GUARDIAN" if alone else "SUBSTITUTE"
            return PerkCard(
                perk, state, line, starts_on=old_enough_on(perk, birth), choices=perk.choices, needs_act=offered
            )
        until = None if kept else perk.choose_until
        if until and today > until:
            return PerkCard(perk, "CLOSED", line, ends_on=until)
        if alone:
            return PerkCard(perk, "GUARDIAN", line, choices=open_to, ends_on=until)
        return PerkCard(perk, "CHOOSE", line, choices=open_to, ends_on=until, needs_act=True)


def _choice_of(perk: Perk, made: Entitlement) -> Choice | None:
    return next((choice for choice in perk.choices if choice.code == made.choice), None)


def wards_of(person_index: bytes) -> list[Customer]:
    """The minors whose guardian this person is, as far as billing knows (D-16)."""
    today = clock.today()
    lines = eligibility.lines_of_wards(person_index)
    return list(
        {line.customer_id: line.customer for line in lines if is_minor(line.customer.birth_date, today)}.values()
    )


def ward_person_index(*, customer_no: str, person_index: bytes) -> bytes:
    """The key of a minor on whose behalf this person may act. Raises Refused UNKNOWN for anybody else's child."""
    for customer in wards_of(person_index):
        if customer.pk == customer_no:
            return customer.person_index
    raise PerkRefused("UNKNOWN")


def is_automatic(perk: Perk, customer: Customer | None) -> bool:
    """Whether an applied-for perk starts by itself for this customer: full years on the base date (D-55)."""
    if customer is None or perk.automatic_from_age is None or customer.birth_date is None:
        return False
    limit = born_on_or_before(programme.current().rewards.base_date, perk.automatic_from_age)
    return customer.holder_kind != HolderKind.CORPORATE and customer.birth_date <= limit


def allowed_choices(perk: Perk, birth: dt.date | None, today: dt.date) -> tuple[Choice, ...]:
    """The services somebody born on `birth` is old enough for (D-53); a company has no age."""
    if birth is None:
        return perk.choices
    return tuple(c for c in perk.choices if c.minimum_age is None or age_on(birth, today) >= c.minimum_age)


def old_enough_on(perk: Perk, birth: dt.date | None) -> dt.date | None:
    """The day somebody born on `birth` may use the first of the services."""
    ages = [choice.minimum_age or 0 for choice in perk.choices]
    return turns_on(birth, min(ages)) if birth and ages else None


def right_is_kept(perk: Perk, birth: dt.date | None) -> bool:
    """Whether a child can use none of the services while the choice is open: the right does not lapse then (D-53)."""
    return perk.choose_until is not None and not allowed_choices(perk, birth, perk.choose_until)


def substitute_entry() -> content.Entry | None:
    """What children get instead who can use none of the services, once staff have published it."""
    return next((entry for entry in content.current(Place.PLAN) if entry.key == SUBSTITUTE), None)


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
    perk = _get_perk(perk_code, "CHOICE")
    today = clock.today()
    with transaction.atomic():
        who, line = _own_line(contract_no, person_index, perk)
        birth = who.birth_date
        if today < perk.starts:
            raise PerkRefused("NOT_OPEN")
        if perk.choose_until and today > perk.choose_until and not right_is_kept(perk, birth):
            raise PerkRefused("CLOSED")
        if choice_code not in {choice.code for choice in perk.choices}:
            raise PerkRefused("UNKNOWN")
        if choice_code not in {choice.code for choice in allowed_choices(perk, birth, today)}:
            raise PerkRefused("TOO_YOUNG")
        if is_minor(birth, today) and not guardian:
            raise PerkRefused("GUARDIAN")
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
            if row.voucher_id or row.kind != Entitlement.Kind.CHOICE:
                raise PerkRefused("FINAL")
            row.choice, row.made_at, row.made_by = choice_code, clock.now(), by
            row.save(update_fields=["choice", "made_at", "made_by"])
        _record("rewards.chosen", row, who, by, guardian, {"perk": perk.code, "choice": choice_code})
    return row


def take_substitute(
    *, perk_code: str, contract_no: str, person_index: bytes, guardian: bool = False, by: User | None = None
) -> Entitlement:
    """Take what is given in place of a choice that a child is too young for; final (D-53).

    Twice returns the first. Raises Refused: UNKNOWN, NOT_OPEN (nothing published, or a service can be used), GUARDIAN.
    """
    perk = _get_perk(perk_code, "CHOICE")
    today = clock.today()
    with transaction.atomic():
        who, line = _own_line(contract_no, person_index, perk)
        birth = who.birth_date
        if (
            today < perk.starts
            or not right_is_kept(perk, birth)
            or allowed_choices(perk, birth, today)
            or not substitute_entry()
        ):
            raise PerkRefused("NOT_OPEN")
        if is_minor(birth, today) and not guardian:
            raise PerkRefused("GUARDIAN")
        row, created = Entitlement.objects.get_or_create(
            perk=perk.code,
            contract_no=line.pk,
            defaults={
                "kind": Entitlement.Kind.SUBSTITUTE,
                "person_index": person_index,
                "made_at": clock.now(),
                "made_by": by,
                "starts_on": today,
            },
        )
        if created:
            _record("rewards.substitute_taken", row, who, by, guardian, {"perk": perk.code})
    return row


def issue_code(
    *, perk_code: str, contract_no: str, person_index: bytes, by: User | None = None, language: str | None = None
) -> Entitlement:
    """Hand out one code of the chosen service, for good: from now on the choice is final and its months run.

    Two requests for the last code are settled by SKIP LOCKED: one gets it, the other is Refused NO_CODES and keeps its
    choice. A second call returns the code already issued. `language` is what the person reads, as `message_number` the
    number; None where staff act, whose language says nothing of it. Raises Refused: UNKNOWN, NOT_CHOSEN, NO_CODES.
    """
    perk = _get_perk(perk_code, "CHOICE")
    with transaction.atomic():
        who, line = _own_line(contract_no, person_index, perk)
        row = Entitlement.objects.select_for_update().filter(perk=perk.code, contract_no=line.pk).first()
        if row is None or row.kind != Entitlement.Kind.CHOICE:
            raise PerkRefused("NOT_CHOSEN")
        if row.voucher_id:
            return row
        voucher = (
            Voucher.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(perk=perk.code, choice=row.choice, entitlement=None)
            .order_by("imported_at", "id")
            .first()
        )
        if voucher is None:
            raise PerkRefused("NO_CODES")
        row.voucher = voucher
        row.starts_on = clock.today()
        row.ends_on = last_day(row.starts_on, perk.months or 1)
        row.save(update_fields=["voucher", "starts_on", "ends_on"])
        _record("rewards.code_issued", row, who, by, False, {"perk": perk.code})
        _notify("rewards.code", row, who, language)
    return row


def apply(
    *,
    perk_code: str,
    person_index: bytes,
    guardian: bool = False,
    by: User | None = None,
    language: str | None = None,
) -> Entitlement:
    """Apply for a perk by person (insurance): two years as explicit dates from today, not before its start (D-56).

    Applying twice returns the first. `language` as in `issue_code`. Raises Refused: UNKNOWN, NOT_IN_BASE, AUTOMATIC,
    GUARDIAN, CLOSED.
    """
    perk = _get_perk(perk_code, "APPLICATION")
    today = clock.today()
    with transaction.atomic():
        who = _qualified_holder(perk, person_index)
        existing = _entitlement_of(perk, who)
        if existing is not None and existing.kind == Entitlement.Kind.APPLICATION:
            return existing
        if today > (ends_on(perk) or today):
            raise PerkRefused("CLOSED")
        if is_automatic(perk, who.customer) and existing is None:
            raise PerkRefused("AUTOMATIC")
        if is_minor(who.birth_date, today) and not guardian:
            raise PerkRefused("GUARDIAN")
        starts = max(perk.starts, today)
        row = _save_entitlement(
            perk,
            who,
            existing,
            kind=Entitlement.Kind.APPLICATION,
            made_by=by,
            starts_on=starts,
            ends_on=last_day(starts, perk.months or 1),
        )
        _record("rewards.applied", row, who, by, guardian, {"perk": perk.code})
        _notify("rewards.applied", row, who, language)
    return row


def opt_out(*, perk_code: str, person_index: bytes, guardian: bool = False, by: User | None = None) -> Entitlement:
    """Decline a perk by person, or end it; can be taken back by applying.

    Twice changes nothing. Raises Refused: UNKNOWN, NOT_IN_BASE, GUARDIAN.
    """
    perk = _get_perk(perk_code, "APPLICATION")
    with transaction.atomic():
        who = _qualified_holder(perk, person_index)
        existing = _entitlement_of(perk, who)
        if existing is not None and existing.kind == Entitlement.Kind.OPT_OUT:
            return existing
        if is_minor(who.birth_date, clock.today()) and not guardian:
            raise PerkRefused("GUARDIAN")
        row = _save_entitlement(
            perk, who, existing, kind=Entitlement.Kind.OPT_OUT, made_by=by, starts_on=None, ends_on=None
        )
        _record("rewards.opted_out", row, who, by, guardian, {"perk": perk.code})
    return row


@dataclass(frozen=True)
class Certificate:
    """What an insured person can print. `number` says nothing of anybody and is the same each time."""

    perk: Perk
    number: str
    starts_on: dt.date
    ends_on: dt.date


def certificate(*, perk_code: str, person_index: bytes) -> Certificate:
    """The proof of a running or coming insurance. Raises Refused: UNKNOWN, NOT_INSURED."""
    perk = _get_perk(perk_code, "APPLICATION")
    card = next((card for card in overview(person_index).personal if card.perk.code == perk.code), None)
    if card is None or card.state not in ("ACTIVE", "COMING") or card.starts_on is None or card.ends_on is None:
        raise PerkRefused("NOT_INSURED")
    digest = crypto.blind_index(f"{perk.code}:{person_index.hex()}:{card.starts_on}", "certificate").hex().upper()
    return Certificate(perk, f"KT-{digest[:4]}-{digest[4:8]}-{digest[8:12]}", card.starts_on, card.ends_on)


def voucher_codes(text: str) -> list[str]:
    """The codes in a file of them, one a line; empty lines are skipped. Raises ValueError with the number of a line
    that is no code: a table or a heading would be handed out to customers."""
    codes = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        code = line.strip()
        if not code:
            continue
        if not VOUCHER_CODE.fullmatch(code):
            raise ValueError(number)
        codes.append(code)
    return codes


def import_vouchers(
    *, perk_code: str, choice_code: str, codes: Iterable[str], by: User | None = None, reason: str = ""
) -> int:
    """Add codes bought from a service; a code already known is left alone. Returns how many are new.

    Raises Refused UNKNOWN where the perk has no such service.
    """
    perk = _get_perk(perk_code, "CHOICE")
    if choice_code not in {choice.code for choice in perk.choices}:
        raise PerkRefused("UNKNOWN")
    now, rows = clock.now(), []
    for code in filter(None, (text.strip() for text in codes)):
        row = Voucher(id=uuid.uuid4(), perk=perk.code, choice=choice_code, imported_at=now)
        row.code = code
        row.code_index = crypto.blind_index(code, "voucher")
        rows.append(row)
    with transaction.atomic(), connection.cursor() as cursor:
        # Two files at once would each count the other's codes as its own.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('rewards_voucher'))")
        before = Voucher.objects.count()
        Voucher.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
        new = Voucher.objects.count() - before
        audit.record(
            actor=f"staff:{by.pk}" if by else "system",
            action="rewards.vouchers_imported",
            object=f"perk:{perk.code}:{choice_code}",
            reason=reason,
            detail={"new": new, "offered": len(rows)},
        )
    return new


def _get_perk(code: str, mode: str) -> Perk:
    perk = next((perk for perk in programme.current().perks if perk.code == code and perk.mode == mode), None)
    if perk is None:
        raise PerkRefused("UNKNOWN")
    return perk


def _own_line(contract_no: str, person_index: bytes, perk: Perk) -> tuple[PerkHolder, Line]:
    """The person and their line of the base that qualifies for `perk` and did not end for them."""
    who = holders.load_holder(person_index)
    for held in who.by_person(perk.code):
        if held.row.pk == contract_no and held.ended_on is None:
            return who, held.line
    raise PerkRefused("UNKNOWN")


def _qualified_holder(perk: Perk, person_index: bytes) -> PerkHolder:
    """The person, who has a perk by person; their acts on it wait for each other until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{perk.code}:{person_index.hex()}"])
    who = holders.load_holder(person_index)
    if not who.by_person(perk.code) or who.ended_on(perk.code) is not None:
        raise PerkRefused("NOT_IN_BASE")
    return who


def _entitlement_of(perk: Perk, who: PerkHolder) -> Entitlement | None:
    return (
        Entitlement.objects.select_for_update()
        .filter(perk=perk.code, person_index__in=who.keys, contract_no=None)
        .first()
    )


def _save_entitlement(perk: Perk, who: PerkHolder, existing: Entitlement | None, **values: object) -> Entitlement:
    row = existing or Entitlement(perk=perk.code, person_index=who.key)
    row.made_at = clock.now()
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


def _record(action: str, row: Entitlement, who: PerkHolder, by: User | None, guardian: bool, detail: dict) -> None:
    audit.record(
        actor=f"staff:{by.pk}" if by else "customer",
        action=action,
        object=f"entitlement:{row.pk}",
        subject=who.customer.pk if who.customer else "",
        detail=detail | ({"guardian": True} if guardian else {}),
    )


def _notify(kind: str, row: Entitlement, who: PerkHolder, language: str | None) -> None:
    notices.queue(
        kind=kind,
        subject=f"entitlement:{row.pk}",
        person=who.key,
        to=message_number(who),
        language=language or eligibility.language_of(who.customer),
    )


def message_number(who: PerkHolder) -> str:
    """The number a person is written to: of a line that is theirs and in service; "" where there is none.

    The contact's comes first: with a child it is the guardian's. A line given away is somebody else's telephone, and a
    contact's number that was given up is nobody's (D-44).
    """
    lines = [held.line for held in who.held if held.now and held.line.terminated_on is None]
    lines += [line for line in who.outside if line.terminated_on is None]
    contacts = contact_numbers(lines)
    phones = [line.msisdn for line in lines if line.product == "HANDSET" and line.msisdn]
    return next(iter(contacts + phones + [line.msisdn or "" for line in lines]), "")


def contact_numbers(lines: Iterable[Line]) -> list[str]:
    """The contacts' numbers of these lines, as far as they are somebody's."""
    return [n for line in lines if (n := line.contact_msisdn) and not eligibility.number_is_released(n)]
