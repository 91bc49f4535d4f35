"""Interface of the perks for the other packages: the perks of a person, and choices, applications and opt-outs.

Each action is one transaction with its audit entry and message, and takes keyword arguments only. A refused action
raises `PerkRefused` with a code; `rewards.views.refusal` has the sentences.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy

from eligibility import service as eligibility
from eligibility.models import Customer, HolderKind, Line
from kt_remedy.audit import service as audit
from kt_remedy.content import service as content
from kt_remedy.content.models import Place
from kt_remedy.core import clock, crypto, errors, programme
from kt_remedy.core.persons import ADULT_AGE, age_on, born_on_or_before, is_minor, turns_on
from kt_remedy.core.programme import Choice, Perk
from kt_remedy.core.templatetags.remedy import kday, kmonth
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from rewards import voucher_files
from rewards.enrolment import base
from rewards.models import BaseAddition, BaseLine, Entitlement, Grant, Voucher
from rewards.perks import holders
from rewards.perks.holders import HeldLine, PerkHolder
from rewards.perks.periods import ends_on, grant_months, last_day

# KST times of the dated tasks: the base after the delivery of the night is loaded, grants at the start of the month.
BASE_AT, GRANT_AT = dt.time(9), dt.time(0, 5)
# What a person reads whose code is not there yet (D-79).
WAITS_FOR_CODE = gettext_lazy(
    "지금은 남은 이용권 번호가 없습니다. 고르신 순서대로, 번호가 들어오는 대로 드리고 문자로 알려 드립니다."
)
# Label of the content entry, in place PLAN, for the perk of children who are too young for all services (D-53).
SUBSTITUTE = "substitute"


def _guardian() -> str:
    return gettext("만 %(adult_age)s세가 되지 않은 분은 보호자의 동의가 필요합니다.") % {"adult_age": ADULT_AGE}


def _not_in_base() -> str:
    day = kday(programme.current().rewards.base_date)
    return gettext("%(day)s이 끝날 때 쓰고 계신 회선이 없어 신청하실 수 없습니다.") % {"day": day}


class PerkRefused(errors.Refused):
    """An act on a perk that the rules do not allow, by code."""

    sentences = {
        "UNKNOWN": gettext_lazy("이 회선에서는 고를 수 없는 혜택입니다. 화면을 새로 열어 다시 확인해 주세요."),
        "NOT_OPEN": gettext_lazy("아직 고르는 기간이 아닙니다."),
        "CLOSED": gettext_lazy("고르는 기간이 끝났습니다."),
        "TOO_YOUNG": gettext_lazy("이 서비스를 쓸 수 있는 나이가 아닙니다. 다른 서비스를 골라 주세요."),
        "GUARDIAN": lazy(_guardian, str)(),
        "FINAL": gettext_lazy("이용권 번호를 이미 받으셔서 바꿀 수 없습니다."),
        "NOT_CHOSEN": gettext_lazy("먼저 서비스를 골라 주세요."),
        "NOT_IN_BASE": lazy(_not_in_base, str)(),
        "NOT_YET": gettext_lazy("보험사가 정해지고 보장이 시작되면 확인서를 드립니다."),
        "NOT_INSURED": gettext_lazy("가입되어 있지 않아 확인서를 드릴 수 없습니다."),
        "AUTOMATIC": gettext_lazy("이미 자동으로 가입되어 있어 신청하지 않으셔도 됩니다."),
    }


@dataclass(frozen=True)
class PerkMonth:
    """One month of a perk. State: GRANTED, SUSPENDED, TERMINATED, COMING, BEFORE (D-77); without grants NOW, OVER."""

    first: dt.date
    state: str


@dataclass(frozen=True)
class PerkCard:
    """One perk of one line (or of the person) for a page.

    state: RUNNING, COMING, OVER, STOPPED (the line was terminated), CHOOSE (a choice is possible), CHOSEN (without a
    code yet), WAITING (asked for a code when none was left, D-79), ACTIVE (between its dates), APPLY, OPTED_OUT,
    TOO_YOUNG (old enough from `starts_on`), HELD (too young for all services, the right does not lapse), SUBSTITUTE
    (available), SUBSTITUTED, GUARDIAN (consent is missing),
    CLOSED (too late to choose or apply).
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
    needs_action: bool = field(default=False)

    @property
    def needs_action_later(self) -> bool:
        """True before a choice opens, and where age or consent stand before an action."""
        return self.state in {"GUARDIAN", "TOO_YOUNG", "HELD"} or (self.state == "COMING" and bool(self.choices))

    @property
    def skipped_months(self) -> str:
        """Names of the months that a suspended line skipped, in one text; "" for none."""
        return ", ".join(kmonth(month.first) for month in self.months if month.state == "SUSPENDED")


