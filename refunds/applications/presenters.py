"""An application as its customer reads it: headline, amount, dates, timeline and what can be done.

The status page and the desk show it. Staff read the labels of `states.Status` and `staff_presenters`.
"""

import datetime as dt
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from eligibility import presenters as lines
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.templatetags.remedy import kdate, krw
from refunds import calendar
from refunds.applications import bank_layout, deadlines, queries
from refunds.applications.timeline import BANK_TEXT, Step, timeline
from refunds.bankfiles.returns import waits_for_person
from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Application, Decision
from refunds.models.cases import OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status

# States in which no pay day can be promised.
_UNDATED = {Status.REVIEW, Status.LATE, Status.NEED_DOCS, Status.ON_HOLD_UNPAID}


@dataclass(slots=True)
class ApplicationView:
    """An application as its customer reads it. `won` is the amount that `label` names."""

    application: Application
    item: Item | None
    headline: str
    lead: str
    label: str
    won: int
    details: list[tuple[str, str]]
    timeline: list[Step]
    can_withdraw: bool = False
    can_change_account: bool = False
    can_send_documents: bool = False
    must_change_account: bool = False
    offline_payment: OfflinePayment | None = None

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

    Four queries for any number of applications, and one more where a refund is paid offline.
    """
    now = at or clock.now()
    items = queries.last_items(applications)
    decisions: dict[int, list[Decision]] = {}
    for decision in Decision.objects.filter(application__in=applications).order_by("id"):
        decisions.setdefault(decision.application_id, []).append(decision)
    returned = queries.returned_corrections(row.pk for row in applications)
    views = [
        _view(row, items.get(row.pk), decisions.get(row.pk, []), now, returned.get(row.pk, 0)) for row in applications
    ]
    if abroad := [row.pk for row in applications if row.account.is_offline]:
        for payment in OfflinePayment.objects.filter(application__in=abroad, status__in=OfflinePayment.HOLDING):
            _add_offline_payment(next(view for view in views if view.application.pk == payment.application_id), payment)
    return views


def _add_offline_payment(view: ApplicationView, payment: OfflinePayment) -> None:
    view.can_withdraw = view.can_change_account = view.must_change_account = False
    if payment.status != OfflinePayment.Status.CONFIRMED:
        view.lead = _("보내는 일이 시작되었습니다. 다른 직원이 확인하면 문자로 알려 드립니다.")
        return
    way = str(payment.get_way_display())
    day = kdate(payment.paid_on)
    view.offline_payment, view.label, view.won = payment, _("받으신 금액"), payment.amount_krw
    view.headline = _("%(day)s에 보내 드렸습니다") % {"day": day}
    view.lead = _("보낸 방법은 %(way)s입니다. 이 신청은 끝났습니다.") % {"way": way}
    *earlier, last = view.timeline
    view.timeline = [*earlier, replace(last, state="done"), Step(_("따로 보냄"), way, "done", payment.paid_on)]


def _view(
    row: Application, item: Item | None, decisions: list[Decision], now: dt.datetime, returned_won: int
) -> ApplicationView:
    """`returned_won`: a correction that was returned and waits for another account."""
    next_round = pay_round(row, item, now)
    headline, lead = headline_for(row, item, next_round)
    if returned_won:
        headline = _("더 드릴 %(won)s이 되돌아왔습니다. 계좌를 고쳐 주세요") % {"won": krw(returned_won)}
        lead = _("앞서 받으신 환급금은 그대로입니다. 고치시면 다음 지급일에 다시 보냅니다.")
    label, won = amount(row)
    if item is not None and item.status != Item.Status.RETURNED:
        label, won = _("받을 금액"), item.amount_krw
        if item.status == Item.Status.PAID:
            label = _("받으신 금액")
    details = [(_("회선"), line_name(row))]
    if next_round and row.is_live and row.status not in _UNDATED:
        details.append((_("받는 날"), kdate(next_round.pay_on)))
    details.append((_("받을 계좌"), str(row.account)))
    in_batch = item is not None and item.status in Item.HOLDING
    return ApplicationView(
        application=row,
        item=item,
        headline=headline,
        lead=lead,
        label=label,
        won=won,
        details=details,
        timeline=timeline(row, item, decisions, next_round),
        can_withdraw=row.is_live and not in_batch,
        can_change_account=row.is_live and (not in_batch or returned_won > 0),
        can_send_documents=row.status in {Status.REVIEW, Status.LATE, Status.NEED_DOCS},
        must_change_account=(row.status == Status.NEED_ACCOUNT and not in_batch) or returned_won > 0,
    )


def pay_round(row: Application, item: Item | None, now: dt.datetime) -> calendar.PayoutRound | None:
    """The round that pays an application: the one of its item, else the next it can be in; None without one."""
    current = programme.current()
    if row.account.is_offline:
        return None
    if item is not None and item.status != Item.Status.RETURNED:
        return calendar.round_on(item.batch.pay_on, current)
    ended = row.line.terminated_on or current.waiver.terminated_to
    ready = max(now, row.hold_until) if row.hold_until else now
    day = calendar.reachable_pay_day(ended, row.applied_on, ready, current)
    return calendar.round_on(day, current) if day else None


def headline_for(row: Application, item: Item | None, next_round: calendar.PayoutRound | None) -> tuple[str, str]:
    """Headline and lead of an application; `item` is its last payout item, `next_round` the round that pays it."""
    if row.status == Status.APPROVED:
        headline = _item_headline(item) if item else None
        return headline or _approved_headline(row, item, next_round)
    if row.status in {Status.SUBMITTED, Status.WAITING_FOR_BILL, Status.ON_HOLD_UNPAID, Status.NEED_ACCOUNT}:
        return _waiting_headline(row, item)
    if row.status == Status.NEED_DOCS:
        due_text = kdate(row.documents_due_on) if row.documents_due_on else ""
        lead = _("%(day)s까지 여기에 올리시거나 가까운 매장에 보여 주시면 이어서 봅니다.") % {"day": due_text}
        return _("서류를 내 주세요"), lead if due_text else ""
    if row.status == Status.LATE:
        return _("신청 기간이 지나 사람이 확인합니다"), _(
            "늦은 까닭을 살펴 결과를 문자로 알려 드립니다."
        ) + " " + _nothing_to_do()
    if row.status == Status.REVIEW:
        return _("사람이 확인하고 있습니다"), _("%(day)s까지 결과를 문자로 알려 드립니다.") % {
            "day": kdate(deadlines.review_by(row.status_since))
        } + " " + _nothing_to_do()
    if row.status == Status.REJECTED:
        return _("이번에는 돌려드릴 수 없습니다"), _(
            "까닭은 아래에 적었습니다. 다르다고 보시면 이의를 신청하실 수 있습니다."
        )
    return _("신청을 철회하셨습니다"), _("기간 안에는 언제든 다시 신청하실 수 있습니다.")


def _item_headline(item: Item) -> tuple[str, str] | None:
    """Headline of an approved application that is in a batch or paid; None once its item was returned."""
    day = kdate(item.batch.pay_on)
    if item.status == Item.Status.PAID:
        return _("%(day)s에 입금되었습니다") % {"day": day}, _(
            "통장에 %(text)s으로 찍혀 있습니다. 이 신청은 끝났습니다."
        ) % {"text": BANK_TEXT}
    if item.status == Item.Status.UNKNOWN:
        return _("은행에 입금을 확인하고 있습니다"), _(
            "두 번 보내지 않으려고 은행의 답을 기다립니다."
        ) + " " + _nothing_to_do()
    if item.status in {Item.Status.QUEUED, Item.Status.FILED}:
        days_left = (item.batch.pay_on - clock.today()).days
        when = {0: _("오늘 입금됩니다"), 1: _("내일 입금됩니다")}.get(
            days_left, _("%(day)s에 입금됩니다") % {"day": day}
        )
        sent = _("은행에 보냈습니다.") if item.status == Item.Status.FILED else _("지급 명단이 확정되었습니다.")
        return when, sent + " " + _nothing_to_do()
    return None


def _approved_headline(row: Application, item: Item | None, next_round: calendar.PayoutRound | None) -> tuple[str, str]:
    if row.account.is_offline:
        return _("승인되었습니다"), _(
            "한국 계좌가 없으셔서 따로 보내 드립니다. 고객센터에서 받는 방법과 날을 연락드립니다."
        )
    if item is not None and item.account_id == row.account_id:
        # The account was not the reason of the return, and it was not changed since.
        if waits_for_person(item.code) and row.holds.filter(released_at=None).exists():
            return _("은행이 보내지 못해 확인하고 있습니다"), _(
                "은행이 보내지 못했습니다. 고객님 계좌에는 잘못이 없고, 담당자가 확인해 알려 드립니다."
            ) + " " + _nothing_to_do()
        if next_round is None:
            return _("은행이 그날 입금을 받지 못했습니다"), _(
                "어떻게 보내 드릴지 고객센터에서 전화로 여쭙겠습니다."
            ) + " " + _nothing_to_do()
        return _("은행이 그날 입금을 받지 못해 %(day)s에 다시 보냅니다") % {"day": kdate(next_round.pay_on)}, _(
            "계좌는 그대로 쓰니 하실 일은 없습니다. 다른 계좌로 받으시려면 바꾸셔도 됩니다."
        )
    if next_round is None:
        return _("승인되었습니다"), _("지급일은 고객센터에서 따로 알려 드립니다.")
    return _("승인되었습니다. %(day)s에 입금됩니다") % {"day": kdate(next_round.pay_on)}, _nothing_to_do()


def _waiting_headline(row: Application, item: Item | None) -> tuple[str, str]:
    if row.status == Status.SUBMITTED:
        return _("신청을 받았습니다"), _("은행이 답하는 대로 예금주를 확인합니다.") + " " + _nothing_to_do()
    if row.status == Status.WAITING_FOR_BILL:
        return _("청구서를 기다리고 있습니다"), _(
            "마지막 요금이 청구되고 내신 것이 확인되면 저절로 이어집니다. 다시 신청하지 않으셔도 됩니다."
        )
    if row.status == Status.ON_HOLD_UNPAID:
        return _("청구된 위약금을 먼저 내 주세요"), _(
            "모두 내신 것이 확인되면 저절로 이어집니다. 다시 신청하지 않으셔도 됩니다."
        ) + " " + _("다 내지 못하셔도 %(day)s 마지막 지급 때 그때까지 내신 만큼은 돌려드립니다.") % {
            "day": kdate(calendar.payout_rounds(programme.current())[-1].pay_on)
        }
    if item is not None and item.status == Item.Status.RETURNED:
        return _("입금이 되돌아왔습니다. 계좌를 고쳐 주세요"), _(
            "고치시면 다음 지급일에 다시 보냅니다. 접수번호는 그대로입니다."
        )
    if code := bank_layout.fault(row.account):
        return _("계좌를 고쳐 주세요"), _("신청은 받았습니다.") + " " + bank_layout.words(code)
    return _("계좌를 고쳐 주세요"), _("신청은 받았습니다. 적으신 계좌가 확인되지 않아 기다리고 있습니다.")


def _nothing_to_do() -> str:
    return _("지금 하실 일은 없습니다.")


def account_note(account: Account, *, unusual: bool = False) -> str:
    """State of an account, as a sentence without its holder's name.

    `unusual`: its number has another length than this bank's usual ones.
    """
    if account.is_offline:
        return _("서류를 확인하고 따로 보내 드립니다")
    if code := bank_layout.fault(account):
        return bank_layout.words(code)
    if account.holder_check.matched:
        return _("예금주를 확인했습니다")
    if account.holder_check.is_for_reviewer:
        return _("예금주가 다르게 적혀 있어 매장에서 통장을 보았고, 심사하는 사람이 확인합니다")
    if account.holder_check.outcome in HolderCheck.UNSETTLED:
        note = _("은행이 지금 답하지 않아 접수한 뒤 확인합니다")
        if unusual:
            note += " · " + _("자릿수가 이 은행의 보통 계좌와 다릅니다")
        return note
    return _("예금주가 확인되지 않았습니다. 접수한 뒤 고치셔야 입금됩니다")
