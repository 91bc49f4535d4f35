"""An application as its customer reads it: headline, amount, dates, timeline and what can be done.

The status page and the desk show it. Staff read the labels of `states.Status` and `staff_presenters`.
"""

import datetime as dt
from dataclasses import dataclass, field, replace

from django.utils.html import format_html
from django.utils.translation import gettext as _

from eligibility import presenters as lines
from kt_remedy.core import clock, masking
from kt_remedy.core.templatetags.remedy import kdate, krw
from refunds.applications import bank_layout, objection_views, queries
from refunds.applications.objection_views import ObjectionView
from refunds.applications.timeline import Step, timeline
from refunds.bankfiles.records import statement_text
from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Application, Decision
from refunds.models.cases import OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.promise import calendar_file
from refunds.promise import service as promise_service
from refunds.promise.facts import Promise, Reason, Situation
from refunds.promise.service import MovedDay


@dataclass(slots=True)
class ApplicationView:
    """An application as its customer reads it. `won` is the amount that `label` names."""

    application: Application
    item: Item | None  # the last one of the refund
    payments: list[Item]  # that arrived: the refund and its corrections
    headline: str
    advice: str  # what follows the first sentence
    label: str
    won: int
    details: list[tuple[str, str]]
    timeline: list[Step]
    promise: Promise
    can_withdraw: bool = False
    can_change_account: bool = False
    can_send_documents: bool = False
    must_change_account: bool = False
    offline_payment: OfflinePayment | None = None
    objections: list[ObjectionView] = field(default_factory=list)  # to the decision on its line

    @property
    def objection(self) -> ObjectionView | None:
        """The last objection, if there is one."""
        return self.objections[-1] if self.objections else None

    @property
    def has_pay_day(self) -> bool:
        """True if its pay day can be put into a calendar."""
        return self.offline_payment is None and calendar_file.has_day(self.promise)

    @property
    def lead(self) -> str:
        """The first sentence of the promise, and what follows it."""
        return f"{self.promise.sentence} {self.advice}".rstrip()

    @property
    def paid(self) -> bool:
        """True once the money has arrived; a proof of payment exists only then."""
        return self.offline_payment is not None or (self.item is not None and self.item.status == Item.Status.PAID)


def line_name(application: Application) -> str:
    """휴대폰 010-****-1234."""
    line = application.line
    return f"{lines.product_name(line.product)} {masking.phone(line.msisdn or '')}"


def is_estimated(application: Application) -> bool:
    """True while the penalty is not billed or not paid, so that only the expected one can be shown (D-26)."""
    # The last round refunds what was paid, even if a part of the bill is open (D-24).
    return application.status != Status.APPROVED and not {"NOT_BILLED_YET", "UNPAID"}.isdisjoint(
        application.line.reason_codes
    )


def amount_label(*, estimated: bool) -> str:
    """The label of a refund that is expected, or of one that is certain."""
    return _("예상 금액") if estimated else _("돌려받을 금액")


def amount(application: Application) -> tuple[str, int]:
    """Label and won to show: the refundable amount if it is billed and paid, else the expected penalty (D-26)."""
    estimated, line = is_estimated(application), application.line
    return amount_label(estimated=estimated), line.expected_penalty_krw if estimated else line.refundable_krw


def present(applications: list[Application], *, at: dt.datetime | None = None) -> list[ApplicationView]:
    """The applications of a person as they read them, in the same order, as of `at` (now unless given).

    Six queries for any number of applications, and one more where a refund is paid offline.
    """
    now = at or clock.now()
    items = queries.items_of(applications)
    decisions: dict[int, list[Decision]] = {}
    for decision in Decision.objects.filter(application__in=applications).select_related("letter").order_by("id"):
        decisions.setdefault(decision.application_id, []).append(decision)
    promises = promise_service.of_many(applications, at=now)
    moved = promise_service.moved_days(promises)
    objections = objection_views.of_lines((row.line_id for row in applications), at=now)
    returned = queries.returned_corrections(row.pk for row in applications)
    views = []
    for row in applications:
        parts = (
            items.get(row.pk, []),
            decisions.get(row.pk, []),
            promises[row.pk],
            moved[row.pk],
            returned.get(row.pk, 0),
        )
        views.append(_view(row, *parts, objections.get(row.line_id, [])))
    if abroad := [row.pk for row in applications if row.account.is_offline]:
        for payment in OfflinePayment.objects.filter(application__in=abroad, status__in=OfflinePayment.HOLDING):
            _add_offline_payment(next(view for view in views if view.application.pk == payment.application_id), payment)
    return views