@dataclass(frozen=True)
class LinePerks:
    """A line of the person with its cards and the reason why it is in the base or not.

    `why` is a BaseLine.Why, or after a transfer of name (D-57) TAKEN_OVER (new holder: perks of the line) or GIVEN_AWAY
    (old holder: perks of the person), or for a line told late (D-77) TOLD_LATE (two people will add it) or NOT_ADDED
    (they declined). It is "" while the base is not complete. `added_on` is the day on which a line told late was added.
    """

    line: Line
    why: str
    cards: tuple[PerkCard, ...]
    added_on: dt.date | None = None


@dataclass(frozen=True)
class Overview:
    """All perks of a person for a page. `base_complete` is False until all lines of the base are recorded."""

    base_complete: bool
    lines: tuple[LinePerks, ...]
    personal: tuple[PerkCard, ...]

    @property
    def cards(self) -> list[PerkCard]:
        """All cards, line by line, then those by person."""
        return [card for line in self.lines for card in line.cards] + list(self.personal)

    @property
    def pending_cards(self) -> list[PerkCard]:
        """Cards that need an action of the person."""
        return [card for card in self.cards if card.needs_action]

    @property
    def later_cards(self) -> list[PerkCard]:
        """Cards that will need an action, of the person or of a guardian."""
        return [card for card in self.cards if not card.needs_action and card.needs_action_later]

    @property
    def automatic_cards(self) -> list[PerkCard]:
        """Cards of perks that start by themselves."""
        return [card for card in self.cards if card.automatic]

    @property
    def other_cards(self) -> list[PerkCard]:
        """Cards of what was chosen, applied for, declined or missed."""
        shown = (*self.pending_cards, *self.later_cards, *self.automatic_cards)
        return [card for card in self.cards if card not in shown]


def overview(person_index: bytes, *, guardian: bool = False) -> Overview:
    """The perks of a person, by line and by person, in at most eight queries for any number of lines.

    `guardian` is True if a legal guardian of this person views the page.
    """
    today = clock.today()
    holder = holders.load_holder(person_index)
    if not base.is_complete():
        lines = [held_line.line for held_line in holder.held_lines] + list(holder.lines_outside_base)
        return Overview(False, tuple(LinePerks(line, "", ()) for line in lines), ())
    entitlements = {
        (row.perk, row.contract_no): row
        for row in Entitlement.objects.filter(person_index__in=holder.person_indexes)
        .select_related("voucher")
        .order_by("id")
    }
    grants: dict[tuple[str, str], dict[dt.date, str]] = {}
    for grant in Grant.objects.filter(
        contract_no__in=[held_line.base_line.pk for held_line in holder.held_lines if held_line.held_now]
    ):
        grants.setdefault((grant.perk, grant.contract_no), {})[grant.month] = grant.state
    builder = _CardBuilder(holder, guardian, today)
    left_out = [held_line.line for held_line in holder.held_lines if not held_line.base_line.in_base]
    reasons = _reasons_outside([*left_out, *holder.lines_outside_base])
    by_line: list[LinePerks] = []
    for held_line in holder.held_lines:
        cards = []
        for perk in programme.current().perks if held_line.base_line.in_base else ():
            if perk.code not in held_line.base_line.perks or perk.unit != "LINE":
                continue
            key = (perk.code, held_line.base_line.pk)
            if perk.mode == "CHOICE" and held_line.held_on_base_date:
                cards.append(builder.choice(perk, held_line, entitlements.get(key)))
            elif perk.mode == "AUTOMATIC" and held_line.held_now:
                added = held_line.base_line.added_on
                cards.append(builder.automatic(perk, held_line.line, held_line.ended_on, grants.get(key, {}), added))
        why = reasons.get(held_line.line.pk, held_line.base_line.why)
        if held_line.base_line.in_base and not (held_line.held_on_base_date and held_line.held_now):
            why = "TAKEN_OVER" if held_line.held_now else "GIVEN_AWAY"
        by_line.append(LinePerks(held_line.line, why, tuple(cards), held_line.base_line.added_on))
    by_line += [LinePerks(line, reasons[line.pk], ()) for line in holder.lines_outside_base]
    personal = []
    for perk in programme.current().perks:
        if perk.unit != "PERSON" or not holder.qualifying_lines(perk.code):
            continue
        ended = holder.ended_on(perk.code)
        if perk.mode == "AUTOMATIC":
            personal.append(builder.automatic(perk, None, ended, {}, holder.added_on(perk.code)))
        else:
            personal.append(builder.application(perk, entitlements.get((perk.code, None)), ended))
    return Overview(True, tuple(by_line), tuple(personal))


