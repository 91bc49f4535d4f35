"""Timeline of an application as its customer reads it: past, present and coming steps with dates."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kdatetime, krw
from refunds import calendar
from refunds.applications import deadlines, letters
from refunds.applications.objection_views import ObjectionView
from refunds.bankfiles.records import statement_text
from refunds.bankfiles.returns import pays_same_account_again, waits_for_person
from refunds.models.applications import Application, Channel, Decision
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.promise.facts import DayKind, Promise, Situation
from refunds.promise.service import MovedDay


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a timeline, as `partials/rail.html` shows it."""

    title: str
    text: str
    state: str  # done, now, next, moved (a day that was not kept)
    date: dt.date | dt.datetime | None = None
    when: str = ""
    hours: bool = False
    tag: str = ""


def timeline(
    row: Application,
    item: Item | None,
    payments: list[Item],
    decisions: list[Decision],
    promise: Promise,
    moved: Iterable[MovedDay] = (),
    objections: Iterable[ObjectionView] = (),
) -> list[Step]:
    """Steps of an application in the order of their time: those that are done, the present one, those to come.

    `item` is the last one of its refund, `payments` are those that arrived, with corrections; the days to come are
    those of its promise. A day of `moved` keeps its place.
    """
    filing = row.filing
    steps = [Step(_("신청 접수"), _filed_by(filing.channel), "done", filing.received_at, hours=True)]
    for decision in decisions:
        title, text = _past_step(row, decision) if decision.from_status else ("", "")
        if title:
            steps.append(Step(title, text, "done", decision.decided_at, hours=True))
    if item is not None:
        steps += _payout_steps(item)
    steps += [_paid_step(one) for one in payments]
    for one in objections:
        steps += _objection_steps(one)
    # By time, so that a decision after a returned payment stands after that payment; a payment has no hour.
    steps.sort(key=lambda step: step.date if isinstance(step.date, dt.datetime) else clock.kst(step.date, dt.time.max))  # type: ignore[arg-type]
    over = not row.is_live or (item is not None and item.status == Item.Status.PAID)
    if not over:
        last = steps.pop()
        steps.append(Step(last.title, last.text, "now", last.date, hours=last.hours))
        steps += _coming_steps(row, item, promise)
    if promise.situation == Situation.DIFFERENCE:
        steps.append(Step(_("더 드릴 %(won)s 입금") % {"won": krw(promise.won)}, "", "next", promise.day))
    for one in objections:
        if one.promise is not None:
            _insert(steps, Step(_("이의에 대한 답"), _("여기와 문자로 알려 드립니다."), "next", one.promise.day))
    for gone in moved:
        tag = _("보내지 못했습니다") if gone.day <= clock.today() else _("바뀌었습니다")
        _insert(steps, Step(_("받는 날"), capfirst(gone.because), "moved", gone.day, tag=tag))
    return steps


def _insert(steps: list[Step], new: Step) -> None:
    """Put a step of a day where it belongs: before the first step of a later day."""
    assert new.date is not None
    later = (at for at, step in enumerate(steps) if step.date and _day(step.date) > _day(new.date))
    steps.insert(next(later, len(steps)), new)


def _objection_steps(one: ObjectionView) -> Iterator[Step]:
    row = one.row
    said = one.promise.sentence if one.promise is not None else ""
    yield Step(_("이의를 받음"), said, "done", row.received_at, hours=True)
    if row.answered_at:
        title = _("이의에 답함: %(state)s") % {"state": row.get_status_display()}
        yield Step(title, row.answer, "done", row.answered_at, hours=True)


def _day(date: dt.date | dt.datetime) -> dt.date:
    return clock.kst_date(date) if isinstance(date, dt.datetime) else date


def _filed_by(channel: str) -> str:
    if channel == Channel.STORE:
        return _("매장에서 신청하셨습니다.")
    if channel == Channel.CALL_CENTRE:
        return _("전화로 신청하셨습니다.")
    return _("홈페이지에서 신청하셨습니다.")


