"""Sentences for the codes of a verdict: reasons, conditions and the calculation of the expected penalty.

Every page about a line uses them. The sentences contain the deciding value and the source of the rule, in the active
language. Pure functions: no database, no clock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from eligibility.rules import Check, Estimate, Facts
from kt_remedy.core.programme import Programme
from kt_remedy.core.templatetags.remedy import icon, kdate_long, kmonth, krw

ITEMS: dict[str, tuple[Promise, Promise]] = {
    "SUBSIDY_CLAWBACK": (gettext_lazy("공시지원금 위약금"), gettext_lazy("휴대폰을 살 때 깎아 준 돈")),
    "EXTRA_SUBSIDY_CLAWBACK": (gettext_lazy("추가지원금 위약금"), gettext_lazy("매장에서 더 깎아 준 돈")),
    "DISCOUNT_CLAWBACK": (gettext_lazy("할인반환금"), gettext_lazy("약정하고 받은 요금 할인")),
    "DEVICE_INSTALMENT": (gettext_lazy("단말기 할부금"), gettext_lazy("위약금이 아니라 기기값")),
    "PLAN_DIFFERENCE": (gettext_lazy("요금제 차액"), gettext_lazy("요금제를 낮춰 생긴 차액")),
    "USAGE": (gettext_lazy("이용요금"), gettext_lazy("쓰신 만큼의 요금")),
    "FIXED_LINE": (gettext_lazy("인터넷·TV 위약금"), gettext_lazy("휴대폰이 아닌 상품의 위약금")),
    "BUNDLE": (gettext_lazy("결합 할인 정산금"), gettext_lazy("함께 묶어 받은 할인의 정산")),
}
PRODUCTS: dict[str, Promise] = {
    "HANDSET": gettext_lazy("휴대폰"),
    "WATCH": gettext_lazy("워치"),
    "TABLET": gettext_lazy("태블릿"),
    "IOT": gettext_lazy("사물인터넷(IoT)"),
    "PREPAID": gettext_lazy("선불폰"),
}
EVENTS: dict[str, Promise] = {
    "NEW": gettext_lazy("새로 가입"),
    "DEVICE_CHANGE": gettext_lazy("기기변경"),
    "RECONTRACT": gettext_lazy("재약정"),
    "AUTO_RENEWAL": gettext_lazy("자동 연장"),
    "TRANSFER": gettext_lazy("명의변경"),
}
ENDINGS: dict[str, Promise] = {
    "PORT_OUT": gettext_lazy("다른 통신사로 번호 이동"),
    "CANCEL": gettext_lazy("직접 해지"),
    "FORCED": gettext_lazy("직권해지"),
}
MONEY_REASONS = frozenset({"NO_PENALTY", "NOT_BILLED_YET", "UNPAID", "ALREADY_SETTLED"})
OUTCOMES: dict[str, Promise] = {
    "ELIGIBLE": gettext_lazy("환급 대상입니다"),
    "REVIEW": gettext_lazy("직원이 한 번 더 확인합니다"),
    "NOT_ELIGIBLE": gettext_lazy("이번 환급 대상이 아닙니다"),
    "NOTHING_DUE": gettext_lazy("돌려받을 위약금이 없습니다"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of a verdict as two sentences: the fact of this line and the rule that applies to it."""

    code: str
    fact: str
    rule: str


@dataclass(frozen=True)
class Condition:
    """One condition of the waiver: `state` is passed, failed, review, waiting or off (not applied)."""

    state: str
    text: str
    note: str

    @property
    def no(self) -> bool:
        """True if the condition excludes a refund."""
        return self.state == "failed"

    @property
    def icon(self) -> str:
        """Name of the icon of the state."""
        return {"passed": "tick", "failed": "cross", "review": "wait", "waiting": "wait", "off": "no"}[self.state]

    @cached_property
    def row(self) -> SafeString:
        """The condition as an HTML list item like one of `partials/checks.html`."""
        # Python, not a template: conditions are kept between pages with their row. Six take 77 us in the template on
        # every page, here 34 us the first time and 0.5 us afterwards.
        # Most conditions are met, and styles draw their tick: an icon of 100 bytes for each is a fifth of the page.
        if self.state == "passed":
            return format_html('<li class="is-met"><span>{}<small>{}</small></span></li>', self.text, self.note)
        row = "<li{}>{}<span>{}<small>{}</small></span></li>"
        return format_html(row, _IS_NO if self.no else "", icon(self.icon), self.text, self.note)


_IS_NO = mark_safe(' class="is-no"')  # nosec B308  (a constant)


def item_name(code: str) -> str:
    """Name of a billed item; an unknown code is shown as billing sent it."""
    return str(ITEMS[code][0]) if code in ITEMS else code


def item_name_for_customer(code: str) -> str:
    """Name of a billed item as a customer reads it; an unknown item has no code there (C8)."""
    return item_name(code) if code in ITEMS else _("저희가 확인하고 있는 항목")


def item_note(code: str) -> str:
    """Short explanation of a billed item, or "" for an unknown code."""
    return str(ITEMS[code][1]) if code in ITEMS else ""


def product_name(code: str) -> str:
    """Name of a product, such as 휴대폰."""
    return str(PRODUCTS.get(code, code))


def outcome_title(outcome: str) -> str:
    """Headline of an outcome, such as 환급 대상입니다."""
    return str(OUTCOMES[outcome])


def told_codes(codes: Iterable[str], *, about_money: bool) -> list[str]:
    """The codes that a customer reads: those about money, or those about the line.

    On a line without a refund a text about money would read as a promise.
    """
    return [code for code in codes if (code in MONEY_REASONS) == about_money]


def reasons(codes: Iterable[str], facts: Facts, programme: Programme) -> list[Reason]:
    """The reasons of a verdict with the values of this line."""
    return [reason(code, facts, programme) for code in codes]


def reason(code: str, facts: Facts, programme: Programme) -> Reason:
    """One reason code as sentences with the values of this line."""
    values = {
        "first": kdate_long(programme.waiver.terminated_from),
        "last": kdate_long(programme.waiver.terminated_to),
        "before": kdate_long(programme.waiver.contract_before),
        "ended": kdate_long(facts.terminated_on),
        "contract": kdate_long(facts.contract_started_on),
        "ported": kdate_long(facts.port_requested_on),
        "rejoined": kdate_long(facts.rejoined_on),
        "code": code,
        "carrier": programme.carrier.short_name,
        "product": product_name(code),
    }
    if code in _REASONS:
        fact, rule = _REASONS[code]
    elif code.endswith("_AFTER_BASE"):
        fact, rule = gettext_lazy("%(contract)s에 새 약정을 맺으셨습니다."), _NEW_CONTRACT
    elif code.startswith("REVIEW_"):
        fact, rule = gettext_lazy("%(contract)s에 약정이 바뀌었습니다."), _A_PERSON_LOOKS
    elif code in PRODUCTS:
        fact = gettext_lazy("%(product)s 회선입니다.")
        rule = gettext_lazy("이 종류의 회선은 이번 면제에서 빠집니다.")
    elif (ending := code.removesuffix("_TERMINATION")) in ENDINGS and ending != code:
        values["ending"] = str(ENDINGS[ending])
        fact = gettext_lazy("해지한 방법: %(ending)s.")
        rule = gettext_lazy("이렇게 해지한 회선은 이번 면제에서 빠집니다.")
    else:
        fact = gettext_lazy("이번 면제에서 빠지는 회선입니다(%(code)s).")
        rule = gettext_lazy("이유가 사실과 다르면 이의를 신청하실 수 있습니다.")
    return Reason(code, str(fact) % values, str(rule) % values)


_PERIOD = gettext_lazy("돌려드리는 것은 %(first)s부터 %(last)s 사이에 해지한 회선의 위약금입니다.")
_NEW_CONTRACT = gettext_lazy("%(before)s부터 새로 맺은 약정은 이번 면제에서 빠집니다.")
_A_PERSON_LOOKS = gettext_lazy("약정이 예전 것을 이어받았는지 직원이 한 번 더 확인합니다.")