def _reasons_outside(lines: Iterable[Line]) -> dict[str, str]:
    """Why lines are not in the base, by the register as it is now: a BaseLine.Why, or told late (D-77, D-111)."""
    rules = programme.current()
    why = {
        line.pk: base.why_of(rules, network=line.network, opened_on=line.opened_on, terminated_on=line.terminated_on)
        for line in lines
    }
    late = [number for number, reason in why.items() if reason == BaseLine.Why.IN_SERVICE]
    declined = (
        set(BaseAddition.objects.filter(pk__in=late, state=BaseAddition.State.DECLINED).values_list("pk", flat=True))
        if late
        else set()
    )
    return why | {number: "NOT_ADDED" if number in declined else "TOLD_LATE" for number in late}


@dataclass(frozen=True)
class _CardBuilder:
    """Builds the perk cards of one holder for today."""

    holder: PerkHolder
    guardian: bool
    today: dt.date

    def automatic(
        self,
        perk: Perk,
        line: Line | None,
        ended: dt.date | None,
        grants: dict[dt.date, str],
        added: dt.date | None,
    ) -> PerkCard:
        """The card of an automatic perk, from the day `added` where all was told late (D-77)."""
        starts, ends = max(perk.starts, added or perk.starts), ends_on(perk)
        if perk.monthly_gb:
            months = tuple(
                PerkMonth(first, grants.get(first, "BEFORE" if added and first < added else "COMING"))
                for first in grant_months(perk)
            )
        elif perk.categories:
            before = (added or perk.starts).replace(day=1)
            months = tuple(
                PerkMonth(first, "BEFORE" if first < before else self._month(first, ended))
                for first in grant_months(perk)
            )
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

    def application(self, perk: Perk, entitlement: Entitlement | None, ended: dt.date | None) -> PerkCard:
        """The card of a perk by application, which may be automatic from an age (D-55)."""
        automatic = is_automatic(perk, self.holder.customer)
        starts, ends = max(perk.starts, self.holder.added_on(perk.code) or perk.starts), ends_on(perk)
        if entitlement is not None:
            automatic, starts, ends = False, entitlement.starts_on or starts, entitlement.ends_on or ends
        insured = automatic or (entitlement is not None and entitlement.kind == Entitlement.Kind.APPLICATION)
        if ended is not None:
            return PerkCard(perk, "STOPPED", None, starts if insured else None, ended, automatic=automatic)
        if insured:
            state = "COMING" if self.today < starts else "OVER" if ends and ends < self.today else "ACTIVE"
            return PerkCard(perk, state, None, starts, ends, automatic=automatic)
        if entitlement is None and self.today > (ends_on(perk) or self.today):
            return PerkCard(perk, "CLOSED")
        if is_minor(self.holder.birth_date, self.today) and not self.guardian:
            return PerkCard(perk, "GUARDIAN")
        if entitlement is not None:
            return PerkCard(perk, "OPTED_OUT")
        return PerkCard(perk, "APPLY", needs_action=True)

    def choice(self, perk: Perk, held_line: HeldLine, entitlement: Entitlement | None) -> PerkCard:
        """The card of a choice between services (D-53)."""
        line, birth_date, today = held_line.line, self.holder.birth_date, self.today
        allowed = allowed_choices(perk, birth_date, today)
        if entitlement is not None and entitlement.kind == Entitlement.Kind.SUBSTITUTE:
            return PerkCard(perk, "SUBSTITUTED", line)
        if entitlement is not None and entitlement.voucher is not None:
            chosen = _choice_of(perk, entitlement)
            state = "OVER" if entitlement.ends_on and entitlement.ends_on < today else "ACTIVE"
            return PerkCard(
                perk,
                state,
                line,
                entitlement.starts_on,
                entitlement.ends_on,
                chosen=chosen,
                code=entitlement.voucher.code or "",
            )
        if held_line.ended_on is not None:
            return PerkCard(perk, "STOPPED", line, ends_on=held_line.ended_on)
        if entitlement is not None:
            waits = entitlement.asked_at is not None
            return PerkCard(
                perk,
                "WAITING" if waits else "CHOSEN",
                line,
                choices=allowed,
                chosen=_choice_of(perk, entitlement),
                needs_action=not waits,
            )
        if today < perk.starts:
            return PerkCard(perk, "COMING", line, perk.starts, perk.choose_until, choices=perk.choices)
        right_kept = right_is_kept(perk, birth_date)
        needs_guardian = is_minor(birth_date, today) and not self.guardian
        if not allowed:
            if not right_kept:
                return PerkCard(
                    perk, "TOO_YOUNG", line, starts_on=old_enough_on(perk, birth_date), choices=perk.choices
                )
            available = substitute_entry() is not None
            state = "HELD" if not available else "GUARDIAN" if needs_guardian else "SUBSTITUTE"
            return PerkCard(
                perk,
                state,
                line,
                starts_on=old_enough_on(perk, birth_date),
                choices=perk.choices,
                needs_action=available,
            )
        until = None if right_kept else perk.choose_until
        if until and today > until:
            return PerkCard(perk, "CLOSED", line, ends_on=until)
        if needs_guardian:
            return PerkCard(perk, "GUARDIAN", line, choices=allowed, ends_on=until)
        return PerkCard(perk, "CHOOSE", line, choices=allowed, ends_on=until, needs_action=True)


