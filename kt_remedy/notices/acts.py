"""The acts of today about mailings: those that two persons have not released, and those whose hour comes soon."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from kt_remedy.core.console import Act
from kt_remedy.core.templatetags.remedy import kdatetime
from kt_remedy.notices import mailings, texts
from kt_remedy.notices.models import Mailing


def acts(user: Any) -> list[Act]:
    """One act for each mailing that waits for its check or approval; late once its hour has come."""
    waiting = Mailing.objects.filter(state__in=(Mailing.State.HELD, Mailing.State.CHECKED)).order_by("due_at", "pk")
    return [
        Act(
            text=_("%(kind)s: %(since)s부터 확인과 승인을 기다립니다.") % names
            if _is_late(item)
            else _("%(kind)s: %(since)s에 보내려면 확인과 승인이 필요합니다.") % names,
            url=reverse("notices:sent") + f"#mailing-{item.pk}",
            until=item.due_at,
            late=_is_late(item),
            mine=mailings.may_step(item, user),
        )
        for item in waiting
        if (names := _names(item))
    ]


def _is_late(item: Mailing) -> bool:
    return item.due_at is None or item.due_at <= clock.now()


def _names(item: Mailing) -> dict[str, Any]:
    label = texts.kind(item.kind).label if texts.is_registered(item.kind) else item.kind
    return {"kind": label, "since": kdatetime(item.due_at or item.created_at)}