_REASONS: dict[str, tuple[Promise, Promise]] = {
    "NOT_TERMINATED": (gettext_lazy("해지하지 않고 쓰고 계십니다."), _PERIOD),
    "TERMINATED_BEFORE_PERIOD": (gettext_lazy("%(ended)s에 해지하셨습니다. 기간보다 먼저입니다."), _PERIOD),
    "TERMINATED_AFTER_PERIOD": (gettext_lazy("%(ended)s에 해지하셨습니다. 기간이 지난 뒤입니다."), _PERIOD),
    "MVNO": (
        gettext_lazy("알뜰폰 회선입니다."),
        gettext_lazy("다른 회사인 알뜰폰과 맺은 계약이라 이번 면제에서 빠집니다."),
    ),
    "IOT": (
        gettext_lazy("사물인터넷(IoT) 회선입니다."),
        gettext_lazy("사람이 쓰는 회선의 위약금만 돌려드립니다."),
    ),
    "FORCED_TERMINATION": (
        gettext_lazy("회사가 해지한(직권해지) 회선입니다."),
        gettext_lazy("요금을 오래 내지 않는 등의 이유로 회사가 해지한 회선은 이번 면제에서 빠집니다."),
    ),
    "REJOINED": (
        gettext_lazy("해지하신 뒤 %(rejoined)s에 %(carrier)s에 다시 가입하셨습니다."),
        gettext_lazy("%(last)s까지 다시 가입하신 분은 이번 면제에서 빠집니다."),
    ),
    "NEW_AFTER_BASE": (gettext_lazy("%(contract)s에 새로 가입하셨습니다."), _NEW_CONTRACT),
    "DEVICE_CHANGE_AFTER_BASE": (
        gettext_lazy("%(contract)s에 기기를 바꾸며 새 약정을 맺으셨습니다."),
        _NEW_CONTRACT,
    ),
    "RECONTRACT_AFTER_BASE": (gettext_lazy("%(contract)s에 다시 약정하셨습니다."), _NEW_CONTRACT),
    "REVIEW_PORT_DELAY": (
        gettext_lazy("%(ported)s에 번호 이동을 신청하셨고 %(ended)s에 처리가 끝났습니다."),
        gettext_lazy("기간 안의 신청이 늦게 처리된 것인지 직원이 한 번 더 확인합니다."),
    ),
    "REVIEW_AUTO_RENEWAL": (gettext_lazy("%(contract)s에 약정이 저절로 이어졌습니다."), _A_PERSON_LOOKS),
    "REVIEW_NAME_TRANSFER": (gettext_lazy("%(contract)s에 이름이 바뀐(명의변경) 회선입니다."), _A_PERSON_LOOKS),
    "REVIEW_UNKNOWN_ITEM": (
        gettext_lazy("청구서에 저희가 알지 못하는 항목이 있습니다."),
        gettext_lazy("그 항목이 위약금인지 직원이 한 번 더 확인합니다."),
    ),
    "NO_PENALTY": (
        gettext_lazy("해지하실 때 위약금이 생기지 않았습니다."),
        gettext_lazy("약정이 끝났거나 약정이 없던 회선이라 돌려드릴 돈이 없습니다."),
    ),
    "NOT_BILLED_YET": (
        gettext_lazy("위약금이 아직 청구되지 않았습니다."),
        gettext_lazy("먼저 신청해 두시면, 청구서가 나와 내신 뒤 저절로 이어집니다."),
    ),
    "UNPAID": (
        gettext_lazy("청구된 위약금을 아직 다 내지 않으셨습니다."),
        gettext_lazy("먼저 신청해 두시면, 내신 것이 확인되는 대로 다음 지급일에 돌려드립니다."),
    ),
    "ALREADY_SETTLED": (
        gettext_lazy("청구된 위약금은 이미 돌려드렸거나 청구서에서 빼 드렸습니다."),
        gettext_lazy("저희에게 남아 있는 돈이 없어 더 돌려드릴 것이 없습니다."),
    ),
}


def settled(month: date, *, waived: int, refunded: int) -> list[str]:
    """Sentences about a bill of the penalty of which nothing is left: what was taken off it and what was sent back, in
    won. The delivery of the billing system holds no day of either."""
    bill = {"month": kmonth(month)}
    found = []
    if waived:
        words = _("%(month)s 청구서의 위약금 가운데 %(won)s은 청구서에서 빼 드렸습니다.")
        found.append(words % (bill | {"won": krw(waived)}))
    if refunded:
        found.append(_("%(month)s 청구서의 위약금 %(won)s은 이미 돌려드렸습니다.") % (bill | {"won": krw(refunded)}))
    return found


def conditions(checks: Iterable[Check], facts: Facts, programme: Programme) -> list[Condition]:
    """The trace of one line as conditions with value and source, in the order of the trace."""
    language = get_language()
    return [
        _condition(check, facts, programme)
        if check.value and check.code in _SUMS
        else _cached_condition(language, check, facts, programme)
        for check in checks
    ]