def _choice_of(perk: Perk, entitlement: Entitlement) -> Choice | None:
    return next((choice for choice in perk.choices if choice.code == entitlement.choice), None)


def wards_of(person_index: bytes) -> list[Customer]:
    """The minors whose guardian in the billing data is this person (D-16)."""
    today = clock.today()
    lines = eligibility.lines_of_wards(person_index)
    return list(
        {line.customer_id: line.customer for line in lines if is_minor(line.customer.birth_date, today)}.values()
    )


def ward_person_index(*, customer_no: str, person_index: bytes) -> bytes:
    """Person index of a ward of this person, by customer number. Raises PerkRefused UNKNOWN for other customers."""
    for customer in wards_of(person_index):
        if customer.pk == customer_no:
            return customer.person_index
    raise PerkRefused("UNKNOWN")


def is_automatic(perk: Perk, customer: Customer | None) -> bool:
    """True if a perk by application is automatic for this customer, by the age on the base date (D-55)."""
    if customer is None or perk.automatic_from_age is None or customer.birth_date is None:
        return False
    limit = born_on_or_before(programme.current().rewards.base_date, perk.automatic_from_age)
    return customer.holder_kind != HolderKind.CORPORATE and customer.birth_date <= limit


def allowed_choices(perk: Perk, birth_date: dt.date | None, today: dt.date) -> tuple[Choice, ...]:
    """The services whose minimum age is reached on `today` (D-53); all services without a birth date (company)."""
    if birth_date is None:
        return perk.choices
    return tuple(c for c in perk.choices if c.minimum_age is None or age_on(birth_date, today) >= c.minimum_age)


