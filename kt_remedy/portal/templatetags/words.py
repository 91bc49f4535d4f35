"""`{% load words %}`: what the public pages say of the programme."""

from django import template

from kt_remedy.core import programme
from kt_remedy.portal.programme_words import Words
from kt_remedy.portal.waiting import room

register = template.Library()


@register.simple_tag
def programme_words() -> Words:
    """The words of the current programme in the active language."""
    return Words(programme.current())


@register.simple_tag
def people_wait() -> bool:
    """True while people wait before the look-up. It asks the memory of the process alone."""
    return room.current() is not None