def _past_step(row: Application, decision: Decision) -> tuple[str, str]:
    """Title and text of a past decision for the customer; an empty title for one that is internal."""
    to, code = decision.to_status, decision.code
    if code == "ACCOUNT_CHANGED":
        return _("받을 계좌를 바꿈"), deadlines.hold_note(row)
    if code == "DAY_CORRECTED":
        return _("신청일을 바로잡음"), _("이의를 받아들여 맞는 날로 다시 판단했습니다.")
    if code.startswith("RETURNED_") and waits_for_person(code.removeprefix("RETURNED_")):
        return _("입금하지 못함"), _(
            "은행이 보내지 못했습니다. 고객님 계좌에는 잘못이 없고, 담당자가 확인해 알려 드립니다."
        )
    if code.startswith("RETURNED_") and pays_same_account_again(code.removeprefix("RETURNED_")):
        return _("입금이 되돌아옴"), _("은행이 그날 입금을 받지 못해 같은 계좌로 다시 보냅니다.")
    if code.startswith("RETURNED"):
        return _("입금이 되돌아옴"), _("은행이 돈을 돌려보내 계좌를 다시 여쭈었습니다.")
    if to == Status.APPROVED:
        return _("승인"), _("대상인지, 계좌 이름, 내신 돈까지 모두 확인했습니다.")
    if to == Status.NEED_ACCOUNT:
        return _("계좌 확인 안 됨"), _("적으신 계좌가 확인되지 않았습니다.")
    if to == Status.WAITING_FOR_BILL:
        return _("자격 확인, 청구 기다림"), _("환급 대상입니다. 마지막 요금이 청구되면 이어집니다.")
    if to == Status.ON_HOLD_UNPAID:
        return _("자격 확인, 납부 기다림"), _("환급 대상입니다. 청구된 위약금을 내시면 이어집니다.")
    if to == Status.REVIEW:
        return _("심사로 넘김"), _("직원이 한 번 더 확인합니다.")
    if to == Status.LATE:
        return _("늦은 신청으로 접수"), _("신청 기간이 지나 직원이 확인합니다.")
    if to == Status.NEED_DOCS:
        return _("서류 요청"), letters.told(decision)
    if to == Status.REJECTED:
        return _("심사 결과: 돌려드릴 수 없음"), letters.told(decision)
    if code == "CONSENT_WITHDRAWN":
        return _("철회"), _("동의를 거두셔서 신청도 함께 거두었습니다.")
    if to == Status.WITHDRAWN:
        return _("철회"), _("신청을 거두셨습니다.")
    return "", ""


def _payout_steps(item: Item) -> list[Step]:
    steps, batch = [], item.batch
    if batch.prepared_at:
        steps.append(
            Step(_("보낼 명단 마감"), _("이때부터 계좌를 바꿀 수 없습니다."), "done", batch.prepared_at, hours=True)
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
    return steps


def _paid_step(item: Item) -> Step:
    text = _("통장에 %(text)s으로 찍혔습니다.") % {"text": statement_text()}
    if item.kind == Item.Kind.ADJUSTMENT:
        return Step(_("더 드린 %(won)s 입금") % {"won": krw(item.amount_krw)}, text, "done", item.value_on)
    return Step(_("입금"), text, "done", item.value_on)


def _coming_steps(row: Application, item: Item | None, promise: Promise) -> list[Step]:
    steps: list[Step] = []
    pending = item is not None and item.status in Item.LIVE
    if promise.kind == DayKind.ANSWER:
        steps.append(Step(_("결과 안내"), _("문자로 알려 드립니다."), "next", promise.day))
    if row.status == Status.NEED_DOCS and row.documents_due_on:
        steps.append(
            Step(
                _("서류 기한"),
                _("서류가 오면 직원이 다시 봅니다. 오지 않으면 있는 것만 보고 정합니다."),
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
        steps.append(
            Step(_("청구된 위약금 내기"), _("모두 내시면 다음 지급일에 돌려드립니다."), "next", when=_("내시면"))
        )
        return steps
    if promise.kind not in {DayKind.PAY, DayKind.IF} or promise.day is None:
        return steps
    # The day of a promised difference is not that of the first sum.
    day = item.value_on if item is not None and promise.situation == Situation.DIFFERENCE else promise.day
    next_round = calendar.round_on(day, programme.current())
    if next_round is not None and not pending:
        steps.append(
            Step(
                _("보낼 명단 마감"),
                _("%(when)s 전까지 철회할 수 있습니다.") % {"when": kdatetime(next_round.cut_off)},
                "next",
                next_round.cut_off,
                hours=True,
            )
        )
    steps.append(
        Step(
            _("받는 날"),
            _("통장에 %(text)s으로 찍힙니다. 되돌아오면 문자로 알려 드리고 다음 지급일에 다시 보냅니다.")
            % {"text": statement_text()},
            "next",
            day,
        )
    )
    return steps