def old_enough_on(perk: Perk, birth_date: dt.date | None) -> dt.date | None:
    """The day on which the lowest minimum age of the services is reached, or None without a birth date."""
    ages = [choice.minimum_age or 0 for choice in perk.choices]
    return turns_on(birth_date, min(ages)) if birth_date and ages else None


def right_is_kept(perk: Perk, birth_date: dt.date | None) -> bool:
    """True if the holder is too young for all services until the choice closes: the right does not lapse (D-53)."""
    return perk.choose_until is not None and not allowed_choices(perk, birth_date, perk.choose_until)


def substitute_entry() -> content.Entry | None:
    """The published entry about the substitute for children, or None (D-53)."""
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
    """Choose a service for a line, or change the choice before a code is issued (D-53).

    The same choice again keeps its place in the queue for codes; another one leaves the queue (D-79).
    `person_index` is the verified holder. `guardian` is True if a verified legal guardian acts. `by` is the member of
    staff who acts for them. Raises PerkRefused: UNKNOWN, NOT_OPEN, CLOSED, TOO_YOUNG, GUARDIAN, FINAL.
    """
    perk = _get_perk(perk_code, "CHOICE")
    today = clock.today()
    with transaction.atomic():
        holder, line = _own_line(contract_no, person_index, perk)
        birth_date = holder.birth_date
        if today < perk.starts:
            raise PerkRefused("NOT_OPEN")
        if perk.choose_until and today > perk.choose_until and not right_is_kept(perk, birth_date):
            raise PerkRefused("CLOSED")
        if choice_code not in {choice.code for choice in perk.choices}:
            raise PerkRefused("UNKNOWN")
        if choice_code not in {choice.code for choice in allowed_choices(perk, birth_date, today)}:
            raise PerkRefused("TOO_YOUNG")
        if is_minor(birth_date, today) and not guardian:
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
            if row.choice == choice_code:
                return row
            row.choice, row.made_at, row.made_by, row.asked_at = choice_code, clock.now(), by, None
            row.save(update_fields=["choice", "made_at", "made_by", "asked_at"])
        _record("rewards.chosen", row, holder, by, guardian, {"perk": perk.code, "choice": choice_code})
    return row


def take_substitute(
    *, perk_code: str, contract_no: str, person_index: bytes, guardian: bool = False, by: User | None = None
) -> Entitlement:
    """Take the substitute instead of a choice that a child is too young for; this is final (D-53).

    A second call returns the first row. Raises PerkRefused: UNKNOWN, NOT_OPEN (no substitute published, or old enough
    for a service), GUARDIAN.
    """
    perk = _get_perk(perk_code, "CHOICE")
    today = clock.today()
    with transaction.atomic():
        holder, line = _own_line(contract_no, person_index, perk)
        birth_date = holder.birth_date
        if (
            today < perk.starts
            or not right_is_kept(perk, birth_date)
            or allowed_choices(perk, birth_date, today)
            or not substitute_entry()
        ):
            raise PerkRefused("NOT_OPEN")
        if is_minor(birth_date, today) and not guardian:
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
            _record("rewards.substitute_taken", row, holder, by, guardian, {"perk": perk.code})
    return row


def issue_code(
    *, perk_code: str, contract_no: str, person_index: bytes, by: User | None = None, language: str | None = None
) -> Entitlement:
    """Issue one code of the chosen service. The choice is then final and its months begin today.

    If no code is left, or others wait for one, the returned row has no voucher: it waits, and `codes.issue_waiting`
    issues in the order of choice (D-79). Of two simultaneous requests for the last code one gets it (SKIP LOCKED) and
    the other waits. A second call returns the row with the issued code. `language` is the language of the message, or
    None for the default of the holder if staff act. Raises PerkRefused: UNKNOWN, NOT_CHOSEN.
    """
    perk = _get_perk(perk_code, "CHOICE")
    with transaction.atomic():
        holder, row = _chosen(perk, contract_no, person_index)
        if row.voucher_id:
            return row
        if waiting_for_codes(perk, row.choice).filter(made_at__lt=row.made_at).exclude(pk=row.pk).exists() or not (
            _give_code(perk, row, holder, by, language)
        ):
            _wait_for_code(row, holder, by, language)
    return row


