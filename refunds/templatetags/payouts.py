"""What the admin's front page shows of the payouts."""

from django import template

from kt_remedy import clock
from kt_remedy.models import Job
from refunds.payouts import overview

register = template.Library()


@register.inclusion_tag("admin/refunds/_today.html", takes_context=True)
def payouts_today(context: template.Context) -> dict:
    """What must happen today, by whom, until when; nothing for those whom the payouts do not concern."""
    user = context["request"].user
    concerned = any(user.has_role(role) for role in ("maker", "checker", "auditor"))
    if not concerned:
        return {"concerned": False}
    checked = Job.objects.filter(code="refunds.verify_money").first()
    return {"concerned": True, "duties": overview.duties(), "now": clock.now(), "checked": checked}
