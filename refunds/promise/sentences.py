"""The first sentence of a promise, in the language that is active; every figure is an argument of its sentence."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kdate, kday, krw, kweekday
from refunds.promise.facts import Promise, Reason, Situation

# The wording of the sentences; it is stored with each of them, so that what a customer read can be told apart.
VERSION = "1"


def first_sentence(promise: Promise) -> str:
    """The first sentence of a promise. `tests/cases/promise.csv` holds each in both languages."""
    return _SENTENCES[promise.situation](promise, promise.values)


def of_lines(promises: Iterable[Promise]) -> str:
    """The sentence above several lines: empty unless their days differ."""
    if len({(promise.situation, promise.day) for promise in promises}) > 1:
        return _("회선마다 받는 날이 다릅니다. 아래에서 보세요.")
    return ""


def reason_words(reason: Reason | str) -> str:
    """Why a day moved or is not known, in a few words; a hold never says why it was placed."""
    return {
        Reason.HELD: _("다시 확인하고 있어서"),
        Reason.TAKEN_OUT: _("이번 지급에서 빠져서"),
        Reason.VERDICT: _("자료가 바뀌어 다시 확인하고 있어서"),
        Reason.RETURNED_ACCOUNT: _("입금이 되돌아와서"),
        Reason.RETURNED_BANK: _("은행이 그날 입금을 받지 못해서"),
        Reason.RETURNED_PAYER: _("저희 쪽 사정으로 보내지 못해서"),
        Reason.MISSED_CUT_OFF: _("지급 마감 뒤에 확인이 끝나서"),
        Reason.LATE_HAND_OVER: _("은행에 늦게 전달되어서"),
        Reason.UNPAID: _("낸 것으로 확인된 금액이 바뀌어서"),
        Reason.NO_BILL: _("청구서가 아직 없어서"),
        Reason.ACCOUNT_CHANGED: _("계좌를 바꾸셔서"),
        Reason.LAST_ROUND_OVER: _("정해진 지급일이 모두 지나서"),
        Reason.NO_KOREAN_ACCOUNT: _("한국 계좌가 없으셔서"),
    }.get(Reason(reason), "")


def _time(moment: dt.datetime | dt.time) -> str:
    """오후 6시, in English 6 pm."""
    at = moment.astimezone(clock.KST).time() if isinstance(moment, dt.datetime) else moment
    half = _("오전 %(clock)s") if at.hour < 12 else _("오후 %(clock)s")
    number = {"hour": (at.hour - 1) % 12 + 1, "minute": f"{at.minute:02}"}
    words = _("%(hour)s시") % number if not at.minute else _("%(hour)s시 %(minute)s분") % number
    return half % {"clock": words}


def _until(moment: dt.datetime) -> dict[str, str]:
    return {"until_day": kdate(moment), "until_time": _time(moment)}


def _offer(p: Promise, _values: dict[str, Any]) -> str:
    return _("오늘 신청하시면 %(day)s에 받습니다.") % {"day": kdate(p.day)}


def _offer_later(p: Promise, values: dict[str, Any]) -> str:
    return _("%(opens)s에 신청하시면 %(day)s에 받습니다.") % {"opens": kdate(values["opens"]), "day": kdate(p.day)}


def _offer_checked(p: Promise, _values: dict[str, Any]) -> str:
    return _("신청하시면 직원이 확인하고 %(day)s까지 알려 드립니다. 받는 날은 그때 정해집니다.") % {"day": kdate(p.day)}


def _closed(_p: Promise, _values: dict[str, Any]) -> str:
    return _("신청을 받는 기간이 끝났습니다. 사정이 있으시면 %(hotline)s에 알려 주세요.") % {
        "hotline": programme.current().hotline
    }


def _extended(p: Promise, values: dict[str, Any]) -> str:
    if not (closes := values.get("closes")):
        return _("제때 신청하신 것으로 봅니다. %(day)s까지 알려 드립니다.") % {"day": kdate(p.day)}
    return _("%(closes)s이 %(weekday)s요일이어서 제때 신청하신 것으로 봅니다. %(day)s까지 알려 드립니다.") % {
        "closes": kday(closes),
        "weekday": kweekday(closes),
        "day": kdate(p.day),
    }


def _late(p: Promise, _values: dict[str, Any]) -> str:
    return _("신청 기간이 지나 이유를 보고 정합니다. %(day)s까지 알려 드립니다.") % {"day": kdate(p.day)}


def _submitted(p: Promise, values: dict[str, Any]) -> str:
    return _("신청을 받았습니다. 은행이 답하는 대로, 늦어도 %(day)s 낮 %(hour)s시까지 받는 날을 알려 드립니다.") % {
        "day": kdate(p.day),
        "hour": values["hour"],
    }


def _waiting_for_bill(p: Promise, _values: dict[str, Any]) -> str:
    return _("청구서를 %(pay_by)s까지 내신 것이 확인되면 %(day)s에 받습니다.") % {
        "pay_by": kdate(p.pay_by),
        "day": kdate(p.day),
    }


def _no_bill(_p: Promise, values: dict[str, Any]) -> str:
    return _("청구서가 아직 없어 %(was)s에 보내 드리지 못합니다. 나오면 내실 날과 받는 날을 바로 알려 드립니다.") % {
        "was": kdate(values["was"])
    }


def _unpaid(p: Promise, values: dict[str, Any]) -> str:
    figures = {
        "open": krw(values["open"]),
        "pay_by": kdate(p.pay_by),
        "won": krw(p.won),
        "day": kdate(p.day),
        "last_day": kdate(values["last_day"]),
    }
    if not values["part"]:
        return (
            _(
                "청구된 %(open)s을 %(pay_by)s까지 내신 것이 확인되면 %(won)s을 %(day)s에 받습니다."
                " 다 못 내셔도 %(last_day)s에 내신 만큼 드립니다."
            )
            % figures
        )
    return (
        _(
            "남은 %(open)s을 %(pay_by)s까지 내신 것이 확인되면 %(won)s을 %(day)s에 받습니다."
            " 다 못 내셔도 %(last_day)s에 내신 만큼 드립니다."
        )
        % figures
    )


def _need_account(p: Promise, _values: dict[str, Any]) -> str:
    assert p.changeable_until is not None
    figures = {**_until(p.changeable_until), "day": kdate(p.day)}
    return _("%(until_day)s %(until_time)s까지 계좌를 고치시면 %(day)s에 받습니다.") % figures


def _need_docs(p: Promise, values: dict[str, Any]) -> str:
    figures = {"day": kdate(p.day), "days": values["days"]}
    return _("서류를 %(day)s까지 내 주세요. 내신 뒤 영업일 %(days)s일 안에 알려 드립니다.") % figures


def _review(p: Promise, _values: dict[str, Any]) -> str:
    return _("직원이 한 번 더 확인하고 %(day)s까지 알려 드립니다.") % {"day": kdate(p.day)}


def _answer_passed(p: Promise, values: dict[str, Any]) -> str:
    return _("%(passed)s까지 알려 드리지 못해 죄송합니다. %(day)s까지 알려 드립니다.") % {
        "passed": kdate(values["passed"]),
        "day": kdate(p.day),
    }


def _approved(p: Promise, _values: dict[str, Any]) -> str:
    if p.changeable_until is None:
        return _("%(day)s에 받습니다.") % {"day": kdate(p.day)}
    figures = {**_until(p.changeable_until), "day": kdate(p.day)}
    return _("%(day)s에 받습니다. 계좌는 %(until_day)s %(until_time)s까지 바꾸실 수 있습니다.") % figures


def _change_moves(p: Promise, values: dict[str, Any]) -> str:
    if not values["next"]:
        return _approved(p, values)
    return _("%(day)s에 받습니다. 지금 계좌를 바꾸시면 %(next)s에 받습니다.") % {
        "day": kdate(p.day),
        "next": kdate(values["next"]),
    }


def _approved_late(p: Promise, _values: dict[str, Any]) -> str:
    return _("승인되었습니다. %(day)s에 받습니다.") % {"day": kdate(p.day)}


def _recheck(p: Promise, values: dict[str, Any]) -> str:
    return _("%(was)s에 드리기로 한 돈을 다시 확인합니다. %(day)s까지 알려 드립니다.") % {
        "was": kdate(values["was"]),
        "day": kdate(p.day),
    }


def _frozen(p: Promise, _values: dict[str, Any]) -> str:
    return _("%(day)s에 받습니다. 계좌는 더 바꾸실 수 없습니다.") % {"day": kdate(p.day)}


def _today(_p: Promise, _values: dict[str, Any]) -> str:
    return _("오늘 들어옵니다.")


def _stopped(p: Promise, values: dict[str, Any]) -> str:
    return _("%(was)s에 보내 드리지 못합니다. %(day)s까지 새 날을 알려 드립니다.") % {
        "was": kdate(values["was"]),
        "day": kdate(p.day),
    }


def _moved(p: Promise, _values: dict[str, Any]) -> str:
    return _("받는 날이 %(was)s에서 %(day)s로 바뀌었습니다. 죄송합니다. 하실 일은 없습니다.") % {
        "was": kdate(p.previous_day),
        "day": kdate(p.day),
    }


def _moved_by_change(p: Promise, _values: dict[str, Any]) -> str:
    return _("계좌를 바꾸셔서 받는 날이 %(was)s에서 %(day)s로 바뀌었습니다.") % {
        "was": kdate(p.previous_day),
        "day": kdate(p.day),
    }


def _no_answer(p: Promise, values: dict[str, Any]) -> str:
    return _("%(was)s에 보낸 돈의 은행 답을 아직 못 받았습니다. %(day)s까지 알려 드립니다.") % {
        "was": kdate(values["was"]),
        "day": kdate(p.day),
    }


def _not_sent(p: Promise, values: dict[str, Any]) -> str:
    return _("%(was)s에 보내지 못했습니다. %(day)s까지 알려 드립니다.") % {
        "was": kdate(values["was"]),
        "day": kdate(p.day),
    }


def _paid(p: Promise, _values: dict[str, Any]) -> str:
    return _("%(day)s에 %(won)s을 보내 드렸습니다.") % {"day": kdate(p.day), "won": krw(p.won)}


def _difference(p: Promise, values: dict[str, Any]) -> str:
    figures = {
        "first": krw(values["first"]),
        "first_day": kdate(values["first_day"]),
        "more": krw(values["more"]),
        "day": kdate(p.day),
    }
    if values["sent"]:
        return _("%(first)s은 %(first_day)s에 보냈고, 더 드릴 %(more)s은 %(day)s에 보냅니다.") % figures
    return _("%(first)s은 %(first_day)s에, 더 드릴 %(more)s은 %(day)s에 보냅니다.") % figures


def _call(p: Promise, _values: dict[str, Any]) -> str:
    return _("승인되었습니다. %(day)s까지 전화로 받는 방법과 날을 정합니다.") % {"day": kdate(p.day)}


def _rejected(p: Promise, _values: dict[str, Any]) -> str:
    return _("%(day)s까지 다시 봐 달라고 하실 수 있습니다.") % {"day": kdate(p.day)}


def _withdrawn(p: Promise, _values: dict[str, Any]) -> str:
    return _("%(day)s까지 늦은 신청으로 내실 수 있습니다.") % {"day": kdate(p.day)}


def _withdrawn_early(p: Promise, _values: dict[str, Any]) -> str:
    return _("%(day)s까지 다시 신청하실 수 있습니다.") % {"day": kdate(p.day)}


def _second_look(p: Promise, values: dict[str, Any]) -> str:
    return _review(p, values)


def _call_back(p: Promise, values: dict[str, Any]) -> str:
    if values.get("until") is None:
        return _("%(day)s까지 전화드립니다.") % {"day": kdate(p.day)}
    return _("%(day)s %(time)s까지 전화드립니다.") % {"day": kdate(p.day), "time": _time(values["until"])}


def _look_question(p: Promise, _values: dict[str, Any]) -> str:
    return _("물으신 것을 %(day)s까지 답해 드립니다.") % {"day": kdate(p.day)}


def _objection(p: Promise, _values: dict[str, Any]) -> str:
    return _("이의를 보고 %(day)s까지 답해 드립니다.") % {"day": kdate(p.day)}


_SENTENCES: dict[Situation, Callable[[Promise, dict[str, Any]], str]] = {
    situation: globals()[f"_{situation.lower()}"] for situation in Situation
}