def issue_waiting_code(*, perk_code: str, contract_no: str, person_index: bytes) -> bool:
    """Issue a code to the entitlement whose turn it is; False if none is left or it waits no more (D-79).

    Raises PerkRefused: UNKNOWN (the line has ended or has another holder), NOT_CHOSEN.
    """
    perk = _get_perk(perk_code, "CHOICE")
    with transaction.atomic():
        holder, row = _chosen(perk, contract_no, person_index)
        if row.voucher_id or row.asked_at is None:
            return False
        return _give_code(perk, row, holder, None, None)


def waiting_for_codes(perk: Perk, choice_code: str) -> QuerySet[Entitlement]:
    """The entitlements that wait for a code of a service, in the order of choice (D-79); none of an ended line."""
    ended = Line.objects.filter(
        pk=OuterRef("contract_no"), terminated_on__isnull=False, customer__person_index=OuterRef("person_index")
    )
    waiting = Entitlement.objects.filter(perk=perk.code, choice=choice_code, asked_at__isnull=False, voucher=None)
    return waiting.filter(~Exists(ended)).order_by("made_at", "id")


def _chosen(perk: Perk, contract_no: str, person_index: bytes) -> tuple[PerkHolder, Entitlement]:
    """The holder and the locked choice of their line. Raises PerkRefused: UNKNOWN, NOT_CHOSEN."""
    holder, line = _own_line(contract_no, person_index, perk)
    row = Entitlement.objects.select_for_update().filter(perk=perk.code, contract_no=line.pk).first()
    if row is None or row.kind != Entitlement.Kind.CHOICE:
        raise PerkRefused("NOT_CHOSEN")
    return holder, row


def _give_code(perk: Perk, row: Entitlement, holder: PerkHolder, by: User | None, language: str | None) -> bool:
    """Issue a code to a locked choice, with audit entry and message; False if none is left."""
    voucher = (
        Voucher.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(perk=perk.code, choice=row.choice, entitlement=None)
        .order_by("imported_at", "id")
        .first()
    )
    if voucher is None:
        return False
    row.voucher = voucher
    row.starts_on = clock.today()
    row.ends_on = last_day(row.starts_on, perk.months or 1)
    row.save(update_fields=["voucher", "starts_on", "ends_on"])
    _record("rewards.code_issued", row, holder, by, False, {"perk": perk.code})
    _notify("rewards.code", row, holder, language)
    return True


def _wait_for_code(row: Entitlement, holder: PerkHolder, by: User | None, language: str | None) -> None:
    """Put a locked choice into the queue for codes, once, with audit entry and message."""
    if row.asked_at is not None:
        return
    row.asked_at = clock.now()
    row.save(update_fields=["asked_at"])
    _record("rewards.code_awaited", row, holder, by, False, {"perk": row.perk})
    _notify("rewards.code_awaited", row, holder, language)


def apply(
    *,
    perk_code: str,
    person_index: bytes,
    guardian: bool = False,
    by: User | None = None,
    language: str | None = None,
) -> Entitlement:
    """Apply for a perk by person (insurance). It runs from today, but not before its start, for its months (D-56).

    A second application returns the first row. `language` as in `issue_code`. Raises PerkRefused: UNKNOWN,
    NOT_IN_BASE, AUTOMATIC, GUARDIAN, CLOSED.
    """
    perk = _get_perk(perk_code, "APPLICATION")
    today = clock.today()
    with transaction.atomic():
        holder = _qualified_holder(perk, person_index)
        existing = _entitlement_of(perk, holder)
        if existing is not None and existing.kind == Entitlement.Kind.APPLICATION:
            return existing
        if today > (ends_on(perk) or today):
            raise PerkRefused("CLOSED")
        if is_automatic(perk, holder.customer) and existing is None:
            raise PerkRefused("AUTOMATIC")
        if is_minor(holder.birth_date, today) and not guardian:
            raise PerkRefused("GUARDIAN")
        starts = max(perk.starts, today)
        row = _save_entitlement(
            perk,
            holder,
            existing,
            kind=Entitlement.Kind.APPLICATION,
            made_by=by,
            starts_on=starts,
            ends_on=last_day(starts, perk.months or 1),
        )
        _record("rewards.applied", row, holder, by, guardian, {"perk": perk.code})
        _notify("rewards.applied", row, holder, language)
    return row