# Formatting these sentences takes most of the time of a page of lines, and thousands of lines share a condition. The
# sentences depend on the language and the check, those of PERIOD also on the day of termination. Conditions with an
# amount or an item of a bill differ for each line and are not cached.
_SUMS = frozenset({"ITEMS", "BILLED", "LEFT_TO_REFUND"})
_REMEMBERED = 20_000  # some 15 MB
_condition_cache: dict[tuple[str | None, Check, date | None], Condition] = {}


def _cached_condition(language: str | None, check: Check, facts: Facts, programme: Programme) -> Condition:
    keyed_check = check._replace(value=None) if check.code == "PAID" else check  # its sentence has no amount
    key = (language, keyed_check, facts.terminated_on if check.code == "PERIOD" else None)
    condition = _condition_cache.get(key)
    if condition is None:
        if len(_condition_cache) >= _REMEMBERED:
            _condition_cache.clear()
        condition = _condition_cache[key] = _condition(check, facts, programme)
    return condition


_STATES = {"PASSED": "passed", "FAILED": "failed", "REVIEW": "review", "WAITING": "waiting", "NOT_APPLIED": "off"}


def _condition(check: Check, facts: Facts, programme: Programme) -> Condition:
    state = _STATES[check.result]
    text, value = _CONDITIONS[check.code](check, facts, programme)
    announced = any(source.startswith("A") for source in check.source)
    source = _("근거: %(source)s") % {"source": _("공고") if announced else _("이 프로그램의 처리 기준")}
    return Condition(state, text, f"{capfirst(value)} · {source}" if value else source)


