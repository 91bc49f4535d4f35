"""Move the clock of a demonstration forward, to the programme's own moments."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from eligibility.feed import deliveries
from kt_remedy.core import clock, programme
from kt_remedy.core.access import public
from kt_remedy.portal import timeline


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest) -> HttpResponse:
    """List the moments (GET) or move the clock to one (POST). 404 if no clock is set."""
    if not clock.is_set():
        raise Http404
    # A delivery counts from its load: a jump over one would make its lines miss the cut-off of that day.
    arrivals = [timeline.Moment(f"delivery-{at:%Y-%m-%d}", at, _("청구 데이터 도착")) for at in deliveries.due_times()]
    moments = sorted([*timeline.moments(programme.current()), *arrivals], key=lambda moment: moment.at)
    now = clock.now()
    if request.method == "POST":
        chosen = next((moment for moment in moments if moment.key == request.POST.get("to")), None)
        if chosen is None:
            raise Http404
        try:
            clock.move_to(chosen.at)
        except ValueError:
            messages.warning(request, _("시계는 앞으로만 갑니다. 처음으로 되돌리려면 make reset을 쓰세요."))
        return redirect("portal:clock")
    return render(
        request,
        "portal/clock.html",
        {"ahead": [m for m in moments if m.at > now], "past": [m for m in moments if m.at <= now]},
    )