def opt_out(*, perk_code: str, person_index: bytes, guardian: bool = False, by: User | None = None) -> Entitlement:
    """Decline a perk by person, or end it. A later application reverses this.

    A second call changes nothing. Raises PerkRefused: UNKNOWN, NOT_IN_BASE, GUARDIAN.
    """
    perk = _get_perk(perk_code, "APPLICATION")
    with transaction.atomic():
        holder = _qualified_holder(perk, person_index)
        existing = _entitlement_of(perk, holder)
        if existing is not None and existing.kind == Entitlement.Kind.OPT_OUT:
            return existing
        if is_minor(holder.birth_date, clock.today()) and not guardian:
            raise PerkRefused("GUARDIAN")
        row = _save_entitlement(
            perk, holder, existing, kind=Entitlement.Kind.OPT_OUT, made_by=by, starts_on=None, ends_on=None
        )
        _record("rewards.opted_out", row, holder, by, guardian, {"perk": perk.code})
    return row


@dataclass(frozen=True)
class Certificate:
    """Certificate of insurance to print. `number` contains no personal data and is the same each time."""

    perk: Perk
    number: str
    starts_on: dt.date
    ends_on: dt.date


def certificate(*, perk_code: str, person_index: bytes) -> Certificate:
    """The certificate of an insurance that runs, once its insurer is published.

    Raises PerkRefused: UNKNOWN, NOT_INSURED, NOT_YET before the cover runs or while no insurer is published.
    """
    perk = _get_perk(perk_code, "APPLICATION")
    card = next((card for card in overview(person_index).personal if card.perk.code == perk.code), None)
    if card is None or card.state not in ("ACTIVE", "COMING") or card.starts_on is None or card.ends_on is None:
        raise PerkRefused("NOT_INSURED")
    if card.state == "COMING" or not content.current(Place.INSURER):
        raise PerkRefused("NOT_YET")
    digest = crypto.blind_index(f"{perk.code}:{person_index.hex()}:{card.starts_on}", "certificate").hex().upper()
    prefix = programme.current().carrier.reference_prefix
    return Certificate(perk, f"{prefix}-{digest[:4]}-{digest[4:8]}-{digest[8:12]}", card.starts_on, card.ends_on)


def import_vouchers(
    *, perk_code: str, choice_code: str, codes: Iterable[str], by: User | None = None, reason: str = ""
) -> int:
    """Add codes bought from a service and skip known ones; returns the number of new codes.

    Lower and upper case are one code; the first spelling is kept. Raises PerkRefused UNKNOWN if the perk has no such
    service.
    """
    perk = _perk_of_service(perk_code, choice_code)
    now, rows = clock.now(), []
    for code in filter(None, (text.strip() for text in codes)):
        row = Voucher(id=uuid.uuid4(), perk=perk.code, choice=choice_code, imported_at=now)
        row.code = code
        row.code_index = _voucher_index(code)
        rows.append(row)
    with transaction.atomic(), connection.cursor() as cursor:
        # Without the lock, two imports at once would count each other's codes.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('rewards_voucher'))")
        before = Voucher.objects.count()
        Voucher.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
        new = Voucher.objects.count() - before
        audit.record(
            actor=audit.actor(by) if by else "system",
            action="rewards.vouchers_imported",
            object=f"perk:{perk.code}:{choice_code}",
            reason=reason,
            detail={"new": new, "offered": len(rows)},
        )
    return new