def _period(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    waiver = programme.waiver
    bounds = {"first": kdate_long(waiver.terminated_from), "last": kdate_long(waiver.terminated_to)}
    period = _("기간 %(first)s ~ %(last)s") % bounds
    if facts.terminated_on is None:
        return _("해지하지 않고 쓰고 계십니다"), period
    day = f"{kdate_long(facts.terminated_on)} · {period}"
    if check.result == "REVIEW":
        requested = _("번호 이동 신청 %(day)s") % {"day": kdate_long(facts.port_requested_on)}
        return _("기간 안에 신청한 번호 이동이 기간 뒤에 끝났습니다"), f"{requested} · {day}"
    return (_("해지한 날이 기간 안입니다") if check.result == "PASSED" else _("해지한 날이 기간 밖입니다")), day


def _network(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    passed = check.result == "PASSED"
    own = _("%(carrier)s와 맺은 계약입니다") % {"carrier": programme.carrier.short_name}
    return (own if passed else _("알뜰폰 회선입니다")), ""


def _product(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    name = {"name": product_name(facts.product)}
    if check.result == "PASSED":
        return _("돌려드리는 종류의 회선입니다"), name["name"]
    return _("%(name)s 회선은 이번 면제에서 빠집니다") % name, ""


def _ending(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    how = str(ENDINGS.get(facts.termination_reason, facts.termination_reason))
    if check.result == "PASSED":
        return _("직접 해지하셨습니다"), how
    if facts.termination_reason == "FORCED":
        return _("회사가 해지했습니다"), how
    return _("이렇게 해지한 회선은 이번 면제에서 빠집니다"), how


def _rejoined(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    if check.result == "NOT_APPLIED":
        return _("다시 가입하셨는지는 따지지 않습니다"), ""
    day = kdate_long(facts.rejoined_on)
    back = _("%(carrier)s에 다시 가입하셨습니다") % {"carrier": programme.carrier.short_name}
    return (_("다시 가입하지 않으셨습니다") if check.result == "PASSED" else back), day


def _contract(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    before = {"day": kdate_long(programme.waiver.contract_before)}
    event = str(EVENTS.get(facts.contract_event, facts.contract_event))
    made = f"{kdate_long(facts.contract_started_on)} {event}"
    if check.result == "REVIEW":
        return _("약정이 %(day)s부터 바뀌어 직원이 한 번 더 확인합니다") % before, made
    if check.result == "FAILED":
        return _("지금 약정은 %(day)s에 새로 맺으셨습니다") % {"day": kdate_long(facts.contract_started_on)}, event
    if facts.contract_started_on >= programme.waiver.contract_before:
        return _("면제에서 빠지는 새 약정이 아닙니다"), made
    return _("약정을 %(day)s 전에 맺으셨습니다") % before, made


def _items(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    if check.result == "PASSED":
        return _("청구서의 항목을 모두 확인했습니다"), ""
    return _("청구서에 저희가 알지 못하는 항목이 있습니다"), ""


def _billed(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    if check.result == "PASSED":
        return _("위약금이 청구되었습니다"), krw(_amount(check))
    if check.result == "WAITING":
        return _("위약금이 아직 청구되지 않았습니다"), ""
    return _("위약금이 생기지 않았습니다"), ""


def _paid(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    if check.result == "PASSED":
        return _("위약금을 모두 내셨습니다"), ""
    return _("위약금을 아직 다 내지 않으셨습니다"), ""


def _left(check: Check, facts: Facts, programme: Programme) -> tuple[str, str]:
    if check.result == "PASSED":
        return _("돌려드릴 돈이 남아 있습니다"), krw(_amount(check))
    return _("돌려드릴 돈이 남아 있지 않습니다"), ""


def _amount(check: Check) -> int:
    assert isinstance(check.value, int)
    return check.value


_CONDITIONS: dict[str, Callable[[Check, Facts, Programme], tuple[str, str]]] = {
    "PERIOD": _period,
    "NETWORK": _network,
    "PRODUCT": _product,
    "TERMINATION_REASON": _ending,
    "REJOINED": _rejoined,
    "CONTRACT": _contract,
    "ITEMS": _items,
    "BILLED": _billed,
    "PAID": _paid,
    "LEFT_TO_REFUND": _left,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the calculation of a penalty: label, explanation, and value as text."""

    label: str
    note: str
    text: str
    kind: str = ""


def explain(estimate: Estimate) -> list[Step]:
    """The calculation of an estimate as rows: days, each part with its share, and the sum.

    Source: docs/domain.md#a2 and docs/domain.md#a3.
    """
    if not estimate.components:
        return [Step(_("약정"), "", _("없음"))]
    days = gettext_lazy("%(n)d일")
    rows = [
        Step(
            _("약정한 날수"),
            _("%(day)s에 끝나는 약정") % {"day": kdate_long(estimate.ends_on)},
            _with_number(days, estimate.total_days),
        ),
        Step(_("쓰신 날수"), _("해지한 날까지, 정지한 날은 빼고"), _with_number(days, estimate.used_days)),
        Step(_("남은 날수"), "", _with_number(days, estimate.left_days)),
    ]
    if estimate.left_days == 0:
        share = _("약정이 끝나 위약금이 없습니다")
    elif estimate.rate == 1:
        share = _("처음 %(n)d일은 받은 금액 전부입니다") % {"n": estimate.grace_days}
    else:
        span = {"left": estimate.left_days, "span": estimate.total_days - estimate.grace_days, "n": estimate.grace_days}
        share = _("받은 금액 × 남은 %(left)d일 ÷ %(span)d일 (약정한 날수에서 처음 %(n)d일을 뺀 날수)") % span
    for part in estimate.components:
        if part.base:
            base = _("받은 금액 %(base)s") % {"base": krw(part.base)}
            rows.append(Step(item_name(part.item), f"{base}. {share}", krw(part.amount)))
    rows.append(Step(_("예상 금액"), _("1원 아래는 버립니다"), krw(estimate.amount), "sum"))
    return rows


def _with_number(text: Promise, number: int) -> str:
    return str(text) % {"n": number}


def chart(curve: Iterable[Estimate], today: date | None = None) -> list[dict[str, object]]:
    """Estimates as rows of a bar chart; `share` is the length of the bar in thousandths of the longest."""
    estimates = list(curve)
    longest = max((day.amount for day in estimates), default=0) or 1
    return [
        {"day": day.on, "share": day.amount * 1000 // longest, "text": krw(day.amount), "today": day.on == today}
        for day in estimates
    ]


def chart_note(curve: Iterable[Estimate]) -> str:
    """How much a day changes, because bars of nearly one length do not show it; "" where the sums go up and down."""
    sums = [day.amount for day in curve]
    steps = [after - before for before, after in pairwise(sums)]
    if not steps or not (all(step <= 0 for step in steps) or all(step >= 0 for step in steps)):
        return ""
    if sums[0] == sums[-1]:
        return _("이 기간에는 어느 날 해지하셔도 금액이 같습니다.")
    won = {"won": krw((abs(sums[-1] - sums[0]) + 5 * len(steps)) // (10 * len(steps)) * 10)}  # to ten won
    if sums[-1] < sums[0]:
        return _("해지가 하루 늦어질 때마다 %(won)s쯤 줄어듭니다.") % won
    return _("해지가 하루 늦어질 때마다 %(won)s쯤 늘어납니다.") % won
