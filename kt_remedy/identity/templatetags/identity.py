"""`{% load identity %}{% session_end %}`: warns a verified customer before the session ends, and offers to go on."""

from django import template
from django.template import RequestContext

from kt_remedy.identity import service

register = template.Library()


@register.inclusion_tag("identity/_session.html", takes_context=True)
def session_end(context: RequestContext) -> dict:
    """Nothing where nobody is verified. The server notes use at most once a minute, so the page counts one less."""
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
