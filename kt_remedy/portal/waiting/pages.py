"""Pages of the waiting room, in both languages at once. Drawn from templates once a second and filled for each person.

They need no script: a response header asks the browser to come again, and a button does the same.
"""

import datetime as dt
import random
import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.core.context_processors import LARGE_TYPE
from kt_remedy.core.templatetags.remedy import kdate, ktime
from kt_remedy.portal import timeline
from kt_remedy.portal.waiting.admission import TURN_MINUTES
from kt_remedy.portal.waiting.queue import Queue, State

# What a page adds to its own address: it has been here, and the button of a turn.
AGAIN, ENTER = "again", "enter"
AGAIN_SECONDS = 25
SOON_SECONDS = 5  # while the place is not counted yet, and where the turn comes in less than this
_KEPT_SECONDS = 1.0
LONG_MINUTES = 60
NEWS_MINUTES = 15

_drawn: dict[tuple[str, str, bool, bool], tuple[float, str]] = {}


def show(
    request: HttpRequest,
    queue: Queue,
    state: State,
    number: int | None,
    *,
    refused: bool,
    away_since: dt.datetime | None,
) -> HttpResponse:
    """The page of one place: waiting, before the opening hour, your turn, or paused.

    `refused`: the place is a new one because the former was not valid. `away_since`: since when (wall clock) the queue
    cannot be read.
    """
    paused_since = away_since or (queue.paused_since if state is not State.TURN else None)
    kind = "paused" if paused_since else state.value
    low, high = queue.minutes(number) if number and state is State.WAIT else (0, 0)
    if kind == "wait" and high > LONG_MINUTES:
        kind = "long"
    language = translation.get_language_from_request(request)
    text = _page(kind, queue, language, big=request.COOKIES.get(LARGE_TYPE) == "1", refused=refused)
    ahead = max((number or 0) - queue.serving - 1, 0)
    values = {
        "AHEAD": f"{ahead:,}",
        "NUMBER": f"{number or 0:,}",
        "SERVING": f"{queue.serving:,}",
        "AGAIN": escape(address(request, AGAIN)),
        "ENTER": escape(address(request, ENTER)),
    }
    for code in ("ko", "en"):
        with translation.override(code):
            values[f"WAIT-{code}"] = _wait(low, high)
            values[f"NEWS-{code}"] = _hour(_news(paused_since), queue)
    for name, value in values.items():
        text = text.replace(f"[[{name}]]", value)
    response = _response(text, language)
    if kind != "turn":  # somebody who is away would be given one number after another
        seconds = _pause(queue, state, number)
        response["Refresh"] = f"{seconds}; url={address(request, AGAIN)}"
        response["Retry-After"] = str(seconds)
    return response


def address(request: HttpRequest, mark: str = "") -> str:
    """The address of this request without the marks of the room, or with one."""
    query = request.GET.copy()
    for name in (AGAIN, ENTER):
        query.pop(name, None)
    if mark:
        query[mark] = "1"
    return request.path + (f"?{query.urlencode()}" if query else "")


def no_cookies(request: HttpRequest) -> HttpResponse:
    """The page for a browser that keeps no cookie, so that it would get a new number for ever."""
    language = translation.get_language_from_request(request)
    text = _draw("cookies", None, language, big=False, refused=False)
    return _response(text.replace("[[AGAIN]]", escape(address(request))), language)


def _page(kind: str, queue: Queue, language: str, *, big: bool, refused: bool) -> str:
    key, now = (kind, language, big, refused), time.monotonic()
    kept = _drawn.get(key)
    if kept is None or now - kept[0] > _KEPT_SECONDS:
        kept = _drawn[key] = (now, _draw(kind, queue, language, big=big, refused=refused))
    return kept[1]


def _draw(kind: str, queue: Queue | None, language: str, *, big: bool, refused: bool) -> str:
    """The page with marks for what differs from person to person. It reads neither database nor session."""
    current, korean = programme.current(), language == "ko"
    at = queue.counted_at + queue.ahead if queue else None
    other = ("en", "English") if korean else ("ko", "한국어")
    with translation.override(language):
        return loader.get_template("waiting/page.html").render(
            {
                "kind": kind,
                "refused": refused,
                "at": at,
                "opens": dt.datetime.fromtimestamp(queue.opens, dt.UTC) + queue.ahead if queue else None,
                "paydays": _paydays(at, language),
                "other_paydays": _paydays(at, other[0]),
                "seconds": AGAIN_SECONDS,
                "turn_minutes": TURN_MINUTES,
                "large_type": big,
                "programme": current,
                "programme_name": current.name_ko if korean else current.name_en,
                "hotline": current.hotline,
                "carrier": current.carrier.short_name,
                "operator": current.carrier.name_ko if korean else current.carrier.name_en,
                "LANGUAGE_CODE": language,
                "other_part": other,
            }
        )


def _paydays(at: dt.datetime | None, language: str) -> list[str]:
    """For each round that an application of today reaches, until when one may apply and still be paid then."""
    current = programme.current()
    today = clock.kst_date(at) if at else None
    sentences = []
    with translation.override(language):
        for row in current.payouts:
            if today is None or not row.applied_from <= today <= row.applied_to:
                continue
            values = {"left": timeline.span(row.terminated_from, row.terminated_to), "pay_on": kdate(row.pay_on)}
            if row.applied_to == current.applications.closes:
                sentences.append(_("%(left)s에 해지하신 분은 언제 신청하셔도 %(pay_on)s에 받습니다.") % values)
            else:
                values["last"] = kdate(row.applied_to)
                sentences.append(
                    _("%(left)s에 해지하신 분은 %(last)s까지만 신청하시면 %(pay_on)s에 받습니다.") % values
                )
    return sentences


def _wait(low: int, high: int) -> str:
    """An honest range of time, as the news of the page."""
    if high <= 1:
        return _("곧 들어가실 수 있습니다")
    if low < 1:
        return _("%(high)s분 안에 들어가실 수 있습니다") % {"high": high}
    return _("%(low)s~%(high)s분쯤 뒤에 들어가실 수 있습니다") % {"low": low, "high": high}


def _news(since: dt.datetime | None) -> dt.datetime | None:
    """When a paused page tells more at the latest: the next whole quarter of an hour since the pause began."""
    if since is None:
        return None
    now, step = dt.datetime.now(dt.UTC), dt.timedelta(minutes=NEWS_MINUTES)
    return since + step * ((now - since) // step + 1)


def _hour(at: dt.datetime | None, queue: Queue) -> str:
    return ktime(at + queue.ahead + dt.timedelta(seconds=59)) if at else ""


def _pause(queue: Queue, state: State, number: int | None) -> int:
    """Seconds until the browser comes again; with jitter, so that nobody comes at once."""
    seconds = AGAIN_SECONDS
    if state is State.COUNTED:
        seconds = SOON_SECONDS
    elif state is State.WAIT and number is not None:
        seconds = min(seconds, max((number - queue.serving) * 60 // max(queue.pace, 1) + 1, SOON_SECONDS))
    return seconds + random.randint(-seconds // 5, seconds // 5)


def _response(text: str, language: str) -> HttpResponse:
    response = HttpResponse(text, headers={"Cache-Control": "no-store, private", "Content-Language": language})
    response["X-Frame-Options"] = settings.X_FRAME_OPTIONS
    return response