def count_new_vouchers(*, perk_code: str, choice_code: str, codes: Iterable[str]) -> int:
    """How many codes an import of this list would add now; changes nothing. Raises PerkRefused as the import does."""
    _perk_of_service(perk_code, choice_code)
    indexes = list({_voucher_index(code) for code in codes})
    known = sum(
        Voucher.objects.filter(code_index__in=indexes[start : start + 10_000]).count()
        for start in range(0, len(indexes), 10_000)
    )
    return len(indexes) - known


def _voucher_index(code: str) -> bytes:
    return crypto.blind_index(voucher_files.key(code), "voucher")


def _perk_of_service(perk_code: str, choice_code: str) -> Perk:
    """The perk that offers a service. Raises PerkRefused UNKNOWN."""
    perk = _get_perk(perk_code, "CHOICE")
    if choice_code not in {choice.code for choice in perk.choices}:
        raise PerkRefused("UNKNOWN")
    return perk


def _get_perk(code: str, mode: str) -> Perk:
    perk = next((perk for perk in programme.current().perks if perk.code == code and perk.mode == mode), None)
    if perk is None:
        raise PerkRefused("UNKNOWN")
    return perk


def _own_line(contract_no: str, person_index: bytes, perk: Perk) -> tuple[PerkHolder, Line]:
    """The holder and their line that qualifies for `perk` and has not ended. Raises PerkRefused UNKNOWN."""
    holder = holders.load_holder(person_index)
    for held_line in holder.qualifying_lines(perk.code):
        if held_line.base_line.pk == contract_no and held_line.ended_on is None:
            return holder, held_line.line
    raise PerkRefused("UNKNOWN")


def _qualified_holder(perk: Perk, person_index: bytes) -> PerkHolder:
    """The holder of a perk by person; locks their actions on it until the transaction ends. Raises PerkRefused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{perk.code}:{person_index.hex()}"])
    holder = holders.load_holder(person_index)
    if not holder.qualifying_lines(perk.code) or holder.ended_on(perk.code) is not None:
        raise PerkRefused("NOT_IN_BASE")
    return holder


def _entitlement_of(perk: Perk, holder: PerkHolder) -> Entitlement | None:
    return (
        Entitlement.objects.select_for_update()
        .filter(perk=perk.code, person_index__in=holder.person_indexes, contract_no=None)
        .first()
    )


def _save_entitlement(perk: Perk, holder: PerkHolder, existing: Entitlement | None, **values: object) -> Entitlement:
    row = existing or Entitlement(perk=perk.code, person_index=holder.person_index)
    row.made_at = clock.now()
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


def _record(action: str, row: Entitlement, holder: PerkHolder, by: User | None, guardian: bool, detail: dict) -> None:
    audit.record(
        actor=audit.actor(by) if by else "customer",
        action=action,
        object=f"entitlement:{row.pk}",
        subject=holder.customer.pk if holder.customer else "",
        detail=detail | ({"guardian": True} if guardian else {}),
    )


def _notify(kind: str, row: Entitlement, holder: PerkHolder, language: str | None) -> None:
    notices.queue(
        kind=kind,
        subject=f"entitlement:{row.pk}",
        person=holder.person_index,
        to=message_number(holder),
        language=language or eligibility.language_of(holder.customer),
    )


def message_number(holder: PerkHolder) -> str:
    """The telephone number for messages to a holder, of a line that they hold and that is in service, or "".

    Contact numbers come first, because the contact of a child is the guardian. A line transferred to another holder and
    a released contact number do not count (D-44).
    """
    lines = [
        held_line.line for held_line in holder.held_lines if held_line.held_now and held_line.line.terminated_on is None
    ]
    lines += [line for line in holder.lines_outside_base if line.terminated_on is None]
    contacts = contact_numbers(lines)
    phones = [line.msisdn for line in lines if line.product == "HANDSET" and line.msisdn]
    return next(iter(contacts + phones + [line.msisdn or "" for line in lines]), "")


def contact_numbers(lines: Iterable[Line]) -> list[str]:
    """The contact numbers of these lines without released numbers (D-44)."""
    return [n for line in lines if (n := line.contact_msisdn) and not eligibility.number_is_released(n)]
