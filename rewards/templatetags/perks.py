"""`{% load perks %}`: the words of perks, and the texts that staff publish about them.

What the announcement left open is content, found by its label: partners of COFFEE stand under `coffee`, `coffee-2` …
(place PARTNER); the plan of TVING under `tving` (place PLAN); all about the insurance in place INSURER. Until a text
is in force, a page says "to be announced".
"""

from dataclasses import dataclass, replace
from typing import Any

from django import template
from django.utils.translation import gettext
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
    """A category of coupons, or a service, with what staff published about it."""

    name: Any
    entries: list[Entry]
    minimum_age: int | None = None


@register.simple_tag
def coupons(perk: Perk) -> list[EntryGroup]:
    """The categories of a membership perk, each with its partners of today; one query."""
    return _grouped([(code, CATEGORIES.get(code, code)) for code in perk.categories], content.current(Place.PARTNER))


@register.simple_tag
def plans(choices: tuple[Choice, ...]) -> list[EntryGroup]:
    """The services of a choice, each with what is known of its plan; one query."""
    ages = [choice.minimum_age for choice in choices]
    groups = _grouped([(choice.code, choice.name) for choice in choices], content.current(Place.PLAN))
    return [replace(group, minimum_age=age) for group, age in zip(groups, ages, strict=True)]


@register.simple_tag
def substitute_text() -> Entry | None:
    """What children get who are too young for every service; one query."""
    return next((entry for entry in content.current(Place.PLAN) if entry.key == SUBSTITUTE), None)


@register.simple_tag
def perk_entry(perk: Perk) -> Entry | None:
    """What staff published about a perk of a kind that no page knows by itself (place PLAN); one query."""
    label = _label(perk.code)
    return next((entry for entry in content.current(Place.PLAN) if entry.key == label), None)


@register.filter
def perk_name(code: str) -> str:
    """A perk's name in the language of the page; its code where neither the programme nor staff say more."""
    perk = next((perk for perk in programme.current().perks if perk.code == code), None)
    if perk is None:
        return code
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
    """What an insurance covers, in words."""
    return COVERS.get(code, code)


def _label(code: str) -> str:
    return code.lower().replace("_", "-")


def _grouped(names: list[tuple[str, Any]], entries: list[Entry]) -> list[EntryGroup]:
    groups = []
    for code, name in names:
        label = _label(code)
        groups.append(EntryGroup(name, [e for e in entries if e.key == label or e.key.startswith(f"{label}-")]))
    return groups
