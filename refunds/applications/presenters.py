"""What a customer reads about an application: the news, what to do, what happened and what comes, with dates.

One table from states to sentences for the status page, the desk and my lines. Staff read the labels of `states.Status`.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from eligibility import presenters as lines
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw
from refunds import calendar
from refunds.applications import timeline
from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT
from refunds.bankfiles.returns import same_account
from refunds.models.applications import Application, Channel, Decision
from refunds.models.payouts import Item, ManualPayment
from refunds.models.states import Status

BANK_TEXT = "KT위약금환급"


# In these nobody can promise a day yet.
_UNDATED = {Status.REVIEW, Status.LATE, Status.NEED_DOCS, Status.ON_HOLD_UNPAID}


@dataclass(frozen=True, slots=True)
class Step:
    """One point of the rail, as `partials/rail.html` takes it."""

    title: str
    text: str
    state: str  # done, now, next
    date: dt.date | dt.datetime | None = None
    when: str = ""
    hours: bool = False


@dataclass(slots=True)
class Story:
    """An application as its owner reads it."""

    application: Application
    item: Item | None
    headline: str
    lead: str
    label: str
    won: int
    rows: list[tuple[str, str]]
    rail: list[Step] = field(default_factory=list)
    can_withdraw: bool = False
    can_mend: bool = False
    can_send: bool = False
    must_mend: bool = False
    by_hand: ManualPayment | None = None

    @property
    def paid(self) -> bool:
        """Whether the money has arrived: only then there is a proof of payment."""
        return self.by_hand is not None or (self.item is not None and self.item.status == Item.Status.PAID)


def line_name(application: Application) -> str:
    """휴대폰 010-****-1234."""
    line = application.line
    return f"{lines.product_name(line.product)} {masking.phone(line.msisdn or '')}"


def headline(application: Application, item: Item | None = None) -> str:
    """The news of an application in one sentence; with its last payout item where there is one."""
    return _news(application, item, None)[0]


def amount(application: Application) -> tuple[str, int]:
    """The sum to show and what it is called: final where billing says what was paid, else expected (D-26)."""
    line = application.line
    # An approved one is paid what was paid by the last round, whatever is still open (D-24).
    if application.status != Status.APPROVED and {"NOT_BILLED_YET", "UNPAID"} & set(line.reason_codes):
        return _("예상 금액"), line.expected_penalty_krw
    return _("돌려받을 금액"), line.refundable_krw


def last_items(applications: list[Application]) -> dict[int, Item]:
    """The last payout item of each application that has one; items taken out again do not count."""
    rows = (
        Item.objects.filter(application__in=applications, kind=Item.Kind.REFUND)
        .exclude(status=Item.Status.VOID)
        .select_related("batch")
        .order_by("id")
    )
    return {row.application_id: row for row in rows}


def stories(applications: list[Application], *, at: dt.datetime | None = None) -> list[Story]:
    """Every application of a person as they read it; four queries, however many there are, and one where money is sent
    by hand."""
    now = at or clock.now()
    items = last_items(applications)
    decisions: dict[int, list[Decision]] = {}
    for decision in Decision.objects.filter(application__in=applications).order_by("id"):
        decisions.setdefault(decision.application_id, []).append(decision)
    back = returned_corrections(row.pk for row in applications)
    told = [_story(row, items.get(row.pk), decisions.get(row.pk, []), now, back.get(row.pk, 0)) for row in applications]
    if away := [row.pk for row in applications if row.account.by_hand]:
        sent = ManualPayment.objects.filter(application__in=away, status__in=ManualPayment.HOLDING)
        for payment in sent:
            _sent_by_hand(next(story for story in told if story.application.pk == payment.application_id), payment)
    return told


def _sent_by_hand(story: Story, payment: ManualPayment) -> None:
    """The story of an application whose money goes by hand: nothing can be changed any more; confirmed, it is paid."""
    story.can_withdraw = story.can_mend = story.must_mend = False
    if payment.status != ManualPayment.Status.CONFIRMED:
        story.lead = _("보내는 일이 시작되었습니다. 다른 직원이 확인하면 문자로 알려 드립니다.")
        return
    way = str(payment.get_way_display())
    day = kdate(payment.paid_on)
    story.by_hand, story.label, story.won = payment, _("받으신 금액"), payment.amount_krw
    story.headline = _("%(day)s에 보내 드렸습니다") % {"day": day}
    story.lead = _("보낸 방법은 %(way)s입니다. 이 신청은 끝났습니다.") % {"way": way}
    last = story.rail.pop()
    done = Step(last.title, last.text, "done", last.date, hours=last.hours)
    story.rail += [done, Step(_("따로 보냄"), way, "done", payment.paid_on)]


def _story(row: Application, item: Item | None, decisions: list[Decision], now: dt.datetime, back: int = 0) -> Story:
    """`back`: won of a correction beside the refund that came back and wants another account."""
    coming = pay_round(row, item, now)
    title, lead = _news(row, item, coming)
    if back:
        title = _("더 드릴 %(won)s이 되돌아왔습니다. 계좌를 고쳐 주세요") % {"won": krw(back)}
        lead = _("앞서 받으신 환급금은 그대로입니다. 고치시면 다음 지급일에 다시 보냅니다.")
    label, won = amount(row)
    if item is not None and item.status != Item.Status.RETURNED:
        label, won = _("받을 금액"), item.amount_krw
        if item.status == Item.Status.PAID:
            label = _("받으신 금액")
    details = [(_("회선"), line_name(row))]
    if coming and row.is_live and row.status not in _UNDATED:
        details.append((_("받는 날"), kdate(coming.pay_on)))
    details.append((_("받을 계좌"), str(row.account)))
    open_item = item is not None and item.status in Item.HOLDING
    return Story(
        application=row,
        item=item,
        headline=title,
        lead=lead,
        label=label,
        won=won,
        rows=details,
        rail=_rail(row, item, decisions, coming, now),
        can_withdraw=row.is_live and not open_item,
        can_mend=row.is_live and (not open_item or back > 0),
        can_send=row.status in {Status.REVIEW, Status.LATE, Status.NEED_DOCS},
        must_mend=(row.status == Status.NEED_ACCOUNT and not open_item) or back > 0,
    )


def pay_round(row: Application, item: Item | None, now: dt.datetime) -> calendar.Round | None:
    """The round an application is in, or the next one it can still be in."""
    frame = programme.current()
    if row.account.by_hand:
        return None
    if item is not None and item.status != Item.Status.RETURNED:
        return calendar.round_on(item.batch.pay_on, frame)
    ended = row.line.terminated_on or frame.waiver.terminated_to
    ready = max(now, row.hold_until) if row.hold_until else now
    day = calendar.due_on(ended, row.applied_on, ready, frame)
    return calendar.round_on(day, frame) if day else None


def _news(row: Application, item: Item | None, coming: calendar.Round | None) -> tuple[str, str]:
    nothing_to_do = _("지금 하실 일은 없습니다.")
    if item is not None and row.status == Status.APPROVED:
        day = kdate(item.batch.pay_on)
        if item.status == Item.Status.PAID:
            return _("%(day)s에 입금되었습니다") % {"day": day}, _(
                "통장에 %(text)s으로 찍혀 있습니다. 이 신청은 끝났습니다."
            ) % {"text": BANK_TEXT}
        if item.status == Item.Status.UNKNOWN:
            return _("은행에 입금을 확인하고 있습니다"), _(
                "두 번 보내지 않으려고 은행의 답을 기다립니다."
            ) + " " + nothing_to_do
        if item.status in {Item.Status.QUEUED, Item.Status.FILED}:
            left = (item.batch.pay_on - clock.today()).days
            when = {0: _("오늘 입금됩니다"), 1: _("내일 입금됩니다")}.get(
                left, _("%(day)s에 입금됩니다") % {"day": day}
            )
            sent = _("은행에 보냈습니다.") if item.status == Item.Status.FILED else _("지급 명단이 확정되었습니다.")
            return when, sent + " " + nothing_to_do
    if row.status == Status.APPROVED and row.account.by_hand:
        return _("승인되었습니다"), _(
            "한국 계좌가 없으셔서 따로 보내 드립니다. 고객센터에서 받는 방법과 날을 연락드립니다."
        )
    if row.status == Status.APPROVED and item is not None and item.account_id == row.account_id:
        # What came back to an account that is not to blame; an account given since then is news of its own.
        if coming is None:
            return _("은행이 그날 입금을 받지 못했습니다"), _(
                "어떻게 보내 드릴지 고객센터에서 전화로 여쭙겠습니다."
            ) + " " + nothing_to_do
        return _("은행이 그날 입금을 받지 못해 %(day)s에 다시 보냅니다") % {"day": kdate(coming.pay_on)}, _(
            "계좌는 그대로 쓰니 하실 일은 없습니다. 다른 계좌로 받으시려면 바꾸셔도 됩니다."
        )
    if row.status == Status.APPROVED:
        if coming is None:
            return _("승인되었습니다"), _("지급일은 고객센터에서 따로 알려 드립니다.")
        return _("승인되었습니다. %(day)s에 입금됩니다") % {"day": kdate(coming.pay_on)}, nothing_to_do
    if row.status == Status.SUBMITTED:
        return _("신청을 받았습니다"), _("은행이 답하는 대로 예금주를 확인합니다.") + " " + nothing_to_do
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
    if row.status == Status.NEED_ACCOUNT:
        if item is not None and item.status == Item.Status.RETURNED:
            return _("입금이 되돌아왔습니다. 계좌를 고쳐 주세요"), _(
                "고치시면 다음 지급일에 다시 보냅니다. 접수번호는 그대로입니다."
            )
        return _("계좌를 고쳐 주세요"), _("신청은 받았습니다. 적으신 계좌가 확인되지 않아 기다리고 있습니다.")
    if row.status == Status.NEED_DOCS:
        due = kdate(row.documents_due_on) if row.documents_due_on else ""
        lead = _("%(day)s까지 여기에 올리시거나 가까운 매장에 보여 주시면 이어서 봅니다.") % {"day": due}
        return _("서류를 내 주세요"), lead if due else ""
    if row.status == Status.LATE:
        return _("신청 기간이 지나 사람이 확인합니다"), _(
            "늦은 까닭을 살펴 결과를 문자로 알려 드립니다."
        ) + " " + nothing_to_do
    if row.status == Status.REVIEW:
        return _("사람이 확인하고 있습니다"), _("%(day)s까지 결과를 문자로 알려 드립니다.") % {
            "day": kdate(timeline.review_by(row.status_since))
        } + " " + nothing_to_do
    if row.status == Status.REJECTED:
        return _("이번에는 돌려드릴 수 없습니다"), _(
            "까닭은 아래에 적었습니다. 다르다고 보시면 이의를 신청하실 수 있습니다."
        )
    return _("신청을 철회하셨습니다"), _("기간 안에는 언제든 다시 신청하실 수 있습니다.")


def _filed_by(channel: str) -> str:
    if channel == Channel.STORE:
        return _("매장에서 신청하셨습니다.")
    if channel == Channel.CALL_CENTRE:
        return _("전화로 신청하셨습니다.")
    return _("홈페이지에서 신청하셨습니다.")


def hold_note() -> str:
    """How long nothing is paid after a change of account (D-34); empty where the programme holds nothing back."""
    hours = programme.current().applications.change_hold_hours
    return _("안전을 위해 %(hours)s시간이 지난 뒤부터 지급합니다.") % {"hours": hours} if hours else ""


def _past(decision: Decision) -> tuple[str, str]:
    """A past move as its owner reads it; what only moves inside is left out by an empty title."""
    to, code = decision.to_status, decision.code
    if code == "ACCOUNT_CHANGED":
        return _("받을 계좌를 바꿈"), hold_note()
    if code.startswith("RETURNED_") and same_account(code.removeprefix("RETURNED_")):
        return _("입금이 되돌아옴"), _("은행이 그날 입금을 받지 못해 같은 계좌로 다시 보냅니다.")
    if code.startswith("RETURNED"):
        return _("입금이 되돌아옴"), _("은행이 돈을 돌려보내 계좌를 다시 여쭈었습니다.")
    if to == Status.APPROVED:
        return _("승인"), _("자격, 예금주, 납부를 모두 확인했습니다.")
    if to == Status.NEED_ACCOUNT:
        return _("계좌 확인 안 됨"), _("적으신 계좌가 확인되지 않았습니다.")
    if to == Status.WAITING_FOR_BILL:
        return _("자격 확인, 청구 기다림"), _("환급 대상입니다. 마지막 요금이 청구되면 이어집니다.")
    if to == Status.ON_HOLD_UNPAID:
        return _("자격 확인, 납부 기다림"), _("환급 대상입니다. 청구된 위약금을 내시면 이어집니다.")
    if to == Status.REVIEW:
        return _("심사로 넘김"), _("사람이 한 번 더 확인합니다.")
    if to == Status.LATE:
        return _("늦은 신청으로 접수"), _("신청 기간이 지나 사람이 확인합니다.")
    if to == Status.NEED_DOCS:
        return _("서류 요청"), decision.words
    if to == Status.REJECTED:
        return _("심사 결과: 돌려드릴 수 없음"), decision.words
    if to == Status.WITHDRAWN:
        return _("철회"), _("신청을 거두셨습니다.")
    return "", ""


def _rail(
    row: Application, item: Item | None, decisions: list[Decision], coming: calendar.Round | None, now: dt.datetime
) -> list[Step]:
    filing = row.filing
    steps = [Step(_("신청 접수"), _filed_by(filing.channel), "done", filing.received_at, hours=True)]
    for decision in decisions:
        title, text = _past(decision) if decision.from_status else ("", "")
        if title:
            steps.append(Step(title, text, "done", decision.decided_at, hours=True))
    if item is not None:
        batch = item.batch
        if batch.prepared_at:
            steps.append(
                Step(_("지급 명단 확정"), _("이때부터 계좌를 바꿀 수 없습니다."), "done", batch.prepared_at, hours=True)
            )
        if batch.handed_over_at:
            steps.append(
                Step(
                    _("은행에 전달"),
                    _("두 사람이 금액을 따로 확인한 뒤 보냈습니다."),
                    "done",
                    batch.handed_over_at,
                    hours=True,
                )
            )
        if item.status == Item.Status.PAID:
            steps.append(
                Step(_("입금"), _("통장에 %(text)s으로 찍혔습니다.") % {"text": BANK_TEXT}, "done", batch.pay_on)
            )
    # What happened, in the order it did; a decision after a returned payment stands after that payment.
    steps.sort(key=lambda step: step.date if isinstance(step.date, dt.datetime) else clock.kst(step.date))  # type: ignore[arg-type]
    over = not row.is_live or (item is not None and item.status == Item.Status.PAID)
    if not over:
        last = steps.pop()
        steps.append(Step(last.title, last.text, "now", last.date, hours=last.hours))
        steps += _ahead(row, item, coming, now)
    return steps


def _ahead(row: Application, item: Item | None, coming: calendar.Round | None, now: dt.datetime) -> list[Step]:
    steps: list[Step] = []
    pending = item is not None and item.status in Item.LIVE
    if row.status == Status.REVIEW:
        steps.append(Step(_("결과 안내"), _("문자로 알려 드립니다."), "next", timeline.review_by(row.status_since)))
    if row.status == Status.NEED_DOCS and row.documents_due_on:
        steps.append(
            Step(
                _("서류 기한"),
                _("서류가 오면 사람이 다시 봅니다. 오지 않으면 있는 것만 보고 정합니다."),
                "next",
                row.documents_due_on,
            )
        )
    if row.status == Status.WAITING_FOR_BILL:
        steps.append(
            Step(
                _("청구와 납부"),
                _("청구서에 위약금이 나오면 내 주세요. 그대로 돌려드립니다."),
                "next",
                when=_("청구되면"),
            )
        )
    if row.status == Status.ON_HOLD_UNPAID:
        steps.append(Step(_("납부"), _("모두 내시면 다음 지급일에 돌려드립니다."), "next", when=_("내시면")))
        return steps
    if coming is None or row.status in {Status.LATE, Status.NEED_DOCS, Status.REVIEW}:
        return steps
    if not pending:
        steps.append(
            Step(
                _("지급 명단 확정"),
                _("%(when)s 전까지 계좌를 바꾸거나 철회할 수 있습니다.") % {"when": kdatetime(coming.cut_off)},
                "next",
                coming.cut_off,
                hours=True,
            )
        )
    steps.append(
        Step(
            _("입금"),
            _("통장에 %(text)s으로 찍힙니다. 되돌아오면 문자로 알려 드리고 다음 지급일에 다시 보냅니다.")
            % {"text": BANK_TEXT},
            "next",
            coming.pay_on,
        )
    )
    return steps


def staff_reason(row: Application) -> str:
    """Why a case is with the reviewers, in the words of staff."""
    if row.flag == "VERDICT_CHANGED":
        return _("승인 뒤에 판정이 바뀜")
    if row.status == Status.LATE:
        return _("기간 뒤 접수(휴일로 늦음)") if row.lateness == "CURED" else _("기간 뒤 접수")
    if row.line.effective_outcome == "REVIEW":
        return _("판정이 사람의 확인을 요구함")
    if row.line.effective_outcome != "ELIGIBLE":
        return _("신청 뒤에 판정이 바뀜")
    if row.account.by_hand:
        return _("한국 계좌 없음, 서류 확인")
    if row.filing.representation != "SELF":
        return row.filing.get_representation_display() + " " + _("신청, 서류 확인")
    if row.flag == "SHARED_ACCOUNT":
        return _shared()
    return _("표본 심사") if row.qa_sample else _("다시 심사")


def _shared() -> str:
    return _("한 계좌를 %(people)s명 넘게 씀") % {"people": PERSONS_ON_ONE_ACCOUNT}


def decision_reason(code: str) -> str:
    """The fixed word of a decision in words staff read."""
    words = {
        "OUTSIDE_WINDOW": _("기간 뒤 접수"),
        "VERDICT_REVIEW": _("판정이 사람의 확인을 요구함"),
        "VERDICT_CHANGED": _("신청 뒤에 판정이 바뀜"),
        "BY_GUARDIAN": _("법정대리인 신청"),
        "BY_PROXY": _("대리인 신청"),
        "BY_HEIR": _("상속인 신청"),
        "BY_COMPANY": _("법인 신청"),
        "SHARED_ACCOUNT": _shared(),
        "QA_SAMPLE": _("표본 심사"),
        "HOLDER_MISMATCH": _("예금주 불일치"),
        "HOLDER_NOT_FOUND": _("없는 계좌"),
        "HOLDER_CLOSED": _("해지된 계좌"),
        "NEED_DOCS": _("서류 요청"),
        "UNDONE": _("결정을 되돌림"),
        "OBJECTION_UPHELD": _("이의를 받아들임"),
        "DOCUMENTS_SHOWN": _("서류 확인됨"),
        "FILED": _("신청"),
        "BY_HAND": _("한국 계좌 없음"),
        "ALL_CLEAR": _("모두 확인됨"),
        "PART_PAID": _("마지막 회차, 내신 만큼"),
        "NOT_BILLED_YET": _("청구 대기"),
        "UNPAID": _("납부 대기"),
        "HOLDER_NOT_CHECKED": _("예금주 조회 대기"),
        "ACCOUNT_CHANGED": _("계좌를 바꿈"),
        "HOLDER_RENAMED": _("직원이 예금주 이름을 고침"),
        "WITHDRAWN": _("철회"),
        "REJECTED": _("거절"),
        "CONFIRMED": _("승인 그대로 둠"),
        "DOCUMENTS_SENT": _("서류를 올림"),
        "DOCUMENTS_OVERDUE": _("서류 기한 지남"),
    }
    if code.startswith("RETURNED"):
        return _("입금이 되돌아옴")
    return words.get(code.removeprefix("REVIEWED_"), code)


def returned_corrections(application_ids: Iterable[int]) -> dict[int, int]:
    """Won of corrections that came back and wait for another account, by application; what the account is not to
    blame for goes there again."""
    found: dict[int, int] = {}
    rows = Item.objects.filter(
        application__in=application_ids, kind=Item.Kind.ADJUSTMENT, status=Item.Status.RETURNED
    ).select_related("application", "adjustment")
    latest = {row.adjustment_id: row for row in rows.order_by("id")}
    holding = set(
        Item.objects.filter(adjustment__in=latest, status__in=Item.HOLDING).values_list("adjustment_id", flat=True)
    )
    for adjustment, row in latest.items():
        same = row.account_id == row.application.account_id
        if adjustment not in holding and same and not same_account(row.code):
            found[row.application_id] = found.get(row.application_id, 0) + row.amount_krw
    return found
