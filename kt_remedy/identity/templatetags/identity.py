"""`{% load identity %}{% session_end %}`: warn a verified customer before the session ends and offer to extend it."""

from django import template
from django.template import RequestContext

from kt_remedy.identity import service

register = template.Library()


@register.inclusion_tag("identity/_session.html", takes_context=True)
def session_end(context: RequestContext) -> dict:
    """Render nothing without a verified person.

    The server records use at most once a minute, so the page counts one minute less.
    """
    request = context.get("request")
    ends = service.IDLE_SECONDS - service.REFRESH_SECONDS
    return {
        "person": getattr(request, "person", None),
        "here": request.get_full_path() if request else "",
        "csrf_token": context.get("csrf_token"),
        "warn_after": ends - service.WARN_SECONDS,
        "ends_after": ends,
        "minutes": service.WARN_SECONDS // 60,
    }
