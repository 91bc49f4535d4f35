"""Home, my lines and the page of last resort."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from kt_remedy import clock, programme
from kt_remedy.access import customer, public
from kt_remedy.portal import dates, lines


@public
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, who gets what and when: the programme's own dates as they look today."""
    return render(request, "portal/home.html", dates.overview(programme.current(), clock.today()))


@customer
@require_safe
def my_lines(request: HttpRequest) -> HttpResponse:
    """Each of the customer's lines with its verdict and the one next step."""
    person, now = request.person, clock.now()  # type: ignore[attr-defined]
    cards = lines.cards_of(person.ci_index, now, clock.kst_date(now), programme.current())
    kept = sum(card.kind in ("keep", "leave") for card in cards)
    return render(
        request, "portal/lines.html", {"cards": cards, "person": person, "left": len(cards) - kept, "kept": kept}
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for a fault of ours. Reads neither database nor session: either may be what failed."""
    current, language = programme.current(), get_language() or "ko"
    name = current.name_ko if language.startswith("ko") else current.name_en
    page = loader.get_template("500.html").render(
        {"hotline": current.hotline, "programme_name": name, "LANGUAGE_CODE": language}
    )
    return HttpResponse(page, status=500)