def _add_offline_payment(view: ApplicationView, payment: OfflinePayment) -> None:
    view.can_withdraw = view.can_change_account = view.must_change_account = False
    if payment.status != OfflinePayment.Status.CONFIRMED:
        view.advice = _("보내는 일이 시작되었습니다. 다른 직원이 확인하면 문자로 알려 드립니다.")
        return
    way = str(payment.get_way_display())
    day = kdate(payment.paid_on)
    view.offline_payment, view.label, view.won = payment, _("받으신 금액"), payment.amount_krw
    view.headline = _("%(day)s에 보내 드렸습니다") % {"day": day}
    view.advice = _("보낸 방법은 %(way)s입니다. 이 신청은 끝났습니다.") % {"way": way}
    *earlier, last = view.timeline
    view.timeline = [*earlier, replace(last, state="done"), Step(_("따로 보냄"), way, "done", payment.paid_on)]


def _view(
    row: Application,
    items: list[Item],
    decisions: list[Decision],
    promise: Promise,
    moved: list[MovedDay],
    returned_won: int,
    objections: list[ObjectionView],
) -> ApplicationView:
    """`returned_won`: a correction that was returned and waits for another account."""
    item = next((one for one in reversed(items) if one.kind == Item.Kind.REFUND), None)
    payments = [one for one in items if one.status == Item.Status.PAID]
    headline = headline_for(row, promise)
    advice = _advice(row, promise)
    if returned_won:
        headline = _("더 드릴 %(won)s이 되돌아왔습니다. 계좌를 고쳐 주세요") % {"won": krw(returned_won)}
        advice = _("앞서 받으신 환급금은 그대로입니다.")
    label, won = amount(row)
    if promise.situation == Situation.UNPAID and promise.won is not None:
        label, won = _("다 내시면 돌려받을 금액"), promise.won  # as billed, no estimate
    if item is not None and item.status != Item.Status.RETURNED:
        label, won = _("받을 금액"), item.amount_krw
        if item.status == Item.Status.PAID:
            label, won = _("받으신 금액"), sum(one.amount_krw for one in payments)
    details = [(_("회선"), line_name(row)), *_days(promise), (_("받을 계좌"), str(row.account))]
    in_batch = item is not None and item.status in Item.HOLDING
    return ApplicationView(
        application=row,
        item=item,
        payments=payments,
        headline=headline,
        advice=advice,
        label=label,
        won=won,
        details=details,
        timeline=timeline(row, item, payments, decisions, promise, moved, objections),
        objections=objections,
        promise=promise,
        can_withdraw=row.is_live and not in_batch,
        can_change_account=row.is_live and (not in_batch or returned_won > 0),
        can_send_documents=row.status in {Status.REVIEW, Status.LATE, Status.NEED_DOCS},
        must_change_account=(row.status == Status.NEED_ACCOUNT and not in_batch) or returned_won > 0,
    )


def _days(promise: Promise) -> list[tuple[str, str]]:
    """The days of payment: of what was or will be paid, and of a correction that follows it."""
    if promise.situation == Situation.DIFFERENCE:
        first = _("입금한 날") if promise.values["sent"] else _("받는 날")
        more = f"{krw(promise.won)} · {kdate(promise.day)}"
        return [(first, kdate(promise.values["first_day"])), (_("더 드릴 금액"), more)]
    if promise.situation == Situation.PAID:
        return [(_("입금한 날"), kdate(promise.day))]
    return [(_("받는 날"), _pay_day(promise))] if promise.pays else []


def _pay_day(promise: Promise) -> str:
    """The day of payment, behind the one that was promised before and not kept."""
    if promise.previous_day is None:
        return kdate(promise.day)
    return format_html(
        '<span class="swap"><del><span class="visually-hidden">{}</span> {}</del> <span>{}</span></span>',
        _("앞서 알려 드린 날"),
        kdate(promise.previous_day),
        kdate(promise.day),
    )


def headline_for(row: Application, promise: Promise) -> str:
    """The headline of an application: its state in a few words. The day stands in the promise."""
    situation = promise.situation
    if row.status == Status.REJECTED:
        return _("이번에는 돌려드릴 수 없습니다")
    if row.status == Status.WITHDRAWN:
        return _("신청을 철회하셨습니다")
    if situation == Situation.NEED_ACCOUNT and promise.reason == Reason.RETURNED_ACCOUNT:
        return _("입금이 되돌아왔습니다. 계좌를 고쳐 주세요")
    return {
        Situation.SUBMITTED: _("신청을 받았습니다"),
        Situation.WAITING_FOR_BILL: _("청구서를 기다리고 있습니다"),
        Situation.NO_BILL: _("청구서를 기다리고 있습니다"),
        Situation.UNPAID: _("청구된 위약금을 먼저 내 주세요"),
        Situation.NEED_ACCOUNT: _("계좌를 고쳐 주세요"),
        Situation.NEED_DOCS: _("서류를 내 주세요"),
        Situation.EXTENDED: _("신청 기간이 지나 직원이 확인합니다"),
        Situation.LATE: _("신청 기간이 지나 직원이 확인합니다"),
        Situation.REVIEW: _("직원이 한 번 더 확인하고 있습니다"),
        Situation.ANSWER_PASSED: _("답이 늦어지고 있습니다"),
        Situation.RECHECK: _("다시 확인하고 있습니다"),
        Situation.FROZEN: _("지급을 준비하고 있습니다"),
        Situation.TODAY: _("오늘 입금됩니다"),
        Situation.STOPPED: _("보내는 일이 늦어지고 있습니다"),
        Situation.NOT_SENT: _("보내는 일이 늦어지고 있습니다"),
        Situation.MOVED: _("받는 날이 바뀌었습니다"),
        Situation.MOVED_BY_CHANGE: _("받는 날이 바뀌었습니다"),
        Situation.NO_ANSWER: _("은행에 입금을 확인하고 있습니다"),
        Situation.PAID: _("입금되었습니다"),
        Situation.DIFFERENCE: _("더 드릴 돈이 있습니다"),
    }.get(situation, _("승인되었습니다"))


def _advice(row: Application, promise: Promise) -> str:
    """What follows the first sentence, where the customer may do something or need not."""
    match promise.situation:
        case Situation.WAITING_FOR_BILL | Situation.UNPAID | Situation.NO_BILL:
            return _("다시 신청하지 않으셔도 됩니다.")
        case Situation.NEED_ACCOUNT:
            code = bank_layout.fault(row.account)
            return bank_layout.words(code) if code else ""
        case Situation.NEED_DOCS:
            return _("여기에 올리시거나 가까운 매장에 보여 주시면 됩니다.")
        case Situation.PAID if row.status == Status.APPROVED:
            return _("통장에 %(text)s으로 찍혀 있습니다. 이 신청은 끝났습니다.") % {"text": statement_text()}
        case Situation.LATE:
            return _("늦은 이유를 보여 주는 서류가 있으시면 내 주세요.")
        case Situation.NO_ANSWER:
            return _("두 번 보내지 않으려고 은행의 답을 기다립니다.") + " " + _nothing_to_do()
        case Situation.NOT_SENT if promise.reason == Reason.RETURNED_PAYER:
            return _("은행이 보내지 못했습니다. 고객님 계좌에는 잘못이 없고, 담당자가 확인해 알려 드립니다.")
        case Situation.MOVED if promise.reason == Reason.RETURNED_BANK:
            return _("은행이 그날 입금을 받지 못해 같은 계좌로 다시 보냅니다.")
        case Situation.SUBMITTED | Situation.REVIEW | Situation.EXTENDED | Situation.FROZEN:
            return _nothing_to_do()
    if row.status == Status.REJECTED:
        return _("이유는 아래에 적었습니다.")
    return ""


def _nothing_to_do() -> str:
    return _("지금 하실 일은 없습니다.")


def account_note(account: Account, *, unusual: bool = False) -> str:
    """State of an account, as a sentence without its holder's name.

    `unusual`: its number has another length than this bank's usual ones.
    """
    if account.is_offline:
        return _("서류를 확인하고 받는 방법과 날을 전화로 정합니다")
    if code := bank_layout.fault(account):
        return bank_layout.words(code)
    if account.holder_check.matched:
        return _("예금주를 확인했습니다")
    if account.holder_check.is_for_reviewer:
        return _("예금주가 다르게 적혀 있어 매장에서 통장을 보았고, 직원이 한 번 더 확인합니다")
    if account.holder_check.postponed:
        return _("오늘은 은행에 더 물을 수 없어, 접수한 뒤 내일 저희가 예금주를 확인합니다")
    if account.holder_check.outcome in HolderCheck.UNSETTLED:
        note = _("은행이 지금 답하지 않아 접수한 뒤 확인합니다")
        if unusual:
            note += " · " + _("자릿수가 이 은행의 보통 계좌와 다릅니다")
        return note
    return _("예금주가 확인되지 않았습니다. 접수한 뒤 고치셔야 입금됩니다")
