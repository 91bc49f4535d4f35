"""The middleware that keeps people in the waiting room. While the room is closed it costs a look at a variable.

Only reading a first page of the look-up or of a new filing waits: a form that was sent is one in the middle. Signed-in
people, staff and everybody in the middle of identity verification go on; so do people who came in.
"""

import time
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from kt_remedy.identity.views import PENDING
from kt_remedy.portal.waiting import pages, places, room
from kt_remedy.portal.waiting.queue import Queue, State


class WaitingRoomMiddleware:
    """Answers with the waiting room where a person has to wait. It stands before everything that asks the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SERVES_PAGES:
            room.start()
        if (queue := room.current()) is None:
            return self.get_response(request)
        if _is_first_page(request) and not _has_entered(request):
            if settings.SESSION_COOKIE_NAME not in request.COOKIES:
                return answer(request, queue)
            request.waiting_queue = queue  # type: ignore[attr-defined]  # judged once the session is read
        if request.path_info not in _lookups():
            return self.get_response(request)
        began, response = time.monotonic(), None
        try:
            response = self.get_response(request)
        finally:
            failed = response is None or response.status_code >= 500
            room.answered(time.monotonic() - began, failed=failed)
        return response

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        queue: Queue | None = getattr(request, "waiting_queue", None)
        if queue is None or "_auth_user_id" in request.session or PENDING in request.session:
            return None
        person = getattr(request, "person", None)
        # Who was verified since the room opened came by a page that nobody waits for, such as the own application.
        if person is not None and person.verified_at.timestamp() * 1_000_000 < queue.opened:
            return None
        return answer(request, queue)


def answer(request: HttpRequest, queue: Queue) -> HttpResponse:
    """The waiting room for this browser, or the way in where its turn has come and its button was pressed."""
    agent, now = request.headers.get("User-Agent", ""), int(time.time())
    text, refused, issued = request.COOKIES.get(settings.WAITING_PLACE_COOKIE), False, None
    place = number = None
    if text is None and pages.AGAIN in request.GET:
        return pages.no_cookies(request)
    if text is not None:
        try:
            place = places.read(text, opened=queue.opened, agent=agent)
            number = queue.number(place)
            refused = queue.state(place, number) is State.OVER
        except places.PlaceRefused:
            refused = True
    if place is None or refused:
        issued = places.issue(opened=queue.opened, second=now, agent=agent)
        place, number = issued.place, queue.number(issued.place)
        room.arrive(now)
    state = queue.state(place, number)
    if state is State.TURN and pages.ENTER in request.GET and room.away_since() is None:
        response: HttpResponse = HttpResponseRedirect(pages.address(request))
        _keep(response, settings.WAITING_ENTERED_COOKIE, places.enter(second=now, agent=agent), places.ENTERED_SECONDS)
        response.delete_cookie(settings.WAITING_PLACE_COOKIE, samesite="Lax")
        response["Cache-Control"] = "no-store, private"
        return response
    response = pages.show(request, queue, state, number, refused=refused, away_since=room.away_since())
    if issued is not None:
        _keep(response, settings.WAITING_PLACE_COOKIE, issued.text, places.PLACE_SECONDS)
    return response


def _is_first_page(request: HttpRequest) -> bool:
    if request.method != "GET":
        return False
    if request.path_info in _lookups():
        return True
    target = unquote(request.GET.get("next", "")).partition("?")[0]
    return request.path_info in _verifications() and (not target or target in _lookups())


def _has_entered(request: HttpRequest) -> bool:
    text = request.COOKIES.get(settings.WAITING_ENTERED_COOKIE, "")
    agent = request.headers.get("User-Agent", "")
    return bool(text) and places.has_entered(text, second=int(time.time()), agent=agent)


@cache
def _lookups() -> frozenset[str]:
    """First pages of the look-up and of a new filing."""
    names = ("portal:my-lines", "portal:simple", "refunds:apply", "refunds:apply-late")
    return frozenset(map(reverse, names))


@cache
def _verifications() -> frozenset[str]:
    ways = [reverse("identity:who", kwargs={"way": way}) for way in ("app", "sms")]
    return frozenset([reverse("identity:start"), *ways])


def _keep(response: HttpResponse, name: str, text: str, seconds: int) -> None:
    response.set_cookie(
        name, text, max_age=seconds, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )
