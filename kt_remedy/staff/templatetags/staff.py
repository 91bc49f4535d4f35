"""What the sign-in pages show of the demonstration's staff."""

from django import template
from django.conf import settings

from kt_remedy.staff import demo
from kt_remedy.staff.models import ROLE_LABELS

register = template.Library()


@register.simple_tag
def demo_staff() -> dict | None:
    """The accounts one can try, where stand-ins are in use; None in production."""
    if not settings.SANDBOX_URL:
        return None
    return {
        "password": demo.PASSWORD,
        "authenticator": f"{settings.SANDBOX_URL}/authenticator",
        "members": [
            {"username": member.username, "roles": ", ".join(str(ROLE_LABELS[role]) for role in member.roles)}
            for member in demo.STAFF
        ],
    }
