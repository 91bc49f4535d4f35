"""`{% load perks %}`: names of perks, and the content entries that staff publish about them.

Content entries fill the gaps of the announcement. Their labels are `coffee`, `coffee-2` … for partners of COFFEE (place
PARTNER) and `tving` for the plan of TVING (place PLAN); place INSURER is about the insurance. Without a current entry a
page shows "to be announced".
"""

from dataclasses import dataclass, replace
from typing import Any

from django import template
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.content import service as content
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import programme
from kt_remedy.core.programme import Choice, Perk
from kt_remedy.core.templatetags.remedy import kmonths
from rewards.service import SUBSTITUTE

register = template.Library()

CATEGORIES = {"COFFEE": _("커피"), "FILM": _("영화"), "BAKERY": _("빵"), "ICE_CREAM": _("아이스크림")}
COVERS = {
    "PHISHING_HACKING": _("피싱과 해킹으로 잃은 돈"),
    "SHOPPING_FRAUD": _("인터넷 쇼핑몰 사기"),
    "SECOND_HAND_FRAUD": _("중고 거래 사기"),
}


@dataclass(frozen=True)
class EntryGroup:
    """A category of coupons or a service, with its content entries."""

    name: Any
    entries: list[Entry]
    minimum_age: int | None = None


@register.simple_tag
def coupons(perk: Perk) -> list[EntryGroup]:
    """The categories of a membership perk with their current partners; one query."""
    return _grouped([(code, CATEGORIES.get(code, code)) for code in perk.categories], content.current(Place.PARTNER))


@register.simple_tag
def plans(choices: tuple[Choice, ...]) -> list[EntryGroup]:
    """The services of a choice with the entries about their plans; one query."""
    ages = [choice.minimum_age for choice in choices]
    groups = _grouped([(choice.code, choice.name) for choice in choices], content.current(Place.PLAN))
    return [replace(group, minimum_age=age) for group, age in zip(groups, ages, strict=True)]


@register.simple_tag
def substitute_text() -> Entry | None:
    """The entry about the substitute for children who are too young for all services; one query."""
    return next((entry for entry in content.current(Place.PLAN) if entry.key == SUBSTITUTE), None)


@register.simple_tag
def perk_entry(perk: Perk) -> Entry | None:
    """The entry about a perk of a kind without a page of its own (place PLAN); one query."""
    label = _label(perk.code)
    return next((entry for entry in content.current(Place.PLAN) if entry.key == label), None)


@register.filter
def perk_name(code: str) -> str:
    """Name of a perk in the active language, or its code if neither the programme nor an entry gives a name."""
    perk = next((perk for perk in programme.current().perks if perk.code == code), None)
    if perk is None:
        return code
    if perk.name_ko and perk.name_en:
        return perk.name_ko if (get_language() or "ko").startswith("ko") else perk.name_en
    if perk.monthly_gb:
        return gettext("데이터 매월 %(gb)sGB") % {"gb": perk.monthly_gb}
    if perk.bonus_percent:
        return gettext("로밍 데이터 %(percent)s%% 더") % {"percent": perk.bonus_percent}
    if perk.choices:
        return gettext("영상 서비스 %(months)s개월") % {"months": perk.months}
    if perk.covers:
        return gettext("안심 보험 %(span)s") % {"span": kmonths(perk.months)}
    if perk.categories:
        return gettext("멤버십 할인")
    entry = perk_entry(perk)
    return entry.title if entry else code


@register.filter
def cover(code: str) -> Any:
    """Name of a risk that an insurance covers."""
    return COVERS.get(code, code)


def _label(code: str) -> str:
    return code.lower().replace("_", "-")


def _grouped(names: list[tuple[str, Any]], entries: list[Entry]) -> list[EntryGroup]:
    groups = []
    for code, name in names:
        label = _label(code)
        groups.append(EntryGroup(name, [e for e in entries if e.key == label or e.key.startswith(f"{label}-")]))
    return groups
