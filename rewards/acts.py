"""The acts of today about perks: what two people have to decide, and services of which few codes are left."""

from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core.console import Act
from rewards import codes
from rewards.models import BaseAddition, GrantCorrection


def acts(user: Any) -> list[Act]:
    """One act for each kind of decision that waits, and one for each service of which few codes are left."""
    found = [
        *_decisions(
            GrantCorrection,
            user,
            _("월 지급 정정 %(n)s건을 살펴보고 올려 주세요."),
            _("월 지급 정정 %(n)s건이 다른 사람의 승인을 기다립니다."),
        ),
        *_decisions(
            BaseAddition,
            user,
            _("늦게 전해진 회선 %(n)s개를 살펴보고 올려 주세요."),
            _("늦게 전해진 회선 %(n)s개가 다른 사람의 확인을 기다립니다."),
        ),
    ]
    found += [
        Act(
            text=_("%(service)s 이용권 번호가 %(left)s개 남았고 %(waiting)s명이 기다립니다.")
            % {"service": stock.choice.name, "left": f"{stock.left:,}", "waiting": f"{stock.waiting:,}"},
            url=reverse("admin:rewards_voucher_upload"),
            late=True,
            mine=True,
        )
        for stock in codes.low_stocks()
    ]
    return found


def _decisions(model: type[Model], user: Any, to_propose: str, to_decide: str) -> list[Act]:
    page = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    rows = model._default_manager
    acts = []
    if number := rows.filter(state="FOUND").count():
        acts.append(Act(text=to_propose % {"n": f"{number:,}"}, url=f"{page}?state__exact=FOUND", mine=True))
    proposed = rows.filter(state="PROPOSED")
    if number := proposed.count():
        others = proposed.exclude(proposed_by=user).exclude(proposed_person=user.person_index).exists()
        acts.append(Act(text=to_decide % {"n": f"{number:,}"}, url=f"{page}?state__exact=PROPOSED", mine=others))
    return acts
