"""Messages to a customer, objections and days to come, for the page of their record."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from eligibility import presenters as lines
from eligibility import service as register
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.templatetags.remedy import kdate
from kt_remedy.notices import service as notices
from kt_remedy.notices.models import Message
from kt_remedy.portal import desk_code, timeline
from refunds.applications import objection_views, presenters, queries, window
from refunds.applications.objection_views import ObjectionView
from refunds.applications.presenters import ApplicationView
from refunds.applications.transitions import Refused
from rewards import service as rewards

MESSAGES = 50  # the latest ones; the file of everything held has all
_STATES = {
    Message.State.SENDING: gettext_lazy("보내는 중"),
    Message.State.ACCEPTED: gettext_lazy("보냄"),
    Message.State.DELIVERED: gettext_lazy("받으심"),
    Message.State.FAILED: gettext_lazy("닿지 않음"),
    Message.State.UNKNOWN: gettext_lazy("닿았는지 모름"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it was sent: the number masked, and whether it arrived in the reader's words."""

    at: dt.datetime
    to: str
    text: str
    state: Any


@dataclass(frozen=True, slots=True)
class MyDay:
    """A day to come (KST) and its sentence; `application` where its pay day can be put into a calendar, else None."""

    on: dt.date
    text: str
    about: str = ""
    application: int | None = None


def context(person: bytes) -> dict[str, Any]:
    """Values of these parts of the page: the latest messages, the last objection to each line, the days."""
    objections = objection_views.of_person(person)
    views = presenters.present(queries.of_person(person))
    days = [
        *_of_applications(views),
        *_of_objections(objections),
        *_of_lines(person),
        *_of_perks(person),
    ]
    sent = _messages(person)
    return {
        "sent": sent,
        "more_sent": len(sent) == MESSAGES,
        "objections": objections,
        "to_apply_for": objection_views.to_apply_for(one.row for one in objections),
        "my_days": sorted(days, key=lambda day: day.on),
    }


def _messages(person: bytes) -> list[Sent]:
    """What left for the gateway; a code proves a telephone once and is not shown again."""
    return [
        Sent(
            at=message.sent_at or message.created_at,
            to=masking.phone(message.to or "") if message.to_enc else "",
            text=_("확인 숫자는 여기에 다시 보여 드리지 않습니다.")
            if message.kind in desk_code.KINDS
            else message.body,
            state=_STATES[Message.State(message.state)],
        )
        for message in notices.messages_of_person(person, limit=MESSAGES)
        if message.state in _STATES
    ]


def _of_applications(views: list[ApplicationView]) -> list[MyDay]:
    """The days that applications promise, in the words of every other page (D-69)."""
    return [
        MyDay(
            view.promise.day,
            view.promise.sentence,
            presenters.line_name(view.application),
            view.application.pk if view.has_pay_day else None,
        )
        for view in views
        if view.promise.day is not None and view.promise.day >= clock.today() and not view.paid
    ]


def _of_objections(objections: list[ObjectionView]) -> list[MyDay]:
    return [
        MyDay(one.promise.day, one.promise.sentence, one.line_name)
        for one in objections
        if one.promise is not None and one.promise.day is not None
    ]


def _of_lines(person: bytes) -> list[MyDay]:
    """The last day to apply in time for lines that nobody has applied for."""
    current, today = programme.current(), clock.today()
    closes = current.applications.closes
    try:
        window.lateness(today, current)
    except Refused:
        return []
    if today > closes:
        return []
    open_lines = [
        line
        for line in (*register.lines_of(person), *register.lines_of_wards(person))
        if line.terminated_on is not None and line.effective_outcome in {"ELIGIBLE", "REVIEW"}
    ]
    filed = queries.live_applications([line.pk for line in open_lines])
    text = _("%(closes)s까지 신청하셔야 받습니다.") % {"closes": kdate(closes)}
    return [
        MyDay(closes, text, f"{lines.product_name(line.product)} {masking.phone(line.msisdn or '')}")
        for line in open_lines
        if line.pk not in filed
    ]


def _of_perks(person: bytes) -> list[MyDay]:
    """The first day of perks that have not begun, and the last day of a choice; a perk of several lines stands once."""
    language = get_language() or "ko"
    found = {}
    for card in rewards.overview(person).cards:
        name = timeline.perk_summary(card.perk, language).name
        if card.state == "COMING" and card.starts_on and card.starts_on > clock.today():
            text = _("%(perk)s 시작") % {"perk": name}
            found[card.perk.code, card.starts_on] = MyDay(card.starts_on, text)
        elif card.state == "CHOOSE" and card.ends_on:
            text = _("%(perk)s: 이날까지 골라 주세요.") % {"perk": name}
            found[card.perk.code, card.ends_on] = MyDay(card.ends_on, text)
    return list(found.values())
