"""Home, my lines, the opening wish, and the page for errors of the server."""

import sys
from contextlib import suppress

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template import loader
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from eligibility import opening
from kt_remedy.core import clock, health, masking, persons, programme
from kt_remedy.core.access import customer, policy_of, public, roles_of, without_token
from kt_remedy.core.context_processors import LARGE_TYPE
from kt_remedy.core.kept_pages import kept
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.notices import texts
from kt_remedy.portal import lines, simple, timeline
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from kt_remedy.staff.roles import ROLE_LABELS
from refunds.payouts import batches

LARGE_TYPE_DAYS = 365


@public
@kept
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Home page: the programme, its dates and their state today."""
    current, today = programme.current(), clock.today()
    # Before the first pay day the page asks the database nothing.
    come = [payout.pay_on for payout in current.payouts if payout.pay_on <= today]
    settled = batches.at_bank(come) if come else {}
    return render(request, "portal/home.html", timeline.overview(current, today, settled))


@public
@kept
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Privacy page: stored data, purposes and retention periods."""
    return render(request, "portal/privacy.html", {"kept_days": settings.ACCOUNT_WIPE_DAYS})


@customer
@require_safe
def my_lines(request: VerifiedRequest) -> HttpResponse:
    """Lines of the customer with verdict and next step; the audit records the view."""
    person, cards = request.person, lines.seen_cards(request)
    staying = sum(card.kind in ("keep", "leave") for card in cards)
    own = sum(card.view.own for card in cards)
    today, opens = clock.today(), programme.current().lookup_opens
    context = {
        "cards": cards,
        "person": person,
        "left": len(cards) - staying,
        "kept": staying,
        "own": own,
        "children": len(cards) - own,
        "opens": opens if today < opens else None,
        "offer_simple": persons.age_on(person.birth_date, today) >= simple.OFFERED_FROM_AGE,
    }
    return render(request, "portal/lines.html", context)


@public
@without_token
@require_POST
def large_type(request: HttpRequest) -> HttpResponse:
    """Switch large type on or off for this device, and return to the page."""
    target = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/")
    answer = redirect(target if own else "portal:home")
    if request.POST.get("on") == "1":
        answer.set_cookie(
            LARGE_TYPE, "1", max_age=LARGE_TYPE_DAYS * 86_400, secure=settings.SESSION_COOKIE_SECURE,
            httponly=True, samesite="Lax",
        )  # fmt: skip
    else:
        answer.delete_cookie(LARGE_TYPE)
    return answer


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tell_me(request: VerifiedRequest) -> HttpResponse:
    """Record, show or cancel the wish for one message when applications open."""
    person, language = request.person, (get_language() or "ko")[:2]
    if request.method == "POST":
        if request.POST.get("want") == "no":
            if opening.cancel_wish(person_index=person.ci_index):
                messages.success(request, _("알림을 취소했습니다. 적어 둔 번호도 지웠습니다."))
        else:
            with suppress(opening.ApplicationsOpen):  # the page itself says that applications are open
                opening.record_wish(person=person, language=language)
        return redirect("portal:tell-me")
    wish, current = opening.wish_of(person.ci_index), programme.current()
    return render(
        request,
        "portal/tell_me.html",
        {
            "phase": timeline.phase(current, clock.today()),
            "wish": wish,
            "phone": masking.phone(wish.phone if wish else person.phone),
            "other": masking.phone(person.phone) if wish and wish.phone != person.phone else "",
            "text": texts.sample(texts.kind(opening.KIND), wish.language if wish else language),
        },
    )


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Page of a refusal. Staff read whose page it is and what they hold; it counts nothing and reads no application."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return render(request, "403.html", status=403)
    codes = policy_of(request.resolver_match)
    codes = codes if isinstance(codes, tuple) else ()
    holders = set().union(*(roles_of(code) for code in codes))
    context = {
        "holders": [label for role, label in ROLE_LABELS.items() if role in holders],
        "allowed": any(user.has_perm(code) for code in codes),
        "own": user.role_names(),
        "closed": str(exception) if isinstance(exception, household.CaseClosed) else "",
    }
    return render(request, "staff/403.html", context, status=403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Page of an address without a page. Staff stay in their frame, which leads back to their work."""
    of_staff = isinstance(getattr(request, "user", None), User)
    return render(request, "staff/404.html" if of_staff else "404.html", status=404)


# Seconds after which a browser may try again while the database recovers, which takes about one.
RETRY_AFTER_SECONDS = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Page for an error of the server: 503 while the database cannot be reached, else 500.

    It reads neither database nor session, because either may have failed.
    """
    unreachable = health.database_is_gone(sys.exc_info()[1])
    current, language = programme.current(), get_language() or "ko"
    name = current.name_ko if language.startswith("ko") else current.name_en
    page = loader.get_template("503.html" if unreachable else "500.html").render(
        {
            "hotline": current.hotline,
            "carrier": current.carrier.short_name,
            "programme_name": name,
            "LANGUAGE_CODE": language,
        }
    )
    if unreachable:
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HttpResponse(page, status=500)
