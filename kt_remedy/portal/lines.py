"""My lines: each line of a person as one card, refunds and rewards side by side.

This module builds the texts of a card; the template only lays them out. The number of queries does not depend on the
number of lines: one for the lines with their bills, two for their applications, one for objections.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from eligibility import presenters, rules
from eligibility import service as register
from eligibility.models import Bill, HolderKind, Line
from eligibility.rules.verdict import refundable_of
from kt_remedy.core import clock, masking, persons, programme
from kt_remedy.core.programme import Programme
from kt_remedy.core.templatetags.remedy import kdate, kdate_long, kmonth, krw
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.portal import timeline
from kt_remedy.portal.ledger import LedgerRow, ledger_sums, paid_above, paid_note
from refunds.applications import objection_views, queries
from refunds.applications.objection_views import ObjectionView
from refunds.applications.queries import ApplicationSummary
from refunds.models.states import LIVE
from refunds.promise import service as promise_service
from refunds.promise.facts import Promise, Situation
from rewards import service as rewards
from rewards.enrolment.base import perks_for

_MONEY_CONDITIONS = frozenset({"BILLED", "PAID", "LEFT_TO_REFUND"})


@dataclass(frozen=True, slots=True)
class NextStep:
    """Next step of a card. With `line` it is a POST that carries the contract number, so that no address holds it."""

    label: str
    url: str
    line: str = ""


@dataclass(slots=True)
class LineCard:
    """Card of one line. `kind`: yes, review, no, none, leave (the waiver is still open) or keep (in service)."""

    id: str
    kind: str
    title: str
    bits: list[str]
    view: register.LineView  # recorded in the audit with its time
    reasons: list[presenters.Reason] = field(default_factory=list)
    conditions: list[presenters.Condition] = field(default_factory=list)
    amount_label: str = ""
    amount: int | None = None
    rows: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    caption: str = ""
    ledger: list[LedgerRow] = field(default_factory=list)
    estimate_if_differing: int | None = None  # expected penalty in won if the bill differs (D-26)
    billed: int = 0
    steps: list[presenters.Step] = field(default_factory=list)
    chart: list[dict[str, object]] = field(default_factory=list)
    chart_note: str = ""
    next_step: NextStep | None = None
    promise: Promise | None = None
    reference: str = ""  # of the application, if there is one
    objection: NextStep | None = None  # the way to object
    objected: ObjectionView | None = None  # the last objection
    automatic_perks: list[timeline.PerkSummary] = field(default_factory=list)
    perks_to_request: list[timeline.PerkSummary] = field(default_factory=list)

    @property
    def conditions_html(self) -> SafeString:
        """HTML of the conditions, laid out as in `partials/checks.html`."""
        return SafeString("".join(item.row for item in self.conditions))  # nosec B703  (rows are drawn by a template)

    @property
    def summary(self) -> str:
        """Heading of the folded conditions."""
        n = {"n": len(self.conditions)}
        return _("왜 대상인가요? 확인한 조건 %(n)s가지") % n if self.kind == "yes" else _("확인한 조건 %(n)s가지") % n

    @property
    def css_variant(self) -> str:
        """Variant of the verdict in components.css."""
        return "keep" if self.kind == "leave" else self.kind


def cards_of(person_index: bytes, now: dt.datetime, today: dt.date, programme: Programme) -> list[LineCard]:
    """Cards of all lines of a person and of their wards (D-16); lines that need an action come first."""
    lines = register.lines_with_bills(person_index)
    numbers = [line.pk for line, _bills in lines]
    filed, objected = queries.filed_or_objected(numbers)
    summary = queries.summaries_of(numbers) if filed else {}
    promises = promise_service.by_ids([each.application_id for each in summary.values()], at=now)
    objections = objection_views.of_lines(numbers, at=now) if objected else {}
    builder = _CardBuilder(person_index, now, today, programme, promises)
    cards = []
    for line, bills in lines:
        card = builder.card(line, bills, summary.get(line.pk))
        card.objected = objections[line.pk][-1] if line.pk in objections else None
        if card.objected is not None and card.objected.promise is not None:
            card.objection = None  # one at a time: it stands above, and can be added to there
        cards.append(card)
    order = ("yes", "review", "leave", "no", "none", "keep")
    return sorted(cards, key=lambda card: order.index(card.kind))


def seen_cards(request: VerifiedRequest) -> list[LineCard]:
    """Cards of the lines of the person who asks; the audit records the view, once for the same content."""
    now = clock.now()
    cards = cards_of(request.person.ci_index, now, clock.kst_date(now), programme.current())
    before = request.session.get("lines_seen", "")
    seen_digest = register.record_line_views([card.view for card in cards], before=before)
    if seen_digest != before:
        request.session["lines_seen"] = seen_digest
    return cards


class _CardBuilder:
    def __init__(
        self,
        person_index: bytes,
        now: dt.datetime,
        today: dt.date,
        programme: Programme,
        promises: dict[int, Promise],
    ) -> None:
        self.person_index, self.now, self.today, self.programme = person_index, now, today, programme
        self.promises = promises
        self.phase = timeline.phase(programme, today)
        self.language = get_language() or "ko"

    def card(self, line: Line, bills: list[Bill], summary: ApplicationSummary | None) -> LineCard:
        facts = register.facts_of(line)
        kind = self._kind(line)
        view = register.LineView.of(line, self.person_index)
        card = LineCard(
            id=f"line-{line.pk}", kind=kind, title=self._title(line, kind), bits=self._bits(line), view=view
        )
        card.conditions = self._conditions(facts, bills, about_money=kind != "no")
        if kind == "keep":
            self._perks(card, line)
            return card
        if kind == "leave":
            card.steps = presenters.explain(rules.estimate(facts, self.programme.waiver.terminated_to, self.programme))
            card.chart = presenters.chart(rules.curve(facts, self.programme), self.today)
            card.chart_note = presenters.chart_note(rules.curve(facts, self.programme))
            self._perks(card, line)
            return card
        # A text about money on a line without a refund would read as a promise.
        codes = presenters.told_codes(line.reason_codes, about_money=kind in ("yes", "none"))
        if kind == "no" and line.terminated_on is None and self.today <= self.programme.waiver.terminated_to:
            # Termination would not help, so the reason "in service" would mislead.
            codes = [code for code in codes if code != "NOT_TERMINATED"]
            if self._in_base(line):
                day = {"day": kdate(self.programme.rewards.base_date)}
                card.notes.append(_("해지하지 않고 %(day)s이 끝날 때까지 쓰시면 고객 보답을 받습니다.") % day)
        if line.decided_outcome:
            card.notes.append(_("직원이 기록을 보고 정한 결과입니다."))
        else:
            card.reasons = presenters.reasons(codes, facts, self.programme)
            if "ALREADY_SETTLED" in codes:
                self._settled(card, bills)
        if kind == "none":
            card.notes.append(_("지금 하실 일은 없습니다."))
        self._money(card, line, bills)
        if kind in ("yes", "review"):
            self._next(card, line, bills, summary)
        if summary is not None:
            card.promise, card.reference = self.promises[summary.application_id], summary.reference
            if card.promise.situation == Situation.PAID:
                card.amount_label, card.amount, card.rows = _("받으신 금액"), card.promise.won, []
        if kind in ("no", "none"):
            card.objection = _next_step(_("이의 신청하기"), "refunds:object", line.pk)
        if card.amount is not None and "NOT_BILLED_YET" in line.reason_codes:
            card.steps = presenters.explain(rules.estimate(facts, facts.terminated_on or self.today, self.programme))
        return card

    def _settled(self, card: LineCard, bills: Iterable[Bill]) -> None:
        """Say of each bill how its penalty was settled, in place of the general reason."""
        items = self.programme.waiver.refundable_items
        sentences = [
            sentence
            for bill in bills
            if bill.item in items
            for sentence in presenters.settled(bill.billed_on, waived=bill.waived_krw, refunded=bill.refunded_krw)
        ]
        if sentences:
            card.reasons = [replace(reason, fact=" ".join(sentences)) for reason in card.reasons]

    def _conditions(
        self, facts: rules.Facts, bills: Iterable[Bill], *, about_money: bool
    ) -> list[presenters.Condition]:
        """Conditions with the values that decided them; a rule that is off appears only if it would have applied.

        A line that is not eligible shows none about money: "money is left to refund" would read as a promise.
        """
        checks = [
            check
            for check in rules.trace(facts, register.bill_facts(bills), self.programme)
            if (check.result != "NOT_APPLIED" or check.value is not None)
            and (about_money or check.code not in _MONEY_CONDITIONS)
        ]
        return presenters.conditions(checks, facts, self.programme)

    def _kind(self, line: Line) -> str:
        if line.terminated_on is None:
            if self.today > self.programme.waiver.terminated_to:
                return "keep" if self._in_base(line) else "no"
            return "no" if set(line.reason_codes) - {"NOT_TERMINATED"} else "leave"
        return {"ELIGIBLE": "yes", "REVIEW": "review", "NOTHING_DUE": "none"}.get(line.effective_outcome, "no")

    def _in_base(self, line: Line) -> bool:
        base = self.programme.rewards
        return line.network not in base.excluded_networks and line.opened_on <= base.base_date

    def _title(self, line: Line, kind: str) -> str:
        if kind == "keep":
            count = len(self._perk_codes(line))
            return _("계속 쓰고 계십니다. 혜택 %(n)d가지를 받습니다") % {"n": count}
        if kind == "leave":
            return _("%(day)s까지 해지하시면 위약금을 돌려받습니다") % {
                "day": kdate(self.programme.waiver.terminated_to)
            }
        return presenters.outcome_title(
            {"yes": "ELIGIBLE", "review": "REVIEW", "none": "NOTHING_DUE"}.get(kind, "NOT_ELIGIBLE")
        )

    def _bits(self, line: Line) -> list[str]:
        number = f"{presenters.product_name(line.product)} {masking.phone(line.msisdn)}"
        if line.terminated_on is None:
            state = _("일시정지 중") if line.status == "SUSPENDED" else _("이용 중")
        else:
            state = _("%(day)s 해지") % {"day": kdate_long(line.terminated_on)}
        bits = [number, state]
        if line.customer.person_index != self.person_index:
            bits.append(_("자녀 %(name)s 님의 회선") % {"name": masking.name(line.customer.holder_name)})
        return bits

    def _money(self, card: LineCard, line: Line, bills: Iterable[Bill]) -> None:
        waiver = self.programme.waiver
        refundable = [bill for bill in bills if bill.item in waiver.refundable_items]
        other_bills = [bill for bill in bills if bill.item not in waiver.refundable_items]
        card.billed = sum(bill.billed_krw for bill in refundable)
        if "NOT_BILLED_YET" in line.reason_codes and card.kind != "no":
            card.amount_label, card.amount = _("예상 금액"), line.expected_penalty_krw
            if card.kind == "yes":
                # A month of use is billed in the middle of the next (docs/domain.md#b2).
                middle = ((line.terminated_on or self.today).replace(day=1) + dt.timedelta(days=31)).replace(day=18)
                fixed_when = _("청구서가 나온 뒤")
                if middle >= self.today:
                    fixed_when = _("청구서가 나온 뒤(보통 %(month)s 중순까지)") % {"month": kmonth(middle)}
                card.rows.append((_("금액 확정"), fixed_when))
        elif card.kind in ("yes", "review"):
            card.amount_label, card.amount = _("돌려받을 금액"), line.refundable_krw
            if "UNPAID" in line.reason_codes:
                card.amount_label = _("다 내시면 돌려받을 금액")
                card.amount = sum(max(0, b.billed_krw - b.waived_krw - b.refunded_krw) for b in refundable)
                card.rows.append((_("지금까지 내신 금액"), krw(line.refundable_krw)))
        if above := paid_above(refundable):
            card.notes.append(
                _(
                    "청구된 위약금보다 %(won)s을 더 내셨습니다. 더 내신 돈은 이 환급과 따로 요금에서 정산해"
                    " 돌려드립니다. 따로 신청하지 않으셔도 되고, 궁금하시면 무료 상담으로 물어보세요."
                )
                % {"won": krw(above)}
            )
        if refundable and card.kind != "no":
            card.ledger = ledger_sums(line, refundable)
            if len(refundable) > 1:
                card.ledger.append(LedgerRow(_("항목마다 돌려받는 금액"), kind="part"))
                card.ledger += [
                    LedgerRow(
                        presenters.item_name_for_customer(bill.item),
                        paid_note(bill),
                        refundable_of(register.bill_facts([bill])[0]),
                    )
                    for bill in refundable
                ]
            unpaid = "UNPAID" in line.reason_codes
            card.ledger.append(
                LedgerRow(
                    _("지금 돌려드릴 수 있는 금액") if unpaid else _("돌려받을 금액"),
                    won=line.refundable_krw,
                    kind="sum",
                )
            )
            if card.kind == "yes" and card.billed not in (0, line.expected_penalty_krw):
                card.estimate_if_differing = line.expected_penalty_krw
        self._other_items(card, refundable, other_bills)
        months = {(bill.billed_on.year, bill.billed_on.month) for bill in refundable or other_bills}
        if not bills and card.kind == "no" and line.expected_penalty_krw:
            card.ledger = [
                LedgerRow(_("예상 위약금"), _("돌려드리지 않는 금액"), line.expected_penalty_krw, "off"),
            ]
        elif card.ledger:
            month = kmonth((refundable or other_bills)[0].billed_on) if len(months) == 1 else ""
            card.caption = (
                _("%(month)s 청구서에서 계산한 내용") % {"month": month} if month else _("청구서에서 계산한 내용")
            )

    def _other_items(self, card: LineCard, refundable: list[Bill], other_bills: list[Bill]) -> None:
        """Rows of the ledger for items that a person looks at, and for those that are not refunded."""
        known = self.programme.waiver.non_refundable_items
        looked_at = [bill for bill in other_bills if bill.item not in known] if card.kind == "review" else []
        if looked_at:
            card.ledger.append(LedgerRow(_("직원이 확인하고 있는 것"), kind="part"))
            card.ledger += [
                LedgerRow(presenters.item_name_for_customer(bill.item), won=bill.billed_krw) for bill in looked_at
            ]
            other_bills = [bill for bill in other_bills if bill.item in known]
        not_refunded = other_bills if card.kind != "no" else [*refundable, *other_bills]
        if not_refunded:
            card.ledger.append(LedgerRow(_("돌려드리지 않는 것"), kind="part"))
            card.ledger += [
                LedgerRow(
                    presenters.item_name_for_customer(bill.item),
                    presenters.item_note(bill.item),
                    bill.billed_krw,
                    "off",
                )
                for bill in not_refunded
            ]

    def _next(self, card: LineCard, line: Line, bills: list[Bill], summary: ApplicationSummary | None) -> None:
        window, ended = self.programme.applications, line.terminated_on or self.programme.waiver.terminated_to
        if summary is not None and summary.status in LIVE:
            card.next_step = _next_step(_("신청 현황 보기"), "refunds:status")
            return
        self._promise(card, line, bills)
        if self.phase == "lookup":
            card.notes.append(_("환급 신청은 %(day)s부터 할 수 있습니다.") % {"day": kdate(window.opens)})
            card.next_step = _next_step(_("시작되면 알려 주세요"), "portal:tell-me")
            return
        if self.phase == "over":
            return
        if card.view.own and persons.is_minor(line.customer.birth_date, self.today):
            self._guardian(card, line)
            return
        # The days that D-30 adds count as in time, and no reason is asked on them.
        late = self.phase == "late" and self.today > window.late_cured_until
        card.next_step = _next_step(
            _("늦은 신청하기") if late else _("이 회선 환급 신청하기"), "refunds:apply", line=line.pk
        )
        if late:
            values = {"closed": kdate(window.closes), "until": kdate(window.late_accepted_until)}
            card.notes.append(
                _("신청 기간은 %(closed)s에 끝났습니다. %(until)s까지는 늦은 이유와 함께 신청하실 수 있습니다.")
                % values
            )
        elif card.kind == "yes" and self.phase == "open":
            in_table = card.promise is not None and card.promise.situation == Situation.OFFER
            card.notes.append(self._deadlines(ended, in_table=in_table))

    def _promise(self, card: LineCard, line: Line, bills: list[Bill]) -> None:
        """The first sentence of a line that is not applied for, and its day where one can be named."""
        window = self.programme.applications
        own = line.customer.person_index == self.person_index
        minor = own and persons.is_minor(line.customer.birth_date, self.today)
        promise = promise_service.of_line(
            line,
            bills=bills,
            representation="SELF" if own and not minor else "GUARDIAN",
            applied_on=max(self.today, window.opens),
            at=self.now,
        )
        card.promise = promise
        if promise.situation == Situation.CLOSED:
            # The end is the news, and no sum is offered any more.
            card.title, card.amount, card.rows = _("신청을 받는 기간이 끝났습니다"), None, []

    def _guardian(self, card: LineCard, line: Line) -> None:
        """Next step for a minor on a line of their own: the guardian applies (D-16)."""
        card.notes.append(_("만 %(age)s세가 되지 않으셔서 보호자가 신청합니다.") % {"age": persons.ADULT_AGE})
        if line.customer.guardian_ci_index is not None:
            card.notes.append(
                _("보호자가 이 홈페이지에서 본인 휴대폰으로 확인하시면 이 회선이 보입니다. 어느 통신사든 됩니다.")
            )
        else:
            card.notes.append(
                _("보호자가 신분증과 가족관계증명서를 가지고 매장으로 오시거나 전화로 신청하시면 됩니다.")
            )
        card.next_step = _next_step(_("보호자가 신청하는 방법"), "portal:bring")

    def _deadlines(self, ended: dt.date, *, in_table: bool) -> str:
        """Until when to apply; with the later pay day where the table of the announcement alone decides it."""
        rows = [
            row
            for row in self.programme.payouts
            if in_table and row.terminated_from <= ended <= row.terminated_to and row.applied_to >= self.today
        ]
        closes = kdate(self.programme.applications.closes)
        if len(rows) > 1:
            return _(
                "%(first)s까지 신청하시면 %(pay)s에 받습니다. 그 뒤 %(closes)s까지 신청하시면 %(later)s에 받습니다."
            ) % {
                "first": kdate(rows[0].applied_to),
                "pay": kdate(rows[0].pay_on),
                "closes": closes,
                "later": kdate(rows[1].pay_on),
            }
        return _("%(closes)s까지 신청하셔야 받습니다.") % {"closes": closes}

    def _perk_codes(self, line: Line) -> list[str]:
        return perks_for(self.programme, line.product, line.customer.holder_kind == HolderKind.CORPORATE)

    def _perks(self, card: LineCard, line: Line) -> None:
        codes = self._perk_codes(line)
        for perk in self.programme.perks:
            if perk.code in codes:
                asks = perk.mode == "CHOICE" or (
                    perk.mode == "APPLICATION" and not rewards.is_automatic(perk, line.customer)
                )
                (card.perks_to_request if asks else card.automatic_perks).append(
                    timeline.perk_summary(perk, self.language)
                )
        card.next_step = _next_step(_("혜택 자세히 보기"), "rewards:mine")


def _next_step(label: str, name: str, *args: str, line: str = "") -> NextStep | None:
    try:
        return NextStep(label, reverse(name, args=args), line)
    except NoReverseMatch:
        return None
